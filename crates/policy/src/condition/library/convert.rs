//! CEL's conversions.

use std::rc::Rc;

use super::time::{Duration, Timestamp};
use super::{Function, unlisted};
use crate::condition::fault::{Fault, Steps};
use crate::condition::types::{Kind, Type};
use crate::condition::value::Val;

const UINT: Type = Type::plain(Kind::Uint);
const DOUBLE: Type = Type::plain(Kind::Double);
const BYTES: Type = Type::plain(Kind::Bytes);
const TIMESTAMP: Type = Type::plain(Kind::Timestamp);
const DURATION: Type = Type::plain(Kind::Duration);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("int", &[Type::INT], Type::INT, int, "itself"),
    Function::global("int", &[UINT], Type::INT, int, "the same number"),
    Function::global("int", &[DOUBLE], Type::INT, int, "without its fraction"),
    Function::global("int", &[Type::TEXT], Type::INT, int, "the number that it spells"),
    Function::global("int", &[TIMESTAMP], Type::INT, int, "seconds since 1970"),
    Function::global("uint", &[UINT], UINT, uint, "itself"),
    Function::global("uint", &[Type::INT], UINT, uint, "the same number"),
    Function::global("uint", &[DOUBLE], UINT, uint, "without its fraction"),
    Function::global("uint", &[Type::TEXT], UINT, uint, "the number that it spells"),
    Function::global("double", &[DOUBLE], DOUBLE, double, "itself"),
    Function::global("double", &[Type::INT], DOUBLE, double, "the nearest double"),
    Function::global("double", &[UINT], DOUBLE, double, "the nearest double"),
    Function::global("double", &[Type::TEXT], DOUBLE, double, "the number that it spells"),
    Function::global("bool", &[Type::BOOL], Type::BOOL, bool, "itself"),
    Function::global(
        "bool",
        &[Type::TEXT],
        Type::BOOL,
        bool,
        "`true`, `True`, `TRUE`, `t`, `T`, `1`, or the same of false",
    ),
    Function::global("bytes", &[BYTES], BYTES, bytes, "itself"),
    Function::global("bytes", &[Type::TEXT], BYTES, bytes, "its UTF-8"),
    Function::global("string", &[Type::TEXT], Type::TEXT, string, "itself"),
    Function::global("string", &[Type::BOOL], Type::TEXT, string, "`true` or `false`"),
    Function::global("string", &[Type::INT], Type::TEXT, string, "its digits"),
    Function::global("string", &[UINT], Type::TEXT, string, "its digits"),
    Function::global("string", &[DOUBLE], Type::TEXT, string, "its shortest form, as `1.5` and `1e+06`"),
    Function::global("string", &[BYTES], Type::TEXT, string, "what it spells in UTF-8"),
    Function::global("string", &[TIMESTAMP], Type::TEXT, string, "as `2026-11-05T09:00:00Z`"),
    Function::global("string", &[DURATION], Type::TEXT, string, "its seconds, as `1.5s`"),
    Function::global("timestamp", &[TIMESTAMP], TIMESTAMP, timestamp, "itself"),
    Function::global("timestamp", &[Type::TEXT], TIMESTAMP, timestamp, "what it spells as RFC 3339 has it"),
    Function::global("timestamp", &[Type::INT], TIMESTAMP, timestamp, "so many seconds after 1970"),
    Function::global("duration", &[DURATION], DURATION, duration, "itself"),
    Function::global("duration", &[Type::TEXT], DURATION, duration, "as `1h30m`, `1.5s`, `-2ms`"),
];

const OUTSIDE: &str = "can't hold this number";
const UNREADABLE: &str = "can't read this text";

fn int<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let outside = Fault::Cannot("int", OUTSIDE);
    match args {
        [Val::Int(int)] => Ok(Val::Int(*int)),
        [Val::Uint(uint)] => i64::try_from(*uint).map(Val::Int).or(Err(outside)),
        [Val::Double(double)] if *double > -TWO_TO_THE_63 && *double < TWO_TO_THE_63 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "that is what is asked for, in this range")]
            Ok(Val::Int(*double as i64))
        }
        [Val::Double(_)] => Err(outside),
        [Val::Text(text)] => text.as_str().parse().map(Val::Int).or(Err(Fault::Cannot("int", UNREADABLE))),
        [Val::Timestamp(time)] => Ok(Val::Int(time.seconds())),
        args => unlisted("int", args),
    }
}

