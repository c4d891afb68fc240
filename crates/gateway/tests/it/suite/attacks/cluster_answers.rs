//! What a cluster could answer to reach past the gateway: cookies, redirects, challenges, an upgrade nobody
//! asked for, and the gateway's own credential read back.

use super::super::wire;
use super::fake::{CREDENTIAL, Fake, Reply, answer};

const RULES: &str = "
- {name: all, verbs: [get, list], apiGroups: [''], resources: [configmaps, pods/log]}";

const OBJECT: &str = "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\"}}";

fn path(name: &str) -> String {
    format!("/api/v1/namespaces/ns/configmaps/{name}")
}

#[test]
fn no_cookie_redirect_challenge_or_credential_comes_back_in_headers() {
    let fake = Fake::start("", |asked, _| {
        let given = asked.head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization"));
        let echo = given.and_then(|line| line.split_once(": ")).map_or("none", |(_, value)| value);
        let headers = format!(
            "Content-Type: application/json\r\nSet-Cookie: session=1; Path=/\r\nSet-Cookie2: a\r\n\
             Location: https://elsewhere/\r\nContent-Location: /elsewhere\r\nRefresh: 0; url=https://elsewhere/\r\n\
             WWW-Authenticate: Basic realm=\"x\"\r\nProxy-Authenticate: Basic\r\nAuthorization: {echo}\r\n\
             X-Request-Authorization: {echo}\r\nAuthentication-Info: {echo}\r\nAccess-Control-Allow-Origin: *\r\n\
             Link: </x>; rel=preload\r\nAlt-Svc: h2=\"elsewhere:443\"\r\nServer: {echo}\r\nVia: 1.1 {echo}\r\n\
             Clear-Site-Data: \"*\"\r\nStrict-Transport-Security: max-age=1\r\nConnection: keep-alive, X-Kept\r\n\
             X-Kept: {echo}\r\nTrailer: Set-Cookie\r\n"
        );
        Reply::Say(answer("200 OK", &headers, OBJECT))
    });
    let agent = fake.agent(RULES);
    let got = wire::get(&fake.gateway, &agent, &path("x"));
    assert_eq!(got.status, 200);
    assert_eq!(got.json()["metadata"]["name"], "x");
    let allowed = ["content-type", "content-length", "date", "connection", "audit-id"];
    for (name, value) in &got.headers {
        assert!(allowed.contains(&name.as_str()), "{name}: {value}");
        assert!(!value.contains(CREDENTIAL), "{name}: {value}");
    }
    let asked = fake.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].head.contains(CREDENTIAL), "the control: the cluster was given the credential");
    let user = format!("system:serviceaccount:drawbridge-agents:{}", agent.name);
    assert!(asked[0].head.contains(&user), "{}", asked[0].head);
    fake.keeps_its_credential();
}

