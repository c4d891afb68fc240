//! From text to a tree that can be evaluated, behind the guards that the parser needs.

mod calls;
mod checks;
mod lower;
mod pattern;

use std::thread;

use cel::Env;
use cel::common::ast::SourceInfo;
use cel::parser::ParseErrors;

use super::node::Node;
use super::types::{Kind, Type};
use lower::Lowering;

/// How long a condition may be, in bytes. A rule is read by people; what is longer isn't.
pub const MAX_SOURCE: usize = 4_096;

/// How deep parts of a condition may stand in others. The parser and we go down by recursion.
pub const MAX_DEPTH: usize = 24;

/// How many macros may stand in each other. With each the work multiplies by the length of a list.
pub const MAX_NESTED: usize = 2;

/// For the parser, which needs much: 20 parentheses overflow 2 MiB in a debug build.
const STACK: usize = 16 << 20;

/// Why a condition can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// What is wrong, as one sentence.
    pub message: String,
    /// Where it begins, as a byte of the source, if it is at one place.
    pub at: Option<usize>,
}

impl ConditionError {
    pub(super) fn at(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at: Some(at) }
    }

    fn of_all(message: impl Into<String>) -> Self {
        Self { message: message.into(), at: None }
    }
}

/// Parses and checks, on a thread of its own for its stack: it reads nothing but the text, and has ended when
/// this returns.
pub(super) fn compile(source: &str) -> Result<Node, ConditionError> {
    if source.len() > MAX_SOURCE {
        let message = format!("The condition has {} bytes; at most {MAX_SOURCE} are read.", source.len());
        return Err(ConditionError::of_all(message));
    }
    if source.trim().is_empty() {
        return Err(ConditionError::of_all("The condition is empty; leave `when` out if there is none."));
    }
    let unparsed = || ConditionError::of_all("The condition can't be parsed.");
    thread::scope(|threads| {
        let parser = thread::Builder::new().name("condition".to_owned()).stack_size(STACK);
        let parsing = parser.spawn_scoped(threads, || parse(source)).or(Err(unparsed()))?;
        // The parser panicked: that is a condition we can't read, and no reason to end.
        parsing.join().unwrap_or_else(|_panic| Err(unparsed()))
    })
}

fn parse(source: &str) -> Result<Node, ConditionError> {
    let depth = u16::try_from(MAX_DEPTH).unwrap_or(u16::MAX);
    // No macros: ours are lowered from the calls that they are written as.
    let parser = Env::default().with_optional_support(false).parser().max_recursion_depth(depth);
    let (parsed, places) =
        parser.parse_with_source_info(source).map_err(|errors| explained(source, &errors))?;
    let root = Lowering::new(source, places).lower_root(&parsed)?;
    if root.gives != Type::BOOL {
        return Err(not_bool(&root));
    }
    Ok(root)
}

fn not_bool(root: &Node) -> ConditionError {
    let path = root.path();
    ConditionError::of_all(match root.gives.kind {
        Kind::Dyn => format!("The condition has to be true or false for sure; write `{path} == true`."),
        kind => format!("The condition gives {}; it has to be true or false.", kind.word()),
    })
}

fn explained(source: &str, errors: &ParseErrors) -> ConditionError {
    let Some(first) = errors.errors.first() else {
        return ConditionError::of_all("The condition isn't CEL.");
    };
    let (line, column) = first.pos;
    let said = first.msg.trim_start_matches("Syntax error: ");
    let said = if said == "UNKNOWN" { "it can't be parsed" } else { said };
    let said: String = said.chars().map(|c| if c == '\n' { ' ' } else { c }).take(MAX_SAID).collect();
    ConditionError { message: format!("The condition isn't CEL: {said}."), at: byte(source, line, column) }
}

/// The parser quotes what it found, and lists all it would have liked.
const MAX_SAID: usize = 200;

/// Where a line and a column in characters, both from 1, are in bytes.
fn byte(source: &str, line: isize, column: isize) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let before: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let line = source.get(before..)?;
    let within = line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(column)?;
    Some(before + within)
}

/// Where the parts of a parsed condition begin, in bytes.
struct Places {
    parsed: SourceInfo,
    /// The byte of every character, and the end.
    bytes: Vec<usize>,
}

impl Places {
    fn new(source: &str, parsed: SourceInfo) -> Self {
        let bytes = source.char_indices().map(|(at, _)| at).chain([source.len()]).collect();
        Self { parsed, bytes }
    }

    fn of(&self, id: u64) -> usize {
        let (start, _) = self.parsed.offset_for(id).unwrap_or_default();
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        self.bytes.get(start).copied().unwrap_or_default()
    }
}
