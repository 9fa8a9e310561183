//! Figures: a TOML says which column is what, a chart places it, and out come SVG and PNG.
//!
//! Nothing here computes a figure's numbers: SQL does. This room scales, ticks, measures and
//! places, so that the same table gives the same bytes.
//!
//! One chart kind is one file, named in `chart` (a `box` in `boxes`). They share the `theme` (sizes, colours by
//! role, font), the `sheet` (an SVG being drawn), the `frame` (title, legend, notes) and the `axis`; those
//! with two numeric axes also the `plane` and `series` (groups as lines and marks), those of labelled rows
//! `rows`, the numbers along them being `values`, and `estimates` those with a group and an interval.

mod axis;
mod bar;
mod boxes;
mod catalogue;
mod channels;
mod chart;
mod colours;
mod ecdf;
mod ends;
mod estimates;
mod figure;
mod forest;
mod frame;
mod heatmap;
mod histogram;
mod lettering;
mod line;
mod panels;
mod plane;
mod qq;
mod raster;
mod rows;
mod scatter;
mod series;
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
