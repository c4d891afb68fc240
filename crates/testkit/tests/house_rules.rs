//! The house rules that neither rustfmt nor clippy can check, over every file of the repository.
//! CONTRIBUTING.md says why each is there. A finding names its file and line.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Lines of a file in a crate's `src`, the tests at its end aside.
const LONGEST_FILE: usize = 600;
/// Lines of `pipeline.rs`: the path of a request is read in one go.
const LONGEST_PIPELINE: usize = 200;
/// Characters of a line of Rust.
const WIDEST_LINE: usize = 110;

/// Folders that nobody wrote by hand, wherever they are.
const SKIPPED: [&str; 4] = [".git", "target", "node_modules", "drawbridge-data"];

// Put together from parts, so that this file keeps its own rules.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
const DATABASE: &str = concat!("sq", "lx");
const MACHINE: [&str; 3] = [concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/ro", "ot/")];
const REGISTRIES: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("sum.golang", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
];
const SKIPPED_TEST: &str = concat!("#[ig", "nore");
const MACRO: &str = concat!("macro", "_rules!");
const ASYNC_TRAIT: &str = concat!("async", "_trait");
const GETTER: &str = concat!("fn ", "get_");

/// Which crates of ours a crate may name. testkit is for tests: the gateway names it there and nowhere else.
const OURS: [(&str, &[&str]); 5] = [
    ("policy", &[]),
    ("store", &[]),
    ("localcluster", &[]),
    ("testkit", &["drawbridge-localcluster"]),
    ("gateway", &["drawbridge-localcluster", "drawbridge-policy", "drawbridge-store"]),
];

/// A text file of the repository.
struct Source {
    /// From the repository's root, with `/`.
    path: String,
    text: String,
}

/// One line that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// The rules that look at one file.
const RULES: [fn(&Source) -> Vec<Finding>; 10] = [
    files_are_short,
    lines_are_narrow,
    nothing_is_left_unfinished,
    no_machine_is_named,
    the_database_library_stays_in_store,
    policy_is_pure,
    crates_keep_their_distance,
    names_say_what_they_mean,
    no_test_is_skipped,
    no_features_and_no_macros,
];

#[test]
fn the_repository_keeps_its_house_rules() {
    let root = root();
    let sources = sources(&root);
    assert!(sources.len() > 50, "only {} files under {}", sources.len(), root.display());
    let functions = functions(&sources);
    let exists = |path: &str| root.join(path).exists();
    let mut findings: Vec<Finding> = Vec::new();
    for source in &sources {
        findings.extend(RULES.iter().flat_map(|rule| rule(source)));
        findings.extend(links_lead_somewhere(source, &exists));
        findings.extend(named_tests_exist(source, &functions));
    }
    let report: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(report.is_empty(), "{} findings:\n{}", report.len(), report.join("\n"));
}

#[test]
fn the_guide_shows_the_manifest_that_is_shipped() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("a file of the repository");
    let lines = |text: &str| -> Vec<String> {
        let said = |line: &&str| !line.is_empty() && !line.trim_start().starts_with('#');
        text.lines().filter(said).map(str::to_owned).collect()
    };
    let guide = read("docs/guides/cluster.md");
    let shown = guide.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    assert_eq!(lines(shown), lines(&read("deploy/examples/cluster-role.yaml")));
}

fn files_are_short(source: &Source) -> Vec<Finding> {
    let most = match source.path.as_str() {
        "crates/gateway/src/pipeline.rs" => LONGEST_PIPELINE,
        path if in_src(path) && !path.ends_with("/tests.rs") => LONGEST_FILE,
        _ => return Vec::new(),
    };
    let lines: Vec<&str> = source.text.lines().collect();
    let tail = lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'));
    let length = tail.unwrap_or(lines.len());
    if length <= most {
        return Vec::new();
    }
    vec![source.finding(most + 1, format!("{length} lines without its tests; the most is {most}"))]
}

