//! What manifests say, and what is said about those that are wrong.

use drawbridge_policy::{Effect, Millis, NamePattern, Reach};
use proptest::prelude::*;

use super::*;

/// Two keys: the seeds 7 and 8.
const KEY: &str = "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";
const OTHER: &str = "ed25519:E5js9IUDLO8yRXVAmgGV/cnZu6Vrk2dbUaAv89VHjxs=";

fn source(file: &str, text: &str) -> Source {
    Source { file: file.to_owned(), text: text.to_owned() }
}

fn problems(text: &str) -> String {
    read(&[source("a.yaml", text)]).map_or_else(|problems| problems.to_string(), |_| String::new())
}

fn manifests(text: &str) -> Vec<Manifest> {
    match read(&[source("a.yaml", text)]) {
        Ok(read) => read.into_iter().map(Located::into_inner).collect(),
        Err(problems) => panic!("{problems}"),
    }
}

fn one(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: drawbridge.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n"
    )
}

fn agent(name: &str, key: &str) -> String {
    one(
        "Agent",
        name,
        &format!("{{owner: a@example.com, purpose: Tests, identities: [{{key: {{publicKey: '{key}'}}}}]}}"),
    )
}

/// The problems of one spec, each without the file and line.
fn spec(kind: &str, spec: &str) -> Vec<String> {
    let found = problems(&one(kind, "x", spec));
    found.lines().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

const GOOD: &str = r#"
apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata:
  name: cleanup
  labels: {team: platform, app.kubernetes.io/part-of: ""}
  annotations:
    example.com/note: |
      Two
      lines
spec:
  owner: platform@example.com
  purpose: Deletes finished Jobs so that they stop costing money
  identities:
  - key: {publicKey: "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Scope
metadata: {name: job-cleaner}
spec:
  rules:
  - name: see-jobs
    verbs: [get, list, watch]
    apiGroups: [batch]
    resources: [jobs]
  - verbs: [get]
    nonResourceURLs: ["/version"]
  - name: never-secrets
    effect: deny
    verbs: ["*"]
    apiGroups: [""]
    resources: [secrets]
    resourceNames: [a, b]
---
apiVersion: drawbridge.dev/v1alpha1
kind: Grant
metadata: {name: cleanup-prod}
spec:
  agents: [cleanup]
  scopes: [job-cleaner]
  clusters: [prod, here, direct]
  namespaces: [batch, "ci-*"]
  until: 2027-06-30T02:00:00+02:00
---
apiVersion: drawbridge.dev/v1alpha1
kind: Cluster
metadata: {name: prod}
spec: {kubeconfig: {path: prod.kubeconfig, context: admin}}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Cluster
metadata: {name: here}
spec: {inCluster: {}}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Cluster
metadata: {name: direct}
spec: {server: "https://10.0.0.1:6443", caFile: ca.crt, tokenFile: /run/token}
"#;

#[test]
fn what_is_right_is_read() {
    let read = manifests(GOOD);
    let [Manifest::Agent(agent), Manifest::Scope(scope), Manifest::Grant(grant), rest @ ..] = read.as_slice()
    else {
        panic!("{read:?}")
    };
    assert_eq!((agent.name.as_str(), agent.owner.as_str()), ("cleanup", "platform@example.com"));
    assert_eq!(agent.metadata.annotations["example.com/note"], "Two\nlines\n");
    let Identity::Key(key) = &agent.identities[0] else { panic!("not a key") };
    assert_eq!(key.to_string(), KEY);
    let names: Vec<&str> = scope.specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["see-jobs", "rule-2", "never-secrets"]);
    assert_eq!(scope.rules.rules().map(|(id, _)| id.as_str()).last(), Some("job-cleaner/never-secrets"));
    let denies: Vec<Effect> = scope.denies.rules().map(|(_, rule)| rule.effect()).collect();
    assert_eq!(denies, [Effect::Deny]);
    let patterns = ["batch", "ci-*"].map(|text| NamePattern::parse(text).unwrap());
    assert_eq!(grant.namespaces, Reach::namespaces(patterns.to_vec()));
    assert_eq!(grant.until.unwrap().to_string(), "2027-06-30T00:00:00Z");
    assert_eq!(grant.clusters, ["prod", "here", "direct"]);
    let access: Vec<&ClusterAccess> = rest
        .iter()
        .map(|manifest| if let Manifest::Cluster(cluster) = manifest { &cluster.access } else { panic!() })
        .collect();
    let kubeconfig =
        ClusterAccess::Kubeconfig { path: "prod.kubeconfig".into(), context: Some("admin".to_owned()) };
    let server = ClusterAccess::Server {
        server: "https://10.0.0.1:6443".to_owned(),
        ca_file: "ca.crt".into(),
        token_file: "/run/token".into(),
        renew: None,
    };
    assert_eq!(access, [&kubeconfig, &ClusterAccess::InCluster, &server]);
}

#[test]
fn the_canonical_form_reads_back_as_json_and_as_yaml() {
    for manifest in manifests(GOOD) {
        let json = manifest.to_json();
        assert_eq!(Manifest::from_json(&json).unwrap().to_json(), json);
        for text in [json.to_string(), serde_saphyr::to_string(&json).unwrap()] {
            assert_eq!(manifests(&text)[0].to_json(), json, "{text}");
        }
    }
    let grant = manifests(&one("Grant", "g", "{agents: [a], scopes: [s], clusters: [c]}"))[0].to_json();
    let expected = json!({"apiVersion": API_VERSION, "kind": "Grant", "metadata": {"name": "g"},
        "spec": {"agents": ["a"], "scopes": ["s"], "clusters": ["c"]}});
    assert_eq!(grant, expected, "everywhere is the field left out");
}

#[test]
fn a_file_with_many_mistakes_tells_all_of_them_and_what_would_be_right() {
    let found = problems(
        r#"apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {name: Cleanup}
spec:
  owner: ""
  purposes: Deletes finished Jobs
  identities:
  - key: {publicKey: "ed25519:AAAA"}
  - spiffe: spiffe://prod/cleanup
---
apiVersion: drawbridge.dev/v1alpha1
kind: Grants
metadata: {name: x}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Grant
metadata:
  name: cleanup-prod
  labels: {team: "a b"}
spec:
  agents: cleanup
  scopes: []
  clusters: [prod, prod]
  namespaces: []
  until: 2027-06-30
  mode: watch
---
apiVersion: v1
kind: Scope
metadata: {name: s}
spec:
  rules:
  - name: one
    verbs: [get, 5]
    resource: [jobs]
    require: approval
  - name: two
    effect: maybe
"#,
    );
    let expected = [
        "a.yaml:3:18: metadata.name: \"Cleanup\" is not an agent's name: a name has only \
         lower-case letters, digits and '-', this one has 'C'",
        "a.yaml:5:3: spec.purpose: is missing; it holds what the agent is for, in one line",
        "a.yaml:5:10: spec.owner: is blank",
        "a.yaml:6:3: unknown field \"purposes\"; did you mean \"purpose\"?",
        "a.yaml:8:22: spec.identities[0].key.publicKey: an Ed25519 public key has 32 bytes; this \
         one has 3",
        "a.yaml:9:5: \"spiffe\" is not built yet: recognising SPIFFE identities; refused so that \
         nothing is promised that isn't enforced",
        "a.yaml:12:7: kind: unknown kind \"Grants\"; did you mean Grant?",
        "a.yaml:19:18: metadata.labels.team: \"a b\" is not a label's value; one has at most 63 \
         letters, digits, '-', '_' and '.', with a letter or digit at either end, or nothing",
        "a.yaml:21:11: spec.agents: expected a list, found the text \"cleanup\"",
        "a.yaml:22:11: spec.scopes: is empty; name at least one scope",
        "a.yaml:23:20: spec.clusters[1]: stands in the list already; leave it out",
        "a.yaml:24:15: spec.namespaces: is empty; name some namespaces, or leave the field out \
         for all of them and for what is in none",
        "a.yaml:25:10: spec.until: expected a time with its zone such as 2027-06-30T00:00:00Z \
         (RFC 3339), found \"2027-06-30\"",
        "a.yaml:26:9: spec.mode: expected decide or observe, found \"watch\"",
        "a.yaml:28:13: apiVersion: expected drawbridge.dev/v1alpha1, found \"v1\"",
        "a.yaml:34:18: spec.rules[0].verbs[1]: 5 can be read as something else than text; write \
         \"5\"",
        "a.yaml:35:5: unknown field \"resource\"; did you mean \"resources\"?",
        "a.yaml:36:5: \"require\" is not built yet: approvals; refused so that \
         nothing is promised that isn't enforced",
        "a.yaml:38:13: spec.rules[1].effect: expected allow or deny, found \"maybe\"",
    ]
    .join("\n");
    assert_eq!(found, expected);
}

#[test]
fn a_document_that_is_no_manifest_says_why_in_one_line() {
    assert_eq!(problems("- a\n"), "a.yaml:1:1: expected a map, found a list");
    let list = problems("apiVersion: v1\nkind: List\nitems: []\n");
    assert!(
        list.ends_with("kind: a List isn't read; write its items one after another, with --- between them"),
        "{list}"
    );
    assert_eq!(
        problems("kind: Cluster\n"),
        "a.yaml:1:1: apiVersion: is missing; it holds drawbridge.dev/v1alpha1\n\
         a.yaml:1:1: metadata: is missing; it holds the name\n\
         a.yaml:1:1: spec: is missing; it holds what it says"
    );
    assert!(manifests("").is_empty());
}

#[test]
fn a_rules_list_of_rbac_can_be_pasted_in() {
    let rules = "{rules: [{apiGroups: [''], resources: [pods], verbs: [get]}, \
                 {nonResourceURLs: [/healthz], verbs: [get]}]}";
    let Manifest::Scope(scope) = &manifests(&one("Scope", "system.view", rules))[0] else { panic!() };
    let names: Vec<&str> = scope.specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["rule-1", "rule-2"]);
    assert!(scope.specs.iter().all(|spec| spec.effect == Effect::Allow));
    // What somebody called so is not in the way.
    let rules = "{rules: [{verbs: [get], nonResourceURLs: [/a]}, \
                 {name: rule-1, verbs: [get], nonResourceURLs: [/a]}]}";
    let Manifest::Scope(scope) = &manifests(&one("Scope", "s", rules))[0] else { panic!() };
    let names: Vec<&str> = scope.specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["rule-1-2", "rule-1"]);
    let rules = "{rules: [{name: a, verbs: [get], nonResourceURLs: [/a]}, \
                 {name: a, verbs: [get], nonResourceURLs: [/a]}]}";
    let named = spec("Scope", rules);
    assert_eq!(named, ["spec.rules[1]: two rules are named \"a\"; give one of them another name"]);
}

