//! YAML with positions: text becomes a tree in which every key and value knows its line and column, and a
//! small reader walks that tree and collects all problems instead of stopping at the first. Manifests and
//! the config are read through it.
//!
//! The tree is built from the parser's events (`serde_saphyr::granit_parser`) and not through serde: events
//! show anchors, aliases, tags, quoting and duplicate keys where they stand, so that what is ambiguous can
//! be refused at its place instead of being resolved before anybody sees it.

mod at;
mod build;
mod node;
mod problem;
mod suggest;
mod syntax;

#[cfg(test)]
pub(crate) mod schema;
#[cfg(test)]
mod tests;

pub use at::{At, Fields, Shape};
pub use build::{MAX_BYTES, MAX_DEPTH, MAX_NODES, parse};
pub use node::{Content, Field, Node, Scalar, ScalarKind};
pub use problem::{MAX_PROBLEMS, Place, Problem, Problems, Report};
pub use suggest::{closest, shown};
pub use syntax::is_invisible;
