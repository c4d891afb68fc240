//! `drawbridge explain AGENT VERB RESOURCE`: which rule decides, or why none does, with the rules looked at.

use clap::Args;

use super::Output;

use crate::admin::explain::Explained;
use crate::admin::looked::One;
use crate::commands::World;
use crate::commands::client::query;
use crate::commands::failure::{self, Misused, Refused};
use crate::commands::table::Table;
use crate::commands::terminal::{Tone, clean};

/// The question.
#[derive(Debug, Args)]
pub(super) struct Question {
    /// The agent.
    #[arg(required_unless_present = "request", conflicts_with = "request")]
    agent: Option<String>,
    /// The verb, such as get, list, create or delete.
    #[arg(required_unless_present = "request")]
    verb: Option<String>,
    /// The resource, such as pods, pods/exec or jobs.batch/status; or a path, such as /metrics.
    #[arg(required_unless_present = "request")]
    resource: Option<String>,
    /// The object's name; without it an object that no rule names.
    name: Option<String>,
    /// The namespace; without it all of them, or what is in none.
    #[arg(short, long, default_value = "", conflicts_with = "request")]
    namespace: String,
    /// The API version that is asked with; conditions are written for versions.
    #[arg(long, default_value = "v1", conflicts_with = "request")]
    api_version: String,
    /// The cluster; it may be left out where there is only one.
    #[arg(long, conflicts_with = "request")]
    cluster: Option<String>,
}

/// The groups of the resources that every cluster has, for those who leave them out as with kubectl.
const GROUPS: [(&str, &[&str]); 11] = [
    (
        "",
        &[
            "pods",
            "services",
            "configmaps",
            "secrets",
            "namespaces",
            "nodes",
            "events",
            "endpoints",
            "serviceaccounts",
            "persistentvolumes",
            "persistentvolumeclaims",
            "replicationcontrollers",
            "resourcequotas",
            "limitranges",
            "podtemplates",
            "bindings",
            "componentstatuses",
        ],
    ),
    ("apps", &["deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions"]),
    ("batch", &["jobs", "cronjobs"]),
    ("networking.k8s.io", &["ingresses", "networkpolicies", "ingressclasses"]),
    ("rbac.authorization.k8s.io", &["roles", "rolebindings", "clusterroles", "clusterrolebindings"]),
    ("autoscaling", &["horizontalpodautoscalers"]),
    ("policy", &["poddisruptionbudgets"]),
    ("storage.k8s.io", &["storageclasses", "volumeattachments", "csidrivers", "csinodes"]),
    ("coordination.k8s.io", &["leases"]),
    ("certificates.k8s.io", &["certificatesigningrequests"]),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
];

impl Question {
    /// Asks the gateway. Nothing is sent to a cluster.
    pub(super) async fn run(self, output: Output, world: &mut World<'_>) -> anyhow::Result<()> {
        let (Some(agent), Some(verb), Some(resource)) = (self.agent, self.verb, self.resource) else {
            let why = "say AGENT VERB RESOURCE, or --request LINE";
            return Err(Misused(why.to_owned()).into());
        };
        let (resource, subresource) = read(&resource)?;
        let cluster = match &self.cluster {
            Some(cluster) => cluster.clone(),
            None => only_cluster(world).await?,
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let query = query(&[
            ("agent", Some(agent)),
            ("cluster", Some(cluster.clone())),
            ("verb", Some(verb)),
            ("resource", Some(resource)),
            ("version", Some(self.api_version)),
            ("subresource", some(&subresource)),
            ("namespace", some(&self.namespace)),
            ("name", self.name.clone()),
        ]);
        let explained: Explained = world.client()?.get(&format!("/v1/explain{query}")).await?;
        failure::seen(match output {
            Output::Json => {
                let text = format!("{}\n", serde_json::to_string_pretty(&explained)?);
                world.terminal.write(&text).map_err(Into::into)
            }
            Output::Text => show(&explained, &cluster, world),
        })?;
        match explained.decision.as_str() {
            "denied" => {
                Err(Refused { problems: Vec::new(), message: "it would be refused".to_owned() }.into())
            }
            _ => Ok(()),
        }
    }
}

fn show(explained: &Explained, cluster: &str, world: &mut World<'_>) -> anyhow::Result<()> {
    let tone = match explained.decision.as_str() {
        "allowed" => Tone::Good,
        "denied" => Tone::Bad,
        _ => Tone::Warn,
    };
    let terminal = &mut *world.terminal;
    let word = terminal.paint(tone, &clean(&explained.decision));
    terminal.say(&format!("{word} on {}: {}", clean(cluster), clean(&explained.why)))?;
    if let (Some(rule), Some(grant)) = (&explained.rule, &explained.grant) {
        terminal.say(&clean(&format!("by rule {rule} of grant {grant}")))?;
    }
    for call in &explained.calls {
        terminal.say(&clean(&format!("besides the request the gateway asks for: {call}")))?;
    }
    if explained.looked.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["RULE", "GRANT", "EFFECT", "APPLIES", "TERMS"]);
    for one in &explained.looked {
        let terms = match (one.terms.as_slice(), &one.lists) {
            ([], None) => "-".to_owned(),
            (terms, lists) => {
                let lists = lists.iter().map(|lists| format!("lists {lists}"));
                terms.iter().cloned().chain(lists).collect::<Vec<_>>().join("; ")
            }
        };
        table.row(vec![one.rule.clone(), one.grant.clone(), one.effect.clone(), applies(one), terms]);
    }
    terminal.write(&table.render())?;
    if explained.more > 0 {
        terminal.say(&format!("and {} rules that fit less", explained.more))?;
    }
    Ok(())
}

