//! What the integration tests stand on: one control plane for all of them, gateways as processes, agents with
//! keys of their own, kubectl, and the API server's audit log as the judge.
//!
//! It never depends on the gateway: it is handed the binary's path and uses it as a person would.

mod agent;
mod audit;
pub mod callers;
mod gateway;
pub mod issuer;
mod pod;
mod process;
mod world;

pub use agent::Agent;
pub use audit::{Audit, Event};
pub use gateway::{Gateway, Options};
pub use pod::InPod;
pub use process::{Run, run};
pub use world::World;
