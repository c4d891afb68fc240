//! Requests, most of them near to what their holder's rules say.

use serde_json::{Value, json};

use super::ask::{Ask, On};
use super::holder::{Held, Holder, NAMESPACES};
use super::kinds::{ELSEWHERE, KINDS, Kind, METHODS, NAMES, PATHS, Place, VERBS};
use super::random::Random;
use super::request::{CONNECTIONS, Does, Owners, Request, There, metadata};
use super::rule::Rule;

/// What a request is to be about.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) kind: Kind,
    pub(super) subresource: &'static str,
    pub(super) verb: &'static str,
    /// "": all of them.
    pub(super) namespace: String,
    pub(super) name: String,
}

/// A request on a resource or a path.
pub(super) fn any(holder: &Holder, random: &mut Random) -> Request {
    let held = random.one_of(&holder.held);
    let rule = random.one_of(&held.rules);
    if !rule.urls.is_empty() || random.percent(5) {
        return on_path(rule, random);
    }
    let near = random.percent(65);
    let wish = if near { near_to(rule, held, random) } else { anywhere(random) };
    let there = random.pick(&[There::Yes, There::Yes, There::Yes, There::No, There::No, There::Unseen]);
    build(&wish, there, random)
}

/// A request on a resource that the API server has.
pub(super) fn real(holder: &Holder, random: &mut Random) -> Wish {
    let held = random.one_of(&holder.held);
    let rule = random.one_of(&held.rules);
    let mut wish = if random.percent(75) { near_to(rule, held, random) } else { anywhere(random) };
    while ELSEWHERE.contains(&wish.kind) {
        wish = anywhere(random);
    }
    wish
}

/// What agents do, once each: to what is there and to what isn't, by each verb and subresource.
pub(super) fn acts() -> Vec<Wish> {
    let about = ["pods", "configmaps", "secrets", "leases", "roles", "deployments", "widgets", "namespaces"];
    let kinds = about.map(|resource| KINDS.iter().find(|kind| kind.resource == resource).copied().unwrap());
    let mut acts = Vec::new();
    let mut act = |kind, subresource, verb, name: &str| {
        let (namespace, name) = ("rbac-a".to_owned(), name.to_owned());
        acts.push(Wish { kind, subresource, verb, namespace, name });
    };
    for kind in kinds {
        for verb in VERBS {
            act(kind, "", verb, "one");
        }
        // Patches have four forms, and the rarer parts of a body come by chance.
        for verb in ["update", "patch", "patch", "patch", "patch"] {
            act(kind, "", verb, "new");
            act(kind, "", verb, "two");
        }
        for subresource in kind.subresources {
            for verb in ["get", "create", "update", "patch"] {
                act(kind, subresource, verb, "one");
            }
        }
    }
    for kind in KINDS.into_iter().filter(|kind| ["serviceaccounts", "services"].contains(&kind.resource)) {
        for verb in ["get", "create"] {
            act(kind, kind.subresources[0], verb, "one");
        }
    }
    acts
}

fn on_path(rule: &Rule, random: &mut Random) -> Request {
    let path = random.pick(&PATHS);
    let named = rule.verbs.iter().find(|verb| METHODS.iter().any(|method| method.eq_ignore_ascii_case(verb)));
    let method = match named {
        Some(verb) if random.percent(60) => {
            METHODS.iter().find(|method| method.eq_ignore_ascii_case(verb)).unwrap()
        }
        _ if random.percent(50) => "GET",
        _ => random.pick(&METHODS),
    };
    // These bodies are no decision's business.
    request(Ask::Path { verb: method.to_lowercase(), path: path.to_owned() }, method, path.to_owned())
}

fn anywhere(random: &mut Random) -> Wish {
    if random.percent(20) {
        return rare(random);
    }
    let kind = if random.percent(92) { random.pick(&KINDS) } else { random.pick(&ELSEWHERE) };
    let subresource = if random.percent(35) { any_subresource(&kind, random) } else { "" };
    let namespace = match random.below(100) {
        0..6 => "drawbridge-agents",
        6..9 => "drawbridge-system",
        9..15 => random.pick(&["elsewhere", "not-in-rbac-x-1", "rbac-x"]),
        _ => random.pick(&NAMESPACES),
    };
    Wish {
        kind,
        subresource,
        verb: random.pick(&VERBS),
        namespace: namespace.to_owned(),
        name: random.pick(&NAMES).to_owned(),
    }
}

