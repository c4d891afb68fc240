//! JSON Schemas (draft 2020-12, the part of it that editors read) from the shapes by which text is read, and
//! enough of a validator to compare what a schema takes with what the reader takes. A schema knows fields,
//! types and words; what only the reader knows (names, patterns, what belongs together) it lets pass.

use serde_json::{Map, Value, json};

use super::Shape;

/// A map with exactly the fields of a shape: naming others, or fewer, or in another order fails the test
/// that makes the schema.
pub(crate) fn object(shape: Shape, fields: &[(&str, Value)], required: &[&str]) -> Value {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, shape.known, "the schema's fields are not the reader's");
    let properties: Map<String, Value> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Text.
pub(crate) fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

/// One of some words.
pub(crate) fn word(words: &[&str], description: &str) -> Value {
    json!({"type": "string", "enum": words, "description": description})
}

/// A list.
pub(crate) fn list(items: &Value, least: usize, description: &str) -> Value {
    json!({"type": "array", "items": items, "minItems": least, "description": description})
}

/// The same with a description.
pub(crate) fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}

/// Compares with the file that is kept, or writes it where `UPDATE_DOCS` says so.
pub(crate) fn compare(file: &str, schema: &Value) {
    let directory = format!("{}/../../docs/reference/schemas", env!("CARGO_MANIFEST_DIR"));
    let path = format!("{directory}/{file}");
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == text,
        "docs/reference/schemas/{file} is stale: UPDATE_DOCS=1 cargo test -p drawbridge schema, and commit it"
    );
}

/// Whether a schema takes a value. A keyword that isn't known here fails the test.
pub(crate) fn takes(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(keyword, wants)| holds(keyword, wants, schema, value))
}

fn holds(keyword: &str, wants: &Value, schema: &Value, value: &Value) -> bool {
    let all = |wants: &Value| wants.as_array().unwrap().clone();
    let number = |wants: &Value| wants.as_i64().unwrap();
    match keyword {
        "type" => match wants.as_array() {
            None => is(wants.as_str().unwrap(), value),
            Some(types) => types.iter().any(|one| is(one.as_str().unwrap(), value)),
        },
        "properties" => value.as_object().is_none_or(|fields| {
            wants
                .as_object()
                .unwrap()
                .iter()
                .all(|(name, one)| fields.get(name).is_none_or(|field| takes(one, field)))
        }),
        "required" => value
            .as_object()
            .is_none_or(|fields| all(wants).iter().all(|name| fields.contains_key(name.as_str().unwrap()))),
        "additionalProperties" => value.as_object().is_none_or(|fields| {
            let known = schema.get("properties").and_then(Value::as_object);
            let mut others =
                fields.iter().filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
            match wants.as_bool() {
                Some(false) => others.next().is_none(),
                Some(true) => true,
                None => others.all(|(_, other)| takes(wants, other)),
            }
        }),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| takes(wants, item))),
        "minItems" => value.as_array().is_none_or(|items| items.len() >= wants.as_u64().unwrap() as usize),
        "minProperties" => value.as_object().is_none_or(|all| all.len() >= wants.as_u64().unwrap() as usize),
        "enum" => all(wants).contains(value),
        "const" => wants == value,
        "minimum" => value.as_i64().is_none_or(|value| value >= number(wants)),
        "maximum" => value.as_i64().is_none_or(|value| value <= number(wants)),
        "allOf" => all(wants).iter().all(|one| takes(one, value)),
        "oneOf" => all(wants).iter().filter(|one| takes(one, value)).count() == 1,
        "if" => !takes(wants, value) || takes(&schema["then"], value),
        "then" | "description" | "title" | "$schema" | "$id" | "default" | "format" => true,
        other => panic!("the keyword {other} is not known here"),
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        other => panic!("the type {other} is not known here"),
    }
}
