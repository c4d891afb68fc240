//! `drawbridge whoami`: what a credential is, as far as this machine can tell, and how an agent that has it
//! would be enrolled. The credential itself is never printed.

use clap::Args;
use drawbridge_policy::Millis;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::credential::{Issued, Presented, Source};
use super::key::AgentKey;
use super::terminal::{Tone, clean};
use super::{World, yaml};
use crate::identity::account::Workload;
use crate::identity::means::{Account, Claim};
use crate::manifest::TrustedIssuer;

/// Stands for the cluster's name at the gateway, which nothing on this machine knows.
const CLUSTER: &str = "CLUSTER";
/// Stands for a trusted issuer's name at the gateway.
const ISSUER: &str = "ISSUER";
/// Claims that every token has another value of.
const PASSING: [&str; 6] = ["iss", "aud", "exp", "iat", "nbf", "jti"];
/// What tells jobs of the known issuers apart best, in this order.
const TELLING: [(&str, &[&str]); 2] =
    [("github", &["repository", "environment", "ref"]), ("gitlab", &["project_path", "environment", "ref"])];

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge whoami --from file --file /var/run/secrets/drawbridge/token
  drawbridge whoami --from github --audience https://gate.example
  drawbridge whoami --from key --key cleanup.key

Nobody is asked whether the credential is good: only the gateway can tell.")]
pub struct Whoami {
    #[command(flatten)]
    source: Source,
}

impl Whoami {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let now = world.clock.now();
        let (shown, doubt) = match self.source.find().await? {
            Presented::Key(key) => (of_key(&key)?, None),
            Presented::Issued(issued) => {
                let usable = issued.is_usable(self.source.audience(), now.0 / 1_000);
                (of_token(&issued, now), usable.err())
            }
        };
        world.terminal.write(&clean_lines(&yaml::document(&shown)?))?;
        if let Some(doubt) = doubt {
            let label = world.terminal.paint(Tone::Warn, "warning:");
            world.terminal.note(&format!("{label} {}", clean(&doubt.to_string())))?;
        }
        Ok(())
    }
}

fn of_key(key: &AgentKey) -> anyhow::Result<Value> {
    let public = key.public()?;
    Ok(json!({
        "kind": "enrolled key",
        "fingerprint": public.fingerprint(),
        "instance": format!("key {}", public.fingerprint()),
        "identity": { "key": { "publicKey": public.to_string() } },
    }))
}

fn of_token(issued: &Issued, now: Millis) -> Value {
    let claims = issued.claims();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let subject = text("sub").unwrap_or_default();
    let workload = Workload::read(CLUSTER, subject, claims).ok();
    let preset = preset(issued.issuer());
    let identity = match &workload {
        Some(workload) => of_account(workload.account()),
        None => of_issuer(preset.as_ref(), claims),
    };
    let instance = match (&workload, &preset) {
        (Some(workload), _) => Some(workload.instance("this token").as_str().to_owned()),
        (None, Some(preset)) => {
            preset.instance.as_deref().and_then(|name| Some(format!("{name} {}", plain(claims.get(name)?))))
        }
        (None, None) => None,
    };
    let mut shown = json!({
        "kind": if workload.is_some() { "service-account token" } else { "OIDC token" },
        "issuer": issued.issuer(),
        "subject": subject,
        "audience": claims.get("aud"),
        "expires": time(issued.ends()),
        "seconds": { "left": issued.ends().0.saturating_sub(now.0) / 1_000, "lifetime": lifetime(issued) },
        "instance": instance.unwrap_or_else(|| format!("sub {subject}")),
        "identity": identity,
    });
    if let (None, Some(shown)) = (workload, shown.as_object_mut()) {
        shown.insert("claims".to_owned(), Value::Object(comparable(claims)));
    }
    shown
}

fn of_account(account: &Account) -> Value {
    json!({ "serviceAccount": account.to_string() })
}

/// The claims that would tell this job from others: those that are known to, or else the subject.
fn of_issuer(preset: Option<&TrustedIssuer>, claims: &Map<String, Value>) -> Value {
    let name = preset.map_or(ISSUER, |preset| preset.metadata.name.as_str());
    let telling = TELLING.iter().find(|(issuer, _)| *issuer == name).map_or(&[][..], |(_, names)| *names);
    let mut wanted: Map<String, Value> = Map::new();
    for name in telling {
        // An environment says more than the branch that it was deployed from.
        if *name == "ref" && wanted.contains_key("environment") {
            continue;
        }
        if let Some(claim) = claims.get(*name).and_then(Claim::of) {
            wanted.insert((*name).to_owned(), claim.to_json());
        }
    }
    if wanted.is_empty() {
        wanted.insert("sub".to_owned(), claims.get("sub").cloned().unwrap_or(Value::Null));
    }
    json!({ "oidc": { "issuer": name, "claims": wanted } })
}

fn preset(url: &str) -> Option<TrustedIssuer> {
    TrustedIssuer::PRESETS
        .iter()
        .filter_map(|name| TrustedIssuer::preset(name))
        .find(|preset| preset.url == url)
}

/// The claims that an identity could name.
fn comparable(claims: &Map<String, Value>) -> Map<String, Value> {
    let lasting = claims.iter().filter(|(name, _)| !PASSING.contains(&name.as_str()));
    lasting.filter_map(|(name, value)| Some((name.clone(), Claim::of(value)?.to_json()))).collect()
}

fn lifetime(issued: &Issued) -> Option<i64> {
    let begins = issued.claims().get("iat").and_then(Value::as_i64)?;
    Some((issued.ends().0 / 1_000).saturating_sub(begins))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn time(at: Millis) -> Option<String> {
    Timestamp::from_millisecond(at.0).ok().map(|time| time.to_string())
}

fn clean_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", clean(line))).collect()
}
