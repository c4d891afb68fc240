//! What is wrong with a file, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Problems kept of one call. Further ones are counted only: a file made of mistakes must not fill the
/// memory, and nobody reads the thousandth.
pub const MAX_PROBLEMS: usize = 1_000;

/// A place in a text, counted from 1 in lines and characters. 0:0 where a value came without a text, as from
/// the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl Place {
    /// The beginning of a text.
    pub const START: Place = Place { line: 1, column: 1 };
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file as the caller named it.
    pub file: String,
    /// The line, from 1; 0 where the value came without a text.
    pub line: u32,
    /// The column in characters, from 1; 0 where the value came without a text.
    pub column: u32,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

/// Everything that is wrong, in the order of files and lines. Displays one line for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems {
    list: Vec<Problem>,
    left_out: usize,
}

impl Problems {
    /// The one problem of a file as a whole.
    #[must_use]
    pub fn of_file(file: &str, message: impl Into<String>) -> Problems {
        let mut problems = Problems::default();
        problems.add(file, Place::default(), message);
        problems
    }

    /// Adds one.
    pub fn add(&mut self, file: &str, place: Place, message: impl Into<String>) {
        if self.list.len() >= MAX_PROBLEMS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let Place { line, column } = place;
        self.list.push(Problem { file: file.to_owned(), line, column, message: message.into() });
    }

    /// Adds all of another file or check.
    pub fn append(&mut self, other: Problems) {
        let room = MAX_PROBLEMS.saturating_sub(self.list.len());
        let over = other.list.len().saturating_sub(room);
        self.left_out = self.left_out.saturating_add(over).saturating_add(other.left_out);
        self.list.extend(other.list.into_iter().take(room));
    }

    /// The problems, in order.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many more there are than are kept.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Puts them in the order of `files`, lines and columns.
    pub fn sort(&mut self, files: &[&str]) {
        let position = |file: &str| files.iter().position(|other| *other == file);
        self.list.sort_by_cached_key(|problem| (position(&problem.file), problem.line, problem.column));
    }

    /// `value`, if nothing is wrong.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\n… and {more} more problems"),
        }
    }
}

impl std::error::Error for Problems {}

/// Collects the problems of one file while it is read.
#[derive(Debug)]
pub struct Report {
    file: String,
    problems: Problems,
}

impl Report {
    /// An empty one for `file`.
    #[must_use]
    pub fn new(file: &str) -> Report {
        Report { file: file.to_owned(), problems: Problems::default() }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Notes a problem at a place.
    pub fn add(&mut self, place: Place, message: impl Into<String>) {
        self.problems.add(&self.file, place, message);
    }

    /// Whether further problems are counted only.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.problems.list.len() >= MAX_PROBLEMS
    }

    /// How many problems are noted, for telling whether a part was read without any.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.list.len().saturating_add(self.problems.left_out)
    }

    /// What was noted, in the order of places.
    #[must_use]
    pub fn finish(self) -> Problems {
        let mut problems = self.problems;
        problems.list.sort_by_key(|problem| (problem.line, problem.column));
        problems
    }
}
