//! Text to trees, one for each document.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{self, Event, Marker, Parser, ScalarStyle, Span};

use super::node::{Content, Field, Node, Scalar};
use super::problem::{Place, Report};
use super::{shown, syntax};

/// Bytes of one file. The largest installation designed for (10,000 agents, 50,000 grants) has about 15 MB
/// of manifests, which nobody keeps in one file.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Lists and maps in one another. A manifest has 6; readers of the tree may recurse.
pub const MAX_DEPTH: usize = 32;

/// Values of one file. A node costs more memory than its two bytes of text.
pub const MAX_NODES: usize = 500_000;

/// Reads all documents of a text. What is wrong goes to `report`; the trees are what could be read
/// nevertheless, so that their readers find further problems. Empty documents are left out.
pub fn parse(text: &str, report: &mut Report) -> Vec<Node> {
    if text.len() > MAX_BYTES {
        let size = text.len();
        report.add(
            Place::START,
            format!("the file has {size} bytes; at most {MAX_BYTES} are read, so split it"),
        );
        return Vec::new();
    }
    let before = report.count();
    syntax::characters(text, report);
    if report.count() > before {
        return Vec::new();
    }
    let options = granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
    };
    documents(&mut Parser::new_from_str_with_options(text, options), report)
}

/// Reads on at the next document after a syntax error, so that one mistake doesn't hide those behind it.
fn documents<'input, I: granit_parser::input::BorrowedInput<'input>>(
    parser: &mut Parser<'input, I>,
    report: &mut Report,
) -> Vec<Node> {
    let mut builder = Builder::default();
    loop {
        match parser.next_event() {
            None => return builder.documents,
            Some(Ok((event, span))) => {
                if builder.take(event, span, report).is_err() {
                    return builder.documents;
                }
            }
            Some(Err(error)) => {
                report.add(place(*error.marker()), syntax::message(&error));
                builder.stack.clear();
                match parser.proceed_next_document() {
                    Ok(true) => {}
                    Ok(false) => return builder.documents,
                    Err(error) => {
                        report.add(place(*error.marker()), syntax::message(&error));
                        return builder.documents;
                    }
                }
            }
        }
    }
}

/// The text has more values than are read.
struct TooMany;

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    stack: Vec<Open>,
    /// Lists and maps open below the depth limit; nothing is built of them.
    too_deep: usize,
    nodes: usize,
}

/// A list or map whose end has not come.
enum Open {
    List { place: Place, items: Vec<Node> },
    Map(OpenMap),
}

struct OpenMap {
    place: Place,
    fields: Vec<Field>,
    seen: HashMap<String, Place>,
    next: Next,
}

/// What a map waits for.
enum Next {
    Key,
    Value(String, Place),
    /// The value of a key that was refused.
    Dropped,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span, report: &mut Report) -> Result<(), TooMany> {
        let here = place(span.start);
        match event {
            Event::Scalar(text, style, _, tag) => {
                refuse_tag(tag.is_some(), span, report);
                let quoted = style != ScalarStyle::Plain;
                let scalar = Scalar { text: text.into_owned(), quoted };
                self.attach(Node { place: here, content: Content::Scalar(scalar) }, report)?;
            }
            Event::SequenceStart(_, _, tag) => {
                refuse_tag(tag.is_some(), span, report);
                self.open(Open::List { place: here, items: Vec::new() }, here, report);
            }
            Event::MappingStart(_, _, tag) => {
                refuse_tag(tag.is_some(), span, report);
                let (fields, seen) = (Vec::new(), HashMap::new());
                self.open(Open::Map(OpenMap { place: here, fields, seen, next: Next::Key }), here, report);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(here, report)?,
            Event::Anchor(_, name) => {
                let name = shown(&name);
                report.add(
                    here,
                    format!("anchors are refused; leave {name} out and write the value where it is used"),
                );
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                report.add(here, "aliases are refused; write the value out");
                self.attach(Node { place: here, content: Content::Refused }, report)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, open: Open, here: Place, report: &mut Report) {
        if self.stack.len() < MAX_DEPTH && self.too_deep == 0 {
            self.stack.push(open);
            return;
        }
        if self.too_deep == 0 {
            report.add(
                here,
                format!("nested too deeply; at most {MAX_DEPTH} lists and maps may be in one another"),
            );
        }
        self.too_deep = self.too_deep.saturating_add(1);
    }

    fn close(&mut self, here: Place, report: &mut Report) -> Result<(), TooMany> {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            if self.too_deep == 0 {
                self.attach(Node { place: here, content: Content::Refused }, report)?;
            }
            return Ok(());
        }
        let node = match self.stack.pop() {
            None => return Ok(()),
            Some(Open::List { place, items }) => Node { place, content: Content::List(items) },
            Some(Open::Map(map)) => Node { place: map.place, content: Content::Map(map.fields) },
        };
        self.attach(node, report)
    }

    /// Puts a complete value where it belongs.
    fn attach(&mut self, node: Node, report: &mut Report) -> Result<(), TooMany> {
        if self.too_deep > 0 {
            return Ok(());
        }
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MAX_NODES {
            report.add(node.place, format!("the file has more than {MAX_NODES} values; split it"));
            return Err(TooMany);
        }
        match self.stack.last_mut() {
            None if node.is_null() => {}
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map(map)) => map.attach(node, report),
        }
        Ok(())
    }
}

impl OpenMap {
    fn attach(&mut self, node: Node, report: &mut Report) {
        match std::mem::replace(&mut self.next, Next::Key) {
            Next::Key => self.next = self.key(node, report),
            Next::Value(key, place) => self.fields.push(Field { key, place, value: node }),
            Next::Dropped => {}
        }
    }

    fn key(&mut self, node: Node, report: &mut Report) -> Next {
        let place = node.place;
        let scalar = match node.content {
            Content::Scalar(scalar) => scalar,
            Content::Refused => return Next::Dropped,
            Content::List(_) | Content::Map(_) => {
                report.add(
                    place,
                    "a key must be text, not a list or a map; if this is a template, fill it in first",
                );
                return Next::Dropped;
            }
        };
        if scalar.text == "<<" && !scalar.quoted {
            report.add(place, "merge keys (\"<<\") are refused; write the fields out");
            return Next::Dropped;
        }
        if scalar.kind() != super::ScalarKind::Text {
            let text = shown(&scalar.text);
            report.add(
                place,
                format!("a key must be text; {text} without quotes can be read as something else"),
            );
            return Next::Dropped;
        }
        if let Some(first) = self.seen.get(&scalar.text) {
            let (key, line) = (shown(&scalar.text), first.line);
            report.add(
                place,
                format!("duplicate key {key}; it stands in line {line} already, so leave one out"),
            );
            return Next::Dropped;
        }
        self.seen.insert(scalar.text.clone(), place);
        Next::Value(scalar.text, place)
    }
}

fn refuse_tag(tagged: bool, span: Span, report: &mut Report) {
    if tagged {
        let here = place(span.tag_start().unwrap_or(span.start));
        report.add(
            here,
            "tags (\"!…\") are refused; leave it out, or put text that begins with \"!\" in quotes",
        );
    }
}

fn place(marker: Marker) -> Place {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Place { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}
