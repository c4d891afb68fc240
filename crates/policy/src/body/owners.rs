//! `metadata.ownerReferences`: who deletes an object when another one goes.

use serde_json::Value;

use super::error::BodyError;
use super::json::{Json, Map};
use super::wire::{self, Field};

/// An object's owner references, in order. Compared as the API server compares them
/// (`OwnerReferencesPermissionEnforcement`): null, absent and empty are the same, a flag left out is not
/// `false`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Owners(Vec<Owner>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Owner {
    api_version: String,
    kind: String,
    name: String,
    uid: String,
    controller: Option<bool>,
    block_owner_deletion: Option<bool>,
}

impl Owners {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of_json(metadata: Option<&Map>) -> Result<Self, BodyError> {
        let list = match metadata.and_then(|metadata| metadata.get("ownerReferences")) {
            None | Some(Json::Null) => return Ok(Self::default()),
            Some(Json::List(list)) => list,
            Some(_) => return Err(shape()),
        };
        list.iter().map(Owner::of_json).collect::<Result<_, _>>().map(Self)
    }

    /// `metav1.OwnerReference`'s messages.
    pub(super) fn of_messages<'a>(messages: impl Iterator<Item = &'a Field<'a>>) -> Result<Self, BodyError> {
        messages.map(|field| Owner::of_message(field.bytes()?)).collect::<Result<_, _>>().map(Self)
    }

    /// What the cluster answered. None: nothing that Kubernetes would answer, so that nothing equals it.
    pub(crate) fn of_live(live: &Value) -> Option<Self> {
        match live {
            Value::Null => Some(Self::default()),
            Value::Array(list) => list.iter().map(Owner::of_live).collect::<Option<_>>().map(Self),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
        }
    }
}

impl Owner {
    fn of_json(owner: &Json) -> Result<Self, BodyError> {
        let Json::Map(owner) = owner else { return Err(shape()) };
        let text = |key: &str| match owner.get(key) {
            None | Some(Json::Null) => Ok(String::new()),
            Some(Json::Text(text)) => Ok(text.clone()),
            Some(_) => Err(shape()),
        };
        let flag = |key: &str| match owner.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(shape()),
        };
        Ok(Self {
            api_version: text("apiVersion")?,
            kind: text("kind")?,
            name: text("name")?,
            uid: text("uid")?,
            controller: flag("controller")?,
            block_owner_deletion: flag("blockOwnerDeletion")?,
        })
    }

    fn of_message(message: &[u8]) -> Result<Self, BodyError> {
        let fields = wire::fields(message)?;
        let text = |number| -> Result<String, BodyError> {
            Ok(wire::only(&fields, number)?.map(Field::text).transpose()?.unwrap_or_default().to_owned())
        };
        let flag = |number| -> Result<Option<bool>, BodyError> {
            Ok(wire::only(&fields, number)?.map(Field::varint).transpose()?.map(|flag| flag != 0))
        };
        Ok(Self {
            kind: text(1)?,
            name: text(3)?,
            uid: text(4)?,
            api_version: text(5)?,
            controller: flag(6)?,
            block_owner_deletion: flag(7)?,
        })
    }

    fn of_live(owner: &Value) -> Option<Self> {
        let owner = owner.as_object()?;
        let text = |key: &str| match owner.get(key) {
            None | Some(Value::Null) => Some(String::new()),
            Some(value) => value.as_str().map(str::to_owned),
        };
        let flag = |key: &str| match owner.get(key) {
            None | Some(Value::Null) => Some(None),
            Some(value) => value.as_bool().map(Some),
        };
        Some(Self {
            api_version: text("apiVersion")?,
            kind: text("kind")?,
            name: text("name")?,
            uid: text("uid")?,
            controller: flag("controller")?,
            block_owner_deletion: flag("blockOwnerDeletion")?,
        })
    }
}

fn shape() -> BodyError {
    BodyError::Shape("metadata.ownerReferences is no list of owner references".to_owned())
}
