//! `Axis`: where a value lies between two edges, and its ticks. plotters maps and chooses.

use std::ops::Range;

use anyhow::Result;
use plotters::coord::combinators::{IntoLogRange, LogCoord};
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;

use super::lettering::{AXIS_LABEL, TICK};
use super::sheet::{Anchor, Area, Sheet};
use super::template::grouped;
use super::theme;

/// plotters maps to whole numbers; mapping to this many a pixel keeps the tenths.
const FINENESS: f64 = 10.0;
/// Free space between two tick labels.
const LABEL_GAP: f64 = 14.0;
/// Height that [`Axis::draw_below`] takes under the data: tick labels and the axis' own label.
pub const HEIGHT_BELOW: f64 = 48.0;
/// The same where the axis has no label.
pub const HEIGHT_BELOW_UNLABELLED: f64 = 26.0;

/// From here on numbers are written with an exponent.
pub const LARGE: f64 = 1e15;
/// From the axis down to the letters of its ticks.
const BASELINE: f64 = 18.0;

enum Mapping {
    Linear(RangedCoordf64),
    Log(LogCoord<f64>),
}

/// A value axis between two edges of the sheet.
pub struct Axis {
    mapping: Mapping,
    range: Range<f64>,
    edges: (f64, f64),
    shares: bool,
    /// What it counts has no halves.
    whole: bool,
}

impl Axis {
    /// A linear axis over `range`; an empty range is widened around its value.
    pub fn linear(range: Range<f64>, edges: (f64, f64)) -> Self {
        let range = match range.start < range.end {
            true => range,
            false => {
                let reach = (range.start.abs() * 0.1).max(0.5);
                range.start - reach..range.start + reach
            }
        };
        Self {
            mapping: Mapping::Linear(range.clone().into()),
            range,
            edges,
            shares: false,
            whole: false,
        }
    }

    /// A logarithmic axis over a positive `range`, with a little air at both ends.
    pub fn log(range: Range<f64>, edges: (f64, f64)) -> Self {
        let air = (range.end / range.start).powf(0.02).max(1.02);
        let range = range.start / air..range.end * air;
        Self {
            mapping: Mapping::Log(range.clone().log_scale().into()),
            range,
            edges,
            shares: false,
            whole: false,
        }
    }

    /// An axis of shares, 0 to 1, whose ticks are percents.
    pub fn shares(edges: (f64, f64)) -> Self {
        Self {
            shares: true,
            ..Self::linear(0.0..1.0, edges)
        }
    }

    /// The same with ticks at whole numbers only.
    pub fn whole(self) -> Self {
        Self {
            whole: true,
            ..self
        }
    }

    /// Where `value` lies. What is off the axis lies on its nearer edge.
    pub fn place(&self, value: f64) -> f64 {
        let inside = value.clamp(self.range.start, self.range.end);
        let (from, to) = self.edges;
        let limit = (
            (from * FINENESS).round() as i32,
            (to * FINENESS).round() as i32,
        );
        let unit = match &self.mapping {
            Mapping::Linear(mapping) => mapping.map(&inside, limit),
            Mapping::Log(mapping) => mapping.map(&inside, limit),
        };
        f64::from(unit) / FINENESS
    }

