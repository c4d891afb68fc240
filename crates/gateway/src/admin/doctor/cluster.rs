//! What is to be seen of a cluster from the gateway: whether it works, and whether the gateway's credential
//! is worth an agent's rights and no more.

use std::time::Duration;

use drawbridge_policy::AgentName;
use tokio::time::timeout;

use super::rights::{AGENT, DANGEROUS, OTHERS, is_everyones, is_meant, listed};
use super::{Finding, Notes, Severity, ends};
use crate::admin::Admin;
use crate::chain::Chain;
use crate::cluster::review::{Access, Answered, Asker, Rights, Who};
use crate::cluster::{AGENTS, Cluster};
use crate::manifest::ClusterAccess;
use crate::refusal::ClusterFault;
use crate::telemetry::Called;

/// What is said of a cluster that is reached, before who the gateway is there.
pub(crate) const KNOWN_AS: &str = "it knows the gateway as ";

/// Reading the credential may take this long.
const WIRE: Duration = Duration::from_secs(5);
/// One answer of the cluster's may take this long.
const ANSWER: Duration = Duration::from_secs(5);
/// Everything about one cluster: the command line waits no longer than a minute.
const ALL: Duration = Duration::from_secs(40);
/// Whose rights stand for every agent's: the ceiling is one for all. No agent is enrolled by this name.
const PROBE: &str = "drawbridge-doctor";
/// Clocks may differ by this many milliseconds before anybody is told; an answer's date has whole seconds.
const SKEW: i64 = 5_000;
/// By this much tokens begin to be refused.
const MUCH: i64 = 30_000;

/// Looks at a cluster.
pub(super) async fn look(admin: &Admin, cluster: &Cluster) -> Vec<Finding> {
    let mut notes = Notes::about(&format!("cluster/{}", cluster.name()));
    let mut look = Look { admin, cluster, notes: &mut notes };
    if timeout(ALL, look.all()).await.is_err() {
        let seen = format!("it did not answer everything within {} s", ALL.as_secs());
        notes.add(Severity::Problem, "reachable", seen, "look again; is the cluster slow, or the way to it?");
    }
    notes.finish()
}

struct Look<'a> {
    admin: &'a Admin,
    cluster: &'a Cluster,
    notes: &'a mut Notes,
}

