//! Times and durations, with cel-go's meaning, and the time zones of the database that is compiled in.

use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::{Function, unlisted};
use crate::Millis;
use crate::condition::fault::{Fault, Steps};
use crate::condition::types::{Kind, Type};
use crate::condition::value::Val;

/// A point in time between the years 1 and 9999, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::condition) struct Timestamp(i128);

/// A length of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::condition) struct Duration(i64);

const TIMESTAMP: Type = Type::plain(Kind::Timestamp);
const DURATION: Type = Type::plain(Kind::Duration);
const AT: &[Type] = &[TIMESTAMP];
const THERE: &[Type] = &[TIMESTAMP, Type::TEXT];
const LONG: &[Type] = &[DURATION];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("getFullYear", AT, Type::INT, year, "the year"),
    Function::member("getFullYear", THERE, Type::INT, year, "the year there"),
    Function::member("getMonth", AT, Type::INT, month, "the month, from 0"),
    Function::member("getMonth", THERE, Type::INT, month, "the month there, from 0"),
    Function::member("getDate", AT, Type::INT, date, "the day of the month, from 1"),
    Function::member("getDate", THERE, Type::INT, date, "the day of the month there, from 1"),
    Function::member("getDayOfMonth", AT, Type::INT, day_of_month, "the day of the month, from 0"),
    Function::member("getDayOfMonth", THERE, Type::INT, day_of_month, "the day of the month there, from 0"),
    Function::member("getDayOfWeek", AT, Type::INT, day_of_week, "the day of the week; Sunday is 0"),
    Function::member("getDayOfWeek", THERE, Type::INT, day_of_week, "the day of the week there; Sunday is 0"),
    Function::member("getDayOfYear", AT, Type::INT, day_of_year, "the day of the year, from 0"),
    Function::member("getDayOfYear", THERE, Type::INT, day_of_year, "the day of the year there, from 0"),
    Function::member("getHours", AT, Type::INT, hours, "the hour"),
    Function::member("getHours", THERE, Type::INT, hours, "the hour there"),
    Function::member("getHours", LONG, Type::INT, hours, "all its whole hours"),
    Function::member("getMinutes", AT, Type::INT, minutes, "the minute"),
    Function::member("getMinutes", THERE, Type::INT, minutes, "the minute there"),
    Function::member("getMinutes", LONG, Type::INT, minutes, "all its whole minutes"),
    Function::member("getSeconds", AT, Type::INT, seconds, "the second"),
    Function::member("getSeconds", THERE, Type::INT, seconds, "the second there"),
    Function::member("getSeconds", LONG, Type::INT, seconds, "all its whole seconds"),
    Function::member("getMilliseconds", AT, Type::INT, milliseconds, "the millisecond"),
    Function::member("getMilliseconds", THERE, Type::INT, milliseconds, "the millisecond there"),
    Function::member("getMilliseconds", LONG, Type::INT, milliseconds, "all its whole milliseconds"),
];

fn year<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    read("getFullYear", args, |at| at.year().into())
}

fn month<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    read("getMonth", args, |at| i64::from(at.month()) - 1)
}

fn date<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    read("getDate", args, |at| at.day().into())
}

fn day_of_month<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    read("getDayOfMonth", args, |at| i64::from(at.day()) - 1)
}

fn day_of_week<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    read("getDayOfWeek", args, |at| at.weekday().to_sunday_zero_offset().into())
}

fn day_of_year<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    read("getDayOfYear", args, |at| i64::from(at.day_of_year()) - 1)
}

fn hours<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Duration(Duration(nanos))] => Ok(Val::Int(nanos / (3_600 * SECOND))),
        args => read("getHours", args, |at| at.hour().into()),
    }
}

fn minutes<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Duration(Duration(nanos))] => Ok(Val::Int(nanos / (60 * SECOND))),
        args => read("getMinutes", args, |at| at.minute().into()),
    }
}

fn seconds<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Duration(Duration(nanos))] => Ok(Val::Int(nanos / SECOND)),
        args => read("getSeconds", args, |at| at.second().into()),
    }
}

fn milliseconds<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    match args {
        [Val::Duration(Duration(nanos))] => Ok(Val::Int(nanos / 1_000_000)),
        args => read("getMilliseconds", args, |at| at.millisecond().into()),
    }
}

fn read<'a>(
    name: &'static str,
    args: &[Val<'a>],
    of: impl FnOnce(jiff::civil::DateTime) -> i64,
) -> Result<Val<'a>, Fault> {
    let (time, zone) = match args {
        [Val::Timestamp(time)] => (time, TimeZone::UTC),
        [Val::Timestamp(time), Val::Text(name_of_zone)] => {
            let zone = zone(name_of_zone.as_str());
            (time, zone.ok_or(Fault::Cannot(name, "doesn't know this time zone"))?)
        }
        args => return unlisted(name, args),
    };
    let at = time.instant().ok_or(Fault::Cannot(name, "can't read this time"))?;
    Ok(Val::Int(of(zone.to_datetime(at))))
}

