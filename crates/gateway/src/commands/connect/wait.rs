//! Applying what was printed, or waiting until its owner has.

use std::time::Duration;

use anyhow::{anyhow, bail};
use http::StatusCode;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::manifest::Object;
use crate::commands::person::{Person, Said};
use crate::commands::terminal::{Terminal, clean};
use crate::commands::times::Span;

/// The cluster is looked at this often.
const LOOK: Duration = Duration::from_secs(1);

/// Applies all of it, in order, on the server's side.
pub(super) async fn apply(
    person: &Person,
    objects: &[Object],
    terminal: &mut Terminal,
) -> anyhow::Result<()> {
    for object in objects {
        let said = person.apply(&object.path, &object.value).await?;
        if !said.status.is_success() {
            return Err(unapplied(person, object, &said));
        }
        let word = if said.status == StatusCode::CREATED { "created" } else { "applied" };
        terminal.note(&format!("{} {word}", object.said()))?;
    }
    Ok(())
}

fn unapplied(person: &Person, object: &Object, said: &Said) -> anyhow::Error {
    let (what, context) = (object.said(), &person.context);
    let message = said.message();
    match said.status {
        StatusCode::UNAUTHORIZED => {
            anyhow!(
                "the cluster at {} does not take the credential of context {context:?}; log in again",
                person.server
            )
        }
        StatusCode::FORBIDDEN => anyhow!(
            "context {context:?} may not apply {what}: {message}; use one of somebody who may, or have \
             them apply what '-o yaml' prints"
        ),
        // What a binding binds can't be changed.
        StatusCode::UNPROCESSABLE_ENTITY if message.contains("roleRef") => {
            anyhow!(
                "{what} is there already and binds another role; delete it first if that is meant: {message}"
            )
        }
        _ => anyhow!("{what} was not applied: {message}"),
    }
}

/// Waits until the cluster has all of it.
pub(super) async fn until_applied(
    person: &Person,
    objects: &[Object],
    at_most: Span,
    terminal: &mut Terminal,
) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_millis(u64::try_from(at_most.millis).unwrap_or(0));
    let mut said = Vec::new();
    loop {
        let mut missing = Vec::new();
        for object in objects {
            match person.get(&object.path).await? {
                None => missing.push(object.said()),
                Some(live) if !covers(&live, &object.value) => {
                    missing.push(format!("{} as printed", object.said()))
                }
                Some(_) => {}
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() >= end {
            bail!(
                "the cluster has not all of it yet: {} missing; run this again when it is applied",
                missing.join(", ")
            );
        }
        if missing != said {
            terminal.note(&clean(&format!("waiting for {}", missing.join(", "))))?;
            said = missing;
        }
        sleep(LOOK).await;
    }
}

/// Whether an object has everything that is wanted of it; what the cluster adds doesn't matter.
fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| live.get(key).is_some_and(|live| covers(live, wanted)))
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| covers(live, wanted))
        }
        (live, wanted) => live == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_with_more_rules_or_other_subjects_is_not_what_was_printed() {
        let wanted = json!({ "metadata": { "name": "a" }, "rules": [{ "verbs": ["impersonate"] }] });
        let live =
            json!({ "metadata": { "name": "a", "uid": "1" }, "rules": [{ "verbs": ["impersonate"] }] });
        assert!(covers(&live, &wanted));
        for bad in [
            json!({ "metadata": { "name": "a" } }),
            json!({ "metadata": { "name": "a" }, "rules": [] }),
            json!({ "metadata": { "name": "a" }, "rules": [{ "verbs": ["impersonate", "get"] }] }),
            json!({ "metadata": { "name": "a" },
                "rules": [{ "verbs": ["impersonate"] }, { "verbs": ["*"] }] }),
        ] {
            assert!(!covers(&bad, &wanted), "{bad}");
        }
    }
}
