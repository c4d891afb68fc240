//! A trusted issuer: who vouches for agents by signing tokens (OpenID Connect Core 1.0, Discovery 1.0).

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use serde_json::{Map, Value, json};

use super::{Metadata, lifetime, text};
use crate::identity::jwt::Algorithm;
use crate::identity::means::Claims;
use crate::yaml::{At, Report, Shape, shown};

/// A trusted issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// Its name, labels and annotations.
    pub metadata: Metadata,
    /// Exactly what its tokens say in `iss`, and where its discovery document is found.
    pub url: String,
    /// The algorithms that its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// The CA of its web server's certificate, PEM, where the system's don't do.
    pub ca_file: Option<PathBuf>,
    /// The longest life of a token, `exp` less `iat`.
    pub longest: Duration,
    /// The claim that tells one running copy of an agent from another.
    pub instance: Option<String>,
}

/// An issuer that everybody knows. It need not be declared, and a manifest of the same name takes its place.
struct Preset {
    name: &'static str,
    url: &'static str,
    instance: &'static str,
    /// It signs for anybody in the world, so that an identity must name one of these: whose job it is. A
    /// reusable workflow's name, say, is in the tokens of everybody who calls it.
    telling: &'static [&'static str],
}

const PRESETS: [Preset; 2] = [
    Preset {
        name: "github",
        url: "https://token.actions.githubusercontent.com",
        instance: "run_id",
        telling: &[
            "sub",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "workflow_ref",
        ],
    },
    Preset {
        name: "gitlab",
        url: "https://gitlab.com",
        instance: "job_id",
        telling: &[
            "sub",
            "project_path",
            "project_id",
            "namespace_path",
            "namespace_id",
            "ci_config_ref_uri",
        ],
    },
];

pub(super) const SHAPE: Shape =
    Shape { known: &["oidc"], later: &[("spiffe", "trusting a SPIFFE trust domain")] };

pub(super) const OIDC: Shape = Shape::of(&["url", "algorithms", "caFile", "maxTokenLifetime", "instance"]);

