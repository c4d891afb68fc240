//! Time as milliseconds in a float, which is how all figures are kept.

use std::time::{Duration, Instant};

pub fn since(start: Instant) -> f64 {
    millis(start.elapsed())
}

pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
