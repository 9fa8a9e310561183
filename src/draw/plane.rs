//! `Plane`: two numeric axes with their grid, and what each of them spans before it has a place.

use anyhow::Result;

use super::axis::{Axis, shown_unit};
use super::figure::{AxisScale, captioned};
use super::lettering::{AXIS_LABEL, TICK};
use super::sheet::{Anchor, Area, Sheet};

/// Beyond these no axis can count; what lies there is drawn at its edge.
const FARTHEST: f64 = 1e300;
/// Height over the data that the upright axis' caption takes, and its tallest tick without one.
pub const ABOVE: f64 = 26.0;
pub const ABOVE_UNLABELLED: f64 = 8.0;

/// What an axis spans, in which unit, and how it runs.
#[derive(Clone, Debug)]
pub struct Span {
    low: f64,
    high: f64,
    log: bool,
    /// Every value is a whole number, as counts and runs' numbers are.
    whole: bool,
    /// The unit that is shown.
    pub unit: Option<String>,
    /// How many of the column's units it holds.
    pub per_shown: f64,
    /// Share of the span that is left free at its ends.
    air: f64,
}

impl Span {
    /// The span of `values`, if there is one that `scale` can place.
    pub fn of(
        values: impl IntoIterator<Item = f64>,
        scale: AxisScale,
        unit: Option<&str>,
    ) -> Option<Self> {
        let log = scale == AxisScale::Log;
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut whole = true;
        for value in values {
            if !log || value > 0.0 {
                let value = value.clamp(-FARTHEST, FARTHEST);
                (low, high) = (low.min(value), high.max(value));
                whole &= value.fract() == 0.0;
            }
        }
        if low > high {
            return None;
        }
        let (shown, per_shown) = match unit {
            // Over decades a reader wants the unit the table has.
            Some(unit) if log => (unit, 1.0),
            unit => shown_unit(unit.unwrap_or_default(), low.abs().max(high.abs())),
        };
        Some(Self {
            low,
            high,
            log,
            whole: whole && !log && per_shown == 1.0,
            unit: unit.map(|_| shown.to_owned()),
            per_shown,
            air: 0.02,
        })
    }

    /// The same with another share of it left free at its ends.
    pub fn with_air(self, air: f64) -> Self {
        Self { air, ..self }
    }

    /// The same in the unit of `other`.
    pub fn shown_like(self, other: &Self) -> Self {
        Self {
            unit: other.unit.clone(),
            per_shown: other.per_shown,
            ..self
        }
    }

    /// True if `value` has a place.
    pub fn holds(&self, value: f64) -> bool {
        !self.log || value > 0.0
    }

    /// The axis' label with its unit, as in `Time (s)`.
    pub fn caption(&self, label: Option<&str>) -> String {
        captioned(label, self.unit.as_deref())
    }

    /// The axis between two edges.
    pub fn axis(&self, edges: (f64, f64)) -> Axis {
        let (low, high) = (self.low / self.per_shown, self.high / self.per_shown);
        if self.log {
            return Axis::log(low..high, edges);
        }
        // Numbers hardly apart for their size are one number to an axis.
        if high - low <= 1e-9 * low.abs().max(high.abs()) {
            return Axis::linear(low..low, edges);
        }
        // An axis that comes near zero begins there, unless it counts from one.
        let air = (high - low) * self.air;
        let counts = self.whole && low == 1.0;
        let start = match low >= 0.0 && low < high * 0.3 && !counts {
            true => 0.0,
            false => low - air,
        };
        let end = match high <= 0.0 && high > low * 0.3 {
            true => 0.0,
            false => high + air,
        };
        let axis = Axis::linear(start..end, edges);
        match self.whole {
            true => axis.whole(),
            false => axis,
        }
    }
}

/// Two axes over the area of the data.
pub struct Plane {
    pub data: Area,
    x: Axis,
    y: Axis,
    per_shown: (f64, f64),
}

/// Which of a plane's axes carry tick labels, and their captions.
pub struct Captions<'a> {
    /// `None` leaves out the tick labels too.
    pub x: Option<&'a str>,
    pub y: &'a str,
    pub y_ticks: bool,
    /// Where the caption above the upright axis begins.
    pub left: f64,
}

impl Plane {
    /// A plane over `data`.
    pub fn new(data: Area, x: &Span, y: &Span) -> Self {
        Self {
            x: x.axis((data.left, data.right)),
            y: y.axis((data.bottom, data.top)),
            per_shown: (x.per_shown, y.per_shown),
            data,
        }
    }

    /// A plane whose upright axis is of shares, 0 to 100 %.
    pub fn of_shares(data: Area, x: &Span) -> Self {
        Self {
            x: x.axis((data.left, data.right)),
            y: Axis::shares((data.bottom, data.top)),
            per_shown: (x.per_shown, 1.0),
            data,
        }
    }

    /// Room that the tick labels of a percent axis take left of the data.
    pub fn room_for_shares() -> f64 {
        TICK.width("100%") + 10.0
    }

    /// Room that the tick labels of an upright axis of `height` take left of the data.
    pub fn room_left(y: &Span, height: f64) -> f64 {
        y.axis((height, 0.0)).width_left()
    }

    /// Where a point lies, in pixels. What is off an axis lies on its nearer edge.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (
            self.x.place(x / self.per_shown.0),
            self.y.place(y / self.per_shown.1),
        )
    }

    /// Draws the axis along the data, and the caption of an upright one that spans nothing.
    pub fn draw_across(&self, sheet: &Sheet<'_>, captions: &Captions<'_>) -> Result<()> {
        match captions.x {
            Some(caption) => self.x.draw_below(sheet, self.data, caption)?,
            None => self.x.draw_grid(sheet, self.data)?,
        }
        caption_above(sheet, self.data, (captions.left, captions.y))
    }

    /// Draws grid, ticks and captions.
    pub fn draw(&self, sheet: &Sheet<'_>, captions: &Captions<'_>) -> Result<()> {
        match captions.x {
            Some(caption) => self.x.draw_below(sheet, self.data, caption)?,
            None => self.x.draw_grid(sheet, self.data)?,
        }
        self.y.draw_left(sheet, self.data, captions.y_ticks)?;
        caption_above(sheet, self.data, (captions.left, captions.y))
    }
}

/// Lying above its axis a caption is read without turning the head.
pub fn caption_above(sheet: &Sheet<'_>, data: Area, (left, caption): (f64, &str)) -> Result<()> {
    let caption = AXIS_LABEL.shorten(caption, data.right - left);
    sheet.text(&caption, (left, data.top - 14.0), Anchor::Start, AXIS_LABEL)
}

/// Why there is nothing to draw: no number at all, or none that a logarithmic axis can place.
pub fn no_values(column: &str, any: bool) -> String {
    match any {
        false => format!("no values: every “{column}” is null"),
        true => format!("no values above 0 in “{column}”, and the axis is logarithmic"),
    }
}
