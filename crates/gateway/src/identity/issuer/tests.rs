use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::keyset::KeySet;
use super::*;
use crate::identity::jwt::{BadToken, Jwt, Unproven};

const URL: &str = "https://issuer.example";
const AUDIENCE: &str = "https://gate.example:8443";
const NOW: i64 = 1_800_000_000;

/// An issuer's signing key.
struct Key {
    id: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    fn new(id: &'static str) -> Key {
        Key { id, pair: Ed25519KeyPair::generate().unwrap() }
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": "EdDSA", "kid": self.id }), claims)
    }

    fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn set(keys: &[&Key]) -> KeySet {
        let jwk = |key: &&Key| {
            let x = URL_SAFE_NO_PAD.encode(key.pair.public_key());
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": key.id, "x": x })
        };
        let keys: Vec<Value> = keys.iter().map(jwk).collect();
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }
}

/// The time of a test, which it sets.
#[derive(Clone)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn new() -> Time {
        Time(Arc::new(AtomicI64::new(NOW * 1_000)))
    }

    fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::new(move || time.now())
    }

    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    fn expected(&self) -> Expected<'static> {
        Expected { audience: AUDIENCE, now: self.now(), skew: Duration::from_secs(30) }
    }
}

/// An issuer at `url` that nobody can reach: what it knows, the test tells it.
fn issuer(name: &str, url: &str, time: &Time) -> Arc<Issuer> {
    // No such file: a fetch ends at once, without any network.
    let ca = Some("/nonexistent/ca.pem".into());
    let trust = Oidc::new(url, vec![Algorithm::EdDsa], ca, LONGEST).unwrap();
    Arc::new(Issuer::oidc(
        name,
        trust,
        Around { clock: time.clock(), tasks: TaskTracker::new(), metrics: Arc::default() },
    ))
}

fn knowing(name: &str, keys: &[&Key], time: &Time) -> Arc<Issuer> {
    let issuer = issuer(name, URL, time);
    issuer.keys.learn(URL, Key::set(keys));
    issuer
}

fn claims() -> Value {
    json!({ "iss": URL, "sub": "repo:acme/ops", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 600 })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims.as_object_mut().unwrap().insert(name.to_owned(), value);
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

async fn verify(issuer: &Issuer, token: &str, time: &Time) -> Result<Claims, Unverified> {
    issuer.verify(&Jwt::read(token)?, time.expected()).await
}

#[tokio::test]
async fn a_token_that_the_issuer_signed_for_this_gateway_and_now_becomes_its_claims() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = knowing("ci", &[&key, &Key::new("b")], &time);
    let nested = with(claims(), "kubernetes.io", json!({ "namespace": "agents" }));
    let nested = with(nested, "org", json!({ "team": { "name": "ops" } }));
    let proven = verify(&issuer, &key.sign(&nested), &time).await.unwrap();
    assert_eq!((proven.issuer(), proven.subject()), ("ci", "repo:acme/ops"));
    assert_eq!(proven.expires(), Millis((NOW + 600) * 1_000));
    assert_eq!(Value::Object(proven.object().clone()), nested);
    assert_eq!(proven.claim("org.team.name"), Some(&json!("ops")));
    assert_eq!(proven.claim("kubernetes.io"), Some(&json!({ "namespace": "agents" })));
    for name in ["org.team.none", "org.team.name.x", "", ".", "org.", "nobody"] {
        assert_eq!(proven.claim(name), None, "{name}");
    }
    assert!(!format!("{proven:?}").contains("ops\"}"));
    for aud in [json!([AUDIENCE]), json!(["https://other.example", AUDIENCE])] {
        assert!(verify(&issuer, &key.sign(&with(claims(), "aud", aud)), &time).await.is_ok());
    }
}

#[tokio::test]
async fn a_claim_whose_name_can_be_read_in_two_ways_is_none() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = knowing("ci", &[&key], &time);
    let both = with(with(claims(), "a.b", json!(1)), "a", json!({ "b": 2 }));
    assert_eq!(verify(&issuer, &key.sign(&both), &time).await.unwrap().claim("a.b"), None);
}

