//! An expression, evaluated: the walk over its nodes, in a bounded number of steps.

use super::bindings::Bindings;
use super::fault::{Fault, Steps};
use super::library::Function;
use super::node::{Each, Literal, Node, Search, What};
use super::operators::{equal, is_in, negate};
use super::types::Kind;
use super::value::{Dict, Val, same_key};

/// One evaluation.
pub(super) struct Evaluation<'a> {
    bindings: &'a Bindings<'a>,
    pub(super) steps: Steps,
}

type Given<'a> = Result<Val<'a>, Fault>;

impl<'a> Evaluation<'a> {
    pub(super) fn new(bindings: &'a Bindings<'a>) -> Self {
        Self { bindings, steps: Steps::new() }
    }

    /// What an expression gives.
    pub(super) fn of(&self, root: &'a Node) -> Given<'a> {
        self.value(root, &mut Vec::new())
    }

    /// `locals` are the variables of the macros around the node, the outermost first.
    fn value(&self, node: &'a Node, locals: &mut Vec<Val<'a>>) -> Given<'a> {
        self.steps.take(1)?;
        match &node.what {
            What::Literal(literal) => Ok(literal.value()),
            What::Variable(variable) => Ok(self.bindings.value(*variable)),
            What::Now => Ok(Val::Timestamp(self.bindings.now.into())),
            What::Local { depth, .. } => {
                locals.get(*depth).cloned().ok_or_else(|| Fault::Missing(node.path()))
            }
            What::Select { of, field } => self.field(node, of, field, locals),
            What::Has { of, field } => match self.value(of, locals)? {
                Val::Map(map) => Ok(Val::Bool(map.field(field).is_some())),
                other => Err(Fault::Kinds("has", vec![other.kind()])),
            },
            What::Index { of, key } => {
                let of = self.value(of, locals)?;
                let key = self.value(key, locals)?;
                index(node, &of, &key)
            }
            What::Not(of) => match self.value(of, locals)? {
                Val::Bool(value) => Ok(Val::Bool(!value)),
                other => Err(Fault::Kinds("!", vec![other.kind()])),
            },
            What::Negate(of) => negate(&self.value(of, locals)?),
            What::And(parts) => self.decided(parts, false, "&&", locals),
            What::Or(parts) => self.decided(parts, true, "||", locals),
            What::Conditional(parts) => self.conditional(parts, locals),
            _ => self.composed(node, locals),
        }
    }

