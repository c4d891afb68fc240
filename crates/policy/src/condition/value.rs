//! What an expression works with: CEL's values, borrowed from the objects wherever they come from one.

use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::{Map, Number, Value};

use super::library::network::{Address, Network};
use super::library::quantity::Quantity;
use super::library::time::{Duration, Timestamp};
use super::library::url::Url;
use super::types::Kind;

/// A value. Cloning one is cheap: nothing that grows is copied.
#[derive(Debug, Clone)]
pub(super) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Rc<[u8]>),
    List(List<'a>),
    Map(Dict<'a>),
    Timestamp(Timestamp),
    Duration(Duration),
    Type(&'static str),
    Quantity(Quantity),
    Ip(Address),
    Cidr(Network),
    Url(Rc<Url>),
}

/// A string.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Owned(Rc<str>),
}

/// A list: of an object, of our own facts, or made by the expression.
#[derive(Debug, Clone)]
pub(super) enum List<'a> {
    Json(&'a [Value]),
    Texts(&'a [String]),
    Made(Rc<[Val<'a>]>),
}

/// A map. One of JSON has strings as keys; one that the expression made may have others, no two of them equal.
#[derive(Debug, Clone)]
pub(super) enum Dict<'a> {
    Json(&'a Map<String, Value>),
    Made(Rc<[(Val<'a>, Val<'a>)]>),
}

impl<'a> Val<'a> {
    /// A borrowed view of JSON, as Kubernetes reads it: a number is an int if it is written as one and fits,
    /// else a double.
    pub(super) fn of(json: &'a Value) -> Self {
        match json {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::number(number),
            Value::String(text) => Self::Text(Text::Borrowed(text)),
            Value::Array(items) => Self::List(List::Json(items)),
            Value::Object(fields) => Self::Map(Dict::Json(fields)),
        }
    }

    fn number(number: &Number) -> Self {
        match number.as_i64() {
            Some(int) => Self::Int(int),
            None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    pub(super) fn borrowed(text: &'a str) -> Self {
        Self::Text(Text::Borrowed(text))
    }

    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Owned(text.into()))
    }

    pub(super) fn list(items: impl Into<Rc<[Val<'a>]>>) -> Self {
        Self::List(List::Made(items.into()))
    }

    /// A length as an int.
    pub(super) fn size(size: usize) -> Self {
        Self::Int(i64::try_from(size).unwrap_or(i64::MAX))
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Uint(_) => Kind::Uint,
            Self::Double(_) => Kind::Double,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Duration(_) => Kind::Duration,
            Self::Type(_) => Kind::Type,
            Self::Quantity(_) => Kind::Quantity,
            Self::Ip(_) => Kind::Ip,
            Self::Cidr(_) => Kind::Cidr,
            Self::Url(_) => Kind::Url,
        }
    }

    /// How much of it work may have to look at: what functions are charged for.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.as_str().len() / BYTES_PER_STEP,
            Self::Bytes(bytes) => bytes.len() / BYTES_PER_STEP,
            Self::List(list) => list.len(),
            Self::Map(map) => map.len(),
            _ => 0,
        }
    }
}

/// How many bytes of text count as one step.
const BYTES_PER_STEP: usize = 64;

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(items) => items.len(),
            Self::Texts(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(super) fn item(&self, index: usize) -> Option<Val<'a>> {
        match self {
            Self::Json(items) => items.get(index).map(Val::of),
            Self::Texts(items) => items.get(index).map(|text| Val::borrowed(text)),
            Self::Made(items) => items.get(index).cloned(),
        }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Val<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.item(index))
    }
}

impl<'a> Dict<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(fields) => fields.len(),
            Self::Made(entries) => entries.len(),
        }
    }

    /// The value of a field that is named as in `map.field`.
    pub(super) fn field(&self, name: &str) -> Option<Val<'a>> {
        match self {
            Self::Json(fields) => fields.get(name).map(Val::of),
            Self::Made(entries) => {
                let is_named = |key: &Val<'_>| matches!(key, Val::Text(text) if text.as_str() == name);
                entries.iter().find(|(key, _)| is_named(key)).map(|(_, value)| value.clone())
            }
        }
    }

    /// The value of a key. Numbers are looked up by their value: `1` finds `1u` and `1.0`.
    pub(super) fn value(&self, key: &Val<'_>) -> Option<Val<'a>> {
        match (self, key) {
            (_, Val::Text(name)) => self.field(name.as_str()),
            (Self::Json(_), _) => None,
            (Self::Made(entries), key) => {
                entries.iter().find(|(of, _)| same_key(of, key)).map(|(_, value)| value.clone())
            }
        }
    }

    pub(super) fn keys(&self) -> Vec<Val<'a>> {
        match self {
            Self::Json(fields) => fields.keys().map(|key| Val::borrowed(key)).collect(),
            Self::Made(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        }
    }
}

/// Whether two keys of a map are one: scalars of one value.
pub(super) fn same_key(one: &Val<'_>, other: &Val<'_>) -> bool {
    match (one, other) {
        (Val::Bool(one), Val::Bool(other)) => one == other,
        (Val::Text(one), Val::Text(other)) => one.as_str() == other.as_str(),
        _ => compare_numbers(one, other) == Some(Ordering::Equal),
    }
}

/// How two numbers of whatever kinds compare. A whole number is rounded to a double beside a double, as cel-go
/// does it. None: one is no number, or not a number.
pub(super) fn compare_numbers(one: &Val<'_>, other: &Val<'_>) -> Option<Ordering> {
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => double(one)?.partial_cmp(&double(other)?),
    }
}

fn whole(value: &Val<'_>) -> Option<i128> {
    match value {
        Val::Int(int) => Some(i128::from(*int)),
        Val::Uint(uint) => Some(i128::from(*uint)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "as cel-go does it")]
fn double(value: &Val<'_>) -> Option<f64> {
    match value {
        Val::Int(int) => Some(*int as f64),
        Val::Uint(uint) => Some(*uint as f64),
        Val::Double(double) => Some(*double),
        _ => None,
    }
}
