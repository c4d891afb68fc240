//! Lines as clients send them.

use super::discovery::Served;
use super::{encoding, selectors};
use crate::random::Random;

const NAMESPACES: [&str; 6] = ["default", "kube-system", "ci-1", "a", "pods", "status"];
const NAMES: [&str; 14] = [
    "a",
    "web-5d4f8c9b7-x2x9z",
    "a.b.c",
    "system:node:n1",
    "kube-root-ca.crt",
    "my role",
    "0",
    "x",
    "namespaces",
    "watch",
    "UPPER_case",
    "a~b@c",
    "v1.apps",
    "x*y",
];

/// Paths that are no resource's.
const NON_RESOURCE: [&str; 34] = [
    "/",
    "/api",
    "/api/",
    "/api/v1",
    "/api/v1/",
    "/apis",
    "/apis/",
    "/apis/apps",
    "/apis/apps/",
    "/apis/apps/v1",
    "/apis/apps/v1/",
    "/apis/example.com/v1",
    "/version",
    "/version/",
    "/healthz",
    "/healthz/ping",
    "/healthz/poststarthook/rbac/bootstrap-roles",
    "/livez",
    "/livez/etcd",
    "/readyz",
    "/readyz/informer-sync",
    "/metrics",
    "/metrics/slis",
    "/metrics/cadvisor",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/apis/apps/v1",
    "/openid/v1/jwks",
    "/.well-known/openid-configuration",
    "/logs/kube-apiserver.log",
    "/debug/pprof/profile",
    "/statusz",
    "/flagz",
    "/apiz/v1/pods",
];

/// All forms of one resource's lines, with little in their queries.
pub(crate) fn every(served: &Served) -> Vec<String> {
    let place = served.namespaced.then_some("default");
    let object = served.path(place, Some("x"));
    let collection = served.path(place, None);
    let everywhere = served.path(None, None);
    let mut lines = Vec::new();
    for verb in &served.verbs {
        match verb.as_str() {
            "get" => lines.extend([format!("GET {object}"), format!("HEAD {object}?resourceVersion=0")]),
            "list" => {
                for path in [&collection, &everywhere] {
                    lines.extend([
                        format!("GET {path}?limit=500"),
                        format!("GET {path}?labelSelector=app%3Dweb%2Ctier+in+%28a%2Cb%29&resourceVersion=7"),
                        format!("GET {path}?fieldSelector=metadata.name%3Dx"),
                    ]);
                }
                lines.push(format!("HEAD {collection}"));
            }
            "watch" => {
                for path in [&collection, &everywhere] {
                    lines.extend([
                        format!("GET {path}?watch=true&allowWatchBookmarks=true&timeoutSeconds=300"),
                        format!("GET {path}?fieldSelector=metadata.name%3D%3Dx&watch=1"),
                    ]);
                }
            }
            "create" if served.subresource.is_empty() => {
                lines.push(format!("POST {collection}?fieldManager=kubectl-create&fieldValidation=Strict"));
                lines.push(format!("POST {collection}?dryRun=All"));
            }
            "create" => lines.extend([format!("POST {object}"), format!("POST {object}?dryRun=All")]),
            "update" => lines.push(format!("PUT {object}?fieldManager=helm&dryRun=All")),
            "patch" => {
                lines.push(format!("PATCH {object}?fieldManager=kubectl-client-side-apply"));
                lines.push(format!("PATCH {object}?fieldManager=kubectl&fieldValidation=Strict&force=true"));
            }
            "delete" => lines.push(format!("DELETE {object}?propagationPolicy=Background&dryRun=All")),
            "deletecollection" => {
                lines.push(format!("DELETE {collection}"));
                lines
                    .push(format!("DELETE {collection}?labelSelector=a%3Db&fieldSelector=metadata.name%3Dx"));
            }
            other => panic!("discovery has the verb {other}, which no method is known for"),
        }
    }
    lines.dedup();
    lines
}

/// One line, at random.
pub(crate) fn any(random: &mut Random, served: &[Served]) -> String {
    if random.one_in(12) {
        return non_resource(random);
    }
    let served = &served[random.below(served.len())];
    let verb = served.verbs[random.below(served.verbs.len())].clone();
    let namespace = random.pick(&NAMESPACES);
    let name = random.pick(&NAMES);
    let name = encoding::segment(random, name);
    let object = served.path(Some(namespace), Some(&name));
    let somewhere = (!random.one_in(4)).then_some(namespace);
    let collection = served.path(somewhere, None);
    let (method, path) = match verb.as_str() {
        "get" if random.one_in(8) => ("HEAD", object),
        "get" => ("GET", object),
        "list" if random.one_in(12) => ("HEAD", collection),
        "list" | "watch" => ("GET", collection),
        "create" if served.subresource.is_empty() => ("POST", collection),
        "create" => ("POST", object),
        "update" => ("PUT", object),
        "patch" => ("PATCH", object),
        "delete" => ("DELETE", object),
        _ => ("DELETE", collection),
    };
    let path = match served.subresource.as_str() {
        "proxy" => path + random.pick(&["", "/metrics", "/a/b.json", "/x%20y/z"]),
        _ => path,
    };
    let pairs = match served.subresource.as_str() {
        "exec" | "attach" => connection(random),
        "portforward" => ports(random),
        "log" => some(random, &LOG),
        "proxy" => some(random, &[("q", "a b"), ("page", "2"), ("fieldSelector", "metadata.name=y")]),
        _ => options(random, &verb),
    };
    format!("{method} {path}{}", query(random, &pairs))
}

