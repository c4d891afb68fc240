//! "Did you mean …?"

/// Characters of a caller's text that a message repeats.
const SHOWN: usize = 80;

/// Longest word that is compared; no known word comes near it.
const COMPARED: usize = 64;

/// `text` in quotes, with control characters escaped and cut to a readable length, for use in a message.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    format!("{short:?}")
}

/// The known word that `word` is most likely meant to be: at most one mistake in three letters, and two in
/// all.
#[must_use]
pub fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    if word.chars().count() > COMPARED {
        return None;
    }
    let allowed = (word.chars().count() / 3).clamp(1, 2);
    known
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The number of letters to insert, delete or replace (Levenshtein), row by row.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (pair, other) in row.windows(2).zip(other.chars()) {
            if let [diagonal, above] = pair {
                left = (diagonal + usize::from(letter != other)).min(above + 1).min(left + 1);
                next.push(left);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        let known = ["owner", "purpose", "identities"];
        assert_eq!(closest("purposes", known), Some("purpose"));
        assert_eq!(closest("Owner", known), Some("owner"));
        assert_eq!(closest("onwer", known), None, "two mistakes in five letters are too many");
        assert_eq!(closest("idenities", known), Some("identities"));
        assert_eq!(closest("colour", known), None);
        assert_eq!(closest("", known), None);
        assert_eq!(closest(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn what_is_shown_is_short_and_has_no_control_characters() {
        assert_eq!(shown("a\u{1b}[31m"), "\"a\\u{1b}[31m\"");
        assert_eq!(shown(&"é".repeat(81)).chars().count(), 83);
    }
}
