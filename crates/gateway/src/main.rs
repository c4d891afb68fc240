//! `drawbridge`: the gateway and its command line in one program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use drawbridge::clock::Clock;
use drawbridge::commands::terminal::{Terminal, Tone};
use drawbridge::commands::{self, Cli, Command, World};

/// Long-lived gateways with many streams stay small with it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let mut terminal = Terminal::process(variable("NO_COLOR").is_some_and(|value| !value.is_empty()));
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return broken(&mut terminal, "another TLS provider is installed already");
    }
    let runtime = match cli.command {
        Command::Serve(_) | Command::Quickstart(_) => {
            tokio::runtime::Builder::new_multi_thread().enable_all().build()
        }
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return broken(&mut terminal, &format!("no threads can be started: {error}")),
    };
    let mut world = World {
        terminal: &mut terminal,
        clock: Clock::system(),
        who: who(),
        program: std::env::current_exe().unwrap_or_else(|_unknown| PathBuf::from("drawbridge")),
        admin: cli.admin,
    };
    let status = runtime.block_on(commands::run(cli.command, &mut world));
    // Reading standard input, say, must not keep the process.
    runtime.shutdown_background();
    status
}

/// Prints help, the version, or what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    let good = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if good && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

fn broken(terminal: &mut Terminal, what: &str) -> ExitCode {
    let label = terminal.paint(Tone::Bad, "error:");
    match terminal.note(&format!("{label} {what}")) {
        Ok(()) | Err(_) => ExitCode::FAILURE,
    }
}

/// Who runs this, as far as the environment says: it goes into the record as a claim.
fn who() -> String {
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".to_owned());
    let host = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname"));
    let host = host.ok().or_else(|| variable("HOSTNAME")).unwrap_or_else(|| "somewhere".to_owned());
    format!("{}@{}", user.trim(), host.trim())
}

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read, and passed on from")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
