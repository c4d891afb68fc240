//! The committed corpus: request lines with what the API server's `RequestInfo` makes of them. Reading it
//! needs no Go; that it is what the generator and the oracle make does (`equality.rs`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::classes::CLASSES;
use super::judge::{judge, parse};
use super::lines::{Kind, Made, Maker};
use super::oracle::Answer;
use super::random::Random;

pub(crate) const COMMITTED: &str = include_str!("../corpus/requests.tsv");
const PAGE: &str = include_str!("../../../../docs/reference/refused-lines.md");
const ACCEPTED: &str = include_str!("../corpus/accepted.txt");
const REFUSED: &str = include_str!("../corpus/refused.txt");

/// How many lines it has at least, and how many of them plain.
const LINES: usize = 5_000;
const PLAIN: usize = 3_000;

/// Any seed does; this one is kept so that the corpus stays as it is.
const SEED: u64 = 1;

/// The columns of an answer, in the order in which they stand.
const COLUMNS: [&str; 13] = [
    "isResourceRequest",
    "path",
    "verb",
    "apiPrefix",
    "apiGroup",
    "apiVersion",
    "namespace",
    "resource",
    "subresource",
    "name",
    "parts",
    "fieldSelector",
    "labelSelector",
];

const HEAD: &str = "\
# Request lines, and what the RequestInfo of k8s.io/apiserver v0.37.2 makes of them; CONTRIBUTING.md says how they are
# made. Three columns: `plain`, `odd` (accepted all the same) or the class for which the line is refused; the line; the
# answer: isResourceRequest path verb apiPrefix apiGroup apiVersion namespace resource subresource name parts
# fieldSelector labelSelector, and whether the query decodes as ListOptions; `!` where the API server doesn't read the
# line. `\\xNN` is a byte, `\\NxNN*COUNT;` so many of it.
";

/// A line of the corpus.
pub(crate) struct Row {
    /// `plain`, `odd`, or a class.
    pub(crate) class: String,
    pub(crate) line: Vec<u8>,
    pub(crate) answer: Answer,
}

impl Row {
    fn is_accepted(&self) -> bool {
        self.class == "plain" || self.class == "odd"
    }
}

/// The rows of a corpus.
pub(crate) fn rows(corpus: &str) -> Vec<Row> {
    corpus.lines().filter(|line| !line.starts_with('#')).map(read).collect()
}

fn read(row: &str) -> Row {
    let columns: Vec<&str> = row.split('\t').collect();
    let [class, line, answer] = columns[..] else { panic!("{row} has not three columns") };
    Row { class: class.to_owned(), line: plain_bytes(line), answer: read_answer(&plain_bytes(answer)) }
}

fn read_answer(text: &[u8]) -> Answer {
    if text == b"!" {
        return Answer { info: None, undecoded: false };
    }
    let columns: Vec<Value> = serde_json::from_slice(text).expect("a JSON array");
    assert_eq!(columns.len(), COLUMNS.len() + 1, "columns of {columns:?}");
    let undecoded = columns[COLUMNS.len()] == 0;
    let fields: Map<String, Value> = COLUMNS.iter().map(|&name| name.to_owned()).zip(columns).collect();
    Answer { info: Some(Value::Object(fields)), undecoded }
}

fn write_answer(answer: &Answer) -> String {
    let Some(info) = &answer.info else { return "!".to_owned() };
    let mut columns: Vec<Value> = COLUMNS.iter().map(|name| info[name].clone()).collect();
    columns.push(json!(u8::from(!answer.undecoded)));
    Value::Array(columns).to_string()
}

/// Runs of one byte that are longer than this are written with their length.
const RUN: usize = 24;

/// Bytes as text without tabs, line ends and anything but ASCII.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in bytes.chunk_by(|one, next| one == next) {
        let byte = run[0];
        if run.len() > RUN {
            write!(text, "\\Nx{byte:02x}*{};", run.len()).expect("a String takes it");
        } else if byte == b'\\' || !(0x20..0x7f).contains(&byte) {
            text += &format!("\\x{byte:02x}").repeat(run.len());
        } else {
            text.extend(run.iter().map(|&byte| char::from(byte)));
        }
    }
    text
}

