//! A rule as a manifest states it, and as it is after checking.

use super::check;

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
}

impl RuleSpec {
    /// Checks the rule.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn check(self) -> Result<Rule, Vec<RuleProblem>> {
        let problems = check::problems(&self);
        if problems.is_empty() { Ok(Rule { spec: self }) } else { Err(problems) }
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
}
