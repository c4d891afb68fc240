//! A condition of ours as ValidatingAdmissionPolicy takes it: the same expression, with the fields of
//! `request` that it may lack and our one function written out. Pure.

use drawbridge_policy::{Condition, Variable};

/// What `request` may lack there is a variable here: a field that is left out has no value in CEL. A request
/// that creates an object has no name for rules, while admission takes it from the body.
pub(super) const VARIABLES: [(&str, &str); 5] = [
    (
        "requestName",
        "has(request.name) && (request.operation != 'CREATE' || has(request.subResource)) ? \
         request.name : ''",
    ),
    ("requestNamespace", "has(request.namespace) ? request.namespace : ''"),
    ("subResource", "has(request.subResource) ? request.subResource : ''"),
    ("requestSubResource", "has(request.requestSubResource) ? request.requestSubResource : ''"),
    ("dryRun", "has(request.dryRun) ? request.dryRun : false"),
];

/// The variable that stands for a field of `request`.
fn variable(field: &str) -> Option<&'static str> {
    match field {
        "name" => Some("requestName"),
        // A variable can't be called that: CEL keeps the word.
        "namespace" => Some("requestNamespace"),
        "subResource" => Some("subResource"),
        "requestSubResource" => Some("requestSubResource"),
        "dryRun" => Some("dryRun"),
        _ => None,
    }
}

/// Fields of `request` that are the same on both sides.
const SAME: [&str; 3] = ["operation", "resource", "requestResource"];

/// A text as CEL writes it.
pub(super) fn text(text: &str) -> String {
    // Every escape of JSON's is one of CEL's.
    serde_json::Value::from(text).to_string()
}

/// A list of texts as CEL writes it.
pub(super) fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|one| text(one)).collect();
    format!("[{}]", texts.join(", "))
}

/// The expression there, or what keeps it from being one.
pub(super) fn condition(condition: &Condition) -> Result<String, String> {
    let missing = [
        (Variable::Agent, "agent"),
        (Variable::Task, "task"),
        (Variable::Grant, "grant"),
        (Variable::Changed, "changed"),
        (Variable::Revisions, "revisions"),
    ];
    if let Some((_, name)) = missing.into_iter().find(|(variable, _)| condition.names(*variable)) {
        return Err(name.to_owned());
    }
    rewritten(condition.source())
}

fn rewritten(source: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if first == '\'' || first == '"' {
            let length = quoted(rest).ok_or("a text that isn't closed")?;
            let (literal, after) = rest.split_at(length);
            out.push_str(literal);
            rest = after;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            if after.starts_with(['\'', '"']) {
                return Err("texts with a prefix, such as r''".to_owned());
            }
            rest = one(word, after, &mut out)?;
        } else if rest.starts_with("//") {
            return Err("comments".to_owned());
        } else {
            out.push(first);
            rest = rest.strip_prefix(first).unwrap_or_default();
        }
    }
    Ok(out)
}

/// Writes one word; what comes after it.
fn one<'a>(word: &str, after: &'a str, out: &mut String) -> Result<&'a str, String> {
    let is_field = out.trim_end().ends_with('.');
    match word {
        "request" if !is_field => {
            let field = after.strip_prefix('.').unwrap_or_default();
            let length = field.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(field.len());
            let (field, left) = field.split_at(length);
            if let Some(variable) = variable(field) {
                out.push_str(&format!("variables.{variable}"));
            } else if SAME.contains(&field) {
                out.push_str(&format!("request.{field}"));
            } else {
                return Err(format!("request.{field}"));
            }
            Ok(left)
        }
        "hasCondition" if is_field => has_condition(after, out),
        word => {
            out.push_str(word);
            Ok(after)
        }
    }
}

/// `object.hasCondition("Complete")`, written out.
fn has_condition<'a>(after: &'a str, out: &mut String) -> Result<&'a str, String> {
    let odd = || "hasCondition with anything but object or oldObject and a text".to_owned();
    let inside = after.strip_prefix('(').ok_or_else(odd)?.trim_start();
    let literal = inside.get(..quoted(inside).ok_or_else(odd)?).ok_or_else(odd)?;
    let left =
        inside.strip_prefix(literal).ok_or_else(odd)?.trim_start().strip_prefix(')').ok_or_else(odd)?;
    let before = out.trim_end().trim_end_matches('.');
    let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    let (before, of) = before.split_at(start);
    let (path, of) = (before.trim_end().ends_with('.'), of.to_owned());
    if path || !["object", "oldObject"].contains(&of.as_str()) {
        return Err(odd());
    }
    out.truncate(start);
    out.push_str(&format!(
        "({of} != null && has({of}.status) && has({of}.status.conditions) && \
         {of}.status.conditions.exists(c, c.type == {literal} && c.status == \"True\"))"
    ));
    Ok(left)
}

/// How long the text literal is that this begins with.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    // A text in three quotes may hold lines.
    if text.starts_with(&quote.to_string().repeat(3)) {
        return None;
    }
    let mut escaped = false;
    for (at, one) in text.char_indices().skip(1) {
        match one {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            one if one == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}
