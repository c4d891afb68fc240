//! What can-i says is what happens: made-up questions, each asked as a review and then tried.

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::{ACCESS, access, api, post, world};
use crate::suite::rbac::api::{Api, Body};
use crate::suite::rbac::random::Random;
use crate::suite::wire::Answer;

/// Questions of each agent.
const QUESTIONS: usize = 60;

/// Group, version, resource, kind, subresource.
type Kind = [&'static str; 5];

const KINDS: [Kind; 12] = [
    ["", "v1", "configmaps", "ConfigMap", ""],
    ["", "v1", "configmaps", "ConfigMap", ""],
    ["", "v1", "pods", "Pod", ""],
    ["", "v1", "pods", "Pod", "log"],
    ["", "v1", "pods", "Pod", "exec"],
    ["", "v1", "secrets", "Secret", ""],
    ["", "v1", "nodes", "Node", ""],
    ["", "v1", "namespaces", "Namespace", ""],
    ["apps", "v1", "deployments", "Deployment", ""],
    ["apps", "v1", "deployments", "Deployment", "scale"],
    ["batch", "v1", "jobs", "Job", ""],
    ["rbac.authorization.k8s.io", "v1", "roles", "Role", ""],
];

const VERBS: [&str; 7] = ["get", "list", "watch", "create", "patch", "delete", "deletecollection"];

const PATHS: [&str; 5] = ["/healthz", "/metrics", "/version", "/logs/x", "/apis/apps"];

/// One thing to ask about, and to try.
#[derive(Debug)]
struct Question {
    verb: &'static str,
    kind: Kind,
    namespace: &'static str,
    name: &'static str,
}

impl Question {
    fn random(random: &mut Random) -> Question {
        let kind = random.pick(&KINDS);
        let [_, _, resource, _, subresource] = kind;
        let verb = match subresource {
            "" => random.pick(&VERBS),
            "exec" => random.pick(&["get", "create"]),
            "log" => "get",
            _ => random.pick(&["get", "patch"]),
        };
        let unnamed = subresource.is_empty() && !["get", "patch", "delete"].contains(&verb);
        let namespace = match resource {
            "nodes" | "namespaces" => "",
            _ => random.pick(&["can-a", "can-a", "can-b", "", "drawbridge-agents"]),
        };
        let needs_one = ["create", "patch", "delete", "get"].contains(&verb) && resource != "nodes";
        let namespace =
            if namespace.is_empty() && needs_one && resource != "namespaces" { "can-b" } else { namespace };
        let name = match resource {
            _ if unnamed => "",
            "namespaces" => random.pick(&["can-a", "can-b", "drawbridge-agents"]),
            _ => random.pick(&["one", "one", "two"]),
        };
        Question { verb, kind, namespace, name }
    }

    fn asked(&self) -> Value {
        let [group, version, resource, _, subresource] = self.kind;
        json!({ "verb": self.verb, "group": group, "version": version, "resource": resource,
            "subresource": subresource, "namespace": self.namespace, "name": self.name })
    }

    fn path(&self) -> String {
        let [group, version, resource, _, subresource] = self.kind;
        let mut path =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        if !self.namespace.is_empty() {
            path.push_str(&format!("/namespaces/{}", self.namespace));
        }
        for part in [resource, self.name, subresource] {
            if !part.is_empty() {
                path.push_str(&format!("/{part}"));
            }
        }
        path
    }

    /// Does it, as a dry run.
    fn tried(&self, api: &mut Api) -> Answer {
        let path = self.path();
        let [group, version, _, kind, subresource] = self.kind;
        if subresource == "exec" {
            let method = if self.verb == "get" { "GET" } else { "POST" };
            return api.ask(method, &format!("{path}?command=true&stdout=true"), Body::default());
        }
        let dry = format!("{path}?dryRun=All");
        let version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        match self.verb {
            "get" | "list" => api.ask("GET", &path, Body::default()),
            "watch" => api.open("GET", &format!("{path}?watch=true&timeoutSeconds=1"), ""),
            "create" => {
                let new = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "new" } });
                post(api, &dry, &new.to_string())
            }
            "patch" => {
                let body = Body { kind: "application/merge-patch+json", text: "{}" };
                api.ask("PATCH", &dry, body)
            }
            _ => api.ask("DELETE", &dry, Body::default()),
        }
    }
}

