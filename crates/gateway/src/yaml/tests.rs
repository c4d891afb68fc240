//! What the tree is, and what is refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn parsed(text: &str) -> (Vec<Node>, String) {
    let mut report = Report::new("a.yaml");
    let trees = parse(text, &mut report);
    (trees, report.finish().to_string())
}

fn problems(text: &str) -> String {
    parsed(text).1
}

/// The tree as JSON, for comparing.
fn plain(node: &Node) -> Value {
    match &node.content {
        Content::Refused => json!("REFUSED"),
        Content::List(items) => items.iter().map(plain).collect(),
        Content::Map(fields) => {
            Value::Object(fields.iter().map(|field| (field.key.clone(), plain(&field.value))).collect())
        }
        Content::Scalar(scalar) => match scalar.kind() {
            ScalarKind::Null => Value::Null,
            ScalarKind::Bool(value) => json!(value),
            ScalarKind::Integer(value) => json!(value),
            ScalarKind::Number => json!({"number": scalar.text}),
            ScalarKind::Ambiguous => json!({"ambiguous": scalar.text}),
            ScalarKind::Text => json!(scalar.text),
        },
    }
}

#[test]
fn every_key_and_value_knows_its_place() {
    let (trees, problems) = parsed("a:\n  - é: x\n    \"b c\": [1, 'two']\n");
    assert_eq!(problems, "");
    assert_eq!(plain(&trees[0]), json!({"a": [{"é": "x", "b c": [1, "two"]}]}));
    let Content::Map(fields) = &trees[0].content else { panic!() };
    let Content::List(items) = &fields[0].value.content else { panic!() };
    let Content::Map(inner) = &items[0].content else { panic!() };
    let Content::List(numbers) = &inner[1].value.content else { panic!() };
    let place = |place: Place| (place.line, place.column);
    assert_eq!(place(fields[0].place), (1, 1));
    assert_eq!((place(inner[0].place), place(inner[0].value.place)), ((2, 5), (2, 8)));
    assert_eq!((place(inner[1].place), place(numbers[1].place)), ((3, 5), (3, 16)));
}

#[test]
fn several_documents_are_read_and_empty_ones_left_out() {
    let (trees, problems) =
        parsed("# none\n---\na: 1\n---\n---\n# only a comment\n---\nb: 2\n...\n---\n[]\n");
    assert_eq!(problems, "");
    assert_eq!(trees.iter().map(plain).collect::<Vec<_>>(), [json!({"a": 1}), json!({"b": 2}), json!([])]);
    assert_eq!(parsed(""), (vec![], String::new()));
}

#[test]
fn scalars_mean_what_every_reader_takes_them_for_or_are_ambiguous() {
    let kind = |text: &str| Scalar { text: text.to_owned(), quoted: false }.kind();
    for text in ["yes", "No", "ON", "y", "017", "0o17", "0x1F", "1_000", "0b1", "-007", "<<", "="] {
        assert_eq!(kind(text), ScalarKind::Ambiguous, "{text}");
    }
    for text in ["", "~", "null", "Null"] {
        assert_eq!(kind(text), ScalarKind::Null, "{text}");
    }
    for text in ["1.5", ".5", "1e3", "-1.", ".inf", "99999999999999999999"] {
        assert_eq!(kind(text), ScalarKind::Number, "{text}");
    }
    for text in
        ["nULL", "inf", "nan", "1.2.3", "10s", "0xyz", "v1", "-", "127.0.0.1:80", "2027-01-01T00:00:00Z"]
    {
        assert_eq!(kind(text), ScalarKind::Text, "{text}");
    }
    assert_eq!(kind("-12"), ScalarKind::Integer(-12));
    assert_eq!(Scalar { text: "yes".to_owned(), quoted: true }.kind(), ScalarKind::Text);
}

