//! The tree.

use serde_json::Value;

use super::problem::Place;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Text, a number, a truth value or nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the text; no key stands in it twice.
    Map(Vec<Field>),
    /// Something that was refused already, such as an alias. Readers pass over it: it has its problem.
    Refused,
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub place: Place,
    /// Its value.
    pub value: Node,
}

/// A scalar as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, with escapes resolved.
    pub text: String,
    /// Whether quotes or a block style say that it is text.
    pub quoted: bool,
}

/// What a scalar means in YAML 1.2's core schema (§10.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number in decimal.
    Integer(i64),
    /// Another number, or one too large.
    Number,
    /// Other YAML readers, kubectl's among them, take it for something else than text: `yes`, `on`, `017`,
    /// `1_000`.
    Ambiguous,
    /// Text.
    Text,
}

impl Scalar {
    /// What it means.
    #[must_use]
    pub fn kind(&self) -> ScalarKind {
        if self.quoted {
            return ScalarKind::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
            "true" | "True" | "TRUE" => return ScalarKind::Bool(true),
            "false" | "False" | "FALSE" => return ScalarKind::Bool(false),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | ".nan" | ".NaN" | ".NAN" => {
                return ScalarKind::Number;
            }
            "=" | "<<" => return ScalarKind::Ambiguous,
            _ => {}
        }
        let lower = self.text.to_ascii_lowercase();
        if matches!(lower.as_str(), "y" | "n" | "yes" | "no" | "on" | "off") {
            return ScalarKind::Ambiguous;
        }
        number(&lower)
    }
}

/// What kind of number a plain scalar is, if it is one.
fn number(text: &str) -> ScalarKind {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole && (digits == "0" || !digits.starts_with('0')) {
        return text.parse().map_or(ScalarKind::Number, ScalarKind::Integer);
    }
    let prefixed = ["0x", "0o", "0b"].iter().any(|prefix| {
        digits.strip_prefix(prefix).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_')
        })
    });
    let grouped = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.contains('_')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_' || byte == b'.');
    if whole || prefixed || grouped {
        return ScalarKind::Ambiguous;
    }
    // Rust's float syntax is the core schema's, but for its words, which do not begin like numbers.
    let numeric = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if numeric && digits.parse::<f64>().is_ok() { ScalarKind::Number } else { ScalarKind::Text }
}

impl Node {
    /// The tree of a JSON value, without places. The depth is bounded by whoever parsed the value.
    #[must_use]
    pub fn from_json(value: &Value) -> Node {
        let plain = |text: String| Content::Scalar(Scalar { text, quoted: false });
        let content = match value {
            Value::Null => plain(String::new()),
            Value::Bool(value) => plain(value.to_string()),
            Value::Number(value) => plain(value.to_string()),
            Value::String(text) => Content::Scalar(Scalar { text: text.clone(), quoted: true }),
            Value::Array(items) => Content::List(items.iter().map(Node::from_json).collect()),
            Value::Object(entries) => Content::Map(entries.iter().map(field).collect()),
        };
        Node { place: Place::default(), content }
    }

    /// Whether it is a scalar that means nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar(scalar) => scalar.kind() == ScalarKind::Null,
            Content::List(_) | Content::Map(_) | Content::Refused => false,
        }
    }

    /// The value of a key, if this is a map that has it.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(fields) => fields.iter().find(|field| field.key == key).map(|field| &field.value),
            Content::Scalar(_) | Content::List(_) | Content::Refused => None,
        }
    }

    /// An item, if this is a list that has so many.
    #[must_use]
    pub fn item(&self, index: usize) -> Option<&Node> {
        match &self.content {
            Content::List(items) => items.get(index),
            Content::Scalar(_) | Content::Map(_) | Content::Refused => None,
        }
    }

    /// What it is, in the words of a message.
    pub(crate) fn described(&self) -> String {
        let shown = |scalar: &Scalar| super::shown(&scalar.text);
        match &self.content {
            Content::Refused => "something refused".to_owned(),
            Content::List(items) if items.is_empty() => "an empty list".to_owned(),
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a map".to_owned(),
            Content::Scalar(scalar) => match scalar.kind() {
                ScalarKind::Null => "nothing".to_owned(),
                ScalarKind::Bool(value) => value.to_string(),
                ScalarKind::Integer(value) => format!("the number {value}"),
                ScalarKind::Number => format!("the number {}", shown(scalar).trim_matches('"')),
                ScalarKind::Ambiguous | ScalarKind::Text => format!("the text {}", shown(scalar)),
            },
        }
    }
}

fn field((key, value): (&String, &Value)) -> Field {
    Field { key: key.clone(), place: Place::default(), value: Node::from_json(value) }
}
