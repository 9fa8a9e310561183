//! The columns a chart draws: found by `[encode]`, read cell by cell, missing ones refused.

use anyhow::{Result, anyhow};

use super::figure::{Encoded, Figure};
use crate::table::{Cell, Table};

/// One thing a chart draws, and what a figure's `[encode]` calls it.
pub struct Channel {
    pub name: &'static str,
    pub required: bool,
    /// What it is, for an error's reader.
    pub meaning: &'static str,
}

impl Channel {
    pub const fn required(name: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            required: true,
            meaning,
        }
    }

    pub const fn optional(name: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            required: false,
            meaning,
        }
    }
}

/// A table seen through a figure's `[encode]`.
pub struct Channels<'a> {
    figure: &'a Figure,
    table: &'a Table,
}

/// One column of the table.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    figure: &'a Figure,
    table: &'a Table,
    index: usize,
}

impl<'a> Channels<'a> {
    /// Checks that the table has every column the figure names.
    ///
    /// A table without columns is what an absent answer looks like; it counts as empty.
    pub fn new(figure: &'a Figure, table: &'a Table) -> Result<Self> {
        let channels = Self { figure, table };
        if !table.columns.is_empty() {
            for encoded in figure.encode.values() {
                channels.index(&encoded.column, &encoded.at)?;
            }
            let headings = &figure.headings;
            let optional = [&headings.subtitle, &headings.notes, &headings.marks];
            let templates = optional.into_iter().flatten().chain([&headings.title]);
            for column in templates.flat_map(|template| template.columns()) {
                channels.index(column, &figure.file)?;
            }
        }
        Ok(channels)
    }

    /// True if there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.table.rows.is_empty() || self.table.columns.is_empty()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.table.rows.len()
    }

    /// The column of a channel that a figure must name.
    pub fn required(&self, channel: &str) -> Result<Column<'a>> {
        self.optional(channel)?.ok_or_else(|| {
            anyhow!(
                "figure `{}`: [encode] lacks `{channel}`; add it to {}",
                self.figure.name,
                self.figure.file
            )
        })
    }

    /// The column of a channel, if the figure names one. Of those its chart does not take, a figure
    /// names none.
    pub fn optional(&self, channel: &str) -> Result<Option<Column<'a>>> {
        match self.figure.encode.get(channel) {
            Some(Encoded { column, at }) => Ok(Some(self.column(self.index(column, at)?))),
            None => Ok(None),
        }
    }

    /// An error about a channel that says nothing without another one.
    pub fn half(&self, named: &str, missing: &str) -> anyhow::Error {
        anyhow!(
            "figure `{}`: [encode] names `{named}` without `{missing}`; add `{missing}` to {} or \
             remove `{named}`",
            self.figure.name,
            self.figure.file
        )
    }

    /// An error about a row that has the place of one before it.
    pub fn again(&self, row: usize, what: &str) -> anyhow::Error {
        anyhow!(
            "figure `{}`: row {} is {what} once more; change query `{}` so that it gives one row \
             for each",
            self.figure.name,
            row + 1,
            self.figure.query
        )
    }

    fn column(&self, index: usize) -> Column<'a> {
        Column {
            figure: self.figure,
            table: self.table,
            index,
        }
    }

    fn index(&self, column: &str, named_at: &str) -> Result<usize> {
        let Self { figure, table } = self;
        let place = table.columns.iter().position(|name| name == column);
        place.ok_or_else(|| {
            anyhow!(
                "figure `{}` draws column `{column}`, but query `{}` gives only {}; change {named_at} \
                 or the query",
                figure.name,
                figure.query,
                table.columns.join(", "),
            )
        })
    }
}

impl Column<'_> {
    /// The column's name.
    pub fn name(&self) -> &str {
        &self.table.columns[self.index]
    }

    fn cell(&self, row: usize) -> &Cell {
        let cells = self.table.rows.get(row);
        cells
            .and_then(|cells| cells.get(self.index))
            .unwrap_or(&Cell::Null)
    }

    /// True if the cell holds nothing.
    pub fn is_null(&self, row: usize) -> bool {
        *self.cell(row) == Cell::Null
    }

    /// The cell as a label. Null is a label too, so that no row is dropped in silence.
    pub fn label(&self, row: usize) -> Result<String> {
        match self.cell(row) {
            Cell::Null => Ok("(none)".to_owned()),
            Cell::Bool(value) => Ok(value.to_string()),
            Cell::Int(value) => Ok(value.to_string()),
            Cell::Float(value) => Ok(value.to_string()),
            Cell::Text(text) => Ok(text.split_whitespace().collect::<Vec<_>>().join(" ")),
            Cell::Bytes(_) => Err(self.wrong(row, "bytes", "text")),
        }
    }

    /// The cell as a number; `None` for null, NaN and the infinities, which have no place.
    pub fn number(&self, row: usize) -> Result<Option<f64>> {
        match self.cell(row) {
            Cell::Null => Ok(None),
            Cell::Int(value) => Ok(Some(*value as f64)),
            Cell::Float(value) => Ok(value.is_finite().then_some(*value)),
            Cell::Bool(_) => Err(self.wrong(row, "a truth value", "a number")),
            Cell::Text(text) => Err(self.wrong(row, &format!("the text `{text}`"), "a number")),
            Cell::Bytes(_) => Err(self.wrong(row, "bytes", "a number")),
        }
    }

    /// An error about one cell: what it holds, and what the chart takes there.
    pub fn wrong(&self, row: usize, found: &str, wanted: &str) -> anyhow::Error {
        let mut encoded = self.figure.encode.values();
        let named = encoded.find(|encoded| encoded.column == self.name());
        anyhow!(
            "figure `{}`: column `{}` holds {found} in row {}, but the chart takes {wanted} \
             there; change query `{}` or {}",
            self.figure.name,
            self.name(),
            row + 1,
            self.figure.query,
            named.map_or(&self.figure.file, |encoded| &encoded.at),
        )
    }
}

/// The number in a column that may not be there.
pub fn number_of(column: Option<Column<'_>>, row: usize) -> Result<Option<f64>> {
    column.map_or(Ok(None), |column| column.number(row))
}

/// The label in a column that may not be there: empty, if it is not.
pub fn label_of(column: Option<Column<'_>>, row: usize) -> Result<String> {
    column.map_or(Ok(String::new()), |column| column.label(row))
}

/// The place of `label` in `seen`, which it joins if it is new: first come, first placed.
pub fn place_of(seen: &mut Vec<String>, label: &str) -> usize {
    match seen.iter().position(|known| known == label) {
        Some(place) => place,
        None => {
            seen.push(label.to_owned());
            seen.len() - 1
        }
    }
}
