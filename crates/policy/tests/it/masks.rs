//! A mask leaves no value, and changes nothing else.

use drawbridge_policy::{MARKER, Mask};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One way down: what the path says, and whether the object has there what it says.
#[derive(Debug, Clone)]
enum Way {
    Key(String),
    EveryKey,
    EveryElement,
}

/// Keys as they come: plain ones, and ones that a path must quote.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "data",
            "spec",
            "a",
            "b-c",
            "env",
            "value",
            "limits",
            "startTime",
            "timeout",
            "0"
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            "a.b/c",
            "x\"y",
            "back\\slash",
            "[*]",
            "*",
            "é",
            "a b",
            "]",
            "\"]",
            ".",
            "$patch"
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_filter("a key that isn't empty", |key| !key.is_empty() && key.len() < 100),
    ]
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![3 => key().prop_map(Way::Key), 1 => Just(Way::EveryKey), 1 => Just(Way::EveryElement)]
}

fn ways() -> impl Strategy<Value = Vec<Way>> {
    // Below `spec`, so that no path meets what can't be masked.
    prop::collection::vec(way(), 0..6)
        .prop_map(|ways| std::iter::once(Way::Key("spec".to_owned())).chain(ways).collect())
}

fn text(ways: &[Way]) -> String {
    let step = |way: &Way| match way {
        Way::Key(key) => format!("[\"{}\"]", key.replace('\\', "\\\\").replace('"', "\\\"")),
        Way::EveryKey => ".*".to_owned(),
        Way::EveryElement => "[*]".to_owned(),
    };
    ways.iter().map(step).collect()
}

fn mask(ways: &[Vec<Way>]) -> Mask {
    let paths: Vec<String> = ways.iter().map(|ways| text(ways)).collect();
    Mask::parse(&paths).expect("paths that can be read")
}

/// Any JSON whose texts and numbers are all secrets, each of them known again by its beginning.
fn secrets() -> impl Strategy<Value = Value> {
    let number = (0..1000_u32).prop_map(|number| json!(777_000_000 + number));
    let leaf = prop_oneof![
        "[a-z\"\\\\/é ]{0,8}".prop_map(|tail| json!(format!("s3cret-{tail}"))),
        number.clone(),
        number.prop_map(|number| json!(number.to_string())),
        Just(json!("7770-01-31T10:00:00Z")),
        Just(json!("777m")),
        Just(json!("777s")),
        Just(json!(-777.25)),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key().prop_filter("a name", |key| !key.contains("777")), inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// An object that has the secrets where the ways lead, or after `stop` steps where it is not what they say.
fn with(ways: &[Way], secrets: Value, stop: usize) -> Value {
    let Some((way, rest)) = ways.split_first() else { return secrets };
    if stop == 0 {
        return match way {
            Way::Key(_) | Way::EveryKey if secrets.is_object() => json!([secrets]),
            Way::EveryElement if secrets.is_array() => json!({"x": secrets}),
            _ => secrets,
        };
    }
    let below = with(rest, secrets, stop - 1);
    match way {
        Way::Key(key) => json!({ (key): below }),
        Way::EveryKey => json!({"one": below.clone(), "a.b/\"c": below}),
        Way::EveryElement => json!([below.clone(), below]),
    }
}

/// The texts and numbers of a value, not its keys.
fn values(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => into.push(number.to_string()),
        Value::String(text) => into.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| values(value, into)),
        Value::Object(map) => map.values().for_each(|value| values(value, into)),
    }
}

fn leaks(value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    values(value, &mut all);
    all.retain(|text| text.contains("s3cret") || text.contains("777"));
    all
}

/// The same object with every text, number and bool taken out, so that only its shape is left.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => json!(true),
        Value::Number(_) => json!(1),
        Value::String(_) => json!("x"),
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), shape(value))).collect::<Map<_, _>>().into()
        }
    }
}

