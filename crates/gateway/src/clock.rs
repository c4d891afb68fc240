//! The time, handed in: nothing else in the gateway asks the machine what time it is.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use drawbridge_policy::Millis;

/// Tells the time in milliseconds since 1970. Tests hand in their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
        Clock(Arc::new(|| {
            let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        }))
    }

    /// A clock of the caller's own making.
    pub fn new(tell: impl Fn() -> Millis + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(tell))
    }

    /// The time now.
    pub fn now(&self) -> Millis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
