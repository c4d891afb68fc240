//! Selectors: right ones, and texts that look like some.

use crate::random::Random;

const KEYS: [&str; 10] = [
    "app",
    "app.kubernetes.io/name",
    "a",
    "A_b.c-d",
    "in",
    "notin",
    "x.y/z",
    "batch.kubernetes.io/job-name",
    "0",
    "tier",
];
const VALUES: [&str; 8] = ["a", "web", "v1.2", "A_b-c", "", "in", "0", "x.y"];
const SPACES: [&str; 6] = ["", "", "", " ", "\t", "  "];
const FIELDS: [&str; 7] = [
    "metadata.name",
    "metadata.namespace",
    "status.phase",
    "spec.nodeName",
    "involvedObject.kind",
    "type",
    "metadata.uid",
];
const FIELD_VALUES: [&str; 10] =
    ["a", "Running", "x-1", "", "a.b", r"a\,b", r"a\=b", r"\\", "a b", "system:node:n1"];

/// A label selector that parses.
pub(crate) fn label(random: &mut Random) -> String {
    let count = random.below(3) + 1;
    (0..count).map(|_| requirement(random)).collect::<Vec<_>>().join(",")
}

fn requirement(random: &mut Random) -> String {
    let key = random.pick(&KEYS);
    let space = random.pick(&SPACES);
    let value = random.pick(&VALUES);
    match random.below(8) {
        0 => key.to_owned(),
        1 => format!("!{space}{key}"),
        2 => format!("{key}{space}={space}{value}"),
        3 => format!("{key}=={value}{space}"),
        4 => format!("{key}{space}!={space}{value}"),
        5 => format!("{key} in{space}({space}{value},{})", random.pick(&VALUES)),
        6 => format!("{key} notin ({value}){space}"),
        _ => format!("{key}{space}{}{space}{}", random.pick(&["<", ">"]), random.below(100)),
    }
}

/// A field selector that parses, often one that asks for a name.
pub(crate) fn field(random: &mut Random) -> String {
    let count = random.below(3) + 1;
    let terms = (0..count).map(|_| {
        let field = if random.one_in(2) { "metadata.name" } else { random.pick(&FIELDS) };
        format!("{field}{}{}", random.pick(&["=", "==", "!="]), random.pick(&FIELD_VALUES))
    });
    terms.collect::<Vec<_>>().join(",")
}

const PIECES: [&str; 44] = [
    "a",
    "b",
    "x.y/z",
    "/",
    "//",
    "=",
    "==",
    "!=",
    "!",
    ",",
    "(",
    ")",
    " in ",
    "in",
    "notin",
    " notin (",
    "<",
    ">",
    " ",
    "\t",
    "\r",
    "\n",
    ".",
    "-",
    "_",
    "0",
    "1",
    "-1",
    "+5",
    "9223372036854775807",
    "9223372036854775808",
    "A",
    "é",
    "ſ",
    "\\",
    "\\\\",
    "\\,",
    "\\=",
    "metadata.name",
    "metadata.name=",
    "metadata.name==x",
    "..",
    "%",
    "\u{1}",
];

/// Anything.
pub(crate) fn soup(random: &mut Random) -> String {
    if random.one_in(10) {
        return long(random);
    }
    let count = random.below(9);
    (0..count).map(|_| random.pick(&PIECES)).collect()
}

/// A label selector with a key, a prefix or a value that is about as long as it may be.
fn long(random: &mut Random) -> String {
    let mut near = |bound: usize| "k".repeat(bound - 1 + random.below(3));
    let (name, prefix) = (near(63), near(253));
    match random.below(5) {
        0 => name,
        1 => format!("a={name}"),
        2 => format!("{prefix}/n=v"),
        3 => format!("!{prefix}/{name}"),
        _ => format!("a in (v,{name})"),
    }
}
