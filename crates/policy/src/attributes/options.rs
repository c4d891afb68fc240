//! List options, as far as `RequestInfo` decodes them (`metainternalversion.ListOptions`).
//!
//! Where an option doesn't decode, `RequestInfo` falls back to guessing; such a query is refused instead.

use super::query::Query;
use super::unreadable::Unreadable;
use super::verb::Verb;
use super::{fields, labels};

/// What `RequestInfo` takes from the list options.
pub(super) struct ListOptions {
    pub(super) verb: Verb,
    pub(super) name: Option<String>,
}

impl ListOptions {
    pub(super) fn read(query: &Query) -> Result<Self, Unreadable> {
        for key in ["limit", "timeoutSeconds"] {
            let whole = query.get(key).is_none_or(|value| value.parse::<i64>().is_ok());
            if !whole {
                return Err(not_whole(key));
            }
        }
        if let Some(selector) = query.label_selector() {
            labels::check(selector).map_err(|why| refuse("labelSelector", why))?;
        }
        let name = match query.field_selector() {
            Some(selector) => fields::required_name(selector).map_err(|why| refuse("fieldSelector", why))?,
            None => None,
        };
        Ok(Self { verb: watch(query)?, name: name.filter(|name| is_path_segment(name)) })
    }
}

/// What `watch` says. The API server takes everything but "0" and "false" for true, other readers do not:
/// only the four that all read alike are taken.
pub(super) fn watch(query: &Query) -> Result<Verb, Unreadable> {
    match query.get("watch") {
        None => Ok(Verb::List),
        Some(value) if value == "0" || value.eq_ignore_ascii_case("false") => Ok(Verb::List),
        Some(value) if value == "1" || value.eq_ignore_ascii_case("true") => Ok(Verb::Watch),
        Some(_) => Err(refuse("watch", "it must be true, false, 1 or 0")),
    }
}

/// How the API server reads a boolean (`Convert_Slice_string_To_bool`).
pub(crate) fn is_true(value: &str) -> bool {
    !(value == "0" || value.eq_ignore_ascii_case("false"))
}

/// `content.IsPathSegmentName`.
fn is_path_segment(name: &str) -> bool {
    name != "." && name != ".." && !name.contains(['/', '%'])
}

pub(super) fn not_whole(key: &'static str) -> Unreadable {
    refuse(key, "it must be a whole number")
}

fn refuse(key: &'static str, why: impl Into<String>) -> Unreadable {
    Unreadable::Option { key, why: why.into() }
}
