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

/// The fields of `request` and what they are, as ValidatingAdmissionPolicy declares them; and `time`, which
/// is ours. What stands here as dyn and has no fields here may have any.
pub const REQUEST_FIELDS: [(&str, &str); 29] = [
    ("kind", "dyn"),
    ("kind.group", "string"),
    ("kind.version", "string"),
    ("kind.kind", "string"),
    ("resource", "dyn"),
    ("resource.group", "string"),
    ("resource.version", "string"),
    ("resource.resource", "string"),
    ("subResource", "string"),
    ("requestKind", "dyn"),
    ("requestKind.group", "string"),
    ("requestKind.version", "string"),
    ("requestKind.kind", "string"),
    ("requestResource", "dyn"),
    ("requestResource.group", "string"),
    ("requestResource.version", "string"),
    ("requestResource.resource", "string"),
    ("requestSubResource", "string"),
    ("name", "string"),
    ("namespace", "string"),
    ("operation", "string"),
    ("userInfo", "dyn"),
    ("userInfo.username", "string"),
    ("userInfo.uid", "string"),
    ("userInfo.groups", "list(string)"),
    ("userInfo.extra", "map(list)"),
    ("dryRun", "bool"),
    ("options", "dyn"),
    ("time", "google.protobuf.Timestamp"),
];

/// What a field of `request` is. None: there is none of that path, as `userInfo.name`.
pub(super) fn request_field(path: &str) -> Option<Type> {
    if let Some((_, word)) = REQUEST_FIELDS.iter().find(|(field, _)| *field == path) {
        return Some(match *word {
            "string" => Type::TEXT,
            "bool" => Type::BOOL,
            "list(string)" => Type::list(Kind::Text),
            "map(list)" => Type::map(Kind::List),
            "google.protobuf.Timestamp" => Type::plain(Kind::Timestamp),
            _ => Type::DYN,
        });
    }
    let (parent, _) = path.rsplit_once('.')?;
    let has_fields = REQUEST_FIELDS
        .iter()
        .any(|(field, _)| field.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.')));
    if has_fields { None } else { request_field(parent).map(Type::inner) }
}