impl TrustedIssuer {
    /// The names that need no manifest.
    pub const PRESETS: [&'static str; 2] = [PRESETS[0].name, PRESETS[1].name];

    /// An issuer that needs no manifest.
    #[must_use]
    pub fn preset(name: &str) -> Option<TrustedIssuer> {
        let preset = PRESETS.iter().find(|preset| preset.name == name)?;
        Some(TrustedIssuer {
            metadata: Metadata { name: name.to_owned(), ..Metadata::default() },
            url: preset.url.to_owned(),
            algorithms: vec![Algorithm::Rs256],
            ca_file: None,
            longest: lifetime::USUAL,
            instance: Some(preset.instance.to_owned()),
        })
    }

    /// Why an identity with these claims could be anybody's, if it could. An issuer that signs for the whole
    /// world tells them apart by few of its claims.
    #[must_use]
    pub fn too_wide(&self, claims: &Claims) -> Option<String> {
        let preset = PRESETS.iter().find(|preset| preset.url == self.url)?;
        if preset.telling.iter().any(|name| claims.contains_key(*name)) {
            return None;
        }
        Some(format!(
            "the issuer {:?} signs for everybody, and these claims don't say for whom; name one of {} too",
            self.metadata.name,
            preset.telling.join(", ")
        ))
    }

    pub(super) fn read(metadata: Metadata, at: &At<'_>, report: &mut Report) -> Option<TrustedIssuer> {
        let fields = at.fields(SHAPE, report)?;
        let at = fields.required("oidc", "the issuer's url: oidc: {url: \"https://…\"}", report)?;
        let fields = at.fields(OIDC, report)?;
        let url = fields.required("url", "what its tokens say in iss, https://…", report);
        let url = url.and_then(|at| address(&at, report));
        let algorithms = match fields.optional("algorithms") {
            None => Some(vec![Algorithm::Rs256]),
            Some(at) => text::distinct(&at, "at least one algorithm", report, algorithm),
        };
        let ca_file = match fields.optional("caFile") {
            None => Some(None),
            Some(at) => super::cluster::file(&at, report).map(Some),
        };
        let longest = lifetime::read(&fields, report);
        let instance = match fields.optional("instance") {
            None => Some(None),
            Some(at) => text::line(&at, 100, report).map(Some),
        };
        let (algorithms, ca_file, instance) = (algorithms?, ca_file?, instance?);
        Some(TrustedIssuer { metadata, url: url?, algorithms, ca_file, longest: longest?, instance })
    }

    pub(super) fn spec(&self) -> Value {
        let mut oidc = Map::new();
        oidc.insert("url".to_owned(), json!(self.url));
        let algorithms: Vec<&str> = self.algorithms.iter().map(|one| one.as_str()).collect();
        oidc.insert("algorithms".to_owned(), json!(algorithms));
        if let Some(file) = &self.ca_file {
            oidc.insert("caFile".to_owned(), json!(file.to_string_lossy()));
        }
        lifetime::write(self.longest, &mut oidc);
        if let Some(instance) = &self.instance {
            oidc.insert("instance".to_owned(), json!(instance));
        }
        json!({"oidc": oidc})
    }
}

fn algorithm(at: &At<'_>, report: &mut Report) -> Option<Algorithm> {
    let text = at.text(report)?;
    let known = Algorithm::parse(text);
    if known.is_none() {
        let names = Algorithm::ALL.map(Algorithm::as_str).join(", ");
        let why = if text == "none" || text.starts_with("HS") {
            "anybody could sign with it who can read the issuer's public keys"
        } else {
            "it is not known here"
        };
        at.wrong(report, &format!("{} can't be allowed: {why}; there are {names}", shown(text)));
    }
    known
}

/// An issuer's url is compared byte by byte, so that one form of it is enough.
fn address(at: &At<'_>, report: &mut Report) -> Option<String> {
    let text = at.text(report)?;
    let plain = text.strip_prefix("https://").is_some_and(|rest| !rest.contains(['?', '#', '@', '\\', '%']));
    let host = text.parse::<Uri>().ok().and_then(|uri| uri.host().map(|host| !host.is_empty()));
    if plain && host == Some(true) && text.len() <= 1_024 {
        return Some(text.to_owned());
    }
    at.wrong(report, &format!("expected https://HOST[:PORT][/PATH], found {}", shown(text)));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::means::Claim;
    use crate::manifest::{self, Manifest, Source};

    fn issuer(spec: &str) -> Result<TrustedIssuer, String> {
        let text = format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: TrustedIssuer\nmetadata: {{name: ci}}\nspec: {spec}\n"
        );
        let source = Source { file: "a.yaml".to_owned(), text };
        let read = manifest::read(&[source]).map_err(|problems| problems.to_string())?;
        let manifest = read.into_iter().next().unwrap().into_inner();
        assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap().to_json(), manifest.to_json());
        let Manifest::TrustedIssuer(issuer) = manifest else { panic!("no issuer") };
        Ok(issuer)
    }

    #[test]
    fn an_issuer_is_read_with_its_defaults_and_with_all_it_can_say() {
        let plain = issuer("{oidc: {url: \"https://ci.example\"}}").unwrap();
        assert_eq!(plain.algorithms, [Algorithm::Rs256]);
        assert_eq!(plain.longest, Duration::from_secs(3_660));
        let all = issuer(
            "{oidc: {url: \"https://ci.example:8443/x/\", algorithms: [ES256, EdDSA], caFile: ca.pem, \
             maxTokenLifetime: 2h, instance: job}}",
        )
        .unwrap();
        assert_eq!(all.url, "https://ci.example:8443/x/", "byte by byte, its last slash too");
        assert_eq!(all.longest, Duration::from_secs(7_200));
        assert_eq!(all.instance.as_deref(), Some("job"));
    }

    #[test]
    fn an_issuer_that_would_weaken_the_boundary_is_refused_with_a_sentence() {
        let cases = [
            ("{oidc: {}}", "spec.oidc.url: is missing"),
            ("{oidc: {url: \"http://ci.example\"}}", "expected https://HOST"),
            ("{oidc: {url: \"https://\"}}", "expected https://HOST"),
            ("{oidc: {url: \"https://u@ci.example\"}}", "expected https://HOST"),
            ("{oidc: {url: \"https://ci.example?x\"}}", "expected https://HOST"),
            ("{oidc: {url: \"https://a\", algorithms: [none]}}", "\"none\" can't be allowed: anybody could"),
            (
                "{oidc: {url: \"https://a\", algorithms: [HS256]}}",
                "\"HS256\" can't be allowed: anybody could",
            ),
            (
                "{oidc: {url: \"https://a\", algorithms: [rs256]}}",
                "\"rs256\" can't be allowed: it is not known",
            ),
            ("{oidc: {url: \"https://a\", algorithms: []}}", "is empty"),
            ("{oidc: {url: \"https://a\", maxTokenLifetime: 25h}}", "expected a time from 1m to 24h"),
            ("{oidc: {url: \"https://a\", maxTokenLifetime: 3600}}", "3600"),
            ("{spiffe: {trustDomain: x}}", "\"spiffe\" is not built yet"),
        ];
        for (spec, expected) in cases {
            let problems = issuer(spec).unwrap_err();
            assert!(problems.contains(expected), "{spec}: {problems}");
        }
    }

    #[test]
    fn an_identity_of_an_issuer_for_everybody_says_for_whom() {
        let claims = |names: &[&str]| -> Claims {
            names.iter().map(|name| ((*name).to_owned(), Claim::Text("x".to_owned()))).collect()
        };
        let github = TrustedIssuer::preset("github").unwrap();
        assert!(github.too_wide(&claims(&["environment", "ref"])).is_some());
        assert!(github.too_wide(&claims(&["job_workflow_ref"])).is_some(), "anybody may call a workflow");
        assert!(github.too_wide(&claims(&["environment", "repository"])).is_none());
        let gitlab = TrustedIssuer::preset("gitlab").unwrap();
        assert!(gitlab.too_wide(&claims(&["ref"])).is_some());
        assert!(gitlab.too_wide(&claims(&["project_path"])).is_none());
        assert!(issuer("{oidc: {url: \"https://a\"}}").unwrap().too_wide(&claims(&["ref"])).is_none());
        assert!(TrustedIssuer::preset("bitbucket").is_none());
    }
}
