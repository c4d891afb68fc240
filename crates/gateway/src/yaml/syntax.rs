//! What is wrong with the text itself.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use super::problem::{Place, Report};

/// What a syntax error says, with what would be right where that can be told.
pub(super) fn message(error: &ScanError) -> String {
    let advice = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "indent with spaces, not with tabs",
        ErrorKind::MappingValueNotAllowed => {
            "a value with \": \" in it needs quotes, and keys of one map begin in one column"
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            "keys of one map, and items of one list, begin in one column"
        }
        ErrorKind::SimpleKeyExpected => "a key is followed by \":\" and a space",
        ErrorKind::UnclosedQuotedScalar => "the quote that begins here is never closed",
        ErrorKind::UnclosedFlowCollection { .. } => "the bracket that begins here is never closed",
        ErrorKind::DirectiveDisallowed => "leave lines that begin with \"%\" out",
        ErrorKind::RecursionLimitExceeded => "lists and maps are nested too deeply",
        ErrorKind::UnexpectedCharacter { .. } => "a value that begins with this character needs quotes",
        _ => "",
    };
    let what = error.info();
    if advice.is_empty() {
        format!("not valid YAML: {what}")
    } else {
        format!("not valid YAML: {what}; {advice}")
    }
}

/// Notes every character that YAML forbids (1.2.2 §5.1) or that is read in different ways: YAML 1.1's
/// further line breaks, byte-order marks after the start, and marks that change the direction of writing, by
/// which a reviewer is shown something else than what is read.
pub(super) fn characters(text: &str, report: &mut Report) {
    let mut place = Place::START;
    for (index, character) in text.char_indices() {
        if is_invisible(character) && !(character == '\u{feff}' && index == 0) {
            let code = u32::from(character);
            report.add(place, format!("the invisible character U+{code:04X} is refused; leave it out"));
        }
        if character == '\n' {
            place = Place { line: place.line.saturating_add(1), column: 1 };
        } else {
            place.column = place.column.saturating_add(1);
        }
    }
}

/// Whether a character is never part of a manifest or config, not even in a comment.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    let breaks = matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let directions = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = matches!(character, '\n' | '\r' | '\t');
    breaks || directions || (character.is_control() && !plain) || matches!(character, '\u{fffe}' | '\u{ffff}')
}
