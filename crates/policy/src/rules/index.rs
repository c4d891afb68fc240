//! Which rules of a scope can be about a question, so that a scope of a thousand rules isn't read whole for
//! each.

use std::collections::HashMap;

use super::ask::Ask;
use super::spec::RuleSpec;

/// The places of rules, by the resource that they name. A rule left out can't match; one in it still may
/// not.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By the resource before its `/`.
    named: HashMap<Box<str>, Vec<usize>>,
    /// Rules with `*` or `*/subresource`.
    wild: Vec<usize>,
    /// Rules on paths.
    paths: Vec<usize>,
}

impl Index {
    /// Adds the rule at a place; places come in rising order.
    pub(super) fn add(&mut self, place: usize, rule: &RuleSpec) {
        if !rule.non_resource_urls.is_empty() {
            self.paths.push(place);
        }
        for resource in &rule.resources {
            let main = resource.split_once('/').map_or(resource.as_str(), |(main, _)| main);
            let places =
                if main == "*" { &mut self.wild } else { self.named.entry(main.into()).or_default() };
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }

    /// The places of the rules that can be about a question.
    pub(super) fn places(&self, ask: Ask<'_>) -> impl Iterator<Item = usize> {
        let (one, other) = match ask {
            Ask::Path { .. } => (Some(&self.paths), None),
            Ask::Resource(on) => (self.named.get(on.resource), Some(&self.wild)),
        };
        one.into_iter().chain(other).flatten().copied()
    }
}
