//! Aligned tables, as kubectl prints them.

use super::terminal::clean;

/// Between two columns.
const GAP: &str = "   ";

/// A table that is being filled.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Table {
        Table { rows: vec![headings.iter().map(|&heading| heading.to_owned()).collect()] }
    }

    /// Adds a row. Empty cells show as `-`.
    pub fn row(&mut self, cells: Vec<String>) {
        let cell = |cell: String| if cell.is_empty() { "-".to_owned() } else { clean(&cell) };
        self.rows.push(cells.into_iter().map(cell).collect());
    }

    /// The whole table, a line for each row.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join(GAP);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "OWNER"]);
        table.row(vec!["cleanup".into(), "platform@example.com".into()]);
        table.row(vec!["é".into(), String::new()]);
        assert_eq!(
            table.render(),
            "NAME      OWNER\n\
             cleanup   platform@example.com\n\
             é         -\n"
        );
    }

    #[test]
    fn a_cell_stays_in_its_line() {
        let mut table = Table::new(&["NAME"]);
        table.row(vec!["a\nb".into()]);
        assert_eq!(table.render(), "NAME\na\\u{a}b\n");
    }
}
