//! Runs Pods with images of one registry only, without privileged containers and host namespaces: as they
//! would be stored, whatever admission in the cluster makes of them.

use std::time::{Duration, Instant};

use drawbridge_testkit::Agent;
use serde_json::{Value, json};

use super::super::wire::{self, Answer};
use super::super::world;
use super::super::writes_bodies::field;
use super::{live, there};

const OURS: &str = "
- name: see-pods
  verbs: [get, list, watch]
  apiGroups: ['']
  resources: [pods, pods/resize, pods/ephemeralcontainers]
- name: run-our-images
  verbs: [create, update, patch]
  apiGroups: ['']
  resources: [pods, pods/ephemeralcontainers, pods/resize, pods/status]
  acknowledge: [workloads, ephemeral-containers]
  when: >-
    [object.spec.containers,
    has(object.spec.initContainers) ? object.spec.initContainers : [],
    has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers : []].all(list, list.all(c,
    c.image.startsWith('registry.example/ours/') &&
    !(has(c.securityContext) && has(c.securityContext.privileged) && c.securityContext.privileged))) &&
    !(has(object.spec.hostNetwork) && object.spec.hostNetwork) &&
    !(has(object.spec.hostPID) && object.spec.hostPID) &&
    !(has(object.spec.hostIPC) && object.spec.hostIPC)";

const OUR: &str = "registry.example/ours/web:1";
const OTHER: &str = "registry.example/theirs/web:1";
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const YAML: &str = "application/yaml";

fn pod(name: &str, image: &str) -> Value {
    let resources = json!({ "requests": { "cpu": "100m" } });
    let container = json!({ "name": "c", "image": image, "resources": resources });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": { "containers": [container], "nodeSelector": { "nowhere": "true" } },
    })
}

/// The same Pod in protobuf: `k8s\0` and a runtime.Unknown.
fn protobuf(name: &str, image: &str) -> Vec<u8> {
    let container = [field(1, b"c"), field(2, image.as_bytes())].concat();
    let spec = field(2, &container);
    let raw = [field(1, &field(1, name.as_bytes())), field(2, &spec)].concat();
    let meta = [field(1, b"v1"), field(2, b"Pod")].concat();
    [b"k8s\0".to_vec(), field(1, &meta), field(2, &raw)].concat()
}

/// The same in YAML.
fn yaml(name: &str, annotations: &str, image: &str) -> String {
    let metadata = format!("metadata: {{name: {name}, annotations: {annotations}}}");
    let containers = format!("containers: [{{name: c, image: {image}}}]");
    format!("apiVersion: v1\nkind: Pod\n{metadata}\nspec:\n  {containers}\n")
}

struct Scene {
    namespace: String,
    agent: Agent,
}

impl Scene {
    /// With a Pod of another's, `theirs`, and one of ours, `ours`.
    fn new() -> Scene {
        let namespace = world().namespace("pods");
        let agent = world().agent("runner", OURS, &[&namespace]);
        there(&namespace, &pod("theirs", OTHER));
        there(&namespace, &pod("ours", OUR));
        Scene { namespace, agent }
    }

    fn call(&self, method: &str, rest: &str, kind: &str, body: &[u8]) -> Answer {
        let path = format!("/api/v1/namespaces/{}/pods{rest}", self.namespace);
        let headers = [("Content-Type", kind), ("Accept", JSON)];
        wire::call(world().gateway(), &self.agent, method, &path, &headers, body)
    }

    #[track_caller]
    fn refused(&self, what: &str, got: &Answer) {
        assert_eq!((got.status, got.reason().as_str()), (403, "condition"), "{what}: {}", got.message());
    }

    fn names(&self) -> Vec<String> {
        let run = world().admin(&["-n", &self.namespace, "get", "pods", "-o", "name"]).ok();
        let names = run.stdout.lines().map(|line| line.trim_start_matches("pod/").to_owned());
        names.filter(|name| !["ours", "theirs"].contains(&name.as_str())).collect()
    }
}

