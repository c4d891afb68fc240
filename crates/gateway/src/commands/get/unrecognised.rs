//! `drawbridge get unrecognised`: who came with a good credential of no known agent, and the manifest that
//! would enrol each.

use serde_json::{Value, json};

use super::Output;
use crate::admin::unrecognised::{List, One};
use crate::commands::table::Table;
use crate::commands::terminal::clean;
use crate::commands::{World, times, yaml};
use crate::manifest::API_VERSION;

/// Shows them.
pub(super) async fn run(output: Output, world: &mut World<'_>) -> anyhow::Result<()> {
    let list: List = world.client()?.get("/v1/unrecognised").await?;
    if list.items.is_empty() && output != Output::Json {
        world.terminal.note("nobody unrecognised was seen since the gateway started")?;
        return Ok(());
    }
    let text = print(&list, output, world.clock.now().0)?;
    world.terminal.write(&text)?;
    Ok(())
}

fn print(list: &List, output: Output, now: i64) -> anyhow::Result<String> {
    Ok(match output {
        Output::Json => serde_json::to_string_pretty(list)? + "\n",
        Output::Yaml => {
            let enrol = list.items.iter().map(enrolment).collect::<anyhow::Result<Vec<_>>>()?;
            enrol.join("---\n")
        }
        Output::Name => list.items.iter().map(|one| clean(&one.subject) + "\n").collect(),
        Output::Table | Output::Wide => {
            let mut headings = vec!["SUBJECT", "KIND", "WHY", "SOURCE", "TIMES", "FIRST", "LAST"];
            if output == Output::Wide {
                headings.push("ENTRY");
            }
            let mut table = Table::new(&headings);
            for one in &list.items {
                let ago = |time: Option<jiff::Timestamp>| {
                    time.map_or_else(String::new, |time| {
                        times::age(now.saturating_sub(time.as_millisecond()))
                    })
                };
                let mut row = vec![
                    one.subject.clone(),
                    one.kind.clone(),
                    one.because.clone(),
                    one.source.clone(),
                    one.count.to_string(),
                    ago(one.first),
                    ago(one.last),
                ];
                if output == Output::Wide {
                    row.push(one.id.clone());
                }
                table.row(row);
            }
            table.render()
        }
    })
}

/// The manifest that would enrol one. It gives nothing by itself, and says what a person must still say.
fn enrolment(one: &One) -> anyhow::Result<String> {
    let manifest: Value = json!({
        "apiVersion": API_VERSION,
        "kind": "Agent",
        "metadata": { "name": one.agent.clone().unwrap_or_else(|| unnamed(one)) },
        "spec": {
            "owner": "nobody@example.com",
            "purpose": "Not known yet",
            "identities": [one.identity],
        },
    });
    let say = match one.agent {
        // Applied as it is, it would replace the agent's owner and its other identities.
        Some(_) => {
            "An agent has this account's name, but the account was deleted and made again. If that was \
             meant, take the uid over into the agent's own manifest."
        }
        None => "Say what it is called, who answers for it and what it is for, before you apply this.",
    };
    let head = format!(
        "# {} ({}), seen {} times, last from {} as entry {}.\n# {say}\n",
        clean(&one.subject),
        clean(&one.kind),
        one.count,
        clean(&one.source),
        clean(&one.id)
    );
    let warning = match one.because.as_str() {
        "several" => "# Several agents would have it: correct their identities first.\n",
        _ => "",
    };
    Ok(head + warning + &yaml::document(&manifest)?)
}

/// A name for who has none yet. The ends of subjects are alike (`ref:refs/heads/main`), and two agents of one
/// name would be one.
fn unnamed(one: &One) -> String {
    let text = format!("{}\0{}", one.kind, one.subject);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let tail: String = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("unrecognised-{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::key::AgentKey;
    use crate::manifest::{Source, read};

    #[test]
    fn the_manifest_of_each_is_one_that_apply_takes() {
        let key = AgentKey::generate().unwrap().public().unwrap();
        let one = One {
            kind: "key".to_owned(),
            because: "unknown".to_owned(),
            agent: None,
            subject: key.fingerprint(),
            id: "d-1".to_owned(),
            first: None,
            last: None,
            count: 3,
            source: "10.0.0.1\n# x".to_owned(),
            identity: json!({ "key": { "publicKey": key.to_string() } }),
        };
        let job = |subject: &str| One {
            kind: "oidc".to_owned(),
            subject: format!("github: {subject}"),
            identity: json!({ "oidc": { "issuer": "github", "claims": { "sub": subject } } }),
            ..one.clone()
        };
        let list = List {
            items: vec![
                one.clone(),
                One {
                    identity: json!({ "serviceAccount": "prod/ci/runner" }),
                    subject: "prod/ci/runner".to_owned(),
                    ..one.clone()
                },
                job("repo:acme/ops:ref:refs/heads/main"),
                job("repo:acme/web:ref:refs/heads/main"),
            ],
        };
        let text = print(&list, Output::Yaml, 0).unwrap();
        let read = read(&[Source { file: "x".to_owned(), text: text.clone() }]).unwrap();
        assert_eq!(read.len(), 4, "each has a name of its own: {text}");
        assert!(print(&list, Output::Table, 0).unwrap().contains(&key.fingerprint()));
    }
}