#[test]
fn redirects_are_neither_followed_nor_passed_on() {
    let fake = Fake::start("", |asked, _| {
        if asked.line.contains("/plain") {
            return Reply::Say(answer("200 OK", "Content-Type: application/json\r\n", OBJECT));
        }
        let code = asked.line.rsplit('/').next().unwrap_or_default().to_owned();
        let headers =
            "Location: /api/v1/namespaces/ns/configmaps/stolen\r\nRefresh: 0; url=https://elsewhere\r\n";
        Reply::Say(answer(&format!("{code} Elsewhere"), headers, "go to https://elsewhere"))
    });
    let agent = fake.agent(RULES);
    let codes = ["300", "301", "302", "303", "305", "307", "308"];
    for code in codes {
        let got = wire::get(&fake.gateway, &agent, &path(code));
        assert_eq!(got.status, 502, "{code}");
        assert!(got.header("location").is_none() && got.header("refresh").is_none(), "{code}");
        assert!(!got.message().contains("elsewhere"), "{code}: {}", got.message());
    }
    assert_eq!(wire::get(&fake.gateway, &agent, &path("plain")).status, 200);
    let lines: Vec<String> = fake.asked().into_iter().map(|asked| asked.line).collect();
    let expected: Vec<String> =
        codes.into_iter().chain(["plain"]).map(|code| format!("GET {}", path(code))).collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_cluster_that_refuses_the_gateway_is_the_gateway_s_trouble_and_tells_nothing() {
    let fake = Fake::start("", |asked, _| {
        let secret = format!(
            "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,\
             \"message\":\"users \\\"{CREDENTIAL}\\\" cannot impersonate resource \\\"serviceaccounts\\\"\"}}"
        );
        let challenge = format!("WWW-Authenticate: Bearer realm=\"{CREDENTIAL}\"\r\n");
        if asked.line.contains("401") {
            Reply::Say(answer("401 Unauthorized", &challenge, &format!("{CREDENTIAL} has expired")))
        } else if asked.line.contains("403") {
            Reply::Say(answer("403 Forbidden", "Content-Type: application/json\r\n", &secret))
        } else {
            Reply::Say(answer("200 OK", "Content-Type: application/json\r\n", OBJECT))
        }
    });
    let agent = fake.agent(RULES);
    for name in ["401", "403"] {
        let got = wire::get(&fake.gateway, &agent, &path(name));
        assert_eq!((got.status, got.reason().as_str()), (503, "cluster"), "{name}");
        let whole = format!("{:?} {}", got.headers, String::from_utf8_lossy(&got.body));
        assert!(!whole.contains(CREDENTIAL) && !whole.to_lowercase().contains("realm"), "{whole}");
    }
    // The agent's own refusals by the ceiling, and everything else, go on.
    assert_eq!(wire::get(&fake.gateway, &agent, &path("good")).status, 200);
    fake.keeps_its_credential();
}

#[test]
fn an_upgrade_that_nobody_asked_for_opens_no_tunnel() {
    let fake = Fake::start("", |asked, _| {
        if asked.line.contains("plain") {
            return Reply::Say(answer("200 OK", "Content-Type: application/json\r\n", OBJECT));
        }
        let early = "HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\nLink: </x>\r\n\r\n";
        if asked.line.contains("early") {
            let whole = answer("200 OK", "Content-Type: application/json\r\n", OBJECT);
            return Reply::Say(format!("{early}{early}{whole}"));
        }
        Reply::Say(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"
                .to_owned(),
        )
    });
    let agent = fake.agent(RULES);
    let got = wire::get(&fake.gateway, &agent, &path("switch"));
    assert!([502, 503, 504].contains(&got.status), "{}", got.status);
    let got = wire::get(&fake.gateway, &agent, &path("early"));
    assert_eq!(got.status, 200);
    assert!(got.header("set-cookie").is_none() && got.header("link").is_none());
    assert_eq!(wire::get(&fake.gateway, &agent, &path("plain")).status, 200);
}

#[test]
fn what_a_pod_says_behind_a_proxy_is_for_the_caller_and_nothing_about_the_gateway() {
    let fake = Fake::start("", |asked, _| {
        let kind = "Content-Type: text/plain\r\n";
        if asked.line.contains("/401") {
            let challenge = format!("{kind}WWW-Authenticate: Basic realm=\"pod\"\r\n");
            Reply::Say(answer("401 Unauthorized", &challenge, "the pod's own login"))
        } else if asked.line.contains("/403") {
            Reply::Say(answer("403 Forbidden", kind, "the pod says: cannot impersonate anybody"))
        } else {
            Reply::Say(answer("302 Found", &format!("{kind}Location: /elsewhere\r\n"), "the pod moved"))
        }
    });
    let agent = fake.agent(
        "
- {name: proxy, verbs: [get, create], apiGroups: [''], resources: [pods/proxy]}",
    );
    for (code, said) in [(401, "login"), (403, "cannot impersonate"), (302, "moved")] {
        let path = format!("/api/v1/namespaces/ns/pods/web/proxy/{code}");
        let got = wire::get(&fake.gateway, &agent, &path);
        assert_eq!(got.status, code);
        assert!(String::from_utf8_lossy(&got.body).contains(said), "{code}");
        assert!(got.header("location").is_none() && got.header("www-authenticate").is_none(), "{code}");
    }
    fake.keeps_its_credential();
}