fn plain_bytes(text: &str) -> Vec<u8> {
    let byte = |digits: &str| u8::from_str_radix(digits, 16).expect("two digits");
    let mut pieces = text.split('\\');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        if let Some((digits, rest)) = piece.strip_prefix('x').and_then(|piece| piece.split_at_checked(2)) {
            bytes.push(byte(digits));
            bytes.extend(rest.bytes());
        } else {
            let run = piece.strip_prefix("Nx").and_then(|piece| piece.split_once(';'));
            let (run, rest) = run.expect("a run, with its end");
            let (digits, count) = run.split_once('*').expect("a run's byte and length");
            bytes.extend(std::iter::repeat_n(byte(digits), count.parse().expect("a number")));
            bytes.extend(rest.bytes());
        }
    }
    bytes
}

/// The lines of the corpus, without answers: every resource with every verb, the lines that were written
/// by hand, and some at random.
pub(crate) fn lines() -> Vec<Made> {
    let maker = Maker::new();
    let mut random = Random::new(SEED);
    let mut lines = maker.every();
    lines.extend((0..2_000).map(|_| maker.plain(&mut random)));
    let by_hand = hand_written(ACCEPTED).chain(refused().map(|(_, line)| line)).chain(overlong());
    lines.extend(by_hand.map(|line| Made { kind: Kind::Any, line }));
    lines.extend((0..2_000).map(|_| maker.hostile(&mut random)));
    let mut seen = std::collections::HashSet::new();
    lines.retain(|made| !made.line.is_empty() && seen.insert(made.line.clone()));
    lines
}

fn hand_written(text: &'static str) -> impl Iterator<Item = Vec<u8>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(plain_bytes)
}

/// The classes and lines of refused.txt. What has a line feed in it is no line here.
fn refused() -> impl Iterator<Item = (String, Vec<u8>)> {
    hand_written(REFUSED).filter(|line| !line.contains(&b'\n')).map(|line| {
        let space = line.iter().position(|&byte| byte == b' ').expect("a class");
        (String::from_utf8_lossy(&line[..space]).into_owned(), line[space + 1..].to_vec())
    })
}

/// Lines at both sides of each bound, and far beyond.
fn overlong() -> impl Iterator<Item = Vec<u8>> {
    let object = "GET /api/v1/namespaces/a/pods/";
    let selected = "GET /api/v1/pods?labelSelector=";
    let runs = [
        (object, 4_096 - 26, ""),
        (object, 4_097 - 26, ""),
        (object, 4_096 - 26, "?watch=0"),
        (object, 60_000, ""),
        (selected, 8_192 - 14, ""),
        (selected, 8_193 - 14, ""),
        (selected, 60_000, ""),
        (selected, 63, "%3Dv"),
        (selected, 64, "%3Dv"),
        (selected, 253, "%2Fb%3Dv"),
        (selected, 254, "%2Fb%3Dv"),
        ("GET /api/v1/pods?labelSelector=a%3D", 63, ""),
        ("GET /api/v1/pods?labelSelector=a%3D", 64, ""),
        ("GET /api/v1/pods?fieldSelector=metadata.name%3D", 300, ""),
        ("GET /api/v1/pods?continue=", 8_000, "&limit=5"),
    ];
    let runs = runs.into_iter().map(|(start, count, end)| format!("{start}{}{end}", "b".repeat(count)));
    let deep = format!("GET /api/v1{}", "/a".repeat(1_000));
    let wide = format!("GET /api/v1/pods?{}", "a&".repeat(3_000));
    runs.chain([deep, wide]).map(String::into_bytes)
}

/// The corpus as it is committed.
pub(crate) fn write(lines: &[Made], answers: &[Answer]) -> String {
    let mut text = HEAD.to_owned();
    for (made, answer) in lines.iter().zip(answers) {
        let class = match (parse(&made.line), made.kind) {
            (Err(refused), Kind::Plain) => panic!("{}: {refused}", made.line.escape_ascii()),
            (Err(refused), Kind::Any) => refused.reason(),
            (Ok(_), Kind::Plain) => "plain",
            (Ok(_), Kind::Any) => "odd",
        };
        let (line, answer) = (escaped(&made.line), escaped(write_answer(answer).as_bytes()));
        writeln!(text, "{class}\t{line}\t{answer}").expect("a String takes it");
    }
    text
}

