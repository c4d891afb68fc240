//! After the scene: the record of what happened, and what to try next.

use std::path::Path;

use super::agents::Cast;
use super::ground::Ground;
use super::own::Own;
use super::stage::Stage;

/// Rows of the record that are shown: all there are, and room for what another kubectl may ask.
const ROWS: &str = "150";

/// Prints the record, as `drawbridge log` does.
pub(super) async fn show_record(own: &Own, stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.heading(&format!("The record of all this, as 'drawbridge log --last {ROWS}' prints it"))?;
    for line in own.run_in(stage.colour(), &["log", "--last", ROWS]).await?.lines() {
        stage.say(&format!("  {line}"))?;
    }
    Ok(())
}

/// Says what is there, and three things to try.
pub(super) fn stay(
    ground: &Ground,
    own: &Own,
    cast: &Cast,
    url: &str,
    stage: &mut Stage<'_>,
) -> anyhow::Result<()> {
    stage.heading("It goes on running until Ctrl-C")?;
    stage.say(&format!("  the gateway       {url}"))?;
    stage.say(&format!("  the admin file    {}", own.admin().display()))?;
    for agent in cast.all() {
        let kubeconfig = agent.kubectl.kubeconfig.display();
        stage.say(&format!("  {:<16}  {kubeconfig}", agent.name))?;
    }
    let dashboard = cast.agent("dashboard")?.kubectl;
    let kubectl = format!("{} --kubeconfig {}", quoted(dashboard.program()), quoted(&dashboard.kubeconfig));
    let drawbridge = format!("{} --admin {}", quoted(own.program()), quoted(own.admin()));
    let manifests = quoted(&ground.directory().join("manifests"));
    stage.heading("Three things to try in another terminal")?;
    stage.say("  1. Be the dashboard. It may see Pods; ask it for a Secret, or for another namespace:")?;
    stage.say(&format!("     {kubectl} -n shop get pods"))?;
    stage.say("  2. Watch the record while agents work, and let log-triage work again:")?;
    stage.say(&format!("     {drawbridge} log -f"))?;
    stage.say(&format!("     {drawbridge} resume agent log-triage"))?;
    stage.say("  3. Change what an agent may do: edit its scope, and apply it. Open streams follow:")?;
    stage.say(&format!("     {drawbridge} apply -f {manifests}"))?;
    stage.say("")
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_where_a_shell_would_read_it_otherwise() {
        assert_eq!(quoted(Path::new("/tmp/a-b_c.json")), "/tmp/a-b_c.json");
        assert_eq!(quoted(Path::new("/tmp/it's here")), r"'/tmp/it'\''s here'");
    }
}
