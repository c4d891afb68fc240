//! `drawbridge quickstart`: a local cluster, a gateway in front of it, four agents, and a scene that they
//! play with a real kubectl. Everything is in one directory and ends with this process, however it ends.

mod agents;
mod ceiling;
mod curtain;
mod cut;
mod ground;
mod interrupt;
mod kubectl;
mod orders;
mod own;
mod recall;
mod scene;
mod stage;
mod step;
mod stream;

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use tokio::time::Instant;
use tracing_subscriber::util::SubscriberInitExt;

use super::{World, serve};
use crate::clock::Clock;
use crate::config::{Config, Limits};
use agents::Cast;
use ground::Ground;
use interrupt::Interrupt;
use orders::Orders;
use own::Own;
use scene::{Scene, Tally};
use stage::Stage;

/// What is still open when the quickstart ends gets this long: nobody waits for it.
const DRAIN: Duration = Duration::from_millis(300);

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge quickstart
  drawbridge quickstart --once --directory /tmp/try

The first run downloads or builds the control plane (about ten minutes on two
cores); later ones take less than a minute.")]
pub struct Quickstart {
    /// End after the scene, with exit status 0 only if every step came out as said.
    #[arg(long)]
    once: bool,
    /// Keep everything here, where no earlier quickstart is; without it a temporary directory that goes at
    /// the end.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Quickstart {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut interrupt = Interrupt::listen()?;
        let mut stage = Stage::new(world.terminal, began);
        stage.title()?;
        let Some(ground) = interrupt.or(Ground::start(self.directory.clone(), &mut stage)).await else {
            return ended_early();
        };
        let ground = ground?;
        let done = self.on(&ground, &mut interrupt, world, began).await;
        ground.stop().and(done)
    }

    /// Everything that needs the control plane.
    async fn on(
        &self,
        ground: &Ground,
        interrupt: &mut Interrupt,
        world: &mut World<'_>,
        began: Instant,
    ) -> anyhow::Result<()> {
        let config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: ground.directory().join("gateway"),
            limits: Limits { drain: DRAIN, ..Limits::default() },
            ..Config::default()
        };
        log_to(&ground.directory().join("gateway.log"))?;
        let clock = world.clock.clone();
        let gateway = serve::start(config, clock.clone()).await?;
        let own = Own::new(gateway.admin_file(), world)?;
        let mut stage = Stage::new(world.terminal, began);
        stage.progress(&format!("the gateway is at {}", gateway.url()))?;
        let done = match interrupt.or(play(ground, &own, clock, &mut stage)).await {
            None => ended_early(),
            Some(Err(error)) => Err(error),
            Some(Ok(played)) if self.once => verdict(played.tally),
            Some(Ok(played)) => {
                played.orders.slow_down();
                curtain::stay(ground, &own, &played.cast, gateway.url(), &mut stage)?;
                interrupt.came().await;
                stage.progress("ending").and_then(|()| verdict(played.tally))
            }
        };
        gateway.shutdown().await.and(done)
    }
}

/// What is left when the scene is over.
struct Played {
    tally: Tally,
    cast: Cast,
    orders: Orders,
}

async fn play(ground: &Ground, own: &Own, clock: Clock, stage: &mut Stage<'_>) -> anyhow::Result<Played> {
    let orders = ground.fill(stage, clock).await?;
    let cast = agents::enrol(ground, own, stage).await?;
    let tally = Scene::new(ground, own, &cast, stage).play().await?;
    curtain::show_record(own, stage).await?;
    stage.sum(&tally)?;
    Ok(Played { tally, cast, orders })
}

/// The gateway's own log goes to a file: the terminal is the scene's.
fn log_to(file: &Path) -> anyhow::Result<()> {
    let opened = File::create(file).with_context(|| format!("{} can't be written", file.display()))?;
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(false);
    let begun = log.with_writer(Mutex::new(opened)).finish().try_init();
    begun.map_err(|error| anyhow!("logging can't begin: {error}"))
}

fn verdict(tally: Tally) -> anyhow::Result<()> {
    match tally.otherwise {
        0 => Ok(()),
        otherwise => bail!("{otherwise} of {} steps came out otherwise", tally.steps),
    }
}

fn ended_early() -> anyhow::Result<()> {
    bail!("interrupted before the scene was over")
}