/// In tests only the comments: texts to compare with are as wide as they are, and rustfmt sees to the code.
fn lines_are_narrow(source: &Source) -> Vec<Finding> {
    if !source.is_rust() {
        return Vec::new();
    }
    let mut in_tests = !in_src(&source.path) || source.path.ends_with("/tests.rs");
    source.find(|line| {
        in_tests = in_tests || line == "#[cfg(test)]";
        let width = line.chars().count();
        let counts = !in_tests || line.trim_start().starts_with("//");
        (counts && width > WIDEST_LINE).then(|| format!("{width} characters; the most is {WIDEST_LINE}"))
    })
}

fn nothing_is_left_unfinished(source: &Source) -> Vec<Finding> {
    source.find(|line| {
        let word = UNFINISHED.into_iter().find(|word| has_word(line, word))?;
        Some(format!("{word}: finish it, or open an issue"))
    })
}

fn no_machine_is_named(source: &Source) -> Vec<Finding> {
    if source.path.ends_with(".lock") {
        return Vec::new();
    }
    source.find(|line| {
        if let Some(path) = MACHINE.into_iter().find(|path| has_path(line, path)) {
            return Some(format!("{path} is a path of one machine"));
        }
        let registry = REGISTRIES.into_iter().find(|registry| line.contains(registry))?;
        Some(format!("{registry} is a package registry; the toolchain's own settings say which is used"))
    })
}

fn the_database_library_stays_in_store(source: &Source) -> Vec<Finding> {
    match source.in_crate() {
        Some(name) if name != "store" => {
            source.find(|line| has_word(line, DATABASE).then(|| format!("only the store names {DATABASE}")))
        }
        _ => Vec::new(),
    }
}

fn policy_is_pure(source: &Source) -> Vec<Finding> {
    if source.in_crate() != Some("policy") {
        return Vec::new();
    }
    source.find(|line| {
        let word = ["tokio", "hyper", DATABASE].into_iter().find(|word| has_word(line, word))?;
        Some(format!("policy is pure and does not name {word}"))
    })
}

fn crates_keep_their_distance(source: &Source) -> Vec<Finding> {
    let Some(name) = source.in_crate().filter(|_| source.path.ends_with("/Cargo.toml")) else {
        return Vec::new();
    };
    let Some((_, allowed)) = OURS.iter().find(|(ours, _)| *ours == name) else {
        return vec![source.finding(1, format!("crate {name} is new: add it to OURS in this test"))];
    };
    let mut section = "";
    source.find(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let named = line.split(['.', ' ', '=']).next().filter(|word| word.starts_with("drawbridge-"))?;
        let for_tests = name == "gateway" && section == "[dev-dependencies]" && named == "drawbridge-testkit";
        (!for_tests && !allowed.contains(&named)).then(|| format!("{name} does not depend on {named}"))
    })
}

fn names_say_what_they_mean(source: &Source) -> Vec<Finding> {
    if !in_src(&source.path) || !source.is_rust() {
        return Vec::new();
    }
    let vague = ["common", "core", "helper", "helpers", "misc", "util", "utils"];
    let parts = source.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    if let Some(part) = parts.clone().find(|part| vague.contains(part)) {
        return vec![source.finding(1, format!("{part} says nothing about what is in it"))];
    }
    source.find(|line| {
        if line.contains(GETTER) {
            return Some("a function that gives something is named after it, without get_".to_owned());
        }
        let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.find(|word| ["struct", "enum", "trait", "type"].contains(word))?;
        let name = words.find(|word| !word.is_empty())?;
        let vague = ["Manager", "Helper", "Util"].into_iter().find(|vague| name.contains(vague))?;
        Some(format!("{name}: {vague} says nothing about what it does"))
    })
}

fn no_test_is_skipped(source: &Source) -> Vec<Finding> {
    if !source.is_rust() {
        return Vec::new();
    }
    source.find(|line| {
        line.contains(SKIPPED_TEST).then(|| "a test that can't run fails; it does not skip".to_owned())
    })
}

