//! A strict JSON reader (RFC 8259): a key twice, anything after the value, depth over [`DEPTH`] and more
//! values than [`VALUES`] are refused.
//!
//! Our own, not `serde_json::Value`: numbers are kept digit for digit (the API server reads 64-bit integers,
//! and `arbitrary_precision` would change `serde_json` for every crate of the program), and so is the order
//! of keys. A property test compares it with `serde_json`.

use std::fmt::Write as _;

use super::error::BodyError;

/// The deepest nesting that is read: `serde_json`'s own bound, far over any Kubernetes object's, and it
/// keeps the recursion below within a small stack.
pub(crate) const DEPTH: usize = 128;

/// The most values that are read. A value takes some 60 bytes of memory and may be two bytes of text, so that
/// 3 MiB of small numbers would take a hundred MB. An object of 1.5 MiB, which is all that etcd takes, has
/// fewer values if each takes seven bytes, its key included.
pub const VALUES: usize = 250_000;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Map(Map),
}

/// An object: no key is twice in it, and they keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Map(Vec<(String, Json)>);

impl Map {
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Json> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Writes it without any space.
    pub(crate) fn write(&self) -> String {
        let mut text = String::new();
        self.write_into(&mut text);
        text
    }

    fn write_into(&self, into: &mut String) {
        into.push('{');
        for (index, (key, value)) in self.0.iter().enumerate() {
            into.push_str(if index == 0 { "" } else { "," });
            quote(key, into);
            into.push(':');
            value.write_into(into);
        }
        into.push('}');
    }

    /// Takes a value out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Json> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(at).1)
    }

    /// Puts a value in the key's place, or at the end.
    pub(crate) fn set(&mut self, key: &str, value: Json) {
        match self.0.iter_mut().find(|(k, _)| k == key) {
            Some((_, place)) => *place = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }
}

impl Json {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// Reads a whole text.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        let text =
            str::from_utf8(bytes).map_err(|fault| refuse("bytes that are not UTF-8", fault.valid_up_to()))?;
        let mut reader = Reader { text, at: 0, values: 0 };
        let value = reader.value(0)?;
        reader.space();
        match reader.peek() {
            None => Ok(value),
            Some(_) => Err(reader.refuse("something after the value")),
        }
    }

    /// Writes it without any space.
    pub(crate) fn write(&self) -> String {
        let mut text = String::new();
        self.write_into(&mut text);
        text
    }

    fn write_into(&self, into: &mut String) {
        match self {
            Self::Null => into.push_str("null"),
            Self::Bool(true) => into.push_str("true"),
            Self::Bool(false) => into.push_str("false"),
            Self::Number(digits) => into.push_str(digits),
            Self::Text(text) => quote(text, into),
            Self::List(list) => {
                into.push('[');
                for (index, value) in list.iter().enumerate() {
                    into.push_str(if index == 0 { "" } else { "," });
                    value.write_into(into);
                }
                into.push(']');
            }
            Self::Map(map) => map.write_into(into),
        }
    }
}

impl FromIterator<(String, Json)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(pairs: I) -> Self {
        let mut map = Self::default();
        for (key, value) in pairs {
            map.set(&key, value);
        }
        map
    }
}

fn quote(text: &str, into: &mut String) {
    into.push('"');
    for c in text.chars() {
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            // Also what YAML readers take for the end of a line or refuse raw: apply bodies are read as
            // YAML.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a String can't fail.
                write!(into, "\\u{:04x}", u32::from(c)).ok();
            }
            c => into.push(c),
        }
    }
    into.push('"');
}

fn refuse(what: &'static str, at: usize) -> BodyError {
    BodyError::Json { what, at }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many values have begun.
    values: usize,
}

