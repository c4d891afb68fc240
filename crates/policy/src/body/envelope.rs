//! Kubernetes' protobuf envelope: `k8s\0` and a `runtime.Unknown` (apimachinery `runtime/generated.proto`).

use super::error::BodyError;
use super::wire::{self, Field};

/// What every body begins with (Kubernetes, "API Concepts: Kubernetes Protobuf encoding").
const MAGIC: &[u8; 4] = b"k8s\0";

/// `runtime.Unknown`: typeMeta, raw, contentEncoding, contentType.
const TYPE_META: u32 = 1;
const RAW: u32 = 2;
const ENCODING: u32 = 3;
const CONTENT_TYPE: u32 = 4;

/// An opened envelope.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    fields: Vec<Field<'a>>,
    /// `typeMeta.apiVersion`; "" where it is left out.
    pub(super) api_version: &'a str,
    /// `typeMeta.kind`; "" where it is left out.
    pub(super) kind: &'a str,
    /// The object's message.
    pub(super) raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(super) fn open(body: &'a [u8]) -> Result<Self, BodyError> {
        let message = body.strip_prefix(MAGIC).ok_or(BodyError::Protobuf("it doesn't begin with k8s\\0"))?;
        let fields = wire::fields(message)?;
        for number in [ENCODING, CONTENT_TYPE] {
            // The raw message may then be compressed, or JSON.
            if wire::only(&fields, number)?
                .map(Field::bytes)
                .transpose()?
                .is_some_and(|text| !text.is_empty())
            {
                return Err(BodyError::Protobuf("its envelope names an encoding or a content type"));
            }
        }
        let (api_version, kind) = match wire::only(&fields, TYPE_META)? {
            Some(meta) => type_meta(meta.bytes()?)?,
            None => ("", ""),
        };
        let raw = wire::only(&fields, RAW)?.map(Field::bytes).transpose()?.unwrap_or_default();
        Ok(Self { fields, api_version, kind, raw })
    }

    /// The same envelope around another message.
    pub(super) fn around(&self, raw: &[u8]) -> Vec<u8> {
        let mut body = MAGIC.to_vec();
        body.append(&mut wire::replaced(&self.fields, RAW, raw));
        body
    }
}

/// `runtime.TypeMeta`: apiVersion = 1, kind = 2.
fn type_meta(meta: &[u8]) -> Result<(&str, &str), BodyError> {
    let fields = wire::fields(meta)?;
    let text = |number| wire::only(&fields, number)?.map(Field::text).transpose();
    Ok((text(1)?.unwrap_or_default(), text(2)?.unwrap_or_default()))
}
