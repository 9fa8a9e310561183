//! Figures: a TOML says which column is what, a chart places it, and out come SVG and PNG.
//!
//! Nothing here computes a figure's numbers: SQL does. This room scales, ticks, measures and
//! places, so that the same table gives the same bytes.
//!
//! One chart kind is one file: `timeline`, `ecdf`, and of the charts of labelled `rows` `stacked`,
//! `bar`, `boxes`, `forest` and `waterfall`. They share the `theme` (sizes, colours by role, font),
//! the `sheet` (an SVG being drawn), the `frame` (title, legend, notes) and the `axis`; the numbers
//! along rows are `values`, those with a group and an interval `estimates`.

mod axis;
mod bar;
mod boxes;
mod catalogue;
mod channels;
mod chart;
mod ecdf;
mod estimates;
mod figure;
mod forest;
mod frame;
mod lettering;
mod raster;
mod rows;
mod sheet;
mod stacked;
mod template;
mod theme;
mod timeline;
mod values;
mod waterfall;
mod written;

#[cfg(test)]
mod tests;

pub use catalogue::{example, figures};
pub use figure::{Chart, Figure};
pub use raster::png;
pub use theme::{Look, page_colours};
