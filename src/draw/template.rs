//! Text with `{column}` places, filled from a row of the answer.

use anyhow::{Result, anyhow, bail};

use crate::table::{Cell, Table};

/// A piece of a template: text as it stands, or a column's value.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Column {
        name: String,
        decimals: Option<usize>,
    },
}

/// A parsed template. `{n}` is column n of a row, `{p50_ms:.1}` the same with one decimal, `{{` and `}}`
/// are braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Piece>);

impl Template {
    /// Reads a template; the error says what is wrong and how it is written right.
    pub fn parse(source: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut letters = source.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => {
                    letters.next();
                    text.push(letter);
                }
                '{' => {
                    let mut inner = String::new();
                    loop {
                        match letters.next() {
                            Some('}') => break,
                            Some('{') | None => bail!(
                                "`{{{inner}` is not closed; write {{column}}, or {{{{ for a brace"
                            ),
                            Some(letter) => inner.push(letter),
                        }
                    }
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    pieces.push(Self::column(&inner)?);
                }
                '}' => bail!("a `}}` has no `{{` before it; write }}}} for a brace"),
                letter => text.push(letter),
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self(pieces))
    }

    fn column(inner: &str) -> Result<Piece> {
        let wrong =
            || anyhow!("`{{{inner}}}` is no place for a column; write {{column}} or {{column:.1}}");
        let (name, decimals) = match inner.split_once(":.") {
            Some((name, digits)) => (name, Some(digits.parse().map_err(|_| wrong())?)),
            None => (inner, None),
        };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_name || decimals > Some(9) {
            return Err(wrong());
        }
        Ok(Piece::Column {
            name: name.to_owned(),
            decimals,
        })
    }

    /// The columns it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Column { name, .. } => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The text with every place filled from a row; `None` where the table has no such row.
    ///
    /// Columns the table lacks are refused before this is called, so they fill with nothing.
    pub fn fill(&self, table: &Table, row: usize) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Column { name, decimals } => {
                    let row = table.rows.get(row)?;
                    let cell = table.column(name).and_then(|index| row.get(index));
                    filled.push_str(&shown(cell.unwrap_or(&Cell::Null), *decimals));
                }
            }
        }
        Some(filled)
    }
}

/// A cell as a reader wants it in a sentence.
fn shown(cell: &Cell, decimals: Option<usize>) -> String {
    match cell {
        Cell::Null => "unknown".to_owned(),
        Cell::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Cell::Int(value) => grouped(&value.to_string()),
        Cell::Float(value) => {
            let fixed = format!("{value:.*}", decimals.unwrap_or(2));
            let trimmed = match (decimals, fixed.contains('.')) {
                (None, true) => fixed.trim_end_matches('0').trim_end_matches('.'),
                _ => &fixed,
            };
            grouped(trimmed)
        }
        Cell::Text(text) => text.clone(),
        Cell::Bytes(bytes) => format!("{} bytes", grouped(&bytes.len().to_string())),
    }
}

/// `12345.67` as `12,345.67`, and a true minus sign; figures of up to four digits stay as they are.
pub fn grouped(number: &str) -> String {
    let (sign, size) = match number.strip_prefix('-') {
        Some(size) => ("\u{2212}", size),
        None => ("", number),
    };
    let (whole, rest) = size.split_at(size.find('.').unwrap_or(size.len()));
    if whole.len() <= 4 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("{sign}{size}");
    }
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// So many significant digits, never in scientific notation.
pub fn significant(value: f64, digits: i32) -> String {
    let before = match value.abs() {
        size if size > 0.0 => size.log10().floor() as i32,
        _ => 0,
    };
    let decimals = (digits - 1 - before).clamp(0, 9) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_row() -> Table {
        Table {
            columns: vec!["n".into(), "p50_ms".into()],
            rows: vec![vec![Cell::Int(12345), Cell::Float(17.25)]],
        }
    }

    #[test]
    fn places_are_filled_from_a_row() {
        let template = Template::parse("n = {n}, p50 {p50_ms:.1} or {p50_ms} {{ms}}").unwrap();
        let filled = template.fill(&one_row(), 0).unwrap();
        assert_eq!(filled, "n = 12,345, p50 17.2 or 17.25 {ms}");
    }

    #[test]
    fn a_table_without_rows_fills_only_templates_without_places() {
        let empty = Table::default();
        assert_eq!(Template::parse("{n} runs").unwrap().fill(&empty, 0), None);
        assert!(Template::parse("runs").unwrap().fill(&empty, 0).is_some());
    }

    #[test]
    fn a_brace_left_open_is_refused_with_the_remedy() {
        let error = Template::parse("n = {n").unwrap_err().to_string();
        assert!(error.contains("not closed; write {column}"), "{error}");
        assert!(Template::parse("n = n}").is_err());
        assert!(Template::parse("{n + 1}").is_err());
    }
}
