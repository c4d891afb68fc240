//! A rule as a manifest states it, and as it is after checking.

use crate::condition::{Condition, Variable};
use crate::mask::Mask;

use super::check;
use super::limit::Limit;

/// Whether a rule allows or denies. It has no default: one that meant allow would be a bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It allows what it matches.
    Allow,
    /// It refuses whatever could include what it matches, and wins over every allow.
    Deny,
}

/// A rule as a manifest states it. The fields mean what RBAC's `PolicyRule` means (Kubernetes, "Using RBAC
/// Authorization"), with the exceptions of [`super::EXCEPTIONS`].
#[derive(Debug, Clone)]
pub struct RuleSpec {
    /// Its name, unique in its scope.
    pub name: String,
    /// Allow or deny.
    pub effect: Effect,
    /// `verbs`
    pub verbs: Vec<String>,
    /// `apiGroups`; "" is the core group.
    pub api_groups: Vec<String>,
    /// `resources`, with `/subresource`.
    pub resources: Vec<String>,
    /// `resourceNames`; empty: every name.
    pub resource_names: Vec<String>,
    /// `nonResourceURLs`
    pub non_resource_urls: Vec<String>,
    /// `acknowledge`: the words of the cautions that the author knows of.
    pub acknowledge: Vec<String>,
    /// What RBAC doesn't have.
    pub terms: Terms,
}

/// What a rule asks for beside verb, resource and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// `when`: a CEL expression that must be true.
    pub when: Option<String>,
    /// `mask`: the values that are hidden in answers.
    pub mask: Vec<String>,
    /// `limits`: how often it may be used.
    pub limits: Vec<Limit>,
    /// `versions`: the API versions that `when` and `mask` were written for; none: `v1`.
    pub versions: Vec<String>,
}

impl Terms {
    /// A rule as RBAC has it.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

/// One thing that is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The manifest's field: `verbs`, `apiGroups`, ….
    pub field: &'static str,
    /// Which entry of the field, where it is one.
    pub index: Option<usize>,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// A checked rule.
#[derive(Debug)]
pub struct Rule {
    spec: RuleSpec,
    condition: Option<Condition>,
    mask: Option<Mask>,
}

impl RuleSpec {
    /// Checks the rule.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn check(self) -> Result<Rule, Vec<RuleProblem>> {
        let mut problems = check::problems(&self);
        let mut problem = |field, index, message| problems.push(RuleProblem { field, index, message });
        let condition = match self.terms.when.as_deref().map(Condition::compile) {
            None => None,
            Some(Ok(condition)) => Some(condition),
            Some(Err(error)) => {
                problem("when", None, error.to_string());
                None
            }
        };
        let mask = match Mask::parse(&self.terms.mask) {
            _ if self.terms.mask.is_empty() => None,
            Ok(mask) => Some(mask),
            Err(found) => {
                found.into_iter().for_each(|one| problem("mask", Some(one.index), one.message));
                None
            }
        };
        let rule = Rule { spec: self, condition, mask };
        check::terms(&rule, &mut problems);
        if problems.is_empty() { Ok(rule) } else { Err(problems) }
    }
}

impl Rule {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Allow or deny.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.spec.effect
    }

    /// What it says.
    #[must_use]
    pub fn spec(&self) -> &RuleSpec {
        &self.spec
    }

    /// What must be true.
    #[must_use]
    pub fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// What is hidden.
    #[must_use]
    pub fn mask(&self) -> Option<&Mask> {
        self.mask.as_ref()
    }

    /// How often it may be used.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.spec.terms.limits
    }

    /// Whether RBAC's part is all there is to it: then it costs nothing but looking at the request.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.condition.is_none() && self.mask.is_none() && self.limits().is_empty()
    }

    /// Whether it looks into objects, whose fields differ by API version.
    pub(crate) fn looks_at_objects(&self) -> bool {
        let names = |variable| self.condition.as_ref().is_some_and(|condition| condition.names(variable));
        self.mask.is_some() || OF_OBJECTS.into_iter().any(names)
    }

    /// Whether it was written for this API version. One that looks at no object is for every one.
    pub(crate) fn is_for(&self, version: &str) -> bool {
        let versions = &self.spec.terms.versions;
        !self.looks_at_objects()
            || versions.iter().any(|known| known == version)
            || (versions.is_empty() && version == "v1")
    }
}

/// The variables that hold (parts of) the object that a request is about.
const OF_OBJECTS: [Variable; 4] =
    [Variable::Object, Variable::OldObject, Variable::Changed, Variable::Revisions];
