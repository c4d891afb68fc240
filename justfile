# What people type while they work on Drawbridge. `just` alone lists it.

_default:
    @just --list --unsorted

# The gateway with its defaults, or with a config: just serve --config FILE
serve *arguments:
    cargo run -- serve {{arguments}}

# A local cluster, four agents and the scene; `just quickstart --once` ends after it
quickstart *arguments:
    cargo run --release -- quickstart {{arguments}}

# Every test; the first run builds the control plane
test *arguments:
    cargo test --workspace {{arguments}}

# What CI does
ci:
    .ci/run

# Formats the code
fmt:
    cargo fmt --all

# Clippy as CI runs it, and the dependencies' licences and advisories
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check

# The API documentation of our own crates
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
