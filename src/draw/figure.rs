//! `Figure`: which query is drawn how.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Result, bail};
use serde::Deserialize;

use super::template::Template;
use crate::table::{Cell, Table};

/// The kinds of chart there are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Chart {
    /// One lane an agent, requests as bars, tokens as marks.
    Timeline,
    /// Cumulative distribution, one line a group.
    Ecdf,
    /// Horizontal bars of parts, in percent.
    Stacked,
    /// Lines along a numeric axis, with gaps and bands.
    Line,
    /// Points, with fitted lines.
    Scatter,
    /// Counts of values between edges.
    Histogram,
    /// A table of labels by labels, values as colours.
    Heatmap,
    /// Quantiles of a sample against those of a distribution.
    Qq,
    /// Horizontal bars from zero.
    Bar,
    /// Every value of each group as a dot, with quartiles as a box.
    Box,
    /// Estimates with their intervals.
    Forest,
    /// Changes one after the other.
    Waterfall,
}

impl Chart {
    /// What a figure's `chart` calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Ecdf => "ecdf",
            Self::Stacked => "stacked",
            Self::Line => "line",
            Self::Scatter => "scatter",
            Self::Histogram => "histogram",
            Self::Heatmap => "heatmap",
            Self::Qq => "qq",
            Self::Bar => "bar",
            Self::Box => "box",
            Self::Forest => "forest",
            Self::Waterfall => "waterfall",
        }
    }

    /// True if its horizontal axis may be logarithmic.
    pub(super) fn has_x_scale(self) -> bool {
        matches!(
            self,
            Self::Ecdf | Self::Box | Self::Forest | Self::Line | Self::Scatter | Self::Histogram
        )
    }

    /// True if its upright axis may be logarithmic.
    pub(super) fn has_y_scale(self) -> bool {
        matches!(self, Self::Line | Self::Scatter | Self::Histogram)
    }
}

/// How an axis runs.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum AxisScale {
    #[default]
    Linear,
    Log,
}

/// Units of the columns on the axes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Units {
    pub x: Option<String>,
    pub y: Option<String>,
}

/// The colours of a heatmap's values.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scale {
    /// The value that has no colour; without it the scale runs one way.
    pub middle: Option<f64>,
    /// Where the colours end; otherwise where the values do.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// What the values are, for the key.
    pub label: Option<String>,
    pub unit: Option<String>,
}

/// The parts of a stacked bar.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    /// From left to right; parts not named here follow as the query gives them.
    #[serde(default)]
    pub order: Vec<String>,
    /// Drawn in strong colours of one family, against muted ones for the rest.
    #[serde(default)]
    pub strong: Vec<String>,
}

impl Scale {
    /// True if what is given runs from low to high.
    pub fn ascends(&self) -> bool {
        let given: Vec<f64> = [self.low, self.middle, self.high]
            .into_iter()
            .flatten()
            .collect();
        given.iter().all(|value| value.is_finite())
            && given.windows(2).all(|pair| pair[0] < pair[1])
    }
}

/// An upright line at one value, such as no difference.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    pub x: f64,
    pub label: Option<String>,
}

/// The column of a channel, and where the figure says so: file and line.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    pub column: String,
    pub at: String,
}

/// One figure: a query's name, and how its answer is drawn.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Name of the figure: that of its file, without folder and `.toml`.
    pub name: String,
    /// Query whose answer it draws: a file in `queries/`, without `.sql`.
    pub query: String,
    /// Kind of chart.
    pub chart: Chart,
    /// Query that tells the figure's numbers to who reads instead of looks, if not the same.
    pub table: Option<String>,
    /// Its place among figures in a report, the lowest first; those without one follow.
    pub(super) place: Option<u32>,
    pub(super) says: Option<Template>,
    pub(super) file: String,
    /// Something else says the title, so the picture does not.
    pub(super) under_heading: bool,
    pub(super) headings: Headings,
    pub(super) x_label: Option<String>,
    pub(super) y_label: Option<String>,
    pub(super) x_scale: AxisScale,
    pub(super) y_scale: AxisScale,
    pub(super) units: Units,
    pub(super) parts: Parts,
    pub(super) scale: Scale,
    pub(super) reference: Option<Reference>,
    /// Where the figure names its query: file and line.
    pub(super) asks_at: String,
    pub(super) encode: BTreeMap<String, Encoded>,
}

/// The texts around a chart.
#[derive(Clone, Debug)]
pub(super) struct Headings {
    pub title: Template,
    /// As written, places unfilled.
    pub title_text: String,
    pub subtitle: Option<Template>,
    pub notes: Option<Template>,
    /// What whiskers, bands and lines are.
    pub marks: Option<Template>,
}

impl Figure {
    /// Its title. One whose places cannot be filled, as there are no rows, stands as it is written.
    pub fn title(&self, table: &Table) -> String {
        let Headings {
            title, title_text, ..
        } = &self.headings;
        title.fill(table, 0).unwrap_or_else(|| title_text.clone())
    }

    /// The same for a page that says the title itself: its picture has this id and leaves the title out.
    pub fn under_heading(&self, id: &str) -> Self {
        Self {
            name: id.to_owned(),
            under_heading: true,
            ..self.clone()
        }
    }

    /// What figures are put in order by: their places, then their names.
    pub fn order(&self) -> (u32, &str) {
        (self.place.unwrap_or(u32::MAX), &self.name)
    }

    /// The sentences that the figure supports: what each row of the answer says, once, where it knows all
    /// of it.
    ///
    /// # Errors
    /// If the sentence has a place for a column that the answer lacks.
    pub fn says(&self, table: &Table) -> Result<Vec<String>> {
        let Some(says) = &self.says else {
            return Ok(Vec::new());
        };
        for column in says.columns() {
            if table.column(column).is_none() {
                let (name, query, file) = (&self.name, &self.query, &self.file);
                bail!(
                    "figure `{name}` says `{{{column}}}`, but query `{query}` gives only {}; change \
                     {file} or the query",
                    table.columns.join(", ")
                );
            }
        }
        let knows = |row: &usize| {
            let mut columns = says.columns();
            columns.all(|column| table.cell(*row, column) != Some(&Cell::Null))
        };
        let rows = (0..table.rows.len()).filter(knows);
        let mut said = HashSet::new();
        let sentences = rows.filter_map(|row| says.fill(table, row));
        Ok(sentences
            .filter(|sentence| said.insert(sentence.clone()))
            .collect())
    }

    /// Where it names its query, for an error's reader: file and line.
    pub fn asks_at(&self) -> &str {
        &self.asks_at
    }

    /// The x axis' label with its unit, as in `Time since run start (s)`.
    pub(super) fn x_caption(&self, unit: Option<&str>) -> String {
        captioned(self.x_label.as_deref(), unit)
    }
}

/// A label with its unit, as far as there are any.
pub(super) fn captioned(label: Option<&str>, unit: Option<&str>) -> String {
    match (label, unit) {
        (Some(label), Some(unit)) => format!("{label} ({unit})"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => String::new(),
    }
}
