//! Where a manifest came from, for problems that show only beside another one.

use serde::{Deserialize, Serialize};

use crate::yaml::{Node, Place};

/// A file's text, as it is sent to where manifests are applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name, as problems call it.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// What was read, and where from.
#[derive(Debug, Clone)]
pub struct Located<T> {
    value: T,
    file: String,
    node: Node,
}

impl<T> Located<T> {
    pub(super) fn new(value: T, file: &str, node: Node) -> Located<T> {
        Located { value, file: file.to_owned(), node }
    }

    /// What was read.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// What was read, to be completed.
    pub(super) fn value_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// What was read, without where from.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The file that it stands in.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where it begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.node.place
    }

    /// Where the value at the end of `keys` begins, or its item number `index`; the nearest there is
    /// otherwise.
    pub(crate) fn place_of(&self, keys: &[&str], index: Option<usize>) -> Place {
        let mut node = &self.node;
        for key in keys {
            let Some(next) = node.field(key) else { return node.place };
            node = next;
        }
        index.and_then(|index| node.item(index)).unwrap_or(node).place
    }
}