    /// Ticks at round values, as many as stand apart when their labels are written.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let length = (self.edges.1 - self.edges.0).abs();
        if self.shares {
            let quarters = (0..=4).map(|quarter| f64::from(quarter) / 4.0);
            return quarters
                .map(|share| (share, format!("{:.0}%", share * 100.0)))
                .collect();
        }
        match &self.mapping {
            Mapping::Linear(mapping) => {
                let apart = match self.upright() {
                    true if length < 200.0 => 24.0,
                    true => 34.0,
                    false => 62.0,
                };
                let most = (length / apart).clamp(2.0, 12.0) as usize;
                let ticks = |most: usize| {
                    let mut values = mapping.key_points(most);
                    values.retain(|value| !self.whole || (value - value.round()).abs() < 1e-9);
                    labelled(values)
                };
                // Long numbers need more room than most. One tick alone says nothing of the distance.
                let fewer = (2..=most).rev().chain(most + 1..=12);
                let fits = |ticks: &Vec<_>| ticks.len() > 1 && self.stand_apart(ticks);
                fewer.map(ticks).find(fits).unwrap_or_else(|| ticks(2))
            }
            Mapping::Log(_) => {
                // From fine to coarse; the first whose labels keep apart is taken. Within less
                // than a factor of ten, steps of one size read better than 1-2-5.
                let mut choices = vec![
                    self.decades(&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]),
                    self.decades(&[1.0, 2.0, 3.0, 5.0]),
                    self.decades(&[1.0, 2.0, 5.0]),
                    self.decades(&[1.0]),
                ];
                if self.range.end / self.range.start < 8.0 {
                    let linear = RangedCoordf64::from(self.range.clone());
                    choices.splice(0..0, [8, 6, 4].map(|most| linear.key_points(most)));
                }
                let fits = choices
                    .into_iter()
                    .map(labelled)
                    .find(|ticks| self.stand_apart(ticks));
                // Over very many decades: every second, third, ... power of ten.
                fits.unwrap_or_else(|| {
                    let powers = labelled(self.decades(&[1.0]));
                    let step = (2..).find(|step| {
                        let kept: Vec<_> = powers.iter().step_by(*step).cloned().collect();
                        kept.len() < 3 || self.stand_apart(&kept)
                    });
                    powers.into_iter().step_by(step.unwrap_or(2)).collect()
                })
            }
        }
    }

    fn decades(&self, within: &[f64]) -> Vec<f64> {
        let first = self.range.start.log10().floor() as i32;
        let last = self.range.end.log10().ceil() as i32;
        (first..=last)
            .flat_map(|power| within.iter().map(move |step| step * 10f64.powi(power)))
            .filter(|value| self.range.contains(value))
            .collect()
    }

    /// True if the axis runs up the sheet.
    fn upright(&self) -> bool {
        self.edges.1 < self.edges.0
    }

    fn stand_apart(&self, ticks: &[(f64, String)]) -> bool {
        if self.upright() {
            let places = ticks.iter().map(|(value, _)| self.place(*value));
            let places: Vec<f64> = places.collect();
            let apart = TICK.line_height() + 2.0;
            return places.windows(2).all(|pair| pair[0] - pair[1] >= apart);
        }
        let reach = |(value, label): &(f64, String)| {
            let half = TICK.width(label) / 2.0;
            (self.place(*value) - half, self.place(*value) + half)
        };
        ticks
            .windows(2)
            .all(|pair| reach(&pair[0]).1 + LABEL_GAP <= reach(&pair[1]).0)
    }

    /// Draws the grid lines over `data` alone: the labels stand under another chart below it.
    pub fn draw_grid(&self, sheet: &Sheet<'_>, data: Area) -> Result<()> {
        for (value, _) in self.ticks() {
            let x = self.place(value);
            sheet.line(&[(x, data.top), (x, data.bottom)], theme::GRID, 0.8)?;
        }
        let ends = [(data.left, data.bottom), (data.right, data.bottom)];
        sheet.line(&ends, theme::AXIS, 0.8)
    }

    /// Room that [`Axis::draw_left`] takes beside the data.
    pub fn width_left(&self) -> f64 {
        let ticks = self.ticks();
        let widths = ticks.iter().map(|(_, label)| TICK.width(label));
        widths.fold(0.0, f64::max) + 10.0
    }

    /// Draws the grid lines over `data` and, left of it, tick labels where `labelled`.
    pub fn draw_left(&self, sheet: &Sheet<'_>, data: Area, labelled: bool) -> Result<()> {
        for (value, label) in self.ticks() {
            let y = self.place(value);
            // The other axis is drawn there.
            if y < data.bottom {
                sheet.line(&[(data.left, y), (data.right, y)], theme::GRID, 0.8)?;
            }
            if labelled {
                let at = (data.left - 8.0, y + TICK.drop());
                sheet.text(&label, at, Anchor::End, TICK)?;
            }
        }
        Ok(())
    }

    /// Draws the grid lines over `data` and, under it, tick labels and the axis' label.
    pub fn draw_below(&self, sheet: &Sheet<'_>, data: Area, caption: &str) -> Result<()> {
        for (value, label) in self.ticks() {
            let x = self.place(value);
            sheet.line(&[(x, data.top), (x, data.bottom)], theme::GRID, 0.8)?;
            self.draw_tick(sheet, data, value, &label)?;
        }
        draw_line(sheet, data, caption)
    }

    /// Draws `ticks` with their labels under `data`, and the axis' label; no grid.
    pub fn draw_scale(
        &self,
        sheet: &Sheet<'_>,
        data: Area,
        ticks: &[(f64, String)],
        caption: &str,
    ) -> Result<()> {
        for (value, label) in ticks {
            self.draw_tick(sheet, data, *value, label)?;
        }
        draw_line(sheet, data, caption)
    }

    fn draw_tick(&self, sheet: &Sheet<'_>, data: Area, value: f64, label: &str) -> Result<()> {
        let x = self.place(value);
        sheet.line(
            &[(x, data.bottom), (x, data.bottom + 4.0)],
            theme::AXIS,
            0.8,
        )?;
        // A label at the sheet's very edge leans inwards instead of being cut.
        let half = TICK.width(label) / 2.0;
        let x = x.clamp(half + 4.0, theme::WIDTH - half - 4.0);
        let place = (x, data.bottom + BASELINE);
        sheet.text(label, place, Anchor::Middle, TICK)
    }
}

