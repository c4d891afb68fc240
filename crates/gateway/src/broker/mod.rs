//! A permitted request goes to its cluster, and the answer comes back. Streams flow both ways with
//! backpressure; nothing is read ahead.

pub mod answer;
mod entered;
pub mod headers;
pub mod moved;
pub mod relay;
pub mod review;
pub mod screen;
pub mod screened;
pub mod send;
pub mod tap;
pub mod tunnel;