#[test]
fn a_role_of_rbac_is_one_problem_that_says_what_to_change() {
    let text =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\nrules: []\n";
    let found = problems(text);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(
        found.starts_with("a.yaml:2:7: kind: a ClusterRole is a Scope once three lines are changed"),
        "{found}"
    );
    assert!(problems(&text.replace("ClusterRole", "Role")).contains("kind: a Role is a Scope once"));
}

#[test]
fn an_empty_value_is_never_taken_for_everything() {
    for field in ["namespaces:", "until:", "agents:"] {
        let text = one("Grant", "g", &format!("\n  scopes: [s]\n  clusters: [c]\n  {field}\n"));
        let found = problems(&text);
        assert!(found.contains("has no value; write"), "{field} {found}");
    }
    let found = spec(
        "Scope",
        "{rules: [{name: a, verbs: [get], apiGroups: [batch], resources: [jobs], resourceNames: }]}",
    );
    assert_eq!(found, ["spec.rules[0].resourceNames: has no value; write a list, or leave the field out"]);
}

#[test]
fn an_agent_needs_an_owner_a_purpose_and_distinct_strong_keys() {
    assert_eq!(spec("Agent", "{owner: a, purpose: b}"), Vec::<String>::new());
    assert_eq!(
        spec("Agent", "{}"),
        [
            "spec.owner: is missing; it holds the person who answers for the agent",
            "spec.purpose: is missing; it holds what the agent is for, in one line"
        ]
    );
    let identities = |list: &str| spec("Agent", &format!("{{owner: a, purpose: b, identities: [{list}]}}"));
    let key = format!("{{key: {{publicKey: '{KEY}'}}}}");
    assert_eq!(
        identities(&format!("{key}, {key}")),
        ["spec.identities[1]: the same identity stands above; leave it out"]
    );
    assert!(
        identities("{}")[0].starts_with("spec.identities[0]: says nothing of how the agent is recognised")
    );
    let zeros = format!("{{key: {{publicKey: 'ed25519:{}='}}}}", "A".repeat(43));
    assert!(identities(&zeros)[0].contains("weak"));
    assert!(identities(&vec![key; 101].join(","))[0].ends_with("at most 100 identities, this one has 101"));
    for (purpose, why) in [
        ("\" \"", "is blank"),
        ("\" a\"", "begins or ends with a space; leave it out"),
        ("\"a\\e[31m\"", "has an invisible character; leave it out"),
        ("\"a\\u202Eb\"", "has an invisible character; leave it out"),
    ] {
        assert_eq!(
            spec("Agent", &format!("{{owner: a, purpose: {purpose}}}")),
            [format!("spec.purpose: {why}")]
        );
    }
    assert!(
        spec("Agent", "\n  owner: a\n  purpose: >\n    b\n")[0].starts_with("spec.purpose: must be one line")
    );
    assert!(spec("Agent", "\n  owner: a\n  purpose: >-\n    b\n    c\n").is_empty());
}

