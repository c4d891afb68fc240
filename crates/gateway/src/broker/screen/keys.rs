//! Which objects the caller of a watch knows of: sixteen bytes for each.

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;

use super::Fault;

/// The most objects that one watch may show: 8 MiB of keys. Clusters are built for 150,000 pods.
pub const MAX_SHOWN: usize = 500_000;

/// How many keys may wait to be merged, whatever else there is.
const RECENT: usize = 64;
/// And which part of the others: what a merge moves is paid by that many insertions.
const PART: usize = 16;

/// One object, told from every other, also from one that had its name before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u128);

impl Key {
    /// The key of an object, by its namespace, name and uid. Half of SHA-256: nobody finds two objects with
    /// one key.
    #[must_use]
    pub fn of(object: &Value) -> Key {
        let metadata = object.get("metadata");
        let text = |name| metadata.and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
        let mut hash = Context::new(&SHA256);
        for part in [text("namespace"), text("name"), text("uid")] {
            let part = part.unwrap_or_default();
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let half = hash.finish().as_ref().first_chunk::<16>().copied().unwrap_or_default();
        Key(u128::from_be_bytes(half))
    }
}

/// A set of keys. Two sorted runs and no more memory than the keys take: a short one that grows, and a long
/// one that it is merged into.
#[derive(Debug)]
pub(super) struct Keys {
    long: Vec<Key>,
    recent: Vec<Key>,
    most: usize,
}

impl Keys {
    /// None yet, and no more than `most`.
    pub(super) fn new(most: usize) -> Keys {
        Keys { long: Vec::new(), recent: Vec::new(), most }
    }

    /// Adds many.
    pub(super) fn extend(&mut self, keys: impl IntoIterator<Item = Key>) -> Result<(), Fault> {
        keys.into_iter().try_for_each(|key| self.insert(key))
    }

    /// Adds one, if it isn't there.
    pub(super) fn insert(&mut self, key: Key) -> Result<(), Fault> {
        if self.long.binary_search(&key).is_ok() {
            return Ok(());
        }
        let Err(place) = self.recent.binary_search(&key) else { return Ok(()) };
        if self.len() >= self.most {
            return Err(Fault::TooMany(self.most));
        }
        self.recent.insert(place, key);
        if self.recent.len() >= RECENT + self.long.len() / PART {
            self.long.reserve_exact(self.recent.len());
            self.long.append(&mut self.recent);
            // Two sorted runs: this merges them.
            self.long.sort();
        }
        Ok(())
    }

    /// Takes one away, and says whether it was there.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        for run in [&mut self.recent, &mut self.long] {
            if let Ok(place) = run.binary_search(&key) {
                run.remove(place);
                return true;
            }
        }
        false
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.long.binary_search(&key).is_ok() || self.recent.binary_search(&key).is_ok()
    }

    fn len(&self) -> usize {
        self.long.len() + self.recent.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_that_differ_in_namespace_name_or_uid_have_keys_of_their_own() {
        let key = |namespace: &str, name: &str, uid: &str| {
            Key::of(
                &json!({ "metadata": { "namespace": namespace, "name": name, "uid": uid, "labels": {} } }),
            )
        };
        let keys: BTreeSet<Key> =
            [key("a", "b", "c"), key("ab", "", "c"), key("", "ab", "c"), key("a", "b", "d")]
                .into_iter()
                .chain([Key::of(&json!({})), key("a", "bc", "")])
                .collect();
        assert_eq!(keys.len(), 6);
        let same = json!({ "kind": "Pod", "metadata": { "namespace": "a", "name": "b", "uid": "c" } });
        assert_eq!(Key::of(&same), key("a", "b", "c"));
    }

    #[test]
    fn more_than_the_bound_are_refused_and_known_ones_are_not() {
        let mut keys = Keys::new(3);
        keys.extend((0..3).map(Key)).unwrap();
        assert_eq!(keys.insert(Key(3)), Err(Fault::TooMany(3)));
        assert_eq!(keys.insert(Key(1)), Ok(()));
        assert!(keys.remove(Key(1)));
        assert_eq!(keys.insert(Key(3)), Ok(()));
    }

    #[test]
    fn a_key_takes_sixteen_bytes_and_little_more() {
        let mut keys = Keys::new(MAX_SHOWN);
        // In an order that is no order.
        keys.extend(
            (0..100_000_u128).map(|n| Key(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))),
        )
        .unwrap();
        assert_eq!(keys.len(), 100_000);
        let bytes = (keys.long.capacity() + keys.recent.capacity()) * size_of::<Key>();
        assert!(bytes < 100_000 * 20, "{bytes}");
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((any::<bool>(), 0..400_u128), 0..600)) {
            let (mut keys, mut set) = (Keys::new(MAX_SHOWN), BTreeSet::new());
            for (add, n) in steps {
                let key = Key(n);
                prop_assert_eq!(keys.contains(key), set.contains(&key));
                if add {
                    keys.insert(key).unwrap();
                    set.insert(key);
                } else {
                    prop_assert_eq!(keys.remove(key), set.remove(&key));
                }
                prop_assert_eq!(keys.len(), set.len());
            }
        }
    }
}
