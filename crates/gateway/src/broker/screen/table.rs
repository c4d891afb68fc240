//! Tables: of each row, the whole object is looked at, because the cluster was asked for it; what the caller
//! asked for is written.

use serde_json::{Map, Value};

use super::form::{Include, Version};
use super::reduce::partial;
use super::{Fault, Looks};
use drawbridge_policy::Look;

/// What of a row is written on.
const ROW: [&str; 3] = ["cells", "conditions", "object"];

/// One row: its cells, and its object whole.
#[derive(Debug)]
pub(super) struct Row {
    cells: Map<String, Value>,
    object: Value,
}

impl Row {
    /// Takes a row apart. One without its whole object can't be looked at.
    pub(super) fn read(row: Value) -> Result<Row, Fault> {
        let Value::Object(mut row) = row else { return Err(Fault::Form("a row of its table is no object")) };
        row.retain(|name, _| ROW.contains(&name.as_str()));
        let object = row.remove("object").filter(is_whole);
        let object = object.ok_or(Fault::Form("a row of its table comes without its object"))?;
        Ok(Row { cells: row, object })
    }

    /// Looks at the object.
    pub(super) fn look(&mut self, looks: &mut Looks) -> Look {
        looks(&mut self.object)
    }

    /// The row as the caller asked for it.
    pub(super) fn written(self, version: Version, include: Include) -> Value {
        let Row { mut cells, object } = self;
        let object = match include {
            Include::Nothing => Value::Null,
            Include::Metadata => partial(object, version),
            Include::Object => object,
        };
        cells.insert("object".to_owned(), object);
        Value::Object(cells)
    }
}

/// Asked for metadata only, the cluster would give an object that no condition can be checked on.
fn is_whole(object: &Value) -> bool {
    let reduced = || object.get("kind").is_some_and(|kind| kind == "PartialObjectMetadata");
    object.is_object() && !reduced()
}