#[tokio::test]
async fn a_token_for_somebody_else_or_for_nobody_does_not_count() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = knowing("ci", &[&key], &time);
    for aud in [
        json!("https://other.example"),
        json!(format!("{AUDIENCE}/")),
        json!("HTTPS://GATE.EXAMPLE:8443"),
        json!(""),
        json!([]),
        json!([[AUDIENCE]]),
        json!([AUDIENCE, 1]),
        json!({ "0": AUDIENCE }),
        json!(null),
        json!("gate.example"),
    ] {
        let token = key.sign(&with(claims(), "aud", aud.clone()));
        assert_eq!(verify(&issuer, &token, &time).await, Err(BadToken::Audience.into()), "{aud}");
    }
    let token = key.sign(&without(claims(), "aud"));
    assert_eq!(verify(&issuer, &token, &time).await, Err(BadToken::Audience.into()));
}

#[tokio::test]
async fn a_token_counts_in_its_time_give_or_take_the_skew() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = knowing("ci", &[&key], &time);
    let token = |iat: i64, exp: i64| {
        key.sign(&with(with(claims(), "iat", json!(NOW + iat)), "exp", json!(NOW + exp)))
    };
    for (iat, exp, outcome) in [
        (-600, -29, Ok(())),
        (-600, -30, Err(BadToken::Expired)),
        (30, 600, Ok(())),
        (31, 600, Err(BadToken::Early)),
        (0, 3_660, Ok(())),
        (0, 3_661, Err(BadToken::LongLived(3_660))),
        (-3_000, 700, Err(BadToken::LongLived(3_660))),
    ] {
        let verified = verify(&issuer, &token(iat, exp), &time).await.map(|_| ());
        assert_eq!(verified, outcome.map_err(Unverified::Token), "{iat} {exp}");
    }
    let later = key.sign(&with(claims(), "nbf", json!(NOW + 31)));
    assert_eq!(verify(&issuer, &later, &time).await, Err(BadToken::Early.into()));
    for name in ["exp", "iat"] {
        let token = key.sign(&without(claims(), name));
        assert!(matches!(verify(&issuer, &token, &time).await, Err(Unverified::Token(BadToken::Shape(_)))));
    }
    for (name, value) in [
        ("exp", json!((NOW + 600).to_string())),
        ("exp", json!(NOW as f64 + 600.5)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(NOW - 1)),
        ("exp", json!(null)),
        ("iat", json!(-1)),
        ("iat", json!(i64::MIN)),
        ("nbf", json!("now")),
        ("nbf", json!(null)),
    ] {
        let verified = verify(&issuer, &key.sign(&with(claims(), name, value.clone())), &time).await;
        assert!(
            matches!(verified, Err(Unverified::Token(BadToken::Shape(_)))),
            "{name} {value}: {verified:?}"
        );
    }
    let forever = key.sign(&with(claims(), "exp", json!(i64::MAX)));
    assert_eq!(verify(&issuer, &forever, &time).await, Err(BadToken::LongLived(3_660).into()));
}

#[tokio::test]
async fn a_token_without_a_plain_subject_does_not_count() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = knowing("ci", &[&key], &time);
    for sub in [json!(""), json!(1), json!(["a"]), json!(null), json!("a\nb"), json!("a".repeat(1_025))] {
        let verified = verify(&issuer, &key.sign(&with(claims(), "sub", sub.clone())), &time).await;
        assert!(matches!(verified, Err(Unverified::Token(BadToken::Shape(_)))), "{sub}");
    }
    let verified = verify(&issuer, &key.sign(&without(claims(), "sub")), &time).await;
    assert!(matches!(verified, Err(Unverified::Token(BadToken::Shape(_)))));
}

#[tokio::test]
async fn an_issuer_is_its_exact_url() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = knowing("ci", &[&key], &time);
    for iss in
        ["https://issuer.example/", "https://ISSUER.example", "http://issuer.example", "issuer.example"]
    {
        let verified = verify(&issuer, &key.sign(&with(claims(), "iss", json!(iss))), &time).await;
        assert_eq!(verified, Err(BadToken::from(Unproven::Issuer("ci".to_owned())).into()), "{iss}");
    }
}

