//! The gateway's own calls: a closed list. Everything else that is sent has a permit.

use bytes::Bytes;
use drawbridge_policy::{AgentName, Attributes};
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::cluster::renew::Account;
use crate::cluster::review::{Asker, Review};

/// An object that a decision reads may have this many bytes; etcd takes less than 2 MiB.
const MAX_OBJECT: usize = 3 * 1024 * 1024;
/// A page of objects.
const MAX_PAGE: usize = 64 * 1024 * 1024;
/// All revisions of a workload together: a workload keeps ten unless it says otherwise.
const MAX_REVISIONS: usize = 8 * 1024 * 1024;
/// One page of a collection that is deleted object by object. All annotations of an object together have at
/// most 256 KiB, and what else its metadata has is some KiB.
const MAX_NAMES: usize = 32 * 1024 * 1024;
/// The longest description of an issuer: those in use have 1 to 4 KiB.
const MAX_DOCUMENT: usize = 64 * 1024;
/// The longest set of keys. One with a certificate chain beside each of its keys has some tens of KiB.
const MAX_KEYS: usize = 512 * 1024;

/// Why the gateway itself calls somebody.
#[derive(Clone, Copy)]
pub enum Errand<'a> {
    /// Over the cluster's own connection, with the gateway's credential for it.
    Cluster(ToCluster<'a>),
    /// Over a connection of its own, without any credential.
    Issuer(ToIssuer<'a>),
}

/// What the gateway asks a cluster.
#[derive(Clone, Copy)]
pub enum ToCluster<'a> {
    /// What a decision needs to know, read as the agent, so that the ceiling bounds it.
    Fact {
        /// As whom.
        agent: &'a AgentName,
        /// What.
        wish: Wish<'a>,
        /// That request's entry, so that the cluster's audit log joins with the record here, too.
        entry: &'a str,
    },
    /// Who issues the tokens of its service accounts, asked as the gateway itself.
    IssuerDocument,
    /// The keys that they are signed with, asked as the gateway itself.
    IssuerKeys,
    /// What `doctor` and readiness ask: who the gateway is in the cluster, and what it or an agent may do.
    /// The cluster answers about the asker only, and nothing is changed.
    Review {
        /// As whom.
        asker: Asker<'a>,
        /// What.
        review: Review<'a>,
    },
    /// A new token of the gateway's own account, before the one it has ends.
    Renew {
        /// The account.
        account: &'a Account,
        /// How long the token is to last.
        seconds: i64,
    },
    /// Whether a token of one of its service accounts still counts, asked as the gateway itself.
    TokenReview {
        /// The token that a caller presented.
        token: &'a str,
        /// The gateway's url, for which it must count.
        audience: &'a str,
    },
    /// Whether an API is the API server's own, asked as the gateway itself.
    ApiService {
        /// `VERSION.GROUP`.
        name: &'a str,
    },
}

