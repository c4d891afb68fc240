//! `drawbridge connect`: a cluster's owner lets the gateway in, with as little as it needs.

mod ceiling;
mod manifest;
mod spec;
mod wait;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::client::{Client, query};
use super::failure::{Misused, Refused};
use super::person::{Access, Person};
use super::terminal::clean;
use super::times::{self, Span};
use super::{World, doctor, yaml};
use crate::admin::apply::{Applied, Apply, Text};
use crate::admin::credentials::{Credential, Kept};
use crate::admin::doctor::Severity;
use crate::admin::manifests::List;
use crate::cluster::renew::Account;
use crate::manifest::is_cluster_name;
use ceiling::Ceiling;
use manifest::{GATEWAY, Gateway, Object, Wanted, objects};

/// After it was let in, the gateway is asked this often, this many times, until the cluster knows about it:
/// API servers learn of new roles within a second.
const ASK: (Duration, usize) = (Duration::from_millis(500), 20);

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge connect prod-admin --name prod
  drawbridge connect prod-admin --name prod --ceiling edit --apply
  drawbridge connect prod-admin -o yaml > drawbridge.yaml

It prints what the cluster's owner is to apply, waits until it is applied (or
applies it with --apply), gives the gateway a token of its own service account,
which the gateway then renews by itself, adds the Cluster, and runs 'doctor'.")]
pub struct Connect {
    /// A context of your own kubeconfig, of someone who may change the cluster's RBAC.
    context: String,
    #[command(flatten)]
    access: Access,
    /// What the cluster is called in Drawbridge; the context's name where that is a good one.
    #[arg(long)]
    name: Option<String>,
    /// What all agents together may do at most: view, edit, admin, cluster-admin, none, or a file with a
    /// ClusterRole.
    #[arg(long, default_value = "view", value_parser = ceiling::read)]
    ceiling: Ceiling,
    /// Let the gateway ask whether a token's Pod is still there.
    #[arg(long)]
    token_review: bool,
    /// The gateway runs in this cluster, as the service account drawbridge-gateway of drawbridge-system.
    #[arg(long, conflicts_with = "gateway_kubeconfig")]
    in_cluster: bool,
    /// The gateway has a credential already, in this kubeconfig on its machine.
    #[arg(long, value_name = "FILE")]
    gateway_kubeconfig: Option<PathBuf>,
    /// How long the gateway's token counts unless it is renewed.
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = times::span)]
    lifetime: Span,
    /// Apply it, as the context's user.
    #[arg(long)]
    apply: bool,
    /// How long to wait until it is applied.
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = times::span)]
    wait: Span,
    /// Replace a Cluster of this name that has another address.
    #[arg(long)]
    replace: bool,
    /// Only print the manifest.
    #[arg(short, long, value_enum)]
    output: Option<Output>,
    /// Why; it goes into the record.
    #[arg(long, default_value = "")]
    reason: String,
}

/// How to print, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// As YAML.
    Yaml,
}