impl Reader<'_> {
    fn refuse(&self, what: &'static str) -> BodyError {
        refuse(what, self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, BodyError> {
        if depth > DEPTH {
            return Err(self.refuse("nesting over 128 deep"));
        }
        self.values += 1;
        if self.values > VALUES {
            return Err(BodyError::TooManyValues);
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => Err(self.refuse("no value")),
        }
    }

    fn word(&mut self) -> Result<Json, BodyError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.refuse("no JSON value"))
    }

    fn list(&mut self, depth: usize) -> Result<Json, BodyError> {
        self.at += 1;
        let mut list = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::List(list));
        }
        loop {
            list.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Json::List(list));
            }
            if !self.take(b',') {
                return Err(self.refuse("no ',' or ']'"));
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Json, BodyError> {
        let start = self.at;
        self.at += 1;
        let mut pairs = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(Json::Map(Map(pairs)));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.refuse("no key"));
            }
            let key = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.refuse("no ':'"));
            }
            pairs.push((key, self.value(depth + 1)?));
            self.space();
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(self.refuse("no ',' or '}'"));
            }
        }
        match duplicate(&pairs) {
            Some(key) => Err(BodyError::DuplicateKey { key: key.chars().take(60).collect(), at: start }),
            None => Ok(Json::Map(Map(pairs))),
        }
    }

    fn string(&mut self) -> Result<String, BodyError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.refuse("a string without its end")),
                Some(0..=0x1f) => return Err(self.refuse("a control character in a string")),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        // serde_json knows the escapes and their surrogates; a lone one, which Go replaces, it refuses.
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(quoted).or(Err(refuse("a string with a wrong escape", start)))
    }

    fn number(&mut self) -> Result<Json, BodyError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Json::Number(self.text.get(start..self.at).unwrap_or_default().to_owned()))
    }

    fn digits(&mut self) -> Result<(), BodyError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.refuse("no digit")) } else { Ok(()) }
    }
}

fn duplicate(pairs: &[(String, Json)]) -> Option<&str> {
    let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.array_windows().find(|[a, b]| a == b).map(|[key, _]| *key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_kept_as_they_were_written() {
        for text in [
            r#"{"b":[1,-0,1.50,1e400,123456789012345678901234567890],"a":{},"n":null,"t":true}"#,
            r#"{"é":"\" \\ \n \u0001 😀"}"#,
        ] {
            assert_eq!(Json::read(text.as_bytes()).map(|json| json.write()), Ok(text.to_owned()));
        }
        let spaced = " { \"a\" : [ 1 , { } , [ ] ] } \n";
        assert_eq!(
            Json::read(spaced.as_bytes()).map(|json| json.write()),
            Ok(r#"{"a":[1,{},[]]}"#.to_owned())
        );
    }

    #[test]
    fn keys_that_come_twice_are_refused_however_they_are_spelled() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"b":1,"c":2,"b":3}}]"#] {
            assert!(matches!(Json::read(text.as_bytes()), Err(BodyError::DuplicateKey { .. })), "{text}");
        }
        assert!(Json::read(br#"{"a":1,"A":2}"#).is_ok());
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "nul",
            "NaN",
            "'a'",
            "{} {}",
            "\"a",
            "\"\t\"",
            r#""\ud800""#,
            r#""\x41""#,
            "\"\\",
            "[1 2]",
            "{\"a\" 1}",
            "a: b",
            "// x\n{}",
            "\u{feff}{}",
        ] {
            assert!(Json::read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Json::read(b"\"\xff\"").is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::read(nested(DEPTH).as_bytes()).is_ok());
        assert!(Json::read(nested(DEPTH + 2).as_bytes()).is_err());
    }

    #[test]
    fn the_number_of_values_is_bounded_however_short_their_text_is() {
        let numbers = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
        assert!(Json::read(numbers(VALUES - 1).as_bytes()).is_ok());
        let whole = numbers(crate::MAX_BODY / 2 - 1);
        assert_eq!(Json::read(whole.as_bytes()), Err(BodyError::TooManyValues));
        let lists = format!("[{}[]]", "[],".repeat(VALUES));
        assert_eq!(Json::read(lists.as_bytes()), Err(BodyError::TooManyValues));
        // One long text is one value.
        assert!(Json::read(format!("\"{}\"", "x".repeat(crate::MAX_BODY - 2)).as_bytes()).is_ok());
    }

    fn jsonish() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\"",
            "1",
            "-2.5e3",
            "true",
            "null",
            " ",
            "\"\\u0061\"",
            "\"\\\\\"",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn takes_what_serde_json_takes_less_duplicates(text in jsonish()) {
            let ours = Json::read(text.as_bytes());
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match ours {
                Ok(json) => prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json.write()).ok(), theirs.ok()),
                Err(BodyError::DuplicateKey { .. }) => {}
                Err(_) => prop_assert!(theirs.is_err()),
            }
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            Json::read(&bytes).ok();
        }

        #[test]
        fn strings_survive(text in any::<String>()) {
            let written = Json::Text(text.clone()).write();
            prop_assert_eq!(Json::read(written.as_bytes()), Ok(Json::Text(text)));
        }
    }
}