/// What chance alone would seldom be about.
fn rare(random: &mut Random) -> Wish {
    let (resource, subresource) = random.pick(&RARE);
    let kind = KINDS.iter().find(|kind| kind.resource == resource).copied().unwrap();
    Wish {
        kind,
        subresource,
        verb: random.pick(&["create", "update", "patch"]),
        namespace: random.pick(&NAMESPACES).to_owned(),
        name: random.pick(&["one", "two"]).to_owned(),
    }
}

const RARE: [(&str, &str); 9] = [
    ("pods", "ephemeralcontainers"),
    ("pods", "binding"),
    ("pods", "exec"),
    ("services", "proxy"),
    ("bindings", ""),
    ("resourceclaims", "status"),
    ("namespaces", "finalize"),
    ("namespaces", ""),
    ("serviceaccounts", "token"),
];

fn near_to(rule: &Rule, held: &Held, random: &mut Random) -> Wish {
    let mut wish = anywhere(random);
    if rule.resources.is_empty() {
        return wish;
    }
    let resource = random.one_of(&rule.resources);
    let (main, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let fits = |kind: &&Kind| {
        let grouped = rule.groups.iter().any(|group| group == "*" || group == kind.group);
        grouped && (main == "*" || main == kind.resource)
    };
    let kinds: Vec<&Kind> = KINDS.iter().chain(&ELSEWHERE).filter(fits).collect();
    if !kinds.is_empty() {
        wish.kind = *random.pick(&kinds);
        let known = wish.kind.subresources.iter().find(|known| **known == subresource);
        wish.subresource = match known {
            Some(known) => known,
            None if main == "*" && random.percent(40) => any_subresource(&wish.kind, random),
            None => "",
        };
    }
    let verb = random.one_of(&rule.verbs);
    if let (Some(verb), true) = (VERBS.iter().find(|known| *known == verb), random.percent(80)) {
        wish.verb = verb;
    }
    if !rule.names.is_empty() && random.percent(80) {
        wish.name.clone_from(random.one_of(&rule.names));
    }
    let namespaces: Vec<&str> = held.namespaces().collect();
    if !namespaces.is_empty() && random.percent(85) {
        wish.namespace = random.pick(&namespaces).to_owned();
    }
    wish
}

fn any_subresource(kind: &Kind, random: &mut Random) -> &'static str {
    if kind.subresources.is_empty() { "" } else { random.pick(kind.subresources) }
}

/// The request that makes a wish come true.
pub(super) fn build(wish: &Wish, there: There, random: &mut Random) -> Request {
    let Wish { kind, subresource, namespace, name, .. } = wish;
    let verb = match (wish.verb, subresource.is_empty()) {
        ("list" | "watch", false) => "get",
        ("deletecollection", false) => "delete",
        (verb, _) => verb,
    };
    let collection =
        subresource.is_empty() && ["list", "watch", "create", "deletecollection"].contains(&verb);
    let selected = ["list", "watch"].contains(&verb) && random.percent(25);
    let everywhere = ["list", "watch"].contains(&verb) && random.percent(20);
    let is_namespace = (kind.group, kind.resource) == ("", "namespaces");
    // A namespace is in itself.
    let name = if is_namespace && !selected { namespace } else { name };
    let namespace = match (kind.place, is_namespace) {
        (Place::Namespace, _) if everywhere => "",
        (Place::Namespace, _) => namespace,
        (Place::Cluster, true) if !collection => name,
        (Place::Cluster, true) => "",
        (Place::Cluster, false) if random.percent(4) => namespace,
        (Place::Cluster, false) => "",
    };
    let mut path = match kind.group {
        "" => format!("/api/{}", kind.version),
        group => format!("/apis/{group}/{}", kind.version),
    };
    if !namespace.is_empty() && !is_namespace {
        path.push_str(&format!("/namespaces/{namespace}"));
    }
    path.push_str(&format!("/{}", kind.resource));
    if !collection {
        path.push_str(&format!("/{name}"));
    }
    if !subresource.is_empty() {
        path.push_str(&format!("/{subresource}"));
    }
    let on = On {
        verb,
        group: kind.group,
        version: kind.version,
        resource: kind.resource,
        subresource,
        namespace: namespace.to_owned(),
        name: if collection && !selected { String::new() } else { name.clone() },
    };
    let mut request = request(Ask::Resource(on), method(verb), path);
    request.there = there;
    if selected {
        request.add(&format!("fieldSelector=metadata.name%3D{name}"));
    }
    if verb == "watch" {
        request.add("watch=true");
    }
    if !CONNECTIONS.contains(subresource) {
        fill(&mut request, wish, name, random);
    }
    request
}

