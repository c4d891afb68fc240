//! The tasks of HTTP/2 streams. hyper runs each stream as a task of its own and gives no handle to it; a
//! stream whose caller reads nothing waits for flow control in there and notices nothing. So the task knows
//! how it can be ended, and with it that one stream (RST_STREAM) while its connection goes on.

use hyper::rt::Executor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

tokio::task_local! {
    /// Set in the task of an HTTP/2 stream, and nowhere else.
    static END: CancellationToken;
}

/// Runs the streams of HTTP/2 connections.
#[derive(Debug, Clone)]
pub struct Streams(TaskTracker);

impl Streams {
    /// Runs them among these tasks.
    pub fn new(tasks: TaskTracker) -> Streams {
        Streams(tasks)
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let end = CancellationToken::new();
        let ended = end.clone().cancelled_owned();
        self.0.spawn(END.scope(end, async move {
            tokio::select! {
                () = stream => {}
                () = ended => {}
            }
        }));
    }
}

/// What ends the HTTP/2 stream that this is called in; none on HTTP/1.1, where the connection is the stream.
pub fn current() -> Option<CancellationToken> {
    END.try_with(CancellationToken::clone).ok()
}
