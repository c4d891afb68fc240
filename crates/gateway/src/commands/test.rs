//! `drawbridge test`: a scope's own cases, decided here, without a server or a cluster.

mod cases;
mod decide;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::World;
use super::terminal::Tone;
use cases::Cases;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
A file of cases names scopes, and for each request what must come of it:
  apiVersion: drawbridge.dev/v1alpha1
  kind: ScopeTest
  metadata: {name: job-cleaner}
  spec:
    manifests: [job-cleaner.yaml]
    scopes: [job-cleaner]
    cases:
    - name: a running Job stays
      request: DELETE /apis/batch/v1/namespaces/shop/jobs/report
      oldObject: {metadata: {name: report}, status: {}}
      expect: deny

Examples:
  drawbridge test -f deploy/examples/scopes/job-cleaner.cases.yaml
  drawbridge test -f a.cases.yaml -f b.cases.yaml

docs/guides/testing-scopes.md has all fields.")]
pub struct Test {
    /// A file of cases; may be given several times.
    #[arg(short = 'f', long = "file", required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Test {
    pub(super) fn run(&self, world: &mut World<'_>) -> anyhow::Result<()> {
        let (mut passed, mut failed) = (0_usize, 0_usize);
        for file in &self.files {
            let cases = Cases::read(file)?;
            let rules = cases.rules(file)?;
            for case in &cases.spec.cases {
                let name = format!("{}: {}", cases.metadata.name, case.name);
                match decide::check(case, &rules, world.clock.now()) {
                    Ok(()) => {
                        passed += 1;
                        world
                            .terminal
                            .say(&format!("{}  {name}", world.terminal.paint(Tone::Good, "ok    ")))?;
                    }
                    Err(why) => {
                        failed += 1;
                        world
                            .terminal
                            .say(&format!("{}  {name}", world.terminal.paint(Tone::Bad, "FAILED")))?;
                        world.terminal.say(&format!("        {why}"))?;
                    }
                }
            }
        }
        if failed > 0 {
            bail!("{failed} of {} cases failed", passed + failed);
        }
        world.terminal.note(&format!("{passed} cases passed"))?;
        Ok(())
    }
}