#[tokio::test]
async fn a_token_counts_only_with_an_algorithm_of_the_list_and_a_key_of_its_id() {
    let (time, key, stranger) = (Time::new(), Key::new("a"), Key::new("a"));
    let issuer = knowing("ci", &[&key], &time);
    let unproven = |why: Unproven| Err(BadToken::from(why).into());
    let name = || "ci".to_owned();
    let by_header = |header: Value| key.sign_with(&header, &claims());
    let verified = verify(&issuer, &by_header(json!({ "alg": "RS256", "kid": "a" })), &time).await;
    assert_eq!(verified, unproven(Unproven::Algorithm(name(), Algorithm::Rs256)));
    assert_eq!(
        verify(&issuer, &stranger.sign(&claims()), &time).await,
        unproven(Unproven::Signature(name()))
    );
    assert!(verify(&issuer, &by_header(json!({ "alg": "EdDSA" })), &time).await.is_ok());
    // The signature is over the text: another claim under it doesn't count.
    let (good, other) = (key.sign(&claims()), key.sign(&with(claims(), "sub", json!("repo:evil/ops"))));
    let (head, signature) = (other.rsplit_once('.').unwrap().0, good.rsplit_once('.').unwrap().1);
    let verified = verify(&issuer, &format!("{head}.{signature}"), &time).await;
    assert_eq!(verified, unproven(Unproven::Signature(name())));
}

#[tokio::test]
async fn an_issuer_of_which_nothing_is_known_leaves_it_open_and_does_not_refuse() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = issuer("ci", URL, &time);
    let health = issuer.health();
    assert_eq!((health.keys, health.since, health.until, health.fault), (0, None, None, None));
    let open = Err(Unverified::Unreachable("ci".to_owned()));
    assert_eq!(verify(&issuer, &key.sign(&claims()), &time).await, open);
    assert!(issuer.health().fault.unwrap().contains("/nonexistent/ca.pem"));
    // What is wrong with the token itself is said all the same, without asking anybody.
    let token = key.sign(&with(claims(), "aud", json!("x")));
    assert_eq!(verify(&issuer, &token, &time).await, Err(BadToken::Audience.into()));
}

#[tokio::test]
async fn known_keys_count_for_a_day_of_outage_and_no_longer() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = knowing("ci", &[&key], &time);
    let token = |time: &Time| {
        let now = time.now().0 / 1_000;
        key.sign(&with(with(claims(), "iat", json!(now)), "exp", json!(now + 600)))
    };
    issuer.refresh().await;
    let health = issuer.health();
    assert!(health.fault.is_some());
    assert_eq!((health.keys, health.since), (1, Some(Millis(NOW * 1_000))));
    assert_eq!(health.until, Some(Millis((NOW + 86_400) * 1_000)));
    time.pass(86_399);
    assert!(verify(&issuer, &token(&time), &time).await.is_ok());
    // A key that isn't known may be a new one: nobody can tell.
    let other =
        Key::new("b").sign(&with(with(claims(), "iat", json!(NOW + 86_399)), "exp", json!(NOW + 86_999)));
    assert_eq!(verify(&issuer, &other, &time).await, Err(Unverified::Unreachable("ci".to_owned())));
    time.pass(1);
    assert_eq!(verify(&issuer, &token(&time), &time).await, Err(Unverified::Unreachable("ci".to_owned())));
    assert_eq!(issuer.health().keys, 0);
}