#[test]
fn a_cluster_is_reached_in_exactly_one_way() {
    let forms = "kubeconfig: {path: …}, inCluster: {}, or server with caFile and tokenFile";
    assert_eq!(
        spec("Cluster", "{}"),
        [format!("spec: says nothing of how the cluster is reached; write {forms}")]
    );
    assert_eq!(
        spec("Cluster", "{inCluster: {}, kubeconfig: {path: a}}"),
        [format!("spec: says more than one way to reach the cluster; keep one of {forms}")]
    );
    assert_eq!(
        spec("Cluster", "{server: 'http://a:6443', caFile: ''}"),
        [
            "spec.tokenFile: is missing; it holds the path of the token that the gateway presents",
            "spec.server: expected https://HOST or https://HOST:PORT, found \"http://a:6443\"",
            "spec.caFile: expected a path, found \"\"",
        ]
    );
    assert_eq!(spec("Cluster", "{inCluster: true}"), ["spec.inCluster: expected a map, found true"]);
    for bad in ["https://", "https://me@a", "https://a?b", "https://a#b", "a:6443", "https://a:"] {
        assert_eq!(
            spec("Cluster", &format!("{{server: '{bad}', caFile: a, tokenFile: b}}")).len(),
            1,
            "{bad}"
        );
    }
    assert!(spec("Cluster", "{server: 'https://a/k8s/clusters/c-1', caFile: a, tokenFile: b}").is_empty());
}

