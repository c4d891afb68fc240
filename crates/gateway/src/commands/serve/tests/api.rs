//! The admin API itself: what it says to those who aren't the command line.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{Served, serve};
use crate::admin::body::MAX_BYTES;
use crate::admin::token::Token;
use crate::admin::{Admin, router};

struct Api {
    served: Served,
    token: Token,
    router: Router,
}

async fn api() -> Api {
    let served = serve().await;
    let token = Token::fresh().unwrap();
    let gate = served.running.gate.clone();
    let started = gate.clock.now();
    let shutdown = CancellationToken::new();
    let (metrics, data) = (Token::fresh().unwrap(), served.dir.path().to_owned());
    let admin =
        Admin { gate, token: token.clone(), metrics, data, started, ca: None, directory: None, shutdown };
    Api { served, token, router: router(Arc::new(admin)) }
}

impl Api {
    async fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask("GET", path, self.token.as_str(), "").await
    }
}

#[tokio::test]
async fn everything_but_the_probes_needs_the_credential() {
    let api = api().await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(api.ask("GET", path, "", "").await.0, StatusCode::OK, "{path}");
    }
    let all = ["/v1/status", "/v1/manifests", "/v1/log", "/v1/apply", "/", "/nowhere", "/livez/", "//livez"];
    for (path, method) in all.into_iter().flat_map(|path| [(path, "GET"), (path, "POST"), (path, "DELETE")]) {
        let (status, said) = api.ask(method, path, "wrong", "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(said["error"]["reason"], "unauthorized");
    }
    assert_eq!(api.get("/v1/status").await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_it_can_t_read_is_refused_with_a_reason() {
    let api = api().await;
    let long = format!("\"{}\"", "x".repeat(MAX_BYTES));
    for (method, path, body, status, reason) in [
        ("GET", "/nowhere", "", 404, "nowhere"),
        ("GET", "/v1/apply", "", 405, "method"),
        ("POST", "/v1/apply", "{", 400, "malformed"),
        ("POST", "/v1/apply", r#"{"sources":[],"dryrun":true}"#, 400, "malformed"),
        ("POST", "/v1/apply", &long, 413, "too-large"),
        (
            "POST",
            "/v1/standing",
            r#"{"subject":{"kind":"cluster","name":"a"},"verdict":"suspend"}"#,
            400,
            "malformed",
        ),
        (
            "POST",
            "/v1/standing",
            r#"{"subject":{"kind":"agent","name":"A"},"verdict":"suspend"}"#,
            400,
            "malformed",
        ),
        (
            "POST",
            "/v1/standing",
            r#"{"subject":{"kind":"agent","name":"a"},"verdict":"suspend"}"#,
            404,
            "unknown",
        ),
        ("GET", "/v1/manifests?kind=Pod", "", 400, "malformed"),
        ("GET", "/v1/manifests?knid=Agent", "", 400, "malformed"),
        ("DELETE", "/v1/manifests/Agent/nobody", "", 404, "unknown"),
        ("GET", "/v1/log?after=1&last=1", "", 400, "malformed"),
        ("GET", "/v1/log?since=yesterday", "", 400, "malformed"),
    ] {
        let (found, said) = api.ask(method, path, api.token.as_str(), body).await;
        assert_eq!(
            (found.as_u16(), &said["error"]["reason"]),
            (status, &json!(reason)),
            "{method} {path}: {said}"
        );
        assert!(said["error"]["message"].as_str().is_some_and(|message| message.len() > 10), "{said}");
    }
}

#[tokio::test]
async fn status_says_which_cluster_can_t_be_used() {
    let api = api().await;
    api.served.enrol("cleanup").await;
    let (_, said) = api.get("/v1/status").await;
    assert_eq!(said["record"], "ok");
    assert_eq!(said["clusters"][0]["name"], "prod");
    assert!(said["clusters"][0]["trouble"].as_str().unwrap().contains("/nowhere/kubeconfig"), "{said}");
}

#[tokio::test]
async fn a_following_call_waits_for_what_comes_and_pages_leave_nothing_out() {
    let api = api().await;
    api.served.enrol("cleanup").await;
    let (_, first) = api.get("/v1/log?after=0&limit=3").await;
    assert_eq!(first["rows"].as_array().unwrap().len(), 3);
    let (_, rest) = api.get(&format!("/v1/log?after={}", first["next"])).await;
    assert_eq!(rest["rows"][0]["seq"], 4, "{rest}");

    let (_, last) = api.get("/v1/log?last=1&agent=nobody").await;
    assert_eq!(last["rows"], json!([]));
    let path = format!("/v1/log?follow=true&finished=true&after={}", last["next"]);
    let (followed, done) = tokio::join!(api.get(&path), api.served.cli(&["suspend", "agent", "cleanup"]));
    assert!(done.out.contains("is suspended"), "{}", done.out);
    assert_eq!(followed.1["rows"][0]["event"], "suspend", "{}", followed.1);
}
