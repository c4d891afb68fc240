//! What stands in the place of a hidden value: the same for all values of a type, and something that a typed
//! reader of the object still takes.

use serde_json::Value;

/// What is shown instead of a text.
///
/// It is letters only, so that it is also a label's value, and valid base64 (of twelve bytes), since a reader
/// of a Secret decodes what is in `data`.
pub const MARKER: &str = "DrawbridgeMasked";

/// [`MARKER`] as base64 decodes it: so it stands in protobuf bodies, where bytes aren't encoded.
pub(super) const DECODED: [u8; 12] = [0x0e, 0xb6, 0xb0, 0x6e, 0xb8, 0x9d, 0x81, 0xe3, 0x1a, 0xb2, 0x47, 0x9d];

/// With a fraction, without which Go's reader of `MicroTime` does not take it.
const TIME: &str = "1970-01-01T00:00:00.000000Z";
const QUANTITY: &str = "0";
const DURATION: &str = "0s";

/// Where a value stands: the key it is under, and the keys of the two objects around that. A list's elements
/// stand where the list does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    outer: &'a str,
    above: &'a str,
    key: &'a str,
}

impl<'a> Place<'a> {
    pub(super) fn under<'b>(self, key: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        Place { outer: self.above, above: self.key, key }
    }
}

/// Puts what is shown in a value's place, and in that of every value below it. Keys, the lengths of lists and
/// `null` stay.
pub(super) fn cover(value: &mut Value, place: Place<'_>) {
    match value {
        Value::Null => {}
        Value::Bool(bool) => *bool = false,
        Value::Number(number) => *number = 0.into(),
        Value::String(text) => *text = for_text(text, place).to_owned(),
        Value::Array(list) => list.iter_mut().for_each(|value| cover(value, place)),
        Value::Object(map) => map.iter_mut().for_each(|(key, value)| cover(value, place.under(key))),
    }
}

/// A reader with types takes back no other text for a time, a quantity or a duration, and then refuses the
/// whole list. It is looked at both the text and where it stands, so that a password of digits in `data` or
/// in an environment variable does not show that it is one.
fn for_text(text: &str, place: Place<'_>) -> &'static str {
    if ["data", "stringData", "binaryData", "annotations", "labels"].contains(&place.above) {
        return MARKER;
    }
    if is_time(text) && stands_for_a_time(place) {
        TIME
    } else if is_quantity(text) && stands_for_a_quantity(place) {
        QUANTITY
    } else if is_duration(text) && stands_for_a_duration(place) {
        DURATION
    } else {
        MARKER
    }
}

/// RFC 3339, by its look: `2026-01-31T…Z` or with an offset.
fn is_time(text: &str) -> bool {
    let shape = |(index, byte): (usize, u8)| match index {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let end = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b':' | b'+' | b'-' | b'Z');
    (20..=40).contains(&text.len())
        && text.bytes().take(19).enumerate().all(shape)
        && text.as_bytes().iter().skip(19).all(end)
}

/// `resource.Quantity`, by its look: `500m`, `1.5Gi`, `-1e3`.
fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let exponent = digits.strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    digits.len() < unsigned.len()
        && (["", "n", "u", "m", "k", "K", "M", "G", "T", "P", "E"].contains(&digits)
            || ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].contains(&digits)
            || exponent.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())))
}

fn stands_for_a_time(Place { above, key, .. }: Place<'_>) -> bool {
    let ends = ["Time", "Timestamp", "At", "Before", "After"].iter().any(|ending| key.ends_with(ending));
    ends || matches!(key, "time" | "timeAdded") || above == "disruptedPods"
}

