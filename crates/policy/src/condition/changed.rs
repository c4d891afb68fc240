//! What a change changes, as JSON pointers (RFC 6901).

use serde_json::{Map, Value};

/// How many pointers a condition looks at. With more it has no answer: whoever changes so much at once is no
/// case for a condition about fields, and a list that was cut short would lie.
pub const MAX_CHANGED: usize = 1_000;

/// How long they may be together, in bytes, for the same reason: names can be long.
const MAX_BYTES: usize = 1 << 20;

/// How deep objects are compared field by field; below that as a whole. The API server's own objects end at
/// about 20.
const MAX_DEPTH: usize = 64;

/// What the API server itself writes with every change.
const OWN: [&str; 3] = ["managedFields", "resourceVersion", "generation"];

/// The pointers of the deepest values at which two objects differ, but for `metadata.managedFields`,
/// `metadata.resourceVersion` and `metadata.generation`. Elements of lists are compared by their place. What is
/// there on one side only counts with each value in it. More than [`MAX_CHANGED`] of them say no more than that
/// there are more.
#[must_use]
pub fn changed(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Found { pointers: Vec::new(), bytes: 0, over: false };
    let mut pointer = String::new();
    found.compare(Some(old), Some(new), &mut pointer, 0);
    if found.over {
        found.pointers.resize(MAX_CHANGED + 1, String::new());
    }
    found.pointers
}

struct Found {
    pointers: Vec<String>,
    bytes: usize,
    over: bool,
}

impl Found {
    fn compare(&mut self, old: Option<&Value>, new: Option<&Value>, pointer: &mut String, depth: usize) {
        if self.over || old == new {
            return;
        }
        match (old, new) {
            _ if depth == MAX_DEPTH => self.add(pointer),
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                self.compare_maps(old, new, pointer, depth);
            }
            (Some(Value::Object(map)), None) if !map.is_empty() => {
                self.compare_maps(map, &Map::new(), pointer, depth);
            }
            (None, Some(Value::Object(map))) if !map.is_empty() => {
                self.compare_maps(&Map::new(), map, pointer, depth);
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) => {
                self.compare_lists(old, new, pointer, depth);
            }
            (Some(Value::Array(list)), None) if !list.is_empty() => {
                self.compare_lists(list, &[], pointer, depth);
            }
            (None, Some(Value::Array(list))) if !list.is_empty() => {
                self.compare_lists(&[], list, pointer, depth);
            }
            _ => self.add(pointer),
        }
    }

    fn compare_maps(
        &mut self,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        pointer: &mut String,
        depth: usize,
    ) {
        let added = new.keys().filter(|key| !old.contains_key(*key));
        for key in old.keys().chain(added) {
            if depth == 1 && pointer == "/metadata" && OWN.contains(&key.as_str()) {
                continue;
            }
            let token = key.replace('~', "~0").replace('/', "~1");
            self.step(&token, old.get(key), new.get(key), pointer, depth);
        }
    }

    fn compare_lists(&mut self, old: &[Value], new: &[Value], pointer: &mut String, depth: usize) {
        for index in 0..old.len().max(new.len()) {
            self.step(&index.to_string(), old.get(index), new.get(index), pointer, depth);
        }
    }

    fn step(
        &mut self,
        token: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        pointer: &mut String,
        depth: usize,
    ) {
        if self.over || old == new {
            return;
        }
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(token);
        self.compare(old, new, pointer, depth + 1);
        pointer.truncate(length);
    }

    fn add(&mut self, pointer: &str) {
        self.bytes += pointer.len();
        self.over = self.bytes > MAX_BYTES || self.pointers.len() == MAX_CHANGED;
        if !self.over {
            self.pointers.push(pointer.to_owned());
        }
    }
}
