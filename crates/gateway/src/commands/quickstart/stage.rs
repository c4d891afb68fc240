//! How the scene looks: what is printed, and how it is aligned.

use std::path::Path;

use anyhow::anyhow;
use tokio::time::Instant;

use super::recall::Entry;
use super::scene::Tally;
use super::step::{Came, Expected, Step, Taken};
use crate::commands::terminal::{Colour, Terminal, Tone, clean};

/// Lines are wrapped at this width.
const WIDTH: usize = 110;
/// What stands below a step is this far in.
const INDENT: usize = 15;

/// Where the scene is shown.
pub(super) struct Stage<'t> {
    terminal: &'t mut Terminal,
    began: Instant,
}

impl<'t> Stage<'t> {
    pub(super) fn new(terminal: &'t mut Terminal, began: Instant) -> Stage<'t> {
        Stage { terminal, began }
    }

    pub(super) fn title(&mut self) -> anyhow::Result<()> {
        self.say(
            "Drawbridge quickstart: a Kubernetes cluster on this machine, a gateway in front of it, and four \
             agents.",
        )?;
        self.say("")
    }

    /// Something that is begun.
    pub(super) fn progress(&mut self, what: &str) -> anyhow::Result<()> {
        let time = format!("{:.1} s", self.began.elapsed().as_secs_f64());
        self.say(&format!("  {time:>8}  {}", clean(what)))
    }

    /// Where everything is.
    pub(super) fn place(&mut self, directory: &Path) -> anyhow::Result<()> {
        self.progress(&format!("everything is in {}", directory.display()))
    }

    /// An agent begins.
    pub(super) fn enters(&mut self, name: &str, purpose: &str) -> anyhow::Result<()> {
        self.say("")?;
        let name = self.terminal.paint(Tone::Strong, name);
        self.say(&format!("{name}: {purpose}"))
    }

    /// Something else begins.
    pub(super) fn heading(&mut self, what: &str) -> anyhow::Result<()> {
        self.say("")?;
        let what = self.terminal.paint(Tone::Strong, what);
        self.say(&what)
    }

    /// A step: the command, what came back, what was decided by which rule and why.
    pub(super) fn step(&mut self, step: &Step, taken: &Taken) -> anyhow::Result<()> {
        let label = match step.expected {
            Expected::Allowed => ("allowed", Tone::Good),
            Expected::Refused => ("refused", Tone::Warn),
        };
        self.line(taken.came, label, "", &format!("kubectl {}", step.line))?;
        self.below("answer", taken.answer.line())?;
        for line in taken.answer.rest_of_table() {
            self.below("", line)?;
        }
        match &taken.entry {
            Some(entry) => self.decided(entry)?,
            None => self.below("record", "nothing")?,
        }
        match (taken.came, step.expected) {
            (Came::AsSaid, _) => Ok(()),
            (Came::Otherwise, Expected::Allowed) => self.wrong("this should have been allowed"),
            (Came::Otherwise, Expected::Refused) => self.wrong("this should have been refused"),
        }
    }

    /// A stream that was opened and stays open.
    pub(super) fn opened(&mut self, agent: &str, line: &str, entry: Option<&Entry>) -> anyhow::Result<()> {
        let came = if entry.is_some() { Came::AsSaid } else { Came::Otherwise };
        self.line(came, ("opened", Tone::Good), &format!("{agent:<12}"), &format!("kubectl {line}"))?;
        match entry {
            Some(entry) => self.decided(entry),
            None => self.wrong("the record does not have it"),
        }
    }

    /// What the record says of the decision.
    fn decided(&mut self, entry: &Entry) -> anyhow::Result<()> {
        match (entry.reason(), entry.rule(), entry.grant()) {
            (Some(reason), Some(rule), _) => self.below("decided", &format!("{reason}, nearest rule {rule}")),
            (Some(reason), None, _) => self.below("decided", reason),
            (None, Some(rule), Some(grant)) => self.below("decided", &format!("rule {rule}, grant {grant}")),
            (None, _, _) => self.below("decided", "the record names no rule"),
        }
    }

    /// A command of Drawbridge's own, and what it answered.
    pub(super) fn command(&mut self, line: &str, answer: &str) -> anyhow::Result<()> {
        self.say("")?;
        let line = self.terminal.paint(Tone::Strong, &format!("drawbridge {line}"));
        self.say(&format!("  {line}"))?;
        self.below("answer", answer)
    }

    /// Something that was looked at.
    pub(super) fn fact(&mut self, came: Came, what: &str) -> anyhow::Result<()> {
        match came {
            Came::AsSaid => self.line(came, ("seen", Tone::Good), "", what),
            Came::Otherwise => self.line(came, ("OTHERWISE", Tone::Bad), "", what),
        }
    }

    /// Something to know.
    pub(super) fn aside(&mut self, text: &str) -> anyhow::Result<()> {
        for line in wrap(text, WIDTH.saturating_sub(4)) {
            self.say(&format!("    {line}"))?;
        }
        Ok(())
    }

    /// Whether to print colours.
    pub(super) fn colour(&self) -> Colour {
        self.terminal.colour()
    }

    /// A line as it is.
    pub(super) fn say(&mut self, line: &str) -> anyhow::Result<()> {
        // Not passed on as it is: a reader that went away is no good end of a scene.
        self.terminal.say(line).map_err(|error| anyhow!("the scene can't be shown any more: {error}"))
    }

    /// How it all went.
    pub(super) fn sum(&mut self, tally: &Tally) -> anyhow::Result<()> {
        let Tally { steps, otherwise } = tally;
        let time = self.began.elapsed().as_secs_f64();
        let (tone, text) = match otherwise {
            0 => (Tone::Good, format!("All {steps} steps came out as said, {time:.1} s after the start.")),
            _ => (Tone::Bad, format!("{otherwise} of {steps} steps came out otherwise, as marked above.")),
        };
        let text = self.terminal.paint(tone, &text);
        self.say("")?;
        self.say(&text)
    }

    /// `✓ allowed    kubectl …`; `lead` stands before the text, and what is wrapped is below the text.
    fn line(
        &mut self,
        came: Came,
        (label, tone): (&str, Tone),
        lead: &str,
        text: &str,
    ) -> anyhow::Result<()> {
        let mark = match came {
            Came::AsSaid => self.terminal.paint(Tone::Good, "✓"),
            Came::Otherwise => self.terminal.paint(Tone::Bad, "✗"),
        };
        let label = self.terminal.paint(tone, &format!("{label:<9}"));
        let indent = INDENT.saturating_add(lead.chars().count());
        let mut lines = wrap(&clean(text), WIDTH.saturating_sub(indent)).into_iter();
        self.say(&format!("  {mark} {label}  {lead}{}", lines.next().unwrap_or_default()))?;
        for line in lines {
            self.say(&format!("{:indent$}{line}", ""))?;
        }
        Ok(())
    }

    /// `answer   …`, below a step.
    fn below(&mut self, label: &str, text: &str) -> anyhow::Result<()> {
        const LABEL: usize = 9;
        let label = self.terminal.paint(Tone::Faint, &format!("{label:<LABEL$}"));
        let mut lines = wrap(&clean(text), WIDTH.saturating_sub(INDENT + LABEL)).into_iter();
        self.say(&format!("{:INDENT$}{label}{}", "", lines.next().unwrap_or_default()))?;
        for line in lines {
            self.say(&format!("{:1$}{line}", "", INDENT + LABEL))?;
        }
        Ok(())
    }

    fn wrong(&mut self, what: &str) -> anyhow::Result<()> {
        let what = self.terminal.paint(Tone::Bad, what);
        self.say(&format!("{:INDENT$}{what}", ""))
    }
}

/// Breaks a text between words. A word that is longer than a line has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // Columns of tables are kept: only what is too long is broken.
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_broken_between_words_and_a_short_one_is_left_alone() {
        assert_eq!(wrap("a   b", 10), ["a   b"]);
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("a verylongword b", 6), ["a", "verylongword", "b"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
