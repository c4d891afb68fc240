//! Calls: operators, macros and functions are all parsed as such.

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators as op};

use super::lower::{Lowered, Lowering};
use super::{ConditionError, MAX_NESTED, checks, pattern};
use crate::condition::bindings::Variable;
use crate::condition::fault::Steps;
use crate::condition::library::{self, Function, time};
use crate::condition::node::{Each, Literal, Node, Search, What};
use crate::condition::operators::{Arithmetic, Comparison};
use crate::condition::types::{Kind, Type};
use crate::condition::value::Val;

impl Lowering {
    pub(super) fn call(&mut self, call: &CallExpr, at: usize) -> Lowered {
        match (&call.target, call.func_name.as_str(), call.args.as_slice()) {
            (None, op::LOGICAL_AND | op::LOGICAL_OR, _) => self.logical(call, at),
            (None, op::LOGICAL_NOT, [of]) => {
                let of = self.lower(of)?;
                checks::is_bool(&of, "!")?;
                Ok(Node { what: What::Not(Box::new(of)), gives: Type::BOOL, at })
            }
            (None, op::NEGATE, [of]) => {
                let of = self.lower(of)?;
                let gives = checks::negated(&of, at)?;
                Ok(Node { what: What::Negate(Box::new(of)), gives, at })
            }
            (None, op::CONDITIONAL, [condition, then, other]) => {
                let parts = [self.lower(condition)?, self.lower(then)?, self.lower(other)?];
                let gives = checks::conditional(&parts, at)?;
                Ok(Node { what: What::Conditional(Box::new(parts)), gives, at })
            }
            (None, op::INDEX, [of, key]) => {
                let (of, key) = (self.lower(of)?, self.lower(key)?);
                let gives = checks::indexed(&of, &key, at)?;
                Ok(Node { what: What::Index { of: Box::new(of), key: Box::new(key) }, gives, at })
            }
            (None, op::HAS, [field]) => self.presence(field, at),
            (None, name, [one, other]) if is_binary(name) => self.binary(name, one, other, at),
            (Some(range), name, args) if macro_named(name, args.len()).is_some() => {
                self.each(range, name, args, at)
            }
            _ => self.function(call, at),
        }
    }

    /// A chain of the same operator becomes one node, however long it is.
    fn logical(&mut self, call: &CallExpr, at: usize) -> Lowered {
        let mut parts = Vec::new();
        // Those on the left come first.
        let mut ahead: Vec<&IdedExpr> = call.args.iter().rev().collect();
        while let Some(part) = ahead.pop() {
            match &part.expr {
                Expr::Call(inner) if inner.func_name == call.func_name && inner.target.is_none() => {
                    ahead.extend(inner.args.iter().rev());
                }
                _ => parts.push(self.lower(part)?),
            }
        }
        let all = call.func_name == op::LOGICAL_AND;
        for part in &parts {
            checks::is_bool(part, if all { "&&" } else { "||" })?;
        }
        let what = if all { What::And(parts) } else { What::Or(parts) };
        Ok(Node { what, gives: Type::BOOL, at })
    }

    fn binary(&mut self, name: &str, one: &IdedExpr, other: &IdedExpr, at: usize) -> Lowered {
        let sides = Box::new([self.lower(one)?, self.lower(other)?]);
        if let Some(how) = arithmetic(name) {
            let gives = checks::computed(how, &sides, at)?;
            return Ok(Node { what: What::Compute { how, sides }, gives, at });
        }
        let what = if let Some(how) = comparison(name) {
            checks::compared(how, &sides, at)?;
            What::Compare { how, sides }
        } else if name == op::IN {
            checks::contained(&sides, at)?;
            What::In(sides)
        } else {
            checks::equated(&sides, at)?;
            What::Equal { negated: name == op::NOT_EQUALS, sides }
        };
        Ok(Node { what, gives: Type::BOOL, at })
    }

