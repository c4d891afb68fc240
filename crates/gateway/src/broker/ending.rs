//! Tells a caller in good time that what it may do ends.

use drawbridge_policy::{Millis, Permit};
use http::HeaderValue;
use jiff::Timestamp;

/// An end that is no further away than this is told.
const SOON_MS: i64 = 60 * 60 * 1000;

/// The `Warning` of a request whose grant ends within the hour. kubectl prints it.
#[must_use]
pub fn ending(permit: &Permit, now: Millis) -> Option<HeaderValue> {
    warning(permit.grant(), permit.until()?, now)
}

/// The end may be that of another grant that was needed as well.
fn warning(grant: &str, until: Millis, now: Millis) -> Option<HeaderValue> {
    if until.0.saturating_sub(now.0) > SOON_MS {
        return None;
    }
    let end = Timestamp::from_second(until.0.div_euclid(1000)).ok()?;
    HeaderValue::from_str(&format!("299 - \"drawbridge: what the grant {grant} allows here ends at {end}\""))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hour_is_told_and_what_is_before_it_is_not() {
        let end = Millis(1_800_000_000_500);
        let at = |before: i64| warning("night", end, Millis(end.0 - before));
        assert_eq!(at(SOON_MS + 1), None);
        for before in [SOON_MS, 1, 0] {
            let said = at(before).unwrap();
            assert_eq!(
                said.to_str().unwrap(),
                "299 - \"drawbridge: what the grant night allows here ends at 2027-01-15T08:00:00Z\""
            );
        }
    }
}
