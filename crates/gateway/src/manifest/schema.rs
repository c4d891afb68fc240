//! docs/reference/schemas/manifests.json, for editors. `UPDATE_DOCS=1 cargo test -p drawbridge schema` writes
//! it anew.

use drawbridge_policy::Per;
use serde_json::{Value, json};

use super::{API_VERSION, KINDS, Source, agent, cluster, envelope, grant, identity, metadata, read, scope};
use super::{INSTANCES_MOST, trusted_issuer};
use crate::identity::jwt::Algorithm;
use crate::yaml::Shape;
use crate::yaml::schema::{compare, described, list, object, takes, text, word};

/// One schema for all kinds, since one file may have several.
fn schema() -> Value {
    let top = object(
        envelope::SHAPE,
        &[
            ("apiVersion", word(&[API_VERSION], "The version of all manifests.")),
            ("kind", word(KINDS, "What it is.")),
            ("metadata", metadata_schema()),
            ("spec", json!({"type": "object", "description": "What it says."})),
        ],
        &["apiVersion", "kind", "metadata", "spec"],
    );
    let specs = [agent_spec(), scope_spec(), grant_spec(), cluster_spec(), issuer_spec()];
    let kinds: Vec<Value> = KINDS
        .iter()
        .zip(specs)
        .map(|(kind, spec)| {
            let is = json!({"properties": {"kind": {"const": kind}}, "required": ["kind"]});
            json!({"if": is, "then": {"properties": {"spec": spec}}})
        })
        .collect();
    let mut schema = top;
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A manifest of Drawbridge");
    schema["allOf"] = json!(kinds);
    schema
}

fn metadata_schema() -> Value {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let fields = [
        ("name", text("Its name, unique among those of its kind.")),
        ("labels", described(texts.clone(), "What its owners sort it by.")),
        ("annotations", described(texts, "What its owners note about it.")),
    ];
    object(metadata::SHAPE, &fields, &["name"])
}

fn agent_spec() -> Value {
    let whole = json!({"type": "integer", "minimum": 1, "maximum": INSTANCES_MOST,
        "description": "How many copies may run at once."});
    let enforce =
        json!({"type": "boolean", "description": "Refuse further copies instead of reporting them."});
    let instances = object(agent::INSTANCES, &[("max", whole), ("enforce", enforce)], &["max"]);
    let fields = [
        ("owner", text("The person who answers for it: an e-mail address or a name.")),
        ("purpose", text("What it is for, in one line.")),
        ("identities", list(&identity_schema(), 0, "How it is recognised. None: it is not.")),
        ("instances", described(instances, "How many copies of it may run.")),
    ];
    object(agent::SHAPE, &fields, &["owner", "purpose"])
}

fn identity_schema() -> Value {
    let public = text("The public key that 'drawbridge enrol' prints, ed25519:…");
    let key = object(identity::KEY, &[("publicKey", public)], &["publicKey"]);
    let claim = json!({"type": ["string", "boolean", "integer"]});
    let claims = json!({"type": "object", "minProperties": 1, "additionalProperties": claim,
        "description": "What the token must claim, each exactly."});
    let issuer = text("The name of a TrustedIssuer, or github or gitlab.");
    let oidc = object(identity::OIDC, &[("issuer", issuer), ("claims", claims)], &["issuer", "claims"]);
    let fields = [
        ("key", described(key, "Its own enrolled key.")),
        ("serviceAccount", text("A service account: CLUSTER/NAMESPACE/NAME.")),
        ("uid", text("The uid that the service account must have.")),
        ("oidc", described(oidc, "OIDC ID tokens.")),
    ];
    let mut schema = object(identity::SHAPE, &fields, &[]);
    schema["oneOf"] = one_of(&["key", "serviceAccount", "oidc"]);
    schema
}

fn scope_spec() -> Value {
    let texts = |description: &str| list(&json!({"type": "string"}), 0, description);
    let requests = json!({"type": "integer", "minimum": 1, "maximum": 100_000,
        "description": "How many requests of one agent."});
    let per = word(&Per::ALL.map(Per::as_str), "In any stretch of this length.");
    let limit = object(scope::LIMIT, &[("requests", requests), ("per", per)], &["requests", "per"]);
    let fields = [
        ("name", text("Its name in the record and in refusals; rule-1, rule-2 … where it is left out.")),
        ("verbs", texts("As in RBAC: get, list, watch, create, update, patch, delete, …")),
        ("apiGroups", texts("As in RBAC; \"\" is the core group.")),
        ("resources", texts("As in RBAC, with /subresource.")),
        ("resourceNames", texts("As in RBAC; left out, every name.")),
        ("nonResourceURLs", texts("As in RBAC; a path, or the beginning of one and *.")),
        ("effect", word(&["allow", "deny"], "allow where it is left out; deny wins over every allow.")),
        ("acknowledge", texts("The words of the warnings that are meant.")),
        ("when", text("A CEL expression that must be true: docs/reference/conditions.md.")),
        ("versions", texts("The API versions that when and mask were written for; left out, v1.")),
        ("mask", texts("The values that are hidden in answers, as in data.*: docs/guides/masks.md.")),
        ("limits", list(&limit, 0, "How often the rule may be used; all of them must have room.")),
    ];
    let rule = object(scope::RULE, &fields, &[]);
    object(scope::SHAPE, &[("rules", list(&rule, 0, "Rules, as in a ClusterRole."))], &["rules"])
}