#[test]
fn every_line_of_the_corpus_is_read_as_the_api_server_reads_it_or_refused_for_its_class() {
    let rows = rows(COMMITTED);
    let mut plain = 0;
    for row in &rows {
        let kind = if row.class == "plain" { Kind::Plain } else { Kind::Any };
        plain += usize::from(kind == Kind::Plain);
        judge(&row.line, kind, &row.answer).unwrap_or_else(|wrong| panic!("{wrong}"));
        match parse(&row.line) {
            Ok(_) => assert!(row.is_accepted(), "{}", row.line.escape_ascii()),
            Err(refused) => assert_eq!(refused.reason(), row.class, "{}", row.line.escape_ascii()),
        }
    }
    assert!(rows.len() >= LINES, "only {} lines", rows.len());
    assert!(plain >= PLAIN, "only {plain} plain lines");
}

#[test]
fn every_class_has_lines_and_no_other_class_has_any() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(COMMITTED).into_iter().filter(|row| !row.is_accepted()) {
        *found.entry(row.class).or_default() += 1;
    }
    let mut listed: Vec<&str> = CLASSES.iter().map(|class| class.reason).collect();
    listed.sort_unstable();
    assert_eq!(found.keys().collect::<Vec<_>>(), listed);
}

#[test]
fn the_corpus_has_the_lines_that_were_written_by_hand() {
    let rows: BTreeMap<Vec<u8>, String> =
        rows(COMMITTED).into_iter().map(|row| (row.line, row.class)).collect();
    for line in hand_written(ACCEPTED) {
        let class = rows.get(&line).map(String::as_str);
        assert!(matches!(class, Some("plain" | "odd")), "{}: {class:?}", line.escape_ascii());
    }
    for (reason, line) in refused() {
        assert_eq!(rows.get(&line), Some(&reason), "{}", line.escape_ascii());
    }
}

#[test]
fn the_page_of_refused_lines_lists_every_class_of_the_corpus() {
    let page = page(&rows(COMMITTED));
    if super::variable("UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/refused-lines.md");
        std::fs::write(path, &page).expect("the docs can be written");
        return;
    }
    assert!(
        page == PAGE,
        "docs/reference/refused-lines.md is stale: UPDATE_DOCS=1 cargo test -p drawbridge-policy"
    );
}

const INTRODUCTION: &str = "\
# Refused lines

Made from the classes and the corpus of `crates/policy/tests`; a test fails while this page is stale.

A request line is read as the API server's own `RequestInfo` reads it, or it is refused. What is refused has a class,
and the class a reason: it could be read in two ways, or the API server doesn't read it either. Nothing is repaired.
The reason is in the record and in the answer to the caller, and `drawbridge explain --request` prints it.

Each class has a predicate in `crates/policy/tests/it/classes.rs`, written apart from the parser. A line that no
predicate describes must be accepted, and one that is refused must be in the class that was named.
[How equality is proven](request-lines.md) tells which tests see to that.

";

/// docs/reference/refused-lines.md.
fn page(rows: &[Row]) -> String {
    let mut text = INTRODUCTION.to_owned();
    text += "| class | the line has | why it is refused | in the corpus | of these the API server reads |\n";
    text += "| --- | --- | --- | --- | --- |\n";
    for class in &CLASSES {
        let in_class = || rows.iter().filter(|row| row.class == class.reason);
        let read = in_class().filter(|row| row.answer.info.is_some()).count();
        let why = class.why;
        writeln!(text, "| {} | {} | {why} | {} | {read} |", class.reason, class.has, in_class().count())
            .expect("a String takes it");
    }
    let refused = rows.iter().filter(|row| !row.is_accepted()).count();
    let read = rows.iter().filter(|row| row.answer.info.is_some()).count();
    writeln!(
        text,
        "\nOf the corpus' {} lines {} are accepted; the API server reads {read}.",
        rows.len(),
        rows.len() - refused
    )
    .expect("a String takes it");
    text
}