#[test]
fn what_is_wrong_only_between_manifests_is_told_at_its_place() {
    let known = manifests(&agent("dashboard", OTHER));
    let first = agent("cleanup", KEY);
    let second = one("Scope", "jobs", "{rules: []}")
        + &agent("cleanup", KEY)
        + &agent("rollback", KEY)
        + &agent("other", OTHER)
        + &one(
            "Grant",
            "g",
            "{agents: [cleanup, clenup, dashboard], scopes: [jobs, calls], clusters: [prod]}",
        );
    let read = read(&[source("a.yaml", &first), source("b.yaml", &second)]).unwrap();
    let found = check_together(&read, &known).unwrap_err().to_string();
    assert_eq!(
        found,
        [
            "b.yaml:8:18: Agent \"cleanup\" stands in a.yaml, line 1, already; leave one of them out",
            "b.yaml:14:59: spec.identities[0]: this key is enrolled for the agent \"cleanup\"; one \
         identity names one agent, so make a key of its own for this one",
            "b.yaml:19:59: spec.identities[0]: this key is enrolled for the agent \"dashboard\"; one \
         identity names one agent, so make a key of its own for this one",
            "b.yaml:24:26: spec.agents[1]: no Agent \"clenup\" is known; did you mean \"cleanup\"?",
            "b.yaml:24:61: spec.scopes[1]: no Scope \"calls\" is known; apply it first or in the same \
         call",
            "b.yaml:24:80: spec.clusters[0]: no Cluster \"prod\" is known; apply it first or in the \
         same call",
        ]
        .join("\n")
    );
}

