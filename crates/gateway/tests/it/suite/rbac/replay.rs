//! The same requests, sent: by a user straight to the API server, and by an agent with the same rules through
//! the gateway, under a ceiling of everything. Reviews don't show what the API server checks inside a
//! request; its answers do.

use std::collections::HashMap;

use drawbridge_testkit::{Agent, Gateway, Options};
use serde_json::Value;

use super::api::{Api, Body};
use super::ask::Ask;
use super::exceptions::{Class, refused};
use super::generate;
use super::holder::Holder;
use super::known::known;
use super::random::Random;
use super::request::{CONNECTIONS, Does, Request};
use super::scene::{Reviewer, bind, owner, user_of, world};
use super::share::{Found, share};
use super::stage;
use super::tally::{Compared, Tally};
use crate::suite::wire::Answer;

/// Holders of random rules, beside the known ones.
const RANDOM: usize = 6;
/// What each asks for by chance, beside [`generate::acts`].
const REQUESTS: usize = 30;
const THREADS: usize = 6;

/// What a run must have met. The others need luck or, as a ceiling that hides objects, another world.
const CLASSES: [Class; 11] = [
    Class::Connection,
    Class::Namespace,
    Class::Escape("secrets"),
    Class::Escape("rights"),
    Class::Escape("tokens"),
    Class::Escape("proxy"),
    Class::Escape("binding"),
    Class::Escape("ephemeral containers"),
    Class::OwnerReferences,
    Class::NeedsCreate,
    Class::BuiltIn,
];

#[test]
fn a_user_and_an_agent_with_the_same_rules_get_the_same_but_for_the_strict_exceptions() {
    let seed = Random::seed();
    let random =
        (0..RANDOM).map(|part| Holder::random(format!("rbac-replay-{part}"), &mut Random::part(seed, part)));
    let holders: Vec<Holder> = known("rbac-known").into_iter().chain(random).collect();
    bind(&mut owner(world()), &holders, "rbac-replay");
    // A gateway whose manifests nobody changes meanwhile: it would decide again, and at last be busy with
    // that.
    let gateway = world().own_gateway(Options::default());
    let agents: HashMap<&str, Agent> =
        holders.iter().map(|holder| (holder.name.as_str(), enrol(holder, &gateway))).collect();
    let tally = share(&holders, THREADS, seed, |holder, random| {
        Pair::of(holder, &gateway, &agents[holder.name.as_str()]).replay(random)
    });
    assert!(tally.total() >= 1_000, "{tally:#?}");
    tally.suffices(&CLASSES, (250, 250));
}

/// Gives a holder's rules to a new agent of its name.
pub(super) fn enrol(holder: &Holder, gateway: &Gateway) -> Agent {
    let world = world();
    let agent = Agent::enrol(gateway, &holder.name, "local", world.directory(), world.cluster().kubectl());
    gateway.apply(&holder.manifests()).ok();
    agent
}

/// A user and an agent, each at its server, and the reviewer of both.
pub(super) struct Pair<'a> {
    holder: &'a Holder,
    pub(super) user: Api,
    pub(super) agent: Api,
    owner: Api,
}

impl<'a> Pair<'a> {
    /// `agent` is the holder's, enrolled.
    pub(super) fn of(holder: &'a Holder, gateway: &Gateway, agent: &Agent) -> Pair<'a> {
        let world = world();
        let ca = std::fs::read_to_string(gateway.ca()).unwrap();
        Pair {
            holder,
            user: user_of(world, &holder.name, &[]),
            agent: Api::new(&format!("{}/clusters/local", gateway.url()), &ca, &agent.certificate()),
            owner: owner(world),
        }
    }

    fn replay(mut self, random: &mut Random) -> Found {
        let (mut tally, mut wrong) = (Tally::default(), Vec::new());
        let chance = (0..REQUESTS).map(|_| generate::real(self.holder, random)).collect::<Vec<_>>();
        for wish in chance.into_iter().chain(generate::acts()) {
            let request = dry(generate::build(&wish, stage::there(&wish), random));
            let (cluster, direct) = self.direct(&request);
            let through = send(&mut self.agent, &request, request.method);
            let refusal = refusal(&request, &through);
            let mut reviewer = Reviewer::new(&mut self.owner, self.holder);
            let class =
                if cluster { refused(&request, &mut |part, ask| reviewer.allows(part, ask)) } else { None };
            if let Err(what) = tally.count(Compared { cluster, refused: refusal, class }) {
                let manifests = self.holder.manifests();
                let answers = format!("API server: {}\ngateway: {}", said(&direct), said(&through));
                wrong.push(format!("{what}:\n{request}\n{answers}\n{manifests}"));
            }
        }
        (tally, wrong)
    }

    /// Whether the API server lets the user. What a GET opens a POST opens as well.
    fn direct(&mut self, request: &Request) -> (bool, Answer) {
        let answer = send(&mut self.user, request, request.method);
        if !is_forbidden(request, &answer) {
            return (true, answer);
        }
        let connects = matches!(&request.ask, Ask::Resource(on)
            if CONNECTIONS.contains(&on.subresource) && on.subresource != "proxy");
        let posted = connects && !is_forbidden(request, &send(&mut self.user, request, "POST"));
        (posted, answer)
    }
}

/// The same, so that nothing changes. A delete past read errors may be no dry run, and deletes nothing that
/// can be read.
fn dry(mut request: Request) -> Request {
    let connects = matches!(&request.ask, Ask::Resource(on) if CONNECTIONS.contains(&on.subresource));
    if request.method != "GET" && !connects && request.does != Does::DeletesUnread {
        request.add("dryRun=All");
    }
    request
}

fn send(api: &mut Api, request: &Request, method: &str) -> Answer {
    let body = Body { kind: request.kind, text: &request.body };
    if request.query.contains("watch=true") {
        return api.open(method, &request.target(), "");
    }
    api.ask(method, &request.target(), body)
}

/// Whether the API server's authorizer said no, at the door or inside. Admission says no in other words; of
/// connections the inner check says no in none.
fn is_forbidden(request: &Request, answer: &Answer) -> bool {
    if answer.status != 403 {
        return false;
    }
    let message = answer.message();
    let connects = matches!(&request.ask, Ask::Resource(on) if CONNECTIONS.contains(&on.subresource));
    connects || message.contains(" cannot ") || message.contains("not permitted to do ")
}

/// The gateway's reason, if it was the gateway that said no. It does so by policy only.
fn refusal(request: &Request, answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let cause = &body["details"]["causes"][0];
    if cause["field"] == "drawbridge" {
        assert_eq!(answer.status, 403, "{request}\n{}", said(answer));
        return Some(cause["reason"].as_str().unwrap().to_owned());
    }
    assert!(!is_forbidden(request, answer), "the ceiling is everything: {request}\n{}", said(answer));
    None
}

fn said(answer: &Answer) -> String {
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(400).collect();
    format!("{} {text}", answer.status)
}
