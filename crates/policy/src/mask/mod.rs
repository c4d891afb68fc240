//! Masks: values that an agent must not see, hidden in every answer that carries the object.
//!
//! A mask is a list of paths (the grammar is in `path`). [`Mask::hide`] puts something fixed in the place
//! of every value at a path, and nothing else of the object changes: names of keys, how many elements a list
//! has and what type a value has stay visible. What an agent *sends* under a mask is looked at in
//! `written`, what it selects by in `selected`: an answer that depends on a hidden value would tell it.

mod breach;
mod hide;
mod path;
mod selected;
mod shown;
mod status;
mod written;

use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

use crate::case::Case;
use path::Path;

pub use breach::MaskBreach;
pub use shown::MARKER;
pub use status::status;

/// How many paths a mask may have: each is walked for every object of a list.
pub const MAX_PATHS: usize = 100;

/// The paths whose values are hidden. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    paths: Arc<[Path]>,
}

/// Why a path of a mask is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct MaskProblem {
    /// Which path, counted from 0.
    pub index: usize,
    /// One sentence: what is wrong, and what would help.
    pub message: String,
}

impl Mask {
    /// Reads the paths, such as `data.*` and `spec.containers[*].env[*].value`.
    ///
    /// # Errors
    /// Everything that is wrong with them, at most one thing for each path.
    pub fn parse(paths: &[String]) -> Result<Self, Vec<MaskProblem>> {
        let problem = |index, message: String| MaskProblem { index, message };
        if paths.is_empty() {
            return Err(vec![problem(0, "a mask names at least one path".to_owned())]);
        }
        if paths.len() > MAX_PATHS {
            let message = format!("a mask has at most {MAX_PATHS} paths, this one has {}", paths.len());
            return Err(vec![problem(MAX_PATHS, message)]);
        }
        let mut read = Vec::with_capacity(paths.len());
        let mut problems = Vec::new();
        for (index, text) in paths.iter().enumerate() {
            match Path::parse(text) {
                Ok(path) => read.push(path),
                Err(message) => problems.push(problem(index, message)),
            }
        }
        if problems.is_empty() { Ok(Self { paths: read.into() }) } else { Err(problems) }
    }

    /// What hides all that either of two masks hides.
    #[must_use]
    pub fn union(one: &Self, other: &Self) -> Self {
        let mut paths = one.paths.to_vec();
        paths.extend(other.paths.iter().filter(|path| !one.paths.contains(path)).cloned());
        Self { paths: paths.into() }
    }

    /// Hides the values in one object: not in a list of objects, not in a Table, not in a watch event.
    /// Nothing is read of `kind`, so that also an object without one is masked.
    ///
    /// Besides what the paths say, these go always, since they repeat values of the object: what the
    /// annotation `kubectl.kubernetes.io/last-applied-configuration` says, and `metadata.managedFields` as a
    /// whole. Recurses as deep as the object: hand in what `serde_json` read, which nests at most 128 deep.
    pub fn hide(&self, object: &mut Value) {
        hide::hide(&self.paths, object);
    }

    /// Refuses a request that could find out what is hidden, or write back what is shown instead.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, case: &Case) -> Result<(), MaskBreach> {
        let selects = |selector, name| Err(MaskBreach::Selects { selector, name });
        if let Some(name) = self.covers_field_selector(case.attributes().field_selector()) {
            return selects("fieldSelector", name);
        }
        if let Some(name) = self.covers_label_selector(case.attributes().label_selector()) {
            return selects("labelSelector", name);
        }
        self.check_body(case.reading(), case.payload())
    }

    /// The paths, as they are written.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        self.paths.iter().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn every_wrong_path_is_named_by_its_place() {
        let problems =
            Mask::parse(&texts(&["data.*", "", "spec..a", "metadata.name"])).expect_err("problems");
        assert_eq!(problems.iter().map(|problem| problem.index).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(Mask::parse(&[]).is_err());
        assert!(Mask::parse(&vec!["data.*".to_owned(); MAX_PATHS]).is_ok());
        assert!(Mask::parse(&vec!["data.*".to_owned(); MAX_PATHS + 1]).is_err());
    }

    #[test]
    fn a_union_hides_what_either_hides() {
        let mask = |paths: &[&str]| Mask::parse(&texts(paths)).expect("a mask");
        let both = Mask::union(&mask(&["data.*", "a.b"]), &mask(&["a.b", "spec[\"x.y\"]"]));
        assert_eq!(both.paths().collect::<Vec<_>>(), ["data.*", "a.b", "spec[\"x.y\"]"]);
    }
}
