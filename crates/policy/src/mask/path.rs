//! How a path is written.
//!
//! ```text
//! path    = ( name | quoted ) step*
//! step    = "." name | "." "*" | quoted | "[*]"
//! name    = one or more letters, digits, "_" and "-"
//! quoted  = "[" '"' key '"' "]"       in key, \" is a quote and \\ a backslash
//! ```
//!
//! `.name` and `["name"]` are one key of an object, `.*` is every key of an object, `[*]` every element of a
//! list. A path names the values at its end and all that is below them. There is no path for one element of a
//! list, since elements move.

use std::fmt;

/// The longest path, in bytes: deeper than any object that the API server takes, and short enough to read.
const LONGEST: usize = 1000;

/// What makes an object that one object: without these no answer could be read, listed or pinned.
const KEPT: [&[&str]; 6] = [
    &["apiVersion"],
    &["kind"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "uid"],
    &["metadata", "resourceVersion"],
];

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A key of an object.
    Key(String),
    /// Every key of an object.
    EveryKey,
    /// Every element of a list.
    EveryElement,
}

/// A path of one step or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path is empty: name the field to hide, such as data.*".to_owned());
        }
        if text.len() > LONGEST {
            return Err(format!("the path has {} bytes, and at most {LONGEST} are read", text.len()));
        }
        if matches!(text, "*" | "." | "$" | "[*]" | ".*") {
            return Err(format!(
                "{text} would hide whole objects: name a field, such as data.*, or leave the rule out"
            ));
        }
        let mut reader = Reader { text, rest: text };
        let mut steps = vec![reader.first()?];
        while let Some(step) = reader.next()? {
            steps.push(step);
        }
        let path = Self(steps);
        match KEPT.iter().find(|kept| path.meets(kept, Meets::Exactly)) {
            Some(kept) => Err(format!(
                "{text} would hide {}, by which answers are told apart: it can't be masked",
                kept.join(".")
            )),
            None => Ok(path),
        }
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether what `keys` name is at, above or below what the path names.
    pub(super) fn meets<T: AsRef<str>>(&self, keys: &[T], how: Meets) -> bool {
        self.0.iter().zip(keys).all(|(step, key)| step.fits(key.as_ref(), how))
    }

    /// The steps that are left below what `keys` name; None: they name something else. Nothing is left where
    /// they name what the path names, or something below it.
    pub(super) fn below<T: AsRef<str>>(&self, keys: &[T], how: Meets) -> Option<&[Step]> {
        self.meets(keys, how).then(|| self.0.get(keys.len()..).unwrap_or_default())
    }
}

/// What a key of the path fits, besides the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meets {
    Exactly,
    /// Also the place of a list's element, as the API server reads it in JSON pointers (`-`, `3`, `-1`,
    /// `+1`): where a path says that there is an object and there is a list, all of the list is hidden.
    OrElement,
}

impl Step {
    fn fits(&self, key: &str, how: Meets) -> bool {
        match self {
            Self::EveryKey | Self::EveryElement => true,
            Self::Key(name) => name == key || how == Meets::OrElement && is_element(key),
        }
    }
}