fn grant_spec() -> Value {
    let names = |description: &str| list(&json!({"type": "string"}), 1, description);
    let until = json!({"type": "string", "format": "date-time",
        "description": "When it ends, such as 2027-06-30T00:00:00Z; left out, never."});
    let fields = [
        ("agents", names("Who gets it.")),
        ("scopes", names("What they get.")),
        ("clusters", names("Where.")),
        ("namespaces", names("In which namespaces: names, or patterns such as ci-*. Left out, everywhere.")),
        ("until", until),
        (
            "lists",
            word(&["refused", "filtered"], "What lists of all namespaces get; refused where it is left out."),
        ),
        ("mode", word(&["decide", "observe"], "Whether it decides, or the record says what it would do.")),
    ];
    object(grant::SHAPE, &fields, &["agents", "scopes", "clusters"])
}

fn cluster_spec() -> Value {
    let path = text("The path of a kubeconfig on the gateway's machine.");
    let context = text("The context in it; its current one where this is left out.");
    let kubeconfig = object(cluster::KUBECONFIG, &[("path", path), ("context", context)], &["path"]);
    let accounts = [
        ("maxTokenLifetime", text("The longest life of a token, 1m to 24h; 61m where it is left out.")),
        ("tokenReview", json!({"type": "boolean", "description": "Ask the cluster of each token."})),
    ];
    let accounts = object(cluster::SERVICE_ACCOUNTS, &accounts, &[]);
    let in_cluster = described(object(Shape::of(&[]), &[], &[]), "As the gateway's own pod.");
    let fields = [
        ("kubeconfig", described(kubeconfig, "As a kubeconfig says.")),
        ("inCluster", in_cluster),
        ("server", text("The cluster's address, https://HOST:PORT.")),
        ("caFile", text("The path of the CA of the cluster's certificate, PEM.")),
        ("tokenFile", text("The path of the token that the gateway presents.")),
        (
            "renewAs",
            text("NAMESPACE/NAME of the token's account, where the gateway renews the token itself."),
        ),
        ("serviceAccounts", described(accounts, "What is asked of its service accounts' tokens.")),
    ];
    let mut schema = object(cluster::SHAPE, &fields, &[]);
    schema["oneOf"] = json!([{"required": ["kubeconfig"]}, {"required": ["inCluster"]},
        {"required": ["server", "caFile", "tokenFile"]}]);
    schema
}

fn issuer_spec() -> Value {
    let algorithms = Algorithm::ALL.map(Algorithm::as_str);
    let algorithm = word(&algorithms, "An algorithm of RFC 7518.");
    let fields = [
        ("url", text("Exactly what its tokens say in iss, https://…")),
        (
            "algorithms",
            list(&algorithm, 1, "What its tokens may be signed with; RS256 where it is left out."),
        ),
        ("caFile", text("The path of the CA of its web server's certificate, PEM.")),
        ("maxTokenLifetime", text("The longest life of a token, 1m to 24h; 61m where it is left out.")),
        ("instance", text("The claim that tells one running copy of an agent from another.")),
    ];
    let oidc = object(trusted_issuer::OIDC, &fields, &["url"]);
    object(trusted_issuer::SHAPE, &[("oidc", described(oidc, "An OpenID Connect issuer."))], &["oidc"])
}

fn one_of(fields: &[&str]) -> Value {
    fields.iter().map(|field| json!({"required": [field]})).collect()
}

#[test]
fn the_schema_of_manifests_is_up_to_date() {
    compare("manifests.json", &schema());
}

const KEY: &str = "{key: {publicKey: \"ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\"}}";

