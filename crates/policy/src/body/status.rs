//! A cluster's refusal with another sentence in it, in the form in which it came.

use bytes::Bytes;

use super::envelope::Envelope;
use super::json::Json;
use super::wire::{self, Field};

/// `Status.message` (apimachinery `meta/v1/generated.proto`).
const MESSAGE: u32 = 3;

/// A Kubernetes `Status`, JSON or protobuf, with what `tell` makes of its message. None where it is no
/// Status, or `tell` leaves it as it is.
#[must_use]
pub fn retold(bytes: &[u8], tell: impl Fn(&str) -> Option<String>) -> Option<Bytes> {
    if let Ok(envelope) = Envelope::open(bytes) {
        let fields = wire::fields(envelope.raw).ok().filter(|_| envelope.kind == "Status")?;
        let message = wire::only(&fields, MESSAGE).ok()?.map(Field::text)?.ok()?;
        let raw = wire::replaced(&fields, MESSAGE, tell(message)?.as_bytes());
        return Some(envelope.around(&raw).into());
    }
    let Json::Map(mut status) = Json::read(bytes).ok()? else { return None };
    let (Some(Json::Text(kind)), Some(Json::Text(message))) = (status.get("kind"), status.get("message"))
    else {
        return None;
    };
    let told = tell(message).filter(|_| kind == "Status")?;
    status.set("message", Json::Text(told));
    Some(status.write().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(message: &str) -> Option<String> {
        message.contains("cannot").then(|| format!("{message}!"))
    }

    #[test]
    fn a_status_keeps_everything_but_its_message() {
        let text = br#"{"kind":"Status","code":403,"message":"a cannot b","details":{"kind":"pods"}}"#;
        let told = r#"{"kind":"Status","code":403,"message":"a cannot b!","details":{"kind":"pods"}}"#;
        assert_eq!(retold(text, marked).as_deref(), Some(told.as_bytes()));
        let mut raw = Vec::new();
        wire::put(&mut raw, 2, b"Failure");
        wire::put(&mut raw, MESSAGE, b"a cannot b");
        wire::put(&mut raw, 4, b"Forbidden");
        let mut meta = Vec::new();
        wire::put(&mut meta, 2, b"Status");
        let mut body = b"k8s\0".to_vec();
        wire::put(&mut body, 1, &meta);
        wire::put(&mut body, 2, &raw);
        let told = retold(&body, marked).unwrap();
        let envelope = Envelope::open(&told).unwrap();
        let fields = wire::fields(envelope.raw).unwrap();
        let text = |number| wire::only(&fields, number).unwrap().unwrap().text().unwrap();
        assert_eq!([text(2), text(3), text(4)], ["Failure", "a cannot b!", "Forbidden"]);
    }

    #[test]
    fn what_is_no_status_is_left_alone() {
        for text in [
            r#"{"kind":"Status","message":"quota"}"#,
            r#"{"kind":"Pod","message":"a cannot b"}"#,
            r#"{"kind":"Status","message":7}"#,
            "a cannot b",
            "",
        ] {
            assert_eq!(retold(text.as_bytes(), marked), None, "{text}");
        }
    }
}
