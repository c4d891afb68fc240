//! Drawbridge.

pub mod config;
/// Step 2: a credential becomes an agent.
pub mod identity {
    pub mod key;
}
pub mod yaml;