/// An object that a decision looks at.
#[derive(Debug, Clone, Copy)]
pub enum Wish<'a> {
    /// The object that a request names, without its subresource.
    Live(&'a Attributes),
    /// What a request's own path reads: of `…/scale` the Scale.
    Part(&'a Attributes),
    /// A namespace, by its name.
    Namespace(&'a str),
    /// The earlier revisions of a workload: a list, by its path and query.
    Revisions(&'a str),
    /// A page of the list that a filtered watch begins with, by its path and query.
    Beginning(&'a str),
    /// Which objects a collection has: one page of a list, by its path and query. Of the objects only their
    /// metadata is asked for.
    Page(&'a str),
}

impl Wish<'_> {
    fn path(self) -> String {
        match self {
            Wish::Live(attributes) => object_path(attributes).to_owned(),
            Wish::Part(attributes) => attributes.path().to_owned(),
            Wish::Namespace(name) => format!("/api/v1/namespaces/{name}"),
            Wish::Revisions(path) | Wish::Beginning(path) | Wish::Page(path) => path.to_owned(),
        }
    }
}

/// What the gateway asks an OpenID Connect issuer.
#[derive(Debug, Clone, Copy)]
pub enum ToIssuer<'a> {
    /// Its description (OpenID Connect Discovery 1.0 §4).
    Document {
        /// The issuer's url.
        url: &'a str,
    },
    /// Its keys (RFC 7517).
    Keys {
        /// Where its description says they are.
        address: &'a Uri,
    },
}

impl std::fmt::Debug for Errand<'_> {
    /// Its kind alone: one of them carries a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Errand<'_> {
    /// A stable word for metrics and logs.
    pub fn kind(self) -> &'static str {
        match self {
            Errand::Cluster(ToCluster::Fact { wish, .. }) => match wish {
                Wish::Live(_) | Wish::Part(_) => "live",
                Wish::Namespace(_) => "namespace",
                Wish::Revisions(_) => "revisions",
                Wish::Beginning(_) => "beginning",
                Wish::Page(_) => "page",
            },
            Errand::Cluster(ToCluster::IssuerDocument) => "cluster-issuer",
            Errand::Cluster(ToCluster::IssuerKeys) => "cluster-keys",
            Errand::Cluster(ToCluster::Review { .. }) => "review",
            Errand::Cluster(ToCluster::Renew { .. }) => "renew",
            Errand::Cluster(ToCluster::TokenReview { .. }) => "token-review",
            Errand::Cluster(ToCluster::ApiService { .. }) => "api-service",
            Errand::Issuer(ToIssuer::Document { .. }) => "oidc-discovery",
            Errand::Issuer(ToIssuer::Keys { .. }) => "oidc-keys",
        }
    }

    /// The longest answer that is read.
    pub fn longest_answer(self) -> usize {
        match self {
            Errand::Cluster(ToCluster::Fact { wish: Wish::Revisions(_), .. }) => MAX_REVISIONS,
            Errand::Cluster(ToCluster::Fact { wish: Wish::Beginning(_), .. }) => MAX_PAGE,
            Errand::Cluster(ToCluster::Fact { wish: Wish::Page(_), .. }) => MAX_NAMES,
            Errand::Cluster(ToCluster::Fact { .. } | ToCluster::Review { .. }) => MAX_OBJECT,
            Errand::Cluster(
                ToCluster::IssuerDocument
                | ToCluster::Renew { .. }
                | ToCluster::TokenReview { .. }
                | ToCluster::ApiService { .. },
            )
            | Errand::Issuer(ToIssuer::Document { .. }) => MAX_DOCUMENT,
            Errand::Cluster(ToCluster::IssuerKeys) | Errand::Issuer(ToIssuer::Keys { .. }) => MAX_KEYS,
        }
    }

    /// API servers answer 406 for their keys to who accepts JSON alone.
    fn accepted(self) -> &'static str {
        match self {
            // An API that doesn't know the short form answers with whole objects.
            Errand::Cluster(ToCluster::Fact { wish: Wish::Page(_), .. }) => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json"
            }
            Errand::Cluster(ToCluster::IssuerKeys) | Errand::Issuer(ToIssuer::Keys { .. }) => {
                "application/jwk-set+json, application/json"
            }
            Errand::Cluster(
                ToCluster::Fact { .. }
                | ToCluster::IssuerDocument
                | ToCluster::Review { .. }
                | ToCluster::Renew { .. }
                | ToCluster::TokenReview { .. }
                | ToCluster::ApiService { .. },
            )
            | Errand::Issuer(ToIssuer::Document { .. }) => "application/json",
        }
    }

    /// The request: a path for a cluster, an address for an issuer.
    ///
    /// # Errors
    /// An issuer's url that no address can be made of.
    pub fn request(self) -> Result<Request<Full<Bytes>>, http::Error> {
        let plain = Request::builder()
            .method(Method::GET)
            .header(header::ACCEPT, self.accepted())
            .header(header::USER_AGENT, "drawbridge");
        let posted = |path: &str, body: &Value| {
            let request = Request::builder()
                .method(Method::POST)
                .uri(path)
                .header(header::ACCEPT, "application/json")
                .header(header::USER_AGENT, "drawbridge")
                .header(header::CONTENT_TYPE, "application/json");
            request.body(Full::new(Bytes::from(body.to_string())))
        };
        let addressed = match self {
            Errand::Cluster(ToCluster::Review { review, .. }) => {
                return posted(review.path(), &review.body());
            }
            Errand::Cluster(ToCluster::Renew { account, seconds }) => {
                return posted(&account.path(), &Account::body(seconds));
            }
            Errand::Cluster(ToCluster::Fact { wish, entry, .. }) => {
                plain.uri(wish.path()).header("audit-id", entry)
            }
            Errand::Cluster(ToCluster::IssuerDocument) => plain.uri("/.well-known/openid-configuration"),
            Errand::Cluster(ToCluster::IssuerKeys) => plain.uri("/openid/v1/jwks"),
            Errand::Cluster(ToCluster::ApiService { name }) => {
                plain.uri(format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}"))
            }
            Errand::Cluster(ToCluster::TokenReview { token, audience }) => {
                let review = json!({
                    "apiVersion": "authentication.k8s.io/v1",
                    "kind": "TokenReview",
                    "spec": { "token": token, "audiences": [audience] },
                });
                return posted("/apis/authentication.k8s.io/v1/tokenreviews", &review);
            }
            Errand::Issuer(ToIssuer::Document { url }) => {
                // A slash at the end goes first (OpenID Connect Discovery 1.0 §4.1).
                let url = url.strip_suffix('/').unwrap_or(url);
                plain.uri(format!("{url}/.well-known/openid-configuration"))
            }
            Errand::Issuer(ToIssuer::Keys { address }) => plain.uri(address.clone()),
        };
        addressed.body(Full::default())
    }
}

impl<'a> From<ToCluster<'a>> for Errand<'a> {
    fn from(errand: ToCluster<'a>) -> Errand<'a> {
        Errand::Cluster(errand)
    }
}

impl<'a> From<ToIssuer<'a>> for Errand<'a> {
    fn from(errand: ToIssuer<'a>) -> Errand<'a> {
        Errand::Issuer(errand)
    }
}

/// The path of the object itself: the request's, without the subresource and what follows it.
fn object_path(attributes: &Attributes) -> &str {
    let beyond = attributes.resource().map_or(0, |resource| resource.parts().len().saturating_sub(2));
    let mut path = attributes.path();
    for _ in 0..beyond {
        path = path.rsplit_once('/').map_or(path, |(object, _)| object);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_s_description_is_where_the_standard_says() {
        for (url, address) in [
            ("https://a.example", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
            ("https://a.example/x/y", "https://a.example/x/y/.well-known/openid-configuration"),
        ] {
            let request = Errand::from(ToIssuer::Document { url }).request().unwrap();
            assert_eq!(request.uri(), address);
        }
    }
}
