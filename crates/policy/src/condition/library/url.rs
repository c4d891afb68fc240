//! URLs, as far as they are plain: Go's reading of the others has too many corners to promise.

use std::rc::Rc;

use super::{Function, unlisted};
use crate::condition::fault::{Fault, Steps};
use crate::condition::types::{Kind, Type};
use crate::condition::value::{Dict, Val};

/// A plain URL, in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::condition) struct Url {
    scheme: String,
    hostname: String,
    port: String,
    path: String,
    query: String,
}

const URL: Type = Type::plain(Kind::Url);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("url", &[Type::TEXT], URL, url, "the URL that it spells"),
    Function::global("isURL", &[Type::TEXT], Type::BOOL, is_url, "whether it spells one"),
    Function::member("getScheme", &[URL], Type::TEXT, scheme, "as `https`; of a path alone an empty string"),
    Function::member("getHost", &[URL], Type::TEXT, host, "the host, with its port if there is one"),
    Function::member("getHostname", &[URL], Type::TEXT, hostname, "the host without its port"),
    Function::member("getPort", &[URL], Type::TEXT, port, "the port, as a string, empty if there is none"),
    Function::member("getEscapedPath", &[URL], Type::TEXT, path, "the path"),
    Function::member(
        "getQuery",
        &[URL],
        Type::map(Kind::List),
        query,
        "the keys of the query, each with its values",
    ),
];

fn url<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Text(text)] = args else { return unlisted("url", args) };
    let url =
        Url::parse(text.as_str()).ok_or(Fault::Cannot("url", "can't read this: it takes plain URLs only"))?;
    Ok(Val::Url(Rc::new(url)))
}

fn is_url<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Text(text)] = args else { return unlisted("isURL", args) };
    let text = text.as_str();
    if Url::parse(text).is_some() {
        return Ok(Val::Bool(true));
    }
    // Without a scheme it would have to begin with a path.
    if !text.contains(':') && !text.starts_with('/') && text != "*" {
        return Ok(Val::Bool(false));
    }
    Err(Fault::Cannot("isURL", "can't tell: it knows plain URLs only"))
}

fn scheme<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Url(url)] = args else { return unlisted("getScheme", args) };
    Ok(Val::text(&*url.scheme))
}

fn host<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Url(url)] = args else { return unlisted("getHost", args) };
    let port = if url.port.is_empty() { String::new() } else { format!(":{}", url.port) };
    Ok(Val::text(format!("{}{port}", url.hostname)))
}

fn hostname<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Url(url)] = args else { return unlisted("getHostname", args) };
    Ok(Val::text(&*url.hostname))
}

fn port<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Url(url)] = args else { return unlisted("getPort", args) };
    Ok(Val::text(&*url.port))
}

fn path<'a>(args: &[Val<'a>], _: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Url(url)] = args else { return unlisted("getEscapedPath", args) };
    Ok(Val::text(&*url.path))
}

fn query<'a>(args: &[Val<'a>], steps: &Steps) -> Result<Val<'a>, Fault> {
    let [Val::Url(url)] = args else { return unlisted("getQuery", args) };
    let mut entries: Vec<(&str, Vec<Val<'a>>)> = Vec::new();
    for part in url.query.split('&').filter(|part| !part.is_empty()) {
        steps.take(1 + entries.len())?;
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match entries.iter_mut().find(|(other, _)| *other == key) {
            Some((_, values)) => values.push(Val::text(value)),
            None => entries.push((key, vec![Val::text(value)])),
        }
    }
    let entries: Vec<_> =
        entries.into_iter().map(|(key, values)| (Val::text(key), Val::list(values))).collect();
    Ok(Val::Map(Dict::Made(entries.into())))
}

impl Url {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None if text.starts_with('/') && !text.starts_with("//") => return Self::after("", "", text),
            None => return None,
        };
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.chars().all(letters) {
            return None;
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at_checked(end)?;
        Self::after(scheme, host, rest)
    }

    fn after(scheme: &str, host: &str, rest: &str) -> Option<Self> {
        let (hostname, port) = host.split_once(':').unwrap_or((host, ""));
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_plain = hostname.chars().all(named)
            && port.chars().all(|c| c.is_ascii_digit())
            && (scheme.is_empty() || !hostname.is_empty())
            && !host.ends_with(':');
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let unreserved = |c: char| named(c) || matches!(c, '/' | '~');
        let asked = |c: char| named(c) || matches!(c, '/' | '~' | '=' | '&' | ',' | ':');
        (is_plain && path.chars().all(unreserved) && query.chars().all(asked)).then(|| Self {
            scheme: scheme.to_owned(),
            hostname: hostname.to_owned(),
            port: port.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        })
    }
}
