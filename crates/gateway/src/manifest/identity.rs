//! How an agent is recognised: by its own key, a cluster's service account, or an OIDC issuer's claims.

use serde_json::{Map, Value, json};

use super::names;
use crate::identity::key::PublicKey;
use crate::identity::means::{Account, Claim, Claims};
use crate::yaml::{At, Content, Report, ScalarKind, Shape, is_invisible, shown};

/// Claims of one identity. More than a handful only makes it harder to see what they say.
const CLAIMS: usize = 20;

/// Bytes of a claim's name or value.
const LONGEST: usize = 1_024;

/// One way in which an agent is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// By its own enrolled key.
    Key(PublicKey),
    /// By tokens of a service account.
    ServiceAccount {
        /// Which account.
        account: Account,
        /// The uid that it must have. Without one the first that is seen is kept.
        uid: Option<String>,
    },
    /// By OIDC ID tokens.
    Oidc {
        /// The trusted issuer's name.
        issuer: String,
        /// What the token must claim, each exactly. At least one.
        claims: Claims,
    },
}

pub(super) const SHAPE: Shape = Shape {
    known: &["key", "serviceAccount", "uid", "oidc"],
    later: &[("spiffe", "recognising SPIFFE identities")],
};

pub(super) const KEY: Shape = Shape::of(&["publicKey"]);

pub(super) const OIDC: Shape = Shape::of(&["issuer", "claims"]);

const FORMS: &str = "key: {publicKey: \"ed25519:…\"}, serviceAccount: CLUSTER/NAMESPACE/NAME or oidc: \
     {issuer: …, claims: {…}}";

impl Identity {
    pub(super) fn read(at: &At<'_>, report: &mut Report) -> Option<Identity> {
        let before = report.count();
        let fields = at.fields(SHAPE, report)?;
        let forms = ["key", "serviceAccount", "oidc"].map(|name| fields.optional(name));
        let uid = fields.optional("uid");
        match forms {
            [Some(key), None, None] if uid.is_none() => enrolled(&key, report),
            [None, Some(account), None] => {
                let account = account_named(&account, report);
                let uid = match uid {
                    None => Some(None),
                    Some(at) => word(&at, "the account's metadata.uid", report).map(Some),
                };
                Some(Identity::ServiceAccount { account: account?, uid: uid? })
            }
            [None, None, Some(oidc)] if uid.is_none() => claimed(&oidc, report),
            [None, None, None] => {
                if report.count() == before {
                    at.wrong(report, &format!("says nothing of how the agent is recognised; write {FORMS}"));
                }
                None
            }
            _ if uid.is_some() => {
                at.wrong(report, "uid belongs to a serviceAccount alone; leave it out");
                None
            }
            _ => {
                at.wrong(report, "is one identity and says several; write each as an item of its own");
                None
            }
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Identity::Key(key) => json!({"key": {"publicKey": key.to_string()}}),
            Identity::ServiceAccount { account, uid: None } => json!({"serviceAccount": account.to_string()}),
            Identity::ServiceAccount { account, uid: Some(uid) } => {
                json!({"serviceAccount": account.to_string(), "uid": uid})
            }
            Identity::Oidc { issuer, claims } => {
                let claims: Map<String, Value> =
                    claims.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
                json!({"oidc": {"issuer": issuer, "claims": claims}})
            }
        }
    }
}

fn enrolled(at: &At<'_>, report: &mut Report) -> Option<Identity> {
    let fields = at.fields(KEY, report)?;
    let at = fields.required("publicKey", "the key that 'drawbridge enrol' prints", report)?;
    match PublicKey::parse(at.text(report)?) {
        Ok(key) => Some(Identity::Key(key)),
        Err(error) => {
            at.wrong(report, &error.to_string());
            None
        }
    }
}

/// `CLUSTER/NAMESPACE/NAME`.
fn account_named(at: &At<'_>, report: &mut Report) -> Option<Account> {
    let text = at.text(report)?;
    let parts: Vec<&str> = text.split('/').collect();
    let [cluster, namespace, name] = parts.as_slice() else {
        at.wrong(report, &format!("expected CLUSTER/NAMESPACE/NAME, found {}", shown(text)));
        return None;
    };
    let wrong = if !names::is_label(cluster) {
        format!("the cluster {} is not a name; one has {}", shown(cluster), names::LABEL_RULE)
    } else if !names::is_label(namespace) {
        format!("the namespace {} is not a name; one has {}", shown(namespace), names::LABEL_RULE)
    } else if !names::is_subdomain(name) {
        format!("the service account {} is not a name; one has {}", shown(name), names::SUBDOMAIN_RULE)
    } else {
        let [cluster, namespace, name] = [cluster, namespace, name].map(|part| (*part).to_owned());
        return Some(Account { cluster, namespace, name });
    };
    at.wrong(report, &wrong);
    None
}

fn claimed(at: &At<'_>, report: &mut Report) -> Option<Identity> {
    let fields = at.fields(OIDC, report)?;
    let issuer = fields.required("issuer", "the name of a TrustedIssuer, or github or gitlab", report);
    let issuer = issuer.and_then(|at| names::read(&at, names::is_label, names::LABEL_RULE, report));
    let claims = fields.required("claims", "what the token must claim, such as repository: acme/ops", report);
    let claims = claims.and_then(|at| exact(&at, report));
    Some(Identity::Oidc { issuer: issuer?.to_owned(), claims: claims? })
}