/// Gives it the body that its verb takes.
fn fill(request: &mut Request, wish: &Wish, name: &str, random: &mut Random) {
    let owners = if random.percent(12) { Owners::Changed } else { Owners::Untouched };
    let bound = random.percent(8);
    let plain = wish.subresource.is_empty();
    match request.method {
        "PUT" => {
            let bound = bound && plain;
            request.does = Does::Puts { owners, bound };
            request.kind = "application/json";
            request.body = object(wish, name, owners, bound).to_string();
        }
        "PATCH" => patch(request, wish, name, (owners, bound), random),
        "DELETE" if plain && random.percent(6) && !request.path.ends_with(wish.kind.resource) => {
            request.does = Does::DeletesUnread;
            request.add("ignoreStoreReadErrorWithClusterBreakingPotential=true");
        }
        "POST" if plain => {
            let own = match wish.kind.resource {
                "namespaces" => Some("drawbridge-system"),
                "clusterroles" | "clusterrolebindings" => Some("drawbridge-one"),
                _ => None,
            };
            let name = match own.filter(|_| random.percent(40)) {
                Some(own) => {
                    request.does = Does::TakesAName;
                    own
                }
                None => "new",
            };
            request.kind = "application/json";
            request.body = object(wish, name, Owners::Untouched, false).to_string();
        }
        _ => {}
    }
}

fn patch(
    request: &mut Request,
    wish: &Wish,
    name: &str,
    (owners, bound): (Owners, bool),
    random: &mut Random,
) {
    let changed = owners == Owners::Changed;
    request.does = Does::Patches { owners };
    (request.kind, request.body) = match random.below(4) {
        0 => {
            let bound = bound && wish.subresource.is_empty();
            request.does = Does::Applies { owners, bound };
            request.add("fieldManager=tests&force=true");
            ("application/apply-patch+yaml", object(wish, name, owners, bound).to_string())
        }
        1 => {
            let path = if changed { "/metadata/ownerReferences" } else { "/metadata/labels" };
            let value = if changed { json!([]) } else { json!({}) };
            (
                "application/json-patch+json",
                json!([{ "op": "add", "path": path, "value": value }]).to_string(),
            )
        }
        other => {
            let kind = ["application/merge-patch+json", "application/strategic-merge-patch+json"][other - 2];
            let part =
                if changed { json!({ "ownerReferences": null }) } else { json!({ "labels": { "a": "b" } }) };
            (kind, json!({ "metadata": part }).to_string())
        }
    };
}

/// An object of a kind, with as much in it as the API server wants.
pub(super) fn object(wish: &Wish, name: &str, owners: Owners, bound: bool) -> Value {
    let Kind { group, version, kind, .. } = wish.kind;
    let version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut object =
        json!({ "apiVersion": version, "kind": kind, "metadata": metadata(name, owners, bound) });
    if let Some(fields) = super::samples::fields(wish.kind, wish.subresource).as_object() {
        for (field, value) in fields {
            object[field] = value.clone();
        }
    }
    if wish.subresource == "scale" {
        object["apiVersion"] = json!("autoscaling/v1");
        object["kind"] = json!("Scale");
    }
    object
}

fn request(ask: Ask, method: &'static str, path: String) -> Request {
    Request {
        ask,
        method,
        path,
        query: String::new(),
        kind: "",
        body: String::new(),
        does: Does::Plain,
        there: There::Yes,
    }
}

fn method(verb: &str) -> &'static str {
    match verb {
        "create" => "POST",
        "update" => "PUT",
        "patch" => "PATCH",
        "delete" | "deletecollection" => "DELETE",
        _ => "GET",
    }
}
