//! The crate's tests against real programs: one binary, so that most of them share one cluster.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and a process that a test starts prints what it is asked for"
)]

mod cluster;
mod failures;
mod streams;
mod support;
mod watchdog;
