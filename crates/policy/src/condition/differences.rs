//! Where conditions answer less than cel-go does.

/// Keys and reasons. What differs is refused or has no answer, so that nothing is allowed by it; the corpus
/// in `tests/cel` has examples of each.
pub const DIFFERENCES: &[(&str, &str)] = &[
    (
        "nesting",
        "At most two macros stand in each other, and `map` and `filter` in none: their work multiplies.",
    ),
    ("steps", "An evaluation ends after 100,000 steps; Kubernetes counts otherwise."),
    ("patterns", "Regular expressions are written out, so that they are read once."),
    ("regex", "A regular expression has only what means the same for Go and for Rust."),
    (
        "functions",
        "What isn't in the tables above isn't there: `format`, `quote`, semantic versions, macros with two \
                   variables and others.",
    ),
    ("urls", "Only plain URLs are read."),
    ("quantities", "A quantity that Kubernetes would round or cap has no answer."),
    (
        "spelling",
        "Numbers and times are read in their usual form only, without hexadecimal fractions, underscores in \
                  them, one-digit hours or commas.",
    ),
    ("maps", "A map that is written out has no double as a key and no key twice."),
    ("optional", "There are no optional values: `object.?field`, `optional.of`."),
    ("names", "Names are written plainly: without a point before them, without backticks."),
    ("messages", "Messages can't be made: `google.protobuf.Timestamp{}`."),
    ("time-text", "A time isn't made into a string: which offset it would have depends on how it was made."),
    (
        "written-out",
        "A call of a function with nothing but strings that are written out is tried when the condition is \
                     compiled, and refused if it fails, also where it would never be evaluated.",
    ),
];
