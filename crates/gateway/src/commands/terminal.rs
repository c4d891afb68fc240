//! Where commands print: standard output for what was asked for, standard error for everything else.

use std::fmt;
use std::io::{self, IsTerminal, Write};

/// Both outputs, and whether colours make sense on them.
pub struct Terminal {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    colour: Colour,
}

/// Whether to print colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Both outputs are terminals, and nobody asked for none.
    Yes,
    /// A file, a pipe, or `NO_COLOR`.
    No,
}

/// What a colour means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Let through.
    Good,
    /// Refused, failed.
    Bad,
    /// Worth a look.
    Warn,
    /// What a part is about.
    Strong,
    /// What only labels something.
    Faint,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("colour", &self.colour).finish_non_exhaustive()
    }
}

impl Terminal {
    /// The process's own outputs. `plain` is `NO_COLOR` (no-color.org).
    pub fn process(plain: bool) -> Terminal {
        let terminals = io::stdout().is_terminal() && io::stderr().is_terminal();
        let colour = if !plain && terminals { Colour::Yes } else { Colour::No };
        Terminal { out: Box::new(io::stdout()), err: Box::new(io::stderr()), colour }
    }

    /// Outputs of the caller's own.
    pub fn new(out: Box<dyn Write>, err: Box<dyn Write>, colour: Colour) -> Terminal {
        Terminal { out, err, colour }
    }

    /// Whether colours make sense here.
    pub fn colour(&self) -> Colour {
        self.colour
    }

    /// Prints a line of what was asked for, at once.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Prints a whole text of what was asked for.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Prints a line for the person who watches.
    pub fn note(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.err, "{line}")?;
        self.err.flush()
    }

    /// A text in a colour, where colours make sense.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match (self.colour, tone) {
            (Colour::No, _) | (Colour::Yes, Tone::Plain) => return text.to_owned(),
            (Colour::Yes, Tone::Good) => 32,
            (Colour::Yes, Tone::Bad) => 31,
            (Colour::Yes, Tone::Warn) => 33,
            (Colour::Yes, Tone::Strong) => 1,
            (Colour::Yes, Tone::Faint) => 2,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A text without control characters: names and messages come from agents, and a terminal would obey them.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// Characters that make the rest of a line read otherwise: bidirectional controls and separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d é"), "a\\u{1b}[2Jb\\u{a}c\\u{202e}d é");
    }

    #[test]
    fn colours_are_for_terminals_only() {
        let sink = || Box::new(io::sink());
        let plain = Terminal::new(sink(), sink(), Colour::No);
        assert_eq!(plain.paint(Tone::Bad, "no"), "no");
        let colourful = Terminal::new(sink(), sink(), Colour::Yes);
        assert_eq!(colourful.paint(Tone::Bad, "no"), "\u{1b}[31mno\u{1b}[0m");
        assert_eq!(colourful.paint(Tone::Plain, "no"), "no");
    }
}
