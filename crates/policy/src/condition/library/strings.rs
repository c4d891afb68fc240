//! What CEL and its strings extension have for strings.

use std::rc::Rc;

use super::{Function, unlisted};
use crate::condition::fault::{Fault, Steps};
use crate::condition::types::{Kind, Type};
use crate::condition::value::Val;

const TEXT: Type = Type::TEXT;
const TEXTS: Type = Type::list(Kind::Text);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("contains", &[TEXT, TEXT], Type::BOOL, contains, "whether it has this in it"),
    Function::member("startsWith", &[TEXT, TEXT], Type::BOOL, starts_with, "whether it begins so"),
    Function::member("endsWith", &[TEXT, TEXT], Type::BOOL, ends_with, "whether it ends so"),
    Function::member(
        "charAt",
        &[TEXT, Type::INT],
        TEXT,
        char_at,
        "the code point there; at its end an empty string",
    ),
    Function::member("indexOf", &[TEXT, TEXT], Type::INT, index_of, "where this begins first, or -1"),
    Function::member(
        "indexOf",
        &[TEXT, TEXT, Type::INT],
        Type::INT,
        index_of,
        "the same, not before that position",
    ),
    Function::member("lastIndexOf", &[TEXT, TEXT], Type::INT, last_index_of, "where this begins last, or -1"),
    Function::member("lowerAscii", &[TEXT], TEXT, lower, "with small letters for A to Z"),
    Function::member("upperAscii", &[TEXT], TEXT, upper, "with capital letters for a to z"),
    Function::member(
        "replace",
        &[TEXT, TEXT, TEXT],
        TEXT,
        replace,
        "with every one of the first replaced by the second",
    ),
    Function::member(
        "replace",
        &[TEXT, TEXT, TEXT, Type::INT],
        TEXT,
        replace,
        "the same, so many times at most",
    ),
    Function::member("split", &[TEXT, TEXT], TEXTS, split, "what stands between the separators"),
    Function::member("split", &[TEXT, TEXT, Type::INT], TEXTS, split, "the same, in so many parts at most"),
    Function::member("substring", &[TEXT, Type::INT], TEXT, substring, "from there to its end"),
    Function::member(
        "substring",
        &[TEXT, Type::INT, Type::INT],
        TEXT,
        substring,
        "from the first to before the second",
    ),
    Function::member("trim", &[TEXT], TEXT, trim, "without white space at its ends"),
    Function::member("join", &[TEXTS], TEXT, join, "one after the other"),
    Function::member("join", &[TEXTS, TEXT], TEXT, join, "the same, with this between them"),
];

fn contains<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text), Val::Text(part)] => Ok(Val::Bool(text.as_str().contains(part.as_str()))),
        args => unlisted("contains", args),
    }
}

fn starts_with<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text), Val::Text(part)] => Ok(Val::Bool(text.as_str().starts_with(part.as_str()))),
        args => unlisted("startsWith", args),
    }
}

fn ends_with<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text), Val::Text(part)] => Ok(Val::Bool(text.as_str().ends_with(part.as_str()))),
        args => unlisted("endsWith", args),
    }
}

const OUTSIDE: &str = "is given a position outside of the string";

/// Where a position in code points lies in bytes. The end of the text is a position.
fn position(text: &str, at: i64) -> Option<usize> {
    let at = usize::try_from(at).ok()?;
    text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(at)
}

fn code_points(text: &str, before: usize) -> i64 {
    let count = text.get(..before).unwrap_or(text).chars().count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn char_at<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text), Val::Int(at)] => {
            let from = position(text.as_str(), *at).ok_or(Fault::Cannot("charAt", OUTSIDE))?;
            let rest = text.as_str().get(from..).unwrap_or_default();
            Ok(Val::text(rest.chars().take(1).collect::<String>()))
        }
        args => unlisted("charAt", args),
    }
}

