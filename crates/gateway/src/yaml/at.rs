//! Walking the tree: each reader takes what it expects and notes what is there instead.

use super::node::{Content, Field, Node, ScalarKind};
use super::problem::{Place, Report};
use super::{closest, shown};

/// A value on the way through the tree, with the path to it for messages.
#[derive(Debug, Clone)]
pub struct At<'t> {
    node: &'t Node,
    path: String,
}

/// The fields that a map may have.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Those that are read.
    pub known: &'static [&'static str],
    /// Those that the design has and this version hasn't: the name, and what it is for. Refused by name.
    pub later: &'static [(&'static str, &'static str)],
}

impl Shape {
    /// A shape in which nothing is still to come.
    #[must_use]
    pub const fn of(known: &'static [&'static str]) -> Shape {
        Shape { known, later: &[] }
    }
}

/// A map all of whose fields are known.
#[derive(Debug)]
pub struct Fields<'t> {
    place: Place,
    path: String,
    fields: &'t [Field],
}

impl<'t> At<'t> {
    /// The beginning of a document.
    #[must_use]
    pub fn root(node: &'t Node) -> At<'t> {
        At { node, path: String::new() }
    }

    /// Where the value begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.node.place
    }

    /// The way to it, such as `spec.rules[2].verbs`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value itself.
    #[must_use]
    pub fn node(&self) -> &'t Node {
        self.node
    }

    /// Notes that this value is wrong: `message` follows its path.
    pub fn wrong(&self, report: &mut Report, message: &str) {
        report.add(self.place(), named(&self.path, message));
    }

    /// A map with fields of `shape`; unknown fields are noted.
    pub fn fields(&self, shape: Shape, report: &mut Report) -> Option<Fields<'t>> {
        let map = self.top(report)?;
        for field in map.fields {
            if shape.known.contains(&field.key.as_str()) {
                continue;
            }
            // What is only counted needs no words, and finding the word that was meant takes time.
            let words = |report: &Report| {
                (!report.is_full()).then(|| unknown(&field.key, shape, &self.path_where_needed()))
            };
            report.add(field.place, words(report).unwrap_or_default());
        }
        Some(map)
    }

    /// A map whose fields are not judged yet.
    pub fn top(&self, report: &mut Report) -> Option<Fields<'t>> {
        let fields = self.map(report)?;
        Some(Fields { place: self.place(), path: self.path.clone(), fields })
    }

    /// A map with keys of the writer's choice.
    pub fn map(&self, report: &mut Report) -> Option<&'t [Field]> {
        match &self.node.content {
            Content::Map(fields) => Some(fields),
            Content::Scalar(_) | Content::List(_) => self.expected("a map", report),
            Content::Refused => None,
        }
    }

    /// A list.
    pub fn list(&self, report: &mut Report) -> Option<Vec<At<'t>>> {
        match &self.node.content {
            Content::List(items) => {
                Some(items.iter().enumerate().map(|(i, node)| self.item(i, node)).collect())
            }
            Content::Scalar(_) | Content::Map(_) => self.expected("a list", report),
            Content::Refused => None,
        }
    }

    /// A list of texts, each with its place.
    pub fn texts(&self, report: &mut Report) -> Option<Vec<(&'t str, At<'t>)>> {
        let before = report.count();
        let items = self.list(report)?;
        let texts: Vec<_> =
            items.into_iter().filter_map(|at| at.text(report).map(|text| (text, at))).collect();
        (report.count() == before).then_some(texts)
    }

    /// Text. Plain scalars that YAML readers take for something else must be in quotes.
    pub fn text(&self, report: &mut Report) -> Option<&'t str> {
        match &self.node.content {
            Content::Scalar(scalar) => match scalar.kind() {
                ScalarKind::Text => Some(&scalar.text),
                ScalarKind::Null => self.expected("text", report),
                ScalarKind::Bool(_) | ScalarKind::Integer(_) | ScalarKind::Number | ScalarKind::Ambiguous => {
                    let text = shown(&scalar.text);
                    let plain = text.trim_matches('"');
                    self.wrong(
                        report,
                        &format!("{plain} can be read as something else than text; write {text}"),
                    );
                    None
                }
            },
            Content::List(_) | Content::Map(_) => self.expected("text", report),
            Content::Refused => None,
        }
    }

    /// A whole number in decimal.
    pub fn integer(&self, report: &mut Report) -> Option<i64> {
        match &self.node.content {
            Content::Scalar(scalar) => match scalar.kind() {
                ScalarKind::Integer(value) => Some(value),
                ScalarKind::Null
                | ScalarKind::Bool(_)
                | ScalarKind::Number
                | ScalarKind::Ambiguous
                | ScalarKind::Text => self.expected("a whole number", report),
            },
            Content::List(_) | Content::Map(_) => self.expected("a whole number", report),
            Content::Refused => None,
        }
    }

    /// `true` or `false`.
    pub fn truth(&self, report: &mut Report) -> Option<bool> {
        let flag = match &self.node.content {
            Content::Scalar(scalar) => match scalar.kind() {
                ScalarKind::Bool(flag) => Some(flag),
                ScalarKind::Null
                | ScalarKind::Integer(_)
                | ScalarKind::Number
                | ScalarKind::Ambiguous
                | ScalarKind::Text => None,
            },
            Content::List(_) | Content::Map(_) | Content::Refused => None,
        };
        if flag.is_none() { self.expected("true or false", report) } else { flag }
    }

    /// An item of a list, without a word if there is none.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<At<'t>> {
        self.node.item(index).map(|node| self.item(index, node))
    }

    /// The value of one field of a map that [`At::map`] gave.
    #[must_use]
    pub fn field(&self, field: &'t Field) -> At<'t> {
        At { node: &field.value, path: joined(&self.path, &field.key) }
    }

    fn item(&self, index: usize, node: &'t Node) -> At<'t> {
        At { node, path: format!("{}[{index}]", self.path) }
    }

    /// Notes that `what` should stand here, and what does. Gives nothing, for use as a reader's answer.
    pub fn expected<T>(&self, what: &str, report: &mut Report) -> Option<T> {
        if self.node.content == Content::Refused {
            return None;
        }
        if self.node.is_null() {
            self.wrong(report, &format!("has no value; write {what}, or leave the field out"));
        } else {
            self.wrong(report, &format!("expected {what}, found {}", self.node.described()));
        }
        None
    }

    /// The path for problems that name a field alone: the place tells it, where there is one.
    fn path_where_needed(&self) -> String {
        if self.place() == Place::default() { self.path.clone() } else { String::new() }
    }
}

impl<'t> Fields<'t> {
    /// A field that may be left out.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<At<'t>> {
        let field = self.fields.iter().find(|field| field.key == name)?;
        Some(At { node: &field.value, path: joined(&self.path, name) })
    }

    /// A field that must be there; `what` says what it would hold.
    pub fn required(&self, name: &str, what: &str, report: &mut Report) -> Option<At<'t>> {
        let found = self.optional(name);
        if found.is_none() {
            report.add(self.place, named(&joined(&self.path, name), &format!("is missing; it holds {what}")));
        }
        found
    }

    /// Where the map begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Where a field's key stands, or the map's beginning if the field isn't there.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Place {
        self.fields.iter().find(|field| field.key == name).map_or(self.place, |field| field.place)
    }
}

fn unknown(key: &str, shape: Shape, path: &str) -> String {
    let name = shown(key);
    let place = if path.is_empty() { String::new() } else { format!(" in {path}") };
    if let Some((_, purpose)) = shape.later.iter().find(|(later, _)| *later == key) {
        return format!(
            "{name}{place} is not built yet: {purpose}; refused so that nothing is promised that isn't \
             enforced"
        );
    }
    match closest(key, shape.known.iter().copied()) {
        Some(meant) => format!("unknown field {name}{place}; did you mean {meant:?}?"),
        None => format!("unknown field {name}{place}; the fields here are {}", shape.known.join(", ")),
    }
}

fn named(path: &str, message: &str) -> String {
    if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
