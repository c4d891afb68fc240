//! What is known of a value before anything is evaluated.

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not known before it is evaluated.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    List,
    Map,
    Timestamp,
    Duration,
    Type,
    Quantity,
    Ip,
    Cidr,
    Url,
}

/// A kind, and for lists and maps that of their elements and values. What lies deeper isn't known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) kind: Kind,
    pub(super) of: Kind,
}

impl Kind {
    /// As CEL writes it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Dyn => "dyn",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Map => "map",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::Type => "type",
            Self::Quantity => "kubernetes.Quantity",
            Self::Ip => "net.IP",
            Self::Cidr => "net.CIDR",
            Self::Url => "kubernetes.URL",
        }
    }

    /// Whether a value of the one could be a value of the other.
    pub(super) fn meets(self, other: Self) -> bool {
        self == other || self == Self::Dyn || other == Self::Dyn
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Whether null stands for "none" of it, so that the two may be compared.
    pub(super) fn may_be_null(self) -> bool {
        !matches!(
            self,
            Self::Bool
                | Self::Int
                | Self::Uint
                | Self::Double
                | Self::Text
                | Self::Bytes
                | Self::List
                | Self::Map
        ) && self != Self::Type
    }
}

impl Type {
    pub(super) const DYN: Self = Self::plain(Kind::Dyn);
    pub(super) const BOOL: Self = Self::plain(Kind::Bool);
    pub(super) const INT: Self = Self::plain(Kind::Int);
    pub(super) const TEXT: Self = Self::plain(Kind::Text);

    pub(super) const fn plain(kind: Kind) -> Self {
        Self { kind, of: Kind::Dyn }
    }

    pub(super) const fn list(of: Kind) -> Self {
        Self { kind: Kind::List, of }
    }

    pub(super) const fn map(of: Kind) -> Self {
        Self { kind: Kind::Map, of }
    }

    /// What an element, a value or a field of it is.
    pub(super) fn inner(self) -> Self {
        Self::plain(self.of)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.kind.meets(other.kind) && self.of.meets(other.of)
    }

    /// One type for two values of which either may come.
    pub(super) fn join(self, other: Self) -> Self {
        let of = if self.of == other.of { self.of } else { Kind::Dyn };
        if self.kind == other.kind { Self { kind: self.kind, of } } else { Self::DYN }
    }

    /// As a reader is told.
    pub(super) fn words(self) -> String {
        match self.kind {
            Kind::List if self.of != Kind::Dyn => format!("list({})", self.of.word()),
            kind => kind.word().to_owned(),
        }
    }
}
