//! Reads whose answer is screened: of every object that a cluster returns, a condition says whether the
//! caller may see it and what of it. This is the transport's half: what is asked of the cluster, where each
//! object of the answer begins and ends, and what is written on. Which objects are shown is a closure's to
//! say, which gets each whole object and may change it.
//!
//! Three things hold throughout. What the caller reads is what was looked at: an object is written anew from
//! the value that was looked at, so that bytes which two readers could read in two ways don't pass. An answer
//! that isn't what was asked for, or that ends in the middle, is a [`Fault`]: the caller's connection
//! is broken off, and never ends as if that were all. And nothing is gathered but one object at a time, which
//! is bounded.

pub mod continue_token;
pub mod form;
pub mod keys;
pub mod list;
mod outline;
pub(crate) mod query;
mod reduce;
mod scan;
pub mod single;
pub mod stream;
mod table;
pub mod watch;

use drawbridge_policy::Look;
use serde_json::Value;
use thiserror::Error;

/// The longest object that is read, in bytes of JSON. etcd takes 1.5 MiB, and a byte of a text takes six at
/// most in the API server's JSON.
pub const MAX_OBJECT: usize = 10 * 1024 * 1024;

/// Says what becomes of one whole object, and may change what is shown of it.
pub type Looks = Box<dyn FnMut(&mut Value) -> Look + Send>;

/// Why an answer could not be screened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The answer isn't what was asked for. Says what is wrong with it.
    #[error("the cluster's answer can't be filtered: {0}")]
    Form(&'static str),
    /// It ended before its end.
    #[error("the cluster's answer ended in the middle")]
    Short,
    /// One object, or what stands beside the objects, is longer than is read.
    #[error("the cluster's answer holds more than {0} bytes in one piece, which is more than is filtered")]
    TooLarge(usize),
    /// A watch shows more objects than are kept track of.
    #[error(
        "this watch shows more than {0} objects, which is more than a filtered watch keeps track of; watch \
         single namespaces, or with a selector"
    )]
    TooMany(usize),
    /// A continue token could not be sealed.
    #[error("a continue token could not be sealed")]
    Sealing,
}
