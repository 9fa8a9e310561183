//! `Table`: the answer to a query, and its text, Markdown, CSV, JSON and NDJSON forms.

mod fit;

use std::fmt::Write as _;
use std::io::{self, Write};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use comfy_table::{CellAlignment, presets};
use serde_json::{Map, Value};

pub use fit::Fitted;

/// One value of a [`Table`]. Missing is `Null`, never zero.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A missing value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text, and what has no other form: timestamps, lists.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
}

/// Named columns and rows of cells, in the order the query gave them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<String>,
    /// Each row holds one cell a column.
    pub rows: Vec<Vec<Cell>>,
}

/// The forms a table can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For reading on a terminal: floats shortened to six significant digits.
    Text,
    /// For a document: floats shortened likewise.
    Markdown,
    /// RFC 4180; missing values are empty, bytes base64.
    Csv,
    /// One array of objects; bytes base64, missing values null.
    Json,
    /// One object a line.
    Ndjson,
}

/// The forms in which a row is a line, so that a table may be written part by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// As [`Form::Csv`], whose header the first part has.
    Csv,
    /// As [`Form::Ndjson`].
    Ndjson,
}

impl Line {
    /// The form of the first part.
    pub fn form(self) -> Form {
        match self {
            Self::Csv => Form::Csv,
            Self::Ndjson => Form::Ndjson,
        }
    }
}

impl Cell {
    /// The value as a number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The value as text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_))
    }

    /// Every digit of the value.
    pub fn exact(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => BASE64_STANDARD.encode(bytes),
        }
    }

    /// For reading: floats shortened, missing values empty, line breaks escaped.
    fn readable(&self) -> String {
        match self {
            Self::Float(value) => shortened(*value),
            Self::Text(text) => text.replace('\n', "\\n").replace('\r', "\\r"),
            other => other.exact(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::from(*value),
            Self::Int(value) => Value::from(*value),
            // JSON has no NaN or infinity: null, like every value that is no number.
            Self::Float(value) => Value::from(*value),
            Self::Text(_) | Self::Bytes(_) => Value::from(self.exact()),
        }
    }
}

/// Six significant digits, without an exponent where it can be helped.
fn shortened(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = match value {
        0.0 => 0,
        _ => value.abs().log10().floor() as i32,
    };
    if !(-5..15).contains(&magnitude) {
        return format!("{value:.5e}");
    }
    let decimals = (5 - magnitude).clamp(0, 10) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A preset of comfy-table: one line, under the header.
const UNDER_THE_HEADER: &str = "     ──            ";

impl Table {
    /// The index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The cell of a row in a named column.
    pub fn cell(&self, row: usize, column: &str) -> Option<&Cell> {
        self.rows.get(row)?.get(self.column(column)?)
    }

    /// Writes the table.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, form: Form, out: &mut impl Write) -> io::Result<()> {
        match form {
            Form::Text => {
                let grid = Grid::readable(self);
                writeln!(out, "{}", grid.drawn(UNDER_THE_HEADER))
            }
            Form::Markdown => {
                let mut grid = Grid::readable(self);
                for cell in grid.rows.iter_mut().flatten() {
                    *cell = cell.replace('|', "\\|");
                }
                writeln!(out, "{}", grid.drawn(presets::ASCII_MARKDOWN))
            }
            Form::Csv => {
                let mut csv = csv::Writer::from_writer(&mut *out);
                csv.write_record(&self.columns)?;
                csv.flush()?;
                drop(csv);
                self.write_on(Line::Csv, out)
            }
            Form::Json => {
                let rows: Vec<Value> = self.rows.iter().map(|row| self.object(row)).collect();
                serde_json::to_writer_pretty(&mut *out, &rows)?;
                writeln!(out)
            }
            Form::Ndjson => self.write_on(Line::Ndjson, out),
        }
    }

    /// Writes the rows alone, to go on where an earlier part of the same table ended.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write_on(&self, line: Line, out: &mut impl Write) -> io::Result<()> {
        match line {
            Line::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                for row in &self.rows {
                    csv.write_record(row.iter().map(Cell::exact))?;
                }
                csv.flush()
            }
            Line::Ndjson => {
                for row in &self.rows {
                    writeln!(out, "{}", self.object(row))?;
                }
                Ok(())
            }
        }
    }

    fn object(&self, row: &[Cell]) -> Value {
        let cells = self.columns.iter().cloned().zip(row.iter().map(Cell::json));
        Value::Object(cells.collect::<Map<_, _>>())
    }
}

