//! Refusals of callers that nobody knows are folded: one row per source, reason and minute, with a count. A
//! stranger can't fill the record.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use drawbridge_policy::Millis;
use drawbridge_store::{Part, Row};

/// Refusals of one kind from one source within this many milliseconds become one row.
const WINDOW: i64 = 60_000;
/// Sources and reasons told apart at once; past that, all others count as one.
const KINDS: usize = 1_024;

/// Whose refusals are one row: a source, a reason, and of callers for whom somebody vouched also who they
/// are.
type Kind = (Option<IpAddr>, &'static str, Option<String>);

/// Counts of the refusals that wait for the end of their minute.
#[derive(Debug, Default)]
pub struct Fold {
    open: Mutex<HashMap<Kind, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Millis,
    more: u64,
}

/// What becomes of one refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is the first of its kind: write it.
    First,
    /// It was counted.
    Counted,
}

impl Fold {
    /// Counts a refusal of an unknown caller.
    pub fn count(&self, source: IpAddr, reason: &'static str, subject: Option<String>, now: Millis) -> Fate {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = (Some(source), reason, subject);
        let kind = if open.contains_key(&kind) || open.len() < KINDS { kind } else { (None, reason, None) };
        match open.get_mut(&kind) {
            Some(window) => {
                window.more += 1;
                Fate::Counted
            }
            None => {
                open.insert(kind, Window { began: now, more: 0 });
                Fate::First
            }
        }
    }

    /// The rows of every minute that is over.
    pub fn take_over(&self, now: Millis) -> Vec<Folded> {
        // A minute that is still to come was begun by a clock that was set back since.
        self.take(|window| now.0.saturating_sub(window.began.0).abs() >= WINDOW)
    }

    /// The rows of every minute, over or not: the gateway ends.
    pub fn take_all(&self) -> Vec<Folded> {
        self.take(|_| true)
    }

    /// Counts on what could not be told.
    pub fn restore(&self, untold: impl Iterator<Item = Folded>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for Folded { kind, window } in untold {
            let now = open.entry(kind).or_insert(Window { more: 0, ..window });
            now.more = now.more.saturating_add(window.more);
            now.began = now.began.min(window.began);
        }
    }

    fn take(&self, over: impl Fn(&Window) -> bool) -> Vec<Folded> {
        let mut rows = Vec::new();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|kind, window| {
            if !over(window) {
                return true;
            }
            if window.more > 0 {
                rows.push(Folded { kind: kind.clone(), window: *window });
            }
            false
        });
        rows
    }
}

/// Refusals of one kind that were counted.
#[derive(Debug)]
pub struct Folded {
    kind: Kind,
    window: Window,
}

impl Folded {
    /// The row that tells of them.
    pub fn row(&self, now: Millis) -> Row {
        row(&self.kind, self.window, now)
    }
}

fn row(kind: &Kind, window: Window, now: Millis) -> Row {
    let (source, reason, subject) = kind;
    let body = serde_json::json!({
        "time": now.0,
        "part": "event",
        "event": "refused-again",
        "source": source.map(|source| source.to_string()),
        "reason": reason,
        "subject": subject,
        "times": window.more,
        "since": window.began.0,
    });
    let id = uuid::Uuid::now_v7().to_string();
    Row { result: Some((*reason).to_owned()), ..Row::new(id, Part::Event, now.0, body.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_written_and_the_rest_of_the_minute_counted() {
        let fold = Fold::default();
        let source = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(fold.count(source, "no-credential", None, Millis(0)), Fate::First);
        assert_eq!(fold.count(source, "no-credential", None, Millis(1)), Fate::Counted);
        assert_eq!(fold.count(source, "no-credential", None, Millis(2)), Fate::Counted);
        assert!(fold.take_over(Millis(59_999)).is_empty());
        let rows = fold.take_over(Millis(60_000));
        assert_eq!(rows.len(), 1);
        let row = rows[0].row(Millis(60_000));
        assert!(row.body.contains(r#""times":2"#), "{}", row.body);
        fold.restore(rows.into_iter());
        let again = fold.take_over(Millis(60_000)).remove(0).row(Millis(60_000));
        assert!(again.body.contains(r#""times":2"#), "what the record did not take is told later");
        assert_eq!(fold.count(source, "no-credential", None, Millis(60_001)), Fate::First);
    }

    #[test]
    fn a_clock_that_is_set_hides_no_refusal_for_longer_than_a_minute() {
        const YEAR: i64 = 365 * 86_400_000;
        let fold = Fold::default();
        let source = IpAddr::from([127, 0, 0, 1]);
        let count = |now| fold.count(source, "no-credential", None, Millis(now));
        assert_eq!((count(0), count(YEAR)), (Fate::First, Fate::Counted));
        assert_eq!(fold.take_over(Millis(YEAR)).len(), 1);
        assert_eq!((count(YEAR), count(0)), (Fate::First, Fate::Counted));
        assert_eq!(fold.take_over(Millis(0)).len(), 1, "nobody waits for next year");
        assert_eq!(count(0), Fate::First);
    }

    #[test]
    fn callers_that_somebody_vouched_for_are_told_apart() {
        let fold = Fold::default();
        let source = IpAddr::from([127, 0, 0, 1]);
        let of = |subject: &str| fold.count(source, "unrecognised", Some(subject.to_owned()), Millis(0));
        assert_eq!(fold.count(source, "unrecognised", None, Millis(0)), Fate::First);
        assert_eq!(of("prod/agents/a (recreated)"), Fate::First, "not hidden behind a stranger's key");
        assert_eq!(of("prod/agents/b (unknown)"), Fate::First);
        assert_eq!(of("prod/agents/a (recreated)"), Fate::Counted);
    }

    #[test]
    fn many_sources_take_bounded_room() {
        let fold = Fold::default();
        for n in 0..100_000_u32 {
            fold.count(IpAddr::from(n.to_be_bytes()), "no-credential", None, Millis(0));
        }
        assert!(fold.open.lock().unwrap().len() <= KINDS + 1);
        let counted: usize = fold.take_all().len();
        assert_eq!(counted, 1, "all past the bound are one row");
    }
}
