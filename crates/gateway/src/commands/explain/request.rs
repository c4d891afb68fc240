//! `explain --request`: the attributes of a raw request line, without a server.

use std::io::{self, BufRead, Read};

use anyhow::Context;
use drawbridge_policy::{Attributes, Line};
use serde_json::{Value, json};

use super::Output;
use crate::commands::failure::{self, Refused};
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
    while let Some(end) = next(&mut input, &mut line).context("standard input can't be read")? {
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

/// How a line of the input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is here, without its end.
    Line,
    /// It was too long, and is gone.
    TooLong,
}

/// Reads the next line, if there is one.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<End>> {
    line.clear();
    // Two more for the line's end.
    let most = u64::try_from(MAX_LINE).unwrap_or(u64::MAX).saturating_add(2);
    if input.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let ended = line.ends_with(b"\n");
    if ended {
        line.pop();
    }
    if ended && line.ends_with(b"\r") {
        line.pop();
    }
    if line.len() <= MAX_LINE {
        return Ok(Some(End::Line));
    }
    line.clear();
    if !ended {
        input.skip_until(b'\n')?;
    }
    Ok(Some(End::TooLong))
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
    use std::io::BufReader;

    use super::*;

    /// What becomes of each line of an input, read in pieces of `buffer` bytes.
    fn ends(input: &[u8], buffer: usize) -> Vec<(End, usize)> {
        let mut input = BufReader::with_capacity(buffer, input);
        let mut line = Vec::new();
        let mut ends = Vec::new();
        while let Some(end) = next(&mut input, &mut line).unwrap() {
            ends.push((end, line.len()));
        }
        ends
    }

    #[test]
    fn lines_end_with_lf_or_crlf_or_the_input_and_only_too_long_ones_are_dropped() {
        let line = |count: usize, end: &str| ("a".repeat(count) + end).into_bytes();
        for buffer in [1, 7, 8_192, MAX_LINE * 2] {
            assert_eq!(ends(b"", buffer), []);
            assert_eq!(ends(b"\n\r\n", buffer), [(End::Line, 0), (End::Line, 0)]);
            assert_eq!(ends(b"ab\r\r\nc", buffer), [(End::Line, 3), (End::Line, 1)]);
            // A lone CR at the end of the input is no line's end: it belongs to the line.
            assert_eq!(ends(b"ab\r", buffer), [(End::Line, 3)]);
            for end in ["", "\n", "\r\n"] {
                assert_eq!(ends(&line(MAX_LINE, end), buffer), [(End::Line, MAX_LINE)]);
                assert_eq!(ends(&line(MAX_LINE + 1, end), buffer), [(End::TooLong, 0)]);
                assert_eq!(ends(&line(MAX_LINE + 2, end), buffer), [(End::TooLong, 0)]);
            }
            let both = [line(MAX_LINE * 3, "\n"), line(2, "\n")].concat();
            assert_eq!(ends(&both, buffer), [(End::TooLong, 0), (End::Line, 2)]);
        }
    }

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
