//! Section `limits`: the names, units and sane ranges of [`Limits`]. The ranges keep a slip (a timeout of
//! ten hours, no connection at all) from becoming an outage; the upper ends of credentials' lifetimes are
//! promises (invariant 6).

use std::time::Duration;

use super::limits::Limits;
use super::quantity::{size, size_text, time, time_text};
use crate::yaml::{At, Content, Node, Report, ScalarKind, Shape};

/// One setting of the section.
pub(super) struct Bound {
    pub(super) name: &'static str,
    slot: Slot,
    unit: Unit,
    least: u64,
    most: u64,
}

/// The field that a setting sets.
enum Slot {
    Time(fn(&mut Limits) -> &mut Duration),
    Whole(fn(&mut Limits) -> &mut usize),
    Small(fn(&mut Limits) -> &mut u32),
}

/// How it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Millis,
    Bytes,
    Count,
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const KI: u64 = 1 << 10;
const MI: u64 = 1 << 20;
const GI: u64 = 1 << 30;

const SHAPE: Shape = Shape::of(&[
    "handshake",
    "head",
    "body",
    "connections",
    "streamsPerConnection",
    "headBytes",
    "headers",
    "bodyMemory",
    "requests",
    "keepAlive",
    "clusterConnect",
    "clusterAnswer",
    "intent",
    "drain",
    "skew",
    "certificateLifetime",
    "tokenLifetime",
]);

/// Every setting, in the order of [`Limits`]. A test compares the two, and [`SHAPE`].
pub(super) const TABLE: [Bound; 17] = [
    span("handshake", |limits| &mut limits.handshake, SECOND, 2 * MINUTE),
    span("head", |limits| &mut limits.head, SECOND, HOUR),
    span("body", |limits| &mut limits.body, SECOND, HOUR),
    whole("connections", |limits| &mut limits.connections, Unit::Count, 16, 1_000_000),
    small("streamsPerConnection", |limits| &mut limits.streams_per_connection, Unit::Count, 1, 10_000),
    small("headBytes", |limits| &mut limits.head_bytes, Unit::Bytes, 8 * KI, MI),
    whole("headers", |limits| &mut limits.headers, Unit::Count, 16, 1_000),
    // One body has 3 MiB at most; with less than that no such body could ever be read.
    whole("bodyMemory", |limits| &mut limits.body_memory, Unit::Bytes, 4 * MI, 64 * GI),
    whole("requests", |limits| &mut limits.requests, Unit::Count, 16, 1_000_000),
    span("keepAlive", |limits| &mut limits.keep_alive, SECOND, 10 * MINUTE),
    span("clusterConnect", |limits| &mut limits.cluster_connect, SECOND / 10, MINUTE),
    span("clusterAnswer", |limits| &mut limits.cluster_answer, SECOND, 10 * MINUTE),
    span("intent", |limits| &mut limits.intent, SECOND / 10, MINUTE),
    span("drain", |limits| &mut limits.drain, 0, 10 * MINUTE),
    span("skew", |limits| &mut limits.skew, 0, 5 * MINUTE),
    span("certificateLifetime", |limits| &mut limits.certificate_lifetime, MINUTE, 61 * MINUTE),
    span("tokenLifetime", |limits| &mut limits.token_lifetime, 10 * SECOND, 5 * MINUTE),
];

const fn span(name: &'static str, field: fn(&mut Limits) -> &mut Duration, least: u64, most: u64) -> Bound {
    Bound { name, slot: Slot::Time(field), unit: Unit::Millis, least, most }
}

const fn whole(
    name: &'static str,
    field: fn(&mut Limits) -> &mut usize,
    unit: Unit,
    least: u64,
    most: u64,
) -> Bound {
    Bound { name, slot: Slot::Whole(field), unit, least, most }
}

const fn small(
    name: &'static str,
    field: fn(&mut Limits) -> &mut u32,
    unit: Unit,
    least: u64,
    most: u64,
) -> Bound {
    Bound { name, slot: Slot::Small(field), unit, least, most }
}

