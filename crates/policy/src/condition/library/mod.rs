//! The functions that an expression may call, in tables: what is compiled, what is evaluated and what
//! docs/reference/conditions.md promises come from the same rows.

mod convert;
mod kubernetes;
mod lists;
pub(super) mod network;
pub(super) mod quantity;
mod standard;
mod strings;
pub(super) mod time;
pub(super) mod url;

use std::fmt::Write as _;

use super::fault::{Fault, Steps};
use super::types::Type;
use super::value::Val;

/// One overload of a function.
#[derive(Debug)]
pub struct Function {
    pub(super) name: &'static str,
    /// Whether it is called on its first argument: `text.size()`.
    pub(super) member: bool,
    pub(super) takes: &'static [Type],
    pub(super) gives: Type,
    pub(super) run: Run,
    what: &'static str,
}

pub(super) type Run = for<'a> fn(&[Val<'a>], &Steps) -> Result<Val<'a>, Fault>;

/// Functions that belong together.
#[derive(Debug)]
pub struct Library {
    /// A heading.
    pub title: &'static str,
    /// A sentence about all of them.
    pub about: &'static str,
    /// Every overload.
    pub functions: &'static [Function],
}

/// Every function, as the docs list them.
pub const LIBRARIES: &[Library] = &[
    Library { title: "Any value", about: "CEL's own functions.", functions: standard::FUNCTIONS },
    Library {
        title: "Conversions",
        about: "What can't be converted is an error. What is written out in the expression is converted when it is \
                compiled.",
        functions: convert::FUNCTIONS,
    },
    Library {
        title: "Strings",
        about: "Positions count code points from 0. `matches`, `find` and `findAll` take a \
                [regular expression](#regular-expressions).",
        functions: strings::FUNCTIONS,
    },
    Library {
        title: "Times and durations",
        about: "Without a time zone in UTC. A zone is a name of the IANA database, as in `'Europe/Berlin'`, or an \
                offset such as `'+02:00'`.",
        functions: time::FUNCTIONS,
    },
    Library { title: "Lists", about: "Kubernetes' own, and CEL's sets.", functions: lists::FUNCTIONS },
    Library {
        title: "Quantities",
        about: "Kubernetes' quantities, as in `quantity('1.5Gi')`. One that is finer than nano, or larger than \
                2^63, is an error.",
        functions: quantity::FUNCTIONS,
    },
    Library {
        title: "IP addresses and networks",
        about: "As Kubernetes reads them: no zones, no leading zeros, no IPv4 in IPv6.",
        functions: network::FUNCTIONS,
    },
    Library {
        title: "URLs",
        about: "Plain ones: a scheme in small letters, a host, a port, a path and a query, without users, escapes and \
                fragments; or a path and a query. What may be a URL but isn't plain is an error.",
        functions: url::FUNCTIONS,
    },
    Library { title: "Objects", about: "Drawbridge's own.", functions: kubernetes::FUNCTIONS },
];

/// The overloads of that name, called so.
pub(super) fn named(name: &str, member: bool) -> impl Iterator<Item = &'static Function> {
    let all = LIBRARIES.iter().flat_map(|library| library.functions);
    all.filter(move |function| function.name == name && function.member == member)
}

impl Function {
    pub(super) const fn global(
        name: &'static str,
        takes: &'static [Type],
        gives: Type,
        run: Run,
        what: &'static str,
    ) -> Self {
        Self { name, member: false, takes, gives, run, what }
    }

    pub(super) const fn member(
        name: &'static str,
        takes: &'static [Type],
        gives: Type,
        run: Run,
        what: &'static str,
    ) -> Self {
        Self { name, member: true, takes, gives, run, what }
    }

    /// How it is called: `string.startsWith(string) → bool`.
    #[must_use]
    pub fn signature(&self) -> String {
        let words: Vec<String> = self.takes.iter().map(|takes| takes.words()).collect();
        let mut text = String::new();
        let args = match (self.member, words.split_first()) {
            (true, Some((receiver, args))) => {
                text += receiver;
                text.push('.');
                args.join(", ")
            }
            _ => words.join(", "),
        };
        // A String takes it.
        let _written = write!(text, "{}({args}) → {}", self.name, self.gives.words());
        text
    }

    /// What it gives.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.what
    }

    pub(super) fn takes_values(&self, args: &[Val<'_>]) -> bool {
        self.takes.len() == args.len()
            && self.takes.iter().zip(args).all(|(takes, arg)| takes.kind.meets(arg.kind()))
    }

    pub(super) fn takes_types(&self, args: &[Type]) -> bool {
        self.takes.len() == args.len() && self.takes.iter().zip(args).all(|(takes, arg)| takes.meets(*arg))
    }
}

/// For arguments that the table doesn't list, so that they don't come here.
pub(super) fn unlisted<'a>(name: &'static str, args: &[Val<'_>]) -> Result<Val<'a>, Fault> {
    Err(Fault::Kinds(name, args.iter().map(Val::kind).collect()))
}