    fn composed(&self, node: &'a Node, locals: &mut Vec<Val<'a>>) -> Given<'a> {
        match &node.what {
            What::Equal { negated, sides } => {
                let [one, other] = self.both(sides, locals)?;
                Ok(Val::Bool(equal(&one, &other, &self.steps)? != *negated))
            }
            What::Compare { how, sides } => {
                let [one, other] = self.both(sides, locals)?;
                how.of(&one, &other, &self.steps).map(Val::Bool)
            }
            What::Compute { how, sides } => {
                let [one, other] = self.both(sides, locals)?;
                how.of(&one, &other, &self.steps)
            }
            What::In(sides) => {
                let [needle, haystack] = self.both(sides, locals)?;
                is_in(&needle, &haystack, &self.steps).map(Val::Bool)
            }
            What::List(parts) => {
                let items: Result<Vec<_>, _> = parts.iter().map(|part| self.value(part, locals)).collect();
                Ok(Val::list(items?))
            }
            What::Map(entries) => self.map(entries, locals),
            What::Call { name, overloads, args } => {
                let args: Result<Vec<_>, _> = args.iter().map(|arg| self.value(arg, locals)).collect();
                self.call(name, overloads, &args?)
            }
            What::Search { how, of, regex, most, weight } => {
                let of = self.value(of, locals)?;
                let most = most.as_ref().map(|most| self.value(most, locals)).transpose()?;
                let Val::Text(text) = &of else {
                    return Err(Fault::Kinds(how.name(), vec![of.kind()]));
                };
                self.steps.take((of.weight() + 1).saturating_mul(*weight))?;
                search(*how, text.as_str(), regex, most)
            }
            What::Each { how, range, body, then } => {
                let range = self.value(range, locals)?;
                self.each(*how, &range, body, then.as_deref(), locals)
            }
            _ => Err(Fault::Missing(node.path())),
        }
    }

    fn both(&self, sides: &'a [Node; 2], locals: &mut Vec<Val<'a>>) -> Result<[Val<'a>; 2], Fault> {
        let [one, other] = sides;
        Ok([self.value(one, locals)?, self.value(other, locals)?])
    }

    fn field(&self, node: &'a Node, of: &'a Node, field: &str, locals: &mut Vec<Val<'a>>) -> Given<'a> {
        match self.value(of, locals)? {
            Val::Map(map) => map.field(field).ok_or_else(|| Fault::Missing(node.path())),
            // There is no such object at all.
            Val::Null => Err(Fault::Missing(of.path())),
            other => Err(Fault::Kinds(".", vec![other.kind()])),
        }
    }

    /// `&&` and `||`: a part that decides does so whatever the others are, also if they have no value.
    fn decided(
        &self,
        parts: &'a [Node],
        decisive: bool,
        sign: &'static str,
        locals: &mut Vec<Val<'a>>,
    ) -> Given<'a> {
        let mut fault = None;
        for part in parts {
            match self.value(part, locals) {
                Ok(Val::Bool(value)) if value == decisive => return Ok(Val::Bool(decisive)),
                Ok(Val::Bool(_)) => {}
                Ok(other) => fault = fault.or(Some(Fault::Kinds(sign, vec![other.kind()]))),
                Err(Fault::Spent) => return Err(Fault::Spent),
                Err(found) => fault = fault.or(Some(found)),
            }
        }
        fault.map_or(Ok(Val::Bool(!decisive)), Err)
    }

    fn conditional(&self, [condition, then, other]: &'a [Node; 3], locals: &mut Vec<Val<'a>>) -> Given<'a> {
        match self.value(condition, locals)? {
            Val::Bool(true) => self.value(then, locals),
            Val::Bool(false) => self.value(other, locals),
            value => Err(Fault::Kinds("?", vec![value.kind()])),
        }
    }

    fn map(&self, parts: &'a [(Node, Node)], locals: &mut Vec<Val<'a>>) -> Given<'a> {
        let mut entries: Vec<(Val<'a>, Val<'a>)> = Vec::with_capacity(parts.len());
        for (key, value) in parts {
            let key = self.value(key, locals)?;
            if !matches!(key.kind(), Kind::Bool | Kind::Int | Kind::Uint | Kind::Text) {
                return Err(Fault::Kinds("{}", vec![key.kind()]));
            }
            if entries.iter().any(|(other, _)| same_key(other, &key)) {
                return Err(Fault::Cannot("{}", "has a key twice"));
            }
            entries.push((key, self.value(value, locals)?));
        }
        Ok(Val::Map(Dict::Made(entries.into())))
    }

    fn call(&self, name: &'static str, overloads: &[&'static Function], args: &[Val<'a>]) -> Given<'a> {
        self.steps.take(args.iter().map(Val::weight).sum())?;
        match overloads.iter().find(|overload| overload.takes_values(args)) {
            Some(overload) => (overload.run)(args, &self.steps),
            None => Err(Fault::Kinds(name, args.iter().map(Val::kind).collect())),
        }
    }

    fn each(
        &self,
        how: Each,
        range: &Val<'a>,
        body: &'a Node,
        then: Option<&'a Node>,
        locals: &mut Vec<Val<'a>>,
    ) -> Given<'a> {
        let items = match range {
            Val::List(list) => {
                self.steps.take(list.len())?;
                list.items().collect()
            }
            Val::Map(map) => {
                self.steps.take(map.len())?;
                map.keys()
            }
            other => return Err(Fault::Kinds(how.name(), vec![other.kind()])),
        };
        let depth = locals.len();
        let mut at = |item: Val<'a>, node: &'a Node| {
            locals.push(item);
            let value = self.value(node, locals);
            locals.truncate(depth);
            value
        };
        match how {
            Each::All | Each::Exists => any(how, items, |item| at(item, body)),
            Each::ExistsOne => {
                let mut count = 0;
                for item in items {
                    count += usize::from(truth(how, at(item, body)?)?);
                }
                Ok(Val::Bool(count == 1))
            }
            Each::Filter => {
                let mut kept = Vec::new();
                for item in items {
                    if truth(how, at(item.clone(), body)?)? {
                        kept.push(item);
                    }
                }
                Ok(Val::list(kept))
            }
            Each::Map => {
                let mut made = Vec::with_capacity(items.len());
                for item in items {
                    match then {
                        Some(then) if truth(how, at(item.clone(), body)?)? => made.push(at(item, then)?),
                        Some(_) => {}
                        None => made.push(at(item, body)?),
                    }
                }
                Ok(Val::list(made))
            }
        }
    }
}

