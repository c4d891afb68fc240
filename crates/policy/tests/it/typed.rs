//! Masked objects against client-go's own types: the Go program in `types/`.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use drawbridge_policy::Mask;
use serde_json::Value;

use super::oracle::{self, Sources};

const TYPES: Sources = Sources {
    name: "types",
    files: [
        ("go.mod", include_str!("../types/go.mod")),
        ("go.sum", include_str!("../types/go.sum")),
        ("main.go", include_str!("../types/main.go")),
    ],
};

/// Where the fields' values start.
const SEED: &str = "37";

#[test]
fn every_type_of_client_go_takes_an_object_of_its_kind_with_everything_masked() {
    let filled = run(&["fill", SEED], "");
    let mut objects: Vec<Value> =
        lines(&filled).map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(objects.len() > 100, "only {} kinds", objects.len());
    for object in &mut objects {
        let before = texts(object);
        everything(object).hide(object);
        let kept = ["kind", "apiVersion"].iter().filter_map(|key| object[key].as_str());
        let named = ["name", "namespace", "uid", "resourceVersion"].iter();
        let named = named.filter_map(|key| object["metadata"][key].as_str());
        let kept: BTreeSet<String> = kept.chain(named).map(str::to_owned).collect();
        let left: Vec<String> =
            texts(object).intersection(&before).filter(|text| !kept.contains(*text)).cloned().collect();
        assert!(left.iter().all(|text| text.len() < 3), "{} of {} is left", left.join(", "), object["kind"]);
    }
    let masked: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let said = run(&["read"], &masked);
    assert_eq!(lines(&said).count(), objects.len());
    for (object, said) in objects.iter().zip(lines(&said)) {
        assert!(said.is_empty(), "{} {}: {said}\n{object}", object["apiVersion"], object["kind"]);
    }
}

/// A mask of all that a mask can hide of an object.
fn everything(object: &Value) -> Mask {
    let keys = |value: &Value| {
        value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    let top = keys(object).into_iter().map(|key| format!("[\"{key}\"]"));
    let metadata = keys(&object["metadata"]).into_iter().map(|key| format!("metadata.{key}"));
    let able = |path: &String| Mask::parse(std::slice::from_ref(path)).is_ok();
    let paths: Vec<String> = top.chain(metadata).filter(able).collect();
    Mask::parse(&paths).expect("a mask")
}

fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => BTreeSet::new(),
        Value::String(text) => BTreeSet::from([text.clone()]),
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(map) => map.values().flat_map(texts).collect(),
    }
}

/// The lines, empty ones too.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_terminator('\n')
}

fn run(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(oracle::program(&TYPES));
    let mut started =
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut pipe = started.stdin.take().expect("piped");
    let output = thread::scope(|threads| {
        threads.spawn(move || pipe.write_all(input.as_bytes()).expect("it reads"));
        started.wait_with_output().expect("it ends")
    });
    assert!(output.status.success(), "{arguments:?} failed");
    String::from_utf8(output.stdout).expect("UTF-8")
}