fn is_element(key: &str) -> bool {
    key.strip_prefix(['-', '+']).unwrap_or(key).bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::EveryElement => f.write_str("[*]")?,
                Step::Key(name) if !name.bytes().all(is_plain) => {
                    write!(f, "[\"{}\"]", name.replace('\\', "\\\\").replace('"', "\\\""))?;
                }
                Step::Key(_) | Step::EveryKey => {
                    let dot = if index == 0 { "" } else { "." };
                    let name = if let Step::Key(name) = step { name } else { "*" };
                    write!(f, "{dot}{name}")?;
                }
            }
        }
        Ok(())
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn first(&mut self) -> Result<Step, String> {
        if self.rest.starts_with("[\"") {
            return self.bracket();
        }
        if self.rest.starts_with("*") || self.rest.starts_with("[*]") {
            return Err(format!("{} begins with every field of the object: name the first one", self.text));
        }
        self.name()
    }

    fn next(&mut self) -> Result<Option<Step>, String> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.rest.starts_with('[') {
            return self.bracket().map(Some);
        }
        match self.rest.strip_prefix('.') {
            Some(rest) => self.rest = rest,
            None => return Err(self.refuse("here '.', '[*]' or '[\"' must follow")),
        }
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            return Ok(Some(Step::EveryKey));
        }
        self.name().map(Some)
    }

    fn name(&mut self) -> Result<Step, String> {
        let end = self.rest.bytes().position(|byte| !is_plain(byte)).unwrap_or(self.rest.len());
        let Some((name, rest)) = self.rest.split_at_checked(end).filter(|(name, _)| !name.is_empty()) else {
            return Err(self.refuse("a field's name must stand here, and no '.' before the first"));
        };
        if !rest.is_empty() && !rest.starts_with(['.', '[']) {
            self.rest = rest;
            return Err(self.refuse(
                "a key with other characters than letters, digits, '_' and '-' is \
                                    written in brackets, such as [\"a.b/c\"]",
            ));
        }
        self.rest = rest;
        Ok(Step::Key(name.to_owned()))
    }

    fn bracket(&mut self) -> Result<Step, String> {
        if let Some(rest) = self.rest.strip_prefix("[*]") {
            self.rest = rest;
            return Ok(Step::EveryElement);
        }
        let Some(quoted) = self.rest.strip_prefix("[\"") else {
            return Err(self.refuse("in brackets stands * for every element of a list, or a key in quotes"));
        };
        let mut key = String::new();
        let mut characters = quoted.chars();
        loop {
            match characters.next() {
                Some('"') => break,
                Some('\\') => match characters.next() {
                    Some(escaped @ ('"' | '\\')) => key.push(escaped),
                    _ => return Err(self.refuse("a backslash in a key stands before a quote or a backslash")),
                },
                Some(c) => key.push(c),
                None => return Err(self.refuse("the key's closing quote is missing")),
            }
        }
        match characters.as_str().strip_prefix(']') {
            Some(_) if key.is_empty() => Err(self.refuse("the key is empty")),
            Some(rest) => {
                self.rest = rest;
                Ok(Step::Key(key))
            }
            None => Err(self.refuse("']' must follow the key's closing quote")),
        }
    }

    fn refuse(&self, what: &str) -> String {
        format!("the path {:?} is refused at byte {}: {what}", self.text, self.text.len() - self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_they_were_read() {
        for text in [
            "data",
            "data.*",
            "stringData.*",
            "spec.containers[*].env[*].value",
            "metadata.annotations[\"a.b/c\"]",
            "metadata.labels.*",
            "spec[\"a\\\"b\\\\c\"].x",
            "[\"a.b\"].c",
            "spec.*.*[*][*]",
            "spec.ref.x-y_z",
            "metadata.ownerReferences[*].name",
            "metadata.annotations[\"é\"]",
        ] {
            assert_eq!(Path::parse(text).map(|path| path.to_string()).as_deref(), Ok(text));
        }
        assert_eq!(Path::parse("a[\"b\"]").map(|path| path.to_string()).as_deref(), Ok("a.b"));
    }

    #[test]
    fn paths_that_can_be_read_in_two_ways_are_refused() {
        for text in [
            "",
            " ",
            "*",
            ".",
            "$",
            ".*",
            "[*]",
            ".data",
            "$.data",
            "data.",
            "data..a",
            "data.a/b",
            "a b",
            "a[0]",
            "a[]",
            "a[",
            "a[*",
            "a[\"b\"",
            "a[\"b]",
            "a[\"\"]",
            "a[\"\\n\"]",
            "a[*]b",
            "a['b']",
            "*.a",
            "[*].a",
            "a.*b",
            "a,b",
            "a.é",
            "/data/a",
            "data. *",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse(&"a".repeat(LONGEST)).is_ok());
        assert!(Path::parse(&"a".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn what_tells_objects_apart_cannot_be_masked_from_any_side() {
        for text in [
            "kind",
            "apiVersion",
            "kind.x",
            "kind[*]",
            "metadata",
            "metadata.*",
            "metadata[*]",
            "metadata.*.x",
            "metadata.name",
            "metadata[\"name\"]",
            "metadata.name.x",
            "metadata.namespace",
            "metadata.uid",
            "metadata.resourceVersion",
        ] {
            let message = Path::parse(text).expect_err(text);
            assert!(message.contains("can't be masked"), "{text}: {message}");
        }
        for text in ["metadata.labels", "metadata.generateName", "spec.name", "metadata.labels.name"] {
            assert!(Path::parse(text).is_ok(), "{text}");
        }
    }
}