fn no_features_and_no_macros(source: &Source) -> Vec<Finding> {
    let manifest = source.in_crate().is_some() && source.path.ends_with("/Cargo.toml");
    source.find(|line| {
        if manifest && line.trim() == "[features]" {
            return Some("our crates have no features: everybody builds and tests the same".to_owned());
        }
        if (manifest || source.is_rust()) && has_word(line, ASYNC_TRAIT) {
            return Some(format!("{ASYNC_TRAIT} is not used here"));
        }
        let own = source.in_crate() == Some("store") && line.contains("on_pool");
        let defines = source.is_rust() && line.contains(MACRO) && !own;
        defines.then(|| "no macros but the store's on_pool!".to_owned())
    })
}

/// Links to files, and files of the repository that a text names in code marks.
fn links_lead_somewhere(source: &Source, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    if !source.path.ends_with(".md") {
        return Vec::new();
    }
    let folder = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    source.find_prose(|line| {
        let lost = link_targets(line).into_iter().find(|target| {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
            !elsewhere && !normal(&folder.join(file)).is_some_and(|path| exists(&path))
        });
        if let Some(target) = lost {
            return Some(format!("the link to {target} leads nowhere"));
        }
        let named = code_spans(line).into_iter().map(|(span, _)| span).find(|span| {
            let ours = ["crates/", "docs/", "deploy/", ".ci/"].iter().any(|root| span.starts_with(root));
            ours && span.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c)) && !exists(span)
        });
        named.map(|span| format!("{span} is not in the repository"))
    })
}

/// Where a text says that a test proves something, the test is there. One that isn't yet is marked
/// `(planned)`.
fn named_tests_exist(source: &Source, functions: &HashSet<String>) -> Vec<Finding> {
    if !["docs/invariants.md", "docs/known-failures.md"].contains(&source.path.as_str()) {
        return Vec::new();
    }
    source.find_prose(|line| {
        let missing = code_spans(line).into_iter().find(|(span, after)| {
            let sentence = span.matches('_').count() >= 2
                && span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            sentence && !after.starts_with(" (planned)") && !functions.contains(*span)
        });
        missing.map(|(span, _)| format!("there is no test {span}"))
    })
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The crate that the file belongs to, by its folder's name.
    fn in_crate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split_once('/').map(|(name, _)| name)
    }

    fn finding(&self, line: usize, what: String) -> Finding {
        Finding { path: self.path.clone(), line, what }
    }

    /// A finding for every line that `look` has something to say about.
    fn find<'s>(&'s self, mut look: impl FnMut(&'s str) -> Option<String>) -> Vec<Finding> {
        let lines = self.text.lines().enumerate();
        lines.filter_map(|(index, line)| Some(self.finding(index + 1, look(line)?))).collect()
    }

    /// As [`Source::find`], over a Markdown text's lines outside fenced code.
    fn find_prose(&self, mut look: impl FnMut(&str) -> Option<String>) -> Vec<Finding> {
        let mut fenced = false;
        self.find(|line| {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                return None;
            }
            if fenced { None } else { look(line) }
        })
    }
}

fn in_src(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("crates") && parts.nth(1) == Some("src") && path.ends_with(".rs")
}

/// Whether `word` is in the line with nothing of a word before or after it.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

/// Whether an absolute path begins with `path`, in contrast to one that has it in its middle.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    })
}

