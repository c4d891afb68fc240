//! Lines of an input, each of a bounded length.

use std::io::{self, BufRead, Read};

/// How a line of the input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It is here, without its end.
    Line,
    /// It was too long, and is gone.
    TooLong,
}

/// Reads the next line, if there is one, of at most `longest` bytes.
pub(super) fn next(input: &mut impl BufRead, line: &mut Vec<u8>, longest: usize) -> io::Result<Option<End>> {
    line.clear();
    // Two more for the line's end.
    let most = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(2);
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
    if line.len() <= longest {
        return Ok(Some(End::Line));
    }
    line.clear();
    if !ended {
        input.skip_until(b'\n')?;
    }
    Ok(Some(End::TooLong))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const MAX_LINE: usize = 64 << 10;

    /// What becomes of each line of an input, read in pieces of `buffer` bytes.
    fn ends(input: &[u8], buffer: usize) -> Vec<(End, usize)> {
        let mut input = BufReader::with_capacity(buffer, input);
        let mut line = Vec::new();
        let mut ends = Vec::new();
        while let Some(end) = next(&mut input, &mut line, MAX_LINE).unwrap() {
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
}
