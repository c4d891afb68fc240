//! Step 6, and what every other step writes to: the record. What happened is written outside the agent, and
//! a write reaches a cluster only after its intent is durable here.

pub mod draft;
pub mod entry;
pub mod fold;
pub mod redact;
pub mod writer;

#[cfg(test)]
mod tests;
