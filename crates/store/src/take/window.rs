//! How often a limit was used lately. Pure: the time comes in as an argument.
//!
//! Time is cut into buckets, 60 to a window. What is counted in a bucket counts until the whole bucket is
//! more than a window ago, so that no window ever has more than the limit, wherever it begins, and a place
//! is free again at most one bucket late.

use crate::Error;

/// Buckets of a window. One more counts: the oldest, which the window covers in part.
const BUCKETS: i64 = 60;
/// Clocks that are wrong by more than this are not merely set differently: an agent's credentials don't
/// count there.
const FAR: i64 = 24 * 60 * 60 * 1_000;

/// The use of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Milliseconds of a bucket.
    width: i64,
    /// Bucket and count, oldest first. A bucket's number is its beginning in widths since 1970.
    counts: Vec<(i64, i64)>,
    /// Whether something was counted since it was read.
    more: bool,
}

impl Window {
    /// What the database has, as it counts now.
    ///
    /// # Errors
    /// `Corrupt` if nobody here can have written it.
    pub(super) fn read(text: &str, per: i64, now: i64) -> Result<Self, Error> {
        let counts: Vec<(i64, i64)> = serde_json::from_str(text).map_err(Error::corrupt)?;
        let ascends = counts.is_sorted_by(|(a, _), (b, _)| a < b);
        if !ascends || counts.iter().any(|(_, count)| *count < 1) {
            return Err(Error::corrupt("counts of a limit are out of order"));
        }
        let mut window = Self { width: per / BUCKETS, counts, more: false };
        window.advance(now);
        Ok(window)
    }

    /// As the database keeps it.
    pub(super) fn text(&self) -> String {
        let pairs: Vec<String> =
            self.counts.iter().map(|(bucket, count)| format!("[{bucket},{count}]")).collect();
        format!("[{}]", pairs.join(","))
    }

    /// When there is a place again for one of `requests`; none while there is one.
    pub(super) fn free_at(&self, requests: i64) -> Option<i64> {
        let mut left = self.used();
        let mut free = None;
        for (bucket, count) in &self.counts {
            if left < requests {
                break;
            }
            left = left.saturating_sub(*count);
            free = Some(bucket.saturating_add(BUCKETS + 1).saturating_mul(self.width));
        }
        free
    }

    /// Counts one more, now.
    pub(super) fn add(&mut self, now: i64) {
        let present = self.present(now);
        self.more = true;
        match self.counts.last_mut() {
            Some((bucket, count)) if *bucket == present => *count = count.saturating_add(1),
            _ => self.counts.push((present, 1)),
        }
    }

