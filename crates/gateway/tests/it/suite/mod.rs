//! The tests by subject, and the world they share.

mod attacks;
mod bad_input;
mod can_i;
mod cli;
mod cli_declare;
mod cli_describe;
mod cli_directory;
mod cli_many;
mod cluster_side;
mod cluster_side_credentials;
mod cluster_side_renewal;
mod conditions;
mod connect;
mod crash;
mod delete_options;
mod delete_options_children;
mod disk_full;
mod expiry;
mod explain;
mod export;
mod export_vap;
mod in_pod;
mod issuers;
mod pasted;
mod path;
mod questions;
mod rbac;
mod record;
mod record_endings;
mod record_rows;
mod record_secrets;
mod refusals;
mod refusals_limits;
mod revocation;
mod scopes;
mod strangers;
mod streams;
mod suggest;
mod wire;
mod writes;
mod writes_bodies;

use std::path::Path;
use std::sync::LazyLock;

use drawbridge_testkit::World;

/// The control plane and the gateway that most tests share.
static WORLD: LazyLock<World> = LazyLock::new(|| World::start(binary()));

fn world() -> &'static World {
    &WORLD
}

/// The binary under test.
fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_drawbridge"))
}