/// What is larger, or smaller but for zero, is written with a power of ten.
const WRITTEN_OUT: Range<f64> = 1e-6..1e10;

/// `1.5×10¹²`, in as many digits as the value has.
fn with_power(value: f64) -> String {
    let digits = (0..9).map(|digits| format!("{value:.digits$e}"));
    let near = |text: &String| {
        let read: f64 = text.parse().unwrap_or(f64::NAN);
        (read - value).abs() <= 1e-6 * value.abs()
    };
    let text = digits.into_iter().find(near);
    let text = text.unwrap_or_else(|| format!("{value:.3e}"));
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let raised = power.chars().map(|letter| match letter {
        '-' => '⁻',
        digit => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹']
            [digit.to_digit(10).unwrap_or(0) as usize],
    });
    let raised: String = raised.collect();
    match mantissa {
        "1" => format!("10{raised}"),
        "-1" => format!("\u{2212}10{raised}"),
        mantissa => format!("{}×10{raised}", grouped(mantissa)),
    }
}

/// Draws the axis' line and its label.
fn draw_line(sheet: &Sheet<'_>, data: Area, caption: &str) -> Result<()> {
    sheet.line(
        &[(data.left, data.bottom), (data.right, data.bottom)],
        theme::AXIS,
        0.8,
    )?;
    let caption = AXIS_LABEL.shorten(caption, data.width());
    let middle = (data.left + data.right) / 2.0;
    let place = (middle, data.bottom + BASELINE + 22.0);
    sheet.text(&caption, place, Anchor::Middle, AXIS_LABEL)
}

