use crate::time::Millis;
use serde_json::Value;
#[derive(Debug, Clone)]
pub struct Condition(String);
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    pub message: String,
    pub at: Option<usize>,
}
impl std::fmt::Display for ConditionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
impl Condition {
    pub fn compile(s: &str) -> Result<Self, ConditionError> {
        Ok(Self(s.to_owned()))
    }
    pub fn source(&self) -> &str {
        &self.0
    }
    pub fn names(&self, _: Variable) -> bool {
        true
    }
    pub fn check(&self, _: &Bindings<'_>) -> Verdict {
        Verdict::Fails
    }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    Request,
    Object,
    OldObject,
    NamespaceObject,
    Agent,
    Task,
    Grant,
    Changed,
    Revisions,
}
pub struct Bindings<'a> {
    pub request: &'a Value,
    pub object: Option<&'a Value>,
    pub old_object: Option<&'a Value>,
    pub namespace_object: Option<&'a Value>,
    pub agent: &'a Value,
    pub grant: &'a Value,
    pub task: &'a Value,
    pub changed: &'a [String],
    pub revisions: &'a [Value],
    pub now: Millis,
}
pub enum Verdict {
    Holds,
    Fails,
    Unclear(String),
}
pub fn changed(_: &Value, _: &Value) -> Vec<String> {
    Vec::new()
}
