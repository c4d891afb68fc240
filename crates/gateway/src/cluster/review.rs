//! What the gateway asks a cluster about rights: its own, and what an agent may do there at most. The cluster
//! answers about the asker only (`SelfSubject*Review`), which everyone who has logged in may ask.

use drawbridge_policy::AgentName;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Cluster;
use super::errand::Told;
use crate::errand::ToCluster;
use crate::refusal::ClusterFault;

/// As whom a review is asked.
#[derive(Debug, Clone, Copy)]
pub enum Asker<'a> {
    /// As the gateway itself.
    Gateway,
    /// As an agent: what the ceiling gives.
    Agent(&'a AgentName),
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub enum Review<'a> {
    /// Who the asker is.
    Who,
    /// Everything that it may do in a namespace, and everywhere.
    Rules(&'a str),
    /// Whether it may do one thing.
    Access(&'a Access),
}

/// One thing that could be done. Empty fields mean every one, as in a `SubjectAccessReview`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Access {
    /// The verb.
    pub verb: &'static str,
    /// The API group.
    pub group: &'static str,
    /// The resource.
    pub resource: &'static str,
    /// The subresource.
    pub subresource: &'static str,
    /// The namespace; empty: everywhere.
    pub namespace: &'static str,
    /// The object.
    pub name: &'static str,
}

/// Who the asker is, and when the cluster said so.
#[derive(Debug, Clone)]
pub struct Who {
    /// Its user name.
    pub user: String,
    /// The cluster's clock, from the answer's `Date`, to the second.
    pub date: Option<i64>,
}

/// A rule as a review answers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Right {
    /// Verbs.
    #[serde(default)]
    pub verbs: Vec<String>,
    /// API groups.
    #[serde(default)]
    pub api_groups: Vec<String>,
    /// Resources.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Names of objects.
    #[serde(default)]
    pub resource_names: Vec<String>,
    /// Paths.
    #[serde(default, rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
}

/// Everything that the asker may do in a namespace.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// The rules, each once.
    pub rules: Vec<Right>,
    /// What the cluster could not say, in its words: authorizers that don't list rules.
    pub unknown: Option<String>,
}

impl Review<'_> {
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Review::Who => "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            Review::Rules(_) => "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            Review::Access(_) => "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        }
    }

    pub(crate) fn body(&self) -> Value {
        let authorization = "authorization.k8s.io/v1";
        match self {
            Review::Who => {
                json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" })
            }
            Review::Rules(namespace) => json!({ "apiVersion": authorization,
                "kind": "SelfSubjectRulesReview", "spec": { "namespace": namespace } }),
            Review::Access(access) => json!({ "apiVersion": authorization,
                "kind": "SelfSubjectAccessReview", "spec": { "resourceAttributes": access } }),
        }
    }
}

impl Cluster {
    /// Asks who the gateway is in the cluster: that it is reached, that its credential counts, and what time
    /// it is there.
    pub async fn who(&self) -> Result<Who, ClusterFault> {
        let errand = ToCluster::Review { asker: Asker::Gateway, review: Review::Who };
        let told = self.tell(errand).await?;
        let date = told.headers.get(header::DATE).and_then(|date| date.to_str().ok()).and_then(date);
        let answer = self.answer(&told)?;
        let user = answer.pointer("/status/userInfo/username").and_then(Value::as_str);
        let user = user.ok_or_else(|| ClusterFault::Silent(self.name().to_owned()))?.to_owned();
        Ok(Who { user, date })
    }

    /// Asks for everything that the asker may do in a namespace.
    pub async fn rights(&self, asker: Asker<'_>, namespace: &str) -> Result<Rights, ClusterFault> {
        let told = self.tell(ToCluster::Review { asker, review: Review::Rules(namespace) }).await?;
        let answer = self.answer(&told)?;
        let rules = |name: &str| -> Vec<Right> {
            let listed = answer.pointer(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            listed.iter().filter_map(|rule| serde_json::from_value(rule.clone()).ok()).collect()
        };
        let mut all = rules("/status/resourceRules");
        all.extend(rules("/status/nonResourceRules"));
        all.sort();
        all.dedup();
        let incomplete = answer.pointer("/status/incomplete") == Some(&Value::Bool(true));
        let why =
            answer.pointer("/status/evaluationError").and_then(Value::as_str).unwrap_or("it doesn't say why");
        Ok(Rights { rules: all, unknown: incomplete.then(|| why.to_owned()) })
    }

    /// Asks whether the asker may do one thing.
    pub async fn may(&self, asker: Asker<'_>, access: &Access) -> Result<Answered, ClusterFault> {
        let told = self.tell(ToCluster::Review { asker, review: Review::Access(access) }).await?;
        let answer = self.answer(&told)?;
        match answer.pointer("/status/allowed") {
            Some(Value::Bool(true)) => Ok(Answered::Yes),
            Some(Value::Bool(false)) => Ok(Answered::No),
            _ => Err(ClusterFault::Silent(self.name().to_owned())),
        }
    }

    fn answer(&self, told: &Told) -> Result<Value, ClusterFault> {
        let name = || self.name().to_owned();
        match told.status {
            StatusCode::OK | StatusCode::CREATED => {
                serde_json::from_slice(&told.body).or(Err(ClusterFault::Silent(name())))
            }
            // The reviews themselves are everyone's: what is forbidden is to act as an agent.
            StatusCode::FORBIDDEN => Err(ClusterFault::MayNotImpersonate(name())),
            _ => Err(ClusterFault::Silent(name())),
        }
    }
}

/// What a cluster said about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It may be done.
    Yes,
    /// It may not.
    No,
}

/// An HTTP date (RFC 9110 §5.6.7), in milliseconds since 1970.
fn date(text: &str) -> Option<i64> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read_as_http_writes_it() {
        assert_eq!(date("Thu, 01 Jan 1970 00:00:10 GMT"), Some(10_000));
        assert_eq!(date("yesterday"), None);
    }

    #[test]
    fn a_review_names_what_it_asks_and_nothing_of_the_asker() {
        let access = Access { verb: "get", resource: "secrets", ..Access::default() };
        let body = Review::Access(&access).body();
        assert_eq!(body["spec"]["resourceAttributes"]["resource"], "secrets");
        assert!(body["spec"].get("user").is_none());
        assert_eq!(Review::Rules("a").body()["spec"], json!({ "namespace": "a" }));
    }
}
