//! A cluster as its users see it, through its own kubectl.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drawbridge_localcluster::{Binaries, LocalCluster, Options, Parts};
use serde_json::Value;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::support::{CLUSTER, eventually, kubectl, processes_of, say, succeed, with_input};

fn job(name: &str, labels: &str) {
    let manifest = format!(
        r#"{{"apiVersion": "batch/v1", "kind": "Job", "metadata": {{"name": "{name}"}},
            "spec": {{"template": {{
            "metadata": {{{labels}}},
            "spec": {{"restartPolicy": "Never", "containers": [{{"name": "main", "image": "x"}}]}}}}}}}}"#
    );
    let output = with_input(kubectl(&["create", "-f", "-"]), manifest.as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn jobs_complete_unless_they_are_to_run_forever() {
    job("short", "");
    job("labelled", r#""labels": {"drawbridge.dev/run": "forever"}"#);
    job("annotated", r#""annotations": {"drawbridge.dev/run": "forever"}"#);
    succeed(kubectl(&["wait", "--for=condition=Complete", "job/short", "--timeout=20s"]));
    for name in ["labelled", "annotated"] {
        let pods = format!("job-name={name}");
        succeed(kubectl(&["wait", "--for=condition=Ready", "pod", "-l", &pods, "--timeout=20s"]));
    }
    // As long again as a Job needs to complete.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let active = succeed(kubectl(&[
        "get",
        "jobs",
        "labelled",
        "annotated",
        "-o",
        "jsonpath={.items[*].status.active}",
    ]));
    assert_eq!(active, "1 1");
}

#[test]
fn the_pods_of_a_deployment_stay_ready() {
    succeed(kubectl(&["create", "deployment", "web", "--image=x", "--replicas=2"]));
    succeed(kubectl(&["rollout", "status", "deployment/web", "--timeout=20s"]));
    succeed(kubectl(&["set", "image", "deployment/web", "x=y"]));
    succeed(kubectl(&["rollout", "status", "deployment/web", "--timeout=20s"]));
    succeed(kubectl(&["rollout", "undo", "deployment/web"]));
    succeed(kubectl(&["rollout", "status", "deployment/web", "--timeout=20s"]));
}

#[test]
fn a_kubeconfig_carries_the_user_and_all_groups() {
    use std::os::unix::fs::PermissionsExt as _;
    let groups = ["first", "second:with/signs", "third é"];
    let path = CLUSTER.kubeconfig_for("someone:else", &groups).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_ne!(path, CLUSTER.kubeconfig_for("someone:else", &groups).unwrap());
    let as_user = |arguments: &[&str]| {
        let mut command = Command::new(CLUSTER.kubectl());
        command.arg("--kubeconfig").arg(&path).args(arguments);
        command.output().unwrap()
    };
    let output = as_user(&["auth", "whoami", "-o", "json"]);
    let review: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(review["status"]["userInfo"]["username"], "someone:else");
    let expected = serde_json::json!(["first", "second:with/signs", "third é", "system:authenticated"]);
    assert_eq!(review["status"]["userInfo"]["groups"], expected);
    assert!(!as_user(&["get", "pods"]).status.success(), "a new user has no rights");
}

#[test]
fn an_approved_signing_request_gets_a_certificate_for_its_user() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "someone-signed");
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    let manifest = serde_json::json!({
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "someone"},
        "spec": {
            "request": STANDARD.encode(request),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    });
    let output = with_input(kubectl(&["create", "-f", "-"]), manifest.to_string().as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    succeed(kubectl(&["certificate", "approve", "someone"]));
    let signed = "--for=jsonpath={.status.certificate}";
    succeed(kubectl(&["wait", signed, "csr/someone", "--timeout=20s"]));
}

