//! Whether a label selector parses (`k8s.io/apimachinery/pkg/labels/selector.go`), and the keys it names.
//!
//! One that doesn't makes `RequestInfo` drop the name that a field selector asks for.

use std::iter::Peekable;
use std::vec::IntoIter;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Comma,
    Not,
    /// `=`, `==` and `!=`, which take one value.
    Exact,
    /// `<` and `>`, which take one number.
    Order,
    Word(String),
}

/// Refuses what `labels.Parse` refuses.
pub(super) fn check(selector: &str) -> Result<(), String> {
    keys(selector).map(drop)
}

/// The keys that are selected by.
pub(crate) fn keys(selector: &str) -> Result<Vec<String>, String> {
    let mut parser = Parser { tokens: scan(selector).into_iter().peekable() };
    let mut keys = Vec::new();
    if parser.tokens.peek().is_none() {
        return Ok(keys);
    }
    loop {
        keys.push(parser.requirement()?);
        match parser.tokens.next() {
            None => return Ok(keys),
            Some(Token::Comma) => {}
            Some(_) => return Err("a ',' or the end must follow each requirement".into()),
        }
    }
}

fn scan(selector: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = selector.chars().peekable();
    while let Some(c) = characters.next() {
        let token = match c {
            ' ' | '\t' | '\r' | '\n' => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '<' | '>' => Token::Order,
            '=' => {
                characters.next_if_eq(&'=');
                Token::Exact
            }
            '!' if characters.next_if_eq(&'=').is_some() => Token::Exact,
            '!' => Token::Not,
            c => {
                let mut word = String::from(c);
                while let Some(c) = characters.next_if(|c| !is_special(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
        };
        tokens.push(token);
    }
    tokens
}

const fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<' | ' ' | '\t' | '\r' | '\n')
}

struct Parser {
    tokens: Peekable<IntoIter<Token>>,
}

impl Parser {
    /// One requirement's key.
    fn requirement(&mut self) -> Result<String, String> {
        let negated = self.tokens.next_if_eq(&Token::Not).is_some();
        let Some(Token::Word(key)) = self.tokens.next() else {
            return Err("a label's key must come first".into());
        };
        if !is_key(&key) {
            return Err(format!("{key:?} is no label key"));
        }
        // `!key` takes no operator; `key` alone asks that the label exists.
        if negated || matches!(self.tokens.peek(), None | Some(Token::Comma)) {
            return Ok(key);
        }
        match self.tokens.next() {
            Some(Token::Exact) => self.value(is_value)?,
            Some(Token::Order) => self.value(|value| is_value(value) && value.parse::<i64>().is_ok())?,
            Some(Token::Word(word)) if word == "in" || word == "notin" => self.values()?,
            Some(_) | None => return Err("an operator must follow the key".into()),
        }
        Ok(key)
    }

    fn value(&mut self, fits: impl Fn(&str) -> bool) -> Result<(), String> {
        let value = match self.tokens.peek() {
            None | Some(Token::Comma) => String::new(),
            Some(_) => match self.tokens.next() {
                Some(Token::Word(word)) => word,
                Some(_) | None => return Err("a value must follow the operator".into()),
            },
        };
        if fits(&value) { Ok(()) } else { Err(format!("{value:?} is no value here")) }
    }

    /// `(a, b)`, in which values may be empty. Two words in a row are refused.
    fn values(&mut self) -> Result<(), String> {
        if self.tokens.next() != Some(Token::Open) {
            return Err("'(' must follow 'in' and 'notin'".into());
        }
        let mut after_word = false;
        loop {
            match self.tokens.next() {
                Some(Token::Close) => return Ok(()),
                Some(Token::Comma) => after_word = false,
                Some(Token::Word(word)) if !after_word && is_value(&word) => after_word = true,
                Some(_) | None => return Err("the values in parentheses can't be read".into()),
            }
        }
    }
}

/// A qualified name: `[DNS subdomain /] name`.
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_name(key),
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
    }
}

fn is_value(value: &str) -> bool {
    value.is_empty() || is_name(value)
}

/// At most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63 && text.chars().all(inner) && text.starts_with(edge) && text.ends_with(edge)
}

fn is_subdomain(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| {
        label.starts_with(letter) && label.ends_with(letter) && label.chars().all(|c| letter(c) || c == '-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn selectors_that_kubernetes_parses_pass() {
        let selectors = [
            "",
            " ",
            "a",
            "!a",
            "a,b",
            "a=b",
            "a==b",
            "a!=b",
            "a=",
            "a!=",
            "a in (b,c)",
            "a notin (b)",
            "a in ()",
            "a in (,)",
            "a in (b,,c)",
            "in in (in)",
            "x/y=z",
            "a>1",
            "a < 5",
            "a = b , c",
            "notin",
            "! a",
            "a in (b ,c)",
        ];
        for selector in selectors {
            assert_eq!(check(selector), Ok(()), "{selector}");
        }
    }

    #[test]
    fn selectors_that_kubernetes_refuses_are_refused() {
        let selectors = [
            "=",
            "a=b=c",
            "a b",
            "a in b",
            "a in (b",
            "a,",
            ",a",
            "a,,b",
            "(a)",
            "a>b",
            "a=b c",
            "-a",
            "a=_",
            "/a=b",
            "x//y",
            "a in (b c)",
            "!a=b",
            "a=(b)",
            "é=1",
            "!",
            "a in (=)",
            "A_/b",
        ];
        for selector in selectors {
            assert!(check(selector).is_err(), "{selector}");
        }
    }
}
