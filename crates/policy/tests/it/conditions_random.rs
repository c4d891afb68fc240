//! Conditions that nobody wrote: whatever the text and whatever the objects, there is an answer and no
//! panic, and what is asked from both sides is answered alike.

use drawbridge_policy::Millis;
use drawbridge_policy::condition::{Bindings, Condition, Verdict, changed};
use proptest::prelude::*;
use serde_json::{Value, json};

fn check(condition: &Condition, object: &Value, old: &Value) -> Verdict {
    let request = json!({"name": "n", "operation": "UPDATE"});
    condition.check(&Bindings {
        request: &request,
        object: Some(object),
        old_object: Some(old),
        namespace_object: None,
        agent: &Value::Null,
        grant: &Value::Null,
        task: &Value::Null,
        changed: &changed(old, object),
        revisions: std::slice::from_ref(old),
        now: Millis(i64::MAX),
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-3_i32..3).prop_map(|number| Value::from(f64::from(number))),
        "[abc]{0,2}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]{1}|~|/", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Pieces of expressions, so that many of what is made of them compile.
fn any_source() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "object",
        "oldObject",
        ".a",
        ".b",
        "['c']",
        "[0]",
        "[-1]",
        " == ",
        " != ",
        " < ",
        " in ",
        " && ",
        " || ",
        "!",
        "-",
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ":",
        " ? ",
        ",",
        "1",
        "0",
        "2u",
        "1.5",
        "'a'",
        "b'a'",
        "null",
        "true",
        "false",
        ".size()",
        ".all(x, ",
        ".exists(x, ",
        ".map(x, ",
        "x",
        "has(",
        "int(",
        "string(",
        "duration('1s')",
        "request.time",
        ".getHours('Europe/Berlin')",
        "changed",
        "revisions",
        ".matches('^a+$')",
        ".split('')",
        ".replace('', 'aa')",
        ".indexOf('a', 9)",
        ".substring(1, 0)",
        "quantity(",
        "ip(",
        "cidr('10.0.0.0/8')",
        ".containsIP(",
        "url(",
        ".sum()",
        ".max()",
        ".isSorted()",
        "9223372036854775807",
        ".hasCondition('a')",
        ".join()",
        "sets.contains(",
        "\u{1f30d}",
        "é",
        "\n",
        "//",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Expressions over two objects that compile.
fn any_condition() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "object",
        "object.a",
        "object.b.c",
        "object['~']",
        "object[0]",
        "oldObject.a[0]",
    ]);
    let of = prop::sample::select(vec![
        " == 1",
        " > 'a'",
        ".size() > 0",
        ".all(x, x == 1)",
        ".exists(x, x.a > 0)",
        " in object.b",
        ".startsWith('a')",
        " == oldObject.a",
        " + 1 > 0",
        " == true",
        ".sum() > 0",
        ".hasCondition('a')",
        ".map(x, x).size() == 1",
    ]);
    let sign = prop::sample::select(vec![" && ", " || "]);
    prop::collection::vec((part, of, sign), 1..4).prop_map(|parts| {
        let mut text = String::from("true");
        for (part, of, sign) in parts {
            text = format!("{text}{sign}dyn({part}){of}");
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_compiling_or_checking_panic(
        text in prop_oneof![any::<String>(), any_source()],
        object in any_json(),
        old in any_json(),
    ) {
        if let Ok(condition) = Condition::compile(&text) {
            let _verdict = check(&condition, &object, &old);
        }
    }

    #[test]
    fn every_condition_has_one_answer_about_any_objects(
        source in any_condition(),
        object in any_json(),
        old in any_json(),
    ) {
        let condition = Condition::compile(&source).unwrap_or_else(|error| panic!("{source}: {error}"));
        let verdict = check(&condition, &object, &old);
        let negated = Condition::compile(&format!("!({source})")).unwrap();
        match (verdict, check(&negated, &object, &old)) {
            (Verdict::Holds, Verdict::Fails) | (Verdict::Fails, Verdict::Holds) => {}
            (Verdict::Unclear(one), Verdict::Unclear(other)) => prop_assert_eq!(one, other),
            other => prop_assert!(false, "{source}: {other:?}"),
        }
    }

    #[test]
    fn equality_and_membership_are_the_same_from_both_sides(one in any_json(), other in any_json()) {
        let equal = one_of("object == oldObject", &one, &other);
        prop_assert_eq!(equal, one_of("oldObject == object", &one, &other));
        prop_assert_eq!(equal, !one_of("object != oldObject", &one, &other));
        prop_assert_eq!(equal, one_of("object in [oldObject]", &one, &other));
        prop_assert_eq!(equal, one_of("[object] == [oldObject]", &one, &other));
        prop_assert_eq!(equal, one_of("{'k': object} == {'k': oldObject}", &one, &other));
        let itself = "object == object && object in [object] && {'k': object}.k == object";
        prop_assert!(one_of(itself, &one, &other), "it isn't itself");
    }

    #[test]
    fn what_changed_is_where_the_objects_differ(old in any_json(), new in any_json()) {
        let pointers = changed(&old, &new);
        prop_assert_eq!(pointers.is_empty(), old == new);
        for pointer in &pointers {
            prop_assert!(old.pointer(pointer) != new.pointer(pointer), "{pointer}");
        }
    }
}

fn one_of(source: &str, object: &Value, old: &Value) -> bool {
    match check(&Condition::compile(source).unwrap(), object, old) {
        Verdict::Holds => true,
        Verdict::Fails => false,
        Verdict::Unclear(why) => panic!("{source}: {why}"),
    }
}
