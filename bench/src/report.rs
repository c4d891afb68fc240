//! What was measured, as a page and as numbers.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The order of the page.
const SECTIONS: [&str; 4] = ["hop", "revoke", "record", "start"];

/// One command's results: what is kept in `bench/results` and shown on the page.
#[derive(Debug, Serialize, Deserialize)]
pub struct Section {
    name: String,
    title: String,
    taken: String,
    load: String,
    notes: Vec<String>,
    verdicts: Vec<Verdict>,
    tables: Vec<Table>,
    raw: Map<String, Value>,
}

/// A figure beside its bar.
#[derive(Debug, Serialize, Deserialize)]
pub struct Verdict {
    what: String,
    measured: String,
    bar: String,
    holds: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Verdict {
    /// Holds while the figure is at most the bar.
    pub fn most(what: &str, measured: f64, bar: f64, unit: &str) -> Verdict {
        Verdict::new(what, measured, format!("at most {bar} {unit}"), unit, measured <= bar)
    }

    /// Holds while the figure is at least the bar.
    pub fn least(what: &str, measured: f64, bar: f64, unit: &str) -> Verdict {
        Verdict::new(what, measured, format!("at least {bar} {unit}"), unit, measured >= bar)
    }

    fn new(what: &str, measured: f64, bar: String, unit: &str, holds: bool) -> Verdict {
        let measured = if measured < 10.0 { format!("{measured:.2}") } else { format!("{measured:.0}") };
        Verdict { what: what.to_owned(), measured: format!("{measured} {unit}"), bar, holds }
    }
}

impl Table {
    pub fn new(title: &str, head: &[&str]) -> Table {
        let head = head.iter().map(|&cell| cell.to_owned()).collect();
        Table { title: title.to_owned(), head, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: &[String]) {
        assert_eq!(cells.len(), self.head.len(), "a cell for each column");
        self.rows.push(cells.to_vec());
    }
}

impl Section {
    pub fn new(name: &str, title: &str) -> Section {
        let taken = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Section {
            name: name.to_owned(),
            title: title.to_owned(),
            taken,
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            notes: Vec::new(),
            verdicts: Vec::new(),
            tables: Vec::new(),
            raw: Map::new(),
        }
    }

    pub fn note(&mut self, sentence: &str) {
        self.notes.push(sentence.to_owned());
    }

    pub fn verdict(&mut self, verdict: Verdict) {
        self.verdicts.push(verdict);
    }

    pub fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    pub fn raw(&mut self, what: &str, numbers: Value) {
        self.raw.insert(what.to_owned(), rounded(numbers));
    }
}

/// Keeps a result for the page, in place of the last one of the same command.
pub fn keep(section: &Section) {
    let text = serde_json::to_string_pretty(section).expect("JSON");
    fs::create_dir_all(results()).expect("a folder");
    fs::write(results().join(format!("{}.json", section.name)), one_line_arrays(&text)).expect("a file");
    print!("{}", section.markdown());
}

/// Writes docs/reference/performance.md from the results that are kept.
pub fn write_page() {
    let sections: Vec<Section> = SECTIONS
        .iter()
        .filter_map(|name| fs::read_to_string(results().join(format!("{name}.json"))).ok())
        .map(|text| serde_json::from_str(&text).expect("a result that was kept"))
        .collect();
    let path = repository().join("docs/reference/performance.md");
    fs::write(&path, page(&sections)).expect("the page");
    println!("{} is written", path.display());
}

fn page(sections: &[Section]) -> String {
    let mut page = "# Performance\n\n\
        <!-- Made by `drawbridge-bench` from bench/results; do not edit. -->\n\n\
        What was measured last, as it was measured, on two shared cores on which other work ran at the same \
        time: good for comparing the\nsides of one run, not for capacity. The numbers by round are in \
        bench/results. To measure again:\n\n    \
        cargo build --release -p drawbridge -p drawbridge-bench\n    \
        target/release/drawbridge-bench all\n\n## Bars\n\n\
        | what | measured | bar | |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for verdict in sections.iter().flat_map(|section| &section.verdicts) {
        let Verdict { what, measured, bar, holds } = verdict;
        let word = if *holds { "holds" } else { "**missed**" };
        writeln!(page, "| {what} | {measured} | {bar} | {word} |").expect("a String");
    }
    for section in sections {
        page.push('\n');
        page.push_str(&section.markdown());
    }
    page
}

impl Section {
    fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        for note in &self.notes {
            writeln!(text, "- {note}").expect("a String");
        }
        let Section { name, taken, load, .. } = self;
        writeln!(text, "- `drawbridge-bench {name}`, {taken}; load average at its start: {load}.")
            .expect("a String");
        for Table { title, head, rows } in &self.tables {
            let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
            let rule: Vec<String> = head.iter().map(|_| "---".to_owned()).collect();
            write!(text, "\n{title}:\n\n{}{}", line(head), line(&rule)).expect("a String");
            rows.iter().for_each(|row| text.push_str(&line(row)));
        }
        text
    }
}

/// Three digits behind the point are more than the clock is worth here.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().map(|float| (float * 1e3).round() / 1e3);
            float.map_or(Value::Number(number), Value::from)
        }
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, rounded(value))).collect(),
        other => other,
    }
}

/// Arrays of numbers take one line each, so that a new run is a readable difference.
fn one_line_arrays(pretty: &str) -> String {
    let mut text = String::new();
    let mut depth_of_numbers = false;
    for line in pretty.lines() {
        let word = line.trim();
        let number = word.trim_end_matches(',').parse::<f64>().is_ok();
        if number {
            if !depth_of_numbers {
                text.truncate(text.trim_end().len());
            }
            depth_of_numbers = true;
            text.push_str(word);
            continue;
        }
        if depth_of_numbers {
            depth_of_numbers = false;
            text.push_str(word);
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

fn results() -> PathBuf {
    repository().join("bench/results")
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}