/// Whether a rule applies, and why.
fn applies(one: &One) -> String {
    if !one.lacks.is_empty() {
        let lacks: Vec<_> = one.lacks.iter().map(|word| in_words(word)).collect();
        return format!("no: {}", lacks.join(", "));
    }
    match (one.stands.as_str(), &one.because) {
        ("fails", Some(why)) => format!("no: {why}"),
        ("object-by-object", _) => "object by object".to_owned(),
        ("depends", _) => "depends on the cluster".to_owned(),
        _ => "yes".to_owned(),
    }
}

fn in_words(lack: &str) -> &str {
    match lack {
        "verb" => "other verbs",
        "resource" => "other resources",
        "name" => "other names",
        "namespace" => "other namespaces",
        "exact" => "not named exactly",
        "version" => "not written for this API version",
        other => other,
    }
}

/// `RESOURCE[.GROUP][/SUB]` as `GROUP/RESOURCE` and the subresource; a path with a slash before it.
fn read(text: &str) -> anyhow::Result<(String, String)> {
    if text.starts_with('/') {
        return Ok((format!("/{text}"), String::new()));
    }
    let (main, subresource) = text.split_once('/').unwrap_or((text, ""));
    if let Some((resource, group)) = main.split_once('.') {
        return Ok((format!("{group}/{resource}"), subresource.to_owned()));
    }
    match GROUPS.iter().find(|(_, resources)| resources.contains(&main)) {
        Some((group, _)) => Ok((format!("{group}/{main}"), subresource.to_owned())),
        None => {
            let why = format!(
                "the API group of {main:?} isn't known here: write RESOURCE.GROUP, such as \
                    widgets.example.com"
            );
            Err(Misused(why).into())
        }
    }
}

async fn only_cluster(world: &World<'_>) -> anyhow::Result<String> {
    let clusters: crate::admin::manifests::List = world.client()?.get("/v1/manifests?kind=Cluster").await?;
    let name = |item: &serde_json::Value| {
        item.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    match clusters.items.as_slice() {
        [one] => Ok(name(one)),
        [] => Err(Misused("there is no cluster yet".to_owned()).into()),
        several => {
            let names: Vec<String> = several.iter().map(name).collect();
            Err(Misused(format!("say which --cluster: {}", names.join(", "))).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read_as_people_write_them_and_never_guessed() {
        let good = |text: &str| read(text).unwrap();
        let pair = |resource: &str, sub: &str| (resource.to_owned(), sub.to_owned());
        assert_eq!(good("pods"), pair("/pods", ""));
        assert_eq!(good("pods/exec"), pair("/pods", "exec"));
        assert_eq!(good("jobs"), pair("batch/jobs", ""));
        assert_eq!(good("widgets.example.com/status"), pair("example.com/widgets", "status"));
        assert_eq!(good("/metrics"), pair("//metrics", ""));
        assert!(read("widgets").unwrap_err().downcast_ref::<Misused>().is_some());
    }
}
