//! `Values`: the numbers along rows, how they are scaled and written, with intervals and whiskers.

use std::ops::Range;

use anyhow::Result;

use super::axis::{Axis, LARGE, shown_unit};
use super::channels::{Channels, Column};
use super::figure::{AxisScale, Figure, Reference};
use super::lettering::Lettering;
use super::sheet::{Anchor, Area, Sheet};
use super::template::{grouped, significant};
use super::theme::{self, Colour};

/// Distance between a mark and the number written at it.
pub const NUMBER_GAP: f64 = 6.0;

/// The values along the axis: how they are scaled, and how a number of theirs is written.
pub struct Values<'a> {
    /// Unit that is shown.
    pub unit: &'a str,
    per_shown: f64,
    log: bool,
    extent: Range<f64>,
}

impl<'a> Values<'a> {
    /// Over all of `values` that have a place; `None` if none has.
    pub fn new(figure: &'a Figure, values: impl Iterator<Item = f64>) -> Option<Self> {
        let log = figure.x_scale == AxisScale::Log;
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| !log || *value > 0.0) {
            (low, high) = (low.min(value), high.max(value));
        }
        let unit = figure.units.x.as_deref().unwrap_or_default();
        let (unit, per_shown) = match log {
            // Over decades a reader wants the unit the table has.
            true => (unit, 1.0),
            false => shown_unit(unit, high.abs().max(low.abs())),
        };
        (low <= high).then_some(Self {
            unit,
            per_shown,
            log,
            extent: low / per_shown..high / per_shown,
        })
    }

    /// The axis' label with the unit that is shown.
    pub fn caption(&self, figure: &Figure) -> String {
        figure.x_caption((!self.unit.is_empty()).then_some(self.unit))
    }

    /// False for what a logarithmic axis has no place for.
    pub fn has_place(&self, value: f64) -> bool {
        !self.log || value > 0.0
    }

    /// The axis over `data` that leaves `before` and `after` pixels free beside the values.
    pub fn axis(&self, data: Area, (before, after): (f64, f64)) -> Axis {
        let edges = (data.left + before, data.right - after);
        let edges = match edges.1 - edges.0 >= 60.0 {
            true => edges,
            false => (data.left, data.right),
        };
        let Range { start, end } = self.extent;
        let share = |pixels: f64| pixels / (edges.1 - edges.0);
        match (self.log, start < end) {
            (true, true) => {
                let ratio = end / start;
                let start = start / ratio.powf(share(edges.0 - data.left));
                let end = end * ratio.powf(share(data.right - edges.1));
                Axis::log(start..end, (data.left, data.right))
            }
            (true, false) => Axis::log(start / 2.0..end * 2.0, (data.left, data.right)),
            (false, true) => {
                let span = end - start;
                let start = start - span * share(edges.0 - data.left);
                let end = end + span * share(data.right - edges.1);
                Axis::linear(start..end, (data.left, data.right))
            }
            (false, false) => Axis::linear(start..end, (data.left, data.right)),
        }
    }

    /// Where a value lies.
    pub fn place(&self, axis: &Axis, value: f64) -> f64 {
        axis.place(value / self.per_shown)
    }

    /// A value as it is written beside its mark: to a thousandth of the span, and what would come
    /// out as nothing with the one digit that says how little it is.
    pub fn text(&self, value: f64) -> String {
        let value = value / self.per_shown;
        let finest = -(self.extent.end - self.extent.start).max(1e-9).log10() + 3.0;
        let decimals = finest.floor().clamp(0.0, 9.0) as usize;
        let fixed = match value.abs() < LARGE {
            true => format!("{value:.decimals$}"),
            false => format!("{value:.2e}"),
        };
        let nothing = fixed.trim_matches(['-', '0', '.']).is_empty();
        let number = match (value == 0.0, nothing || self.log) {
            (true, _) => format!("{:.decimals$}", 0.0),
            (_, false) => fixed,
            (_, true) if self.log => significant(value, 3),
            (_, true) => significant(value, 1),
        };
        match self.unit {
            "%" => format!("{}%", grouped(&number)),
            _ => grouped(&number),
        }
    }

    /// A reference line in the unit that is shown.
    pub fn shown(&self, reference: &Reference) -> Reference {
        Reference {
            x: reference.x / self.per_shown,
            label: reference.label.clone(),
        }
    }
}

/// Why there is nothing to place: the values of `column` are all missing, or not above 0.
pub fn no_values(figure: &Figure, column: &Column<'_>, any: bool) -> String {
    match any && figure.x_scale == AxisScale::Log {
        true => format!(
            "no values above 0 in “{}”, and the axis is logarithmic",
            column.name()
        ),
        false => format!("no values: every “{}” is null", column.name()),
    }
}

/// Two columns that are the lower and the upper end of something.
pub struct Interval<'a> {
    low: Column<'a>,
    high: Column<'a>,
}

impl<'a> Interval<'a> {
    /// The interval that the figure names by these two channels, if it does.
    pub fn named(channels: &Channels<'a>, low: &str, high: &str) -> Result<Option<Self>> {
        match (channels.optional(low)?, channels.optional(high)?) {
            (Some(low), Some(high)) => Ok(Some(Self { low, high })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(channels.half(low, high)),
            (None, Some(_)) => Err(channels.half(high, low)),
        }
    }

    /// Its ends in a row, if it has both.
    pub fn ends(&self, row: usize) -> Result<Option<(f64, f64)>> {
        match (self.low.number(row)?, self.high.number(row)?) {
            (Some(low), Some(high)) if low > high => {
                let found = format!("{low}, which is above {high} in `{}`,", self.high.name());
                Err(self.low.wrong(row, &found, "the lower end"))
            }
            (Some(low), Some(high)) => Ok(Some((low, high))),
            _ => Ok(None),
        }
    }

    /// The two columns, for a remark.
    pub fn name(&self) -> String {
        format!("“{}” to “{}”", self.low.name(), self.high.name())
    }
}

/// Draws a whisker along x, with caps of `cap` pixels up and down.
pub fn whisker(
    sheet: &Sheet<'_>,
    (from, to): (f64, f64),
    y: f64,
    cap: f64,
    colour: Colour,
) -> Result<()> {
    sheet.line(&[(from, y), (to, y)], colour, 1.3)?;
    for x in [from, to] {
        sheet.line(&[(x, y - cap), (x, y + cap)], colour, 1.3)?;
    }
    Ok(())
}

/// The same over a mark: with paper around it, or it would be lost in a dark colour.
pub fn whisker_over(sheet: &Sheet<'_>, (from, to): (f64, f64), y: f64, cap: f64) -> Result<()> {
    sheet.line(&[(from, y), (to, y)], theme::PAPER, 3.6)?;
    for x in [from, to] {
        let ends = [(x, y - cap - 1.0), (x, y + cap + 1.0)];
        sheet.line(&ends, theme::PAPER, 3.6)?;
    }
    whisker(sheet, (from, to), y, cap, theme::INK)
}

/// Writes a number beside a mark, on paper, so that no grid line runs through it.
pub fn number_at(
    sheet: &Sheet<'_>,
    text: &str,
    (x, middle): (f64, f64),
    anchor: Anchor,
    lettering: Lettering,
) -> Result<()> {
    let width = lettering.width(text);
    let left = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    let behind = Area {
        left: left - 1.0,
        right: left + width + 1.0,
        top: middle - lettering.size * 0.5,
        bottom: middle + lettering.size * 0.5,
    };
    sheet.fill(behind, theme::PAPER)?;
    sheet.text(text, (x, middle + lettering.drop()), anchor, lettering)
}
