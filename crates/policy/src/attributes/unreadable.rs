//! Why a request line is refused.

use thiserror::Error;

/// Why a request line is refused. Refused, never repaired: each is something that two readers could read in
/// two ways, or that the API server doesn't read either.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Not one of the seven methods in upper case.
    #[error(
        "the method {0:?} is not read: use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, in upper case"
    )]
    Method(String),
    /// The path, at a byte.
    #[error("the path is refused at byte {at}: {fault}")]
    Path {
        /// What is wrong.
        fault: PathFault,
        /// Where, in bytes from the path's beginning.
        at: usize,
    },
    /// The query, at a byte.
    #[error("the query is refused at byte {at}: {fault}")]
    Query {
        /// What is wrong.
        fault: QueryFault,
        /// Where, in bytes from after `?`.
        at: usize,
    },
    /// A key twice, where only one value is read.
    #[error("the query has {0:?} more than once, and readers differ in which one counts")]
    Repeated(String),
    /// The path is over its bound.
    #[error("the path has {0} bytes, at most {max} are read", max = super::MAX_PATH)]
    PathTooLong(usize),
    /// The query is over its bound.
    #[error("the query has {0} bytes, at most {max} are read", max = super::MAX_QUERY)]
    QueryTooLong(usize),
    /// `/api/v1/watch/…` and `/api/v1/proxy/…`.
    #[error("the path uses the legacy prefix /{0}/: use the watch parameter, or the proxy subresource")]
    Legacy(&'static str),
    /// A method that has no verb on a resource.
    #[error("OPTIONS on a resource has no verb that a rule could allow")]
    Verbless,
    /// A list option that the API server would not decode.
    #[error("the query's {key} can't be read: {why}")]
    Option {
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        why: String,
    },
    /// `watch` on a GET of one object.
    #[error(
        "watch on one object is answered by a get: watch the collection with fieldSelector=metadata.name=NAME"
    )]
    NamedWatch,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathFault {
    /// It doesn't begin with a slash.
    #[error("it must begin with '/'")]
    NoSlash,
    /// `.` or `..` as a segment.
    #[error("a dot segment")]
    DotSegment,
    /// `//`
    #[error("an empty segment ('//')")]
    EmptySegment,
    /// `/` at the end of a resource's path.
    #[error("a slash at the end of a resource's path")]
    TrailingSlash,
    /// `%2f`
    #[error("an encoded slash")]
    EncodedSlash,
    /// `%5c`
    #[error("an encoded backslash")]
    EncodedBackslash,
    /// `%2e`
    #[error("an encoded dot")]
    EncodedDot,
    /// `%25`
    #[error("an encoded percent sign")]
    EncodedPercent,
    /// `\`
    #[error("a backslash")]
    Backslash,
    /// NUL and other control bytes, raw or encoded.
    #[error("a control character")]
    Control,
    /// A byte over 127, raw or encoded.
    #[error("a character outside ASCII")]
    NonAscii,
    /// `%` without two hexadecimal digits.
    #[error("'%' without two hexadecimal digits")]
    BadEscape,
    /// `#`
    #[error("a fragment")]
    Fragment,
    /// Something that RFC 3986 allows in no path unless encoded.
    #[error("a character that a path has only encoded")]
    Character,
}

/// What is wrong with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QueryFault {
    /// `;`, which older readers take for `&`.
    #[error("a ';', which some readers take for '&'")]
    Semicolon,
    /// Nothing between two `&`.
    #[error("an empty pair or an empty key")]
    EmptyPair,
    /// A raw control byte, or an encoded NUL.
    #[error("a control character")]
    Control,
    /// A raw byte over 127.
    #[error("a character outside ASCII that is not encoded")]
    NonAscii,
    /// Encoded bytes that are no UTF-8.
    #[error("encoded bytes that are not UTF-8")]
    NotUtf8,
    /// `%` without two hexadecimal digits.
    #[error("'%' without two hexadecimal digits")]
    BadEscape,
    /// `#`
    #[error("a fragment")]
    Fragment,
    /// Something that RFC 3986 allows in no query unless encoded.
    #[error("a character that a query has only encoded")]
    Character,
}

impl Unreadable {
    /// A stable word for metrics and the record.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Method(_) => "method",
            Self::Path { fault, at: _ } => fault.reason(),
            Self::Query { fault, at: _ } => fault.reason(),
            Self::Repeated(_) => "query-repeated",
            Self::PathTooLong(_) => "path-too-long",
            Self::QueryTooLong(_) => "query-too-long",
            Self::Legacy(_) => "legacy-path",
            Self::Verbless => "verbless",
            Self::Option { .. } => "query-option",
            Self::NamedWatch => "named-watch",
        }
    }
}

impl PathFault {
    /// A stable word for metrics and the record.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoSlash => "path-no-slash",
            Self::DotSegment => "path-dot-segment",
            Self::EmptySegment => "path-empty-segment",
            Self::TrailingSlash => "path-trailing-slash",
            Self::EncodedSlash => "path-encoded-slash",
            Self::EncodedBackslash => "path-encoded-backslash",
            Self::EncodedDot => "path-encoded-dot",
            Self::EncodedPercent => "path-encoded-percent",
            Self::Backslash => "path-backslash",
            Self::Control => "path-control",
            Self::NonAscii => "path-non-ascii",
            Self::BadEscape => "path-bad-escape",
            Self::Fragment => "path-fragment",
            Self::Character => "path-character",
        }
    }
}

impl QueryFault {
    /// A stable word for metrics and the record.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Semicolon => "query-semicolon",
            Self::EmptyPair => "query-empty-pair",
            Self::Control => "query-control",
            Self::NonAscii => "query-non-ascii",
            Self::NotUtf8 => "query-not-utf8",
            Self::BadEscape => "query-bad-escape",
            Self::Fragment => "query-fragment",
            Self::Character => "query-character",
        }
    }
}
