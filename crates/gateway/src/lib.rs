//! Drawbridge: an identity-aware gateway between AI agents and Kubernetes clusters.
//!
//! [`pipeline`] shows a request's path whole. The first group of modules are its steps, in this order:
//! connection, identity, lease, bodies, record, broker, cluster, with what they decide by in `state`. Then
//! come what people use, and what both rest on.

pub mod pipeline;

pub mod bodies;
pub mod broker;
pub mod cluster;
pub mod connection;
pub mod identity;
pub mod lease;
pub mod limits;
pub mod record;
pub mod refusal;
pub mod state;

pub mod admin;
pub mod commands;

pub mod chain;
pub mod clock;
pub mod config;
pub mod directory;
pub mod errand;
pub mod expand;
pub mod facts;
pub mod gate;
pub mod https;
pub mod manifest;
pub mod telemetry;
pub mod yaml;
