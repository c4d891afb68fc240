//! The parser's tree, made into ours: every name resolved, every type looked at.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo};

use super::{ConditionError, MAX_DEPTH};
use crate::condition::bindings::{Variable, request_field};
use crate::condition::node::{Literal, Node, What};
use crate::condition::types::{Kind, Type};

/// How deep our tree may be: the parser's bound, and twice as much for what it doesn't count, such as the
/// fields of fields and long sums.
const DEEPEST: usize = 3 * MAX_DEPTH;

/// The work, and where it stands.
pub(super) struct Lowering {
    places: SourceInfo,
    /// The variables of the macros around the part that is looked at.
    pub(super) locals: Vec<(String, Type)>,
    depth: usize,
}

pub(super) type Lowered = Result<Node, ConditionError>;

impl Lowering {
    pub(super) fn new(places: SourceInfo) -> Self {
        Self { places, locals: Vec::new(), depth: 0 }
    }

    pub(super) fn lower_root(mut self, root: &IdedExpr) -> Lowered {
        self.lower(root)
    }

    pub(super) fn lower(&mut self, expr: &IdedExpr) -> Lowered {
        let (at, _) = self.places.offset_for(expr.id).unwrap_or_default();
        let at = usize::try_from(at).unwrap_or_default();
        if self.depth == DEEPEST {
            return Err(ConditionError::at(at, "The condition is nested too deeply."));
        }
        self.depth += 1;
        let node = self.lower_one(expr, at);
        self.depth -= 1;
        node
    }

    fn lower_one(&mut self, expr: &IdedExpr, at: usize) -> Lowered {
        match &expr.expr {
            Expr::Literal(value) => Ok(literal(value, at)),
            Expr::Ident(name) => self.name(name, at),
            Expr::Select(select) => self.select(select, at),
            Expr::Call(call) => self.call(call, at),
            Expr::List(list) => {
                let items: Result<Vec<Node>, _> = list.elements.iter().map(|item| self.lower(item)).collect();
                let items = items?;
                let of = one_kind(items.iter(), "list")?;
                Ok(Node { what: What::List(items), gives: Type::list(of), at })
            }
            Expr::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else { return Err(unknown_syntax(at)) };
                    entries.push((self.lower(&entry.key)?, self.lower(&entry.value)?));
                }
                self.map(entries, at)
            }
            Expr::Struct(made) => {
                let message = format!("`{}{{…}}` makes a message; conditions have none.", made.type_name);
                Err(ConditionError::at(at, message))
            }
            Expr::Comprehension(_) | Expr::Unspecified => Err(unknown_syntax(at)),
        }
    }

    #[expect(clippy::unused_self, reason = "it stands with its like")]
    fn map(&self, entries: Vec<(Node, Node)>, at: usize) -> Lowered {
        let keys = |kind| matches!(kind, Kind::Dyn | Kind::Bool | Kind::Int | Kind::Uint | Kind::Text);
        if let Some((key, _)) = entries.iter().find(|(key, _)| !keys(key.gives.kind)) {
            let message = format!("A map can't have {} as a key.", key.gives.kind.word());
            return Err(ConditionError::at(key.at, message));
        }
        one_kind(entries.iter().map(|(key, _)| key), "map")?;
        let of = one_kind(entries.iter().map(|(_, value)| value), "map")?;
        Ok(Node { what: What::Map(entries), gives: Type::map(of), at })
    }

    pub(super) fn name(&self, name: &str, at: usize) -> Lowered {
        if let Some(depth) = self.locals.iter().rposition(|(local, _)| local == name) {
            let gives = self.locals.get(depth).map_or(Type::DYN, |(_, gives)| *gives);
            return Ok(Node { what: What::Local { depth, name: name.to_owned() }, gives, at });
        }
        if let Some(variable) = Variable::named(name) {
            return Ok(Node { what: What::Variable(variable), gives: variable.gives(), at });
        }
        if let Some(word) = type_named(name) {
            return Ok(Node { what: What::Literal(Literal::Type(word)), gives: Type::plain(Kind::Type), at });
        }
        let known: Vec<&str> = Variable::ALL.iter().map(|variable| variable.name()).collect();
        let message = format!("There is no variable `{name}`; there are {}.", known.join(", "));
        Err(ConditionError::at(at, message))
    }

    fn select(&mut self, select: &SelectExpr, at: usize) -> Lowered {
        if let Some(word) = qualified(select).and_then(|name| type_named(&name)) {
            return Ok(Node { what: What::Literal(Literal::Type(word)), gives: Type::plain(Kind::Type), at });
        }
        let of = self.lower(&select.operand)?;
        let gives = field_type(&of, &select.field, at)?;
        if is_request(&of) && select.field == "time" {
            return Ok(Node { what: What::Now, gives, at });
        }
        Ok(Node { what: What::Select { of: Box::new(of), field: select.field.clone() }, gives, at })
    }

    /// `has(a.b)`.
    pub(super) fn presence(&mut self, arg: &IdedExpr, at: usize) -> Lowered {
        let Expr::Select(select) = &arg.expr else {
            return Err(ConditionError::at(at, "`has` takes a field, as in `has(object.spec.replicas)`."));
        };
        let of = self.lower(&select.operand)?;
        field_type(&of, &select.field, at)?;
        let what = if is_request(&of) && select.field == "time" {
            What::Literal(Literal::Bool(true))
        } else {
            What::Has { of: Box::new(of), field: select.field.clone() }
        };
        Ok(Node { what, gives: Type::BOOL, at })
    }
}

