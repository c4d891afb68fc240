//! docs/reference/config.md and limits.md, from the code: the words are the fields' own comments, names,
//! defaults and ranges are those that are enforced. `UPDATE_DOCS=1 cargo test -p drawbridge reference`
//! writes them anew.

use std::fmt::Write;

use super::bounds::TABLE;
use super::{Config, Limits, SHAPE, tls};

pub(super) const CONFIG_SOURCE: &str = include_str!("mod.rs");
pub(super) const LIMITS_SOURCE: &str = include_str!("limits.rs");
pub(super) const TLS_SOURCE: &str = include_str!("tls.rs");

const MADE: &str = "<!-- Made from crates/gateway/src/config; `UPDATE_DOCS=1 cargo test -p drawbridge \
                    reference` writes it anew. -->\n";

/// The page of the section `limits`.
fn limits_page() -> String {
    let mut page = format!(
        "# Limits\n\n{MADE}\nEvery bound that can be set, under `limits` in the [config](config.md). \
         A time is a whole number with its unit (`ms`, `s`, `m`, `h`), a size a whole number\n\
         of bytes or with `Ki`, `Mi`, `Gi`.\n\n\
         | setting | default | allowed | what it bounds |\n| --- | --- | --- | --- |\n"
    );
    for (bound, (_, comment)) in TABLE.iter().zip(fields(LIMITS_SOURCE, "Limits")) {
        let (name, value, range) = (bound.name, bound.value(&Limits::default()), bound.range());
        writeln!(page, "| `{name}` | `{value}` | {range} | {comment} |").unwrap();
    }
    page.push_str(
        "\n## Without a setting\n\nWhat who declares agents, scopes and grants may meet. Further bounds that \
         nobody meets in everyday use stand in the\ncode with their reasons.\n\n\
         | bound | on |\n| --- | --- |\n",
    );
    for Fixed { shown, on, .. } in FIXED {
        writeln!(page, "| {shown} | {on} |").unwrap();
    }
    page
}

/// A bound that has no setting, and the line of the code that makes it.
struct Fixed {
    source: &'static str,
    line: &'static str,
    shown: &'static str,
    on: &'static str,
}

const FIXED: [Fixed; 11] = [
    Fixed {
        source: include_str!("../directory/files.rs"),
        line: "const FILES: usize = 50_000;",
        shown: "50000 files",
        on: "the watched directory, with all below it",
    },
    Fixed {
        source: include_str!("../directory/files.rs"),
        line: "const BYTES: usize = 32 * 1024 * 1024;",
        shown: "32 MiB",
        on: "the files of the watched directory together",
    },
    Fixed {
        source: include_str!("../yaml/build.rs"),
        line: "const MAX_BYTES: usize = 4 * 1024 * 1024;",
        shown: "4 MiB",
        on: "one file of manifests, or the config",
    },
    Fixed {
        source: include_str!("../admin/body.rs"),
        line: "const MAX_BYTES: usize = 8 * 1024 * 1024;",
        shown: "8 MiB",
        on: "one call of a person's: all files of an `apply` or a `diff` together, as JSON",
    },
    Fixed {
        source: include_str!("../admin/body.rs"),
        line: "const TIME: Duration = Duration::from_secs(30);",
        shown: "30 s",
        on: "until such a call has arrived whole",
    },
    Fixed {
        source: include_str!("../state/plan.rs"),
        line: "const PART: usize = 5;",
        shown: "a fifth",
        on: "what pruning may delete of what it could; a person may go on with `--yes`",
    },
    Fixed {
        source: include_str!("../admin/diff.rs"),
        line: "const BYTES: usize = 32 * 1024 * 1024;",
        shown: "32 MiB",
        on: "the differences of one `diff`; of further manifests it says how many there are",
    },
    Fixed {
        source: include_str!("../state/compare.rs"),
        line: "const AGENTS: usize = 200;",
        shown: "200 agents",
        on: "whose rights one `diff` compares; of further agents it says how many there are",
    },
    Fixed {
        source: include_str!("../state/rights.rs"),
        line: "const MOST: usize = 20_000;",
        shown: "20000 rules",
        on: "of one agent that `diff` compares and `describe` lists",
    },
    Fixed {
        source: include_str!("../manifest/grant.rs"),
        line: "const COMBINATIONS: usize = 100_000;",
        shown: "100000 combinations",
        on: "of one grant: its agents times its scopes times its clusters",
    },
    Fixed {
        source: include_str!("../manifest/agent.rs"),
        line: "const IDENTITIES: usize = 100;",
        shown: "100 identities",
        on: "of one agent",
    },
];

