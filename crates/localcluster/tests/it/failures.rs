//! What stands between a machine and a cluster, and what is said about it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use drawbridge_localcluster::{Binaries, Error, LocalCluster, Options, Program, Search};
use tempfile::TempDir;

use crate::support::say;

/// A folder of programs that do what `script` says.
pub(crate) fn programs(names: &[&str], script: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in names {
        // Another process writes it: a test that forks at the same moment would otherwise hold the file open
        // for writing, and such a file can't be run.
        let mut install = Command::new("install")
            .args(["-m", "755", "/dev/stdin"])
            .arg(folder.path().join(name))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        install.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
        assert!(install.wait().unwrap().success());
    }
    folder
}

/// All programs are there but `missing`, which a release server has or not. There is no Go, so that nothing
/// is built.
struct Machine {
    assets: TempDir,
    cache: TempDir,
    tools: TempDir,
}

impl Machine {
    fn without(missing: &[Program]) -> Self {
        let present = Program::ALL.into_iter().filter(|one| !missing.contains(one));
        let present: Vec<&str> = present.map(Program::name).collect();
        let tools = TempDir::new().unwrap();
        std::os::unix::fs::symlink("/bin/tar", tools.path().join("tar")).unwrap();
        Self { assets: programs(&present, "exit 0"), cache: TempDir::new().unwrap(), tools }
    }

    fn search(&self, release_url: &str) -> (Result<Binaries, Error>, Vec<String>) {
        let search = Search {
            assets: Some(self.assets.path().to_owned()),
            path: vec![self.tools.path().to_owned()],
            cache: self.cache.path().to_owned(),
            release_url: Some(release_url.to_owned()),
        };
        let mut lines = Vec::new();
        let found = Binaries::search(&search, &mut |line| lines.push(line.to_owned()));
        (found, lines)
    }
}

/// Serves files by their path, each request on a connection of its own. Everything else is not found.
fn serve(files: Vec<(String, Vec<u8>)>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::Builder::new()
        .spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                    request.push(byte[0]);
                }
                let request = String::from_utf8(request).unwrap();
                let path = request.split(' ').nth(1).unwrap();
                let found = files.iter().find(|(name, _)| name == path);
                let (status, body) =
                    found.map_or(("404 Not Found", Vec::new()), |(_, body)| ("200 OK", body.clone()));
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&body).unwrap();
            }
        })
        .unwrap();
    url
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

fn kubectl_release(checksum: &str) -> Vec<(String, Vec<u8>)> {
    let path = format!("/release/v1.37.2/bin/linux/{}/kubectl", arch());
    vec![(path.clone(), b"the published kubectl".to_vec()), (format!("{path}.sha512"), checksum.into())]
}