#[test]
fn pods_of_the_registry_run_in_every_form_that_a_body_has() {
    let scene = Scene::new();
    let run = ["-n", &scene.namespace, "run", "run", &format!("--image={OUR}")];
    scene.agent.kubectl(&run).ok();
    let manifest = yaml("file", "{}", OUR);
    scene.agent.kubectl_with(&["-n", &scene.namespace, "create", "-f", "-"], manifest.as_bytes()).ok();
    let applied = yaml("applied", "{}", OUR);
    scene.agent.kubectl_with(&["-n", &scene.namespace, "apply", "-f", "-"], applied.as_bytes()).ok();
    assert_eq!(scene.call("POST", "", YAML, yaml("yaml", "{}", OUR).as_bytes()).status, 201);
    assert_eq!(scene.call("POST", "", PROTOBUF, &protobuf("protobuf", OUR)).status, 201);
    let mut generated = pod("", OUR);
    generated["metadata"] = json!({ "generateName": "made-" });
    let got = scene.call("POST", "", JSON, generated.to_string().as_bytes());
    assert_eq!(got.status, 201);
    let made = got.json()["metadata"]["name"].as_str().unwrap().to_owned();
    let mut expected = vec!["applied", "file", "protobuf", "run", "yaml", &made];
    expected.sort_unstable();
    let mut names = scene.names();
    names.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn other_images_privileged_containers_and_host_namespaces_are_refused_in_every_form() {
    let scene = Scene::new();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut pod = pod("evil", OUR);
        change(&mut pod["spec"]);
        pod
    };
    let side = |image: &str| json!([{ "name": "side", "image": image }]);
    let evil = [
        pod("evil", OTHER),
        pod("evil", "registry.example/ours-not/web:1"),
        pod("evil", "registry.example.evil/ours/web:1"),
        with(&|spec| spec["initContainers"] = side(OTHER)),
        with(&|spec| spec["containers"].as_array_mut().unwrap().push(side(OTHER)[0].clone())),
        with(&|spec| spec["containers"][0]["securityContext"] = json!({ "privileged": true })),
        with(&|spec| {
            spec["initContainers"] = side(OUR);
            spec["initContainers"][0]["securityContext"] = json!({ "privileged": true });
        }),
        with(&|spec| spec["hostNetwork"] = json!(true)),
        with(&|spec| spec["hostPID"] = json!(true)),
        with(&|spec| spec["hostIPC"] = json!(true)),
    ];
    for object in &evil {
        let got = scene.call("POST", "", JSON, object.to_string().as_bytes());
        scene.refused(&object.to_string(), &got);
        let mut generated = object.clone();
        generated["metadata"] = json!({ "generateName": "evil-" });
        scene.refused("generateName", &scene.call("POST", "", JSON, generated.to_string().as_bytes()));
    }
    scene.refused("protobuf", &scene.call("POST", "", PROTOBUF, &protobuf("evil", OTHER)));
    // An anchor, and a key that is there twice: what the API server makes of them counts.
    let anchor = yaml("evil", &format!("{{a: &i '{OTHER}'}}"), "*i");
    scene.refused("anchor", &scene.call("POST", "", YAML, anchor.as_bytes()));
    let twice = pod("evil", OUR)
        .to_string()
        .replace(&format!("\"image\":\"{OUR}\""), &format!("\"image\":\"{OUR}\",\"image\":\"{OTHER}\""));
    assert!(twice.contains(OTHER));
    scene.refused("a key twice", &scene.call("POST", "", JSON, twice.as_bytes()));
    let run = ["-n", &scene.namespace, "run", "evil", &format!("--image={OTHER}")];
    scene.agent.kubectl(&run).fails_with("run-our-images asks that");
    let run = ["-n", &scene.namespace, "run", "evil", &format!("--image={OUR}"), "--privileged"];
    scene.agent.kubectl(&run).fails_with("run-our-images asks that");
    assert_eq!(scene.names(), Vec::<String>::new());
}

