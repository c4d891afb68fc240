//! What the gateway tells about itself: numbers that Prometheus reads. Labels come from closed enums only, so
//! that neither agents nor strangers can make a series.

mod class;
mod metrics;

pub use class::Class;
pub use metrics::{Called, Ending, Failed, Level, Metrics};
