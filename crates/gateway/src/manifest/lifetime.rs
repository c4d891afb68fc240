//! `maxTokenLifetime`: how long a token may live that somebody else issued.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::quantity::{time, time_text};
use crate::yaml::{Fields, Report, shown};

/// Kubernetes' usual projection asks for an hour and gets seven seconds more.
pub(super) const USUAL: Duration = Duration::from_secs(3_660);

/// The rare exception has a bound too.
const MOST: Duration = Duration::from_secs(24 * 3_600);

/// Less would refuse every token there is.
const LEAST: Duration = Duration::from_secs(60);

const NAME: &str = "maxTokenLifetime";

/// Reads the field; without it, the usual lifetime.
pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Duration> {
    let Some(at) = fields.optional(NAME) else { return Some(USUAL) };
    let text = at.text(report)?;
    let read = time(text).map(Duration::from_millis);
    let read = read.filter(|span| (LEAST..=MOST).contains(span) && span.subsec_nanos() == 0);
    if read.is_none() {
        at.wrong(report, &format!("expected a time from 1m to 24h, such as 2h, found {}", shown(text)));
    }
    read
}

/// Writes the field where it says something else than usual.
pub(super) fn write(longest: Duration, into: &mut Map<String, Value>) {
    if longest != USUAL {
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        into.insert(NAME.to_owned(), json!(time_text(millis)));
    }
}
