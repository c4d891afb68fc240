//! One object: what a get by name answers, or a write that returns the object.

use bytes::{Bytes, BytesMut};
use drawbridge_policy::Look;
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::Value;

use super::form::{Form, Shape};
use super::list::write;
use super::reduce::partial;
use super::table::OneRow;
use super::{Fault, MAX_OBJECT};

/// What became of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Single {
    /// What is written.
    Shown(Bytes),
    /// The caller may not know that it is there.
    Hidden,
    /// It is no object but a `Status`: an error, or that something was deleted. Not looked at; what its
    /// message may tell is for whoever passes it on to say.
    Status(Value),
}

/// Reads an answer whole, up to [`MAX_OBJECT`].
pub async fn whole<B>(mut body: B) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.or(Err(Fault::Short))?.into_data() else { continue };
        if whole.len() + data.len() > MAX_OBJECT {
            return Err(Fault::TooLarge(MAX_OBJECT));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Looks at the one object of an answer.
pub fn single(
    form: Form,
    answer: &[u8],
    looks: impl FnMut(&mut Value) -> Look + Send + 'static,
) -> Result<Single, Fault> {
    let mut object: Value = serde_json::from_slice(answer).or(Err(Fault::Form("it is no JSON")))?;
    if is_status(&object) {
        return Ok(Single::Status(object));
    }
    let mut looks: super::Looks = Box::new(looks);
    let (look, left) = match (OneRow::is_one(&object), form.shape()) {
        (true, Shape::Table(version, include)) => {
            let mut row = OneRow::read(object)?;
            let columns = row.take_columns();
            (row.look(&mut looks), row.written(version, include, columns)?)
        }
        (true, _) => return Err(Fault::Form("it is a table, which was not asked for")),
        (false, _) if !object.is_object() => return Err(Fault::Form("it is no object")),
        (false, Shape::Metadata(version)) => (looks(&mut object), partial(object, version)),
        (false, _) => (looks(&mut object), object),
    };
    if look == Look::Hidden {
        return Ok(Single::Hidden);
    }
    let mut out = Vec::new();
    write(&left, &mut out)?;
    out.push(b'\n');
    Ok(Single::Shown(out.into()))
}

/// Whether it is the API's own `Status`, and no object of somebody's kind of that name.
pub fn is_status(answer: &Value) -> bool {
    let says = |name: &str, text: &str| answer.get(name).is_some_and(|value| value == text);
    says("kind", "Status") && says("apiVersion", "v1")
}

#[cfg(test)]
mod tests;
