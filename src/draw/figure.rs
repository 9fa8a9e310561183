//! `Figure`: which query is drawn how.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::template::Template;

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
            Self::Bar => "bar",
            Self::Box => "box",
            Self::Forest => "forest",
            Self::Waterfall => "waterfall",
        }
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
    /// Title as written, places unfilled.
    pub title: String,
    /// Query whose answer it draws: a file in `queries/`, without `.sql`.
    pub query: String,
    /// Kind of chart.
    pub chart: Chart,
    pub(super) file: String,
    pub(super) headings: Headings,
    pub(super) x_label: Option<String>,
    pub(super) y_label: Option<String>,
    pub(super) x_scale: AxisScale,
    pub(super) units: Units,
    pub(super) parts: Parts,
    pub(super) reference: Option<Reference>,
    /// Where the figure names its query: file and line.
    pub(super) asks_at: String,
    pub(super) encode: BTreeMap<String, Encoded>,
}

/// The texts around a chart.
#[derive(Clone, Debug)]
pub(super) struct Headings {
    pub title: Template,
    pub subtitle: Option<Template>,
    pub notes: Option<Template>,
}

impl Figure {
    /// Where it names its query, for an error's reader: file and line.
    pub fn asks_at(&self) -> &str {
        &self.asks_at
    }

    /// The x axis' label with its unit, as in `Time since run start (s)`.
    pub(super) fn x_caption(&self, unit: Option<&str>) -> String {
        match (self.x_label.as_deref(), unit) {
            (Some(label), Some(unit)) => format!("{label} ({unit})"),
            (Some(label), None) => label.to_owned(),
            (None, Some(unit)) => unit.to_owned(),
            (None, None) => String::new(),
        }
    }
}
