//! What a condition sees: Kubernetes' variables, filled from the case and the facts.

use serde_json::{Map, Value, json};

use crate::attributes::{Attributes, Verb};
use crate::case::Case;
use crate::condition::{Bindings, Condition, Variable, Verdict, changed};
use crate::rules::Ask;
use crate::time::Millis;

use super::facts::Facts;
use super::manner::Manner;

/// What stays the same for every condition of one decision.
#[derive(Debug, Clone)]
pub(super) struct View {
    request: Value,
    agent: Value,
    now: Millis,
    options: Option<Value>,
}

impl View {
    pub(super) fn of(case: &Case, ask: Ask<'_>, manner: Manner, now: Millis) -> Self {
        let attributes = case.attributes();
        let options = (manner == Manner::Opened).then(|| options(attributes));
        Self { request: request(case, ask), agent: json!({ "name": case.agent().as_str() }), now, options }
    }

    /// The options of an exec, attach, port-forward or log, which stand in its query.
    pub(super) fn options(&self) -> Option<&Value> {
        self.options.as_ref()
    }

    /// Whether a condition holds. `grant` is what its rule is held through.
    pub(super) fn check(&self, condition: &Condition, grant: &str, seen: Seen<'_>) -> Verdict {
        let grant = json!({ "name": grant });
        let task = Value::Null;
        let pointers = match (condition.names(Variable::Changed), seen.old, seen.object) {
            (true, Some(old), Some(object)) => changed(old, object),
            (true, None, _) | (true, _, None) | (false, ..) => Vec::new(),
        };
        condition.check(&Bindings {
            request: &self.request,
            object: seen.object,
            old_object: seen.old,
            namespace_object: seen.namespace,
            agent: &self.agent,
            grant: &grant,
            task: &task,
            changed: &pointers,
            revisions: seen.revisions,
            now: self.now,
        })
    }
}

/// The objects that a condition is asked about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen<'a> {
    pub(super) object: Option<&'a Value>,
    pub(super) old: Option<&'a Value>,
    pub(super) namespace: Option<&'a Value>,
    pub(super) revisions: &'a [Value],
}

impl<'a> Seen<'a> {
    /// What the facts have for a request of this manner.
    pub(super) fn of(manner: Manner, view: &'a View, attributes: &Attributes, facts: &'a Facts) -> Self {
        let live = facts.live().and_then(super::facts::Live::object);
        let (object, old) = match manner {
            Manner::Created => (facts.stored(), None),
            Manner::Changed => (facts.stored(), old(attributes, facts).and_then(super::facts::Live::object)),
            Manner::Deleted | Manner::Evicted => (None, live),
            Manner::Opened => (view.options(), live),
            Manner::Seen | Manner::Collection | Manner::Other => (None, None),
        };
        let revisions = facts.revisions().flatten().unwrap_or_default();
        Self { object, old, namespace: facts.namespace().flatten(), revisions }
    }
}

/// What a change changes: the object, or the part of it that the path names.
pub(super) fn old<'a>(attributes: &Attributes, facts: &'a Facts) -> Option<&'a super::facts::Live> {
    let whole = attributes.resource().is_none_or(|resource| resource.subresource().is_empty());
    if whole { facts.live() } else { facts.part() }
}

/// `request`, as far as a gateway knows it (Kubernetes, "Validating Admission Policy": `AdmissionRequest`).
fn request(case: &Case, ask: Ask<'_>) -> Value {
    let attributes = case.attributes();
    let mut request = Map::new();
    let mut put = |key: &str, value: Value| drop(request.insert(key.to_owned(), value));
    if let Ask::Resource(on) = ask {
        let version = attributes.resource().map_or("", |resource| resource.version());
        let resource = json!({ "group": on.group, "version": version, "resource": on.resource });
        put("requestResource", resource.clone());
        put("resource", resource);
        put("requestSubResource", json!(on.subresource));
        put("subResource", json!(on.subresource));
        put("namespace", json!(on.namespace));
        put("name", json!(on.name));
    }
    put("userInfo", json!({ "username": case.agent().as_str() }));
    put("operation", json!(operation(attributes)));
    put("dryRun", json!(case.is_dry_run()));
    Value::Object(request)
}

fn operation(attributes: &Attributes) -> &'static str {
    if attributes.connect().is_some() {
        return "CONNECT";
    }
    match attributes.verb() {
        Verb::Create => "CREATE",
        Verb::Update | Verb::Patch => "UPDATE",
        Verb::Delete | Verb::DeleteCollection => "DELETE",
        Verb::Get | Verb::List | Verb::Watch | Verb::Http(_) => "",
    }
}

/// `PodExecOptions` and its like, as the API server reads them from the query. Keys that may repeat are
/// lists; flags are false unless given.
fn options(attributes: &Attributes) -> Value {
    let mut options = Map::new();
    for flag in ["stdin", "stdout", "stderr", "tty", "follow", "previous", "timestamps"] {
        let given = attributes.query().get(flag).is_some_and(crate::attributes::is_true);
        options.insert(flag.to_owned(), json!(given));
    }
    for text in ["container", "stream"] {
        options.insert(text.to_owned(), json!(attributes.query().get(text).unwrap_or_default()));
    }
    for number in ["tailLines", "sinceSeconds", "limitBytes"] {
        if let Some(value) = attributes.query().get(number).and_then(|text| text.parse::<i64>().ok()) {
            options.insert(number.to_owned(), json!(value));
        }
    }
    let words = attributes.query().pairs().filter(|(key, _)| *key == "command").map(|(_, word)| word);
    options.insert("command".to_owned(), words.collect());
    Value::Object(options)
}
