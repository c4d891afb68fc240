//! Every way in which the gateway says no, at its edge: a status code, a stable reason and one sentence that
//! is enough for a person or a language model to act on. Answered as a Kubernetes `Status`, so that every
//! client prints it.

mod words;

use drawbridge_policy::{BodyError, BodyFault, Denial, Missing, Next, Reason, Shown, Unreadable};
use http::{Response, StatusCode, header};
use serde_json::{Value, json};

use crate::broker::answer::Answer;
use crate::broker::screen::Fault;
use crate::broker::screen::form::Unfit;
use crate::broker::tap;
use crate::expand::{Inseparable, Stopped};
use crate::identity::account::BadAccount;
use crate::identity::certificate::BadCertificate;
use crate::identity::issuer::Unverified;
use crate::identity::proven::Stranger;
use crate::identity::token::BadToken;
use crate::limits::{Exceeded, NotCounted};
use crate::record::writer::NotRecorded;

/// Who reads a refusal.
#[derive(Debug, Default)]
pub struct Reader {
    /// The entry's id.
    id: String,
    form: Form,
}

/// What a reader makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    /// Every other Kubernetes client reads a `Status`.
    #[default]
    Status,
    /// client-go, while it asks which APIs there are, reads no `Status`: it prints the text of a text, and
    /// "unknown" for anything else (`rest.Result.Raw` in `discovery`).
    Text,
}

/// What client-go accepts while it asks which APIs there are.
const DISCOVERY: &str = "g=apidiscovery.k8s.io";

impl Reader {
    /// The caller of a request, told by what it accepts. `id` is the entry's.
    pub fn of<B>(request: &http::Request<B>, id: &str) -> Reader {
        let mut accepts = request.headers().get_all(header::ACCEPT).iter();
        let discovers = accepts.any(|accept| accept.to_str().is_ok_and(|accept| accept.contains(DISCOVERY)));
        Reader { id: id.to_owned(), form: if discovers { Form::Text } else { Form::Status } }
    }
}

