//! Times and durations as people type and read them.

use jiff::Timestamp;

/// A span of time such as `90s`, `15m`, `1h30m`, `2d` or `1w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// In milliseconds; more than none.
    pub millis: i64,
}

/// A moment: written out, or so long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `2027-06-30T00:00:00Z`.
    At(Timestamp),
    /// `1h`.
    Ago(Span),
}

impl Moment {
    /// The moment, seen from `now` in milliseconds since 1970.
    pub fn resolve(self, now: i64) -> Option<Timestamp> {
        match self {
            Moment::At(time) => Some(time),
            Moment::Ago(span) => Timestamp::from_millisecond(now.saturating_sub(span.millis)).ok(),
        }
    }
}

/// Reads a span.
pub fn span(text: &str) -> Result<Span, String> {
    let wrong = || format!("{text:?} is no span of time; write one such as 90s, 15m, 1h30m, 2d or 1w");
    let (mut millis, mut number) = (0_i64, None::<i64>);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let next = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(i64::from(digit)));
            number = Some(next.ok_or_else(wrong)?);
            continue;
        }
        let unit: i64 = match c {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            'w' => 604_800_000,
            _ => return Err(wrong()),
        };
        let part = number.take().ok_or_else(wrong)?.checked_mul(unit);
        millis = part.and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
    }
    if number.is_some() || millis == 0 {
        return Err(wrong());
    }
    Ok(Span { millis })
}

/// Reads a time such as `2027-06-30T00:00:00Z`.
pub fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_error: jiff::Error| {
        format!("{text:?} is no time; write one with its zone, such as 2027-06-30T00:00:00Z")
    })
}

/// Reads either.
pub fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(span) = span(text) {
        return Ok(Moment::Ago(span));
    }
    time(text).map(Moment::At).map_err(|_both| {
        format!("{text:?} is neither a span of time such as 1h30m nor a time such as 2027-06-30T00:00:00Z")
    })
}

/// How long something took.
pub fn took(millis: i64) -> String {
    match millis {
        ..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{}.{}s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => format!("{}m{}s", millis / 60_000, millis % 60_000 / 1_000),
        _ => format!("{}h{}m", millis / 3_600_000, millis % 3_600_000 / 60_000),
    }
}

/// How old something is, as kubectl says it.
pub fn age(millis: i64) -> String {
    let seconds = millis.max(0) / 1_000;
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A time in the record, in UTC, to the second.
pub fn shown(millis: i64) -> String {
    Timestamp::from_millisecond(millis)
        .map_or_else(|_out_of_range| "-".to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_numbers_with_units() {
        let millis = |text| span(text).map(|span| span.millis);
        assert_eq!(millis("90s"), Ok(90_000));
        assert_eq!(millis("1h30m"), Ok(5_400_000));
        assert_eq!(millis("2d"), Ok(172_800_000));
        assert_eq!(millis("1w"), Ok(604_800_000));
        for bad in
            ["", "1", "h", "1x", "-1h", "1.5h", "0s", "1h30", "99999999999999999999s", "9999999999999w"]
        {
            assert!(millis(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_moment_is_written_out_or_so_long_ago() {
        let at = moment("1970-01-01T00:00:10Z").unwrap();
        assert_eq!(at.resolve(99_000).unwrap().as_millisecond(), 10_000);
        assert_eq!(moment("9s").unwrap().resolve(10_000).unwrap().as_millisecond(), 1_000);
        for bad in ["yesterday", "2027-06-30", "2027-06-30T00:00:00"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_read_well() {
        assert_eq!([took(12), took(1_250), took(75_000), took(3_700_000)], ["12ms", "1.2s", "1m15s", "1h1m"]);
        assert_eq!([age(5_000), age(600_000), age(10_800_000), age(864_000_000)], ["5s", "10m", "3h", "10d"]);
        assert_eq!(shown(0), "1970-01-01T00:00:00Z");
    }
}