impl Look<'_> {
    async fn all(&mut self) {
        let now = self.admin.gate.clock.now().0;
        ends::look(self.cluster.access(), now / 1_000, self.notes);
        let Some(who) = self.reach().await else { return };
        self.clock(who.date, now);
        self.own_rights().await;
        self.dangers().await;
        self.impersonation().await;
    }

    /// Whether the cluster is reached, and takes the credential.
    async fn reach(&mut self) -> Option<Who> {
        match timeout(WIRE, self.cluster.try_wire()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let todo = "correct the Cluster's manifest, or the files that it names";
                self.notes.add(Severity::Problem, "credential", Chain(&error).to_string(), todo);
                return None;
            }
            Err(_elapsed) => {
                let seen = format!("it was not read within {} s", WIRE.as_secs());
                self.notes.add(
                    Severity::Problem,
                    "credential",
                    seen,
                    "does its plugin hang, or wait for a person?",
                );
                return None;
            }
        }
        match self.ask(self.cluster.who()).await {
            Ok(who) => {
                self.notes.ok("reachable", format!("{KNOWN_AS}{}", who.user));
                Some(who)
            }
            Err(fault) => {
                let check = match &fault {
                    ClusterFault::Unauthorized(_) | ClusterFault::MayNotImpersonate(_) => "credential",
                    ClusterFault::Unusable(_)
                    | ClusterFault::Unreachable(_)
                    | ClusterFault::Silent(_)
                    | ClusterFault::Redirected(_) => "reachable",
                };
                self.fault(check, &fault);
                None
            }
        }
    }

    fn clock(&mut self, date: Option<i64>, now: i64) {
        let Some(date) = date else {
            return self.notes.add(Severity::Note, "clock", "the cluster doesn't tell its time", "");
        };
        let off = now.saturating_sub(date);
        let seconds = off.abs() / 1_000;
        if off.abs() <= SKEW {
            return self.notes.ok("clock", "within a few seconds of the gateway's");
        }
        let side = if off > 0 { "behind" } else { "ahead of" };
        let severity = if off.abs() > MUCH { Severity::Problem } else { Severity::Warning };
        let seen = format!("the cluster's is {seconds} s {side} the gateway's");
        self.notes.add(
            severity,
            "clock",
            seen,
            "let both follow the same time (NTP): tokens are refused otherwise",
        );
    }

    /// What the credential may do besides what it is for.
    async fn own_rights(&mut self) {
        let own = match self.cluster.access() {
            ClusterAccess::Server { renew, .. } => renew.as_ref(),
            ClusterAccess::InCluster | ClusterAccess::Kubeconfig { .. } => None,
        };
        let mut more = Vec::new();
        let mut unknown = None;
        for namespace in [AGENTS, "drawbridge-system", "default", "kube-system"] {
            let Rights { rules, unknown: why } =
                match self.ask(self.cluster.rights(Asker::Gateway, namespace)).await {
                    Ok(rights) => rights,
                    Err(fault) => return self.fault("own rights", &fault),
                };
            unknown = unknown.or(why);
            more.extend(rules.into_iter().filter(|right| !is_meant(right, namespace, own)));
        }
        more.sort();
        more.dedup();
        if more.is_empty() {
            self.notes.ok(
                "own rights",
                "the gateway's credential may act as agents, and nothing else that was looked at",
            );
        } else {
            let seen = format!("the gateway's credential may also: {}", listed(&more));
            let todo = "take these rights from it: a stolen credential would have them, past every scope \
                and the ceiling";
            self.notes.add(Severity::Problem, "own rights", seen, todo);
        }
        // The node authorizer lists no rules, and is about nodes only.
        if let Some(why) = unknown.filter(|why| !why.contains("node authorizer")) {
            let seen =
                format!("an authorizer of the cluster's lists no rules ({why}); single questions were asked");
            self.notes.add(Severity::Note, "own rights", seen, "");
        }
    }

    async fn dangers(&mut self) {
        let mut can = Vec::new();
        for (what, access) in &DANGEROUS {
            match self.may(access).await {
                Ok(Answered::No) => {}
                Ok(Answered::Yes) => can.push(*what),
                Err(fault) => return self.fault("dangerous rights", &fault),
            }
        }
        if can.is_empty() {
            return self.notes.ok("dangerous rights", format!("none of {}", DANGEROUS.len()));
        }
        let seen = format!("the gateway's credential may {}", can.join(", "));
        let todo = "bind it to the one Role of 'drawbridge connect' only";
        self.notes.add(Severity::Problem, "dangerous rights", seen, todo);
    }

    /// Whether the gateway may act as agents, and as nobody else; and what all agents may do at most.
    async fn impersonation(&mut self) {
        const CHECK: &str = "acting as agents";
        match self.may(&AGENT).await {
            Ok(Answered::Yes) => self.notes.ok(CHECK, "allowed"),
            Ok(Answered::No) => {
                let fault = ClusterFault::MayNotImpersonate(self.cluster.name().to_owned());
                let todo = "its owner applies what 'drawbridge connect' prints";
                return self.notes.add(Severity::Problem, CHECK, fault.message(), todo);
            }
            Err(fault) => return self.fault(CHECK, &fault),
        }
        let mut can = Vec::new();
        for (whom, access) in &OTHERS {
            match self.may(access).await {
                Ok(Answered::No) => {}
                Ok(Answered::Yes) => can.push(*whom),
                Err(fault) => return self.fault("acting as others", &fault),
            }
        }
        if can.is_empty() {
            self.notes.ok("acting as others", "refused");
        } else {
            let seen = format!("the gateway may act as {}", can.join(", "));
            let todo = "take that right away: it is a way past the ceiling";
            self.notes.add(Severity::Problem, "acting as others", seen, todo);
        }
        self.ceiling().await;
    }

    async fn ceiling(&mut self) {
        let Ok(probe) = AgentName::parse(PROBE) else { return };
        let rights = match self.ask(self.cluster.rights(Asker::Agent(&probe), "default")).await {
            Ok(rights) => rights,
            Err(fault) => return self.fault("ceiling", &fault),
        };
        let given: Vec<_> = rights.rules.into_iter().filter(|right| !is_everyones(right)).collect();
        let all = |words: &[String]| words.iter().any(|word| word == "*");
        let everything =
            given.iter().any(|right| all(&right.verbs) && all(&right.api_groups) && all(&right.resources));
        if given.is_empty() {
            let seen = "agents may do nothing in the namespace default, whatever their scopes say";
            let todo = "if that isn't meant: 'drawbridge connect … --ceiling view', or a binding of the \
                group system:serviceaccounts:drawbridge-agents";
            self.notes.add(Severity::Warning, "ceiling", seen, todo);
        } else if everything {
            let seen = "all agents together may do everything: the scopes alone hold them";
            let todo = "bind the group to less, as if for one careless colleague";
            self.notes.add(Severity::Note, "ceiling", seen, todo);
        } else {
            self.notes.ok("ceiling", format!("in the namespace default: {}", listed(&given)));
        }
    }

    fn fault(&mut self, check: &str, fault: &ClusterFault) {
        let todo = match fault {
            ClusterFault::Unusable(_) => "correct the Cluster's manifest, or the files that it names",
            ClusterFault::Unreachable(_) => "does it run, and may the gateway's machine connect to it?",
            ClusterFault::Silent(_) => "look again; its own log may say more",
            ClusterFault::Unauthorized(_) => "renew it: 'drawbridge connect' makes a new one",
            ClusterFault::MayNotImpersonate(_) => "its owner applies what 'drawbridge connect' prints",
            ClusterFault::Redirected(_) => "name the API server itself in the Cluster's manifest",
        };
        self.notes.add(Severity::Problem, check, fault.message(), todo);
    }

    async fn may(&self, access: &Access) -> Result<Answered, ClusterFault> {
        self.ask(self.cluster.may(Asker::Gateway, access)).await
    }

    async fn ask<T>(&self, errand: impl Future<Output = Result<T, ClusterFault>>) -> Result<T, ClusterFault> {
        let silent = || ClusterFault::Silent(self.cluster.name().to_owned());
        let bounded = async { timeout(ANSWER, errand).await.unwrap_or_else(|_elapsed| Err(silent())) };
        self.admin.gate.record.metrics().errand(Called::Review, bounded).await
    }
}