/// Ticks with their labels, all with as many decimals as the finest of them needs.
fn labelled(values: Vec<f64>) -> Vec<(f64, String)> {
    let largest = values.iter().map(|value| value.abs()).fold(0.0, f64::max);
    // Rounding error around zero is none of the sizes that are there.
    let sizes = values.iter().map(|value| value.abs());
    let mut sizes = sizes.filter(|size| *size > largest * 1e-12);
    if sizes.any(|size| !WRITTEN_OUT.contains(&size)) {
        let text = |value: f64| match value.abs() > largest * 1e-12 {
            true => with_power(value),
            false => "0".to_owned(),
        };
        return values
            .into_iter()
            .map(|value| (value, text(value)))
            .collect();
    }
    let decimals_of = |value: f64| {
        (0..9)
            .find(|digits| {
                let scaled = value * 10f64.powi(*digits);
                (scaled - scaled.round()).abs() <= 1e-6 * scaled.abs().max(1e-3)
            })
            .unwrap_or(9) as usize
    };
    let finest = values.iter().map(|value| decimals_of(*value)).max();
    // On a log axis 0.01 and 100 each need their own decimals; evenly spaced ticks need the same.
    let even = values
        .windows(3)
        .all(|three| ((three[2] - three[1]) / (three[1] - three[0]) - 1.0).abs() < 1e-6);
    values
        .into_iter()
        .map(|value| {
            let decimals = match even {
                true => finest.unwrap_or(0),
                false => decimals_of(value),
            };
            // Rounding error around zero must not come out as a negative zero.
            let value = if value.abs() < 1e-12 { 0.0 } else { value };
            match value.abs() < LARGE {
                true => (value, grouped(&format!("{value:.decimals$}"))),
                false => (value, format!("{value:e}")),
            }
        })
        .collect()
}

/// The unit a time axis is shown in, and how many of the column's units it holds: milliseconds
/// over seconds become seconds. Other units stay as they are.
pub fn shown_unit(unit: &str, span: f64) -> (&str, f64) {
    const TIMES: [(&str, f64); 4] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let spelled = if unit == "us" { "µs" } else { unit };
    match TIMES.iter().find(|(name, _)| *name == spelled) {
        None => (unit, 1.0),
        Some((_, own)) => {
            let fitting = TIMES
                .iter()
                .rev()
                .find(|(_, size)| size <= own || span * own >= 2.0 * size)
                .filter(|(_, size)| size >= own);
            fitting.map_or((unit, 1.0), |(name, size)| (*name, size / own))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_carry_the_same_decimals() {
        let axis = Axis::linear(0.0..3.1, (100.0, 800.0));
        assert_eq!(labels(&axis)[..3], ["0.0", "0.5", "1.0"]);
    }

    #[test]
    fn long_tick_labels_keep_apart() {
        for to in [1e9, 1.2e12, 3e-9] {
            let axis = Axis::linear(0.0..to, (100.0, 500.0));
            assert!(axis.stand_apart(&axis.ticks()), "{:?}", axis.ticks());
        }
    }

    #[test]
    fn log_ticks_keep_apart_over_any_range() {
        for (from, to) in [(1e-6, 1e9), (0.01, 4000.0), (11.0, 26.0), (17.0, 17.0)] {
            let axis = Axis::log(from..to, (100.0, 800.0));
            let ticks = axis.ticks();
            assert!(axis.stand_apart(&ticks), "{ticks:?}");
            assert!(ticks.len() >= 2, "{from} to {to}: {ticks:?}");
        }
    }

    #[test]
    fn milliseconds_over_seconds_are_shown_as_seconds() {
        assert_eq!(shown_unit("ms", 3100.0), ("s", 1000.0));
        assert_eq!(shown_unit("ms", 800.0), ("ms", 1.0));
        assert_eq!(shown_unit("us", 800.0), ("µs", 1.0));
        assert_eq!(shown_unit("tok/s", 1e9), ("tok/s", 1.0));
        assert_eq!(shown_unit("s", 0.5), ("s", 1.0));
    }

    #[test]
    fn one_value_alone_still_has_an_axis() {
        let axis = Axis::linear(5.0..5.0, (0.0, 100.0));
        assert!((axis.place(5.0) - 50.0).abs() < 0.2);
    }
}
