//! Every ending has its outcome in the record: answered, refused, cut, caller gone, cluster gone, shutdown.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;

use base64::Engine as _;
use drawbridge_testkit::{Agent, Gateway, Options};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::crash::CONFIGMAPS;
use super::wire::{self, Tls};
use super::writes::until_created;
use super::{binary, record_rows, world};

const STREAMS: &str = "
- name: pods
  verbs: [get]
  apiGroups: ['']
  resources: [pods]
- name: streams
  verbs: [create]
  apiGroups: ['']
  resources: [pods/exec, pods/portforward]
  acknowledge: [workloads]";

/// Opens a stream and returns once the cluster has begun its answer.
pub(super) fn open(gateway: &Gateway, agent: &Agent, path: &str) -> Tls {
    let mut tls = wire::connect(gateway, Some(&agent.certificate()), &[b"http/1.1"]);
    let host = gateway.address();
    tls.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    tls.flush().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(tls.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    tls
}

/// Reads until the other end is gone, however it went.
pub(super) fn until_end(tls: &mut Tls) {
    let mut buffer = [0; 4096];
    while tls.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

fn watch(world: &drawbridge_testkit::World, gateway: &Gateway, agent: &Agent) -> Tls {
    let namespace = world.namespace("endings");
    open(gateway, agent, &format!("/clusters/local/api/v1/namespaces/{namespace}/configmaps?watch=1"))
}

fn outcome(gateway: &Gateway, agent: &Agent, passes: impl Fn(&Value) -> bool) -> Value {
    gateway.recorded(&["--agent", &agent.name], |row| row["part"] == "outcome" && passes(row))
}

#[test]
fn a_watch_that_is_cut_by_a_suspension_says_so() {
    let world = world();
    let agent = world.agent("ending", CONFIGMAPS, &[]);
    let mut tls = watch(world, world.gateway(), &agent);
    world.gateway().cli(&["suspend", "agent", &agent.name]).ok();
    until_end(&mut tls);
    let row = outcome(world.gateway(), &agent, |row| row["request"]["verb"] == "watch");
    assert_eq!(row["outcome"], json!({ "result": "cut", "reason": "agent" }), "{row:#?}");
    assert_eq!((&row["sent"], &row["status"]), (&json!("yes"), &json!(200)));
}

#[test]
fn a_watch_whose_caller_goes_away_says_so() {
    let world = world();
    let agent = world.agent("ending", CONFIGMAPS, &[]);
    drop(watch(world, world.gateway(), &agent));
    let row = outcome(world.gateway(), &agent, |row| row["request"]["verb"] == "watch");
    assert_eq!(row["outcome"], json!({ "result": "caller-gone" }), "{row:#?}");
}

#[test]
fn a_caller_that_goes_away_before_the_cluster_answers_says_so() {
    // No answer: whoever asked must give up first.
    let (gateway, agent, cluster) = fake(until_closed);
    let mut tls = wire::connect(&gateway, Some(&agent.certificate()), &[b"http/1.1"]);
    let path = "/clusters/fake/api/v1/namespaces/x/configmaps";
    let head = format!("DELETE {path}/y HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.address());
    tls.write_all(head.as_bytes()).unwrap();
    tls.flush().unwrap();
    cluster.got.recv().unwrap();
    drop(tls);
    let row = outcome(&gateway, &agent, |_| true);
    assert_eq!(row["outcome"], json!({ "result": "caller-gone" }), "{row:#?}");
    assert_eq!(row["sent"], "yes", "nobody knows what became of it, and it was sent");
}

#[test]
fn a_cluster_that_breaks_off_in_its_answer_says_so() {
    let (gateway, agent, _cluster) = fake(|tls| {
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"kind\":";
        tls.write_all(answer).unwrap();
        tls.flush().unwrap();
    });
    let answer = ask(&gateway, &agent);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{\"kind\":"[..]));
    let row = outcome(&gateway, &agent, |_| true);
    assert_eq!(row["outcome"]["result"], "cluster-gone", "{row:#?}");
    assert_eq!((&row["status"], &row["bytesToCaller"]), (&json!(200), &json!(8)));
}

#[test]
fn a_cluster_that_takes_a_request_and_never_answers_is_a_504_that_says_what_is_not_known() {
    let (gateway, agent, _cluster) = fake(|_tls| {});
    let answer = ask(&gateway, &agent);
    assert_eq!((answer.status, answer.reason().as_str()), (504, "cluster"), "{answer:?}");
    assert!(answer.message().contains("may have been carried out or not"), "{}", answer.message());
    let row = outcome(&gateway, &agent, |_| true);
    assert_eq!((&row["outcome"]["status"], &row["sent"]), (&json!(504), &json!("yes")), "{row:#?}");
    // It was sent, so the record never says that it was refused.
    assert_eq!(row["outcome"]["result"], "cluster-gone");
}

#[test]
fn what_is_open_at_the_gateways_end_is_recorded_as_that() {
    let world = world();
    let own = tempfile::tempdir().unwrap();
    let options = || Options {
        data: Some(own.path().join("data")),
        config: "limits: {drain: 0s}\n".to_owned(),
        ..Options::default()
    };
    let mut gateway = world.own_gateway(options());
    let agent = world.agent_on(&gateway, "ending", CONFIGMAPS, &[]);
    let mut tls = watch(world, &gateway, &agent);
    gateway.terminate();
    until_end(&mut tls);
    let gateway = Gateway::start(binary(), options());
    let rows = record_rows::all(&gateway, &format!("agent={}", agent.name));
    let row = rows.iter().find(|row| row["part"] == "outcome").unwrap();
    assert_eq!(row["outcome"], json!({ "result": "cut", "reason": "shutdown" }), "{row:#?}");
}

#[test]
fn an_exec_and_a_port_forward_are_in_the_record_as_soon_as_they_are_open() {
    let world = world();
    let namespace = world.namespace("endings");
    let own = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(own.path().join("data")), ..Options::default() };
    let mut gateway = world.own_gateway(options());
    let agent = world.agent_on(&gateway, "ending", STREAMS, &[&namespace]);
    let spec = json!({ "containers": [{ "name": "a", "image": "a" }] });
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": spec });
    until_created(&namespace, &pod);
    world.admin(&["-n", &namespace, "wait", "--for=condition=Ready", "pod/p", "--timeout=60s"]).ok();

    let mut exec = start(&agent, &["-n", &namespace, "exec", "-i", "p", "--", "cat"]);
    let mut input = exec.stdin.take().unwrap();
    input.write_all(b"hello\n").unwrap();
    assert_eq!(first_line(&mut exec), "hello\n");
    let mut forward = start(&agent, &["-n", &namespace, "port-forward", "pod/p", ":8080"]);
    assert!(first_line(&mut forward).starts_with("Forwarding from"));
    gateway.kill9();
    for mut child in [exec, forward] {
        // A port-forward waits for its next connection before it notices.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let gateway = Gateway::start(binary(), options());
    let rows = record_rows::all(&gateway, &format!("agent={}", agent.name));
    for subresource in ["exec", "portforward"] {
        let row =
            rows.iter().find(|row| row["part"] == "begin" && row["request"]["subresource"] == subresource);
        let row = row.unwrap_or_else(|| panic!("no {subresource} in {rows:#?}"));
        assert_eq!((&row["request"]["verb"], &row["request"]["name"]), (&json!("create"), &json!("p")));
    }
}

fn start(agent: &Agent, arguments: &[&str]) -> Child {
    let mut command = agent.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

fn ask(gateway: &Gateway, agent: &Agent) -> wire::Answer {
    let path = "/clusters/fake/api/v1/namespaces/x/configmaps/y";
    wire::send(
        gateway,
        agent,
        &format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close", gateway.address()),
        b"",
    )
}

type ClusterTls = StreamOwned<ServerConnection, std::net::TcpStream>;

/// A cluster that misbehaves.
struct Fake {
    /// Hears of each request that it was sent.
    got: std::sync::mpsc::Receiver<()>,
}

/// A gateway of the test's own in front of a cluster that does `behave` with each request.
fn fake(behave: impl Fn(&mut ClusterTls) + Send + 'static) -> (Gateway, Agent, Fake) {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let pem = certified.cert.pem();
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certified.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = format!("https://{}", listener.local_addr().unwrap());
    let (tell, got) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp.unwrap());
            let head = request_of(&mut tls);
            // What the gateway asks for itself, whenever it likes: who issues this cluster's tokens.
            if head.starts_with("GET /.well-known/") || head.starts_with("GET /openid/") {
                tls.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .ok();
                tls.flush().ok();
                continue;
            }
            // Nobody listens where the test is over.
            tell.send(()).ok();
            behave(&mut tls);
        }
    });

    let world = world();
    let gateway = Gateway::start(binary(), Options::default());
    let name = world.name("ending");
    let file = world.directory().join(format!("{name}.fake"));
    let ca = base64::engine::general_purpose::STANDARD.encode(pem);
    let kubeconfig = json!({
        "current-context": "c",
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "clusters": [{ "name": "c", "cluster": { "server": server, "certificate-authority-data": ca } }],
        "users": [{ "name": "u", "user": { "token": "t" } }],
    });
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    let head = "apiVersion: drawbridge.dev/v1alpha1\nkind:";
    let spec = format!("{{kubeconfig: {{path: {}}}}}", file.display());
    gateway.apply(&format!("{head} Cluster\nmetadata: {{name: fake}}\nspec: {spec}\n")).ok();
    let agent = Agent::enrol(&gateway, &name, "fake", world.directory(), world.cluster().kubectl());
    let rules = "[{verbs: [get, delete], apiGroups: [''], resources: [configmaps]}]";
    let scope = format!("{head} Scope\nmetadata: {{name: s}}\nspec: {{rules: {rules}}}\n");
    let spec = format!("{{agents: [{name}], scopes: [s], clusters: [fake]}}");
    gateway.apply(&format!("{scope}---\n{head} Grant\nmetadata: {{name: g}}\nspec: {spec}\n")).ok();
    (gateway, agent, Fake { got })
}

/// Reads a request without a body.
fn request_of(tls: &mut ClusterTls) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if tls.read(&mut byte).is_ok_and(|count| count == 0) {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn until_closed(tls: &mut ClusterTls) {
    let mut buffer = [0; 64];
    while tls.read(&mut buffer).is_ok_and(|count| count > 0) {}
}
