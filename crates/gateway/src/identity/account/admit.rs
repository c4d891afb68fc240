//! What is asked of a service account beyond its token: that it is the one that was enrolled, and, where its
//! cluster's manifest says so, that its pod is still there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_policy::{AgentName, Millis};
use drawbridge_store::Store;
use http::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use super::Workload;
use super::kept::{KeptUids, NotTheSame};
use super::live::{Digest, Reviews, Verdict};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::errand::ToCluster;
use crate::manifest::{Review, ServiceAccounts};
use crate::telemetry::{Called, Metrics};

/// A cluster that has not said for so long whether a token counts has not said it.
const ANSWER: Duration = Duration::from_secs(5);

/// Why a cluster does not say, where the gateway is not allowed to ask.
const MAY_NOT: &str = "the gateway may not create tokenreviews there; docs/guides/cluster.md has the role";

/// Pods whose latest token is remembered between two rounds; past it, what is open goes by its own token.
const MOST: usize = 10_000;

/// The service accounts that were seen, and what clusters said of their tokens lately.
#[derive(Debug)]
pub struct Accounts {
    kept: KeptUids,
    reviews: Reviews,
    audience: Arc<str>,
    metrics: Arc<Metrics>,
    clock: Clock,
    /// The token of each pod that ends last: what it opened before stays open when it renews its token.
    latest: Mutex<HashMap<Copy, Arc<Vouched>>>,
}

/// What tells one pod from another: the cluster, and the pod's or the account's uid.
pub type Copy = (String, String);

/// A service account's token that its cluster signed.
#[derive(Debug)]
pub struct Presented {
    /// What it says.
    pub workload: Workload,
    /// Whose account it is.
    pub cluster: Arc<Cluster>,
    /// What that cluster's manifest asks.
    pub asked: ServiceAccounts,
    /// The token itself.
    pub token: Secret,
    /// When it ends.
    pub ends: Millis,
}

/// A text that is never shown.
pub struct Secret(Box<str>);

