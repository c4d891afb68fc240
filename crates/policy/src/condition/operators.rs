//! CEL's operators, with cel-go's meaning.

use std::cmp::Ordering;
use std::rc::Rc;

use super::fault::{Fault, Steps};
use super::types::Kind;
use super::value::{Dict, List, Val, compare_numbers};

/// An operator that gives a number, or joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// An operator that asks for the order of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Whether two values are equal. Values of different kinds aren't, but for numbers.
pub(super) fn equal(one: &Val<'_>, other: &Val<'_>, steps: &Steps) -> Result<bool, Fault> {
    Ok(match (one, other) {
        (Val::Null, Val::Null) => true,
        (Val::Bool(one), Val::Bool(other)) => one == other,
        (Val::Text(one), Val::Text(other)) => {
            steps.take(Val::Text(one.clone()).weight())?;
            one.as_str() == other.as_str()
        }
        (Val::Bytes(one), Val::Bytes(other)) => one == other,
        (Val::List(one), Val::List(other)) => equal_lists(one, other, steps)?,
        (Val::Map(one), Val::Map(other)) => equal_maps(one, other, steps)?,
        (Val::Timestamp(one), Val::Timestamp(other)) => one == other,
        (Val::Duration(one), Val::Duration(other)) => one == other,
        (Val::Type(one), Val::Type(other)) => one == other,
        (Val::Quantity(one), Val::Quantity(other)) => one == other,
        (Val::Ip(one), Val::Ip(other)) => one == other,
        (Val::Cidr(one), Val::Cidr(other)) => one == other,
        (Val::Url(one), Val::Url(other)) => one == other,
        _ => compare_numbers(one, other) == Some(Ordering::Equal),
    })
}

