//! The gateway's own log, on standard error.

use std::io::IsTerminal;

use anyhow::{Context, anyhow};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins logging. `what` is a filter such as `info` or `drawbridge=debug`.
pub(super) fn begin(what: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(what).with_context(|| {
        format!("{what:?} is no log filter; write one such as 'info' or 'drawbridge=debug'")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = if std::io::stderr().is_terminal() {
        log.compact().finish().try_init()
    } else {
        log.json().finish().try_init()
    };
    begun.map_err(|error| anyhow!("logging can't begin: {error}"))
}
