//! The one place where an agent gets more than a user with the same rules: what the API server asks behind an
//! escape, it asks about the ceiling. That is why these are escapes, and what the reference of rules says.

use drawbridge_testkit::Options;
use serde_json::{Value, json};

use super::api::Body;
use super::holder::{Held, Holder};
use super::replay::{Pair, enrol};
use super::rule::Rule;
use super::scene::{bind, owner, world};

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/rbac-a";

#[test]
fn what_the_api_server_asks_behind_a_named_escape_the_ceiling_answers() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let rule = Rule {
        verbs: words(&["create"]),
        groups: words(&["rbac.authorization.k8s.io"]),
        resources: words(&["roles", "rolebindings"]),
        ..Rule::default()
    };
    let held = Held { rules: vec![rule], patterns: vec!["rbac-a"] };
    let holder = Holder { name: "rbac-passes-on".to_owned(), held: vec![held] };
    bind(&mut owner(world()), std::slice::from_ref(&holder), "rbac-ceiling");
    let gateway = world().own_gateway(Options::default());
    let mut pair = Pair::of(&holder, &gateway, &enrol(&holder, &gateway));
    let rule = json!({ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"] });
    let role = json!({ "metadata": { "name": "passed-on" }, "rules": [rule] });
    let to =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" });
    let binding = json!({ "metadata": { "name": "passed-on" }, "roleRef": to });
    for (resource, object) in [("roles", role), ("rolebindings", binding)] {
        let path = format!("{ROLES}/{resource}?dryRun=All");
        let text = Value::to_string(&object);
        let body = Body { kind: "application/json", text: &text };
        let direct = pair.user.ask("POST", &path, body);
        assert_eq!(direct.status, 403, "{resource}");
        assert!(direct.message().contains("attempting to grant RBAC permissions"), "{}", direct.message());
        assert_eq!(pair.agent.ask("POST", &path, body).status, 201, "{resource}");
    }
}