/// `all` and `exists`: an element that decides does so whatever the others are.
fn any<'a>(how: Each, items: Vec<Val<'a>>, mut at: impl FnMut(Val<'a>) -> Given<'a>) -> Given<'a> {
    let decisive = how == Each::Exists;
    let mut fault = None;
    for item in items {
        match at(item).and_then(|value| truth(how, value)) {
            Ok(value) if value == decisive => return Ok(Val::Bool(decisive)),
            Ok(_) => {}
            Err(Fault::Spent) => return Err(Fault::Spent),
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    fault.map_or(Ok(Val::Bool(!decisive)), Err)
}

#[expect(clippy::needless_pass_by_value, reason = "it comes from an evaluation and ends here")]
fn truth(how: Each, value: Val<'_>) -> Result<bool, Fault> {
    match value {
        Val::Bool(value) => Ok(value),
        other => Err(Fault::Kinds(how.name(), vec![other.kind()])),
    }
}

fn index<'a>(node: &Node, of: &Val<'a>, key: &Val<'a>) -> Given<'a> {
    let missing = || Fault::Missing(node.path());
    match (of, key) {
        (Val::List(list), Val::Int(index)) => {
            usize::try_from(*index).ok().and_then(|index| list.item(index)).ok_or_else(missing)
        }
        (Val::List(list), Val::Uint(index)) => {
            usize::try_from(*index).ok().and_then(|index| list.item(index)).ok_or_else(missing)
        }
        // A whole double is an index too.
        (Val::List(list), Val::Double(index)) if index.fract() == 0.0 && *index >= 0.0 && *index < 1e9 =>
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at above")]
            list.item(*index as usize).ok_or_else(missing)
        }
        (Val::Map(map), key) => map.value(key).ok_or_else(missing),
        (Val::Null, _) => Err(missing()),
        _ => Err(Fault::Kinds("[]", vec![of.kind(), key.kind()])),
    }
}

fn search<'a>(how: Search, text: &str, regex: &regex::Regex, most: Option<Val<'a>>) -> Given<'a> {
    match (how, most) {
        (Search::Matches, _) => Ok(Val::Bool(regex.is_match(text))),
        (Search::Find, _) => Ok(Val::text(regex.find(text).map_or("", |found| found.as_str()))),
        (Search::FindAll, most) => {
            let most = match most {
                None => usize::MAX,
                // A negative number means all.
                Some(Val::Int(most)) => usize::try_from(most).unwrap_or(usize::MAX),
                Some(other) => return Err(Fault::Kinds(how.name(), vec![Kind::Text, other.kind()])),
            };
            let found = regex.find_iter(text).take(most).map(|found| Val::text(found.as_str()));
            Ok(Val::list(found.collect::<Vec<_>>()))
        }
    }
}

impl Literal {
    fn value(&self) -> Val<'_> {
        match self {
            Self::Null => Val::Null,
            Self::Bool(value) => Val::Bool(*value),
            Self::Int(value) => Val::Int(*value),
            Self::Uint(value) => Val::Uint(*value),
            Self::Double(value) => Val::Double(*value),
            Self::Text(text) => Val::borrowed(text),
            Self::Bytes(bytes) => Val::Bytes(bytes.as_slice().into()),
            Self::Type(word) => Val::Type(word),
        }
    }
}

impl Each {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }
}

impl Search {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::Find => "find",
            Self::FindAll => "findAll",
        }
    }
}