#[test]
fn a_key_can_move_in_the_call_that_takes_it_from_its_agent() {
    let known = manifests(&(agent("old", KEY) + &agent("new", OTHER)));
    let moved = agent("new", KEY) + &one("Agent", "old", "{owner: a, purpose: b}");
    assert!(check_together(&read(&[source("a.yaml", &moved)]).unwrap(), &known).is_ok());
    let same = agent("old", KEY);
    assert!(check_together(&read(&[source("a.yaml", &same)]).unwrap(), &known).is_ok());
}

#[test]
fn all_problems_of_a_call_come_in_one_list_and_none_follows_from_another() {
    let sources = [
        source("a.yaml", &one("Grant", "g", "{agents: [broken, missing], scopes: [s], clusters: [c]}")),
        source("b.yaml", &(one("Agent", "broken", "{owner: a}") + &one("Scope", "s", "{rules: []}"))),
    ];
    let found =
        read_together(&sources, &manifests(&one("Cluster", "c", "{inCluster: {}}"))).unwrap_err().to_string();
    assert_eq!(
        found,
        "a.yaml:4:25: spec.agents[1]: no Agent \"missing\" is known; apply it first or in the same call\n\
         b.yaml:4:7: spec.purpose: is missing; it holds what the agent is for, in one line"
    );
}

#[test]
fn a_grant_of_more_than_can_be_kept_is_refused() {
    let names = |letter: char, count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("{letter}{number}")).collect();
        names.join(", ")
    };
    let grant = |agents, scopes| {
        let (agents, scopes) = (names('a', agents), names('s', scopes));
        spec("Grant", &format!("{{agents: [{agents}], scopes: [{scopes}], clusters: [c]}}"))
    };
    assert!(grant(10_000, 10).is_empty());
    let found = grant(10_001, 10);
    assert_eq!(
        found,
        ["spec: gives 10001 agents 10 scopes on 1 clusters, 100010 combinations; \
             at most 100000 are kept, so make several grants of it"]
    );
}

#[test]
fn what_a_grant_names_cannot_be_deleted() {
    let known = manifests(GOOD);
    assert_eq!(
        needed_by("Scope", "job-cleaner", &known).unwrap(),
        "Scope \"job-cleaner\" is named by the grant \"cleanup-prod\"; delete or change that first"
    );
    assert!(
        needed_by("Agent", "cleanup", &known).is_some() && needed_by("Cluster", "here", &known).is_some()
    );
    assert_eq!(needed_by("Grant", "cleanup-prod", &known), None);
    assert_eq!(needed_by("Agent", "job-cleaner", &known), None);
}