/// Manifests that are right: each field of each kind stands in one of them.
fn good() -> Vec<(&'static str, String)> {
    let agent = |more: &str| ("Agent", format!("{{owner: me, purpose: Tests{more}}}"));
    vec![
        agent(""),
        agent(&format!(", identities: [{KEY}]")),
        agent(
            ", identities: [{serviceAccount: prod/agents/a, uid: one}], instances: {max: 3, enforce: true}",
        ),
        agent(", identities: [{oidc: {issuer: github, claims: {repository: a/b, ok: true, number: 1}}}]"),
        ("Scope", "{rules: []}".to_owned()),
        (
            "Scope",
            "{rules: [{name: a, effect: deny, verbs: [get], apiGroups: [\"\"], resources: [pods], \
             resourceNames: [x], acknowledge: []}, {verbs: [get], nonResourceURLs: [/metrics]}]}"
                .to_owned(),
        ),
        (
            "Scope",
            "{rules: [{verbs: [get], apiGroups: [\"\"], resources: [secrets], acknowledge: [secrets], \
             when: object.type == 'Opaque', versions: [v1], mask: [data.*], \
             limits: [{requests: 5, per: minute}]}]}"
                .to_owned(),
        ),
        ("Grant", "{agents: [a], scopes: [s], clusters: [c]}".to_owned()),
        (
            "Grant",
            "{agents: [a], scopes: [s], clusters: [c], namespaces: [\"ci-*\"], lists: filtered, \
             mode: observe, until: 2027-06-30T00:00:00Z}"
                .to_owned(),
        ),
        (
            "Cluster",
            "{kubeconfig: {path: a, context: b}, serviceAccounts: {maxTokenLifetime: 2h, tokenReview: true}}"
                .to_owned(),
        ),
        ("Cluster", "{inCluster: {}}".to_owned()),
        ("Cluster", "{server: \"https://a\", caFile: b, tokenFile: c}".to_owned()),
        ("Cluster", "{server: \"https://a\", caFile: b, tokenFile: c, renewAs: a/b}".to_owned()),
        ("TrustedIssuer", "{oidc: {url: \"https://a.example\"}}".to_owned()),
        (
            "TrustedIssuer",
            "{oidc: {url: \"https://a.example\", algorithms: [ES256], caFile: a, maxTokenLifetime: 2h, \
             instance: jti}}"
                .to_owned(),
        ),
    ]
}

/// What both refuse: unknown fields, missing ones, other types, other words, two forms at once.
const BAD: [(&str, &str); 25] = [
    ("Agent", "{owner: me}"),
    ("Agent", "{owner: me, purpose: Tests, colour: red}"),
    ("Agent", "{owner: [me], purpose: Tests}"),
    ("Agent", "{owner: me, purpose: Tests, identities: {}}"),
    ("Agent", "{owner: me, purpose: Tests, identities: [{}]}"),
    ("Agent", "{owner: me, purpose: Tests, identities: [{key: {}}]}"),
    ("Agent", "{owner: me, purpose: Tests, identities: [{spiffe: {}}]}"),
    ("Agent", "{owner: me, purpose: Tests, identities: [{oidc: {issuer: github}}]}"),
    ("Agent", "{owner: me, purpose: Tests, identities: [{oidc: {issuer: github, claims: {}}}]}"),
    ("Agent", "{owner: me, purpose: Tests, instances: {max: 0}}"),
    ("Agent", "{owner: me, purpose: Tests, instances: {max: many}}"),
    ("Agent", "{owner: me, purpose: Tests, instances: {enforce: true}}"),
    ("Scope", "{}"),
    ("Scope", "{rules: {}}"),
    ("Scope", "{rules: [{verbs: get}]}"),
    ("Scope", "{rules: [{verb: [get]}]}"),
    ("Scope", "{rules: [{verbs: [get], apiGroups: [''], resources: [pods], effect: permit}]}"),
    ("Grant", "{agents: [], scopes: [s], clusters: [c]}"),
    ("Grant", "{agents: [a], scopes: [s]}"),
    ("Grant", "{agents: [a], scopes: [s], clusters: [c], namespaces: []}"),
    ("Cluster", "{}"),
    ("Cluster", "{kubeconfig: {path: a}, inCluster: {}}"),
    ("Cluster", "{server: \"https://a\", caFile: b}"),
    ("TrustedIssuer", "{oidc: {}}"),
    ("TrustedIssuer", "{oidc: {url: \"https://a.example\", algorithms: [none]}}"),
];

fn document(kind: &str, spec: &str) -> String {
    format!("apiVersion: {API_VERSION}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n")
}

#[track_caller]
fn both(text: &str) -> (bool, bool) {
    let value: Value = serde_saphyr::from_str(text).unwrap();
    let source = Source { file: "a.yaml".to_owned(), text: text.to_owned() };
    (read(&[source]).is_ok(), takes(&schema(), &value))
}

#[test]
fn the_schema_takes_what_the_reader_takes_and_refuses_what_it_refuses() {
    for (kind, spec) in good() {
        assert_eq!(both(&document(kind, &spec)), (true, true), "{kind} {spec}");
    }
    for (kind, spec) in BAD {
        assert_eq!(both(&document(kind, spec)), (false, false), "{kind} {spec}");
    }
    for text in [
        document("Robot", "{}"),
        document("Scope", "{rules: []}").replace("v1alpha1", "v2"),
        document("Scope", "{rules: []}").replace("{name: a}", "{}"),
        document("Scope", "{rules: []}").replace("{name: a}", "{name: a, labels: [a]}"),
        document("Scope", "{rules: []}") + "status: {}\n",
    ] {
        assert_eq!(both(&text), (false, false), "{text}");
    }
}

#[test]
fn the_schema_takes_every_manifest_that_is_shipped() {
    let directory = format!("{}/../../deploy/examples/quickstart", env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for one in text.split("\n---").filter(|one| one.contains("apiVersion: drawbridge.dev/")) {
            let value: Value = serde_saphyr::from_str(one).unwrap();
            assert!(takes(&schema(), &value), "{one}");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}