fn equal_lists(one: &List<'_>, other: &List<'_>, steps: &Steps) -> Result<bool, Fault> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for (one, other) in one.items().zip(other.items()) {
        steps.take(1)?;
        if !equal(&one, &other, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps(one: &Dict<'_>, other: &Dict<'_>, steps: &Steps) -> Result<bool, Fault> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for key in one.keys() {
        steps.take(1)?;
        let (Some(one), Some(other)) = (one.value(&key), other.value(&key)) else { return Ok(false) };
        if !equal(&one, &other, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a list has an element that is equal, or a map such a key.
pub(super) fn is_in(needle: &Val<'_>, haystack: &Val<'_>, steps: &Steps) -> Result<bool, Fault> {
    match haystack {
        Val::List(list) => {
            for item in list.items() {
                steps.take(1)?;
                if equal(needle, &item, steps)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Val::Map(map) => Ok(map.value(needle).is_some()),
        _ => Err(Fault::Kinds("in", vec![needle.kind(), haystack.kind()])),
    }
}

impl Comparison {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub(super) fn of(self, one: &Val<'_>, other: &Val<'_>, steps: &Steps) -> Result<bool, Fault> {
        steps.take(one.weight().min(other.weight()))?;
        let order =
            order(one, other).ok_or_else(|| Fault::Kinds(self.sign(), vec![one.kind(), other.kind()]))?;
        Ok(match self {
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        })
    }
}

/// The order of two values that have one.
pub(super) fn order(one: &Val<'_>, other: &Val<'_>) -> Option<Ordering> {
    match (one, other) {
        (Val::Bool(one), Val::Bool(other)) => Some(one.cmp(other)),
        (Val::Text(one), Val::Text(other)) => Some(one.as_str().cmp(other.as_str())),
        (Val::Bytes(one), Val::Bytes(other)) => Some(one.cmp(other)),
        (Val::Timestamp(one), Val::Timestamp(other)) => Some(one.cmp(other)),
        (Val::Duration(one), Val::Duration(other)) => Some(one.cmp(other)),
        _ => compare_numbers(one, other),
    }
}

impl Arithmetic {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }

    pub(super) fn of<'a>(self, one: &Val<'a>, other: &Val<'a>, steps: &Steps) -> Result<Val<'a>, Fault> {
        let overflow = Fault::Cannot(self.sign(), "gives more than fits");
        match (one, other) {
            (Val::Int(one), Val::Int(other)) => self.ints(*one, *other).map(Val::Int),
            (Val::Uint(one), Val::Uint(other)) => self.uints(*one, *other).map(Val::Uint),
            (Val::Double(one), Val::Double(other)) => {
                self.doubles(*one, *other).ok_or_else(|| self.unfit(Kind::Double, Kind::Double))
            }
            _ if self == Self::Add && one.kind() == other.kind() && joins(one) => {
                steps.take(one.weight() + other.weight())?;
                join(one, other).ok_or_else(|| self.unfit(one.kind(), other.kind()))
            }
            (Val::Timestamp(time), Val::Duration(span)) => match self {
                Self::Add => time.later(*span).map(Val::Timestamp).ok_or(overflow),
                Self::Subtract => time.earlier(*span).map(Val::Timestamp).ok_or(overflow),
                _ => Err(self.unfit(one.kind(), other.kind())),
            },
            (Val::Duration(span), Val::Timestamp(time)) if self == Self::Add => {
                time.later(*span).map(Val::Timestamp).ok_or(overflow)
            }
            (Val::Timestamp(end), Val::Timestamp(start)) if self == Self::Subtract => {
                end.since(*start).map(Val::Duration).ok_or(overflow)
            }
            (Val::Duration(first), Val::Duration(second)) => match self {
                Self::Add => first.plus(*second).map(Val::Duration).ok_or(overflow),
                Self::Subtract => first.minus(*second).map(Val::Duration).ok_or(overflow),
                _ => Err(self.unfit(one.kind(), other.kind())),
            },
            _ => Err(self.unfit(one.kind(), other.kind())),
        }
    }

    fn unfit(self, one: Kind, other: Kind) -> Fault {
        Fault::Kinds(self.sign(), vec![one, other])
    }

    fn ints(self, one: i64, other: i64) -> Result<i64, Fault> {
        self.is_defined(other == 0)?;
        match self {
            Self::Add => one.checked_add(other),
            Self::Subtract => one.checked_sub(other),
            Self::Multiply => one.checked_mul(other),
            Self::Divide => one.checked_div(other),
            Self::Modulo => one.checked_rem(other),
        }
        .ok_or(Fault::Cannot(self.sign(), "gives more than fits"))
    }

    fn uints(self, one: u64, other: u64) -> Result<u64, Fault> {
        self.is_defined(other == 0)?;
        match self {
            Self::Add => one.checked_add(other),
            Self::Subtract => one.checked_sub(other),
            Self::Multiply => one.checked_mul(other),
            Self::Divide => one.checked_div(other),
            Self::Modulo => one.checked_rem(other),
        }
        .ok_or(Fault::Cannot(self.sign(), "gives more than fits"))
    }

    fn is_defined(self, by_zero: bool) -> Result<(), Fault> {
        match self {
            Self::Divide | Self::Modulo if by_zero => Err(Fault::Cannot(self.sign(), "by zero")),
            _ => Ok(()),
        }
    }

    fn doubles<'a>(self, one: f64, other: f64) -> Option<Val<'a>> {
        match self {
            Self::Add => Some(one + other),
            Self::Subtract => Some(one - other),
            Self::Multiply => Some(one * other),
            Self::Divide => Some(one / other),
            Self::Modulo => None,
        }
        .map(Val::Double)
    }
}

fn joins(value: &Val<'_>) -> bool {
    matches!(value, Val::Text(_) | Val::Bytes(_) | Val::List(_))
}

fn join<'a>(one: &Val<'a>, other: &Val<'a>) -> Option<Val<'a>> {
    match (one, other) {
        (Val::Text(one), Val::Text(other)) => Some(Val::text([one.as_str(), other.as_str()].concat())),
        (Val::Bytes(one), Val::Bytes(other)) => Some(Val::Bytes(Rc::from([&**one, &**other].concat()))),
        (Val::List(one), Val::List(other)) => {
            Some(Val::list(one.items().chain(other.items()).collect::<Vec<_>>()))
        }
        _ => None,
    }
}

/// `-value`.
pub(super) fn negate<'a>(value: &Val<'a>) -> Result<Val<'a>, Fault> {
    match value {
        Val::Int(int) => int.checked_neg().map(Val::Int).ok_or(Fault::Cannot("-", "gives more than fits")),
        Val::Double(double) => Ok(Val::Double(-double)),
        _ => Err(Fault::Kinds("-", vec![value.kind()])),
    }
}
