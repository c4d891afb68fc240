//! The command line's endings: one sentence, the right exit status, no trace of a panic.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use drawbridge_testkit::{Gateway, Options, Run, run};

use super::{binary, world};

fn drawbridge(directory: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(directory).env_remove("DRAWBRIDGE_ADMIN");
    run(&mut command, b"")
}

/// Starts a gateway that must not start; `more` goes into its config.
fn serve(data: &Path, more: &str) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let ports = if more.contains("listen:") { "" } else { "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n" };
    let config = format!("{ports}data: {}\n{more}", data.display());
    fs::write(directory.path().join("c.yaml"), config).unwrap();
    drawbridge(directory.path(), &["serve", "--config", "c.yaml"])
}

/// Ended with this status and one sentence that has these words.
#[track_caller]
fn ends(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{run}");
    for word in words {
        assert!(run.stderr.contains(word), "no {word:?} in {run}");
    }
    // The gateway's own log has its lines beside it.
    let said: Vec<&str> = run.stderr.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(said.len(), 1, "{run}");
    assert!(said[0].starts_with("error: "), "{run}");
    for trace in ["panicked", "RUST_BACKTRACE", "stack backtrace", "Os {", "Error {"] {
        assert!(!run.stderr.contains(trace), "{run}");
    }
}

#[test]
fn what_clap_does_not_know_is_status_2_and_says_how_it_is_used() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["serve", "--confg", "x"][..],
        &["aply"],
        &[],
        &["get"],
        &["suspend"],
        &["suspend", "agent"],
        &["suspend", "robot", "x"],
        &["apply"],
        &["log", "--since", "yesterday"],
        &["log", "--last", "-1"],
        &["grant", "x"],
        &["get", "agents", "-o", "xml"],
    ] {
        let run = drawbridge(directory.path(), arguments);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("Usage:") || run.stderr.contains("--help"), "{run}");
        assert!(run.stdout.is_empty() && !run.stderr.contains("panicked"), "{run}");
    }
    assert_eq!(drawbridge(directory.path(), &["--help"]).ok().stderr, "");
    assert!(drawbridge(directory.path(), &["--version"]).ok().stdout.starts_with("drawbridge "));
}

#[test]
fn without_a_server_every_command_says_which_it_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["get", "agents"][..], &["log"], &["suspend", "agent", "a"], &["delete", "agent", "a"]]
    {
        ends(&drawbridge(directory.path(), arguments), 1, &["no server is known", "drawbridge serve"]);
    }
    let missing = drawbridge(directory.path(), &["--admin", "nope.json", "get", "agents"]);
    ends(&missing, 1, &["nope.json", "can't be read", "No such file"]);
    fs::write(directory.path().join("odd.json"), "[]").unwrap();
    ends(
        &drawbridge(directory.path(), &["--admin", "odd.json", "log"]),
        1,
        &["odd.json is not an admin.json"],
    );
}

/// The shared gateway's admin.json with something else in it.
fn admin_file(directory: &Path, change: impl Fn(&mut serde_json::Value)) {
    let text = fs::read(world().gateway().data().join("admin.json")).unwrap();
    let mut file = serde_json::from_slice(&text).unwrap();
    change(&mut file);
    fs::write(directory.join("admin.json"), file.to_string()).unwrap();
}

#[test]
fn an_admin_server_that_is_not_there_or_not_ours_or_does_not_know_us_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let get = || drawbridge(directory.path(), &["--admin", "admin.json", "get", "agents"]);
    admin_file(directory.path(), |file| file["server"] = "https://127.0.0.1:1".into());
    ends(&get(), 1, &["127.0.0.1:1", "efused"]);
    admin_file(directory.path(), |file| file["token"] = "wrong".into());
    ends(&get(), 3, &["the admin credential is missing or not this gateway's", "admin.json"]);
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap().cert.pem();
    admin_file(directory.path(), |file| file["ca"] = other.clone().into());
    ends(&get(), 1, &["certificate"]);
    // Something that takes the connection and closes it.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    admin_file(directory.path(), |file| file["server"] = format!("https://{address}").into());
    ends(&get(), 1, &[&address.to_string()]);
}

#[test]
fn what_is_unknown_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let gateway = world().gateway();
    for (arguments, code, words) in [
        (&["suspend", "agent", "nobody"][..], 1, "agent \"nobody\""),
        (&["suspend", "grant", "nothing"], 1, "grant \"nothing\""),
        (&["revoke", "key", "SHA256:x"], 1, "SHA256:x"),
        (&["delete", "agent", "nobody"], 1, "\"nobody\""),
        (&["get", "agent", "nobody"], 1, "nobody"),
        (&["get", "robots"], 2, "robots"),
        (&["grant", "nobody", "--scope", "nothing", "--cluster", "nowhere"], 3, "nobody"),
    ] {
        let run = gateway.cli(arguments);
        assert_eq!(run.code, Some(code), "{run}");
        assert!(run.stderr.contains(words), "no {words:?} in {run}");
        assert!(!run.stderr.contains("panicked") && run.stdout.is_empty(), "{run}");
    }
    let key = directory.path().join("k").display().to_string();
    let run = gateway.cli(&["kubeconfig", "nobody", "--cluster", "nowhere", "--key", &key]);
    assert_ne!(run.code, Some(0), "{run}");
    assert!(
        run.stderr.contains("nobody") || run.stderr.contains("nowhere") || run.stderr.contains(&key),
        "{run}"
    );
}

