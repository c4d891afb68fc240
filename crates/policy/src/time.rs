//! Time as a decision sees it: a number that came in as an argument.

/// Milliseconds since 1970-01-01T00:00:00Z. What a grant's end and "now" are compared in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);
