//! Waiting. This crate waits for other processes only, so it reads the machine's clock itself.

use std::time::{Duration, Instant};

/// A moment from which time is counted.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "waits for real processes; nothing here can run on a test's clock"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Asks `done` every `interval` until it says yes or `limit` has passed. False means that the time is up.
pub(crate) fn wait_until<E>(
    limit: Duration,
    interval: Duration,
    mut done: impl FnMut() -> Result<bool, E>,
) -> Result<bool, E> {
    let watch = Stopwatch::start();
    loop {
        if done()? {
            return Ok(true);
        }
        if watch.elapsed() >= limit {
            return Ok(false);
        }
        std::thread::sleep(interval);
    }
}
