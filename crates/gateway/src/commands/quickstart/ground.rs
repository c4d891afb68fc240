//! The ground that the scene is played on: a local control plane, and what its owner puts into it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use drawbridge_localcluster::{Binaries, LocalCluster, Options, Parts, Program};
use tokio::sync::{mpsc, oneshot};
use tokio::try_join;

use super::kubectl::Kubectl;
use super::orders::Orders;
use super::stage::Stage;
use crate::clock::Clock;

/// The user that the gateway authenticates as. owner.yaml lets it act for agents, and nothing else.
const GATEWAY: &str = "drawbridge-gateway";
/// What the cluster's owner applies.
const OWNER: &str = include_str!("../../../../../deploy/examples/quickstart/owner.yaml");
/// What the agents work on.
const SHOP: &str = include_str!("../../../../../deploy/examples/quickstart/shop.yaml");
/// Lines of progress that wait to be printed; a build says a few a minute.
const PROGRESS: usize = 64;
/// The Pods with a log.
pub(super) const WITH_LOGS: [&str; 2] = ["orders-0", "orders-1"];

/// A running control plane. Its processes end when this is dropped, and with this process, however that ends.
#[derive(Debug)]
pub(super) struct Ground {
    cluster: LocalCluster,
    supervisor: PathBuf,
    directory: PathBuf,
}

impl Ground {
    /// Finds or builds the control plane, and starts it.
    pub(super) async fn start(directory: Option<PathBuf>, stage: &mut Stage<'_>) -> anyhow::Result<Ground> {
        let (tell, mut told) = mpsc::channel::<String>(PROGRESS);
        let (give, given) = oneshot::channel();
        // A thread of its own, since all of it blocks. After an interrupt nobody waits for it: it ends with
        // the process, and the control plane's supervisors see to what it has started.
        let start = move || {
            let mut progress = |line: &str| drop(tell.blocking_send(line.to_owned()));
            drop(give.send(Ground::raise(directory.as_deref(), &mut progress)));
        };
        std::thread::Builder::new().name("control plane".to_owned()).spawn(start)?;
        stage.progress("looking for the control plane's programs")?;
        while let Some(line) = told.recv().await {
            stage.progress(&line)?;
        }
        let ground = given.await.context("the control plane's thread ended without an answer")??;
        stage.place(ground.directory())?;
        Ok(ground)
    }

    fn raise(directory: Option<&Path>, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Ground> {
        if let Some(directory) = directory {
            must_be_new(directory)?;
        }
        let binaries = Binaries::find(progress)?;
        let named = directory.map(|directory| directory.join("cluster"));
        let cluster =
            LocalCluster::start(&binaries, Options { directory: named, parts: Parts::All }, progress)?;
        // A temporary folder is the cluster's: its supervisors remove it even after a kill -9.
        let own = cluster.directory();
        let directory = match directory {
            Some(_) => own.parent().unwrap_or(own).to_owned(),
            None => own.to_owned(),
        };
        Ok(Ground { supervisor: binaries.path(Program::Node).to_owned(), cluster, directory })
    }

    /// Where everything is kept.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// kubectl for someone, by their kubeconfig.
    pub(super) fn kubectl(&self, kubeconfig: &Path) -> Kubectl {
        Kubectl {
            supervisor: self.supervisor.clone(),
            program: self.cluster.kubectl().to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            home: kubeconfig.with_extension("home"),
        }
    }

    /// kubectl for the cluster's owner, past the gateway.
    pub(super) fn owner(&self) -> Kubectl {
        self.kubectl(self.cluster.admin_kubeconfig())
    }

    /// The manifest by which the gateway knows the cluster, with the gateway's own narrow credential.
    pub(super) fn manifest(&self) -> anyhow::Result<String> {
        let kubeconfig = self.cluster.kubeconfig_for(GATEWAY, &[])?;
        let path = serde_json::to_string(&kubeconfig.display().to_string())?;
        Ok(format!(
            "apiVersion: drawbridge.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: local}}\n\
             spec: {{kubeconfig: {{path: {path}}}}}\n"
        ))
    }

    /// Fills the cluster as its owner, and waits until everything in it is as it is going to be.
    pub(super) async fn fill(&self, stage: &mut Stage<'_>, clock: Clock) -> anyhow::Result<Orders> {
        stage.progress("filling the namespace shop: Jobs, Deployments with a history, Pods with logs")?;
        let owner = self.owner();
        for (file, text) in [("owner.yaml", OWNER), ("shop.yaml", SHOP)] {
            let path = self.write(file, text)?;
            owner.must(&["create", "-f", &path]).await?;
        }
        let log = |pod: &&str| self.cluster.log_file("shop", pod, "orders");
        let logs: Vec<PathBuf> = WITH_LOGS.iter().map(log).collect();
        let orders = Orders::write(&logs, clock)?;
        try_join!(
            second_version(&owner, "web", "shop/web:1.5"),
            second_version(&owner, "payments", "shop/payments:3.2"),
            wait(&owner, "rollout status statefulset/orders"),
            wait(
                &owner,
                "wait --for=condition=Complete job/report-monday job/report-tuesday job/report-wednesday"
            ),
        )?;
        let running =
            owner.must(&["-n", "shop", "get", "job", "import-catalog", "-o", "jsonpath={.status.ready}"]);
        if running.await? != "1" {
            // The others needed longer than its one Pod does.
            wait(&owner, "wait --for=jsonpath={.status.ready}=1 job/import-catalog").await?;
        }
        Ok(orders)
    }

    /// Writes a file of the quickstart's; the answer is its path.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.directory.join(name);
        let unwritten = || format!("{} can't be written", path.display());
        path.parent().map_or(Ok(()), std::fs::create_dir_all).with_context(unwritten)?;
        std::fs::write(&path, text).with_context(unwritten)?;
        self.path(name)
    }

    /// The path of a file of the quickstart's, as text.
    pub(super) fn path(&self, name: &str) -> anyhow::Result<String> {
        let path = self.directory.join(name);
        match path.to_str() {
            Some(text) => Ok(text.to_owned()),
            None => bail!("{} is no UTF-8 text; name another directory", path.display()),
        }
    }

    /// Ends the control plane, and removes its directory if it was a temporary one.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        Ok(self.cluster.stop()?)
    }
}

fn must_be_new(directory: &Path) -> anyhow::Result<()> {
    match directory.read_dir().map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => bail!("{} is not empty: name a new directory, or remove this one", directory.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{} can't be used", directory.display())),
    }
}

/// A first rollout that is complete, and a second one: something to go back to.
async fn second_version(owner: &Kubectl, deployment: &str, image: &str) -> anyhow::Result<()> {
    let rollout = format!("rollout status deployment/{deployment}");
    wait(owner, &rollout).await?;
    let (deployment, image) = (format!("deployment/{deployment}"), format!("*={image}"));
    owner.must(&["-n", "shop", "set", "image", &deployment, &image]).await?;
    wait(owner, &rollout).await
}

async fn wait(owner: &Kubectl, line: &str) -> anyhow::Result<()> {
    let mut arguments = vec!["-n", "shop"];
    arguments.extend(line.split(' '));
    arguments.push("--timeout=60s");
    owner.must(&arguments).await.map(drop)
}
