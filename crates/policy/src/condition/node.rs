//! A compiled expression: what is evaluated.

use regex::Regex;

use super::bindings::Variable;
use super::library::Function;
use super::operators::{Arithmetic, Comparison};
use super::types::Type;

/// A part of an expression, with what is known of its value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) gives: Type,
    /// Where it begins in the source, in bytes.
    pub(super) at: usize,
}

#[derive(Debug)]
pub(super) enum What {
    Literal(Literal),
    Variable(Variable),
    /// `request.time`.
    Now,
    /// The variable of a macro, counted from the outermost.
    Local {
        depth: usize,
        name: String,
    },
    Select {
        of: Box<Node>,
        field: String,
    },
    Has {
        of: Box<Node>,
        field: String,
    },
    Index {
        of: Box<Node>,
        key: Box<Node>,
    },
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    /// Condition, then, else.
    Conditional(Box<[Node; 3]>),
    Equal {
        negated: bool,
        sides: Box<[Node; 2]>,
    },
    Compare {
        how: Comparison,
        sides: Box<[Node; 2]>,
    },
    Compute {
        how: Arithmetic,
        sides: Box<[Node; 2]>,
    },
    /// Needle, haystack.
    In(Box<[Node; 2]>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// The overloads that may fit what the arguments turn out to be. The first argument is the receiver, if
    /// there is one.
    Call {
        name: &'static str,
        overloads: Vec<&'static Function>,
        args: Vec<Node>,
    },
    Search {
        how: Search,
        of: Box<Node>,
        regex: Regex,
        most: Option<Box<Node>>,
        weight: usize,
    },
    Each {
        how: Each,
        range: Box<Node>,
        body: Box<Node>,
        then: Option<Box<Node>>,
    },
}

#[derive(Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Type(&'static str),
}

/// A macro over the elements of a list or the keys of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// What is asked of a regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    Matches,
    Find,
    FindAll,
}

impl Node {
    /// What it reads, as its author wrote it, if it is nothing but fields of a variable: `object.spec.replicas`.
    /// A computed key is left out, since its value would be told.
    pub(super) fn path(&self) -> String {
        match &self.what {
            What::Variable(variable) => variable.name().to_owned(),
            What::Local { name, .. } => name.clone(),
            What::Now => "request.time".to_owned(),
            What::Select { of, field } | What::Has { of, field } => format!("{}.{field}", of.path()),
            What::Index { of, key } => match &key.what {
                What::Literal(Literal::Text(key)) => format!("{}['{key}']", of.path()),
                What::Literal(Literal::Int(key)) => format!("{}[{key}]", of.path()),
                _ => format!("{}[…]", of.path()),
            },
            _ => "(…)".to_owned(),
        }
    }

    /// The parts that it is made of.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match &self.what {
            What::Literal(_) | What::Variable(_) | What::Now | What::Local { .. } => Vec::new(),
            What::Select { of, .. } | What::Has { of, .. } => vec![of],
            What::Index { of, key } => vec![of, key],
            What::Not(of) | What::Negate(of) => vec![of],
            What::And(parts) | What::Or(parts) | What::List(parts) => parts.iter().collect(),
            What::Conditional(parts) => parts.iter().collect(),
            What::Equal { sides, .. }
            | What::Compare { sides, .. }
            | What::Compute { sides, .. }
            | What::In(sides) => sides.iter().collect(),
            What::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            What::Call { args, .. } => args.iter().collect(),
            What::Search { of, most, .. } => std::iter::once(&**of).chain(most.as_deref()).collect(),
            What::Each { range, body, then, .. } => {
                [&**range, body].into_iter().chain(then.as_deref()).collect()
            }
        }
    }
}