type Pairs = Vec<(String, String)>;

const LOG: [(&str, &str); 6] = [
    ("container", "main"),
    ("follow", "true"),
    ("previous", "false"),
    ("sinceSeconds", "60"),
    ("tailLines", "10"),
    ("timestamps", "true"),
];
const READ: [(&str, &str); 3] = [("resourceVersion", "0"), ("pretty", "true"), ("timeout", "32s")];
const LIST: [(&str, &str); 9] = [
    ("limit", "500"),
    ("continue", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ=="),
    ("resourceVersion", "12345"),
    ("resourceVersionMatch", "NotOlderThan"),
    ("timeoutSeconds", "300"),
    ("allowWatchBookmarks", "true"),
    ("sendInitialEvents", "true"),
    ("includeObject", "Metadata"),
    ("shardSelector", "shardRange(object.metadata.uid, '0x0', '0x8')"),
];
const WRITE: [(&str, &str); 5] = [
    ("dryRun", "All"),
    ("fieldManager", "kubectl-client-side-apply"),
    ("fieldManager", "héllo wörld/1.0"),
    ("fieldValidation", "Strict"),
    ("force", "true"),
];
const DELETE: [(&str, &str); 4] = [
    ("gracePeriodSeconds", "0"),
    ("propagationPolicy", "Foreground"),
    ("dryRun", "All"),
    ("orphanDependents", "false"),
];

fn options(random: &mut Random, verb: &str) -> Pairs {
    let mut pairs = match verb {
        "get" => some(random, &READ),
        "list" | "watch" => some(random, &LIST),
        "delete" | "deletecollection" => some(random, &DELETE),
        _ => some(random, &WRITE),
    };
    if verb == "watch" {
        pairs.push(("watch".to_owned(), random.pick(&["true", "1", "True", "TRUE"]).to_owned()));
    }
    if verb == "list" && random.one_in(8) {
        pairs.push(("watch".to_owned(), random.pick(&["false", "0", "False"]).to_owned()));
    }
    if matches!(verb, "list" | "watch" | "deletecollection") {
        if random.one_in(3) {
            pairs.push(("labelSelector".to_owned(), selectors::label(random)));
        }
        if random.one_in(2) {
            pairs.push(("fieldSelector".to_owned(), selectors::field(random)));
        }
    }
    pairs
}

fn some(random: &mut Random, all: &[(&str, &str)]) -> Pairs {
    let mut pairs: Pairs = Vec::new();
    for (key, value) in all {
        if random.one_in(3) && !pairs.iter().any(|(other, _)| other == key) {
            pairs.push(((*key).to_owned(), (*value).to_owned()));
        }
    }
    pairs
}

fn connection(random: &mut Random) -> Pairs {
    let count = random.below(4);
    let words = ["sh", "-c", "cat /var/log/app.log; echo \"ä\"", "", "a=b&c"];
    let mut pairs: Pairs =
        (0..count).map(|_| ("command".to_owned(), random.pick(&words).to_owned())).collect();
    pairs.extend(some(random, &[("container", "main"), ("stdin", "true"), ("stdout", "true"), ("tty", "1")]));
    pairs
}

fn ports(random: &mut Random) -> Pairs {
    let count = random.below(3);
    (0..count).map(|_| ("ports".to_owned(), random.pick(&["80", "8443"]).to_owned())).collect()
}

fn non_resource(random: &mut Random) -> String {
    let method = random.pick(&["GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
    let path = random.pick(&NON_RESOURCE);
    let pairs = some(random, &[("verbose", ""), ("exclude", "etcd"), ("timeout", "32s"), ("watch", "true")]);
    format!("{method} {path}{}", query(random, &pairs))
}

fn query(random: &mut Random, pairs: &Pairs) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        text += if text.is_empty() { "?" } else { "&" };
        text += key;
        // A key alone is one with an empty value.
        if !(value.is_empty() && random.one_in(2)) {
            text += &format!("={}", encoding::component(random, value));
        }
    }
    // kube-rs begins with an empty query, and with an empty pair when it has more to say.
    match text.strip_prefix('?') {
        None if random.one_in(30) => "?".to_owned(),
        Some(pairs) if random.one_in(10) => format!("?&{pairs}"),
        Some(_) | None => text,
    }
}
