//! The tests by subject, and the world they share.

mod attacks;
mod expiry;
mod path;
mod revocation;
mod streams;
mod wire;

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
