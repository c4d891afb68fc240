//! What a Kubernetes request is, and whether an agent may make it.
//!
//! Pure: no clock, no network, no environment, and no threads but the one that a condition is parsed on.
//! Everything a decision needs comes in as an argument, and the only thing that lets a request through,
//! [`Permit`], is made nowhere but in [`decide`].
//!
//! In the order of a request's path:
//!
//! 1. [`attributes`]: method, path and query, read exactly as the API server's `RequestInfo` reads them.
//! 2. [`body`]: the few bodies that a decision must read, strictly.
//! 3. [`Case`]: an agent, the attributes, the body: what is decided on.
//! 4. [`rules`]: what scopes and grants say, with Kubernetes RBAC's meaning and a short table of strict
//!    exceptions.
//! 5. [`condition`]: what a rule's `when` says of objects, in CEL.
//! 6. [`decision`]: [`decide`], and what it answers.
//! 7. [`mask`]: values that are hidden in what comes back.
//! 8. [`review`]: what an agent is told that asks what it may do.

pub mod attributes;
pub mod body;
mod case;
pub mod condition;
pub mod decision;
pub mod mask;
mod name;
pub mod review;
pub mod rules;
mod time;

pub use attributes::{
    Access, Attributes, BodyUse, Connect, Line, Method, Query, Resource, SelfReview, Unreadable, Verb,
};
pub use body::{BodyError, BodyFault, MAX_BODY, MAX_VALUES, Payload, retold};
pub use case::Case;
pub use condition::{Bindings, Condition, ConditionError, Variable, Verdict, changed};
pub use decision::{
    Cost, Decision, Denial, Fact, Facts, Limited, Live, Look, Looked, Missing, Needs, Next, Observed, Permit,
    Pin, Ports, Reason, Screen, Shown, Sight, Stands, Wanted, With, decide, looked_at, observe,
};
pub use mask::{MARKER, Mask, MaskBreach, MaskProblem};
pub use name::{AgentName, NameError};
pub use review::{CEILING, Review};
pub use rules::{
    AGENTS_NAMESPACE, Caution, Effect, HeldScope, Limit, LimitError, Lists, NamePattern, PatternError, Per,
    Reach, Rule, RuleId, RuleProblem, RuleSpec, Rules, Scope, Terms,
};
pub use time::Millis;
