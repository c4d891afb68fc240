//! The parser's tree, made into ours: every name resolved, every type looked at.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo};

use super::{ConditionError, MAX_DEPTH, Places};
use crate::condition::bindings::{Variable, request_field};
use crate::condition::node::{Literal, Node, What};
use crate::condition::types::{Kind, Type};

/// How deep our tree may be: the parser's bound, and twice as much for what it doesn't count, such as the
/// fields of fields and long sums.
const DEEPEST: usize = 3 * MAX_DEPTH;

/// The work, and where it stands.
pub(super) struct Lowering {
    places: Places,
    /// The variables of the macros around the part that is looked at.
    pub(super) locals: Vec<(String, Type)>,
    depth: usize,
}

pub(super) type Lowered = Result<Node, ConditionError>;

impl Lowering {
    pub(super) fn new(source: &str, places: SourceInfo) -> Self {
        Self { places: Places::new(source, places), locals: Vec::new(), depth: 0 }
    }

    pub(super) fn lower_root(mut self, root: &IdedExpr) -> Lowered {
        self.lower(root)
    }

    pub(super) fn place(&self, expr: &IdedExpr) -> usize {
        self.places.of(expr.id)
    }

    pub(super) fn lower(&mut self, expr: &IdedExpr) -> Lowered {
        let at = self.place(expr);
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
                let of = one_kind(&items, "list")?;
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
        let mut key_kind = Kind::Dyn;
        let mut of = Kind::Dyn;
        for (key, value) in &entries {
            key_kind = same_kind(key_kind, key, "map")?;
            of = same_kind(of, value, "map")?;
        }
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

/// What a field is, or why there is none.
fn field_type(of: &Node, field: &str, at: usize) -> Result<Type, ConditionError> {
    if is_request(of) {
        let missing = || ConditionError::at(at, format!("`request` has no field `{field}`."));
        return request_field(field).ok_or_else(missing);
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

/// The kind of all the nodes: Kubernetes refuses literals that mix kinds.
fn one_kind(nodes: &[Node], what: &str) -> Result<Kind, ConditionError> {
    nodes.iter().try_fold(Kind::Dyn, |kind, node| same_kind(kind, node, what))
}

fn same_kind(kind: Kind, node: &Node, what: &str) -> Result<Kind, ConditionError> {
    match (kind, node.gives.kind) {
        (kind, Kind::Dyn) => Ok(kind),
        (Kind::Dyn, kind) => Ok(kind),
        (kind, other) if kind == other => Ok(kind),
        (kind, other) => {
            let message = format!("This {what} mixes {} and {}.", kind.word(), other.word());
            Err(ConditionError::at(node.at, message))
        }
    }
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
