//! Texts that people are shown: an owner, a purpose.

use std::collections::HashSet;

use crate::yaml::{At, Report, is_invisible};

/// Reads one line of 1 to `most` characters that says something. What is shown in tables and messages has no
/// control characters, and nothing that changes the direction of writing.
pub(super) fn line(at: &At<'_>, most: usize, report: &mut Report) -> Option<String> {
    let text = at.text(report)?;
    let length = text.chars().count();
    let wrong = if text.trim().is_empty() {
        "is blank".to_owned()
    } else if text.contains(['\n', '\r', '\t']) {
        "must be one line; after \">\" or \"|\" there is a line break at the end, after \">-\" there is none"
            .to_owned()
    } else if text.chars().any(is_invisible) {
        "has an invisible character; leave it out".to_owned()
    } else if text.trim() != text {
        "begins or ends with a space; leave it out".to_owned()
    } else if length > most {
        format!("has {length} characters; at most {most} are shown, so shorten it")
    } else {
        return Some(text.to_owned());
    };
    at.wrong(report, &wrong);
    None
}

/// Reads a list of at least one text, in which nothing stands twice.
pub(super) fn distinct<T>(
    at: &At<'_>,
    what: &str,
    report: &mut Report,
    read: fn(&At<'_>, &mut Report) -> Option<T>,
) -> Option<Vec<T>> {
    let items = at.list(report)?;
    if items.is_empty() {
        at.wrong(report, &format!("is empty; name {what}"));
        return None;
    }
    let before = report.count();
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for item in &items {
        // Two texts that mean the same name are the same text: names have one form.
        let Some(value) = read(item, report) else { continue };
        let Some(text) = item.text(report) else { continue };
        if !seen.insert(text) {
            item.wrong(report, "stands in the list already; leave it out");
        }
        kept.push(value);
    }
    (report.count() == before).then_some(kept)
}
