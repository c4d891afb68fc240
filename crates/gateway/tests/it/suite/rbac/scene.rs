//! A control plane of these tests' own: what they ask would bury everybody else's audit log.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use drawbridge_localcluster::{Options, Parts};
use drawbridge_testkit::World;
use serde_json::{Value, json};

use super::api::{Api, Pem};
use super::ask::{Ask, On};
use super::holder::{Holder, NAMESPACES, Part};

/// An API server alone: nothing runs, and nothing moves but what the tests move.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let options = Options { parts: Parts::ApiServer, ..Options::default() };
    let world = World::start_with(crate::suite::binary(), options);
    let mut owner = owner(&world);
    for namespace in NAMESPACES {
        owner.json("POST", "/api/v1/namespaces", &json!({ "metadata": { "name": namespace } }));
    }
    world
});

/// The longest that the authorizer may take to hear of new rules.
const HEARD: Duration = Duration::from_secs(30);

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

pub(super) fn world() -> &'static World {
    &WORLD
}

/// The API server as its owner uses it.
pub(super) fn owner(world: &World) -> Api {
    user_of(world, "rbac-owner", &["system:masters"])
}

/// The API server as a user of it.
pub(super) fn user_of(world: &World, user: &str, groups: &[&str]) -> Api {
    let cluster = world.cluster();
    let pem: Pem = cluster.client_certificate(user, groups).unwrap_or_else(|error| panic!("{error}"));
    Api::new(cluster.server(), cluster.ca_pem(), &pem)
}

/// Creates the holders' roles and bindings, and waits until the authorizer has heard of all of them. The one
/// that holds nothing but a Role and the one that holds nothing but a ClusterRole come last: of each kind
/// changes are heard in order.
pub(super) fn bind(owner: &mut Api, holders: &[Holder], stem: &str) {
    for (path, object) in holders.iter().flat_map(Holder::objects) {
        owner.json("POST", &path, &object);
    }
    let last = format!("{stem}-last");
    let rule = json!({ "verbs": ["get"], "apiGroups": [""], "resources": ["nodes", "pods"] });
    let role = json!({ "metadata": { "name": last }, "rules": [rule] });
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let within = format!("{rbac}/namespaces/rbac-a");
    for (kind, place) in [("ClusterRole", rbac), ("Role", &within)] {
        let kinds = kind.to_lowercase();
        owner.json("POST", &format!("{place}/{kinds}s"), &role);
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "metadata": { "name": last },
            "roleRef": { "apiGroup": group, "kind": kind, "name": last },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": format!("{last}-{kinds}") }],
        });
        owner.json("POST", &format!("{place}/{kinds}bindings"), &binding);
    }
    let started = Instant::now();
    for (kinds, resource, namespace) in [("clusterrole", "nodes", ""), ("role", "pods", "rbac-a")] {
        let on = On {
            verb: "get",
            group: "",
            version: "v1",
            resource,
            subresource: "",
            namespace: namespace.to_owned(),
            name: "one".to_owned(),
        };
        while !review(owner, &format!("{last}-{kinds}"), &Ask::Resource(on.clone())) {
            assert!(started.elapsed() < HEARD, "the authorizer has not heard of {last}");
            std::thread::yield_now();
        }
    }
}

/// What the API server's authorizer says.
pub(super) fn review(owner: &mut Api, user: &str, ask: &Ask) -> bool {
    let answer: Value = owner.json("POST", REVIEWS, &ask.review(user));
    answer["status"]["allowed"].as_bool().unwrap_or_else(|| panic!("no answer: {answer}"))
}

/// The same for the parts of one holder's rules, each question asked once.
pub(super) struct Reviewer<'a> {
    owner: &'a mut Api,
    holder: &'a Holder,
    known: HashMap<(Part, Ask), bool>,
}

impl<'a> Reviewer<'a> {
    pub(super) fn new(owner: &'a mut Api, holder: &'a Holder) -> Reviewer<'a> {
        Reviewer { owner, holder, known: HashMap::new() }
    }

    pub(super) fn allows(&mut self, part: Part, ask: &Ask) -> bool {
        let Reviewer { owner, holder, known } = self;
        *known.entry((part, ask.clone())).or_insert_with(|| review(owner, &holder.user(part), ask))
    }
}
