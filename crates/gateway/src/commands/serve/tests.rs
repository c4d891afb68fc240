//! A gateway in this process, driven through its real admin API by the real commands.

mod agents;
mod api;
mod changes;
mod describe;
mod lifecycle;
mod people;
mod strangers;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use tempfile::TempDir;

use super::{Running, start};
use crate::clock::Clock;
use crate::commands::key::AgentKey;
use crate::commands::terminal::{Colour, Terminal};
use crate::commands::{Cli, World, run};
use crate::config::Config;

/// A gateway and the directory around its data.
struct Served {
    dir: TempDir,
    running: Running,
}

/// What a command did.
struct Done {
    status: ExitCode,
    out: String,
    err: String,
}

fn config(dir: &Path) -> Config {
    let mut config = Config { data: dir.join("data"), ..Config::default() };
    config.listen.set_port(0);
    config.admin.set_port(0);
    config.limits.drain = Duration::from_millis(100);
    config
}

async fn serve() -> Served {
    let dir = tempfile::tempdir().unwrap();
    let running = start(config(dir.path()), Clock::system()).await.unwrap();
    Served { dir, running }
}

impl Served {
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    async fn cli(&self, arguments: &[&str]) -> Done {
        cli(self.running.admin_file(), arguments).await
    }

    /// Enrols an agent with a grant on a cluster that isn't there.
    async fn enrol(&self, agent: &str) -> AgentKey {
        let key = AgentKey::generate().unwrap();
        let text = manifests(agent, &key.public().unwrap().to_string());
        let done = self.cli(&["apply", "-f", &self.file("manifests.yaml", &text)]).await;
        assert_eq!(done.status, ExitCode::SUCCESS, "{}", done.err);
        key
    }
}

async fn cli(admin: &Path, arguments: &[&str]) -> Done {
    let admin = admin.display().to_string();
    let line = ["drawbridge", "--admin", &admin].into_iter().chain(arguments.iter().copied());
    let cli = Cli::try_parse_from(line).unwrap();
    let (out, err) = (Sink::default(), Sink::default());
    let mut terminal = Terminal::new(Box::new(out.clone()), Box::new(err.clone()), Colour::No);
    let mut world = World {
        terminal: &mut terminal,
        clock: Clock::system(),
        who: "me@here".to_owned(),
        program: PathBuf::from("/bin/drawbridge"),
        admin: cli.admin,
    };
    let status = run(cli.command, &mut world).await;
    Done { status, out: out.text(), err: err.text() }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn manifests(agent: &str, key: &str) -> String {
    format!(
        "apiVersion: drawbridge.dev/v1alpha1
kind: Agent
metadata: {{name: {agent}}}
spec:
  owner: me@example.com
  purpose: Looks at Jobs
  identities:
  - key: {{publicKey: \"{key}\"}}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Scope
metadata: {{name: see}}
spec:
  rules:
  - {{name: see-jobs, verbs: [get, list, watch], apiGroups: [batch], resources: [jobs]}}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Cluster
metadata: {{name: prod}}
spec: {{kubeconfig: {{path: /nowhere/kubeconfig}}}}
---
apiVersion: drawbridge.dev/v1alpha1
kind: Grant
metadata: {{name: g-{agent}}}
spec: {{agents: [{agent}], scopes: [see], clusters: [prod]}}
"
    )
}
