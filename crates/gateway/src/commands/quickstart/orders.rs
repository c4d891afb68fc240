//! What the shop's Pods write: a numbered line each time, so that a line that is missing shows.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;

use crate::clock::Clock;
use crate::commands::times;

/// While the scene is played.
const BRISK: Duration = Duration::from_millis(100);
/// Afterwards, for as long as someone leaves it running.
const SLOW: u64 = 20;

/// Writes until this is dropped.
#[derive(Debug)]
pub(super) struct Orders {
    pace: Arc<Pace>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Pace {
    over: AtomicBool,
    every: AtomicU64,
}

impl Orders {
    /// Begins to write all of these logs.
    pub(super) fn write(logs: &[PathBuf], clock: Clock) -> anyhow::Result<Orders> {
        let files = logs.iter().map(|log| {
            log.parent().map_or(Ok(()), fs::create_dir_all)?;
            File::create(log)
        });
        let mut files: Vec<File> =
            files.collect::<Result<_, _>>().context("the Pods' logs can't be written")?;
        let pace = Arc::new(Pace { over: AtomicBool::new(false), every: AtomicU64::new(1) });
        let shared = pace.clone();
        let write = move || {
            let (mut tick, mut order) = (0_u64, 1_u64);
            while !shared.over.load(Ordering::Relaxed) {
                if tick.is_multiple_of(shared.every.load(Ordering::Relaxed).max(1)) {
                    accept(order, &mut files, &clock);
                    order = order.saturating_add(1);
                }
                tick = tick.wrapping_add(1);
                std::thread::sleep(BRISK);
            }
        };
        let writer = std::thread::Builder::new().name("orders".to_owned()).spawn(write)?;
        Ok(Orders { pace, writer: Some(writer) })
    }

    /// From now on a line now and then.
    pub(super) fn slow_down(&self) {
        self.pace.every.store(SLOW, Ordering::Relaxed);
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.pace.over.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            // It only fails if the writer panicked, and then it has ended too.
            drop(writer.join());
        }
    }
}

fn accept(order: u64, logs: &mut [File], clock: &Clock) {
    let line = format!("{} order {order} accepted\n", times::shown(clock.now().0));
    for log in logs {
        // A full disk ends the log, not the quickstart: the scene then says that lines are missing.
        log.write_all(line.as_bytes()).unwrap_or_default();
    }
}

/// The number of a line.
pub(super) fn number(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(" order ")?;
    rest.split(' ').next()?.parse().ok()
}
