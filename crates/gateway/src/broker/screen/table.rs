//! Tables: of each row, the whole object is looked at, because the cluster was asked for it; what the caller
//! asked for is written.

use drawbridge_policy::Look;
use serde_json::{Map, Value};

use super::form::{Include, Version};
use super::reduce::{Seal, list_metadata, object, partial};
use super::{Fault, Looks};

/// What of a row is written on.
const ROW: [&str; 3] = ["cells", "conditions", "object"];

/// What kubectl shows where there is nothing.
const NO_CELL: &str = "<none>";

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

    /// The object.
    pub(super) fn object(&self) -> &Value {
        &self.object
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

/// A table of one row, as it comes for one object or in a watch.
#[derive(Debug)]
pub(super) struct OneRow {
    metadata: Value,
    columns: Value,
    row: Row,
}

impl OneRow {
    /// Whether it is a table at all.
    pub(super) fn is_one(answer: &Value) -> bool {
        let version = answer.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        answer.get("kind").is_some_and(|kind| kind == "Table") && version.starts_with("meta.k8s.io/")
    }

    /// Takes the table apart.
    pub(super) fn read(mut table: Value) -> Result<OneRow, Fault> {
        let mut member = |name: &str| table.get_mut(name).map_or(Value::Null, Value::take);
        let (metadata, columns, rows) = (member("metadata"), member("columnDefinitions"), member("rows"));
        let Value::Array(rows) = rows else { return Err(Fault::Form("its table has no rows")) };
        let Ok([row]) = <[Value; 1]>::try_from(rows) else {
            return Err(Fault::Form("its table of one object has another number of rows"));
        };
        Ok(OneRow { metadata, columns, row: Row::read(row)? })
    }

    /// The object of its row.
    pub(super) fn object(&self) -> &Value {
        self.row.object()
    }

    /// Looks at the object of its row.
    pub(super) fn look(&mut self, looks: &mut Looks) -> Look {
        self.row.look(looks)
    }

    /// Its columns, which only the first table of a watch has.
    pub(super) fn take_columns(&mut self) -> Option<Value> {
        Some(self.columns.take()).filter(|columns| !columns.is_null())
    }

    /// The same table about what is left of its object. Cells tell of the object as it is: they are emptied.
    pub(super) fn blank(self, object: Value) -> OneRow {
        let cells = self.row.cells.get("cells").and_then(Value::as_array).map_or(0, Vec::len);
        let mut row = Row { cells: Map::new(), object };
        row.cells.insert("cells".to_owned(), Value::Array(vec![NO_CELL.into(); cells]));
        OneRow { row, ..self }
    }

    /// Puts the object's name where the columns have it.
    pub(super) fn named(mut self, column: Option<usize>) -> OneRow {
        let name = self.object().pointer("/metadata/name").cloned().unwrap_or_default();
        let cells = self.row.cells.get_mut("cells").and_then(Value::as_array_mut);
        if let Some(cell) = cells.zip(column).and_then(|(cells, column)| cells.get_mut(column)) {
            *cell = name;
        }
        self
    }

    /// The table as the caller asked for it, with these columns.
    pub(super) fn written(
        self,
        version: Version,
        include: Include,
        columns: Option<Value>,
    ) -> Result<Value, Fault> {
        let mut no_continue: Seal =
            Box::new(|_: &str| Err(Fault::Form("one object is said to be continued")));
        let metadata = list_metadata(&self.metadata, &mut no_continue)?;
        Ok(object([
            ("kind", "Table".into()),
            ("apiVersion", version.api_version().into()),
            ("metadata", metadata),
            ("columnDefinitions", columns.unwrap_or_default()),
            ("rows", Value::Array(vec![self.row.written(version, include)])),
        ]))
    }
}

/// Which of the columns holds the object's name.
pub(super) fn name_column(columns: &Value) -> Option<usize> {
    let is_name = |column: &Value| column.get("format").is_some_and(|format| format == "name");
    columns.as_array()?.iter().position(is_name)
}