proptest! {
    #[test]
    fn a_mask_leaves_no_value_at_its_paths(ways in ways(), secrets in secrets(), stop in 1..8_usize) {
        let mut object = with(&ways, secrets, stop);
        let before = shape(&object);
        mask(std::slice::from_ref(&ways)).hide(&mut object);
        prop_assert_eq!(leaks(&object), Vec::<String>::new(), "{} left {}", text(&ways), object);
        prop_assert_eq!(shape(&object), before, "keys and lengths stay");
    }

    #[test]
    fn a_mask_leaves_no_value_in_copies_of_the_object(ways in ways(), secrets in secrets()) {
        let object = with(&ways, secrets, usize::MAX);
        let mut whole = object.clone();
        let fields = json!({"f:spec": {(format!("v:{object}")): {}}});
        whole["metadata"] = json!({
            "name": "shown",
            "annotations": {LAST_APPLIED: object.to_string()},
            "managedFields": [{"manager": "m", "operation": "Apply", "fieldsV1": fields}],
        });
        whole["template"] = json!({"metadata": whole["metadata"]});
        mask(&[ways]).hide(&mut whole);
        prop_assert!(!whole["metadata"].to_string().contains("s3cret"), "{}", whole);
        prop_assert_eq!(leaks(&whole), Vec::<String>::new(), "{}", whole);
        prop_assert_eq!(&whole["metadata"]["name"], "shown");
        prop_assert_eq!(&whole["template"]["metadata"]["managedFields"], &Value::Null);
    }

    #[test]
    fn what_no_path_leads_to_stays_as_it_is(ways in ways(), one in secrets(), other in secrets()) {
        let mut object = with(&ways, one, usize::MAX);
        object["status"] = other.clone();
        object["kind"] = json!("Shown");
        object["metadata"] = json!({"name": "n", "labels": {"a": "b"}, "annotations": {"c": "d"}});
        let (kind, metadata) = (object["kind"].clone(), object["metadata"].clone());
        mask(&[ways]).hide(&mut object);
        prop_assert_eq!(&object["status"], &other);
        prop_assert_eq!((&object["kind"], &object["metadata"]), (&kind, &metadata));
    }

    #[test]
    fn hiding_twice_hides_what_hiding_once_does(one in ways(), other in ways(), secrets in secrets()) {
        let both = mask(&[one.clone(), other.clone()]);
        let mut once = with(&one, secrets, usize::MAX);
        both.hide(&mut once);
        let mut twice = once.clone();
        both.hide(&mut twice);
        prop_assert_eq!(&once, &twice);
        Mask::union(&mask(&[other]), &mask(&[one])).hide(&mut twice);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn two_objects_that_differ_only_in_hidden_texts_cannot_be_told_apart(
        ways in ways(), one in "[ -~]{0,40}", other in "\\PC{0,40}",
    ) {
        // Where a type has a time, a quantity or a duration, that it is none shows.
        let typed = |way: &Way| matches!(way, Way::Key(key) if ["limits", "startTime", "timeout"].contains(&key.as_str()));
        prop_assume!(!ways.iter().any(typed));
        let hidden = |text: &str| {
            let mut object = with(&ways, json!(text), usize::MAX);
            mask(std::slice::from_ref(&ways)).hide(&mut object);
            object
        };
        prop_assert_eq!(hidden(&one), hidden(&other));
        prop_assert!(hidden(&one).to_string().contains(MARKER));
    }

    #[test]
    fn any_text_is_a_path_or_is_refused_in_one_sentence(texts in prop::collection::vec("[a-z.*\\[\\]\"\\\\ é]{0,12}", 1..5)) {
        match Mask::parse(&texts) {
            Ok(mask) => {
                let written: Vec<String> = mask.paths().collect();
                prop_assert_eq!(Mask::parse(&written), Ok(mask));
            }
            Err(problems) => {
                for problem in problems {
                    prop_assert!(problem.index < texts.len());
                    prop_assert!(!problem.message.is_empty() && !problem.message.contains('\n'));
                }
            }
        }
    }

    #[test]
    fn a_failure_under_a_mask_says_nothing_of_what_the_cluster_said(secrets in secrets(), code in 400..600_u16) {
        let said = secrets.to_string();
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {"x": secrets.clone()}, "status": "Failure",
            "message": said.clone(), "code": code, "reason": said.clone(), "more": secrets.clone(),
            "details": {"name": "n", "more": secrets.clone(), "causes": [
                {"reason": said.clone(), "message": said.clone(), "field": format!("spec.tags[{said}]"), "more": secrets.clone()},
                secrets,
            ]},
        });
        drawbridge_policy::mask::status(&mut status);
        prop_assert_eq!(leaks(&status), Vec::<String>::new(), "{}", status);
        prop_assert_eq!(&status["code"], code);
    }
}

#[test]
fn the_deepest_object_that_is_read_is_masked_to_its_end() {
    // serde_json reads 127 levels.
    let deep = format!("{{\"spec\":{}\"s3cret\"{}}}", "[{\"a\":".repeat(63), "}]".repeat(63));
    let mut object: Value = serde_json::from_str(&deep).expect("JSON");
    Mask::parse(&["spec".to_owned()]).expect("a mask").hide(&mut object);
    assert_eq!(object.to_string(), deep.replace("s3cret", MARKER));
}
