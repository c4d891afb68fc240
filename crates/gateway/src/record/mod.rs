//! The record, to which every step writes. What happened is written outside the agent, and
//! a write reaches a cluster only after its intent is durable here.

pub mod draft;
pub mod entry;
pub mod fold;
pub mod redact;
pub mod writer;

#[cfg(test)]
mod tests;