#[test]
fn every_bound_without_a_setting_is_the_one_in_the_code() {
    for Fixed { source, line, .. } in FIXED {
        assert!(source.contains(line), "no {line:?} any more: correct it and what is shown of it");
    }
}

/// The page of the config file.
fn config_page() -> String {
    let mut page = format!(
        "# Config\n\n{MADE}\n`drawbridge serve --config FILE` reads one YAML file. Every field may be \
         left out; without a file everything has\nits default. Relative paths start at the file's directory. \
         Unknown fields are errors; all problems of the file are\nreported at once, with line and column.\n\n\
         | field | default | what it is |\n| --- | --- | --- |\n"
    );
    for (name, comment) in fields(CONFIG_SOURCE, "Config") {
        writeln!(page, "| `{name}` | {} | {comment} |", default(&name)).unwrap();
        if name == "tls" {
            for (name, comment) in fields(TLS_SOURCE, "TlsFiles") {
                writeln!(page, "| `tls.{name}` | needed in `tls` | {comment} |").unwrap();
            }
        }
    }
    page.push_str("\nNot built yet, and refused:");
    for (index, (name, purpose)) in SHAPE.later.iter().enumerate() {
        let comma = if index == 0 { "" } else { ";" };
        write!(page, "{comma} `{name}` ({purpose})").unwrap();
    }
    page.push_str(".\n\n## Example\n\n```yaml\n");
    page.push_str(EXAMPLE);
    page.push_str("```\n");
    page
}

const EXAMPLE: &str = "\
listen: 0.0.0.0:8443
admin: 127.0.0.1:8444
url: https://drawbridge.example.com:8443
domain: clusters.example.com
data: /var/lib/drawbridge
manifests: manifests
tls:
  certFile: tls/tls.crt
  keyFile: tls/tls.key
limits:
  connections: 5000
  clusterAnswer: 2m
  bodyMemory: 512Mi
";

fn default(name: &str) -> String {
    let config = Config::default();
    match name {
        "listen" => format!("`{}`", config.listen),
        "admin" => format!("`{}`", config.admin),
        "url" => "`https://` and `listen`".to_owned(),
        "domain" => "none".to_owned(),
        "data" => format!("`{}`", config.data.display()),
        "manifests" => "none".to_owned(),
        "tls" => "made by the gateway".to_owned(),
        "limits" => "see [limits](limits.md)".to_owned(),
        other => panic!("{other} has no default here"),
    }
}

/// The fields of a struct in the order of its source, as a config writes them, each with its comment.
pub(super) fn fields(source: &str, name: &str) -> Vec<(String, String)> {
    let (_, body) = source.split_once(&format!("pub struct {name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let mut comment = Vec::new();
    let mut fields = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text);
        } else if let Some((field, _)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(':')) {
            fields.push((camel(field), std::mem::take(&mut comment).join(" ")));
        }
    }
    fields
}

fn camel(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1);
        name + &head.to_uppercase() + tail
    })
}

fn compare(file: &str, page: &str) {
    let path = format!("{}/../../docs/reference/{file}", env!("CARGO_MANIFEST_DIR"));
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(format!("{}/../../docs/reference", env!("CARGO_MANIFEST_DIR"))).unwrap();
        std::fs::write(&path, page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/reference/{file} is stale: UPDATE_DOCS=1 cargo test -p drawbridge reference, and commit it"
    );
}

#[test]
fn the_reference_of_limits_is_up_to_date() {
    compare("limits.md", &limits_page());
}

#[test]
fn the_reference_of_the_config_is_up_to_date() {
    compare("config.md", &config_page());
}

#[test]
fn every_field_has_its_setting_in_the_same_order_and_a_comment() {
    let names = |fields: Vec<(String, String)>| {
        assert!(fields.iter().all(|(_, comment)| !comment.is_empty()));
        fields.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let table: Vec<_> = TABLE.iter().map(|bound| bound.name).collect();
    assert_eq!(names(fields(LIMITS_SOURCE, "Limits")), table);
    assert_eq!(names(fields(CONFIG_SOURCE, "Config")), SHAPE.known);
    assert_eq!(names(fields(TLS_SOURCE, "TlsFiles")), tls::SHAPE.known);
}

#[test]
fn the_example_is_a_config() {
    let config = Config::parse("config.yaml", EXAMPLE, std::path::Path::new("/etc/drawbridge")).unwrap();
    assert_eq!(config.tls.unwrap().key_file, std::path::Path::new("/etc/drawbridge/tls/tls.key"));
    assert_eq!(config.data, std::path::Path::new("/var/lib/drawbridge"));
    assert_eq!(config.manifests.unwrap(), std::path::Path::new("/etc/drawbridge/manifests"));
}
