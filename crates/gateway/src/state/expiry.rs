//! What ends by the clock ends at its time, not at the next request.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::State;

/// The longest sleep: clocks are set, machines are suspended.
const LONGEST: Duration = Duration::from_secs(1);

/// Ends the streams of every grant whose time is over, until `shutdown`.
pub async fn run(state: Arc<State>, shutdown: CancellationToken) {
    let mut changed = state.changed.subscribe();
    let mut seen = state.clock.now();
    loop {
        let now = state.clock.now();
        // A clock that is set back makes ended grants count again, so that they must end again.
        seen = seen.min(now);
        let next = state.snapshot().next_end(seen);
        if next.is_some_and(|end| end <= now) {
            let alone = state.changing.lock().await;
            let snapshot = state.snapshot();
            let closed = state.review(&snapshot, &snapshot).await;
            drop(alone);
            state.closed("expired", closed).await;
            seen = now;
            continue;
        }
        let wait = next.map_or(LONGEST, |end| {
            Duration::from_millis(u64::try_from(end.0.saturating_sub(now.0)).unwrap_or(0)).min(LONGEST)
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            result = changed.changed() => if result.is_err() { return },
            () = shutdown.cancelled() => return,
        }
    }
}