#[test]
fn a_port_in_use_is_named_with_the_field_that_sets_it() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = taken.local_addr().unwrap();
    let data = directory.path().join("data");
    let run = serve(&data, &format!("listen: {taken}\nadmin: 127.0.0.1:0\n"));
    ends(&run, 1, &[&taken.to_string(), "another process has this port", "set listen"]);
    let run = serve(&data, &format!("listen: 127.0.0.1:0\nadmin: {taken}\n"));
    ends(&run, 1, &[&taken.to_string(), "set admin"]);
    let run = serve(&data, "listen: 192.0.2.1:8443\nadmin: 127.0.0.1:0\n");
    ends(&run, 1, &["192.0.2.1:8443", "set listen"]);
}

#[test]
fn a_second_gateway_on_the_same_data_is_refused_and_the_first_goes_on() {
    let world = world();
    let gateway = world.own_gateway(Options::default());
    let before = fs::read(gateway.data().join("admin.json")).unwrap();
    ends(&serve(gateway.data(), ""), 1, &["is in use", "stop the other process", "drawbridge.db"]);
    assert_eq!(
        fs::read(gateway.data().join("admin.json")).unwrap(),
        before,
        "the first one's credential stays"
    );
    gateway.cli(&["get", "clusters"]).ok();
}

#[test]
fn a_damaged_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut gateway = Gateway::start(binary(), Options { data: Some(data.clone()), ..Options::default() });
    gateway.terminate();
    let database = data.join("drawbridge.db");
    let whole = fs::read(&database).unwrap();
    let mut damaged = whole.clone();
    damaged[4096..8192].fill(0xa5);
    let cases = [
        ("garbage", b"this is no database, whatever its name says".repeat(500)),
        ("a stump", whole[..100].to_vec()),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("a damaged page", damaged),
    ];
    for (what, bytes) in cases {
        fs::write(&database, &bytes).unwrap();
        let run = serve(&data, "");
        ends(&run, 1, &["drawbridge.db is damaged or isn't a Drawbridge database", "restore a backup"]);
        assert!(fs::read(&database).unwrap() == bytes, "{what} was changed");
    }
    fs::write(&database, &whole).unwrap();
    drop(Gateway::start(binary(), Options { data: Some(data), ..Options::default() }));
}

#[test]
fn a_database_of_a_later_release_is_refused_and_says_which_release_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut gateway = Gateway::start(binary(), Options { data: Some(data.clone()), ..Options::default() });
    gateway.terminate();
    let later = Command::new("sqlite3")
        .arg(data.join("drawbridge.db"))
        .arg("update drawbridge_schema set version = 99; pragma wal_checkpoint(truncate);")
        .output()
        .expect("this test needs sqlite3");
    assert!(later.status.success(), "{}", String::from_utf8_lossy(&later.stderr));
    ends(&serve(&data, ""), 1, &["has schema 99", "start the release that wrote it"]);
}

#[test]
fn a_data_directory_that_cannot_be_made_or_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    ends(&serve(&file.join("data"), ""), 1, &["the data directory", "file/data", "can't be made"]);
    ends(&serve(&file, ""), 1, &[&file.display().to_string()]);
    // Where even root can't write.
    ends(&serve(Path::new("/proc/self/data"), ""), 1, &["/proc/self/data"]);
    ends(&serve(Path::new("/sys/kernel"), ""), 1, &["/sys/kernel"]);
}

#[test]
fn serving_certificates_that_are_missing_or_wrong_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (certificate, key) = (directory.path().join("a.crt"), directory.path().join("a.key"));
    let tls = format!("tls: {{certFile: {}, keyFile: {}}}\n", certificate.display(), key.display());
    ends(&serve(&data, &tls), 1, &["a.crt can't be read", "No such file"]);
    fs::write(&certificate, "no certificate").unwrap();
    fs::write(&key, "no key").unwrap();
    ends(&serve(&data, &tls), 1, &["a.crt has no certificate"]);
    let one = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    fs::write(&certificate, one.cert.pem()).unwrap();
    ends(&serve(&data, &tls), 1, &["a.key can't be used"]);
    let other = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    fs::write(&key, other.signing_key.serialize_pem()).unwrap();
    ends(&serve(&data, &tls), 1, &["a.crt", "a.key", "can't be served"]);
}

#[test]
fn credential_files_that_are_missing_or_wrong_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let credential = || drawbridge(directory.path(), &["credential", "--from", "key", "--key", "k"]);
    ends(&credential(), 1, &["k", "No such file"]);
    fs::write(directory.path().join("k"), "no key").unwrap();
    ends(&credential(), 1, &["k"]);
    assert!(!credential().stderr.contains("no key\n"), "the file's content is no message");
}