/// A table as texts, to be drawn.
struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Which columns hold numbers.
    right: Vec<bool>,
}

impl Grid {
    fn readable(table: &Table) -> Self {
        let texts = |row: &Vec<Cell>| row.iter().map(Cell::readable).collect();
        let numbers = |index: usize| table.rows.iter().any(|row| row[index].is_number());
        Self {
            header: table.columns.clone(),
            rows: table.rows.iter().map(texts).collect(),
            right: (0..table.columns.len()).map(numbers).collect(),
        }
    }

    fn drawn(&self, preset: &str) -> String {
        let mut drawn = comfy_table::Table::new();
        drawn.load_preset(preset).set_header(&self.header);
        drawn.add_rows(&self.rows);
        for (column, right) in drawn.column_iter_mut().zip(&self.right) {
            if *right {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = String::new();
        for line in drawn.lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form) -> String {
        let table = Table {
            columns: vec!["name".into(), "value".into(), "raw".into()],
            rows: vec![
                vec![
                    Cell::Text("a, \"b\"".into()),
                    Cell::Float(0.1 + 0.2),
                    Cell::Bytes(b"\xff\x00".to_vec()),
                ],
                vec![Cell::Text("c\nd".into()), Cell::Null, Cell::Null],
            ],
        };
        let mut out = Vec::new();
        table.write(form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_keeps_every_digit_and_leaves_missing_values_empty() {
        let expected = "name,value,raw\n\"a, \"\"b\"\"\",0.30000000000000004,/wA=\n\"c\nd\",,\n";
        assert_eq!(written(Form::Csv), expected);
    }

    #[test]
    fn json_numbers_are_numbers_and_missing_is_null() {
        let rows: Value = serde_json::from_str(&written(Form::Json)).unwrap();
        assert_eq!(rows[0]["value"], Value::from(0.1 + 0.2));
        assert_eq!(rows[1]["value"], Value::Null);
        assert_eq!(rows[0]["raw"], Value::from("/wA="));
        assert_eq!(written(Form::Ndjson).lines().count(), 2);
    }

    #[test]
    fn a_table_in_parts_is_the_table_in_one() {
        let part = |value| Table {
            columns: vec!["a".into(), "b".into()],
            rows: vec![vec![Cell::Int(value), Cell::Null]],
        };
        let whole = Table {
            rows: [part(1).rows, part(2).rows].concat(),
            ..part(1)
        };
        for line in [Line::Csv, Line::Ndjson] {
            let (mut parts, mut one) = (Vec::new(), Vec::new());
            part(1).write(line.form(), &mut parts).unwrap();
            part(2).write_on(line, &mut parts).unwrap();
            whole.write(line.form(), &mut one).unwrap();
            assert_eq!(parts, one);
        }
    }

    #[test]
    fn a_table_for_reading_shortens_floats_and_keeps_a_row_on_a_line() {
        let text = written(Form::Text);
        assert!(text.contains("0.3 ") && text.contains("c\\nd"), "{text}");
        assert!(written(Form::Markdown).contains("|"), "Markdown has bars");
    }

    #[test]
    fn shortened_floats_keep_six_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (99.978_212, "99.9782"),
            (1_234_567.8, "1234568"),
            (0.001_234_567_8, "0.00123457"),
            (-5.5, "-5.5"),
            (1e-9, "1.00000e-9"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(shortened(value), text);
        }
    }
}
