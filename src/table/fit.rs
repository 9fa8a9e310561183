//! A table for a terminal that is too narrow for it: texts are shortened, then columns left out, never numbers cut.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Cell, Grid, Table, UNDER_THE_HEADER};

/// What stands between two columns.
const GAP: usize = 3;
/// What stands at both sides of a row.
const MARGIN: usize = 2;
/// The width below which no text is shortened.
const READABLE: usize = 12;

/// A table as it fits a terminal.
#[derive(Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The lines.
    pub text: String,
    /// How many columns had something shortened.
    pub shortened: usize,
    /// The columns that had no place.
    pub left_out: Vec<String>,
}

impl Table {
    /// The table for reading, in lines of no more than `width` characters as far as that can be.
    pub fn fitted(&self, width: usize) -> Fitted {
        let mut grid = Grid::readable(self);
        let columns: Vec<Column> = (0..self.columns.len())
            .map(|index| Column::of(self, &grid, index))
            .collect();
        let (shown, cap) = fit(&columns, width);
        let mut shortened = 0;
        for (index, column) in columns[..shown].iter().enumerate() {
            let most = column.at_most(cap);
            if most < column.natural {
                shortened += 1;
                shorten(&mut grid.header[index], most);
                for row in &mut grid.rows {
                    shorten(&mut row[index], most);
                }
            }
        }
        grid.header.truncate(shown);
        grid.right.truncate(shown);
        for row in &mut grid.rows {
            row.truncate(shown);
        }
        Fitted {
            text: grid.drawn(UNDER_THE_HEADER),
            shortened,
            left_out: self.columns[shown..].to_vec(),
        }
    }
}

/// How wide a column is.
struct Column {
    natural: usize,
    /// What it cannot do without.
    least: usize,
}

impl Column {
    fn of(table: &Table, grid: &Grid, index: usize) -> Self {
        let header = grid.header[index].width();
        let widest = |only: fn(&Cell) -> bool| {
            let rows = grid.rows.iter().zip(&table.rows);
            let cells = rows.filter(|(_, row)| only(&row[index]));
            cells.map(|(texts, _)| texts[index].width()).max()
        };
        let natural = header.max(widest(|_| true).unwrap_or(0));
        let numbers = widest(Cell::is_number).unwrap_or(0);
        Self {
            natural,
            least: natural.min(numbers.max(READABLE)),
        }
    }

    fn at_most(&self, cap: usize) -> usize {
        self.natural.min(cap).max(self.least)
    }
}

/// How many columns have a place, and the width above which their texts are shortened.
fn fit(columns: &[Column], width: usize) -> (usize, usize) {
    let total = |shown: usize, cap: usize| {
        let widths = columns[..shown].iter().map(|column| column.at_most(cap));
        widths.sum::<usize>() + GAP * shown.saturating_sub(1) + MARGIN
    };
    let shown = (1..=columns.len()).rev().find(|n| total(*n, 0) <= width);
    let shown = shown.unwrap_or(columns.len().min(1));
    let natural = columns[..shown].iter().map(|column| column.natural).max();
    let caps = (0..=natural.unwrap_or(0)).rev();
    let cap = caps.into_iter().find(|cap| total(shown, *cap) <= width);
    (shown, cap.unwrap_or(0))
}

/// Cuts a text so that it and a `…` take `most` columns of a terminal.
fn shorten(text: &mut String, most: usize) {
    if text.width() <= most {
        return;
    }
    let mut taken = 1;
    let mut end = 0;
    for (at, character) in text.char_indices() {
        taken += character.width().unwrap_or(0);
        if taken > most {
            break;
        }
        end = at + character.len_utf8();
    }
    text.truncate(end);
    text.push('…');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |text: &str, number: f64| {
            vec![
                Cell::Int(1),
                Cell::Text(text.to_owned()),
                Cell::Float(number),
                Cell::Text("short".to_owned()),
            ]
        };
        Table {
            columns: ["n", "said", "a_number_with_a_long_name", "last"]
                .map(str::to_owned)
                .to_vec(),
            rows: vec![
                row("日本語日本語日本語日本語 and more", 0.25),
                row("b", 1e14),
            ],
        }
    }

    #[test]
    fn a_table_that_fits_is_written_as_ever() {
        let mut out = Vec::new();
        table().write(super::super::Form::Text, &mut out).unwrap();
        let fitted = table().fitted(200);
        assert_eq!(fitted.text + "\n", String::from_utf8(out).unwrap());
        assert_eq!((fitted.shortened, fitted.left_out), (0, vec![]));
    }

    #[test]
    fn texts_and_titles_are_shortened_but_never_a_number() {
        for width in 44..75 {
            let fitted = table().fitted(width);
            assert_eq!(fitted.left_out, Vec::<String>::new(), "{width}");
            assert!(fitted.shortened > 0, "{width}");
            assert!(fitted.text.contains("100000000000000"), "{}", fitted.text);
            assert!(fitted.text.contains('…'), "{}", fitted.text);
            for line in fitted.text.lines() {
                assert!(line.width() <= width, "{width}:\n{}", fitted.text);
            }
        }
    }

    #[test]
    fn columns_without_a_place_are_left_out_from_the_right() {
        let fitted = table().fitted(30);
        assert_eq!(fitted.left_out, ["a_number_with_a_long_name", "last"]);
        // One column there is always.
        assert_eq!(table().fitted(1).left_out.len(), 3);
        assert_eq!(Table::default().fitted(1).shortened, 0);
    }
}