#[tokio::test]
async fn a_clock_that_jumps_a_year_and_back_lets_no_token_and_no_key_count_longer_and_stops_nothing() {
    const YEAR: i64 = 365 * 86_400;
    let (time, key) = (Time::new(), Key::new("a"));
    let issuer = knowing("ci", &[&key], &time);
    let token = |now: i64| {
        let claims = with(with(claims(), "iat", json!(now)), "nbf", json!(now));
        key.sign(&with(claims, "exp", json!(now + 600)))
    };
    let (today, later) = (token(NOW), token(NOW + YEAR));
    assert!(verify(&issuer, &today, &time).await.is_ok());
    assert_eq!(verify(&issuer, &later, &time).await, Err(BadToken::Early.into()));

    time.pass(YEAR);
    assert_eq!(verify(&issuer, &today, &time).await, Err(BadToken::Expired.into()));
    let open = Err(Unverified::Unreachable("ci".to_owned()));
    assert_eq!(verify(&issuer, &later, &time).await, open, "the keys are a year old, as far as one knows");
    assert!(issuer.health().fault.is_some(), "it was asked again at once");
    issuer.keys.learn(URL, Key::set(&[&key]));
    assert!(verify(&issuer, &later, &time).await.is_ok());

    // Back again, while the issuer is away: its keys would else count for a year and a day.
    time.pass(-YEAR);
    assert_eq!(verify(&issuer, &later, &time).await, Err(BadToken::Early.into()));
    assert_eq!(verify(&issuer, &today, &time).await, open);
    assert_eq!(issuer.health().keys, 0);
    // It was asked just now, and nothing that was asked in another year keeps it from being asked.
    issuer.keys.learn(URL, Key::set(&[&key]));
    assert!(verify(&issuer, &today, &time).await.is_ok());
    // What clocks are corrected by every day changes nothing.
    time.pass(-20);
    assert!(verify(&issuer, &today, &time).await.is_ok());
}

#[tokio::test]
async fn among_issuers_of_one_name_the_keys_tell_which_it_is() {
    let (time, key, other) = (Time::new(), Key::new("a"), Key::new("b"));
    let issuers = [knowing("east", &[&other], &time), knowing("west", &[&key], &time)];
    let text = key.sign(&claims());
    let jwt = Jwt::read(&text).unwrap();
    let (by, proven) = verify_among(&issuers, &jwt, time.expected()).await.unwrap();
    assert_eq!((by.name(), proven.issuer()), ("west", "west"));
    assert_eq!(issuers[0].health().fault, None, "nobody was asked: the keys were known");
}

#[tokio::test]
async fn a_token_that_keys_of_two_issuers_verify_names_neither() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuers = [knowing("east", &[&key], &time), knowing("west", &[&key], &time)];
    let text = key.sign(&claims());
    let verified = verify_among(&issuers, &Jwt::read(&text).unwrap(), time.expected()).await;
    let two = Unproven::TwoIssuers("east".to_owned(), "west".to_owned());
    assert_eq!(verified.err(), Some(BadToken::from(two).into()));
}

#[tokio::test]
async fn a_token_of_an_issuer_that_nobody_trusts_is_a_stranger_s() {
    let (time, key) = (Time::new(), Key::new("a"));
    let issuers = [knowing("ci", &[&key], &time)];
    let text = key.sign(&with(claims(), "iss", json!("https://issuer.example/")));
    let verified = verify_among(&issuers, &Jwt::read(&text).unwrap(), time.expected()).await;
    assert_eq!(verified.err(), Some(BadToken::from(Unproven::Stranger).into()));
    let verified = verify_among(&[], &Jwt::read(&text).unwrap(), time.expected()).await;
    assert_eq!(verified.err(), Some(BadToken::from(Unproven::Stranger).into()));
}

#[tokio::test]
async fn another_issuer_s_key_of_the_same_id_proves_nothing() {
    let (time, key, stranger) = (Time::new(), Key::new("a"), Key::new("a"));
    let other = issuer("other", "https://other.example", &time);
    other.keys.learn("https://other.example", Key::set(&[&stranger]));
    let issuers = [knowing("ci", &[&key], &time), other];
    let text = stranger.sign(&claims());
    let verified = verify_among(&issuers, &Jwt::read(&text).unwrap(), time.expected()).await;
    assert_eq!(verified.err(), Some(BadToken::from(Unproven::Signature("ci".to_owned())).into()));
}