fn exact(at: &At<'_>, report: &mut Report) -> Option<Claims> {
    let fields = at.map(report)?;
    if fields.is_empty() {
        at.wrong(report, "is empty, so that any token of the issuer would do; name what tells this agent");
        return None;
    }
    if fields.len() > CLAIMS {
        at.wrong(report, &format!("has {} claims; at most {CLAIMS} are compared", fields.len()));
        return None;
    }
    let before = report.count();
    let mut claims = Claims::new();
    for field in fields {
        let at = at.field(field);
        if field.key.is_empty() || field.key.len() > LONGEST || field.key.chars().any(is_invisible) {
            at.wrong(report, "is not the name of a claim");
        }
        if matches!(field.key.as_str(), "iss" | "aud" | "exp" | "nbf" | "iat" | "jti") {
            at.wrong(
                report,
                "is checked by the gateway itself and tells no agent from another; leave it out",
            );
        }
        if let Some(value) = claim(&at, report) {
            claims.insert(field.key.clone(), value);
        }
    }
    (report.count() == before).then_some(claims)
}

fn claim(at: &At<'_>, report: &mut Report) -> Option<Claim> {
    if let Content::Scalar(scalar) = &at.node().content {
        match scalar.kind() {
            ScalarKind::Bool(flag) => return Some(Claim::Flag(flag)),
            ScalarKind::Integer(number) => return Some(Claim::Number(number)),
            ScalarKind::Null | ScalarKind::Number | ScalarKind::Ambiguous | ScalarKind::Text => {}
        }
    }
    word(at, "a text, a whole number, true or false, which the claim must equal", report).map(Claim::Text)
}

/// A text that says something and is short enough.
fn word(at: &At<'_>, what: &str, report: &mut Report) -> Option<String> {
    if matches!(at.node().content, Content::List(_) | Content::Map(_)) {
        return at.expected(what, report);
    }
    let text = at.text(report)?;
    let good = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(is_invisible);
    if !good {
        at.wrong(report, &format!("expected {what}, found {}", shown(text)));
        return None;
    }
    if text.contains('*') {
        at.wrong(report, &format!("{} is compared as it stands: '*' is no wildcard here", shown(text)));
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{self, Manifest, Source};

    fn agent(identities: &str) -> Result<Vec<Identity>, String> {
        let text = format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Agent\nmetadata: {{name: a}}\n\
             spec: {{owner: me, purpose: test, identities: [{identities}]}}\n"
        );
        let source = Source { file: "a.yaml".to_owned(), text };
        let read = manifest::read(&[source]).map_err(|problems| problems.to_string())?;
        let manifest = read.into_iter().next().unwrap().into_inner();
        assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap().to_json(), manifest.to_json());
        let Manifest::Agent(agent) = manifest else { panic!("no agent") };
        Ok(agent.identities)
    }

    #[test]
    fn each_form_is_read_and_written_as_it_stands() {
        let read = agent(
            "{serviceAccount: prod/agents/cleanup}, {serviceAccount: prod/agents/x.y, uid: 6f1c-2}, \
             {oidc: {issuer: github, claims: {repository: acme/ops, run: 7, fork: false, m: \"7\"}}}",
        )
        .unwrap();
        let Identity::ServiceAccount { account, uid: None } = &read[0] else { panic!("{read:?}") };
        assert_eq!(account.to_string(), "prod/agents/cleanup");
        assert!(matches!(&read[1], Identity::ServiceAccount { uid: Some(uid), .. } if uid == "6f1c-2"));
        let Identity::Oidc { issuer, claims } = &read[2] else { panic!("{read:?}") };
        assert_eq!(issuer, "github");
        assert_eq!(claims["run"], Claim::Number(7));
        assert_eq!(claims["fork"], Claim::Flag(false));
        assert_eq!(claims["m"], Claim::Text("7".to_owned()));
    }

    #[test]
    fn what_would_recognise_the_wrong_caller_is_refused_with_a_sentence() {
        let cases = [
            ("{}", "says nothing of how the agent is recognised"),
            ("{key: {publicKey: x}, uid: x}", "uid belongs to a serviceAccount alone"),
            (
                "{serviceAccount: a/b/c, oidc: {issuer: x, claims: {sub: y}}}",
                "write each as an item of its own",
            ),
            ("{serviceAccount: agents/cleanup}", "expected CLUSTER/NAMESPACE/NAME, found \"agents/cleanup\""),
            ("{serviceAccount: prod/agents/Cleanup}", "the service account \"Cleanup\" is not a name"),
            ("{serviceAccount: prod/agents/clean*}", "the service account \"clean*\" is not a name"),
            ("{serviceAccount: prod/a.b/cleanup}", "the namespace \"a.b\" is not a name"),
            ("{serviceAccount: /a/b}", "the cluster \"\" is not a name"),
            ("{oidc: {issuer: x, claims: {}}}", "is empty, so that any token of the issuer would do"),
            ("{oidc: {issuer: x}}", "spec.identities[0].oidc.claims: is missing"),
            ("{oidc: {issuer: x, claims: {aud: y}}}", "is checked by the gateway itself"),
            ("{oidc: {issuer: x, claims: {repository: \"acme/*\"}}}", "'*' is no wildcard here"),
            ("{oidc: {issuer: x, claims: {groups: [a]}}}", "which the claim must equal, found a list"),
            ("{oidc: {issuer: x, claims: {m: 1.5}}}", "1.5"),
            ("{oidc: {issuer: x, claims: {sub: \"\"}}}", "found \"\""),
            ("{oidc: {issuer: \"https://x\", claims: {sub: y}}}", "is not a name"),
            ("{serviceAccount: a/b/c}, {serviceAccount: a/b/c}", "the same identity stands above"),
        ];
        for (identities, expected) in cases {
            let problems = agent(identities).unwrap_err();
            assert!(problems.contains(expected), "{identities}: {problems}");
        }
    }
}
