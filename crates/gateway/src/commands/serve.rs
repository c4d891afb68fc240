//! `drawbridge serve`: the gateway itself.

mod admin;
mod certificates;
mod data;
mod logging;
mod reload;
mod running;
mod start;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::World;
use super::failure::Wrong;
use crate::config::{Config, ConfigError};
pub use running::Running;
pub use start::start;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge serve
  drawbridge serve --config drawbridge.yaml

Without a config it listens on 127.0.0.1:8443 (agents) and 127.0.0.1:8444
(people) and keeps everything in ./drawbridge-data. DRAWBRIDGE_LOG sets what is
logged, such as 'debug' or 'drawbridge=trace'.")]
pub struct Serve {
    /// The config.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is logged.
    #[arg(long, env = "DRAWBRIDGE_LOG", default_value = "info", hide = true)]
    log: String,
}

impl Serve {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        logging::begin(&self.log)?;
        let config = match &self.config {
            Some(file) => Config::read(file).map_err(unread)?,
            None => Config::default(),
        };
        let mut signals = Signals::new()?;
        let running = start(config, world.clock.clone()).await?;
        world.terminal.say(&format!(
            "drawbridge serves agents at {} and people at {}; the admin credential is in {}",
            running.url(),
            running.admin_url(),
            running.admin_file().display()
        ))?;
        signals.next().await;
        world.terminal.note("ending; a second signal cuts what is still open")?;
        running.shutdown_unless(signals.next()).await
    }
}

/// What is wrong with a config, a line for each.
fn unread(error: ConfigError) -> anyhow::Error {
    match error {
        ConfigError::Wrong(problems) => {
            let problems: Vec<String> = problems.to_string().lines().map(str::to_owned).collect();
            let message = match problems.len() {
                1 => "the config has a problem; nothing was started".to_owned(),
                many => format!("the config has {many} problems; nothing was started"),
            };
            Wrong { problems, message }.into()
        }
        ConfigError::Unreadable { .. } => error.into(),
    }
}

/// What tells the gateway to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Signals> {
        let listen = |kind| signal(kind).context("signals can't be listened for");
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
