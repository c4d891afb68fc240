//! What Kubernetes and CEL's sets extension have for lists.

use std::cmp::Ordering;

use super::{Function, unlisted};
use crate::condition::fault::{Fault, Steps};
use crate::condition::operators::{Arithmetic, equal, is_in, order};
use crate::condition::types::{Kind, Type};
use crate::condition::value::{List, Val};

const LIST: Type = Type::list(Kind::Dyn);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member(
        "isSorted",
        &[LIST],
        Type::BOOL,
        is_sorted,
        "whether no element is less than the one before it",
    ),
    Function::member("sum", &[LIST], Type::DYN, sum, "of numbers or durations; of none the int 0"),
    Function::member("min", &[LIST], Type::DYN, min, "the least; of none an error"),
    Function::member("max", &[LIST], Type::DYN, max, "the greatest; of none an error"),
    Function::member(
        "indexOf",
        &[LIST, Type::DYN],
        Type::INT,
        index_of,
        "where an equal element is first, or -1",
    ),
    Function::member(
        "lastIndexOf",
        &[LIST, Type::DYN],
        Type::INT,
        last_index_of,
        "where an equal element is last, or -1",
    ),
    Function::global(
        "sets.contains",
        &[LIST, LIST],
        Type::BOOL,
        contains,
        "whether the first has all that the second has",
    ),
    Function::global(
        "sets.equivalent",
        &[LIST, LIST],
        Type::BOOL,
        equivalent,
        "whether each has all that the other has",
    ),
    Function::global(
        "sets.intersects",
        &[LIST, LIST],
        Type::BOOL,
        intersects,
        "whether any element is in both",
    ),
];

fn is_sorted<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::List(list)] = args else { return unlisted("isSorted", args) };
    let mut before: Option<Val<'a>> = None;
    for item in list.items() {
        let order =
            before.as_ref().map_or(Ok(Ordering::Less), |before| sortable("isSorted", before, &item))?;
        if order == Ordering::Greater {
            return Ok(Val::Bool(false));
        }
        before = Some(item);
    }
    Ok(Val::Bool(true))
}

/// Lists are of one kind here, as Kubernetes declares them.
fn sortable(name: &'static str, one: &Val<'_>, other: &Val<'_>) -> Result<Ordering, Fault> {
    let same = one.kind() == other.kind();
    let unsortable = || Fault::Kinds(name, vec![one.kind(), other.kind()]);
    order(one, other).filter(|_| same).ok_or_else(unsortable)
}

fn sum<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::List(list)] = args else { return unlisted("sum", args) };
    let mut total: Option<Val<'a>> = None;
    for item in list.items() {
        if !item.kind().is_number() && item.kind() != Kind::Duration {
            return Err(Fault::Kinds("sum", vec![item.kind()]));
        }
        total = Some(match total {
            None => item,
            Some(total) => Arithmetic::Add.of(&total, &item, steps)?,
        });
    }
    Ok(total.unwrap_or(Val::Int(0)))
}

fn min<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::List(list)] = args else { return unlisted("min", args) };
    first("min", list, Ordering::Less)
}

fn max<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::List(list)] = args else { return unlisted("max", args) };
    first("max", list, Ordering::Greater)
}

fn first<'a>(name: &'static str, list: &List<'a>, wanted: Ordering) -> Result<Val<'a>, Fault> {
    let mut best: Option<Val<'a>> = None;
    for item in list.items() {
        // One alone has to be comparable too.
        let order = sortable(name, &item, best.as_ref().unwrap_or(&item))?;
        if order == wanted || best.is_none() {
            best = Some(item);
        }
    }
    best.ok_or(Fault::Cannot(name, "finds an empty list"))
}

fn index_of<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::List(list), wanted] = args else { return unlisted("indexOf", args) };
    position(list, 0..list.len(), wanted, steps)
}

fn last_index_of<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::List(list), wanted] = args else { return unlisted("lastIndexOf", args) };
    position(list, (0..list.len()).rev(), wanted, steps)
}

fn position<'a>(
    list: &List<'a>,
    order: impl Iterator<Item = usize>,
    wanted: &Val<'a>,
    steps: &Steps,
) -> Result<Val<'a>, Fault> {
    for index in order {
        let Some(item) = list.item(index) else { break };
        if equal(&item, wanted, steps)? {
            return Ok(Val::size(index));
        }
    }
    Ok(Val::Int(-1))
}

fn contains<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let [all, Val::List(some)] = args else { return unlisted("sets.contains", args) };
    has_all(all, some, steps).map(Val::Bool)
}

fn equivalent<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let [one @ Val::List(first), other @ Val::List(second)] = args else {
        return unlisted("sets.equivalent", args);
    };
    Ok(Val::Bool(has_all(one, second, steps)? && has_all(other, first, steps)?))
}

fn intersects<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::List(one), other] = args else { return unlisted("sets.intersects", args) };
    for item in one.items() {
        if is_in(&item, other, steps)? {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}

fn has_all<'a>(all: &Val<'a>, some: &List<'a>, steps: &Steps) -> Result<bool, Fault> {
    for item in some.items() {
        if !is_in(&item, all, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}
