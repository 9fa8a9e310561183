//! A table on the page: rounded for reading, every digit on hover and when copied, in a box that scrolls.

use maud::{Markup, html};

use super::prose::breakable;
use super::rounded::Column;
use crate::table::{Cell, Table};

/// More rows are not read but asked for.
pub const MOST_ROWS: usize = 150;
/// From so many columns on, paper is turned on its side.
const WIDE: usize = 9;

/// The table as HTML, under a name that a listener hears. Columns without any value are named below it
/// instead; of a long table the first `most` rows are shown, and `all` is the command that gives the others.
pub fn grid(name: &str, table: &Table, most: usize, all: &str) -> Markup {
    let has_value = |index: &usize| table.rows.iter().any(|row| row[*index] != Cell::Null);
    let (shown, empty): (Vec<usize>, Vec<usize>) =
        (0..table.columns.len()).partition(|index| has_value(index));
    let columns: Vec<(usize, Column)> = shown
        .into_iter()
        .map(|index| (index, Column::of(table, index)))
        .collect();
    let rows = table.rows.len();
    html! {
        div.grid.wide[columns.len() >= WIDE] role="region" aria-label=(format!("Table {name}")) tabindex="0" {
            table data-name=(name) {
                thead {
                    tr {
                        @for (index, column) in &columns {
                            th class=[number(*column)] scope="col" {
                                (breakable(&table.columns[*index]))
                            }
                        }
                    }
                }
                tbody {
                    @for row in table.rows.iter().take(most) {
                        tr {
                            @for (index, column) in &columns {
                                (cell(&row[*index], *column))
                            }
                        }
                    }
                }
            }
        }
        @if rows > most {
            p.note { "The first " (most) " of " (rows) " rows. All of them: " code { (all) } }
        }
        @if !empty.is_empty() && rows > 0 {
            p.note {
                "No value in "
                @for (place, index) in empty.iter().enumerate() {
                    @if place > 0 { ", " }
                    code { (table.columns[*index]) }
                }
                "."
            }
        }
    }
}

fn cell(cell: &Cell, column: Column) -> Markup {
    let shown = column.shown(cell);
    let exact = Some(cell.exact()).filter(|exact| *exact != shown);
    html! {
        td class=[number(column)] title=[exact] { (shown) }
    }
}

fn number(column: Column) -> Option<&'static str> {
    column.is_number.then_some("number")
}