fn is_request(node: &Node) -> bool {
    matches!(node.what, What::Variable(Variable::Request))
}

/// The fields from `request` on, joined by points, if the node is nothing else.
fn request_path(node: &Node) -> Option<String> {
    match &node.what {
        What::Variable(Variable::Request) => Some(String::new()),
        What::Select { of, field } => {
            let path = request_path(of)?;
            Some(if path.is_empty() { field.clone() } else { format!("{path}.{field}") })
        }
        _ => None,
    }
}

/// What a field is, or why there is none.
fn field_type(of: &Node, field: &str, at: usize) -> Result<Type, ConditionError> {
    if let Some(path) = request_path(of) {
        let path = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        let gives = request_field(&path);
        if gives.is_none() || of.gives.kind.meets(Kind::Map) {
            return gives.ok_or_else(|| ConditionError::at(at, format!("`request` has no field `{path}`.")));
        }
    }
    match of.gives.kind {
        Kind::Dyn => Ok(Type::DYN),
        Kind::Map => Ok(of.gives.inner()),
        kind => Err(ConditionError::at(at, format!("A {} has no field `{field}`.", kind.word()))),
    }
}

fn literal(value: &LiteralValue, at: usize) -> Node {
    let (literal, kind) = match value {
        LiteralValue::Boolean(value) => (Literal::Bool(*value.inner()), Kind::Bool),
        LiteralValue::Bytes(bytes) => (Literal::Bytes(bytes.inner().to_vec()), Kind::Bytes),
        LiteralValue::Double(value) => (Literal::Double(*value.inner()), Kind::Double),
        LiteralValue::Int(value) => (Literal::Int(*value.inner()), Kind::Int),
        LiteralValue::Null => (Literal::Null, Kind::Null),
        LiteralValue::String(text) => (Literal::Text(text.inner().to_owned()), Kind::Text),
        LiteralValue::UInt(value) => (Literal::Uint(*value.inner()), Kind::Uint),
    };
    Node { what: What::Literal(literal), gives: Type::plain(kind), at }
}

fn unknown_syntax(at: usize) -> ConditionError {
    ConditionError::at(at, "This isn't understood in conditions.")
}

/// The kind of all the nodes: Kubernetes refuses literals that mix kinds, one that isn't known among them.
fn one_kind<'a>(nodes: impl Iterator<Item = &'a Node>, what: &str) -> Result<Kind, ConditionError> {
    let mut first: Option<Type> = None;
    for node in nodes {
        let known = *first.get_or_insert(node.gives);
        if known.kind != node.gives.kind || !known.of.meets(node.gives.of) {
            let (one, other) = (known.words(), node.gives.words());
            let message = format!("This {what} mixes {one} and {other}; `dyn(…)` around each lets it.");
            return Err(ConditionError::at(node.at, message));
        }
    }
    Ok(first.map_or(Kind::Dyn, |gives| gives.kind))
}

/// `a.b.c`, if it is nothing but names.
fn qualified(select: &SelectExpr) -> Option<String> {
    match &select.operand.expr {
        Expr::Ident(name) => Some(format!("{name}.{}", select.field)),
        Expr::Select(operand) => Some(format!("{}.{}", qualified(operand)?, select.field)),
        _ => None,
    }
}

/// The types that expressions can name.
fn type_named(name: &str) -> Option<&'static str> {
    let kinds = [
        Kind::Null,
        Kind::Bool,
        Kind::Int,
        Kind::Uint,
        Kind::Double,
        Kind::Text,
        Kind::Bytes,
        Kind::List,
        Kind::Map,
        Kind::Timestamp,
        Kind::Duration,
        Kind::Type,
    ];
    kinds.iter().map(|kind| kind.word()).find(|word| *word == name)
}
