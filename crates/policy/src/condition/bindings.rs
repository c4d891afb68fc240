//! What an expression may name, and what it is told about.

use serde_json::Value;

use super::types::{Kind, Type};
use super::value::{List, Val};
use crate::Millis;

/// What an expression may name. The first four mean what they mean in a ValidatingAdmissionPolicy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// The request's attributes.
    Request,
    /// The object as it would be, or as it is read.
    Object,
    /// The object as it is.
    OldObject,
    /// The namespace of the object.
    NamespaceObject,
    /// The agent that asks.
    Agent,
    /// The task it works on.
    Task,
    /// The grant that is looked at.
    Grant,
    /// The JSON pointers at which `object` differs from `oldObject`.
    Changed,
    /// The pod templates that the workload has had.
    Revisions,
}

/// What the variables are in one decision. None is CEL's null.
#[derive(Debug, Clone, Copy)]
pub struct Bindings<'a> {
    /// As in an AdmissionRequest, without `object` and `oldObject`. Its `time` is not read: that is `now`.
    pub request: &'a Value,
    /// None where there is no new object.
    pub object: Option<&'a Value>,
    /// None where there is no object yet.
    pub old_object: Option<&'a Value>,
    /// None for what has no namespace.
    pub namespace_object: Option<&'a Value>,
    /// The agent.
    pub agent: &'a Value,
    /// The grant.
    pub grant: &'a Value,
    /// The task.
    pub task: &'a Value,
    /// As [`changed`](super::changed) gives them.
    pub changed: &'a [String],
    /// Newest first.
    pub revisions: &'a [Value],
    /// `request.time`.
    pub now: Millis,
}

impl Variable {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Request,
        Self::Object,
        Self::OldObject,
        Self::NamespaceObject,
        Self::Agent,
        Self::Task,
        Self::Grant,
        Self::Changed,
        Self::Revisions,
    ];

    /// As an expression names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Object => "object",
            Self::OldObject => "oldObject",
            Self::NamespaceObject => "namespaceObject",
            Self::Agent => "agent",
            Self::Task => "task",
            Self::Grant => "grant",
            Self::Changed => "changed",
            Self::Revisions => "revisions",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variable| variable.name() == name)
    }

    pub(super) fn gives(self) -> Type {
        match self {
            Self::Changed => Type::list(Kind::Text),
            Self::Revisions => Type::list(Kind::Dyn),
            _ => Type::DYN,
        }
    }
}

impl<'a> Bindings<'a> {
    pub(super) fn value(&self, variable: Variable) -> Val<'a> {
        match variable {
            Variable::Request => Val::of(self.request),
            Variable::Object => self.object.map_or(Val::Null, Val::of),
            Variable::OldObject => self.old_object.map_or(Val::Null, Val::of),
            Variable::NamespaceObject => self.namespace_object.map_or(Val::Null, Val::of),
            Variable::Agent => Val::of(self.agent),
            Variable::Task => Val::of(self.task),
            Variable::Grant => Val::of(self.grant),
            Variable::Changed => Val::List(List::Texts(self.changed)),
            Variable::Revisions => Val::List(List::Json(self.revisions)),
        }
    }
}

/// The fields of `request` and what they are, as ValidatingAdmissionPolicy declares them; and `time`, which is ours.
/// What stands here as dyn may have fields of its own.
pub const REQUEST_FIELDS: [(&str, &str); 13] = [
    ("kind", "dyn"),
    ("resource", "dyn"),
    ("subResource", "string"),
    ("requestKind", "dyn"),
    ("requestResource", "dyn"),
    ("requestSubResource", "string"),
    ("name", "string"),
    ("namespace", "string"),
    ("operation", "string"),
    ("userInfo", "dyn"),
    ("dryRun", "bool"),
    ("options", "dyn"),
    ("time", "google.protobuf.Timestamp"),
];

/// What a field of `request` is, if there is one of that name.
pub(super) fn request_field(name: &str) -> Option<Type> {
    let (_, word) = REQUEST_FIELDS.iter().find(|(field, _)| *field == name)?;
    Some(match *word {
        "string" => Type::TEXT,
        "bool" => Type::BOOL,
        "google.protobuf.Timestamp" => Type::plain(Kind::Timestamp),
        _ => Type::DYN,
    })
}