#[test]
fn what_hides_or_repeats_values_is_refused_at_its_place() {
    let found = problems(
        "a: &x {b: 1}\nc: *x\nd: *nothing\ne:\n  <<: *x\n  b: 2\na: 3\nf: !!str 4\n\
         g: !secret x\n? [h]\n: i\nyes: 1\n",
    );
    assert_eq!(
        found,
        "\
a.yaml:1:4: anchors are refused; leave \"x\" out and write the value where it is used
a.yaml:2:4: aliases are refused; write the value out
a.yaml:3:4: aliases are refused; write the value out
a.yaml:5:3: merge keys (\"<<\") are refused; write the fields out
a.yaml:5:7: aliases are refused; write the value out
a.yaml:7:1: duplicate key \"a\"; it stands in line 1 already, so leave one out
a.yaml:8:4: tags (\"!…\") are refused; leave it out, or put text that begins with \"!\" in quotes
a.yaml:9:4: tags (\"!…\") are refused; leave it out, or put text that begins with \"!\" in quotes
a.yaml:10:3: a key must be text, not a list or a map; if this is a template, fill it in first
a.yaml:12:1: a key must be text; \"yes\" without quotes can be read as something else"
    );
}

#[test]
fn a_syntax_error_tells_its_place_and_the_documents_behind_it_are_read() {
    let (trees, problems) = parsed("a:\n\tb: 1\n---\nc: [1\n---\nd: e: f\n---\ng: 1\n---\n%YAML 1.2\n");
    assert_eq!(trees.iter().map(plain).collect::<Vec<_>>(), [json!({"g": 1})]);
    assert_eq!(
        problems,
        [
            "a.yaml:2:2: not valid YAML: tabs disallowed within this context (block indentation); \
         indent with spaces, not with tabs",
            "a.yaml:4:4: not valid YAML: unclosed bracket '['; the bracket that begins here is never \
         closed",
            "a.yaml:6:5: not valid YAML: mapping values are not allowed in this context; a value with \
         \": \" in it needs quotes, and keys of one map begin in one column",
            "a.yaml:10:1: not valid YAML: YAML directives are disallowed; leave lines that begin with \
         \"%\" out",
        ]
        .join("\n")
    );
}

#[test]
fn invisible_characters_are_refused_even_in_comments() {
    assert_eq!(
        problems("a: 1 # \u{202e}x\nb: \u{7}\nc: \u{feff}\n"),
        "\
a.yaml:1:8: the invisible character U+202E is refused; leave it out
a.yaml:2:4: the invisible character U+0007 is refused; leave it out
a.yaml:3:4: the invisible character U+FEFF is refused; leave it out"
    );
    assert_eq!(problems("\u{feff}a: 1\n"), "");
}

#[test]
fn depth_size_and_number_of_values_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(problems(&nested(MAX_DEPTH)), "");
    let (trees, found) = parsed(&format!("a: {}\nb: 1\nb: 2\n", nested(MAX_DEPTH)));
    assert_eq!(
        found,
        "a.yaml:1:35: nested too deeply; at most 32 lists and maps may be in one another\n\
         a.yaml:3:1: duplicate key \"b\"; it stands in line 2 already, so leave one out"
    );
    assert_eq!(trees.len(), 1);
    assert!(problems(&"[".repeat(100_000)).contains("nested too deeply"));
    assert_eq!(
        problems(&" ".repeat(MAX_BYTES + 1)),
        "a.yaml:1:1: the file has 4194305 bytes; at most 4194304 are read, so split it"
    );
    let many = format!("[{}]", "1,".repeat(MAX_NODES + 1));
    assert!(problems(&many).ends_with("the file has more than 500000 values; split it"));
}

#[test]
fn thousands_of_problems_are_counted_but_not_kept() {
    let found = problems(&"a: 1\n".repeat(MAX_PROBLEMS + 5));
    assert_eq!(found.lines().count(), MAX_PROBLEMS + 1);
    assert!(found.ends_with("… and 4 more problems"));
}

#[test]
fn readers_say_what_they_expected_and_where() {
    let text =
        "owner: 017\nnamed: yes\nlist: {a: 1}\nmap: [1]\ncount: x\nnothing:\npurposes: x\nzzz: x\nlater: x\n";
    let mut report = Report::new("a.yaml");
    let trees = parse(text, &mut report);
    let shape = Shape {
        known: &["owner", "named", "list", "map", "count", "nothing", "purpose"],
        later: &[("later", "something to come")],
    };
    let fields = At::root(&trees[0]).fields(shape, &mut report).unwrap();
    let at = |name: &str| fields.optional(name).unwrap();
    assert_eq!(at("owner").text(&mut report), None);
    assert_eq!(at("named").text(&mut report), None);
    assert!(at("list").list(&mut report).is_none());
    assert!(at("map").map(&mut report).is_none());
    assert_eq!(at("count").integer(&mut report), None);
    assert_eq!(at("nothing").text(&mut report), None);
    assert!(fields.required("purpose", "what it is for", &mut report).is_none());
    assert_eq!(
        report.finish().to_string(),
        [
            "a.yaml:1:1: purpose: is missing; it holds what it is for",
            "a.yaml:1:8: owner: 017 can be read as something else than text; write \"017\"",
            "a.yaml:2:8: named: yes can be read as something else than text; write \"yes\"",
            "a.yaml:3:7: list: expected a list, found a map",
            "a.yaml:4:6: map: expected a map, found a list",
            "a.yaml:5:8: count: expected a whole number, found the text \"x\"",
            "a.yaml:6:8: nothing: has no value; write text, or leave the field out",
            "a.yaml:7:1: unknown field \"purposes\"; did you mean \"purpose\"?",
            "a.yaml:8:1: unknown field \"zzz\"; the fields here are owner, named, list, map, count, \
         nothing, purpose",
            "a.yaml:9:1: \"later\" is not built yet: something to come; refused so that nothing is \
         promised that isn't enforced",
        ]
        .join("\n")
    );
}

#[test]
fn json_gives_the_same_tree_without_places() {
    let value = json!({"a": [1, true, null, "yes", 1.5], "b": {"c": "017"}});
    let node = Node::from_json(&value);
    assert_eq!(plain(&node), json!({"a": [1, true, null, "yes", {"number": "1.5"}], "b": {"c": "017"}}));
    let mut report = Report::new("stored");
    let shape = Shape::of(&["a"]);
    At::root(&node).fields(shape, &mut report);
    assert_eq!(report.finish().to_string(), "stored: unknown field \"b\"; the fields here are a");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "([ \n:{}\\[\\],\"'&*!|>%#?~<-]|---\n|[a-c]|\\PC){0,80}") {
        let (_, first) = parsed(&text);
        prop_assert_eq!(first, problems(&text));
    }

    #[test]
    fn json_text_gives_the_same_tree_as_the_value(
        keys in proptest::collection::btree_set("[a-z ]{1,5}", 0..4),
        texts in proptest::collection::vec("[ -~é\n]{0,12}", 4),
    ) {
        let texts = texts.into_iter().map(Value::String);
        let value = Value::Object(keys.into_iter().zip(texts).collect());
        let (trees, found) = parsed(&value.to_string());
        prop_assert_eq!(found, "");
        prop_assert_eq!(plain(&trees[0]), value);
    }
}