#[test]
fn cautions_tell_what_is_right_and_may_not_be_meant() {
    let grant = "{agents: [granted], scopes: [s], clusters: [c], until: 2026-01-01T00:00:00Z}";
    let known = manifests(&one("Grant", "g", grant));
    let text =
        one("Agent", "bare", "{owner: a, purpose: b}") + &agent("granted", KEY) + &one("Grant", "g", grant);
    let read = read(&[source("a.yaml", &text)]).unwrap();
    let end = jiff::Timestamp::constant(1_767_225_600, 0).as_millisecond();
    let found = cautions(&read, &known, Millis(end));
    assert_eq!(
        found,
        [
            "Agent \"bare\" has no identity, so it can't be recognised; 'drawbridge enrol' makes a key \
             for it",
            "Agent \"bare\" has no grant, so it may do nothing",
            "Grant \"g\" ended at 2026-01-01T00:00:00Z, so it gives nothing",
        ]
    );
    assert_eq!(cautions(&read, &known, Millis(end - 1)).len(), 2);
}

#[test]
fn a_stored_manifest_that_is_wrong_is_told_by_its_path() {
    let value = json!({"apiVersion": API_VERSION, "kind": "Scope", "metadata": {"name": "s"},
        "spec": {"rules": [{"name": "a", "verbs": ["get"], "later": true}], "x": 1}});
    let found = Manifest::from_json(&value).unwrap_err().to_string();
    assert!(
        found.starts_with("manifest: unknown field \"x\" in spec; the fields here are rules\n"),
        "{found}"
    );
    assert!(
        found.contains("manifest: unknown field \"later\" in spec.rules[0]; the fields here are name, verbs"),
        "{found}"
    );
    assert!(Manifest::from_json(&json!(null)).is_err());
}

fn word() -> impl Strategy<Value = String> {
    "[a-z]([a-z0-9-]{0,8}[a-z0-9])?"
}

/// Text as people write it, and as nobody should: quotes, colons, what looks like numbers and truth values.
fn prose() -> impl Strategy<Value = String> {
    prop_oneof![
        "[!-~]([ -~é]{0,20}[!-~])?",
        "(yes|y|No|ON|off|null|true|~|=|<<|017|0o7|0b1|1_000|[.]5|[.]inf|1e3|0x1f|- a|# b|\\{|a: b|'|\")"
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        kind in "(Agent|Scope|Grant|Cluster|X)",
        spec in "(owner|purpose|identities|rules|verbs|agents|scopes|clusters|namespaces|until|server|key|\
                 publicKey|[ \n:{}\\[\\]\"'&*!|>-]|[a-c]|\\PC){0,60}",
    ) {
        let text = one(&kind, "x", &spec);
        let sources = [source("a.yaml", &text), source("b.yaml", &spec)];
        let found = || read_together(&sources, &[]).map(|read| read.len()).map_err(|found| found.to_string());
        prop_assert_eq!(found(), found());
    }

    #[test]
    fn every_agent_and_grant_reads_back_from_its_canonical_form(
        name in word(), owner in prose(), purpose in prose(), note in "\\PC{0,30}",
        others in proptest::collection::btree_set(word(), 1..5), until in 0_i64..4_000_000_000,
    ) {
        let others: Vec<String> = others.into_iter().collect();
        let until = jiff::Timestamp::new(until, 0).unwrap().to_string();
        let meta = json!({"name": name, "annotations": {"note": note}});
        for (kind, spec) in [
            ("Agent", json!({"owner": owner, "purpose": purpose})),
            ("Grant", json!({"agents": others, "scopes": others, "clusters": others,
                "namespaces": others, "until": until})),
        ] {
            let json = json!({"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec});
            let manifest = Manifest::from_json(&json).unwrap();
            prop_assert_eq!(&manifest.to_json(), &json);
            if note.chars().any(crate::yaml::is_invisible) {
                continue;
            }
            let yaml = serde_saphyr::to_string(&json).unwrap();
            prop_assert_eq!(&manifests(&yaml)[0].to_json(), &json, "{}", yaml);
        }
    }
}
