//! What operators take, as far as it is known before anything is evaluated. As in cel-go, what isn't known may
//! be anything.

use super::ConditionError;
use crate::condition::node::Node;
use crate::condition::operators::{Arithmetic, Comparison};
use crate::condition::types::{Kind, Type};

/// What `&&`, a macro and so on ask for.
pub(super) fn is_bool(node: &Node, what: &str) -> Result<(), ConditionError> {
    if node.gives.kind.meets(Kind::Bool) {
        return Ok(());
    }
    let message = format!("`{what}` takes true or false, not {}.", node.gives.kind.word());
    Err(ConditionError::at(node.at, message))
}

pub(super) fn negated(of: &Node, at: usize) -> Result<Type, ConditionError> {
    match of.gives.kind {
        Kind::Int | Kind::Double | Kind::Dyn => Ok(Type::plain(of.gives.kind)),
        kind => Err(ConditionError::at(at, format!("`-` doesn't take {}.", kind.word()))),
    }
}

pub(super) fn conditional([condition, then, other]: &[Node; 3], at: usize) -> Result<Type, ConditionError> {
    is_bool(condition, "?")?;
    if !comparable(then.gives, other.gives) {
        let message = format!(
            "This gives {} or {}: it has to be of one type.",
            then.gives.words(),
            other.gives.words()
        );
        return Err(ConditionError::at(at, message));
    }
    Ok(then.gives.join(other.gives))
}

pub(super) fn indexed(of: &Node, key: &Node, at: usize) -> Result<Type, ConditionError> {
    let fits = match of.gives.kind {
        Kind::List => key.gives.kind.meets(Kind::Int),
        Kind::Dyn | Kind::Map => true,
        _ => false,
    };
    if fits {
        return Ok(of.gives.inner());
    }
    let message = format!("A {} has no element {}.", of.gives.kind.word(), key.gives.kind.word());
    Err(ConditionError::at(at, message))
}

/// Values of different types are never equal, so that asking is a mistake.
pub(super) fn equated([one, other]: &[Node; 2], at: usize) -> Result<(), ConditionError> {
    if comparable(one.gives, other.gives) {
        return Ok(());
    }
    let message =
        format!("This compares {} with {}, which are never equal.", one.gives.words(), other.gives.words());
    Err(ConditionError::at(at, message))
}

fn comparable(one: Type, other: Type) -> bool {
    let null = |one: Type, other: Type| one.kind == Kind::Null && other.kind.may_be_null();
    one.meets(other) || null(one, other) || null(other, one)
}

pub(super) fn compared(how: Comparison, [one, other]: &[Node; 2], at: usize) -> Result<(), ConditionError> {
    let ordered = |kind: Kind| {
        kind.is_number()
            || matches!(
                kind,
                Kind::Dyn | Kind::Bool | Kind::Text | Kind::Bytes | Kind::Timestamp | Kind::Duration
            )
    };
    let (one, other) = (one.gives.kind, other.gives.kind);
    let alike = one.meets(other) || (one.is_number() && other.is_number());
    if alike && ordered(one) && ordered(other) {
        return Ok(());
    }
    let message = format!("`{}` doesn't compare {} with {}.", how.sign(), one.word(), other.word());
    Err(ConditionError::at(at, message))
}

pub(super) fn contained([needle, haystack]: &[Node; 2], at: usize) -> Result<(), ConditionError> {
    let fits = match haystack.gives.kind {
        Kind::List => comparable(needle.gives, haystack.gives.inner()),
        Kind::Dyn | Kind::Map => true,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let (needle, haystack) = (needle.gives.words(), haystack.gives.words());
    Err(ConditionError::at(at, format!("`in` doesn't look for {needle} in {haystack}.")))
}

/// What the variable of a macro is.
pub(super) fn element(range: &Node, name: &str, at: usize) -> Result<Type, ConditionError> {
    match range.gives.kind {
        Kind::List => Ok(range.gives.inner()),
        // Its keys.
        Kind::Map | Kind::Dyn => Ok(Type::DYN),
        kind => Err(ConditionError::at(
            at,
            format!("`{name}` goes over lists and maps, not over {}.", kind.word()),
        )),
    }
}

/// What a sum, a product and so on is.
pub(super) fn computed(how: Arithmetic, [one, other]: &[Node; 2], at: usize) -> Result<Type, ConditionError> {
    let sides = (one.gives.kind, other.gives.kind);
    let fitting = OPERANDS.iter().filter(|(takes, first, second, _)| {
        takes.contains(&how) && sides.0.meets(*first) && sides.1.meets(*second)
    });
    let kinds: Vec<Kind> = fitting.map(|(_, _, _, gives)| *gives).collect();
    match kinds.split_first() {
        None => {
            let message = format!("`{}` doesn't take {} and {}.", how.sign(), sides.0.word(), sides.1.word());
            Err(ConditionError::at(at, message))
        }
        Some((Kind::List, [])) => Ok(one.gives.join(other.gives)),
        Some((kind, rest)) if rest.iter().all(|other| other == kind) => Ok(Type::plain(*kind)),
        Some(_) => Ok(Type::DYN),
    }
}

use Arithmetic::{Add, Divide, Modulo, Multiply, Subtract};

/// Operators, their two sides, and what they give.
const OPERANDS: [(&[Arithmetic], Kind, Kind, Kind); 10] = [
    (&[Add, Subtract, Multiply, Divide, Modulo], Kind::Int, Kind::Int, Kind::Int),
    (&[Add, Subtract, Multiply, Divide, Modulo], Kind::Uint, Kind::Uint, Kind::Uint),
    (&[Add, Subtract, Multiply, Divide], Kind::Double, Kind::Double, Kind::Double),
    (&[Add], Kind::Text, Kind::Text, Kind::Text),
    (&[Add], Kind::Bytes, Kind::Bytes, Kind::Bytes),
    (&[Add], Kind::List, Kind::List, Kind::List),
    (&[Add, Subtract], Kind::Timestamp, Kind::Duration, Kind::Timestamp),
    (&[Add], Kind::Duration, Kind::Timestamp, Kind::Timestamp),
    (&[Subtract], Kind::Timestamp, Kind::Timestamp, Kind::Duration),
    (&[Add, Subtract], Kind::Duration, Kind::Duration, Kind::Duration),
];
