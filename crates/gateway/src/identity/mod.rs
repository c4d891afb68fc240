//! A credential becomes an agent. Every request is recognised on its own, whatever the connection it
//! came on carried before.

pub mod account;
pub mod authenticate;
pub mod certificate;
pub mod issuer;
pub mod jwt;
pub mod key;
pub mod means;
pub mod proven;
mod strict;
pub mod token;
pub mod unrecognised;