    fn each(&mut self, range: &IdedExpr, name: &str, args: &[IdedExpr], at: usize) -> Lowered {
        let Some(how) = macro_named(name, args.len()) else { return Err(unknown(name, at)) };
        let range = self.lower(range)?;
        let Some((variable, bodies)) = args.split_first() else { return Err(unknown(name, at)) };
        let Expr::Ident(variable) = &variable.expr else {
            let message = format!("`{name}` takes a name first, as in `list.{name}(item, …)`.");
            return Err(ConditionError::at(at, message));
        };
        if matches!(how, Each::Map | Each::Filter) && !self.locals.is_empty() {
            let message =
                format!("`{name}` can't stand inside another macro: it would make a list for each element.");
            return Err(ConditionError::at(at, message));
        }
        if self.locals.len() == MAX_NESTED {
            let message = format!("At most {MAX_NESTED} macros over lists can stand in each other.");
            return Err(ConditionError::at(at, message));
        }
        let of = checks::element(&range, name, at)?;
        self.locals.push((variable.clone(), of));
        let bodies: Result<Vec<Node>, _> = bodies.iter().map(|body| self.lower(body)).collect();
        self.locals.pop();
        let mut bodies = bodies?.into_iter();
        let Some(body) = bodies.next() else { return Err(unknown(name, at)) };
        let then = bodies.next().map(Box::new);
        if how != Each::Map || then.is_some() {
            checks::is_bool(&body, name)?;
        }
        let gives = match how {
            Each::All | Each::Exists | Each::ExistsOne => Type::BOOL,
            Each::Filter => Type::list(of.kind),
            Each::Map => Type::list(then.as_ref().map_or(body.gives.kind, |then| then.gives.kind)),
        };
        let what = What::Each { how, range: Box::new(range), body: Box::new(body), then };
        Ok(Node { what, gives, at })
    }

    fn function(&mut self, call: &CallExpr, at: usize) -> Lowered {
        let (name, member) = self.called(call);
        let target = call.target.as_deref().filter(|_| member);
        let args: Result<Vec<Node>, _> =
            target.into_iter().chain(&call.args).map(|arg| self.lower(arg)).collect();
        let args = args?;
        if let Some(how) = search_named(&name) {
            return search(how, args, at);
        }
        let named: Vec<&'static Function> = library::named(&name, member).collect();
        let Some(first) = named.first() else { return Err(unfound(&name, member, at)) };
        let counts: Vec<usize> = named.iter().map(|function| function.takes.len()).collect();
        if !counts.contains(&args.len()) {
            let given = args.len() - usize::from(member);
            return Err(ConditionError::at(at, format!("`{name}` doesn't take {given} arguments.")));
        }
        let types: Vec<Type> = args.iter().map(|arg| arg.gives).collect();
        let overloads: Vec<_> =
            named.iter().copied().filter(|function| function.takes_types(&types)).collect();
        let Some(gives) = overloads.iter().map(|function| function.gives).reduce(Type::join) else {
            let words: Vec<&str> = types.iter().map(|gives| gives.kind.word()).collect();
            return Err(ConditionError::at(at, format!("`{name}` doesn't take {}.", words.join(" and "))));
        };
        literal_args(&name, &overloads, &args, at)?;
        Ok(Node { what: What::Call { name: first.name, overloads, args }, gives, at })
    }

    /// The function's whole name, and whether what stands before the point is its first argument.
    fn called(&self, call: &CallExpr) -> (String, bool) {
        if let Some(target) = &call.target
            && let Expr::Ident(space) = &target.expr
            && Variable::named(space).is_none()
            && !self.locals.iter().any(|(local, _)| local == space)
        {
            let whole = format!("{space}.{}", call.func_name);
            if library::named(&whole, false).next().is_some() {
                return (whole, false);
            }
        }
        (call.func_name.clone(), call.target.is_some())
    }
}

fn unfound(name: &str, member: bool, at: usize) -> ConditionError {
    if library::named(name, !member).next().is_none() {
        return unknown(name, at);
    }
    let how = if member { format!("{name}(value)") } else { format!("value.{name}()") };
    ConditionError::at(at, format!("`{name}` is called as `{how}`."))
}

fn unknown(name: &str, at: usize) -> ConditionError {
    ConditionError::at(at, format!("There is no function `{name}` with these arguments."))
}

