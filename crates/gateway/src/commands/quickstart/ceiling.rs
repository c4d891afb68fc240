//! Whose refusals were they? The cluster itself is asked whether it would have allowed each of them.

use anyhow::Context;
use serde_json::{Value, json};

use super::recall::Entry;
use super::scene::Scene;
use super::step::Came;

/// A request that was refused.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) agent: &'static str,
    pub(super) entry: Entry,
}

/// Asks the cluster, with one SubjectAccessReview for each refusal.
pub(super) async fn ask(scene: &mut Scene<'_, '_>) -> anyhow::Result<()> {
    let reviews: Vec<Value> = scene.refused().iter().map(review).collect();
    let count = reviews.len();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": reviews });
    let file = scene.ground.write("refusals.json", &list.to_string())?;
    let answer = scene.ground.owner().must(&["create", "-f", &file, "-o", "json"]).await?;
    // One answer after another, not a list.
    let answers = serde_json::Deserializer::from_str(&answer).into_iter::<Value>();
    let answers: Vec<Value> =
        answers.collect::<Result<_, _>>().context("the cluster's answer can't be read")?;
    let is_allowed = |review: &&Value| review.pointer("/status/allowed") == Some(&Value::Bool(true));
    let allowed = answers.iter().filter(is_allowed).count();
    scene.stage.heading("Whose refusals were these?")?;
    let came = if allowed == count && count > 0 { Came::AsSaid } else { Came::Otherwise };
    let what = format!(
        "asked about the {count} refused calls, the cluster itself would have allowed {allowed}: its owner's \
         ceiling is wide, and each agent's scope is what refused"
    );
    scene.fact(came, &what)
}

fn review(refused: &Refused) -> Value {
    let Refused { agent, entry } = refused;
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": format!("system:serviceaccount:drawbridge-agents:{agent}"),
            "groups": [
                "system:serviceaccounts:drawbridge-agents",
                "system:serviceaccounts",
                "system:authenticated",
            ],
            "resourceAttributes": {
                "namespace": "shop",
                "verb": entry.verb(),
                "group": entry.group(),
                "resource": entry.resource(),
                "subresource": entry.subresource(),
                "name": entry.name(),
            },
        },
    })
}
