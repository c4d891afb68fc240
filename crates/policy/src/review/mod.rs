//! What an agent is told when it asks about itself (`kubectl auth can-i`): what its scopes say and what the
//! cluster's ceiling says, put together. Answers that are made here say no more than requests would: a yes is
//! a yes of both.

mod access;
mod listed;
mod shared;

use serde_json::{Value, json};

use crate::attributes::SelfReview;
use crate::body::{About, Question};
use crate::rules::Rules;
use crate::time::Millis;

use access::{Ground, Verdict};

/// A permitted review that is not the cluster's alone to answer: the scopes' half.
#[derive(Debug)]
pub struct Review {
    asked: Asked,
}

#[derive(Debug)]
enum Asked {
    /// Whether one thing may be done.
    Access { spec: Value, verdict: Verdict },
    /// What may be done in a namespace, by these rules at this time.
    Rules { namespace: String, rules: Rules, now: Millis },
}

impl Review {
    /// The scopes' half of an answer. None: who the agent is, the cluster knows alone.
    pub(crate) fn new(question: &Question, rules: &Rules, now: Millis) -> Option<Self> {
        let asked = match (question.review(), question.about()) {
            (SelfReview::Access, Some(about)) => {
                let verdict = access::weigh(about, rules, now);
                Asked::Access { spec: spec(about), verdict }
            }
            (SelfReview::Rules, _) => {
                let namespace = question.namespace().to_owned();
                Asked::Rules { namespace, rules: rules.clone(), now }
            }
            (SelfReview::Access | SelfReview::Who, _) => return None,
        };
        Some(Self { asked })
    }

    /// The answer, where the scopes alone give it: what they refuse, the cluster is not asked.
    #[must_use]
    pub fn settled(&self) -> Option<Value> {
        let Asked::Access { spec, verdict: Verdict::Refused { why, ground } } = &self.asked else {
            return None;
        };
        let denied = *ground != Ground::NoRule;
        Some(json!({
            "kind": SelfReview::Access.kind(),
            "apiVersion": SelfReview::Access.api_version(),
            "metadata": {},
            "spec": spec,
            "status": { "allowed": false, "denied": denied, "reason": why },
        }))
    }

    /// The cluster's answer with the scopes' half put in. None: it isn't the answer to such a review.
    #[must_use]
    pub fn complete(&self, mut cluster: Value) -> Option<Value> {
        let status = cluster.get("status")?;
        let status = match &self.asked {
            Asked::Access { verdict, .. } => verdict.with(status)?,
            Asked::Rules { namespace, rules, now } => listed::with(namespace, rules, *now, status)?,
        };
        cluster.as_object_mut()?.insert("status".to_owned(), status);
        Some(cluster)
    }
}

/// The words that tell whose no it is: the design's, and the record of refusals is searched for them.
pub const CEILING: &str = "the scope allows it; the cluster's ceiling does not";

impl Verdict {
    /// The status of an access review that the scopes allow, with what the cluster says.
    fn with(&self, cluster: &Value) -> Option<Value> {
        let ceiling = cluster.get("allowed").and_then(Value::as_bool)?;
        let mut status = match self {
            Self::Refused { why, .. } => json!({ "allowed": false, "reason": why }),
            Self::Allowed { because, terms } if ceiling => {
                let reason = if terms.is_empty() { because.clone() } else { format!("{because} ({terms})") };
                json!({ "allowed": true, "reason": reason })
            }
            Self::Allowed { because, .. } => {
                json!({ "allowed": false, "reason": format!("{CEILING} ({because})") })
            }
        };
        if let (Some(status), Some(fault)) = (status.as_object_mut(), cluster.get("evaluationError")) {
            status.insert("evaluationError".to_owned(), fault.clone());
        }
        Some(status)
    }
}

/// What was asked, as an answer repeats it.
fn spec(about: &About) -> Value {
    match about {
        About::Path { verb, path } => json!({ "nonResourceAttributes": { "verb": verb, "path": path } }),
        About::Resource { verb, group, resource, subresource, place } => {
            let mut asked = json!({ "verb": verb, "resource": resource });
            let more = [
                ("group", group),
                ("subresource", subresource),
                ("namespace", &place.namespace),
                ("name", &place.name),
            ];
            for (key, text) in more {
                if let (Some(asked), false) = (asked.as_object_mut(), text.is_empty()) {
                    asked.insert(key.to_owned(), Value::String(text.clone()));
                }
            }
            json!({ "resourceAttributes": asked })
        }
    }
}