    /// Whether something was counted since it was read.
    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    fn used(&self) -> i64 {
        self.counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The bucket of now. A clock that was set back, or another replica's that is behind, doesn't go back
    /// to an earlier bucket: that one would stop counting too soon.
    fn present(&self, now: i64) -> i64 {
        let by_clock = now.div_euclid(self.width);
        self.counts.last().map_or(by_clock, |(latest, _)| by_clock.max(*latest))
    }

    /// Leaves out what no longer counts.
    fn advance(&mut self, now: i64) {
        let by_clock = now.div_euclid(self.width);
        let ahead = self.counts.last().map_or(0, |(latest, _)| latest.saturating_sub(by_clock));
        if ahead.saturating_mul(self.width) > FAR {
            // A clock was wrong when this was counted. Nobody is to wait until it would have been right: it
            // counts from now on, for one window.
            self.counts = vec![(by_clock, self.used())];
        }
        let oldest = self.present(now).saturating_sub(BUCKETS);
        self.counts.retain(|(bucket, _)| *bucket >= oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const MINUTE: i64 = 60_000;
    /// The beginning of a bucket of every length.
    const START: i64 = 20_000 * 24 * HOUR;

    /// Takes from what is stored, as the store does.
    fn take(stored: &mut String, per: i64, requests: i64, now: i64) -> Result<(), i64> {
        let mut window = Window::read(stored, per, now).unwrap();
        if let Some(free_at) = window.free_at(requests) {
            return Err(free_at);
        }
        window.add(now);
        *stored = window.text();
        Ok(())
    }

    /// Numbers that look random and are the same in every run (Marsaglia's xorshift64).
    fn numbers() -> impl FnMut(i64) -> i64 {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            i64::try_from(state >> 1).unwrap() % below
        }
    }

    #[test]
    fn exactly_so_many_go_at_once_and_the_next_when_the_oldest_bucket_is_over() {
        for per in [MINUTE, HOUR, 24 * HOUR] {
            let width = per / 60;
            let mut stored = "[]".to_owned();
            for _ in 0..5 {
                take(&mut stored, per, 5, START + width - 1).unwrap();
            }
            let free_at = START + per + width;
            for now in [START + width - 1, START + width, START + per, free_at - 1] {
                assert_eq!(take(&mut stored, per, 5, now), Err(free_at), "{per} {now}");
            }
            take(&mut stored, per, 5, free_at).unwrap();
        }
    }

    #[test]
    fn no_window_ever_has_more_and_no_place_comes_back_more_than_a_bucket_late() {
        let mut below = numbers();
        for per in [MINUTE, HOUR] {
            let (requests, mut now, mut stored) = (7_usize, START, "[]".to_owned());
            let mut admitted: Vec<i64> = Vec::new();
            let mut refused = 0;
            for _ in 0..20_000 {
                now += below(per / 10);
                let within = |length: i64| admitted.iter().filter(|time| **time >= now - length).count();
                let (shorter, longer) = (within(per), within(per + per / 60));
                match take(&mut stored, per, 7, now) {
                    Ok(()) => {
                        assert!(shorter < requests, "{now}: one more would be too many");
                        admitted.push(now);
                    }
                    Err(free_at) => {
                        assert!(longer >= requests, "{now}: a place came back too late");
                        assert!(free_at > now && free_at <= now + per + per / 60);
                        refused += 1;
                    }
                }
                admitted.retain(|time| *time >= now - 2 * per);
            }
            assert!(refused > 1_000, "the limit was reached: {refused}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_frees_nothing_and_one_that_wavers_counts_by_its_latest() {
        let mut stored = "[]".to_owned();
        take(&mut stored, HOUR, 3, START).unwrap();
        take(&mut stored, HOUR, 3, START - 30 * MINUTE).unwrap();
        take(&mut stored, HOUR, 3, START - 23 * HOUR).unwrap();
        let free_at = START + 61 * MINUTE;
        for back in [0, 1, MINUTE, HOUR, 2 * HOUR, 23 * HOUR] {
            assert_eq!(take(&mut stored, HOUR, 3, START - back), Err(free_at));
        }
        assert_eq!(take(&mut stored, HOUR, 3, free_at - 1), Err(free_at));
        take(&mut stored, HOUR, 3, free_at).unwrap();
    }

    #[test]
    fn what_a_clock_that_was_years_ahead_has_counted_counts_for_one_window_more() {
        let mut stored = "[]".to_owned();
        for minutes in 0..3 {
            take(&mut stored, HOUR, 3, START + 3_650 * 24 * HOUR + minutes * MINUTE).unwrap();
        }
        assert_eq!(take(&mut stored, HOUR, 3, START), Err(START + 61 * MINUTE));
        // Nothing was counted by that, so the next look begins the window anew.
        assert_eq!(take(&mut stored, HOUR, 4, START), Ok(()));
        assert_eq!(take(&mut stored, HOUR, 4, START + HOUR), Err(START + 61 * MINUTE));
        take(&mut stored, HOUR, 4, START + 61 * MINUTE).unwrap();
    }

    #[test]
    fn a_lower_limit_waits_until_so_much_is_over_that_it_holds() {
        let mut stored = "[]".to_owned();
        for minute in 0..10 {
            take(&mut stored, HOUR, 10, START + minute * MINUTE).unwrap();
        }
        let now = START + 10 * MINUTE;
        let window = Window::read(&stored, HOUR, now).unwrap();
        assert_eq!(window.free_at(11), None);
        assert_eq!(window.free_at(10), Some(START + 61 * MINUTE));
        assert_eq!(window.free_at(3), Some(START + 68 * MINUTE));
        assert_eq!(window.free_at(1), Some(START + 70 * MINUTE));
    }

    #[test]
    fn what_is_stored_stays_small_and_nothing_else_than_it_is_read() {
        let mut stored = "[]".to_owned();
        for second in 0..10_000 {
            take(&mut stored, MINUTE, 1_000, START + second * 250).unwrap();
        }
        assert_eq!(Window::read(&stored, MINUTE, START).unwrap().counts.len(), 61);
        for bad in ["", "{}", "[[1]]", "[[2,1],[1,1]]", "[[1,1],[1,1]]", "[[1,0]]", "[[1,-4]]", "[[1.5,1]]"] {
            let error = Window::read(bad, MINUTE, START).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{bad}: {error:?}");
        }
    }

    #[test]
    fn times_and_counts_at_the_ends_of_their_range_do_not_overflow() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            let mut stored = "[]".to_owned();
            take(&mut stored, HOUR, 1, now).unwrap();
            assert!(take(&mut stored, HOUR, 1, now).is_err(), "{now}");
        }
        let most = format!("[[{},{}],[{},{}]]", i64::MIN, i64::MAX, i64::MAX, i64::MAX);
        assert!(Window::read(&most, HOUR, 0).unwrap().free_at(i64::MAX).is_some());
    }
}
