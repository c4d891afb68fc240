//! A permitted request goes to its cluster, and the answer comes back. Streams flow both ways with
//! backpressure; nothing is read ahead.

pub mod answer;
pub mod ending;
pub mod headers;
pub mod relay;
pub mod screen;
pub mod screened;
pub mod send;
pub mod tunnel;
