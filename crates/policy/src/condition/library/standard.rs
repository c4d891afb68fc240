//! What CEL has for any value.

use super::{Function, unlisted};
use crate::condition::fault::{Fault, Steps};
use crate::condition::types::{Kind, Type};
use crate::condition::value::Val;

const TEXT: Type = Type::TEXT;
const BYTES: Type = Type::plain(Kind::Bytes);
const LIST: Type = Type::list(Kind::Dyn);
const MAP: Type = Type::map(Kind::Dyn);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("size", &[TEXT], Type::INT, size, "how many code points it has"),
    Function::global("size", &[BYTES], Type::INT, size, "how many bytes it has"),
    Function::global("size", &[LIST], Type::INT, size, "how many elements it has"),
    Function::global("size", &[MAP], Type::INT, size, "how many entries it has"),
    Function::member("size", &[TEXT], Type::INT, size, "the same"),
    Function::member("size", &[BYTES], Type::INT, size, "the same"),
    Function::member("size", &[LIST], Type::INT, size, "the same"),
    Function::member("size", &[MAP], Type::INT, size, "the same"),
    Function::global(
        "type",
        &[Type::DYN],
        Type::plain(Kind::Type),
        kind,
        "its type, to compare with `int`, `string` …",
    ),
    Function::global("dyn", &[Type::DYN], Type::DYN, same, "the value, with its type not looked at before"),
];

fn size<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Text(text)] => Ok(Val::size(text.as_str().chars().count())),
        [Val::Bytes(bytes)] => Ok(Val::size(bytes.len())),
        [Val::List(list)] => Ok(Val::size(list.len())),
        [Val::Map(map)] => Ok(Val::size(map.len())),
        args => unlisted("size", args),
    }
}

fn kind<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [value] => Ok(Val::Type(value.kind().word())),
        args => unlisted("type", args),
    }
}

fn same<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [value] => Ok(value.clone()),
        args => unlisted("dyn", args),
    }
}
