//! Watches of which not everything is shown: what a caller sees is what it would see if the cluster held
//! nothing else.

use drawbridge_testkit::{Agent, Gateway};
use serde_json::{Value, json};

use super::super::attacks::fake::{Fake, Reply, answer};
use super::super::streams::raw::{Ask, Net, Open, Reader};
use super::super::{wire, world};
use super::labelled::{LABELLED, map, scene};
use super::there;

/// Opens a watch of a namespace's config maps.
fn watch(net: &Net, (gateway, agent): (&Gateway, &Agent), namespace: &str, query: &str) -> Open {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps?watch=1{query}");
    let connection = net.h1(gateway, Some(&agent.certificate()));
    let open = net
        .get1(connection, Ask { gateway, cluster: "local", path: &path, token: None, reader: Reader::Reads });
    assert_eq!(open.status, 200, "{}", open.ends().1);
    open
}

fn on_shared(net: &Net, agent: &Agent, namespace: &str, query: &str) -> Open {
    watch(net, (world().gateway(), agent), namespace, query)
}

fn events(open: &Open) -> Vec<Value> {
    open.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `TYPE NAME` of every event.
fn told(open: &Open) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |event: &Value| {
        format!("{} {}", text(&event["type"]), text(&event["object"]["metadata"]["name"])).trim().to_owned()
    };
    events(open).iter().map(line).collect()
}

fn label(namespace: &str, name: &str, label: &str) {
    world().admin(&["-n", namespace, "label", "--overwrite", "configmap", name, label]).ok();
}

