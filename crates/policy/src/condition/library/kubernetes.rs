//! Drawbridge's own function.

use super::{Function, unlisted};
use crate::condition::fault::{Fault, Steps};
use crate::condition::types::{Kind, Type};
use crate::condition::value::{Dict, Text, Val};

pub(super) const FUNCTIONS: &[Function] = &[Function::member(
    "hasCondition",
    &[Type::map(Kind::Dyn), Type::TEXT],
    Type::BOOL,
    has_condition,
    "whether `status.conditions` has one of this type with the status `True`; not if it has no conditions",
)];

fn has_condition<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Map(object), Val::Text(wanted)] = args else { return unlisted("hasCondition", args) };
    let conditions = match object.field("status") {
        None | Some(Val::Null) => None,
        Some(Val::Map(status)) => status.field("conditions"),
        Some(_) => return Err(Fault::Cannot("hasCondition", "finds a status that isn't an object")),
    };
    let conditions = match conditions {
        None | Some(Val::Null) => return Ok(Val::Bool(false)),
        Some(Val::List(conditions)) => conditions,
        Some(_) => return Err(Fault::Cannot("hasCondition", "finds conditions that aren't a list")),
    };
    steps.take(conditions.len())?;
    let holds = conditions.items().any(|condition| match condition {
        Val::Map(condition) => {
            says(&condition, "type", wanted.as_str()) && says(&condition, "status", "True")
        }
        _ => false,
    });
    Ok(Val::Bool(holds))
}

fn says(condition: &Dict<'_>, field: &str, wanted: &str) -> bool {
    matches!(condition.field(field), Some(Val::Text(text)) if Text::as_str(&text) == wanted)
}
