//! What a config says, and what is said about one that is wrong.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Config, String> {
    Config::parse("config.yaml", text, Path::new("etc")).map_err(|problems| problems.to_string())
}

#[test]
fn without_a_word_everything_has_its_default() {
    let config = read("# nothing yet\n").unwrap();
    assert_eq!(config, Config { data: "etc/drawbridge-data".into(), ..Config::default() });
    let bound = "127.0.0.1:8443".parse().unwrap();
    assert_eq!(config.public_url(bound).as_str(), "https://127.0.0.1:8443");
}

#[test]
fn what_is_said_is_taken_and_paths_start_at_the_file() {
    let config = read(
        "listen: '[::]:9000'\nadmin: 10.0.0.5:9001\nurl: https://gate.example\ndomain: in.gate.example\ndata: state\n\
         tls: {certFile: a.crt, keyFile: /keys/a.key}\nlimits: {head: 500s, headers: 50, bodyMemory: 8Mi}\n",
    )
    .unwrap();
    assert_eq!(config.listen.port(), 9000);
    assert_eq!(config.admin, "10.0.0.5:9001".parse().unwrap());
    assert_eq!(config.public_url(config.listen).as_str(), "https://gate.example");
    assert_eq!(config.domain.as_ref().unwrap().as_str(), "in.gate.example");
    assert_eq!(config.data, Path::new("etc/state"));
    let tls = config.tls.unwrap();
    assert_eq!(
        (tls.cert_file.as_path(), tls.key_file.as_path()),
        (Path::new("etc/a.crt"), Path::new("/keys/a.key"))
    );
    assert_eq!(config.limits.head, Duration::from_secs(500));
    assert_eq!((config.limits.headers, config.limits.body_memory), (50, 8 << 20));
    assert_eq!(config.limits.requests, Limits::default().requests);
}

#[test]
fn five_mistakes_are_five_lines_each_with_its_place_and_what_would_be_right() {
    let problems = read(
        "\
lisen: 127.0.0.1:8443
admin: localhost:8444
url: http://gate.example/x
tls:
  certFile: a.crt
limits:
  head: 10
  headers: 100000
  drain: 5s
  bodyMemory: 64KB
  keepAlive:
record: ./record
",
    )
    .unwrap_err();
    let expected = [
        "config.yaml:1:1: unknown field \"lisen\"; did you mean \"listen\"?",
        "config.yaml:2:8: admin: expected an IP address and a port such as 127.0.0.1:8443 or \
         [::1]:8443, found \"localhost:8444\"",
        "config.yaml:3:6: url: expected https://HOST or https://HOST:PORT in lower case and \
         without a path, found \"http://gate.example/x\"",
        "config.yaml:5:3: tls.keyFile: is missing; it holds the path of the certificate's private \
         key in PEM",
        "config.yaml:7:9: limits.head: expected a time with its unit (ms, s, m or h), 1s to 1h, \
         found the number 10",
        "config.yaml:8:12: limits.headers: expected a whole number, 16 to 1000, found the number \
         100000",
        "config.yaml:10:15: limits.bodyMemory: expected a size (bytes, or with Ki, Mi or Gi), 4Mi \
         to 64Gi, found the text \"64KB\"",
        "config.yaml:11:12: limits.keepAlive: has no value; write a time with its unit (ms, s, m \
         or h), 1s to 10m, or leave the field out",
        "config.yaml:12:1: \"record\" is not built yet: where the record is copied to and how long it is \
         kept; refused so that nothing is promised that isn't enforced",
    ]
    .join("\n");
    assert_eq!(problems, expected);
}

#[test]
fn fields_that_clash_are_told_at_their_place() {
    assert_eq!(
        read("listen: 127.0.0.1:8444\n").unwrap_err(),
        "config.yaml:1:1: listen and admin are both 127.0.0.1:8444; give one of them another port"
    );
    assert_eq!(
        read("admin: 127.0.0.1:8444\nlisten: 0.0.0.0:8443\n").unwrap_err(),
        "config.yaml:2:1: url is missing; 0.0.0.0 is every address of the machine, so say which one agents \
         use, such as https://drawbridge.example.com:8443"
    );
    assert_eq!(
        read("url: https://in.gate.example\ndomain: gate.example\n").unwrap_err(),
        "config.yaml:2:1: domain: in.gate.example, the host of url, would be a cluster's name under it; take a \
         domain that url isn't under, such as clusters.gate.example"
    );
    assert!(read("url: https://gate.example\ndomain: gate.example\n").is_ok());
    assert_eq!(
        read("domain: localhost\n").unwrap_err(),
        "config.yaml:1:9: domain: expected at least two labels, such as clusters.example.com; certificates \
         don't count for *.NAME; found \"localhost\""
    );
    assert_eq!(read("listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n").map(|_| ()), Ok(()));
}

#[test]
fn a_config_is_one_map() {
    assert_eq!(read("- a\n").unwrap_err(), "config.yaml:1:1: expected a map, found a list");
    assert_eq!(
        read("data: a\n---\ndata: b\n").unwrap_err(),
        "config.yaml:3:1: a config is one YAML document; leave the second one out"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.yaml");
    let error = Config::read(&missing).unwrap_err();
    assert_eq!(error.to_string(), format!("the config {} can't be read", missing.display()));
    let file = directory.path().join("latin.yaml");
    std::fs::write(&file, b"data: caf\xe9\n").unwrap();
    let error = Config::read(&file).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: not UTF-8 text; save it as UTF-8", file.display()));
    std::fs::write(&file, "data: state\n").unwrap();
    assert_eq!(Config::read(&file).unwrap().data, directory.path().join("state"));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "(listen|admin|url|domain|tls|limits|head|data|[ \n:{}\\[\\]\"'&*!|>-]|\\PC){0,60}",
    ) {
        let read = read(&text);
        prop_assert!(read.is_ok() || !read.unwrap_err().is_empty());
    }
}
