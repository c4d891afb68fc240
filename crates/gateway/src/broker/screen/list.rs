//! A list or a table, screened as it streams: what isn't hidden is written on before the rest has come.

use drawbridge_policy::Look;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::form::{Form, Include, Shape, Version};
use super::keys::Key;
use super::outline::{Outline, Part};
use super::reduce::{Seal, list_metadata, partial};
use super::table::Row;
use super::{Fault, Looks};

const NO_JSON: Fault = Fault::Form("it is no JSON");

/// Screens one list.
pub struct List {
    outline: Outline,
    writer: Writer,
}

impl List {
    /// A list to be written in `form`. `looks` gets each object whole, and with its `kind` and `apiVersion`
    /// where the list's elements leave them out; `seal` the `continue` token.
    pub fn new(
        form: Form,
        looks: impl FnMut(&mut Value) -> Look + Send + 'static,
        seal: impl FnMut(&str) -> Result<String, Fault> + Send + 'static,
    ) -> List {
        let writer = Writer {
            shape: form.shape(),
            looks: Box::new(looks),
            seal: Box::new(seal),
            head: Head::default(),
            members: 0,
            elements: 0,
        };
        List { outline: Outline::default(), writer }
    }

    /// Goes on with the next piece of the cluster's answer, of any size, and appends what the caller gets of
    /// it to `out`.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let List { outline, writer } = self;
        outline.feed(piece, |part| writer.part(part, out))
    }

    /// The cluster's answer is over.
    pub fn end(&self) -> Result<(), Fault> {
        if self.outline.is_over() { Ok(()) } else { Err(Fault::Short) }
    }
}

/// The keys of what is shown of a list that was read whole: what a watch that begins behind it is seeded
/// with. Its items are looked at as those of a list that streams, and masked where they lie.
pub fn shown(list: &mut Value, mut looks: impl FnMut(&mut Value) -> Look) -> Result<Vec<Key>, Fault> {
    let text = |name: &str| list.get(name).and_then(Value::as_str).map(str::to_owned);
    let head = Head {
        kind: text("kind"),
        api_version: text("apiVersion"),
        long: Some(Long::Items),
        ..Head::default()
    };
    head.fits()?;
    let keys = |item: &mut Value| {
        head.complete(item);
        // Before the look, which may mask what a key is made of.
        let key = Key::of(item);
        (looks(item) == Look::Shown).then_some(key)
    };
    match list.get_mut("items") {
        Some(Value::Array(items)) => Ok(items.iter_mut().filter_map(keys).collect()),
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(Fault::Form("it is no list")),
    }
}

/// What is known of the list so far.
#[derive(Default)]
struct Head {
    kind: Option<String>,
    api_version: Option<String>,
    metadata: bool,
    columns: bool,
    /// What its long list is.
    long: Option<Long>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Long {
    Items,
    Rows(Version, Include),
}

struct Writer {
    shape: Shape,
    looks: Looks,
    seal: Seal,
    head: Head,
    members: usize,
    elements: usize,
}

impl Writer {
    fn part(&mut self, part: Part<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        match part {
            Part::Member(name, value) => self.member(name, value, out),
            Part::Opens(name) => {
                self.long(name)?;
                self.name(name, out);
                out.push(b'[');
                Ok(())
            }
            Part::Element(element) => {
                let element = serde_json::from_slice(element).or(Err(NO_JSON))?;
                match self.head.long {
                    Some(Long::Rows(version, include)) => self.row(element, version, include, out),
                    _ => self.item(element, out),
                }
            }
            Part::Closes => {
                out.push(b']');
                Ok(())
            }
            Part::Ends => self.ends(out),
        }
    }

    /// What stands beside the objects. Of what isn't known nothing is written: it could hold objects that
    /// nobody looked at.
    fn member(&mut self, name: &str, value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match name {
            "kind" => {
                let kind = once(&mut self.head.kind, value)?;
                self.head.fits()?;
                self.name(name, out);
                match self.shape {
                    Shape::Metadata(_) => write(&"PartialObjectMetadataList", out),
                    Shape::Plain | Shape::Table(..) => write(&kind, out),
                }
            }
            "apiVersion" => {
                let api_version = once(&mut self.head.api_version, value)?;
                self.head.fits()?;
                self.name(name, out);
                match self.shape {
                    Shape::Metadata(version) => write(version.api_version(), out),
                    Shape::Plain | Shape::Table(..) => write(&api_version, out),
                }
            }
            "metadata" => {
                first(&mut self.head.metadata)?;
                let metadata: Value = read(value)?;
                let left = list_metadata(&metadata, &mut self.seal)?;
                self.name(name, out);
                write(&left, out)
            }
            "columnDefinitions" if matches!(self.shape, Shape::Table(..)) => {
                first(&mut self.head.columns)?;
                let columns: Value = read(value)?;
                self.name(name, out);
                write(&columns, out)
            }
            // Go writes an empty list so, where nobody made it one.
            "items" | "rows" if value == b"null" => {
                self.long(name)?;
                self.name(name, out);
                write(&Value::Null, out)
            }
            "items" | "rows" => Err(Fault::Form("its items or rows are no list")),
            _ => read::<IgnoredAny>(value).map(|_| ()),
        }
    }

