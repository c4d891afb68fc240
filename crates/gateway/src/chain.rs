//! An error with its causes.

use std::error::Error;
use std::fmt;

/// An error with its causes, in one line. A cause that the errors above it tell already is left out.
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.ends_with(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            cause = error.source();
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Told {
        said: &'static str,
        #[source]
        cause: Option<Box<Told>>,
    }

    #[test]
    fn a_cause_that_was_told_already_is_not_told_again() {
        let because = |said, cause: Told| Told { said, cause: Some(Box::new(cause)) };
        let root = || Told { said: "no such file", cause: None };
        let plain = because("the config can't be read", root());
        assert_eq!(Chain(&plain).to_string(), "the config can't be read: no such file");
        let twice = because("it can't be used", because("failed to read it: no such file", root()));
        assert_eq!(Chain(&twice).to_string(), "it can't be used: failed to read it: no such file");
    }
}
