//! What two rules have in common. Each part of a rule is a set of words with wildcards, and a rule is the
//! product of its parts, so what two have in common is the product of what their parts have.

use crate::rules::matching::url_matches;

/// Comparisons that one answer may take: some milliseconds. Scopes and ceilings that people write take
/// thousands; a scope may have a thousand rules, and a ceiling as many.
const STEPS: usize = 1_000_000;

/// Counts comparisons, so that an answer's work is bounded.
#[derive(Debug)]
pub(super) struct Steps(usize);

/// The bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

impl Steps {
    pub(super) fn new() -> Self {
        Self(STEPS)
    }

    fn take(&mut self, steps: usize) -> Result<(), TooMuch> {
        self.0 = self.0.checked_sub(steps.max(1)).ok_or(TooMuch)?;
        Ok(())
    }

    /// What two lists have in common, where `common` says what two words have.
    fn common<'a>(
        &mut self,
        one: &'a [String],
        other: &'a [String],
        common: impl Fn(&'a str, &'a str) -> Option<&'a str>,
    ) -> Result<Vec<&'a str>, TooMuch> {
        self.take(one.len().saturating_mul(other.len()))?;
        let mut found: Vec<&str> = Vec::new();
        for word in one {
            found.extend(other.iter().filter_map(|other| common(word, other)));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Verbs or API groups.
    pub(super) fn words<'a>(
        &mut self,
        one: &'a [String],
        other: &'a [String],
    ) -> Result<Vec<&'a str>, TooMuch> {
        self.common(one, other, word)
    }

    /// Resources, with their subresources.
    pub(super) fn resources<'a>(
        &mut self,
        one: &'a [String],
        other: &'a [String],
    ) -> Result<Vec<&'a str>, TooMuch> {
        self.common(one, other, resource)
    }

    /// Paths.
    pub(super) fn urls<'a>(
        &mut self,
        one: &'a [String],
        other: &'a [String],
    ) -> Result<Vec<&'a str>, TooMuch> {
        self.common(one, other, url)
    }

    /// Names of objects, where none means every one. None: they have nothing in common.
    pub(super) fn names<'a>(
        &mut self,
        one: &'a [String],
        other: &'a [String],
    ) -> Result<Option<Vec<&'a str>>, TooMuch> {
        let all = |names: &'a [String]| Some(names.iter().map(String::as_str).collect());
        match (one, other) {
            ([], names) | (names, []) => Ok(all(names)),
            (one, other) => {
                let common = self.common(one, other, |a, b| (a == b).then_some(a))?;
                Ok(Some(common).filter(|common| !common.is_empty()))
            }
        }
    }
}

fn word<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    match (one, other) {
        ("*", word) | (word, "*") => Some(word),
        (one, other) => (one == other).then_some(one),
    }
}

/// `*` is everything, with and without subresources; `*/scale` the subresource of everything.
fn resource<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    let of_all = |pattern: &str, found: &str| {
        let found = found.split_once('/').map(|(_, subresource)| subresource);
        pattern.strip_prefix("*/").is_some_and(|wanted| Some(wanted) == found)
    };
    match (one, other) {
        ("*", found) | (found, "*") => Some(found),
        (one, other) if one == other || of_all(one, other) => Some(other),
        (one, other) => of_all(other, one).then_some(one),
    }
}

fn url<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    if url_matches(one, other) {
        return Some(other);
    }
    url_matches(other, one).then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn wildcards_of_either_side_give_what_the_other_says() {
        let mut steps = Steps::new();
        let mut both = |one: &[&str], other: &[&str]| {
            let (one, other) = (list(one), list(other));
            let found = steps.words(&one, &other).unwrap().join(",");
            assert_eq!(steps.words(&other, &one).unwrap().join(","), found);
            found
        };
        assert_eq!(both(&["*"], &["get", "list"]), "get,list");
        assert_eq!(both(&["*"], &["*"]), "*");
        assert_eq!(both(&["get", "delete"], &["get", "list"]), "get");
        assert_eq!(both(&["get"], &["list"]), "");
        assert_eq!(both(&["*", "get"], &["get"]), "get");
    }

    #[test]
    fn resources_meet_with_and_without_their_subresources() {
        let mut steps = Steps::new();
        let mut both = |one: &str, other: &str| {
            let (one, other) = (list(&[one]), list(&[other]));
            let found = steps.resources(&one, &other).unwrap().join(",");
            assert_eq!(steps.resources(&other, &one).unwrap().join(","), found);
            found
        };
        assert_eq!(both("*", "pods/log"), "pods/log");
        assert_eq!(both("*", "*/scale"), "*/scale");
        assert_eq!(both("*/scale", "deployments/scale"), "deployments/scale");
        assert_eq!(both("*/scale", "*/scale"), "*/scale");
        assert_eq!(both("*/scale", "*/status"), "");
        assert_eq!(both("*/scale", "deployments"), "");
        assert_eq!(both("pods", "pods/log"), "");
        assert_eq!(both("pods", "pods"), "pods");
    }

    #[test]
    fn paths_and_names_meet() {
        let mut steps = Steps::new();
        let mut paths = |one: &str, other: &str| {
            let (one, other) = (list(&[one]), list(&[other]));
            steps.urls(&one, &other).unwrap().join(",")
        };
        assert_eq!(paths("/metrics*", "/metrics/x/*"), "/metrics/x/*");
        assert_eq!(paths("/a", "/a*"), "/a");
        assert_eq!(paths("*", "/a"), "/a");
        assert_eq!(paths("/a/*", "/b/*"), "");
        let names = |one: &[&str], other: &[&str]| {
            let (one, other) = (list(one), list(other));
            Steps::new().names(&one, &other).unwrap().map(|names| names.join(","))
        };
        assert_eq!(names(&[], &[]).as_deref(), Some(""));
        assert_eq!(names(&["a"], &[]).as_deref(), Some("a"));
        assert_eq!(names(&["a", "b"], &["b", "c"]).as_deref(), Some("b"));
        assert_eq!(names(&["a"], &["b"]), None);
    }

    #[test]
    fn the_work_of_an_answer_is_bounded() {
        let many = vec!["x".to_owned(); 1_001];
        assert_eq!(Steps::new().words(&many, &many), Err(TooMuch));
    }
}
