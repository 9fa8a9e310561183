//! Figures: a TOML says which column is what, a chart places it, and out come SVG and PNG.
//!
//! Nothing here computes a figure's numbers: SQL does. This room scales, ticks, measures and
//! places, so that the same table gives the same bytes.
//!
//! One chart kind is one file: `timeline`, `ecdf`, `stacked`. They share the `theme` (sizes,
//! colours by role, font), the `sheet` (an SVG being drawn), the `frame` (title, legend, notes) and the
//! `axis`.

mod axis;
mod catalogue;
mod channels;
mod chart;
mod ecdf;
mod figure;
mod frame;
mod lettering;
mod raster;
mod sheet;
mod stacked;
mod template;
mod theme;
mod timeline;
mod written;

#[cfg(test)]
mod tests;

pub use catalogue::figures;
pub use figure::{Chart, Figure};
pub use raster::png;
pub use theme::{Look, page_colours};
