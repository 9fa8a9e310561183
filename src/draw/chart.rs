//! The charts there are, each in a file of its own: what it takes, and how it is drawn.

use anyhow::Result;

use super::channels::Channel;
use super::figure::{Chart, Figure};
use super::theme::{self, Look};
use super::{
    bar, boxes, ecdf, forest, heatmap, histogram, line, qq, scatter, stacked, timeline, waterfall,
};
use crate::table::Table;

impl Chart {
    /// What a figure's `[encode]` may name.
    pub(super) fn channels(self) -> &'static [Channel] {
        match self {
            Self::Timeline => timeline::CHANNELS,
            Self::Ecdf => ecdf::CHANNELS,
            Self::Stacked => stacked::CHANNELS,
            Self::Line => line::CHANNELS,
            Self::Scatter => scatter::CHANNELS,
            Self::Histogram => histogram::CHANNELS,
            Self::Heatmap => heatmap::CHANNELS,
            Self::Qq => qq::CHANNELS,
            Self::Bar => bar::CHANNELS,
            Self::Box => boxes::CHANNELS,
            Self::Forest => forest::CHANNELS,
            Self::Waterfall => waterfall::CHANNELS,
        }
    }
}

impl Figure {
    /// Draws the answer of the figure's query as SVG: text stays text, and the same table gives
    /// the same bytes.
    ///
    /// # Errors
    /// If the table lacks a column, or holds in one what the chart cannot place.
    pub fn svg(&self, table: &Table, look: Look) -> Result<String> {
        // Before anything is measured, or the first figure would differ from the second.
        theme::register_faces()?;
        let drawn = match self.chart {
            Chart::Timeline => timeline::draw(self, table),
            Chart::Ecdf => ecdf::draw(self, table),
            Chart::Stacked => stacked::draw(self, table),
            Chart::Line => line::draw(self, table),
            Chart::Scatter => scatter::draw(self, table),
            Chart::Histogram => histogram::draw(self, table),
            Chart::Heatmap => heatmap::draw(self, table),
            Chart::Qq => qq::draw(self, table),
            Chart::Bar => bar::draw(self, table),
            Chart::Box => boxes::draw(self, table),
            Chart::Forest => forest::draw(self, table),
            Chart::Waterfall => waterfall::draw(self, table),
        }?;
        Ok(look.paint(&drawn))
    }
}
