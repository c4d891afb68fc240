//! What was compared, and whether it was enough to mean something.

use std::collections::BTreeMap;

use super::exceptions::Class;

/// Agreements and differences.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) allowed: usize,
    pub(super) denied: usize,
    pub(super) stricter: BTreeMap<Class, usize>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    /// Whether the API server allows it.
    pub(super) cluster: bool,
    /// The gateway's reason for refusing it. None: it allows it.
    pub(super) refused: Option<String>,
    /// Why the gateway should.
    pub(super) class: Option<Class>,
}

impl Tally {
    /// Counts a comparison, or says what is wrong with it.
    pub(super) fn count(&mut self, compared: Compared) -> Result<(), String> {
        match (compared.cluster, compared.refused, compared.class) {
            (true, None, None) => self.allowed += 1,
            (false, Some(_), _) => self.denied += 1,
            (true, Some(reason), Some(class)) if class.reasons().contains(&reason.as_str()) => {
                *self.stricter.entry(class).or_default() += 1;
            }
            (false, None, _) => return Err("the gateway allows what the API server refuses".to_owned()),
            (true, None, Some(class)) => return Err(format!("the gateway allows it in spite of {class:?}")),
            (true, Some(reason), class) => {
                return Err(format!(
                    "the gateway refuses it ({reason}), the API server doesn't; expected {class:?}"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn add(&mut self, other: Tally) {
        self.allowed += other.allowed;
        self.denied += other.denied;
        for (class, count) in other.stricter {
            *self.stricter.entry(class).or_default() += count;
        }
    }

    pub(super) fn total(&self) -> usize {
        self.allowed + self.denied + self.stricter.values().sum::<usize>()
    }

    /// Fails unless every class was met, and there were that many agreements of each kind.
    #[track_caller]
    pub(super) fn suffices(&self, classes: &[Class], (allowed, denied): (usize, usize)) {
        let missing: Vec<_> = classes.iter().filter(|class| !self.stricter.contains_key(class)).collect();
        assert!(missing.is_empty(), "nothing showed {missing:?}: {self:#?}");
        assert!(self.allowed >= allowed && self.denied >= denied, "too few agreements: {self:#?}");
    }
}