impl Secret {
    /// Keeps it.
    #[must_use]
    pub fn new(text: &str) -> Secret {
        Secret(text.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A token that its cluster must go on to vouch for while anything is open. Kept in memory for as long.
#[derive(Debug)]
pub struct Vouched {
    workload: Workload,
    cluster: Arc<Cluster>,
    token: Secret,
    digest: Digest,
    ends: Millis,
}

impl Vouched {
    /// Whose it is.
    #[must_use]
    pub fn copy(&self) -> Copy {
        let uid = self.workload.pod().map_or(&**self.workload.uid(), super::Object::uid);
        (self.cluster.name().to_owned(), uid.to_owned())
    }

    /// When it ends.
    #[must_use]
    pub fn ends(&self) -> Millis {
        self.ends
    }
}

/// Why an account's request is not carried out.
#[derive(Debug)]
pub enum NotAdmitted {
    /// The account was made again. Holds what an administrator should know.
    MadeAgain(NotTheSame),
    /// Its uid could not be written down.
    NotKept(NotTheSame),
    /// Its pod or the account is gone.
    Gone,
    /// The cluster, whose name it holds, could not be asked.
    Unknown(String),
}

impl Accounts {
    /// Reads what was kept so far. `audience` is the gateway's url.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn load(
        store: Store,
        audience: Arc<str>,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Result<Accounts, drawbridge_store::Error> {
        let kept = KeptUids::load(store).await?;
        let (reviews, latest) = (Reviews::default(), Mutex::default());
        Ok(Accounts { kept, reviews, audience, metrics, clock, latest })
    }

    /// Admits it as `agent`, whose manifest may state the account's uid. The answer is what must be asked
    /// again while anything is open; none where the cluster is not asked.
    ///
    /// # Errors
    /// It is another account, it is gone, or one of both can't be known.
    pub async fn admit(
        &self,
        presented: Presented,
        agent: &AgentName,
        stated: Option<&str>,
        now: Millis,
    ) -> Result<Option<Arc<Vouched>>, NotAdmitted> {
        let Presented { workload, cluster, asked, token, ends } = presented;
        if asked.review == Review::Never {
            self.same(&workload, agent, stated, now).await?;
            return Ok(None);
        }
        let digest = Digest::of(cluster.name(), &token.0);
        let vouched = Arc::new(Vouched { workload, cluster, token, digest, ends });
        match self.verdict(&vouched).await {
            Verdict::Alive => {}
            Verdict::Gone => return Err(NotAdmitted::Gone),
            Verdict::Unknown => return Err(NotAdmitted::Unknown(vouched.cluster.name().to_owned())),
        }
        // Only then: the token of an account that is gone must not decide which one is kept.
        self.same(&vouched.workload, agent, stated, now).await?;
        self.note(&vouched);
        Ok(Some(vouched))
    }

    async fn same(
        &self,
        workload: &Workload,
        agent: &AgentName,
        stated: Option<&str>,
        now: Millis,
    ) -> Result<(), NotAdmitted> {
        let same = self.kept.check(workload, stated, agent, now).await;
        same.map_err(|other| match other {
            NotTheSame::MadeAgain { .. } => NotAdmitted::MadeAgain(other),
            NotTheSame::NotKept(_) => NotAdmitted::NotKept(other),
        })
    }

    /// What its cluster says of a token, now or some seconds ago.
    pub async fn verdict(&self, vouched: &Vouched) -> Verdict {
        self.reviews.verdict(vouched.digest, &self.clock, self.ask(vouched)).await
    }

    /// Of each pod that has something open the token that ends last. The others' are forgotten.
    pub fn latest(&self, open: Vec<Arc<Vouched>>) -> HashMap<Copy, Arc<Vouched>> {
        let mut latest: HashMap<Copy, Arc<Vouched>> = HashMap::new();
        for vouched in open {
            later(&mut latest, vouched);
        }
        let mut seen = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|copy, _| latest.contains_key(copy));
        for vouched in seen.values() {
            later(&mut latest, vouched.clone());
        }
        latest
    }

    fn note(&self, vouched: &Arc<Vouched>) {
        let mut seen = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < MOST || seen.contains_key(&vouched.copy()) {
            later(&mut seen, vouched.clone());
        }
    }

    async fn ask(&self, vouched: &Vouched) -> Verdict {
        let cluster = &vouched.cluster;
        let errand = ToCluster::TokenReview { token: &vouched.token.0, audience: &self.audience };
        let unknown = |why: &str| {
            tracing::warn!(cluster = cluster.name(), why, "a token could not be reviewed");
            Verdict::Unknown
        };
        let asked = async {
            let answer = timeout(ANSWER, cluster.run(errand)).await;
            let answer = answer.map_err(|_elapsed| "the cluster gave no answer in time".to_owned())?;
            let (status, body) = answer.map_err(|fault| fault.message())?;
            let said = match status {
                StatusCode::OK | StatusCode::CREATED => read(&body, &vouched.workload, &self.audience),
                StatusCode::FORBIDDEN => return Err(MAY_NOT.to_owned()),
                _ => return Err("the cluster refused the review".to_owned()),
            };
            said.ok_or_else(|| "no TokenReview came back".to_owned())
        };
        self.metrics.errand(Called::TokenReview, asked).await.unwrap_or_else(|why| unknown(&why))
    }
}

/// Keeps the one of a pod's tokens that ends later.
fn later(latest: &mut HashMap<Copy, Arc<Vouched>>, vouched: Arc<Vouched>) {
    let copy = vouched.copy();
    if latest.get(&copy).is_none_or(|known| known.ends < vouched.ends) {
        latest.insert(copy, vouched);
    }
}

/// What a `TokenReview` says: the token counts only for exactly this account and for this gateway.
fn read(body: &[u8], workload: &Workload, audience: &str) -> Option<Verdict> {
    let review: Value = serde_json::from_slice(body).ok()?;
    let status = review.get("status")?.as_object()?;
    if status.get("authenticated").and_then(Value::as_bool) != Some(true) {
        return Some(Verdict::Gone);
    }
    let user = status.get("user")?;
    let text = |field: &str| user.get(field).and_then(Value::as_str);
    let account = workload.account();
    let name = format!("system:serviceaccount:{}:{}", account.namespace, account.name);
    let same = text("username") == Some(name.as_str()) && text("uid") == Some(workload.uid());
    let audiences = status.get("audiences").and_then(Value::as_array)?;
    let ours = audiences.iter().any(|one| one.as_str() == Some(audience));
    Some(if same && ours { Verdict::Alive } else { Verdict::Gone })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::Patience;
    use crate::manifest::ClusterAccess;

    fn workload() -> Workload {
        let claims = json!({ "kubernetes.io": {
            "namespace": "agents", "serviceaccount": { "name": "cleanup", "uid": "u1" },
        } });
        let subject = "system:serviceaccount:agents:cleanup";
        Workload::read("prod", subject, claims.as_object().unwrap()).unwrap()
    }

    fn review(status: &Value) -> Option<Verdict> {
        let body = json!({ "kind": "TokenReview", "status": status }).to_string();
        read(body.as_bytes(), &workload(), "https://gate.example")
    }

    #[test]
    fn a_token_counts_for_exactly_this_account_and_this_gateway() {
        let user = json!({ "username": "system:serviceaccount:agents:cleanup", "uid": "u1" });
        let alive = json!({ "authenticated": true, "user": user, "audiences": ["https://gate.example"] });
        assert_eq!(review(&alive), Some(Verdict::Alive));
        let with = |field: &str, value: Value| {
            let mut status = alive.clone();
            status[field] = value;
            review(&status)
        };
        assert_eq!(with("authenticated", json!(false)), Some(Verdict::Gone));
        assert_eq!(with("authenticated", json!("true")), Some(Verdict::Gone));
        assert_eq!(with("audiences", json!(["https://gate.example/"])), Some(Verdict::Gone));
        assert_eq!(with("audiences", json!([])), Some(Verdict::Gone));
        assert_eq!(with("user", json!({ "username": user["username"], "uid": "u2" })), Some(Verdict::Gone));
        assert_eq!(with("user", json!({ "username": "x", "uid": "u1" })), Some(Verdict::Gone));
        assert_eq!(review(&json!({ "error": "pod is gone" })), Some(Verdict::Gone));
    }

    #[test]
    fn what_is_no_review_says_nothing() {
        for body in ["", "{}", "[]", "{\"status\":1}", "<html>"] {
            assert_eq!(read(body.as_bytes(), &workload(), "https://gate.example"), None, "{body}");
        }
        assert_eq!(review(&json!({ "authenticated": true })), None);
    }

    #[test]
    fn of_a_pod_s_tokens_the_one_that_ends_last_is_asked_about_and_only_while_something_is_open() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let location = drawbridge_store::Location::Sqlite(directory.path().join("a.db"));
            let store = Store::open(&location).await.unwrap();
            let accounts =
                Accounts::load(store, "https://gate.example".into(), Arc::default(), Clock::system())
                    .await
                    .unwrap();
            let patience = Patience { connect: ANSWER, answer: ANSWER };
            let cluster = Arc::new(Cluster::new("prod".to_owned(), ClusterAccess::InCluster, patience));
            let token = |text: &str, ends| {
                let (digest, token) = (Digest::of("prod", text), Secret::new(text));
                let (workload, cluster) = (workload(), cluster.clone());
                Arc::new(Vouched { workload, cluster, token, digest, ends: Millis(ends) })
            };
            let (old, new) = (token("old", 1), token("new", 2));
            accounts.note(&new);
            accounts.note(&old);
            let ends = |open| accounts.latest(open).values().map(|one| one.ends().0).collect::<Vec<_>>();
            assert_eq!(ends(vec![old.clone()]), [2], "it renewed its token since");
            assert_eq!(ends(Vec::new()), [0_i64; 0]);
            assert_eq!(ends(vec![old]), [1], "what has nothing open is forgotten");
        });
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new("eyJ")), "Secret");
    }
}