/// Where Kubernetes' own types have a quantity: in resource lists, and under these names.
fn stands_for_a_quantity(Place { outer, above, key }: Place<'_>) -> bool {
    const LISTS: [&str; 15] = [
        "limits",
        "requests",
        "capacity",
        "allocatable",
        "allocatedResources",
        "hard",
        "used",
        "usage",
        "default",
        "defaultRequest",
        "max",
        "min",
        "maxLimitRequestRatio",
        "overhead",
        "podFixed",
    ];
    const KEYS: [&str; 22] = [
        "available",
        "averageValue",
        "capacity",
        "capacityMultiplier",
        "consumed",
        "currentAverageValue",
        "currentValue",
        "default",
        "deviceMultiplier",
        "divisor",
        "max",
        "maximumVolumeSize",
        "min",
        "perContainer",
        "perPod",
        "quantity",
        "sizeLimit",
        "step",
        "targetAverageValue",
        "targetValue",
        "tolerance",
        "total",
    ];
    LISTS.contains(&above)
        || above == "consumedCapacity"
        || KEYS.contains(&key)
        || key == "validValues"
        || key == "value"
            && (matches!(above, "target" | "current") || matches!(outer, "capacity" | "counters"))
}

/// Go's `time.Duration`, by its look: `30s`, `1h30m`, `1.5ms`.
fn is_duration(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.ends_with(['s', 'm', 'h'])
        && unsigned
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'n' | 'u' | 'µ' | 'm' | 's' | 'h'))
}

fn stands_for_a_duration(Place { key, .. }: Place<'_>) -> bool {
    let key = key.to_ascii_lowercase();
    ["duration", "timeout", "interval", "period", "delay", "ttl", "before", "after"]
        .iter()
        .any(|ending| key.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn covered(mut value: Value) -> Value {
        cover(&mut value, Place::default());
        value
    }

    #[test]
    fn the_marker_is_base64_and_a_label_value() {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = MARKER.chars().map(|c| u32::try_from(ALPHABET.find(c).expect("in it")).expect("small"));
        let digits: Vec<u32> = digits.collect();
        assert_eq!(digits.len() % 4, 0);
        let bytes = digits.chunks(4).flat_map(|four| {
            let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit);
            bits.to_be_bytes().into_iter().skip(1)
        });
        assert_eq!(bytes.collect::<Vec<u8>>(), DECODED);
        assert!(MARKER.len() <= 63 && MARKER.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn every_value_keeps_its_type() {
        assert_eq!(
            covered(json!({"a": "x", "b": [1, -2.5, true], "c": {"d": null, "e": ""}, "f": [], "g": {}})),
            json!({"a": MARKER, "b": [0, 0, false], "c": {"d": null, "e": MARKER}, "f": [], "g": {}})
        );
    }

    #[test]
    fn typed_readers_are_shown_a_time_a_quantity_and_a_duration_where_they_expect_one() {
        assert_eq!(
            covered(json!({
                "startTime": "2026-01-31T10:00:00Z", "renewTime": "2026-01-31T10:00:00.123456+02:00",
                "startedAt": "2026-01-31T10:00:00Z", "limits": {"cpu": "500m", "memory": "1.5Gi", "x": "1e3"},
                "sizeLimit": "1Gi", "target": {"value": "10"}, "timeout": "1h30m", "renewBefore": "30s",
            })),
            json!({
                "startTime": TIME, "renewTime": TIME, "startedAt": TIME,
                "limits": {"cpu": "0", "memory": "0", "x": "0"}, "sizeLimit": "0", "target": {"value": "0"},
                "timeout": "0s", "renewBefore": "0s",
            })
        );
    }

    #[test]
    fn a_secret_of_digits_does_not_show_that_it_is_one() {
        assert_eq!(
            covered(json!({
                "data": {"storage": "123456", "startTime": "2026-01-31T10:00:00Z", "timeout": "5s"},
                "env": [{"name": "PIN", "value": "1234"}], "limits": {"cpu": "a lot"}, "sizeLimit": "1x",
                "startTime": "yesterday", "timeout": "later",
            })),
            json!({
                "data": {"storage": MARKER, "startTime": MARKER, "timeout": MARKER},
                "env": [{"name": MARKER, "value": MARKER}], "limits": {"cpu": MARKER}, "sizeLimit": MARKER,
                "startTime": MARKER, "timeout": MARKER,
            })
        );
    }
}
