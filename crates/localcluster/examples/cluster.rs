//! Starts a cluster, says where it is, and keeps it until standard input ends:
//! `cargo run -p drawbridge-localcluster --example cluster`.

use std::io::Read as _;

use drawbridge_localcluster::{Binaries, LocalCluster, Options};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to its terminal")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut progress = |text: &str| eprintln!("{text}");
    let binaries = Binaries::find(&mut progress)?;
    let cluster = LocalCluster::start(&binaries, Options::default(), &mut progress)?;
    println!("{}", cluster.directory().display());
    println!("{} --kubeconfig {}", cluster.kubectl().display(), cluster.admin_kubeconfig().display());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    cluster.stop()?;
    Ok(())
}
