//! `drawbridge kubeconfig`: how an agent's client finds the gateway. The file holds no secret: its user is an
//! exec plugin that makes a credential from the agent's key when one is needed.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use drawbridge_policy::AgentName;
use serde_json::{Value, json};

use super::admin_file::private;
use super::client::query;
use super::credential::{From, VARIABLE};
use super::enrol::name;
use super::failure::Misused;
use super::key::AgentKey;
use super::terminal::{Tone, clean};
use super::{World, yaml};
use crate::admin::manifests::List;
use crate::admin::status::Status;
use crate::chain::Chain;
use crate::config::PublicUrl;

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drawbridge kubeconfig cleanup --cluster prod --key cleanup.key --out cleanup.config
  drawbridge kubeconfig cleanup --cluster prod --key cleanup.key \\
    --server https://gate.example:8443 --ca ca.pem
  drawbridge kubeconfig deploy --cluster prod --from github \\
    --server https://gate.example:8443 --ca ca.pem

Without --server, the address and its certificate authority are asked of the
server that --admin names. With it, nobody is asked: agents' machines need no
admin.json. ca.pem is in the server's data directory.")]
pub struct Kubeconfig {
    /// The agent.
    #[arg(value_parser = name)]
    agent: AgentName,
    /// The cluster.
    #[arg(long)]
    cluster: String,
    /// What credentials are made from.
    #[arg(long, value_enum, default_value = "key")]
    from: From,
    /// The agent's enrolled key.
    #[arg(long, value_name = "FILE", required_if_eq("from", "key"))]
    key: Option<PathBuf>,
    /// The file that has the token, where it comes from a file.
    #[arg(long, value_name = "FILE", required_if_eq("from", "file"), conflicts_with = "key")]
    file: Option<PathBuf>,
    /// The variable in which a GitLab job finds its ID token.
    #[arg(long, value_name = "NAME", default_value = VARIABLE)]
    variable: String,
    /// The gateway's url.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The certificate authority to trust, PEM. Without it, with --server, the machine's own.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Present tokens instead of client certificates, for where TLS ends in front of the gateway.
    #[arg(long, requires = "key")]
    token: bool,
    /// Where it goes; standard output where this is left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What a kubeconfig says.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The agent.
    pub agent: &'a AgentName,
    /// The cluster.
    pub cluster: &'a str,
    /// Where its credentials come from.
    pub origin: Origin<'a>,
    /// The gateway's url.
    pub url: &'a PublicUrl,
    /// The certificate authority to trust, PEM; none for the machine's own.
    pub ca: Option<&'a str>,
    /// The program that makes credentials.
    pub program: &'a Path,
}