#[test]
fn what_admission_makes_of_a_pod_is_what_counts() {
    let scene = Scene::new();
    let name = world().name("swap");
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": { "name": name },
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
            }] },
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": format!(
                "[JSONPatch{{op: 'replace', path: '/spec/containers/0/image', value: '{OTHER}'}}]"
            ) } }],
        },
    });
    let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": scene.namespace } });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": { "name": name },
        "spec": { "policyName": name, "matchResources": { "namespaceSelector": selector } },
    });
    for object in [&policy, &binding] {
        world().admin_with(&["create", "-f", "-"], object.to_string().as_bytes()).ok();
    }
    let began = Instant::now();
    let create = ["-n", &scene.namespace, "create", "--dry-run=server", "-o", "json", "-f", "-"];
    while !world().admin_with(&create, pod("try", OUR).to_string().as_bytes()).ok().stdout.contains(OTHER) {
        assert!(began.elapsed() < Duration::from_secs(60), "the policy never came into force");
        std::thread::sleep(Duration::from_millis(100));
    }
    scene.refused("mutated", &scene.call("POST", "", JSON, pod("evil", OUR).to_string().as_bytes()));
    scene.refused("mutated", &scene.call("POST", "", PROTOBUF, &protobuf("evil", OUR)));
    assert_eq!(scene.names(), Vec::<String>::new());
    for kind in ["mutatingadmissionpolicybinding", "mutatingadmissionpolicy"] {
        world().admin(&["delete", kind, &name]).ok();
    }
}

#[test]
fn no_other_path_to_a_pod_s_containers_is_wider() {
    let scene = Scene::new();
    let merge = "application/strategic-merge-patch+json";
    let image = |image: &str| json!({ "spec": { "containers": [{ "name": "c", "image": image }] } });
    let patch = |rest: &str, body: &Value| scene.call("PATCH", rest, merge, body.to_string().as_bytes());
    scene.refused("patch", &patch("/ours", &image(OTHER)));
    assert_eq!(patch("/ours", &image("registry.example/ours/web:2")).status, 200);
    let mut whole = live(&scene.namespace, "pod", "ours").unwrap();
    whole["spec"]["containers"][0]["image"] = json!(OTHER);
    scene.refused("put", &scene.call("PUT", "/ours", JSON, whole.to_string().as_bytes()));
    let debug =
        |image: &str| json!({ "spec": { "ephemeralContainers": [{ "name": "debug", "image": image }] } });
    scene.refused("debug", &patch("/ours/ephemeralcontainers", &debug(OTHER)));
    let mut privileged = debug(OUR);
    privileged["spec"]["ephemeralContainers"][0]["securityContext"] = json!({ "privileged": true });
    scene.refused("debug", &patch("/ours/ephemeralcontainers", &privileged));
    assert_eq!(patch("/ours/ephemeralcontainers", &debug(OUR)).status, 200);
    let more =
        json!({ "spec": { "containers": [{ "name": "c", "resources": { "limits": { "cpu": "1" } } }] } });
    let resized = patch("/ours/resize", &more);
    assert_eq!(resized.status, 200, "{}", String::from_utf8_lossy(&resized.body));
    // What isn't of the registry is not touched at all.
    let label = json!({ "metadata": { "labels": { "a": "b" } } });
    for rest in ["/theirs", "/theirs/resize", "/theirs/status", "/theirs/ephemeralcontainers"] {
        let body = if rest == "/theirs/resize" { &more } else { &label };
        scene.refused(rest, &patch(rest, body));
    }
    let object = live(&scene.namespace, "pod", "ours").unwrap();
    assert_eq!(object["spec"]["containers"][0]["image"], "registry.example/ours/web:2");
    assert_eq!(object["spec"]["ephemeralContainers"].as_array().unwrap().len(), 1);
    let theirs = live(&scene.namespace, "pod", "theirs").unwrap();
    assert_eq!(theirs["metadata"].get("labels"), None);
}
