//! `drawbridge completion`: what makes a shell complete this program's arguments.

use clap::{Args, CommandFactory, ValueEnum};

use super::{Cli, World};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(drawbridge completion bash)
  drawbridge completion bash > /etc/bash_completion.d/drawbridge
  drawbridge completion zsh > ~/.zfunc/_drawbridge
  drawbridge completion fish > ~/.config/fish/completions/drawbridge.fish")]
pub struct Completion {
    /// Which shell.
    shell: Shell,
}

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// Fish.
    Fish,
}

impl Completion {
    pub(super) fn run(&self, world: &mut World<'_>) -> anyhow::Result<()> {
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "drawbridge", &mut script);
        world.terminal.write(&String::from_utf8(script)?)?;
        Ok(())
    }
}
