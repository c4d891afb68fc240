//! The scene: who does what, and what should come of it.

use super::agents::{Agent, Cast};
use super::ceiling::{self, Refused};
use super::cut;
use super::ground::Ground;
use super::own::Own;
use super::recall::Entry;
use super::recall::Sought::{Done, Refusal};
use super::stage::Stage;
use super::step::{Came, Expected, Step};

const CLEANUP: [Step; 6] = [
    allowed("-n shop get jobs", "list", "jobs"),
    allowed("-n shop delete job report-monday", "delete", "jobs"),
    allowed("-n shop delete job report-tuesday report-wednesday", "delete", "jobs"),
    refused("-n shop delete job import-catalog", "delete", "jobs"),
    refused("-n shop delete pod orders-0", "delete", "pods"),
    refused("-n shop delete deployment web", "delete", "deployments"),
];

const DASHBOARD: [Step; 5] = [
    allowed("-n shop get pods", "list", "pods"),
    allowed("-n shop get deployments", "list", "deployments"),
    allowed("-n shop get jobs", "list", "jobs"),
    refused("-n shop scale deployment web --replicas=0", "patch", "deployments/scale"),
    refused("-n shop get secret payment-key", "get", "secrets"),
];

const ROLLBACK: [Step; 2] = [
    allowed("-n shop rollout undo deployment/web", "patch", "deployments"),
    refused("-n shop set image deployment/payments payments=shop/payments:6.6", "patch", "deployments"),
];

/// Any request of a suspended agent's: which one kubectl makes first is its own affair.
pub(super) const AFTER_THE_CUT: Step =
    Step { line: "-n shop logs orders-0 --tail=1", asks: Refusal, expected: Expected::Refused };

const fn allowed(line: &'static str, verb: &'static str, resource: &'static str) -> Step {
    Step { line, asks: Done(verb, resource), expected: Expected::Allowed }
}

const fn refused(line: &'static str, verb: &'static str, resource: &'static str) -> Step {
    Step { line, asks: Done(verb, resource), expected: Expected::Refused }
}

/// How many steps were taken, and how many came out otherwise than said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) steps: usize,
    pub(super) otherwise: usize,
}

/// The scene while it is played.
pub(super) struct Scene<'s, 't> {
    pub(super) ground: &'s Ground,
    pub(super) own: &'s Own,
    pub(super) cast: &'s Cast,
    pub(super) stage: &'s mut Stage<'t>,
    tally: Tally,
    refused: Vec<Refused>,
}

impl<'s, 't> Scene<'s, 't> {
    pub(super) fn new(
        ground: &'s Ground,
        own: &'s Own,
        cast: &'s Cast,
        stage: &'s mut Stage<'t>,
    ) -> Scene<'s, 't> {
        Scene { ground, own, cast, stage, tally: Tally::default(), refused: Vec::new() }
    }

    /// Plays it whole. A step that comes out otherwise is marked, and the scene goes on.
    pub(super) async fn play(&mut self) -> anyhow::Result<Tally> {
        let cleanup = self.enters("cleanup")?;
        self.take_all(&cleanup, &CLEANUP).await?;
        let left = "import-catalog, which still runs, is there, and so are the Pod and the Deployment";
        let there = "-n shop get job/import-catalog pod/orders-0 deployment/web -o name";
        let names = "job.batch/import-catalog pod/orders-0 deployment.apps/web";
        self.owner_sees(left, there, names).await?;
        self.stage.aside(
            "Its scope names no Job: the gateway looks at each before it goes, and binds the delete that it \
             sends to what it saw.",
        )?;

        let dashboard = self.enters("dashboard")?;
        self.take_all(&dashboard, &DASHBOARD).await?;
        self.owner_sees(
            "web still has its 2 replicas",
            "-n shop get deployment web -o jsonpath={.spec.replicas}",
            "2",
        )
        .await?;

        let rollback = self.enters("rollback")?;
        self.take_all(&rollback, &ROLLBACK).await?;
        let image = "-n shop get deployment web payments \
                     -o jsonpath={.items[*].spec.template.spec.containers[0].image}";
        let back = "web is back at version 1.4, and payments stays at 3.2";
        self.owner_sees(back, image, "shop/web:1.4 shop/payments:3.2").await?;

        cut::play(self).await?;
        ceiling::ask(self).await?;
        Ok(self.tally)
    }

    /// The next agent.
    pub(super) fn enters(&mut self, name: &str) -> anyhow::Result<Agent> {
        let agent = self.cast.agent(name)?;
        self.stage.enters(agent.name, agent.purpose)?;
        Ok(agent)
    }

    async fn take_all(&mut self, agent: &Agent, steps: &[Step]) -> anyhow::Result<()> {
        for step in steps {
            self.take(agent, step).await?;
        }
        Ok(())
    }

    /// Takes a step, and shows it.
    pub(super) async fn take(&mut self, agent: &Agent, step: &Step) -> anyhow::Result<()> {
        let taken = step.take(agent, self.own).await?;
        self.count(taken.came);
        self.stage.step(step, &taken)?;
        if let (Done(..), Expected::Refused, Came::AsSaid, Some(entry)) =
            (step.asks, step.expected, taken.came, taken.entry)
        {
            self.refused.push(Refused { agent: agent.name, entry });
        }
        Ok(())
    }

    /// Shows a stream that stays open.
    pub(super) fn opened(&mut self, agent: &Agent, line: &str, entry: Option<&Entry>) -> anyhow::Result<()> {
        self.count(if entry.is_some() { Came::AsSaid } else { Came::Otherwise });
        self.stage.opened(agent.name, line, entry)
    }

    /// Looks past the gateway whether something is so.
    async fn owner_sees(&mut self, what: &str, line: &str, wanted: &str) -> anyhow::Result<()> {
        let arguments: Vec<&str> = line.split(' ').collect();
        let answer = self.ground.owner().run(&arguments).await?;
        let seen = answer.output.split_whitespace().collect::<Vec<_>>().join(" ");
        let came = if seen == wanted { Came::AsSaid } else { Came::Otherwise };
        let otherwise = format!("the cluster's owner expected {wanted:?} and sees {seen:?}");
        self.fact(came, if came == Came::AsSaid { what } else { &otherwise })
    }

    /// A fact of its own, shown and counted as a step.
    pub(super) fn fact(&mut self, came: Came, what: &str) -> anyhow::Result<()> {
        self.count(came);
        self.stage.fact(came, what)
    }

    fn count(&mut self, came: Came) {
        self.tally.steps = self.tally.steps.saturating_add(1);
        if came == Came::Otherwise {
            self.tally.otherwise = self.tally.otherwise.saturating_add(1);
        }
    }

    /// What was refused so far.
    pub(super) fn refused(&self) -> &[Refused] {
        &self.refused
    }
}