/// The version of the list that the agent gets.
fn version(agent: &Agent, namespace: &str) -> String {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let list: Value = serde_json::from_str(&agent.kubectl(&["get", "--raw", &path]).ok().stdout).unwrap();
    list["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

#[test]
fn an_object_that_loses_its_label_is_deleted_and_one_that_gains_it_added() {
    let ((namespace, agent), net) = (scene(), Net::new());
    let from = version(&agent, &namespace);
    let open = on_shared(&net, &agent, &namespace, &format!("&resourceVersion={from}"));
    label(&namespace, "other", "shared=yes");
    label(&namespace, "mine", "shared=no");
    label(&namespace, "mine", "seen=never");
    label(&namespace, "other", "more=yes");
    world().admin(&["-n", &namespace, "delete", "configmap", "mine", "ours"]).ok();
    there(&namespace, &map("last", "yes"));
    open.shows("\"last\"");
    let want = ["ADDED other", "DELETED mine", "MODIFIED other", "DELETED ours", "ADDED last"];
    assert_eq!(told(&open), want);
    let gone = &events(&open)[1]["object"];
    assert_eq!(gone.get("data"), None, "{gone}");
    assert_eq!(gone["metadata"].get("labels"), None, "{gone}");
    let number = |version: &Value| version.as_str().unwrap().parse::<u64>().unwrap();
    assert!(number(&gone["metadata"]["resourceVersion"]) > from.parse().unwrap(), "{gone}");
    assert!(!open.text().contains("seen"), "{}", open.text());
}

#[test]
fn a_watch_begins_with_what_may_be_seen_wherever_it_begins() {
    let ((namespace, agent), net) = (scene(), Net::new());
    for query in ["", "&resourceVersion=0", "&resourceVersion="] {
        let open = on_shared(&net, &agent, &namespace, query);
        open.shows("\"mine\"");
        open.shows("\"ours\"");
        assert_eq!(told(&open), ["ADDED mine", "ADDED ours"], "{query}");
    }
    let initial = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let open = on_shared(&net, &agent, &namespace, initial);
    open.shows("initial-events-end");
    assert_eq!(told(&open), ["ADDED mine", "ADDED ours", "BOOKMARK"]);
    let bookmark = &events(&open)[2]["object"];
    assert_eq!(bookmark["kind"], "ConfigMap");
    assert!(bookmark["metadata"]["resourceVersion"].as_str().is_some_and(|version| version != "0"));
    // From a version, without initial events: what was there is known, and its end is told.
    let from = version(&agent, &namespace);
    let query = format!(
        "&resourceVersion={from}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan\
         &allowWatchBookmarks=true"
    );
    let open = on_shared(&net, &agent, &namespace, &query);
    label(&namespace, "ours", "shared=no");
    open.shows("\"ours\"");
    assert_eq!(told(&open), ["DELETED ours"]);
    let nowhere = format!(
        "/api/v1/namespaces/{namespace}/configmaps?watch=1&sendInitialEvents=false\
         &resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    assert_eq!(wire::get(world().gateway(), &agent, &nowhere).status, 400);
}

#[test]
fn a_watch_on_one_name_shows_it_while_it_has_the_label() {
    let ((namespace, agent), net) = (scene(), Net::new());
    let of =
        |name: &str| on_shared(&net, &agent, &namespace, &format!("&fieldSelector=metadata.name%3D{name}"));
    let (mine, other) = (of("mine"), of("other"));
    mine.shows("\"mine\"");
    label(&namespace, "other", "shared=yes");
    other.shows("\"other\"");
    label(&namespace, "mine", "shared=no");
    mine.shows("DELETED");
    assert_eq!(told(&mine), ["ADDED mine", "DELETED mine"]);
    assert_eq!(told(&other), ["ADDED other"]);
}

#[test]
fn kubectl_s_watch_shows_what_may_be_seen_as_a_table() {
    let (namespace, agent) = scene();
    let arguments = ["-n", &namespace, "get", "configmaps", "-w", "--output-watch-events"];
    let mut live = super::super::streams::live::Live::start(agent.command(&arguments));
    live.shows("ours");
    label(&namespace, "other", "shared=yes");
    live.shows("other");
    label(&namespace, "mine", "shared=no");
    live.shows("DELETED");
    assert!(!live.stdout().contains("kube-root-ca"), "{}", live.stdout());
}

#[test]
fn a_watch_is_told_to_begin_anew_when_its_scope_changes() {
    let ((namespace, agent), net) = (scene(), Net::new());
    let (open, gateway) = (on_shared(&net, &agent, &namespace, ""), world().gateway());
    open.shows("\"ours\"");
    world().grant(gateway, &agent.name, &LABELLED.replace("yes", "no"), &[&namespace], "");
    assert_eq!(open.ends().1, "complete", "{}", open.text());
    let last = events(&open).pop().unwrap();
    assert_eq!((&last["type"], &last["object"]["code"]), (&json!("ERROR"), &json!(410)));
    let row = gateway.recorded(&["--agent", &agent.name], |row| row["outcome"]["result"] == "cut");
    assert_eq!(row["outcome"]["reason"], "scope", "{row:#}");
    let again = on_shared(&net, &agent, &namespace, "");
    again.shows("\"other\"");
    assert_eq!(told(&again), ["ADDED other"]);
}

#[test]
fn a_watch_of_a_revoked_agent_breaks_off_without_another_word() {
    let ((namespace, agent), net) = (scene(), Net::new());
    let (open, gateway) = (on_shared(&net, &agent, &namespace, ""), world().gateway());
    open.shows("\"ours\"");
    let before = open.total();
    gateway.cli(&["revoke", "agent", &agent.name, "--reason", "test"]).ok();
    there(&namespace, &map("later", "yes"));
    let (_, how) = open.ends();
    assert!(how.starts_with("broken"), "{how}");
    assert_eq!(open.total(), before, "{}", open.text());
    let row = gateway.recorded(&["--agent", &agent.name], |row| row["outcome"]["result"] == "cut");
    assert_eq!(row["outcome"]["reason"], "agent", "{row:#}");
}

#[test]
fn a_filtered_watch_ends_with_its_grant_and_the_end_is_told_before() {
    let ((namespace, agent), net) = (scene(), Net::new());
    let gateway = world().gateway();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let warnings = || {
        let answer = wire::get(gateway, &agent, &path);
        let warns = answer.headers.into_iter().filter(|(name, _)| name == "warning");
        warns.map(|(_, value)| value).collect::<Vec<_>>()
    };
    let ends = |warning: &String| warning.contains("allows here ends at");
    assert!(!warnings().iter().any(ends));
    let now = world().admin(&["get", "--raw", "/version"]).ok();
    assert!(now.stdout.contains("gitVersion"));
    world().grant(gateway, &agent.name, LABELLED, &[&namespace], &format!("  until: {}\n", soon(4)));
    assert!(warnings().iter().any(ends), "{:?}", warnings());
    let open = on_shared(&net, &agent, &namespace, "");
    open.shows("\"ours\"");
    open.ends();
    assert_eq!(wire::get(gateway, &agent, &path).status, 403);
    there(&namespace, &map("later", "yes"));
    assert!(!open.contains("later"));
}

/// The time so many seconds from now.
#[expect(clippy::disallowed_methods, reason = "a grant's end is a time of the machine's clock")]
fn soon(seconds: i64) -> jiff::Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    jiff::Timestamp::from_second(i64::try_from(now.as_secs()).unwrap() + seconds).unwrap()
}

#[test]
fn a_watch_from_a_version_that_is_too_old_is_told_so_in_an_event() {
    let expired = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}"#;
    let fake = Fake::start("", move |_, _| {
        Reply::Say(answer("410 Gone", "Content-Type: application/json\r\n", expired))
    });
    let agent = fake.agent(LABELLED);
    let path = "/api/v1/namespaces/ns/configmaps?watch=1&resourceVersion=5";
    let got = wire::get(&fake.gateway, &agent, path);
    assert_eq!(got.status, 200);
    assert_eq!((&got.json()["type"], &got.json()["object"]["code"]), (&json!("ERROR"), &json!(410)));
    let asked: Vec<_> = fake.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].contains("resourceVersionMatch=Exact"), "{asked:?}");
}

#[test]
fn a_failure_that_is_a_plain_text_keeps_its_status_and_its_wait() {
    let fake = Fake::start("", |_, _| {
        Reply::Say(answer("429 Too Many Requests", "Content-Type: text/plain\r\nRetry-After: 7\r\n", "busy"))
    });
    let agent = fake.agent(LABELLED);
    let got = wire::get(&fake.gateway, &agent, "/api/v1/namespaces/ns/configmaps");
    assert_eq!((got.status, got.header("retry-after")), (429, Some("7")));
    assert_eq!(got.json()["reason"], "TooManyRequests");
}
