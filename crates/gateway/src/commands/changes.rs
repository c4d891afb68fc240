//! What would change, for people: the manifests' differences, then what each agent gains and loses.

use super::identities;
use super::rules;
use super::table::Table;
use super::terminal::{Terminal, Tone, clean};
use crate::admin::diff::Changes;
use crate::state::compare::Changed;

/// Prints it; nothing where nothing would change.
pub(super) fn show(changes: &Changes, terminal: &mut Terminal) -> anyhow::Result<()> {
    for manifest in &changes.manifests {
        for line in manifest.diff.lines() {
            let line = terminal.paint(tone(line), &clean(line));
            terminal.say(&line)?;
        }
    }
    if changes.more_manifests > 0 {
        terminal.say(&format!("… and {} more manifests", changes.more_manifests))?;
    }
    if changes.agents.is_empty() && changes.more_agents == 0 {
        return Ok(());
    }
    if !changes.manifests.is_empty() {
        terminal.say("")?;
    }
    terminal.say("What agents may do:")?;
    for changed in &changes.agents {
        terminal.say("")?;
        agent(changed, terminal)?;
    }
    if changes.more_agents > 0 {
        terminal.say(&format!("\n… and what {} more agents may do can change", changes.more_agents))?;
    }
    Ok(())
}

fn tone(line: &str) -> Tone {
    match line.chars().next() {
        _ if line.starts_with("+++") || line.starts_with("---") => Tone::Strong,
        Some('+') => Tone::Good,
        Some('-') => Tone::Bad,
        Some('@') => Tone::Faint,
        Some(_) | None => Tone::Plain,
    }
}

fn agent(changed: &Changed, terminal: &mut Terminal) -> anyhow::Result<()> {
    let mut head = format!("agent/{}", changed.agent);
    if let Some(change) = &changed.change {
        head.push_str(&format!(" ({change})"));
    }
    if let Some(standing) = &changed.standing {
        head.push_str(&format!(" is {standing}: it may do nothing of this"));
    }
    let head = terminal.paint(Tone::Strong, &clean(&head));
    terminal.say(&head)?;
    for line in lines(changed) {
        let line = terminal.paint(tone(&line), &line);
        terminal.say(&format!("  {line}"))?;
    }
    Ok(())
}

/// A line for each identity, grant and rule, with `+` where it comes and `-` where it goes.
fn lines(changed: &Changed) -> Vec<String> {
    let mut lines = Vec::new();
    let mut named = |sign: &str, what: &str, names: Vec<String>| {
        lines.extend(names.into_iter().map(|name| format!("{sign} {what} {}", clean(&name))));
    };
    named("+", "identity", changed.identities_added.iter().map(identities::shown).collect());
    named("-", "identity", changed.identities_removed.iter().map(identities::shown).collect());
    named("+", "grant", changed.grants_begun.clone());
    named("-", "grant", changed.grants_ended.clone());
    named("~", "grant", changed.grants_changed.clone());
    named("~", "cluster", changed.clusters_changed.clone());
    named("~", "issuer", changed.issuers_changed.clone());
    if changed.too_many {
        lines.push("its rules are too many to be compared".to_owned());
    }
    if changed.gained.is_empty() && changed.lost.is_empty() {
        return lines;
    }
    let [cluster, namespaces, rule, effect, verbs, on] = rules::HEADINGS;
    let mut table = Table::new(&[" ", cluster, namespaces, rule, effect, verbs, on]);
    for (sign, rights) in [("-", &changed.lost), ("+", &changed.gained)] {
        for right in rights {
            let cells = std::iter::once(sign.to_owned()).chain(rules::cells(right));
            table.row(cells.collect());
        }
    }
    lines.extend(table.render().lines().map(str::to_owned));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::state::rights::Right;

    #[test]
    fn each_line_says_what_comes_and_what_goes() {
        let right = |name: &str| Right {
            cluster: "prod".to_owned(),
            namespaces: Some(vec!["ci-*".to_owned()]),
            scope: "s".to_owned(),
            rule: json!({"name": name, "verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}),
            grant: "g".to_owned(),
            until: None,
        };
        let changed = Changed {
            agent: "a".to_owned(),
            grants_begun: vec!["g".to_owned()],
            grants_ended: vec!["old".to_owned()],
            clusters_changed: vec!["prod".to_owned()],
            issuers_changed: vec!["github".to_owned()],
            gained: vec![right("new")],
            lost: vec![right("gone\u{1b}")],
            ..Changed::default()
        };
        assert_eq!(
            lines(&changed),
            [
                "+ grant g",
                "- grant old",
                "~ cluster prod",
                "~ issuer github",
                "    CLUSTER   NAMESPACES   RULE           EFFECT   VERBS   ON",
                "-   prod      ci-*         s/gone\\u{1b}   allow    get     pods",
                "+   prod      ci-*         s/new          allow    get     pods",
            ]
        );
    }
}