/// Whether a request was let through by the scopes and by the ceiling, whatever became of it then.
fn let_through(answer: &Answer) -> bool {
    if answer.status != 403 {
        return true;
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let policy = body["details"]["causes"][0]["field"] == "drawbridge";
    let ceiling = body["message"].as_str().unwrap_or_default().contains("\" cannot ");
    !policy && !ceiling
}

const NARROW: &str = "
- {name: see, verbs: [get, list, watch], apiGroups: ['', apps], resources: [configmaps, pods, deployments]}
- {name: more, verbs: ['*'], apiGroups: [apps, batch], resources: ['*']}
- {name: exec, verbs: [create], apiGroups: [''], resources: [pods/exec], acknowledge: [exec]}
- {name: one, verbs: [patch, get], apiGroups: [''], resources: [secrets, configmaps], resourceNames: [one]}
- {name: own, verbs: [get, delete], apiGroups: [''], resources: [namespaces]}";

const WIDE: &str = "
- {name: all, verbs: ['*'], apiGroups: ['*'], resources: ['*'], acknowledge: [workloads, exec]}
- {name: paths, verbs: [get], nonResourceURLs: [/metrics, /logs/*]}
- {name: no-two, effect: deny, verbs: ['*'], apiGroups: [''], resources: [configmaps], resourceNames: [two]}
- {name: no-create, effect: deny, verbs: [create], apiGroups: [apps], resources: ['*']}";

const READER: &str = "
- {name: read, verbs: [get, list], apiGroups: ['*'], resources: ['*']}
- {name: write, verbs: [create, patch, delete, deletecollection], apiGroups: [''], resources: [configmaps]}";

#[test]
fn what_can_i_says_is_what_happens() {
    let seed = Random::seed();
    println!("DRAWBRIDGE_SEED={seed}");
    let agents: Vec<Agent> = [(NARROW, &["can-a"][..]), (WIDE, &[]), (READER, &["can-*"])]
        .into_iter()
        .map(|(rules, namespaces)| world().agent("can-i-same", rules, namespaces))
        .collect();
    let (mut yes, mut no, mut wrong) = (0, 0, Vec::new());
    for (part, agent) in agents.iter().enumerate() {
        let (mut random, mut api) = (Random::part(seed, part), api(agent));
        let mut compare = |what: String, review: &Value, tried: &Answer| {
            let said = review["status"]["allowed"].as_bool().unwrap();
            if said {
                yes += 1
            } else {
                no += 1
            }
            if said != let_through(tried) {
                let answer = String::from_utf8_lossy(&tried.body).into_owned();
                wrong.push(format!("{what}: {} {}\n{}", review["status"], tried.status, answer));
            }
        };
        for _ in 0..QUESTIONS {
            let question = Question::random(&mut random);
            let said = post(&mut api, ACCESS, &access(&question.asked()).to_string()).json();
            let tried = question.tried(&mut api);
            compare(format!("{} {question:?}", agent.name), &said, &tried);
        }
        for path in PATHS {
            let spec = json!({ "nonResourceAttributes": { "verb": "get", "path": path } });
            let said = post(&mut api, ACCESS, &json!({ "spec": spec }).to_string()).json();
            let tried = api.ask("GET", path, Body::default());
            compare(format!("{} {path}", agent.name), &said, &tried);
        }
    }
    assert!(wrong.is_empty(), "{} with DRAWBRIDGE_SEED={seed}:\n{}", wrong.len(), wrong.join("\n\n"));
    println!("{yes} times yes, {no} times no");
    assert!(yes >= 30 && no >= 50, "{yes} times yes, {no} times no: too one-sided to show anything");
}
