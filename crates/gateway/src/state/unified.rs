//! The difference of two texts as `diff -u` writes it.

/// Lines that stay the same and are shown around a change.
const CONTEXT: usize = 3;
/// Pairs of lines that are compared; with more the whole middle counts as replaced. A table of this many
/// takes 16 MiB for a moment.
const PAIRS: usize = 4 << 20;

/// One line of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Gone(&'t str),
    New(&'t str),
}

/// The difference, or nothing where there is none. `before` and `after` name the texts in its head.
#[must_use]
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let (was, will): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let lines = lines(&was, &will);
    if lines.iter().all(|line| matches!(line, Line::Same(_))) {
        return String::new();
    }
    let head = |text: &str, word: &str| {
        if text.is_empty() { "/dev/null".to_owned() } else { format!("{name} ({word})") }
    };
    let mut text = format!("--- {}\n+++ {}\n", head(before, "now"), head(after, "then"));
    let mut at = (1, 1);
    for part in hunks(&lines) {
        match part {
            Part::Skipped(count) => at = (at.0 + count, at.1 + count),
            Part::Hunk(lines) => at = hunk(lines, at, &mut text),
        }
    }
    text
}

enum Part<'l, 't> {
    Skipped(usize),
    Hunk(&'l [Line<'t>]),
}

/// Cuts out what is the same for long.
fn hunks<'l, 't>(lines: &'l [Line<'t>]) -> Vec<Part<'l, 't>> {
    let changed: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Line::Same(_)))
        .map(|(place, _)| place)
        .collect();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for place in changed {
        let (from, to) = (place.saturating_sub(CONTEXT), (place + 1 + CONTEXT).min(lines.len()));
        match ranges.last_mut() {
            Some(last) if from <= last.1 => last.1 = to,
            Some(_) | None => ranges.push((from, to)),
        }
    }
    let mut parts = Vec::new();
    let mut end = 0;
    for (from, to) in ranges {
        parts.push(Part::Skipped(from.saturating_sub(end)));
        parts.push(Part::Hunk(lines.get(from..to).unwrap_or_default()));
        end = to;
    }
    parts
}

/// Writes a hunk that begins at these lines; the answer is where it ends.
fn hunk(lines: &[Line<'_>], at: (usize, usize), text: &mut String) -> (usize, usize) {
    let gone = lines.iter().filter(|line| !matches!(line, Line::New(_))).count();
    let new = lines.iter().filter(|line| !matches!(line, Line::Gone(_))).count();
    // A side without lines is named by the line before it.
    let first = |at: usize, count: usize| if count == 0 { at - 1 } else { at };
    text.push_str(&format!("@@ -{},{gone} +{},{new} @@\n", first(at.0, gone), first(at.1, new)));
    for line in lines {
        let (sign, line) = match line {
            Line::Same(line) => (' ', line),
            Line::Gone(line) => ('-', line),
            Line::New(line) => ('+', line),
        };
        text.push(sign);
        text.push_str(line);
        text.push('\n');
    }
    (at.0 + gone, at.1 + new)
}

fn lines<'t>(was: &[&'t str], will: &[&'t str]) -> Vec<Line<'t>> {
    let head = was.iter().zip(will).take_while(|(was, will)| was == will).count();
    let (was_rest, will_rest) = (was.get(head..).unwrap_or_default(), will.get(head..).unwrap_or_default());
    let pairs = was_rest.iter().rev().zip(will_rest.iter().rev());
    let tail = pairs.take_while(|(was, will)| was == will).count();
    let middle = |rest: &[&'t str]| rest.get(..rest.len() - tail).unwrap_or_default().to_vec();
    let mut lines: Vec<Line<'t>> = was.iter().take(head).map(|line| Line::Same(line)).collect();
    lines.extend(changed(&middle(was_rest), &middle(will_rest)));
    lines.extend(was.iter().skip(was.len() - tail).map(|line| Line::Same(line)));
    lines
}

/// The shortest way from one to the other: the longest common subsequence, from its table.
fn changed<'t>(was: &[&'t str], will: &[&'t str]) -> Vec<Line<'t>> {
    let width = will.len() + 1;
    if was.len().saturating_mul(will.len()) > PAIRS {
        let gone = was.iter().map(|line| Line::Gone(line));
        return gone.chain(will.iter().map(|line| Line::New(line))).collect();
    }
    // At (i, j): how much the rests from i and from j have in common.
    let mut common = vec![0_u32; (was.len() + 1) * width];
    let at = |common: &[u32], i: usize, j: usize| common.get(i * width + j).copied().unwrap_or(0);
    for (i, one) in was.iter().enumerate().rev() {
        for (j, other) in will.iter().enumerate().rev() {
            let best = if one == other {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(cell) = common.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    loop {
        match (was.get(i), will.get(j)) {
            (Some(one), Some(other)) if one == other => {
                lines.push(Line::Same(one));
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), other) if other.is_none() || at(&common, i + 1, j) >= at(&common, i, j + 1) => {
                lines.push(Line::Gone(one));
                i += 1;
            }
            (_, Some(other)) => {
                lines.push(Line::New(other));
                j += 1;
            }
            (_, None) => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        let was = "a\nb\nc\nd\ne\nf\ng\n";
        let will = "a\nb\nc\nd\nE\nf\ng\nh\n";
        let expected = "--- x (now)\n+++ x (then)\n@@ -2,6 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n+h\n";
        assert_eq!(unified("x", was, will), expected);
        assert_eq!(unified("x", was, was), "");
        assert_eq!(unified("x", "", "a\n"), "--- /dev/null\n+++ x (then)\n@@ -0,0 +1,1 @@\n+a\n");
    }

    #[test]
    fn texts_too_long_to_be_compared_line_by_line_are_replaced_whole() {
        let text = |letter: &str| (0..3_000).map(|n| format!("{letter}{n}\n")).collect::<String>();
        let lines = unified("x", &text("a"), &text("b"));
        assert_eq!(lines.lines().count(), 3 + 6_000);
    }

    /// What `patch` makes of the first text with the difference.
    fn patched(was: &str, difference: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("text");
        std::fs::write(&file, was).unwrap();
        let mut command = Command::new("patch");
        command.args(["-s", "-u", "--posix"]).arg(&file).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(difference.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        std::fs::read_to_string(&file).unwrap_or_default()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn the_difference_makes_the_one_of_the_other(was in "([a-e]\n){1,30}", will in "([a-e]\n){1,30}") {
            let difference = unified("x", &was, &will);
            if difference.is_empty() {
                prop_assert_eq!(was, will);
            } else {
                prop_assert_eq!(patched(&was, &difference), will);
            }
        }
    }
}
