//! This program's own subcommands, run as a person would type them: parsed by the same parser and sent
//! through the same admin API.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::{Context, bail};
use clap::Parser;
use serde_json::Value;

use crate::admin::log::Page;
use crate::clock::Clock;
use crate::commands::admin_file::AdminFile;
use crate::commands::client::Client;
use crate::commands::terminal::{Colour, Terminal};
use crate::commands::{Cli, World};

/// Runs subcommands against the quickstart's gateway.
pub(super) struct Own {
    admin: PathBuf,
    clock: Clock,
    who: String,
    program: PathBuf,
    client: Client,
}

impl Own {
    /// For whoever runs the quickstart, with the gateway of this admin file.
    pub(super) fn new(admin: &Path, world: &World<'_>) -> anyhow::Result<Own> {
        Ok(Own {
            admin: admin.to_owned(),
            clock: world.clock.clone(),
            who: world.who.clone(),
            program: world.program.clone(),
            client: Client::new(&AdminFile::find(Some(admin))?, &world.who)?,
        })
    }

    /// The newest rows of the record that are of an agent, oldest first: also those of requests that are
    /// still open.
    pub(super) async fn rows(&self, agent: &str, last: usize) -> anyhow::Result<Vec<Value>> {
        let page: Page = self.client.get(&format!("/v1/log?agent={agent}&last={last}")).await?;
        Ok(page.rows)
    }

    /// The admin file.
    pub(super) fn admin(&self) -> &Path {
        &self.admin
    }

    /// This program.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a subcommand. The answer is what it printed.
    pub(super) async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.run_in(Colour::No, arguments).await
    }

    /// Runs a subcommand. The answer is what it printed, in colours if they make sense where it will be
    /// shown.
    pub(super) async fn run_in(&self, colour: Colour, arguments: &[&str]) -> anyhow::Result<String> {
        let line = || format!("drawbridge {}", arguments.join(" "));
        let typed = std::iter::once("drawbridge").chain(arguments.iter().copied());
        let cli = Cli::try_parse_from(typed).with_context(line)?;
        let (out, err) = (Sheet::default(), Sheet::default());
        let mut terminal = Terminal::new(Box::new(out.clone()), Box::new(err.clone()), colour);
        let mut world = World {
            terminal: &mut terminal,
            clock: self.clock.clone(),
            who: self.who.clone(),
            program: self.program.clone(),
            admin: Some(self.admin.clone()),
        };
        let code = Box::pin(crate::commands::run(cli.command, &mut world)).await;
        if code == ExitCode::SUCCESS {
            return Ok(out.text());
        }
        bail!("'{}' failed: {}", line(), err.text().trim())
    }
}

/// What a subcommand prints.
#[derive(Clone, Default)]
struct Sheet(Rc<RefCell<Vec<u8>>>);

impl Sheet {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