fn index_of<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let (text, part, at) = match args {
        [Val::Text(text), Val::Text(part)] => (text.as_str(), part.as_str(), 0),
        [Val::Text(text), Val::Text(part), Val::Int(at)] => (text.as_str(), part.as_str(), *at),
        args => return unlisted("indexOf", args),
    };
    // As cel-go has it, whatever the position is.
    if part.is_empty() {
        return Ok(Val::Int(at));
    }
    if at < 0 {
        return Err(Fault::Cannot("indexOf", OUTSIDE));
    }
    let from = position(text, at).unwrap_or(text.len());
    let found = text.get(from..).and_then(|rest| rest.find(part));
    Ok(Val::Int(found.map_or(-1, |found| code_points(text, from + found))))
}

fn last_index_of<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text), Val::Text(part)] => {
            let found = text.as_str().rfind(part.as_str());
            Ok(Val::Int(found.map_or(-1, |found| code_points(text.as_str(), found))))
        }
        args => unlisted("lastIndexOf", args),
    }
}

fn lower<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text)] => Ok(Val::text(text.as_str().to_ascii_lowercase())),
        args => unlisted("lowerAscii", args),
    }
}

fn upper<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text)] => Ok(Val::text(text.as_str().to_ascii_uppercase())),
        args => unlisted("upperAscii", args),
    }
}

fn replace<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let (text, from, to, most) = match args {
        [Val::Text(text), Val::Text(from), Val::Text(to)] => (text, from, to, -1),
        [Val::Text(text), Val::Text(from), Val::Text(to), Val::Int(most)] => (text, from, to, *most),
        args => return unlisted("replace", args),
    };
    let (text, from, to) = (text.as_str(), from.as_str(), to.as_str());
    // Each one found may grow the text.
    let found = text.matches(from).count();
    steps.take(found.saturating_mul(1 + Val::borrowed(to).weight()))?;
    Ok(Val::text(match usize::try_from(most) {
        Ok(most) => text.replacen(from, to, most),
        Err(_negative) => text.replace(from, to),
    }))
}

fn split<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let (text, by, most) = match args {
        [Val::Text(text), Val::Text(by)] => (text.as_str(), by.as_str(), -1),
        [Val::Text(text), Val::Text(by), Val::Int(most)] => (text.as_str(), by.as_str(), *most),
        args => return unlisted("split", args),
    };
    steps.take(text.matches(by).count())?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let parts: Vec<Val<'a>> = if by.is_empty() {
        letters(text, most).into_iter().map(Val::text).collect()
    } else {
        text.splitn(most, by).map(Val::text).collect()
    };
    Ok(Val::list(parts))
}

/// A string for each code point, the last with what is left.
fn letters(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let (Some(letter), true) = (rest.chars().next(), parts.len() < most) {
        let end = if parts.len() + 1 == most { rest.len() } else { letter.len_utf8() };
        let Some((part, after)) = rest.split_at_checked(end) else { break };
        parts.push(part);
        rest = after;
    }
    parts
}

fn substring<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let (text, start, end) = match args {
        [Val::Text(text), Val::Int(start)] => (text.as_str(), *start, None),
        [Val::Text(text), Val::Int(start), Val::Int(end)] => (text.as_str(), *start, Some(*end)),
        args => return unlisted("substring", args),
    };
    let outside = || Fault::Cannot("substring", OUTSIDE);
    let start = position(text, start).ok_or_else(outside)?;
    let end = end.map_or(Some(text.len()), |end| position(text, end)).ok_or_else(outside)?;
    text.get(start..end).map(|part| Val::text(Rc::<str>::from(part))).ok_or_else(outside)
}

fn trim<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text)] => Ok(Val::text(text.as_str().trim())),
        args => unlisted("trim", args),
    }
}

fn join<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let (list, between) = match args {
        [Val::List(list)] => (list, ""),
        [Val::List(list), Val::Text(between)] => (list, between.as_str()),
        args => return unlisted("join", args),
    };
    let mut joined = String::new();
    for (index, item) in list.items().enumerate() {
        steps.take(1 + item.weight() + Val::borrowed(between).weight())?;
        let Val::Text(text) = &item else { return Err(Fault::Kinds("join", vec![item.kind()])) };
        if index > 0 {
            joined += between;
        }
        joined += text.as_str();
    }
    Ok(Val::text(joined))
}