/// Whether there is such a zone.
pub(in crate::condition) fn is_zone(name: &str) -> bool {
    zone(name).is_some()
}

/// A zone by its name or offset, exactly as it is written in the IANA database.
fn zone(name: &str) -> Option<TimeZone> {
    static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    if let Some((hours, minutes)) = name.split_once(':') {
        return offset(hours, minutes);
    }
    let zone = ZONES.get(name).ok()?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

fn offset(hours: &str, minutes: &str) -> Option<TimeZone> {
    let (sign, hours) = match hours.strip_prefix('-') {
        Some(hours) => (-1, hours),
        None => (1, hours.strip_prefix('+').unwrap_or(hours)),
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let within = hours < 24 && minutes < 60;
    let offset = Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()?;
    within.then(|| TimeZone::fixed(offset))
}

fn two_digits(text: &str) -> Option<i32> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z.
const EARLIEST: i128 = -62_135_596_800 * SECOND as i128;
const LATEST: i128 = 253_402_300_800 * SECOND as i128 - 1;

impl From<Millis> for Timestamp {
    /// A clock that is outside of the years 1 to 9999 is taken as at their ends.
    fn from(millis: Millis) -> Self {
        Self((i128::from(millis.0) * 1_000_000).clamp(EARLIEST, LATEST))
    }
}

impl Timestamp {
    fn of_nanos(nanos: i128) -> Option<Self> {
        (EARLIEST..=LATEST).contains(&nanos).then_some(Self(nanos))
    }

    pub(super) fn of_seconds(seconds: i64) -> Option<Self> {
        Self::of_nanos(i128::from(seconds) * i128::from(SECOND))
    }

    /// RFC 3339, section 5.6, in capital letters and without leap seconds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once('T')?;
        let mut parts = date.split('-');
        let (year, month, day) = (parts.next()?, two_digits(parts.next()?)?, two_digits(parts.next()?)?);
        if parts.next().is_some() || year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let date = Date::new(year.parse().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
        let (clock, offset) = split_offset(rest)?;
        let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, of)| (clock, Some(of)));
        let mut parts = clock.split(':').map(two_digits);
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let nanos = fraction.map_or(Some(0), nanoseconds)?;
        let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        let seconds = midnight + i64::from(hour * 3_600 + minute * 60 + second - offset);
        Self::of_nanos(i128::from(seconds) * i128::from(SECOND) + i128::from(nanos))
    }

    fn instant(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_nanosecond(self.0).ok()
    }

    pub(super) fn seconds(self) -> i64 {
        i64::try_from(self.0.div_euclid(i128::from(SECOND))).unwrap_or_default()
    }

    pub(super) fn spelled(self) -> String {
        self.instant().map(|at| at.to_string()).unwrap_or_default()
    }

    pub(in crate::condition) fn later(self, by: Duration) -> Option<Self> {
        Self::of_nanos(self.0 + i128::from(by.0))
    }

    pub(in crate::condition) fn earlier(self, by: Duration) -> Option<Self> {
        Self::of_nanos(self.0 - i128::from(by.0))
    }

    pub(in crate::condition) fn since(self, start: Self) -> Option<Duration> {
        i64::try_from(self.0 - start.0).ok().map(Duration)
    }
}

/// The clock's part, and how many seconds it is ahead of UTC.
fn split_offset(text: &str) -> Option<(&str, i32)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let at = text.rfind(['+', '-'])?;
    let (clock, offset) = text.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60).then_some((clock, sign * (hours * 3_600 + minutes * 60)))
}

/// A fraction of a second. What is finer than a nanosecond is dropped.
fn nanoseconds(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<9}").get(..9)?.parse().ok()
}

impl Duration {
    /// As Go's `time.ParseDuration` reads it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: i128 = 0;
        let mut rest = rest;
        while !rest.is_empty() {
            let (nanos, after) = part(rest)?;
            total = total.checked_add(nanos)?;
            rest = after;
        }
        i64::try_from(if negative { -total } else { total }).ok().map(Self)
    }

    pub(super) fn spelled(self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "as Go's Seconds() has it")]
        let seconds = (self.0 / SECOND) as f64 + (self.0 % SECOND) as f64 / 1e9;
        format!("{seconds}s")
    }

    pub(in crate::condition) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub(in crate::condition) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

/// A number with its unit, in nanoseconds, and what comes after.
fn part(text: &str) -> Option<(i128, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at_checked(end)?;
    let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(unit_end)?;
    let unit: i128 = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // No duration needs more digits than this.
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 36 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = fraction.get(..fraction.len().min(15))?;
    let below: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    Some((whole.checked_mul(unit)? + below * unit / scale, rest))
}