/// The targets of a line's links; what stands in code marks is no link.
fn link_targets(line: &str) -> Vec<&str> {
    let prose = line.split('`').step_by(2);
    let targets = prose.flat_map(|part| part.split("](").skip(1));
    targets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// What stands in code marks, each with the text after it.
fn code_spans(line: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = line.split('`').collect();
    let spans = parts.windows(2).skip(1).step_by(2);
    spans.map(|pair| (pair[0], pair[1])).collect()
}

/// The path without `.` and `..`, or nothing if it leaves the repository.
fn normal(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

fn functions(sources: &[Source]) -> HashSet<String> {
    let rust = sources.iter().filter(|source| source.is_rust());
    let lines = rust.flat_map(|source| source.text.lines());
    lines
        .filter_map(|line| line.split_once("fn "))
        .filter_map(|(_, rest)| rest.split_once(['(', '<']))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the repository two folders above this crate")
}

/// Every text file of the repository, in order.
fn sources(root: &Path) -> Vec<Source> {
    let mut folders = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder that can be listed") {
            let entry = entry.expect("an entry that can be read");
            let kind = entry.file_type().expect("its kind");
            let name = entry.file_name();
            if SKIPPED.iter().any(|skipped| name == *skipped) {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                // What is no UTF-8 is no text.
                let Ok(text) = fs::read_to_string(entry.path()) else { continue };
                let path = entry.path();
                let path = path.strip_prefix(root).expect("a path below the root");
                found.push(Source { path: path.to_str().expect("a readable path").to_owned(), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Each rule is shown a text that breaks it and one that doesn't: a rule that can't fail is no rule.
mod rules {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    /// The lines that a rule complains about.
    fn lines(findings: Vec<Finding>) -> Vec<usize> {
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_file_is_short_without_its_tests() {
        let long = "//\n".repeat(601);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "//\n".repeat(600), long);
        let declared = format!("#[cfg(test)]\nmod tests;\n{long}");
        let check = |path: &str, text: &str| lines(files_are_short(&source(path, text)));
        assert_eq!(check("crates/gateway/src/gate.rs", &long), [601]);
        assert_eq!(check("crates/gateway/src/gate.rs", &declared), [601]);
        assert_eq!(check("crates/gateway/src/gate.rs", &tested), []);
        assert_eq!(check("crates/gateway/src/yaml/tests.rs", &long), []);
        assert_eq!(check("crates/gateway/tests/it/main.rs", &long), []);
        assert_eq!(check("crates/gateway/src/pipeline.rs", &"//\n".repeat(201)), [201]);
        assert_eq!(check("crates/gateway/src/pipeline.rs", &"//\n".repeat(200)), []);
    }

    #[test]
    fn a_line_is_measured_in_characters_and_in_tests_only_a_comment() {
        let text = format!("{}\n{}\n{}", "a".repeat(110), "→".repeat(110), "a".repeat(111));
        let check = |path: &str, text: &str| lines(lines_are_narrow(&source(path, text)));
        assert_eq!(check("crates/policy/src/lib.rs", &text), [3]);
        assert_eq!(check("crates/policy/src/lib.rs", &format!("#[cfg(test)]\n{text}")), []);
        assert_eq!(check("crates/gateway/tests/it/main.rs", &text), []);
        assert_eq!(check("crates/gateway/tests/it/main.rs", &format!("a\n    // {text}")), [2]);
        assert_eq!(check("README.md", &text), []);
    }

    #[test]
    fn unfinished_work_is_found_and_words_that_contain_its_mark_are_not() {
        let text = format!("// {}: later\n// {}ICAL\nX509", UNFINISHED[0], UNFINISHED[2]);
        assert_eq!(lines(nothing_is_left_unfinished(&source("a.go", &text))), [1]);
    }

    #[test]
    fn paths_of_a_machine_and_registries_are_found() {
        let [work, _, root] = MACHINE;
        let text = format!("cd {work}x\n~{root}a\na{work}b\n./pod{root}b\nhttps://{}/a", REGISTRIES[1]);
        assert_eq!(lines(no_machine_is_named(&source("a.md", &text))), [1, 2, 5]);
        assert_eq!(lines(no_machine_is_named(&source("Cargo.lock", &text))), []);
    }

    #[test]
    fn the_database_library_is_named_in_one_crate() {
        let text = format!("use {DATABASE}::Row;\n{DATABASE}ish");
        let check = |path| lines(the_database_library_stays_in_store(&source(path, &text)));
        assert_eq!(check("crates/gateway/src/gate.rs"), [1]);
        assert_eq!(check("crates/store/src/lib.rs"), []);
        assert_eq!(check("CONTRIBUTING.md"), []);
    }

    #[test]
    fn policy_names_no_runtime() {
        let text = "tokio.workspace = true\nuse hyper::Request;\nhyperbole";
        assert_eq!(lines(policy_is_pure(&source("crates/policy/Cargo.toml", text))), [1, 2]);
        assert_eq!(lines(policy_is_pure(&source("crates/gateway/Cargo.toml", text))), []);
    }

    #[test]
    fn crates_name_only_those_of_ours_that_they_may() {
        let testkit = "drawbridge-testkit.workspace = true";
        let check = |name: &str, text: &str| {
            lines(crates_keep_their_distance(&source(&format!("crates/{name}/Cargo.toml"), text)))
        };
        assert_eq!(check("testkit", "drawbridge-localcluster.workspace = true"), []);
        assert_eq!(
            check("testkit", "[dependencies]\ndrawbridge = { path = \"x\" }\ndrawbridge-store = 1"),
            [3]
        );
        assert_eq!(check("localcluster", "drawbridge-policy = { path = \"../policy\" }"), [1]);
        assert_eq!(check("gateway", &format!("[dependencies]\n{testkit}")), [2]);
        assert_eq!(check("gateway", &format!("[dev-dependencies]\n{testkit}")), []);
        assert_eq!(check("another", ""), [1]);
    }

    #[test]
    fn vague_names_are_found() {
        let manager = concat!("pub struct Lease", "Manager;");
        let text = format!("{GETTER}agent()\n{manager}\nstruct Managed;\nlet helper = 1;");
        assert_eq!(lines(names_say_what_they_mean(&source("crates/gateway/src/gate.rs", &text))), [1, 2]);
        assert_eq!(lines(names_say_what_they_mean(&source("crates/gateway/src/utils/mod.rs", ""))), [1]);
        assert_eq!(
            lines(names_say_what_they_mean(&source("crates/localcluster/tests/common/mod.rs", ""))),
            []
        );
    }

    #[test]
    fn a_skipped_test_is_found() {
        let text = format!("#[test]\n{SKIPPED_TEST}]\nfn a() {{}}");
        assert_eq!(lines(no_test_is_skipped(&source("crates/store/tests/a.rs", &text))), [2]);
    }

    #[test]
    fn features_and_macros_are_found() {
        let check = |path: &str, text: &str| lines(no_features_and_no_macros(&source(path, text)));
        assert_eq!(check("crates/policy/Cargo.toml", "a = { features = [] }\n[features]"), [2]);
        assert_eq!(check("crates/policy/src/lib.rs", &format!("{MACRO} on_pool {{")), [1]);
        assert_eq!(check("crates/store/src/pools.rs", &format!("{MACRO} on_pool {{")), []);
        assert_eq!(check("crates/gateway/src/lib.rs", &format!("#[{ASYNC_TRAIT}]")), [1]);
    }

    #[test]
    fn links_and_named_files_are_followed() {
        let exists = |path: &str| ["docs/a.md", "LICENSE"].contains(&path);
        let text = "[a](a.md#x) [b](../LICENSE)\n[c](c.md)\n[d](https://example.com) [e](#e) `[f](f.md)`\n\
            ```\n[g](g.md)\n```\n[h](../../h.md)\n`docs/a.md` `docs/*.md`\n`docs/b.md`";
        assert_eq!(lines(links_lead_somewhere(&source("docs/x.md", text), &exists)), [2, 7, 9]);
        assert_eq!(lines(links_lead_somewhere(&source("docs/x.rs", text), &exists)), []);
    }

    #[test]
    fn tests_that_a_text_names_are_looked_for() {
        let code = source("a.rs", "    fn what_is_there_counts() {\nasync fn so_does_this<T>(t: T) {");
        let functions = functions(&[code]);
        let text = "`what_is_there_counts`, `so_does_this`\n`this_is_not_there`\n\
            `this_comes_later` (planned)\n`one_word` `Some::path_to_a_thing`";
        assert_eq!(lines(named_tests_exist(&source("docs/invariants.md", text), &functions)), [2]);
        assert_eq!(lines(named_tests_exist(&source("README.md", text), &functions)), []);
    }
}
