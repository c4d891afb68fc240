//! Decides one case as the pipeline would, with facts from the file in the place of a cluster's.

use bytes::Bytes;
use drawbridge_policy::{
    AgentName, Attributes, Decision, Denial, Fact, Facts, Line, Live, Look, Millis, Needs, Payload, Permit,
    Rules, Wanted, decide,
};
use serde_json::{Value, json};

use super::cases::{Case, Expect};

/// The agent whose cases these are.
const AGENT: &str = "test";
/// More than any decision asks for.
const ROUNDS: usize = 8;

/// What came of it.
enum Came {
    Allowed(Box<Permit>),
    Denied(Denial),
}

/// Whether a case comes out as it must. The error says how it did instead.
pub(super) fn check(case: &Case, rules: &Rules, now: Millis) -> Result<(), String> {
    let now = case.time.map_or(now, |time| Millis(time.as_millisecond()));
    let permit = match (decided(case, rules, now)?, case.expect) {
        (Came::Denied(denial), Expect::Deny) => return by(case, denial.rule().map(ToString::to_string)),
        (Came::Denied(denial), Expect::Allow | Expect::Hide) => {
            return Err(format!("expected {}, and it is refused: {}", word(case.expect), denial.message()));
        }
        (Came::Allowed(permit), _) => permit,
    };
    let mut object = case.object.clone();
    let look = match (permit.screen(), &mut object) {
        (Some(screen), Some(object)) => screen.look(object),
        (None, _) | (_, None) => Look::Shown,
    };
    match (case.expect, look) {
        (Expect::Hide, Look::Hidden) => Ok(()),
        // Of a named object the caller gets a 404.
        (Expect::Deny, Look::Hidden) if names_one(&permit) => Ok(()),
        (Expect::Allow, Look::Shown) => {
            by(case, Some(permit.rule().to_string()))?;
            match (&case.shows, object) {
                (Some(shows), Some(object)) if *shows != object => Err(format!("it shows {object}")),
                (Some(_), None) => Err("`shows` needs an `object`".to_owned()),
                (None | Some(_), _) => Ok(()),
            }
        }
        (Expect::Allow, Look::Hidden) => Err("expected allow, and the object is left out".to_owned()),
        (Expect::Hide, Look::Shown) => Err(format!("expected hide, and {} shows it", permit.rule())),
        (Expect::Deny, Look::Hidden) => {
            Err("expected deny, and the read is sent with this object left out: say hide".to_owned())
        }
        (Expect::Deny, Look::Shown) => Err(format!("expected deny, and {} allows it", permit.rule())),
    }
}

fn decided(case: &Case, rules: &Rules, now: Millis) -> Result<Came, String> {
    let mut asked = request(case)?;
    let mut facts = Facts::none();
    for _ in 0..ROUNDS {
        (asked, facts) = match decide(asked, rules, &facts, now) {
            Decision::Permit(permit) => return Ok(Came::Allowed(Box::new(permit))),
            Decision::Deny(denial, _) => return Ok(Came::Denied(denial)),
            Decision::Needs(Needs::Facts(wanted), again) => (again, known(case, wanted, facts)),
            Decision::Needs(Needs::Rehearsal(_), again) => {
                let stored = case.object.clone().ok_or(
                    "a rule looks at what would be stored: give the case an `object`, as it would be",
                )?;
                (again, facts.and(Fact::Stored(stored)))
            }
            Decision::Expand(again) => {
                let name = case.old_object.as_ref().and_then(|old| old.pointer("/metadata/name")?.as_str());
                let name =
                    name.ok_or("each object of a collection is decided on its own: give an `oldObject`")?;
                (again.one(name).map_err(|error| error.to_string())?, facts)
            }
        };
    }
    Err("the decision comes to no end".to_owned())
}

/// The request, with a body where one of its kind has one.
fn request(case: &Case) -> Result<drawbridge_policy::Case, String> {
    let (method, target) =
        case.request.split_once(' ').ok_or("a request is METHOD, one space, PATH?QUERY")?;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let attributes =
        Attributes::parse(Line { method, path, query }).map_err(|refused| refused.to_string())?;
    let (usual, body) = match method {
        "PUT" => ("application/json", case.body.clone().or(case.object.clone()).or(Some(json!({})))),
        "PATCH" => ("application/merge-patch+json", case.body.clone().or(Some(json!({})))),
        _ => ("application/json", case.body.clone()),
    };
    let payload = match body {
        Some(body) => {
            let kind = case.content_type.as_deref().unwrap_or(usual);
            Payload::new(Some(kind), Bytes::from(body.to_string()))
        }
        None => Payload::none(),
    };
    let agent = AgentName::parse(AGENT).map_err(|error| error.to_string())?;
    drawbridge_policy::Case::new(agent, attributes, payload).map_err(|error| error.to_string())
}

fn known(case: &Case, wanted: Wanted, mut facts: Facts) -> Facts {
    if wanted.live || wanted.revisions {
        facts = facts.and(Fact::Live(live(case)));
    }
    if wanted.part {
        facts = facts.and(Fact::Part(live(case)));
    }
    if wanted.namespace {
        facts = facts.and(Fact::Namespace(case.namespace_object.clone()));
    }
    if wanted.revisions {
        facts = facts.and(Fact::Revisions(case.revisions.clone()));
    }
    facts
}

fn live(case: &Case) -> Live {
    let Some(object) = case.old_object.clone() else { return Live::Absent };
    let text =
        |field: &str, usual: &str| object.pointer(field).and_then(Value::as_str).unwrap_or(usual).to_owned();
    let (uid, resource_version) = (text("/metadata/uid", "uid"), text("/metadata/resourceVersion", "1"));
    Live::Present { uid, resource_version, object }
}

fn names_one(permit: &Permit) -> bool {
    permit.attributes().resource().is_some_and(|resource| !resource.name().is_empty())
}

fn by(case: &Case, rule: Option<String>) -> Result<(), String> {
    match (&case.rule, rule) {
        (None, _) => Ok(()),
        (Some(wanted), Some(rule)) if *wanted == rule => Ok(()),
        (Some(wanted), Some(rule)) => Err(format!("expected {wanted} to decide, and {rule} did")),
        (Some(wanted), None) => Err(format!("expected {wanted} to decide, and no rule did")),
    }
}

const fn word(expect: Expect) -> &'static str {
    match expect {
        Expect::Allow => "allow",
        Expect::Deny => "deny",
        Expect::Hide => "hide",
    }
}
