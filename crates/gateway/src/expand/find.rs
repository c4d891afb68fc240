//! Which objects a collection has: a list of the gateway's own, read as the agent, with the caller's own
//! selectors.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::Collection;
use super::inseparable::Inseparable;
use super::stopped::{Because, Stopped};
use crate::errand::{ToCluster, Wish};
use crate::refusal::{ClusterFault, Refusal};
use crate::telemetry::Called;

/// The most objects that one request deletes one by one: as many as a minute or two take. Their names are
/// all that is kept, some hundred bytes each.
const MOST: usize = 10_000;
/// Objects of one page. With all annotations that they may have, this many fit into what is read of one.
const PAGE: usize = 100;
/// The most pages: twice as many as are needed if each but the last is full.
const PAGES: usize = 2 * MOST / PAGE;

/// A list, as far as its objects' names go.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    metadata: OfList,
    items: Option<Vec<Item>>,
}

#[derive(Debug, Deserialize, Default)]
struct OfList {
    #[serde(default, rename = "continue")]
    after: String,
}

#[derive(Debug, Deserialize)]
struct Item {
    metadata: OfItem,
}

#[derive(Debug, Deserialize)]
struct OfItem {
    name: String,
    #[serde(default)]
    namespace: String,
}

impl Collection<'_> {
    /// The names of its objects, before anything is deleted: a list that is begun must be read on within
    /// minutes. `entry` is the collection's.
    pub(super) async fn find(self, entry: &str) -> Result<Vec<String>, Refusal> {
        let (lease, _, _) = self.on;
        let attributes = self.case.attributes();
        let namespace = attributes.resource().map_or("", |resource| resource.namespace());
        let limit = attributes.limit().map_err(Refusal::Unreadable)?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let (mut names, mut after) = (Vec::new(), None);
        for _ in 0..PAGES {
            let left = limit.unwrap_or(MOST).min(MOST).saturating_sub(names.len());
            let path = attributes.page(left.min(PAGE), after.as_deref());
            let page = lease.unless_cut(self.page(&path, entry)).await?;
            for Item { metadata } in page.items.unwrap_or_default() {
                // The API server deletes no collection over all namespaces, either.
                if metadata.namespace != namespace {
                    return Err(Refusal::Inseparable(Inseparable::Everywhere));
                }
                names.push(metadata.name);
            }
            let is_last = page.metadata.after.is_empty();
            if is_last || limit.is_some_and(|limit| names.len() >= limit) {
                return Ok(names);
            }
            if names.len() >= MOST {
                break;
            }
            after = Some(page.metadata.after);
        }
        Err(Refusal::Inseparable(Inseparable::TooMany(MOST)))
    }

    async fn page(self, path: &str, entry: &str) -> Result<Page, Refusal> {
        let (_, cluster, _) = self.on;
        let errand = cluster.run(ToCluster::Fact { agent: self.case.agent(), wish: Wish::Page(path), entry });
        let read = self.gate.record.metrics().errand(Called::Page, errand).await;
        let (status, body) = read.map_err(Refusal::Cluster)?;
        if status == StatusCode::OK {
            let silent = |_no_list| Refusal::Cluster(ClusterFault::Silent(cluster.name().to_owned()));
            return serde_json::from_slice(&body).map_err(silent);
        }
        let told = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let told = told.get("message").and_then(Value::as_str).unwrap_or_default();
        let because = Because::Answered(status, told.to_owned());
        Err(Refusal::Stopped(Box::new(Stopped::before(because))))
    }
}