/// Where an agent's credentials come from. Paths are absolute, since clients start the plugin wherever they
/// are.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// Its own enrolled key, proven in this form.
    Key(&'a Path, Form),
    /// A file with a token that somebody keeps fresh.
    File(&'a Path),
    /// GitHub, of the job that runs.
    Github,
    /// GitLab, of the job that runs, by the variable of this name.
    Gitlab(&'a str),
}

/// The form of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A client certificate.
    Certificate,
    /// A token.
    Token,
}

impl Kubeconfig {
    pub(super) async fn run(self, world: &mut World<'_>) -> anyhow::Result<()> {
        let (url, ca) = self.address(world).await?;
        let absolute = |path: &Option<PathBuf>| match path {
            Some(path) => std::path::absolute(path).context("the file's path has no absolute form"),
            None => bail!("say --key FILE or --file FILE"),
        };
        let form = if self.token { Form::Token } else { Form::Certificate };
        let path;
        let origin = match self.from {
            From::Key => {
                path = absolute(&self.key)?;
                Origin::Key(&path, form)
            }
            From::File => {
                path = absolute(&self.file)?;
                Origin::File(&path)
            }
            From::Github => Origin::Github,
            From::Gitlab => Origin::Gitlab(&self.variable),
        };
        let label = world.terminal.paint(Tone::Warn, "warning:");
        for doubt in self.doubts(world).await? {
            world.terminal.note(&format!("{label} {}", clean(&doubt)))?;
        }
        let facts = Facts {
            agent: &self.agent,
            cluster: &self.cluster,
            origin,
            url: &url,
            ca: ca.as_deref(),
            program: &world.program,
        };
        let text = yaml::document(&kubeconfig(facts))?;
        match &self.out {
            None => world.terminal.write(&text)?,
            Some(out) => {
                private(out, text.as_bytes())
                    .with_context(|| format!("{} can't be written", out.display()))?;
                world.terminal.note(&format!("wrote {}", out.display()))?;
            }
        }
        Ok(())
    }

    /// Why the kubeconfig may not work. No reason not to write it: the agent may be enrolled later, and its
    /// key be on another machine.
    async fn doubts(&self, world: &World<'_>) -> anyhow::Result<Vec<String>> {
        let agent = &self.agent;
        let mut doubts = Vec::new();
        for path in [&self.key, &self.file].into_iter().flatten().filter(|path| !path.exists()) {
            let file = path.display();
            doubts.push(format!("{file} is not there; the agent needs it where this kubeconfig is used"));
        }
        let key = self.key.as_ref().filter(|path| path.exists()).and_then(|path| {
            let key = AgentKey::read(path);
            key.map_err(|error| doubts.push(Chain(error.as_ref()).to_string())).ok().map(|key| (key, path))
        });
        if self.server.is_some() {
            return Ok(doubts);
        }
        let query = query(&[("kind", Some("Agent".to_owned())), ("name", Some(agent.as_str().to_owned()))]);
        let list: List = world.client()?.get(&format!("/v1/manifests{query}")).await?;
        let keys = list.items.first().map(|item| item.pointer("/status/keys").and_then(Value::as_array));
        match (keys, key) {
            (None, _) => {
                doubts.push(format!("the gateway knows no agent \"{agent}\" yet; apply its manifest"))
            }
            (Some(keys), Some((key, path))) => {
                let own = key.public()?.fingerprint();
                let is_own = |key: &Value| key.get("fingerprint").and_then(Value::as_str) == Some(&own);
                if !keys.is_some_and(|keys| keys.iter().any(is_own)) {
                    let file = path.display();
                    doubts.push(format!("the key in {file} is not enrolled for agent \"{agent}\""));
                }
            }
            (Some(_), None) => {}
        }
        Ok(doubts)
    }

    /// The gateway's url, and whom to trust there.
    async fn address(&self, world: &World<'_>) -> anyhow::Result<(PublicUrl, Option<String>)> {
        let ca = match &self.ca {
            None => None,
            Some(path) => {
                let pem = std::fs::read_to_string(path);
                Some(pem.with_context(|| format!("the CA {} can't be read", path.display()))?)
            }
        };
        if let Some(server) = &self.server {
            let url = PublicUrl::parse(server).ok_or_else(|| {
                Misused(format!("--server must be https://HOST:PORT without a path, not {server:?}"))
            })?;
            return Ok((url, ca));
        }
        let status: Status = world.client()?.get("/v1/status").await?;
        if !status.clusters.iter().any(|cluster| cluster.name == self.cluster) {
            bail!(
                "the gateway knows no cluster {:?}; 'drawbridge get clusters' lists those it knows",
                self.cluster
            );
        }
        let url = PublicUrl::parse(&status.url).context("the gateway gave no address that can be used")?;
        Ok((url, ca.or(status.ca)))
    }
}

/// A kubeconfig.
pub fn kubeconfig(facts: Facts<'_>) -> Value {
    let Facts { agent, cluster, origin, url, ca, program } = facts;
    let mut server = json!({ "server": format!("{url}/clusters/{cluster}") });
    if let (Some(ca), Some(server)) = (ca, server.as_object_mut()) {
        server.insert("certificate-authority-data".to_owned(), json!(STANDARD.encode(ca)));
    }
    let shown = |path: &Path| path.display().to_string();
    let url = url.as_str().to_owned();
    let said: Vec<String> = match origin {
        Origin::Key(key, Form::Certificate) => vec!["key".into(), "--key".into(), shown(key)],
        Origin::Key(key, Form::Token) => {
            let mut said = vec!["key".into(), "--key".into(), shown(key), "--token".into()];
            said.extend(["--agent".into(), agent.as_str().to_owned(), "--audience".into(), url]);
            said
        }
        Origin::File(file) => {
            vec!["file".into(), "--file".into(), shown(file), "--audience".into(), url]
        }
        Origin::Github => vec!["github".into(), "--audience".into(), url],
        Origin::Gitlab(variable) => {
            vec!["gitlab".into(), "--variable".into(), variable.to_owned(), "--audience".into(), url]
        }
    };
    let args: Vec<String> = ["credential".to_owned(), "--from".to_owned()].into_iter().chain(said).collect();
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": program.display().to_string(),
        "args": args,
        "interactiveMode": "Never",
        "provideClusterInfo": false,
        "installHint": "The credential is made by the drawbridge program; put it where 'command' says.",
    });
    let context = format!("{agent}@{cluster}");
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": cluster, "cluster": server }],
        "users": [{ "name": agent.as_str(), "user": { "exec": exec } }],
        "contexts": [{ "name": context, "context": { "cluster": cluster, "user": agent.as_str() } }],
        "current-context": context,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::key::Existing;

    #[test]
    fn it_says_where_to_go_and_holds_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cleanup.key");
        let key = AgentKey::generate().unwrap();
        key.write(&path, Existing::Keep).unwrap();
        let (agent, url) = (name("cleanup").unwrap(), PublicUrl::parse("https://gate.example:8443").unwrap());
        let facts = Facts {
            agent: &agent,
            cluster: "prod",
            origin: Origin::Key(&path, Form::Token),
            url: &url,
            ca: Some("-----BEGIN CERTIFICATE-----"),
            program: Path::new("/bin/drawbridge"),
        };
        let config = kubeconfig(facts);
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://gate.example:8443/clusters/prod");
        let text = yaml::document(&config).unwrap();
        let pem = key.pem().unwrap();
        let secret: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        assert!(
            !text.contains(&secret) && !text.contains(&STANDARD.encode(&pem)) && !text.contains("PRIVATE")
        );
        let kube: kube::config::Kubeconfig = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(kube.current_context.as_deref(), Some("cleanup@prod"));
        let auth = kube.auth_infos[0].auth_info.as_ref().unwrap();
        assert!(auth.token.is_none() && auth.client_key_data.is_none() && auth.password.is_none());
        let args = auth.exec.as_ref().unwrap().args.as_ref().unwrap();
        assert_eq!(args[5..], ["--token", "--agent", "cleanup", "--audience", "https://gate.example:8443"]);
    }

    #[test]
    fn a_job_s_kubeconfig_asks_for_a_token_for_the_gateway() {
        let (agent, url) = (name("deploy").unwrap(), PublicUrl::parse("https://gate.example:8443").unwrap());
        let args = |origin: Origin<'_>| {
            let program = Path::new("/bin/drawbridge");
            let facts = Facts { agent: &agent, cluster: "prod", origin, url: &url, ca: None, program };
            let config = kubeconfig(facts);
            let args = config["users"][0]["user"]["exec"]["args"].as_array().unwrap().clone();
            args.iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        let audience = "--audience https://gate.example:8443";
        assert_eq!(args(Origin::Github), format!("credential --from github {audience}"));
        assert_eq!(args(Origin::Gitlab("T")), format!("credential --from gitlab --variable T {audience}"));
        let file = Path::new("/run/token");
        assert_eq!(args(Origin::File(file)), format!("credential --from file --file /run/token {audience}"));
    }
}
