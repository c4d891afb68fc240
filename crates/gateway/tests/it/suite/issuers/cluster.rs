//! The issuer of a cluster's service-account tokens, asked through the gateway's connection to the cluster.

use std::sync::Arc;
use std::time::Duration;

use drawbridge::clock::Clock;
use drawbridge::cluster::{Cluster, Patience};
use drawbridge::identity::issuer::{Expected, Issuer, LONGEST, verify_among};
use drawbridge::identity::jwt::{BadToken, Jwt, Unproven};
use drawbridge::manifest::ClusterAccess;
use drawbridge_testkit::World;
use drawbridge_testkit::issuer::SigningKey;
use serde_json::{Value, json};

use super::super::world;
use super::{AUDIENCE, Time, around, verify};

/// What the cluster's owner binds to the gateway's user, so that it may read issuer and keys.
const DISCOVERY: &str = "system:service-account-issuer-discovery";

/// The cluster with the credential of `user`.
fn issuer(world: &World, user: &str) -> Issuer {
    // The gateway installs it in main.
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    drop(provider.install_default());
    let path = world.cluster().kubeconfig_for(user, &[]).unwrap();
    let patience = Patience { connect: Duration::from_secs(10), answer: Duration::from_secs(30) };
    let access = ClusterAccess::Kubeconfig { path, context: None };
    let cluster = Arc::new(Cluster::new("local".to_owned(), access, patience));
    Issuer::of_cluster(cluster, LONGEST, around(&Time::default()))
}

fn token(namespace: &str, audience: &str) -> String {
    let audience = format!("--audience={audience}");
    let create = ["create", "token", "default", "-n", namespace, "--duration=10m", &audience];
    world().admin(&create).ok().stdout.trim().to_owned()
}

fn claims(text: &str) -> Value {
    use base64::Engine;
    let part = text.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_token_for_this_gateway_is_proven_by_the_cluster_s_own_keys() {
    let world = world();
    let (namespace, user) = (world.namespace("issuer"), world.name("keys-reader"));
    let bind = ["create", "clusterrolebinding", &user, "--clusterrole", DISCOVERY, "--user", &user];
    world.admin(&bind).ok();
    // The API server takes a moment to know.
    let may = ["auth", "can-i", "get", "/openid/v1/jwks", "--as", &user];
    while world.admin(&may).code != Some(0) {}
    let issuer = issuer(world, &user);
    assert_eq!(issuer.url(), None, "the cluster has not said yet who it is");
    let text = token(&namespace, AUDIENCE);
    let proven = verify(&issuer, &text).await;
    let proven = proven.unwrap_or_else(|error| panic!("{error}: {:?}", issuer.health()));
    assert_eq!(proven.subject(), format!("system:serviceaccount:{namespace}:default"));
    assert_eq!(proven.object()["kubernetes.io"]["namespace"], json!(namespace));
    assert_eq!(issuer.url().as_deref(), claims(&text)["iss"].as_str());
    let elsewhere = token(&namespace, "https://other.example");
    assert_eq!(verify(&issuer, &elsewhere).await, Err(BadToken::Audience.into()));
    // Somebody else's key under the id of the cluster's.
    let head = text.split('.').next().unwrap();
    let header = claims(&format!("x.{head}"));
    let forged = SigningKey::rsa("forged").token_with(&header, &claims(&text));
    let not_by_it = Unproven::Signature("local".to_owned());
    assert_eq!(verify(&issuer, &forged).await, Err(BadToken::from(not_by_it).into()));
    // The gateway asked as itself, for these two and nothing else.
    let mut asked: Vec<String> =
        world.audit().of_user(&user).iter().map(|event| event.uri().to_owned()).collect();
    asked.sort();
    assert_eq!(asked, ["/.well-known/openid-configuration", "/openid/v1/jwks"]);
    assert!(world.audit().of_user(&user).iter().all(|event| event.impersonated().is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_read_the_keys_nobody_can_tell_and_health_says_what_to_bind() {
    let world = world();
    let issuer = issuer(world, &world.name("nobody"));
    issuer.refresh().await;
    let health = issuer.health();
    assert!(health.fault.as_ref().unwrap().contains(DISCOVERY), "{health:?}");
    assert_eq!((health.url, health.keys), (None, 0));
    let namespace = world.namespace("issuer");
    let text = token(&namespace, AUDIENCE);
    let verified = verify(&issuer, &text).await;
    assert!(verified.unwrap_err().to_string().contains("can't be asked for its keys"));
    // Among others it stands back: it has answered, and a stranger's token stays a stranger's.
    let jwt = Jwt::read(&text).unwrap();
    let expected = Expected { audience: AUDIENCE, now: Clock::system().now(), skew: Duration::from_secs(30) };
    let stranger = verify_among(&[Arc::new(issuer)], &jwt, expected).await;
    assert_eq!(stranger.err(), Some(BadToken::from(Unproven::Stranger).into()));
}