#[test]
fn a_release_with_the_right_checksum_is_taken_and_kept() {
    let machine = Machine::without(&[Program::Kubectl]);
    let checksum = hex(digest(&SHA512, b"the published kubectl").as_ref());
    let (found, lines) = machine.search(&serve(kubectl_release(&checksum)));
    let kubectl = found.unwrap().path(Program::Kubectl).to_owned();
    assert_eq!(fs::read(&kubectl).unwrap(), b"the published kubectl");
    assert!(kubectl.starts_with(machine.cache.path()), "{kubectl:?}");
    assert_eq!(lines.len(), 1, "{lines:?}");
    // The next search finds it in the cache without asking anyone.
    let (again, lines) = machine.search("http://127.0.0.1:1");
    assert_eq!(again.unwrap().path(Program::Kubectl), kubectl);
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn a_release_with_a_wrong_checksum_is_refused_and_not_kept() {
    let machine = Machine::without(&[Program::Kubectl]);
    let (found, lines) = machine.search(&serve(kubectl_release(&"0".repeat(128))));
    assert!(matches!(found, Err(Error::NoGo { program: "kubectl" })), "{found:?}");
    assert!(lines.iter().any(|line| line.contains("kubectl") && line.contains("checksum")), "{lines:?}");
    let (again, _) = machine.search("http://127.0.0.1:1");
    assert!(again.is_err(), "nothing may have been kept");
}

#[test]
fn a_release_that_is_not_found_leads_to_the_next_way() {
    let machine = Machine::without(&[Program::Kubectl]);
    let (found, lines) = machine.search(&serve(Vec::new()));
    let error = found.unwrap_err();
    assert!(error.to_string().contains("install Go 1.26"), "{error}");
    assert!(lines.iter().any(|line| line.contains("404")), "{lines:?}");
}

#[test]
fn a_host_that_is_not_reached_is_asked_once() {
    let machine = Machine::without(&[Program::Kubectl, Program::Etcd, Program::KubeScheduler]);
    let (found, lines) = machine.search("http://127.0.0.1:1");
    assert!(found.is_err());
    assert_eq!(lines.len(), 2, "one attempt and its failure: {lines:?}");
    assert!(lines[1].starts_with("no downloads: "), "{lines:?}");
}

#[test]
fn a_release_in_an_archive_is_unpacked() {
    let machine = Machine::without(&[Program::Etcd]);
    let work = TempDir::new().unwrap();
    let stem = format!("etcd-v3.7.3-linux-{}", arch());
    fs::create_dir(work.path().join(&stem)).unwrap();
    fs::write(work.path().join(&stem).join("etcd"), "the published etcd").unwrap();
    let archive = work.path().join("archive.tar.gz");
    let status =
        Command::new("tar").arg("-C").arg(work.path()).arg("-czf").arg(&archive).arg(&stem).status().unwrap();
    assert!(status.success());
    let archive = fs::read(archive).unwrap();
    let base = "/etcd-io/etcd/releases/download/v3.7.3";
    let sums =
        format!("{}  other\n{}  {stem}.tar.gz\n", "1".repeat(64), hex(digest(&SHA256, &archive).as_ref()));
    let url =
        serve(vec![(format!("{base}/{stem}.tar.gz"), archive), (format!("{base}/SHA256SUMS"), sums.into())]);
    let (found, lines) = machine.search(&url);
    let etcd = found.unwrap_or_else(|error| panic!("{error}: {lines:?}")).path(Program::Etcd).to_owned();
    assert_eq!(fs::read(etcd).unwrap(), b"the published etcd");
}

#[test]
fn a_program_of_another_version_on_the_path_is_not_taken() {
    let machine = Machine::without(&[Program::Kubectl]);
    let old = programs(&["kubectl"], "echo 'Client Version: v1.32.4'");
    let new = programs(&["kubectl"], "echo 'Client Version: v1.37.2'; echo 'Kustomize Version: v5.8.1'");
    let search = |path: Vec<PathBuf>| {
        let search = Search {
            assets: Some(machine.assets.path().to_owned()),
            path,
            cache: machine.cache.path().to_owned(),
            release_url: Some("http://127.0.0.1:1".to_owned()),
        };
        Binaries::search(&search, &mut |_| {})
    };
    assert!(search(vec![old.path().to_owned()]).is_err());
    let found = search(vec![old.path().to_owned(), new.path().to_owned()]).unwrap();
    assert_eq!(found.path(Program::Kubectl), new.path().join("kubectl"));
}

#[test]
fn two_at_a_time_build_once() {
    let machine = Machine::without(&[Program::Node]);
    let search = Search {
        assets: Some(machine.assets.path().to_owned()),
        cache: machine.cache.path().to_owned(),
        ..Search::from_env().unwrap()
    };
    let built: Vec<bool> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut lines = Vec::new();
                    let found = Binaries::search(&search, &mut |line| lines.push(line.to_owned()));
                    let node = found.unwrap().path(Program::Node).to_owned();
                    assert!(node.starts_with(machine.cache.path()));
                    lines.iter().any(|line| line.starts_with("building drawbridge-node (1 of 1)"))
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(built.iter().filter(|built| **built).count(), 1, "{built:?}");
}

#[test]
fn a_build_that_fails_quotes_the_compiler() {
    let machine = Machine::without(&[Program::Node]);
    let go = programs(&["go"], "echo 'go: go.mod requires go >= 1.26.0 (running go 1.22.1)' >&2; exit 1");
    let search = Search {
        assets: Some(machine.assets.path().to_owned()),
        path: vec![go.path().to_owned()],
        cache: machine.cache.path().to_owned(),
        release_url: Some("http://127.0.0.1:1".to_owned()),
    };
    let error = Binaries::search(&search, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("requires go >= 1.26.0"), "{error}");
}

/// The real node program, and an etcd that does what `script` says.
fn with_etcd(script: &str) -> (TempDir, Binaries) {
    let assets = programs(&["etcd"], script);
    let search = Search { assets: Some(assets.path().to_owned()), ..Search::from_env().unwrap() };
    let binaries = Binaries::search(&search, &mut say).unwrap();
    (assets, binaries)
}

#[test]
fn a_part_that_ends_is_named_with_the_end_of_its_log() {
    let (_assets, binaries) = with_etcd("echo first; echo the disk is broken >&2; exit 3");
    let folder = TempDir::new().unwrap();
    let options = Options { directory: Some(folder.path().join("new")), ..Options::default() };
    let error = LocalCluster::start(&binaries, options, &mut |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("etcd ended with exit status: 3"), "{error}");
    assert!(error.contains("the disk is broken"), "{error}");
    assert!(error.contains("etcd.log"), "{error}");
}

#[test]
fn a_port_that_was_taken_is_replaced_by_another() {
    // Fails as etcd does when its port is taken, twice, then in its own way.
    let (_assets, binaries) = with_etcd(
        "echo x >> attempts\n\
         test $(wc -l < attempts) -gt 2 && { echo \"$@\"; exit 4; }\n\
         echo 'listen tcp 127.0.0.1:1: bind: address already in use'; exit 1",
    );
    let folder = TempDir::new().unwrap();
    let options = Options { directory: Some(folder.path().to_owned()), ..Options::default() };
    let error = LocalCluster::start(&binaries, options, &mut |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("etcd ended with exit status: 4"), "{error}");
    assert_eq!(fs::read(folder.path().join("attempts")).unwrap().len(), 6);
}

#[test]
fn a_folder_with_a_cluster_in_it_is_left_alone() {
    let (_assets, binaries) = with_etcd("exit 5");
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("etcd")).unwrap();
    let options = Options { directory: Some(folder.path().to_owned()), ..Options::default() };
    let error = LocalCluster::start(&binaries, options, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::NotNew { .. }), "{error}");
    assert_eq!(entries(folder.path()), ["etcd"]);
}

fn entries(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