impl Connect {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let gateway = self.gateway().await?;
        let mut wanted = Wanted { gateway, ceiling: self.ceiling.clone(), token_review: self.token_review };
        if self.output.is_some() {
            world.terminal.write(&printed(&objects(&wanted))?)?;
            return Ok(());
        }
        let name = self.cluster_name()?;
        // Everything that could stop it is asked first: nothing is left half done.
        let client = world.client()?;
        let person = Person::open(&self.access, Some(&self.context)).await?;
        let known = self.fits(&client, &name, &person).await?;
        // Tokens of a cluster that is known to be asked are asked for still: it takes the same right.
        wanted.token_review |= known.as_ref().is_some_and(spec::reviews);
        let objects = objects(&wanted);
        let text = printed(&objects)?;
        if let Some(caution) = self.ceiling.caution() {
            world.terminal.note(&format!("note: {caution}"))?;
        }
        if self.apply {
            wait::apply(&person, &objects, world.terminal).await?;
        } else {
            world.terminal.write(&text)?;
            let context = clean(&self.context);
            world.terminal.note(&format!("apply this: kubectl --context {context} apply -f -"))?;
        }
        wait::until_applied(&person, &objects, self.wait, world.terminal).await?;
        let access = self.credential(&client, &name, &person, world).await?;
        let manifest = spec::with_access(known.as_ref(), &name, &access, self.token_review);
        self.add(&client, &manifest, world).await?;
        examine(&name, &person, world).await
    }

    /// Who the gateway is in the cluster.
    async fn gateway(&self) -> anyhow::Result<Gateway> {
        if self.in_cluster {
            return Ok(Gateway::Pod);
        }
        let Some(file) = &self.gateway_kubeconfig else { return Ok(Gateway::Token) };
        let access = Access { kubeconfig: Some(file.clone()), ..self.access.clone() };
        let gateway = Person::open(&access, None).await.context("the gateway's kubeconfig can't be used")?;
        let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let said = gateway.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", &review).await;
        let said = said.context("the gateway's credential can't be used")?;
        match said.pointer("/status/userInfo/username").and_then(Value::as_str) {
            Some(user) if !user.is_empty() && user != "system:anonymous" => {
                Ok(Gateway::Named(user.to_owned()))
            }
            Some(_) | None => {
                bail!("the cluster knows nobody by the gateway's credential in {}", file.display())
            }
        }
    }

    fn cluster_name(&self) -> anyhow::Result<String> {
        let name = self.name.as_ref().unwrap_or(&self.context);
        if is_cluster_name(name) {
            return Ok(name.clone());
        }
        let why = format!(
            "{name:?} is no name for a cluster: give it a --name of lower-case letters, digits and '-'"
        );
        Err(Misused(why).into())
    }

    /// Whether the cluster may be added under this name, with what the kubeconfig says of it.
    /// The answer is the manifest that is known by this name.
    async fn fits(&self, client: &Client, name: &str, person: &Person) -> anyhow::Result<Option<Value>> {
        let own = self.gateway_kubeconfig.is_none() && !self.in_cluster;
        if own && let Some(special) = person.special {
            bail!(
                "the context {:?} sets {special}, which the gateway can't do; give it a kubeconfig of its \
                    own with --gateway-kubeconfig",
                self.context
            );
        }
        if own && person.ca.is_none() {
            bail!(
                "the context {:?} names no certificate authority for the gateway to trust; give it a \
                    kubeconfig of its own with --gateway-kubeconfig",
                self.context
            );
        }
        let query = query(&[("kind", Some("Cluster".to_owned())), ("name", Some(name.to_owned()))]);
        let known: List = client.get(&format!("/v1/manifests{query}")).await?;
        let Some(known) = known.items.into_iter().next() else { return Ok(None) };
        let same = known.pointer("/spec/server").and_then(Value::as_str) == Some(person.server.as_str());
        if same || self.replace {
            return Ok(Some(known));
        }
        let message = format!(
            "there is a cluster {name:?} already, reached in another way: give this one another --name, or \
                --replace it"
        );
        Err(Refused { problems: Vec::new(), message }.into())
    }

    /// Puts the gateway's credential where it belongs; the answer is how the Cluster's spec names it.
    async fn credential(
        &self,
        client: &Client,
        name: &str,
        person: &Person,
        world: &mut World<'_>,
    ) -> anyhow::Result<Value> {
        if self.in_cluster {
            return Ok(json!({ "inCluster": {} }));
        }
        if let Some(file) = &self.gateway_kubeconfig {
            let path = absolute(file)?;
            return Ok(json!({ "kubeconfig": { "path": path } }));
        }
        let account = Account::parse(GATEWAY).ok_or_else(|| anyhow!("{GATEWAY} is no account"))?;
        let asked = Account::body(self.lifetime.millis / 1_000);
        let answer = person.post(&account.path(), &asked).await?;
        let token =
            answer.pointer("/status/token").and_then(Value::as_str).context("the cluster gave no token")?;
        let credential = Credential {
            cluster: name.to_owned(),
            ca: person.ca.clone().unwrap_or_default(),
            token: token.to_owned(),
            reason: self.reason.clone(),
        };
        let kept: Kept = client.post("/v1/credentials", &credential).await?;
        world.terminal.note("the gateway has a token of its own account, and renews it by itself")?;
        Ok(json!({ "server": person.server, "caFile": kept.ca_file, "tokenFile": kept.token_file,
                "renewAs": GATEWAY }))
    }

    async fn add(&self, client: &Client, manifest: &Value, world: &mut World<'_>) -> anyhow::Result<()> {
        let sources = vec![Text { file: "the cluster".to_owned(), text: yaml::document(manifest)? }];
        let asked = Apply { sources, reason: self.reason.clone(), ..Apply::default() };
        let applied: Applied = client.post("/v1/apply", &asked).await?;
        super::apply::show(&applied, world.terminal)
    }
}

fn printed(objects: &[Object]) -> anyhow::Result<String> {
    let values: Vec<Value> = objects.iter().map(|object| object.value.clone()).collect();
    yaml::documents(&values)
}

/// Runs doctor, once the cluster knows of what was applied.
async fn examine(name: &str, person: &Person, world: &mut World<'_>) -> anyhow::Result<()> {
    let mut findings = doctor::ask(world, Some(name)).await?;
    for _ in 0..ASK.1 {
        let settled = !findings.iter().any(|finding| finding.severity == Severity::Problem);
        if settled {
            break;
        }
        sleep(ASK.0).await;
        findings = doctor::ask(world, Some(name)).await?;
    }
    findings.extend(doctor::of_person(world, name, person, &findings).await?);
    doctor::show(&findings, world.terminal)?;
    doctor::conclude(&findings)
}

fn absolute(path: &Path) -> anyhow::Result<String> {
    let absolute = path.canonicalize().with_context(|| format!("{} can't be read", path.display()))?;
    match absolute.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("{} is no UTF-8 text; name another file", absolute.display()),
    }
}
