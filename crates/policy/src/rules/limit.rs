//! How often a rule may be used.

use std::fmt;

use thiserror::Error;

/// The most that a limit may say. It bounds a mistake, not a machine: whoever wants more wants no limit.
const MOST: u32 = 100_000;

/// The length of a limit's window. Any window of that length counts, wherever it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

impl Per {
    /// All of them, shortest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The word in a manifest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Reads the word in a manifest.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|per| per.as_str() == word)
    }

    /// Its length in milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// At most so many requests of one agent by a rule in any window of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    requests: u32,
    per: Per,
}

/// Why a number is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a limit is 1 to {MOST} requests, not {0}; for none leave the rule out, for any number the limit")]
pub struct LimitError(i64);

impl Limit {
    /// A limit of 1 to 100,000 requests.
    ///
    /// # Errors
    /// For any other number.
    pub fn new(requests: i64, per: Per) -> Result<Self, LimitError> {
        match u32::try_from(requests) {
            Ok(requests @ 1..=MOST) => Ok(Self { requests, per }),
            _ => Err(LimitError(requests)),
        }
    }

    /// How many requests.
    #[must_use]
    pub const fn requests(self) -> u32 {
        self.requests
    }

    /// In which window.
    #[must_use]
    pub const fn per(self) -> Per {
        self.per
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, per } = self;
        match requests {
            1 => write!(f, "1 request per {per}"),
            _ => write!(f, "{requests} requests per {per}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_one_to_a_hundred_thousand_and_says_so() {
        for good in [1, 2, 500, 100_000] {
            assert_eq!(i64::from(Limit::new(good, Per::Hour).unwrap().requests()), good);
        }
        for bad in [i64::MIN, -1, 0, 100_001, 1 << 32 | 1, i64::MAX] {
            let error = Limit::new(bad, Per::Day).unwrap_err().to_string();
            let said = format!("a limit is 1 to 100000 requests, not {bad}; ");
            assert!(error.starts_with(&said), "{error}");
        }
        assert_eq!(Limit::new(1, Per::Day).unwrap().to_string(), "1 request per day");
        assert_eq!(Limit::new(500, Per::Hour).unwrap().to_string(), "500 requests per hour");
    }

    #[test]
    fn every_window_has_a_word_of_its_own_and_a_length_and_no_other_word_is_one() {
        let read: Vec<_> = Per::ALL.into_iter().map(|per| (Per::parse(per.as_str()), per.millis())).collect();
        let expected =
            [(Some(Per::Minute), 60_000), (Some(Per::Hour), 3_600_000), (Some(Per::Day), 86_400_000)];
        assert_eq!(read, expected);
        for other in ["", "Hour", "hours", "second", "1h", " hour", "week"] {
            assert_eq!(Per::parse(other), None, "{other}");
        }
    }
}
