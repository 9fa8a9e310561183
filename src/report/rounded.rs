//! Numbers rounded for reading: a column has as many decimals as its largest value needs.

use crate::table::{Cell, Table};

/// Digits that a column's largest value is given.
const DIGITS: i32 = 4;

/// How the cells of a column are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// True if it holds numbers, which stand to the right.
    pub is_number: bool,
    decimals: usize,
}

impl Column {
    /// What the cells of column `index` need.
    pub fn of(table: &Table, index: usize) -> Self {
        let cells = || table.rows.iter().filter_map(|row| row.get(index));
        let floats = cells().filter_map(|cell| match cell {
            Cell::Float(value) if value.is_finite() => Some(*value),
            _ => None,
        });
        let floats: Vec<f64> = floats.collect();
        let largest = floats
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        let is_whole = floats.iter().all(|value| value.fract() == 0.0);
        let decimals = match largest > 0.0 && !is_whole {
            true => (DIGITS - 1 - largest.log10().floor() as i32).clamp(0, 6) as usize,
            false => 0,
        };
        Self {
            is_number: cells().any(|cell| cell.as_f64().is_some()),
            decimals,
        }
    }

    /// A cell for reading. What would be rounded to nothing keeps two digits instead.
    pub fn shown(self, cell: &Cell) -> String {
        match cell {
            Cell::Int(value) => signed(&grouped(&value.to_string())),
            Cell::Float(value) if value.is_finite() => {
                let fixed = format!("{value:.*}", self.decimals);
                let is_nothing = !fixed.contains(|c: char| ('1'..='9').contains(&c));
                match is_nothing && *value != 0.0 {
                    true => signed(&format!("{value:.1e}")),
                    false => signed(&grouped(&fixed)),
                }
            }
            other => other.exact(),
        }
    }
}

/// A number that stands in a sentence.
pub fn alone(cell: &Cell) -> String {
    let table = Table {
        columns: Vec::new(),
        rows: vec![vec![cell.clone()]],
    };
    Column::of(&table, 0).shown(cell)
}

/// `12345.67` as `12,345.67`; numbers of four digits stay as they are.
fn grouped(number: &str) -> String {
    let (sign, size) = number.split_at(usize::from(number.starts_with('-')));
    let (whole, rest) = size.split_at(size.find('.').unwrap_or(size.len()));
    if whole.len() <= 4 {
        return number.to_owned();
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

/// With a true minus sign.
fn signed(number: &str) -> String {
    number.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[f64]) -> Vec<String> {
        let table = Table {
            columns: vec!["x".into()],
            rows: values
                .iter()
                .map(|value| vec![Cell::Float(*value)])
                .collect(),
        };
        let column = Column::of(&table, 0);
        table.rows.iter().map(|row| column.shown(&row[0])).collect()
    }

    #[test]
    fn a_column_has_the_decimals_that_its_largest_value_needs() {
        assert_eq!(shown(&[97.6814, 8.0]), ["97.68", "8.00"]);
        assert_eq!(shown(&[12345.678, -2.5]), ["12,346", "\u{2212}2"]);
        assert_eq!(shown(&[3.0, 5.0]), ["3", "5"]);
        assert_eq!(shown(&[]), [""; 0]);
    }

    #[test]
    fn what_rounding_would_lose_keeps_two_digits() {
        assert_eq!(
            shown(&[0.99, 5.13e-14, 0.0]),
            ["0.9900", "5.1e\u{2212}14", "0.0000"]
        );
        assert_eq!(shown(&[f64::NAN]), ["NaN"]);
    }
}
