//! Measures the gateway, each time beside what it is compared with in the same run, and writes what was seen
//! into docs/reference/performance.md. Build both in release first:
//!
//!     cargo build --release -p drawbridge -p drawbridge-bench
//!     target/release/drawbridge-bench all

mod caller;
mod fake;
mod figures;
mod hop;
mod nginx;
mod process;
mod record;
mod report;
mod revoke;
mod scene;
mod start;
mod timing;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures the gateway.
#[derive(Debug, Parser)]
struct Cli {
    /// The gateway's binary; the one beside this program if left out.
    #[arg(long, global = true, value_name = "FILE")]
    gateway: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A small GET through the gateway, straight to the API server, and through nginx where it is installed.
    Hop(hop::Options),
    /// Suspending an agent with many open watches.
    Revoke(revoke::Options),
    /// Writes, whose intent is durable before they are sent.
    Record(record::Options),
    /// From exec to serving, empty and with many manifests.
    Start(start::Options),
    /// Everything, with its defaults.
    All,
    /// Only writes the page again, from the last results.
    Page,
}

fn main() {
    let cli = Cli::parse();
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("the first provider");
    let beside = || std::env::current_exe().expect("our own path").with_file_name("drawbridge");
    let gateway = cli.gateway.unwrap_or_else(beside);
    assert!(gateway.exists(), "no gateway at {}; build it or pass --gateway", gateway.display());
    match cli.what {
        What::Hop(options) => report::keep(&hop::measure(&gateway, &options)),
        What::Revoke(options) => report::keep(&revoke::measure(&gateway, &options)),
        What::Record(options) => report::keep(&record::measure(&gateway, &options)),
        What::Start(options) => report::keep(&start::measure(&gateway, &options)),
        What::All => {
            report::keep(&start::measure(&gateway, &start::Options::default()));
            report::keep(&record::measure(&gateway, &record::Options::default()));
            report::keep(&revoke::measure(&gateway, &revoke::Options::default()));
            report::keep(&hop::measure(&gateway, &hop::Options::default()));
        }
        What::Page => {}
    }
    report::write_page();
}