/// Sets what the section names, and notes what is out of range.
pub(super) fn read(at: &At<'_>, limits: &mut Limits, report: &mut Report) {
    let Some(fields) = at.fields(SHAPE, report) else { return };
    for bound in &TABLE {
        if let Some(at) = fields.optional(bound.name)
            && let Some(value) = bound.read(&at, report)
        {
            bound.set(limits, value);
        }
    }
}

impl Bound {
    /// The range, as it is written in a config.
    pub(super) fn range(&self) -> String {
        format!("{} to {}", self.written(self.least), self.written(self.most))
    }

    fn read(&self, at: &At<'_>, report: &mut Report) -> Option<u64> {
        let value = match self.unit {
            Unit::Count => written(at).and_then(|text| text.parse().ok()),
            Unit::Millis => written(at).and_then(time),
            Unit::Bytes => written(at).and_then(size),
        };
        let value = value.filter(|value| (self.least..=self.most).contains(value));
        if value.is_none() {
            return at.expected(&format!("{}, {}", self.what(), self.range()), report);
        }
        value
    }

    fn set(&self, limits: &mut Limits, value: u64) {
        match self.slot {
            Slot::Time(field) => *field(limits) = Duration::from_millis(value),
            // The ranges end below what these types hold.
            Slot::Whole(field) => *field(limits) = usize::try_from(value).unwrap_or(usize::MAX),
            Slot::Small(field) => *field(limits) = u32::try_from(value).unwrap_or(u32::MAX),
        }
    }

    fn written(&self, value: u64) -> String {
        match self.unit {
            Unit::Millis => time_text(value),
            Unit::Bytes => size_text(value),
            Unit::Count => value.to_string(),
        }
    }

    fn what(&self) -> &'static str {
        match self.unit {
            Unit::Millis => "a time with its unit (ms, s, m or h)",
            Unit::Bytes => "a size (bytes, or with Ki, Mi or Gi)",
            Unit::Count => "a whole number",
        }
    }
}

#[cfg(test)]
impl Bound {
    /// The value in `limits`, as it is written in a config.
    pub(super) fn value(&self, limits: &Limits) -> String {
        let mut limits = limits.clone();
        let value = match self.slot {
            Slot::Time(field) => u64::try_from(field(&mut limits).as_millis()).unwrap_or(u64::MAX),
            Slot::Whole(field) => u64::try_from(*field(&mut limits)).unwrap_or(u64::MAX),
            Slot::Small(field) => u64::from(*field(&mut limits)),
        };
        self.written(value)
    }
}

/// A scalar's text, whether it is a number alone or has a unit.
fn written<'t>(at: &At<'t>) -> Option<&'t str> {
    let node: &'t Node = at.node();
    match &node.content {
        Content::Scalar(scalar) => match scalar.kind() {
            ScalarKind::Text | ScalarKind::Integer(_) => Some(&scalar.text),
            ScalarKind::Null | ScalarKind::Bool(_) | ScalarKind::Number | ScalarKind::Ambiguous => None,
        },
        Content::List(_) | Content::Map(_) | Content::Refused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_names_exactly_the_table_s_settings() {
        let names: Vec<&str> = TABLE.iter().map(|bound| bound.name).collect();
        assert_eq!(SHAPE.known, names);
    }

    #[test]
    fn every_default_is_in_its_range_and_every_end_can_be_set() {
        for bound in &TABLE {
            let default = bound.value(&Limits::default());
            let mut limits = Limits::default();
            for text in [default, bound.written(bound.least), bound.written(bound.most)] {
                let mut report = Report::new("config.yaml");
                let yaml = format!("{}: {text}", bound.name);
                let tree = crate::yaml::parse(&yaml, &mut report);
                read(&At::root(&tree[0]), &mut limits, &mut report);
                assert_eq!(report.finish().to_string(), "");
                assert_eq!(bound.value(&limits), text, "{}", bound.name);
            }
        }
    }
}
