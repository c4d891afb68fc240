//! Kubernetes' quantities: exact, in billionths.

use super::{Function, unlisted};
use crate::condition::fault::{Fault, Steps};
use crate::condition::types::{Kind, Type};
use crate::condition::value::Val;

/// A quantity in billionths, the finest that Kubernetes has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::condition) struct Quantity(i128);

const QUANTITY: Type = Type::plain(Kind::Quantity);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("quantity", &[Type::TEXT], QUANTITY, quantity, "what it spells"),
    Function::global("isQuantity", &[Type::TEXT], Type::BOOL, is_quantity, "whether it spells one"),
    Function::member("isGreaterThan", &[QUANTITY, QUANTITY], Type::BOOL, is_greater, "whether it is more"),
    Function::member("isLessThan", &[QUANTITY, QUANTITY], Type::BOOL, is_less, "whether it is less"),
    Function::member(
        "compareTo",
        &[QUANTITY, QUANTITY],
        Type::INT,
        compare_to,
        "-1 if it is less, 0 if equal, 1 if more",
    ),
    Function::member("sign", &[QUANTITY], Type::INT, sign, "-1 below zero, 0 at zero, 1 above"),
    Function::member("add", &[QUANTITY, QUANTITY], QUANTITY, add, "their sum"),
    Function::member("add", &[QUANTITY, Type::INT], QUANTITY, add, "their sum"),
    Function::member("sub", &[QUANTITY, QUANTITY], QUANTITY, sub, "their difference"),
    Function::member("sub", &[QUANTITY, Type::INT], QUANTITY, sub, "their difference"),
];

fn quantity<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Text(text)] = args else { return unlisted("quantity", args) };
    match parse(text.as_str()) {
        Spelled::Quantity(quantity) => Ok(Val::Quantity(quantity)),
        Spelled::Extreme => Err(Fault::Cannot("quantity", "reads none this large or this fine")),
        Spelled::Nothing => Err(Fault::Cannot("quantity", "can't read this: it takes a quantity as 1.5Gi")),
    }
}

fn is_quantity<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Text(text)] = args else { return unlisted("isQuantity", args) };
    Ok(Val::Bool(!matches!(parse(text.as_str()), Spelled::Nothing)))
}

fn is_greater<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Quantity(one), Val::Quantity(other)] = args else { return unlisted("isGreaterThan", args) };
    Ok(Val::Bool(one > other))
}

fn is_less<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Quantity(one), Val::Quantity(other)] = args else { return unlisted("isLessThan", args) };
    Ok(Val::Bool(one < other))
}

fn compare_to<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Quantity(one), Val::Quantity(other)] = args else { return unlisted("compareTo", args) };
    Ok(Val::Int(one.cmp(other) as i64))
}

fn sign<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Quantity(Quantity(nanos))] = args else { return unlisted("sign", args) };
    Ok(Val::Int(i64::try_from(nanos.signum()).unwrap_or_default()))
}

fn add<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let (one, other) = pair("add", args)?;
    one.0.checked_add(other.0).and_then(bounded).map(Val::Quantity).ok_or(Fault::Cannot("add", EXTREME))
}

fn sub<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let (one, other) = pair("sub", args)?;
    one.0.checked_sub(other.0).and_then(bounded).map(Val::Quantity).ok_or(Fault::Cannot("sub", EXTREME))
}

const EXTREME: &str = "gives more than fits";

fn pair(name: &'static str, args: &[Val<'_>]) -> Result<(Quantity, Quantity), Fault> {
    match args {
        [Val::Quantity(one), Val::Quantity(other)] => Ok((*one, *other)),
        [Val::Quantity(one), Val::Int(other)] => Ok((*one, Quantity(i128::from(*other) * NANOS))),
        args => Err(Fault::Kinds(name, args.iter().map(Val::kind).collect())),
    }
}

const NANOS: i128 = 1_000_000_000;

/// Kubernetes caps what is larger; here it is an error.
fn bounded(nanos: i128) -> Option<Quantity> {
    (nanos.abs() < i128::from(i64::MAX) * NANOS).then_some(Quantity(nanos))
}

enum Spelled {
    Quantity(Quantity),
    /// It is well formed, but Kubernetes would round or cap it.
    Extreme,
    Nothing,
}

fn parse(text: &str) -> Spelled {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (Some(number), Some(suffix)) = (rest.get(..end), rest.get(end..)) else { return Spelled::Nothing };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Spelled::Nothing;
    }
    let Some(scale) = scale(suffix) else { return Spelled::Nothing };
    let fraction = fraction.trim_end_matches('0');
    match nanos(whole.trim_start_matches('0'), fraction, scale).and_then(bounded) {
        Some(Quantity(nanos)) => Spelled::Quantity(Quantity(if negative { -nanos } else { nanos })),
        None => Spelled::Extreme,
    }
}

/// A power of 10 or of 1024.
enum Scale {
    Ten(i32),
    Kibi(u32),
}

fn scale(suffix: &str) -> Option<Scale> {
    Some(match suffix {
        "n" => Scale::Ten(-9),
        "u" => Scale::Ten(-6),
        "m" => Scale::Ten(-3),
        "" => Scale::Ten(0),
        "k" => Scale::Ten(3),
        "M" => Scale::Ten(6),
        "G" => Scale::Ten(9),
        "T" => Scale::Ten(12),
        "P" => Scale::Ten(15),
        "E" => Scale::Ten(18),
        "Ki" => Scale::Kibi(1),
        "Mi" => Scale::Kibi(2),
        "Gi" => Scale::Kibi(3),
        "Ti" => Scale::Kibi(4),
        "Pi" => Scale::Kibi(5),
        "Ei" => Scale::Kibi(6),
        exponent => Scale::Ten(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

/// None: it doesn't come out even, or is too large.
fn nanos(whole: &str, fraction: &str, scale: Scale) -> Option<i128> {
    // More digits than this are too fine or too large in any case.
    if whole.len() > 28 || fraction.len() > 28 {
        return None;
    }
    let digits = [whole, fraction].concat();
    let mantissa: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    if mantissa == 0 {
        return Some(0);
    }
    let (mantissa, power) = match scale {
        Scale::Ten(power) => (mantissa, power),
        Scale::Kibi(power) => (mantissa.checked_mul(1024_i128.checked_pow(power)?)?, 0),
    };
    let power = power.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        return mantissa.checked_mul(factor);
    }
    (mantissa % factor == 0).then_some(mantissa / factor)
}