    /// The long list begins.
    fn long(&mut self, name: &str) -> Result<(), Fault> {
        if self.head.long.is_some() {
            return Err(Fault::Form("it holds two lists"));
        }
        self.head.long = Some(match (name, self.shape) {
            ("rows", Shape::Table(version, include)) => Long::Rows(version, include),
            ("rows", _) => return Err(Fault::Form("it is a table, which was not asked for")),
            _ => Long::Items,
        });
        self.head.fits()
    }

    fn item(&mut self, mut item: Value, out: &mut Vec<u8>) -> Result<(), Fault> {
        let added = self.head.complete(&mut item);
        if (self.looks)(&mut item) == Look::Hidden {
            return Ok(());
        }
        self.comma(out);
        if let Shape::Metadata(version) = self.shape {
            return write(&partial(item, version), out);
        }
        if let Some(item) = item.as_object_mut() {
            for name in added {
                item.remove(name);
            }
        }
        write(&item, out)
    }

    fn row(
        &mut self,
        row: Value,
        version: Version,
        include: Include,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let mut row = Row::read(row)?;
        if row.look(&mut self.looks) == Look::Hidden {
            return Ok(());
        }
        self.comma(out);
        write(&row.written(version, include), out)
    }

    fn ends(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.head.kind.is_none() || self.head.api_version.is_none() || self.head.long.is_none() {
            return Err(Fault::Form("it is no list"));
        }
        self.head.fits()?;
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    /// A member's name, and what stands before it.
    fn name(&mut self, name: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.members == 0 { b"{\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        self.members += 1;
    }

    fn comma(&mut self, out: &mut Vec<u8>) {
        if self.elements > 0 {
            out.push(b',');
        }
        self.elements += 1;
    }
}

impl Head {
    /// Whether what is known so far is a list's or a table's. Seen as soon as it can be, so that an answer
    /// that is neither is given up before its objects.
    fn fits(&self) -> Result<(), Fault> {
        let Some(kind) = self.kind.as_deref() else { return Ok(()) };
        let meta = self.api_version.as_deref().map(|version| version.starts_with("meta.k8s.io/"));
        let fits = match self.long {
            Some(Long::Rows(..)) => kind == "Table" && meta != Some(false),
            Some(Long::Items) => kind.ends_with("List"),
            None => kind.ends_with("List") || kind == "Table",
        };
        // Of these, the cluster was asked for whole ones.
        let reduced = kind.starts_with("PartialObjectMetadata") && meta != Some(false);
        if fits && !reduced { Ok(()) } else { Err(Fault::Form("it is no list of whole objects")) }
    }

    /// Gives an item the `kind` and `apiVersion` that its list says, as built-in kinds leave them out there
    /// and nowhere else. Says which it had not.
    fn complete(&self, item: &mut Value) -> Vec<&'static str> {
        let kind = self.kind.as_deref().and_then(|kind| kind.strip_suffix("List"));
        let mut added = Vec::new();
        let Some(item) = item.as_object_mut() else { return added };
        for (name, value) in [("kind", kind), ("apiVersion", self.api_version.as_deref())] {
            if let (Some(value), false) = (value, item.contains_key(name)) {
                item.insert(name.to_owned(), Value::from(value));
                added.push(name);
            }
        }
        added
    }
}

/// A text that may be said once.
fn once(place: &mut Option<String>, value: &[u8]) -> Result<String, Fault> {
    if place.is_some() {
        return Err(Fault::Form("it says one thing twice"));
    }
    let text: String = read(value)?;
    *place = Some(text.clone());
    Ok(text)
}

fn first(seen: &mut bool) -> Result<(), Fault> {
    if std::mem::replace(seen, true) { Err(Fault::Form("it says one thing twice")) } else { Ok(()) }
}

fn read<'a, T: serde::Deserialize<'a>>(value: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(value).or(Err(NO_JSON))
}

/// Appends the value's JSON.
pub(super) fn write(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) -> Result<(), Fault> {
    // Writing to a vector can't fail.
    serde_json::to_writer(out, value).or(Err(NO_JSON))
}

#[cfg(test)]
mod tests;