const TWO_TO_THE_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_TO_THE_64: f64 = 18_446_744_073_709_551_616.0;

fn uint<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let outside = Fault::Cannot("uint", OUTSIDE);
    match args {
        [Val::Uint(uint)] => Ok(Val::Uint(*uint)),
        [Val::Int(int)] => u64::try_from(*int).map(Val::Uint).or(Err(outside)),
        [Val::Double(double)] if *double >= 0.0 && *double < TWO_TO_THE_64 =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "asked for, in this range"
            )]
            Ok(Val::Uint(*double as u64))
        }
        [Val::Double(_)] => Err(outside),
        [Val::Text(text)] => {
            let plain = Some(text.as_str()).filter(|text| !text.starts_with('+'));
            let uint = plain.and_then(|text| text.parse().ok());
            uint.map(Val::Uint).ok_or(Fault::Cannot("uint", UNREADABLE))
        }
        args => unlisted("uint", args),
    }
}

fn double<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    #[expect(clippy::cast_precision_loss, reason = "that is what is asked for")]
    match args {
        [Val::Double(double)] => Ok(Val::Double(*double)),
        [Val::Int(int)] => Ok(Val::Double(*int as f64)),
        [Val::Uint(uint)] => Ok(Val::Double(*uint as f64)),
        [Val::Text(text)] => {
            let text = text.as_str();
            let spelled = text.parse::<f64>().ok();
            // What is too large is infinite for Rust and an error for Go.
            let fits = |double: &f64| double.is_finite() || !text.contains(|c: char| c.is_ascii_digit());
            spelled.filter(fits).map(Val::Double).ok_or(Fault::Cannot("double", UNREADABLE))
        }
        args => unlisted("double", args),
    }
}

fn bool<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Bool(value)] => Ok(Val::Bool(*value)),
        [Val::Text(text)] => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Val::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Val::Bool(false)),
            _ => Err(Fault::Cannot("bool", UNREADABLE)),
        },
        args => unlisted("bool", args),
    }
}

fn bytes<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Bytes(bytes)] => Ok(Val::Bytes(Rc::clone(bytes))),
        [Val::Text(text)] => Ok(Val::Bytes(text.as_str().as_bytes().into())),
        args => unlisted("bytes", args),
    }
}

fn string<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    Ok(match args {
        [Val::Text(text)] => Val::Text(text.clone()),
        [Val::Bool(value)] => Val::borrowed(if *value { "true" } else { "false" }),
        [Val::Int(int)] => Val::text(int.to_string()),
        [Val::Uint(uint)] => Val::text(uint.to_string()),
        [Val::Double(double)] => Val::text(shortest(*double)),
        [Val::Bytes(bytes)] => {
            Val::text(std::str::from_utf8(bytes).or(Err(Fault::Cannot("string", "finds no UTF-8")))?)
        }
        [Val::Timestamp(time)] => Val::text(time.spelled()),
        [Val::Duration(duration)] => Val::text(duration.spelled()),
        args => return unlisted("string", args),
    })
}

/// As Go's `%g` writes it: with an exponent from a million on and below a ten-thousandth.
fn shortest(double: f64) -> String {
    if double.is_nan() {
        return "NaN".to_owned();
    }
    if double.is_infinite() {
        return if double > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{double:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{double}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn timestamp<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let unreadable = Fault::Cannot("timestamp", "can't read this: it takes a time as 2026-11-05T09:00:00Z");
    match args {
        [Val::Timestamp(time)] => Ok(Val::Timestamp(*time)),
        [Val::Text(text)] => Timestamp::parse(text.as_str()).map(Val::Timestamp).ok_or(unreadable),
        [Val::Int(seconds)] => Timestamp::of_seconds(*seconds).map(Val::Timestamp).ok_or(unreadable),
        args => unlisted("timestamp", args),
    }
}

fn duration<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let unreadable = Fault::Cannot("duration", "can't read this: it takes a duration as 1h30m");
    match args {
        [Val::Duration(duration)] => Ok(Val::Duration(*duration)),
        [Val::Text(text)] => Duration::parse(text.as_str()).map(Val::Duration).ok_or(unreadable),
        args => unlisted("duration", args),
    }
}
