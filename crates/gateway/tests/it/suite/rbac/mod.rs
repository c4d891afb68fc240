//! Rules mean what they mean in Kubernetes RBAC: for generated rules, bindings and requests the gateway and
//! the real API server are asked the same. Where they differ there must be a strict exception (§4 of the
//! design), and only ever one that allows less.

pub(super) mod api;
mod ask;
mod ceiling;
mod exceptions;
mod generate;
mod holder;
mod kinds;
mod known;
pub(super) mod random;
mod replay;
mod request;
mod reviews;
mod rule;
mod samples;
mod scene;
mod share;
mod stage;
mod tally;
