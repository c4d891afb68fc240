//! The gateway's decisions beside `SubjectAccessReview`s of users who have the same rules.

use super::ask::Ask;
use super::exceptions::{CLASSES, refused};
use super::generate;
use super::holder::{Holder, Part};
use super::known::known;
use super::random::Random;
use super::request::{CONNECTIONS, Decided, Request};
use super::scene::{Reviewer, bind, owner, world};
use super::share::{Found, share};
use super::tally::{Compared, Tally};

/// Holders of random rules, beside the known ones.
const HOLDERS: usize = 58;
const REQUESTS: usize = 180;
/// As many as ask at a time.
const THREADS: usize = 8;

#[test]
fn rules_mean_what_they_mean_in_rbac_but_for_the_strict_exceptions() {
    let seed = Random::seed();
    let random =
        (0..HOLDERS).map(|part| Holder::random(format!("rbac-review-{part}"), &mut Random::part(seed, part)));
    let holders: Vec<Holder> = known("rbac-reviewed").into_iter().chain(random).collect();
    bind(&mut owner(world()), &holders, "rbac-review");
    let tally = share(&holders, THREADS, seed, compare);
    assert!(tally.total() >= 10_000, "{tally:#?}");
    tally.suffices(&CLASSES, (1_500, 1_500));
}

/// All requests of one holder.
fn compare(holder: &Holder, random: &mut Random) -> Found {
    let rules = holder.rules();
    let mut owner = owner(world());
    let mut reviewer = Reviewer::new(&mut owner, holder);
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    for _ in 0..REQUESTS {
        let request = generate::any(holder, random);
        let cluster = allowed(&request, &mut reviewer);
        let decided = match request.decided(&rules) {
            Decided::Allowed => None,
            Decided::Refused(reason) => Some(reason),
        };
        let class =
            if cluster { refused(&request, &mut |part, ask| reviewer.allows(part, ask)) } else { None };
        if let Err(what) = tally.count(Compared { cluster, refused: decided, class }) {
            wrong.push(format!("{what}:\n{request}\n{}", holder.manifests()));
        }
    }
    (tally, wrong)
}

/// Whether RBAC allows it. What exec, attach and port-forward open by GET they open by POST, too.
fn allowed(request: &Request, reviewer: &mut Reviewer<'_>) -> bool {
    let post = match &request.ask {
        Ask::Resource(on) if CONNECTIONS.contains(&on.subresource) && on.subresource != "proxy" => {
            reviewer.allows(Part::ALL, &Ask::Resource(on.verb("create")))
        }
        Ask::Resource(_) | Ask::Path { .. } => false,
    };
    post || reviewer.allows(Part::ALL, &request.ask)
}