/// Why a request was not carried out.
#[derive(Debug)]
pub enum Refusal {
    /// The request names another host than the connection did.
    Misdirected,
    /// The path names no cluster.
    NoCluster,
    /// The host is under the gateway's domain and can't be a cluster's.
    NoClusterHost,
    /// The path names a cluster that isn't known.
    UnknownCluster(String),
    /// Nothing in the request says who asks.
    NoCredential,
    /// The credential's form can't be used here.
    Credential(&'static str),
    /// The client certificate does not count.
    Certificate(BadCertificate),
    /// The token does not count.
    Token(BadToken),
    /// A cluster signed the token, and it is no service account's that could be an agent.
    Account(BadAccount),
    /// The account's cluster, whose name it holds, does not say whether the token still counts.
    NotReviewed(String),
    /// Nobody can tell whether the token counts. Holds the trusted issuer's name.
    NoIssuer(String),
    /// The credential is good and belongs to no known agent.
    Unrecognised(Box<Stranger>),
    /// The agent has as many copies as it may have. Holds the agent and the bound.
    TooManyInstances(String, usize),
    /// The agent or its key is suspended or revoked.
    Out(Out),
    /// The request can't be read in one way only.
    Unreadable(Unreadable),
    /// The body can't be read in one way only.
    Body(BodyError),
    /// Its headers can be read in more than one way.
    Ambiguous(&'static str),
    /// The caller does not read JSON, and the answer is written in nothing else.
    JsonAlone,
    /// It has more header fields than may be.
    TooManyFields(usize),
    /// The body is longer than any that a cluster takes.
    TooLarge(usize),
    /// The body did not come in time, or its sender went away.
    NoBody(&'static str),
    /// Too much is going on at once.
    Busy(&'static str),
    /// The policy says no.
    Denied(Box<Denial>),
    /// The rule that allows it has been used as often as it may be.
    Limit(Box<Exceeded>),
    /// Nobody can tell how often the rule was used.
    NotCounted(NotCounted),
    /// No form that the caller takes can be looked at.
    Unfit(Unfit),
    /// The answer could not be looked at.
    Unscreened(Fault),
    /// Its continue token, or the version that its watch begins with, is too old.
    Expired,
    /// The cluster would not take it: a dry run was answered with this status.
    NotRehearsed(StatusCode),
    /// It changed under every attempt.
    Moved,
    /// The pod that was looked at is gone, or another has its name.
    Replaced,
    /// What an open connection carries can't be read, and a condition looks at it. Holds a sentence.
    Stream(&'static str),
    /// It names a collection that can't be deleted one by one.
    Inseparable(Inseparable),
    /// Deleting a collection one by one ended before its end.
    Stopped(Box<Stopped>),
    /// It can't be recorded, so it isn't done.
    NotRecorded(NotRecorded),
    /// The cluster can't be reached, or not with the credential that the gateway has for it.
    Cluster(ClusterFault),
    /// The request was cut before there was an answer.
    Cut,
    /// A fault in the gateway.
    Fault,
}

/// Whose standing ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// The agent.
    pub agent: String,
    /// `agent`, `key` or `identity`.
    pub what: &'static str,
    /// `suspended` or `revoked`.
    pub how: &'static str,
}

/// What is wrong between the gateway and a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterFault {
    /// The credential or the address could not be read. Holds the cluster.
    Unusable(String),
    /// No connection. Holds the cluster.
    Unreachable(String),
    /// It took the request and did not answer, so that nobody knows what became of it. Holds the cluster.
    Silent(String),
    /// It does not take the gateway's credential. Holds the cluster.
    Unauthorized(String),
    /// It does not let the gateway act for agents. Holds the cluster.
    MayNotImpersonate(String),
    /// It answered with a redirect, which is never followed. Holds the cluster.
    Redirected(String),
}

impl From<Unverified> for Refusal {
    fn from(unverified: Unverified) -> Refusal {
        match unverified {
            Unverified::Token(bad) => Refusal::Token(bad),
            Unverified::Unreachable(name) => Refusal::NoIssuer(name),
        }
    }
}

impl From<tap::Fault> for Refusal {
    fn from(fault: tap::Fault) -> Refusal {
        match fault {
            tap::Fault::Port(denial) => Refusal::Denied(denial),
            tap::Fault::Unread(why) => Refusal::Stream(why),
        }
    }
}

impl Refusal {
    /// What is behind it, where it only adds what was done before.
    pub fn root(&self) -> &Refusal {
        match self {
            Refusal::Stopped(stopped) => stopped.refusal().unwrap_or(self),
            _ => self,
        }
    }

    /// The HTTP status: 401 only for credentials, 403 for policy, 503 when the gateway can't decide or
    /// record.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Refusal::NoCluster | Refusal::NoClusterHost | Refusal::UnknownCluster(_) => StatusCode::NOT_FOUND,
            Refusal::NoCredential
            | Refusal::Credential(_)
            | Refusal::Certificate(_)
            | Refusal::Token(_)
            | Refusal::Account(_)
            | Refusal::Unrecognised(_) => StatusCode::UNAUTHORIZED,
            Refusal::Denied(denial) => match (denial.shown(), denial.reason()) {
                (Shown::NotFound(_), _) => StatusCode::NOT_FOUND,
                (Shown::Whole, Reason::Conflict) => StatusCode::CONFLICT,
                (Shown::Whole, _) => StatusCode::FORBIDDEN,
            },
            Refusal::NotRehearsed(status) => *status,
            Refusal::Unfit(unfit) => (*unfit).into(),
            Refusal::Unscreened(_) => StatusCode::BAD_GATEWAY,
            Refusal::Expired => StatusCode::GONE,
            Refusal::Out(_) | Refusal::TooManyInstances(..) => StatusCode::FORBIDDEN,
            Refusal::Unreadable(_) | Refusal::Ambiguous(_) => StatusCode::BAD_REQUEST,
            Refusal::Body(error) => match error.fault() {
                BodyFault::Malformed => StatusCode::BAD_REQUEST,
                BodyFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                BodyFault::Type => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            },
            Refusal::JsonAlone => StatusCode::NOT_ACCEPTABLE,
            Refusal::TooManyFields(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::NoBody(_) => StatusCode::REQUEST_TIMEOUT,
            Refusal::Moved | Refusal::Replaced => StatusCode::CONFLICT,
            Refusal::Stream(_) => StatusCode::BAD_REQUEST,
            Refusal::Inseparable(unfit) => unfit.status(),
            Refusal::Stopped(stopped) => stopped.status(),
            // Not 429: clients wait as long as it says and try again by themselves, an hour if need be.
            Refusal::Limit(_) => StatusCode::FORBIDDEN,
            Refusal::Cluster(ClusterFault::Silent(_)) => StatusCode::GATEWAY_TIMEOUT,
            Refusal::Cluster(ClusterFault::Redirected(_)) => StatusCode::BAD_GATEWAY,
            Refusal::Busy(_)
            | Refusal::NotRecorded(_)
            | Refusal::NotCounted(_)
            | Refusal::NoIssuer(_)
            | Refusal::NotReviewed(_)
            | Refusal::Cluster(_)
            | Refusal::Cut => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A stable word: the record's field and a metric's label.
    pub fn reason(&self) -> &'static str {
        match self {
            Refusal::Misdirected => "misdirected",
            Refusal::NoCluster | Refusal::NoClusterHost => "no-cluster",
            Refusal::UnknownCluster(_) => "unknown-cluster",
            Refusal::NoCredential => "no-credential",
            Refusal::Credential(_) => "bad-credential",
            Refusal::Certificate(_) => "bad-certificate",
            Refusal::Token(_) | Refusal::Account(_) => "bad-token",
            Refusal::NoIssuer(_) => "no-issuer",
            Refusal::NotReviewed(_) => "not-reviewed",
            Refusal::Unrecognised(_) => "unrecognised",
            Refusal::TooManyInstances(..) => "too-many-instances",
            Refusal::Out(out) => out.how,
            Refusal::Unreadable(unreadable) => unreadable.reason(),
            Refusal::Body(error) => error.reason(),
            Refusal::Ambiguous(_) => "ambiguous",
            Refusal::JsonAlone => "not-acceptable",
            Refusal::TooManyFields(_) => "too-many-fields",
            Refusal::TooLarge(_) => "too-large",
            Refusal::NoBody(_) => "no-body",
            Refusal::Busy(_) => "busy",
            Refusal::Denied(denial) => denial.reason().as_str(),
            Refusal::Limit(_) => "limit",
            Refusal::NotCounted(_) => "not-counted",
            Refusal::NotRehearsed(_) => "not-rehearsed",
            Refusal::Unfit(_) => "not-acceptable",
            Refusal::Unscreened(_) => "unscreened",
            Refusal::Expired => "expired",
            Refusal::Moved => "moved",
            Refusal::Replaced => "replaced",
            Refusal::Stream(_) => "stream",
            Refusal::Inseparable(unfit) => unfit.reason(),
            Refusal::Stopped(stopped) => stopped.reason(),
            Refusal::NotRecorded(_) => "not-recorded",
            Refusal::Cluster(_) => "cluster",
            Refusal::Cut => "cut",
            Refusal::Fault => "fault",
        }
    }

    /// What the caller is told. Safe for it: it names no credential, no address and no other agent.
    pub fn message(&self) -> String {
        match self {
            Refusal::Misdirected => words::MISDIRECTED.to_owned(),
            Refusal::NoCluster => words::NO_CLUSTER.to_owned(),
            Refusal::NoClusterHost => words::NO_CLUSTER_HOST.to_owned(),
            Refusal::UnknownCluster(name) => {
                format!("no cluster {name:?} is known here; ask the gateway's administrator which there are")
            }
            Refusal::NoCredential => words::NO_CREDENTIAL.to_owned(),
            Refusal::Credential(why) => format!("the credential can't be used here: {why}"),
            Refusal::Certificate(bad) => bad.to_string(),
            Refusal::Token(bad) => bad.to_string(),
            Refusal::Account(bad) => bad.to_string(),
            Refusal::NoIssuer(_) => words::NO_ISSUER.to_owned(),
            Refusal::NotReviewed(_) => words::NOT_REVIEWED.to_owned(),
            Refusal::Unrecognised(stranger) => format!(
                "the credential is good but belongs to no known agent; 'drawbridge get unrecognised' shows \
                 an administrator whose it is, and how to enrol it (entry {})",
                stranger.id
            ),
            Refusal::TooManyInstances(agent, most) => format!(
                "agent {agent:?} may run in {most} copies at once and does; this is policy, not a fault. \
                 Next: wait until a copy has ended, or ask a person"
            ),
            Refusal::Out(out) => out.message(),
            Refusal::Unreadable(unreadable) => format!("the request is refused as ambiguous: {unreadable}"),
            Refusal::Body(error) => format!("the request's body is refused: {error}"),
            Refusal::Ambiguous(why) => format!("the request is refused as ambiguous: {why}"),
            Refusal::JsonAlone => {
                "the answer is made by the gateway, in JSON alone: accept application/json".to_owned()
            }
            Refusal::TooManyFields(bound) => format!("the request has more than {bound} header fields"),
            Refusal::TooLarge(bound) => format!("the request's body is longer than {bound} bytes"),
            Refusal::NoBody(why) => format!("the request's body did not arrive: {why}"),
            Refusal::Busy(what) => format!("the gateway is at its limit of {what}; try again in a moment"),
            Refusal::Denied(denial) => denial.message(),
            Refusal::Limit(exceeded) => exceeded.message(),
            Refusal::NotCounted(why) => {
                format!("{why}, and nothing that a limit bounds is done uncounted; try again in a moment")
            }
            Refusal::Unfit(unfit) => unfit.to_string(),
            Refusal::Unscreened(fault) => fault.to_string(),
            Refusal::Expired => "too old resource version or continue token: list again".to_owned(),
            Refusal::NotRehearsed(StatusCode::NOT_IMPLEMENTED) => words::NO_REHEARSAL.to_owned(),
            Refusal::NotRehearsed(status) => format!(
                "the cluster would not take it: a dry run, which a rule's condition needs, was answered \
                 with {}; what it said in detail is not passed on",
                status.as_u16()
            ),
            Refusal::Moved => "the object changed under every attempt to decide on it; try again".to_owned(),
            Refusal::Replaced => words::REPLACED.to_owned(),
            Refusal::Stream(why) => format!(
                "the connection was ended: {why}, and a rule's condition looks at the ports that it names"
            ),
            Refusal::Inseparable(unfit) => unfit.to_string(),
            Refusal::Stopped(stopped) => stopped.message(),
            Refusal::NotRecorded(why) => {
                format!("{why}, and nothing is done that isn't recorded; try again when it is")
            }
            Refusal::Cluster(fault) => fault.message(),
            Refusal::Cut => words::CUT.to_owned(),
            Refusal::Fault => words::FAULT.to_owned(),
        }
    }

    /// What the caller had best do.
    pub fn next(&self) -> Next {
        match self {
            Refusal::Denied(denial) => denial.next(),
            Refusal::Stopped(stopped) => stopped.next(),
            Refusal::NotRehearsed(_)
            | Refusal::Unfit(_)
            | Refusal::Unscreened(_)
            | Refusal::Expired
            | Refusal::Misdirected
            | Refusal::NoCluster
            | Refusal::NoClusterHost
            | Refusal::Unreadable(_)
            | Refusal::Body(_)
            | Refusal::Ambiguous(_)
            | Refusal::JsonAlone
            | Refusal::TooManyFields(_)
            | Refusal::Replaced
            | Refusal::Stream(_)
            | Refusal::Inseparable(_)
            | Refusal::TooLarge(_) => Next::ChangeRequest,
            Refusal::NoCredential
            | Refusal::Credential(_)
            | Refusal::Certificate(_)
            | Refusal::Token(_)
            | Refusal::Account(_) => Next::ReAuthenticate,
            Refusal::UnknownCluster(_) | Refusal::Unrecognised(_) | Refusal::TooManyInstances(..) => {
                Next::AskPerson
            }
            Refusal::Out(_) => Next::Stop,
            Refusal::NoBody(_)
            | Refusal::Busy(_)
            | Refusal::Moved
            | Refusal::Limit(_)
            | Refusal::NotCounted(_)
            | Refusal::NotRecorded(_)
            | Refusal::NoIssuer(_)
            | Refusal::NotReviewed(_)
            | Refusal::Cut => Next::Wait,
            Refusal::Cluster(fault) => fault.next(),
            Refusal::Fault => Next::AskPerson,
        }
    }

    /// What the record keeps about the decision.
    pub fn decided(&self) -> Value {
        match self {
            Refusal::Denied(denial) => json!({ "rule": denial.rule().map(ToString::to_string) }),
            Refusal::Limit(exceeded) => exceeded.decided(),
            Refusal::Stopped(stopped) => stopped.decided(),
            Refusal::NoIssuer(name) => json!({ "issuers": [name] }),
            Refusal::Token(BadToken::Unproven(unproven)) => json!({ "issuers": unproven.issuers() }),
            Refusal::NotReviewed(cluster) => json!({ "askedCluster": cluster }),
            Refusal::Unrecognised(stranger) => {
                json!({ "because": stranger.because.as_str(), "advice": stranger.advice })
            }
            _ => Value::Null,
        }
    }

    /// The answer: a Kubernetes `Status`, or its sentence alone where only that is read.
    pub fn respond(&self, reader: &Reader) -> Response<Answer> {
        let status = self.status();
        let (body, kind) = match (reader.form, self.missing()) {
            (_, Some(missing)) => (not_found(missing).to_string(), "application/json"),
            (Form::Status, None) => (self.body(&reader.id).to_string(), "application/json"),
            (Form::Text, None) => (self.message(), "text/plain; charset=utf-8"),
        };
        let mut response = own_answer(status, (body, kind), &reader.id);
        if status == StatusCode::UNAUTHORIZED {
            let bearer = http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }

    /// In how many seconds it may be worth trying again, where waiting is all that helps.
    fn wait(&self) -> Option<u64> {
        if let Refusal::Limit(exceeded) = self.root() {
            return Some(exceeded.retry_after());
        }
        let soon = self.next() == Next::Wait && self.status() == StatusCode::SERVICE_UNAVAILABLE;
        soon.then_some(1)
    }

    /// The object that its caller is told isn't there, and nothing else.
    fn missing(&self) -> Option<&Missing> {
        let Refusal::Denied(denial) = self else { return None };
        match denial.shown() {
            Shown::NotFound(missing) => Some(missing),
            Shown::Whole => None,
        }
    }

    /// The `Status`. `details` are the object's, as the API server gives them.
    fn body(&self, id: &str) -> Value {
        let status = self.status();
        let mut details = json!({
            "causes": [
                { "reason": self.reason(), "message": self.message(), "field": "drawbridge" },
                { "reason": "next", "message": self.next().as_str(), "field": "drawbridge.next" },
                { "reason": "entry", "message": id, "field": "drawbridge.entry" },
            ]
        });
        if let (Some(seconds), Some(details)) = (self.wait(), details.as_object_mut()) {
            details.insert("retryAfterSeconds".to_owned(), json!(seconds));
        }
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message(),
            "reason": kubernetes_reason(status),
            "details": details,
            "code": status.as_u16(),
        })
    }
}

/// The answer to who asks for an object that isn't there, or is as if it weren't: the same for both, header
/// by header. `id` is the entry's.
pub fn missing_one(missing: &Missing, id: &str) -> Response<Answer> {
    own_answer(StatusCode::NOT_FOUND, (not_found(missing).to_string(), "application/json"), id)
}

/// An answer of the gateway's own, of a type. `id` is the entry's.
fn own_answer(status: StatusCode, (body, kind): (String, &'static str), id: &str) -> Response<Answer> {
    let mut response = Response::new(Answer::whole(body.into_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-cache, private"));
    if let Ok(id) = http::HeaderValue::from_str(id) {
        headers.insert("audit-id", id);
    }
    response
}

/// What the API server answers where there is no such object, to the letter: nobody can tell one from the
/// other (`apierrors.NewNotFound`).
pub fn not_found(missing: &Missing) -> Value {
    let Missing { group, resource, name } = missing;
    let kind = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
    let mut details = json!({ "name": name });
    if let (Some(details), false) = (details.as_object_mut(), group.is_empty()) {
        details.insert("group".to_owned(), json!(group));
    }
    if let Some(details) = details.as_object_mut() {
        details.insert("kind".to_owned(), json!(resource));
    }
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("{kind} {name:?} not found"),
        "reason": "NotFound",
        "details": details,
        "code": 404,
    })
}

impl Out {
    fn message(&self) -> String {
        let whose = match self.what {
            "key" => format!("this key of agent {:?}", self.agent),
            "identity" => format!("this identity of agent {:?}", self.agent),
            _ => format!("agent {:?}", self.agent),
        };
        format!(
            "{whose} is {}. This is policy, not a fault: retrying or another tool won't help. Next: stop; a \
             person decides when and whether it goes on.",
            self.how
        )
    }
}

impl ClusterFault {
    /// One sentence.
    pub fn message(&self) -> String {
        match self {
            ClusterFault::Unusable(cluster) => format!(
                "the gateway can't use its configuration for cluster {cluster:?}; its administrator sees why \
                 in the gateway's log"
            ),
            ClusterFault::Unreachable(cluster) => {
                format!("cluster {cluster:?} can't be reached; nothing was sent; try again in a moment")
            }
            ClusterFault::Silent(cluster) => format!(
                "cluster {cluster:?} took the request and gave no whole answer: it may have been carried out \
                 or not; look before you repeat it"
            ),
            ClusterFault::Unauthorized(cluster) => format!(
                "cluster {cluster:?} does not take the gateway's own credential (expired?); the gateway's \
                 administrator must renew it"
            ),
            ClusterFault::MayNotImpersonate(cluster) => format!(
                "cluster {cluster:?} does not let the gateway act for agents; its owner must give the \
                 gateway the role that docs/guides/cluster.md shows"
            ),
            ClusterFault::Redirected(cluster) => {
                format!("cluster {cluster:?} answered with a redirect, which the gateway never follows")
            }
        }
    }

    fn next(&self) -> Next {
        match self {
            ClusterFault::Unreachable(_) => Next::Wait,
            ClusterFault::Silent(_) => Next::ChangeRequest,
            ClusterFault::Unusable(_)
            | ClusterFault::Unauthorized(_)
            | ClusterFault::MayNotImpersonate(_)
            | ClusterFault::Redirected(_) => Next::AskPerson,
        }
    }
}

/// The word that Kubernetes clients know for a status code.
pub fn kubernetes_reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "BadRequest",
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::NOT_ACCEPTABLE => "NotAcceptable",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
        StatusCode::NOT_ACCEPTABLE => "NotAcceptable",
        StatusCode::GONE => "Expired",
        StatusCode::UNPROCESSABLE_ENTITY => "Invalid",
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => "Timeout",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "RequestEntityTooLarge",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "UnsupportedMediaType",
        StatusCode::GONE => "Expired",
        StatusCode::NOT_ACCEPTABLE => "NotAcceptable",
        StatusCode::UNPROCESSABLE_ENTITY => "Invalid",
        StatusCode::NOT_IMPLEMENTED => "Forbidden",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        _ => "InternalError",
    }
}
