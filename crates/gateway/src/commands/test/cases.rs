//! Files of cases.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use drawbridge_policy::{HeldScope, Lists, NamePattern, Reach, Rules};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::commands::failure::Wrong;
use crate::manifest::{API_VERSION, Manifest, Source, builtin, read};

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Cases {
    api_version: String,
    kind: String,
    pub(super) metadata: Name,
    pub(super) spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub(super) name: String,
}

/// Which scopes, held how, and the cases.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    /// Files of manifests, from this file's folder on.
    #[serde(default)]
    manifests: Vec<String>,
    /// The scopes that the agent holds, of those files or built in.
    scopes: Vec<String>,
    /// The namespaces of the grant; none: everywhere.
    #[serde(default)]
    namespaces: Vec<String>,
    /// `filtered`, as in a grant.
    #[serde(default)]
    lists: Option<Answered>,
    pub(super) cases: Vec<Case>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answered {
    Refused,
    Filtered,
}

/// One request, what the cluster has, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    /// `METHOD PATH?QUERY`
    pub(super) request: String,
    /// The body, as JSON.
    #[serde(default)]
    pub(super) body: Option<Value>,
    /// Its type.
    #[serde(default)]
    pub(super) content_type: Option<String>,
    /// What would be stored; of a read, the object in the answer.
    #[serde(default)]
    pub(super) object: Option<Value>,
    /// What is there; none: nothing.
    #[serde(default)]
    pub(super) old_object: Option<Value>,
    /// Its namespace.
    #[serde(default)]
    pub(super) namespace_object: Option<Value>,
    /// The pod templates of earlier revisions, newest first.
    #[serde(default)]
    pub(super) revisions: Option<Vec<Value>>,
    /// The time of the request; none: now.
    #[serde(default)]
    pub(super) time: Option<Timestamp>,
    pub(super) expect: Expect,
    /// The rule that must decide, `SCOPE/RULE`.
    #[serde(default)]
    pub(super) rule: Option<String>,
    /// What the caller must see of the object, masks and all.
    #[serde(default)]
    pub(super) shows: Option<Value>,
}

/// What must come of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Expect {
    /// It is sent; of a read, the object is shown.
    Allow,
    /// It is refused, or answered as if there were no such object.
    Deny,
    /// The read is sent, and this object is left out of its answer.
    Hide,
}

impl Cases {
    pub(super) fn read(file: &Path) -> anyhow::Result<Cases> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
        let cases: Cases = serde_saphyr::from_str(&text).map_err(|error| {
            let problem = error.to_string();
            let first = problem.lines().next().unwrap_or_default().to_owned();
            Wrong {
                problems: vec![format!("{}: {first}", file.display())],
                message: "no case was run".to_owned(),
            }
        })?;
        if cases.api_version != API_VERSION || cases.kind != "ScopeTest" {
            bail!("{}: expected apiVersion {API_VERSION} and kind ScopeTest", file.display());
        }
        Ok(cases)
    }

    /// What the agent holds.
    pub(super) fn rules(&self, file: &Path) -> anyhow::Result<Rules> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut sources = Vec::new();
        for name in &self.spec.manifests {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("{} can't be read", path.display()))?;
            sources.push(Source { file: path.display().to_string(), text });
        }
        let manifests = read(&sources).map_err(|problems| Wrong {
            problems: problems.list().iter().map(ToString::to_string).collect(),
            message: "the manifests are wrong; no case was run".to_owned(),
        })?;
        let mut scopes: HashMap<&str, Arc<_>> =
            builtin::scopes().iter().map(|scope| (&*scope.metadata.name, scope.rules.clone())).collect();
        for located in &manifests {
            if let Manifest::Scope(scope) = located.get() {
                scopes.insert(&scope.metadata.name, scope.rules.clone());
            }
        }
        let patterns = self.spec.namespaces.iter().map(|text| {
            NamePattern::parse(text)
                .map_err(|error| anyhow!("{}: namespaces: {text:?}: {error}", file.display()))
        });
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        let namespaces = if patterns.is_empty() { Reach::everywhere() } else { Reach::namespaces(patterns) };
        let lists = match self.spec.lists {
            None | Some(Answered::Refused) => Lists::Refused,
            Some(Answered::Filtered) => Lists::Filtered,
        };
        let held = self.spec.scopes.iter().map(|name| {
            let scope = scopes.get(name.as_str()).cloned();
            let scope = scope.ok_or_else(|| {
                anyhow!("{}: no scope {name:?} in its manifests, and none is built in", file.display())
            })?;
            let (grant, namespaces) = ("test".to_owned(), namespaces.clone());
            Ok::<_, anyhow::Error>(HeldScope { grant, until: None, namespaces, scope, lists })
        });
        Ok(Rules::new(held.collect::<Result<_, _>>()?))
    }
}
