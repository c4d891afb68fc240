//! What a condition names and reads, so that it can be looked at before anything is evaluated.

use super::bindings::Variable;
use super::names;
use super::node::{Literal, Node, What};

/// A field of `object` or `oldObject` that a condition reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    old: bool,
    steps: Vec<FieldStep>,
}

/// A step on the way to a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldStep {
    /// A field of an object, or a key of a map.
    Named(String),
    /// Some element of a list, or some value of a map.
    Element,
}

impl FieldPath {
    /// `object` or `oldObject`.
    #[must_use]
    pub fn variable(&self) -> Variable {
        if self.old { Variable::OldObject } else { Variable::Object }
    }

    /// From the object on. Empty if it is read as a whole.
    #[must_use]
    pub fn steps(&self) -> &[FieldStep] {
        &self.steps
    }
}

/// Every variable that is named.
pub(super) fn variables(root: &Node) -> Vec<Variable> {
    let mut found = Vec::new();
    let mut ahead = vec![root];
    while let Some(node) = ahead.pop() {
        if let Some(variable) = names(node).filter(|variable| !found.contains(variable)) {
            found.push(variable);
        }
        ahead.extend(node.parts());
    }
    found
}

/// Every path that is read, sorted; of a path and its beginning, which is read on the way, only the path.
pub(super) fn read(root: &Node) -> Vec<FieldPath> {
    let mut found = Vec::new();
    walk(root, &mut Vec::new(), &mut found);
    found.sort();
    found.dedup();
    found
}

/// `locals` are the paths of what the variables of macros stand for.
fn walk(node: &Node, locals: &mut Vec<Option<FieldPath>>, found: &mut Vec<FieldPath>) {
    if let Some(path) = path(node, locals) {
        found.push(path);
        keys(node, locals, found);
        return;
    }
    if let What::Each { range, body, then, .. } = &node.what {
        walk(range, locals, found);
        let mut element = path(range, locals);
        if let Some(element) = &mut element {
            element.steps.push(FieldStep::Element);
        }
        locals.push(element);
        walk(body, locals, found);
        if let Some(then) = then {
            walk(then, locals, found);
        }
        locals.pop();
        return;
    }
    for part in node.parts() {
        walk(part, locals, found);
    }
}

/// What computed keys on a path read.
fn keys(node: &Node, locals: &mut Vec<Option<FieldPath>>, found: &mut Vec<FieldPath>) {
    match &node.what {
        What::Select { of, .. } | What::Has { of, .. } => keys(of, locals, found),
        What::Index { of, key } => {
            walk(key, locals, found);
            keys(of, locals, found);
        }
        _ => {}
    }
}

fn path(node: &Node, locals: &[Option<FieldPath>]) -> Option<FieldPath> {
    match &node.what {
        What::Variable(Variable::Object) => Some(FieldPath { old: false, steps: Vec::new() }),
        What::Variable(Variable::OldObject) => Some(FieldPath { old: true, steps: Vec::new() }),
        What::Local { depth, .. } => locals.get(*depth).cloned().flatten(),
        What::Select { of, field } | What::Has { of, field } => {
            let mut path = path(of, locals)?;
            path.steps.push(FieldStep::Named(field.clone()));
            Some(path)
        }
        What::Index { of, key } => {
            let mut path = path(of, locals)?;
            path.steps.push(match &key.what {
                What::Literal(Literal::Text(name)) => FieldStep::Named(name.clone()),
                _ => FieldStep::Element,
            });
            Some(path)
        }
        _ => None,
    }
}