/// What is written out in the condition is tried now: a wrong duration is found when it is applied.
fn literal_args(name: &str, overloads: &[&Function], args: &[Node], at: usize) -> Result<(), ConditionError> {
    let texts: Vec<Option<&String>> = args
        .iter()
        .map(|arg| match &arg.what {
            What::Literal(Literal::Text(text)) => Some(text),
            _ => None,
        })
        .collect();
    if let ([None, Some(zone)], true) = (&texts[..], name.starts_with("get"))
        && !time::is_zone(zone)
    {
        return Err(ConditionError::at(at, format!("There is no time zone `{zone}`.")));
    }
    let Some(texts) = texts.into_iter().collect::<Option<Vec<&String>>>() else { return Ok(()) };
    let values: Vec<Val<'_>> = texts.into_iter().map(|text| Val::borrowed(text)).collect();
    let Some(function) = overloads.iter().find(|function| function.takes_values(&values)) else {
        return Ok(());
    };
    match (function.run)(&values, &Steps::new()) {
        Ok(_) => Ok(()),
        Err(fault) => Err(ConditionError::at(at, format!("{}.", fault.sentence()))),
    }
}

fn search(how: Search, args: Vec<Node>, at: usize) -> Lowered {
    let name = how.name();
    let mut args = args.into_iter();
    let (Some(of), Some(regex), most, None) = (args.next(), args.next(), args.next(), args.next()) else {
        return Err(ConditionError::at(at, format!("`{name}` takes a regular expression.")));
    };
    let fits = of.gives.kind.meets(Kind::Text) && (most.is_none() || how == Search::FindAll);
    if !fits || most.as_ref().is_some_and(|most| !most.gives.kind.meets(Kind::Int)) {
        return Err(ConditionError::at(at, format!("`{name}` doesn't take these arguments.")));
    }
    let What::Literal(Literal::Text(text)) = &regex.what else {
        let message = format!("`{name}` takes a regular expression that is written out, not a computed one.");
        return Err(ConditionError::at(regex.at, message));
    };
    let weight = 1 + text.len() / 16;
    let regex = pattern::read(text).map_err(|why| ConditionError::at(regex.at, why))?;
    let gives = match how {
        Search::Matches => Type::BOOL,
        Search::Find => Type::TEXT,
        Search::FindAll => Type::list(Kind::Text),
    };
    Ok(Node {
        what: What::Search { how, of: Box::new(of), regex, most: most.map(Box::new), weight },
        gives,
        at,
    })
}

fn search_named(name: &str) -> Option<Search> {
    [Search::Matches, Search::Find, Search::FindAll].into_iter().find(|search| search.name() == name)
}

fn macro_named(name: &str, args: usize) -> Option<Each> {
    match (name, args) {
        (op::ALL, 2) => Some(Each::All),
        (op::EXISTS, 2) => Some(Each::Exists),
        (op::EXISTS_ONE | "existsOne", 2) => Some(Each::ExistsOne),
        (op::FILTER, 2) => Some(Each::Filter),
        (op::MAP, 2 | 3) => Some(Each::Map),
        _ => None,
    }
}

fn is_binary(name: &str) -> bool {
    arithmetic(name).is_some()
        || comparison(name).is_some()
        || matches!(name, op::EQUALS | op::NOT_EQUALS | op::IN)
}

fn arithmetic(name: &str) -> Option<Arithmetic> {
    match name {
        op::ADD => Some(Arithmetic::Add),
        op::SUBSTRACT => Some(Arithmetic::Subtract),
        op::MULTIPLY => Some(Arithmetic::Multiply),
        op::DIVIDE => Some(Arithmetic::Divide),
        op::MODULO => Some(Arithmetic::Modulo),
        _ => None,
    }
}

fn comparison(name: &str) -> Option<Comparison> {
    match name {
        op::LESS => Some(Comparison::Less),
        op::LESS_EQUALS => Some(Comparison::LessOrEqual),
        op::GREATER => Some(Comparison::Greater),
        op::GREATER_EQUALS => Some(Comparison::GreaterOrEqual),
        _ => None,
    }
}