#[test]
fn the_node_lets_in_nobody_but_the_api_server() {
    let port = succeed(kubectl(&[
        "get",
        "node",
        "local",
        "-o",
        "jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}",
    ]));
    let ask = |pair: Option<(&str, &str)>| {
        let pair = pair.map(|(certificate, key)| {
            let certificate = Certificate::from_pem(certificate.as_bytes()).unwrap();
            ClientCert::new_with_certs(&[certificate], PrivateKey::from_pem(key.as_bytes()).unwrap())
        });
        let ca = Certificate::from_pem(CLUSTER.ca_pem().as_bytes()).unwrap();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[ca]))
            .client_cert(pair)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let agent = ureq::Agent::config_builder().tls_config(tls).proxy(None).build().new_agent();
        agent
            .get(format!("https://127.0.0.1:{port}/containerLogs/default/p/c"))
            .call()
            .map(|response| response.status())
    };
    let pki = CLUSTER.directory().join("pki");
    let file = |name: &str| fs::read_to_string(pki.join(name)).unwrap();
    let own = (file("kubelet-client.crt"), file("kubelet-client.key"));
    assert_eq!(ask(Some((&own.0, &own.1))).unwrap(), 200, "the API server's own certificate");
    let others = CLUSTER.client_certificate("anyone", &["system:masters"]).unwrap();
    assert!(ask(Some((&others.0, &others.1))).is_err(), "another certificate of the same CA");
    assert!(ask(None).is_err(), "no certificate");
}

/// The entries of `verb` on what begins with `uri`: one when the request came and one when it was answered.
fn audited(verb: &str, uri: &str) -> [Value; 2] {
    let entries = || {
        let log = fs::read_to_string(CLUSTER.audit_log()).unwrap();
        // The last line may be half written.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let mut entries: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        entries
            .retain(|entry| entry["verb"] == verb && entry["requestURI"].as_str().unwrap().starts_with(uri));
        entries
    };
    assert!(!entries().is_empty(), "at once");
    eventually("the answer's entry", || entries().len() == 2);
    let [came, answered] = entries().try_into().unwrap();
    let of = |entry: &Value, field: &str| entry.get(field).unwrap().clone();
    assert_eq!(of(&came, "auditID"), of(&answered, "auditID"));
    assert_eq!(
        (of(&came, "stage"), of(&answered, "stage")),
        ("RequestReceived".into(), "ResponseComplete".into())
    );
    [came, answered]
}

#[test]
fn the_audit_log_has_every_request_at_once_and_its_answer_soon() {
    succeed(kubectl(&["create", "configmap", "audited", "--from-literal=a=b"]));
    let someone = ["--as=someone", "--as-group=system:masters"];
    succeed(kubectl(&[&["delete", "configmap", "audited", "--cascade=orphan"], &someone[..]].concat()));
    let [_, deleted] = audited("delete", "/api/v1/namespaces/default/configmaps/audited");
    assert_eq!(deleted["requestObject"]["propagationPolicy"], "Orphan");
    assert_eq!(deleted["user"]["username"], "drawbridge:admin");
    assert_eq!(deleted["impersonatedUser"]["username"], "someone");
    assert_eq!(deleted["responseStatus"]["code"], 200);
    succeed(kubectl(&["create", "secret", "generic", "audited", "--from-literal=a=never-in-the-log"]));
    for created in audited("create", "/api/v1/namespaces/default/secrets") {
        assert!(created.get("requestObject").is_none());
    }
    succeed(kubectl(&["get", "configmaps", "-l", "audited=read"]));
    audited("list", "/api/v1/namespaces/default/configmaps?labelSelector=audited%3Dread");
}

#[test]
fn a_bare_api_server_takes_pods_and_stops_without_a_trace() {
    let binaries = Binaries::find(&mut say).unwrap();
    let options = Options { parts: Parts::ApiServer, ..Options::default() };
    let cluster = LocalCluster::start(&binaries, options, &mut |_| {}).unwrap();
    let mut run = Command::new(cluster.kubectl());
    run.arg("--kubeconfig").arg(cluster.admin_kubeconfig()).args(["run", "pending", "--image=x"]);
    succeed(run);
    assert!(cluster.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(cluster.server().starts_with("https://127.0.0.1:"));
    let folder = cluster.directory().to_owned();
    assert_eq!(processes_of(&folder).len(), 4);
    cluster.stop().unwrap();
    assert!(processes_of(&folder).is_empty());
    assert!(!folder.exists());
}
