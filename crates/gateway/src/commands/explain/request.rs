//! `explain --request`: the attributes of a raw request line, without a server.

use std::io::BufRead;

use anyhow::Context;
use drawbridge_policy::{Attributes, Line};
use serde_json::{Value, json};

use super::Output;
use crate::commands::failure::{self, Refused};
use crate::commands::lines::{self, End};
use crate::commands::terminal::{Terminal, clean};

/// The longest line that is read, in bytes: several times the longest path and query together. What is
/// longer is answered without being kept.
const MAX_LINE: usize = 64 << 10;

/// Why a line is no request, or the one that it is is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    /// A stable word.
    reason: &'static str,
    /// The sentence.
    message: String,
}

impl Refusal {
    fn json(&self) -> Value {
        json!({"refused": self.reason, "message": self.message})
    }
}

/// Explains one line.
pub(super) fn explain(line: &str, output: Output, terminal: &mut Terminal) -> anyhow::Result<()> {
    let read = if line.len() > MAX_LINE { Err(too_long()) } else { read(line) };
    match (read, output) {
        (Ok(attributes), Output::Json) => terminal.say(&attributes.request_info().to_string())?,
        (Ok(attributes), Output::Text) => terminal.write(&text(&attributes))?,
        (Err(refusal), output) => {
            if output == Output::Json {
                failure::seen(terminal.say(&refusal.json().to_string()).map_err(Into::into))?;
            }
            let message = format!("{} ({})", refusal.message, refusal.reason);
            return Err(Refused { problems: Vec::new(), message }.into());
        }
    }
    Ok(())
}

/// Answers each line of the input at once, until its end.
pub(super) fn answer(mut input: impl BufRead, terminal: &mut Terminal) -> anyhow::Result<()> {
    let mut line = Vec::new();
    while let Some(end) =
        lines::next(&mut input, &mut line, MAX_LINE).context("standard input can't be read")?
    {
        let answer = match end {
            End::TooLong => Err(too_long()),
            // Bytes that are no text become characters outside ASCII, which are refused wherever they
            // stand.
            End::Line => read(&String::from_utf8_lossy(&line)),
        };
        let answer = match answer {
            Ok(attributes) => attributes.request_info(),
            Err(refusal) => refusal.json(),
        };
        terminal.say(&answer.to_string())?;
    }
    Ok(())
}

fn read(line: &str) -> Result<Attributes, Refusal> {
    if line.is_empty() {
        let message = "the line is empty: a request line is METHOD, one space, PATH?QUERY".to_owned();
        return Err(Refusal { reason: "empty-line", message });
    }
    // Without a space there is no target, which is no path either.
    let (method, target) = line.split_once(' ').unwrap_or((line, ""));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Attributes::parse(Line { method, path, query })
        .map_err(|refused| Refusal { reason: refused.reason(), message: refused.to_string() })
}

fn too_long() -> Refusal {
    Refusal { reason: "line-too-long", message: format!("the line has more than {MAX_LINE} bytes") }
}

/// A line for each attribute that there is.
fn text(attributes: &Attributes) -> String {
    let mut rows = vec![("verb", attributes.verb().as_str())];
    if let Some(resource) = attributes.resource() {
        rows.extend([
            ("group", if resource.group().is_empty() { "\"\" (core)" } else { resource.group() }),
            ("version", resource.version()),
            ("namespace", resource.namespace()),
            ("resource", resource.resource()),
            ("subresource", resource.subresource()),
            ("name", resource.name()),
            ("field selector", attributes.field_selector()),
            ("label selector", attributes.label_selector()),
        ]);
    }
    rows.push(("path", attributes.plain_path()));
    let decided = attributes.decided_verb().as_str();
    if decided != attributes.verb().as_str() {
        rows.push(("asks rules for", decided));
    }
    rows.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name:<15} {}\n", clean(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_request_line_is_told_apart() {
        let reason = |line: &str| read(line).map(|_| ()).unwrap_err().reason;
        assert_eq!(reason(""), "empty-line");
        assert_eq!(reason("GET"), "path-no-slash");
        assert_eq!(reason("/api"), "method");
        assert_eq!(reason(" "), "method");
        assert_eq!(reason("GET "), "path-no-slash");
        assert_eq!(reason(" GET /api"), "method");
        assert_eq!(reason("GET  /api"), "path-no-slash");
        assert_eq!(reason("GET /api HTTP/1.1"), "path-character");
        assert_eq!(reason("GET /api?a HTTP/1.1"), "query-character");
    }
}
