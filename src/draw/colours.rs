//! `Colours`: a heat map's values as colours and digits, and the key to them.

use std::fmt::Write as _;

use anyhow::Result;

use super::figure::Scale;
use super::lettering::{LEGEND_HEAD, NOTE, TICK};
use super::sheet::{Anchor, Area, Sheet, unit, written};
use super::template::grouped;
use super::theme::{self, Colour};

/// Height of the key with its caption and values.
pub const KEY_ROOM: f64 = 62.0;
const KEY_WIDTH: f64 = 240.0;
const KEY_HEIGHT: f64 = 12.0;
const KEY_STEPS: usize = 60;
/// From one line of a hatching to the next.
const HATCH: f64 = 5.0;

/// Which colour a value has.
pub struct Colours {
    pub low: f64,
    pub middle: Option<f64>,
    pub high: f64,
    /// Whether values lie beyond either end.
    beyond: (bool, bool),
}

impl Colours {
    /// The colours of `scale`, for `values` where it leaves something open.
    pub fn new(scale: &Scale, values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        let (mut low, mut high) = (scale.low.unwrap_or(least), scale.high.unwrap_or(most));
        if let Some(middle) = scale.middle {
            // Both sides are as long, so that colours of one strength are as far from the middle.
            let reach = (middle - low).max(high - middle);
            low = scale.low.unwrap_or(middle - reach);
            high = scale.high.unwrap_or(middle + reach);
        }
        Self {
            low,
            middle: scale.middle,
            high,
            beyond: (least < low, most > high),
        }
    }

    /// The colour of a value.
    pub fn of(&self, value: f64) -> Colour {
        let share = |from: f64, to: f64| {
            // Half of each, so that no two finite numbers are too far apart to be subtracted.
            let share = (value / 2.0 - from / 2.0) / (to / 2.0 - from / 2.0);
            if share.is_nan() {
                0.0
            } else {
                share.clamp(0.0, 1.0)
            }
        };
        match self.middle {
            Some(middle) if value < middle => theme::diverging(-share(middle, self.low)),
            Some(middle) => theme::diverging(share(middle, self.high)),
            None => theme::sequential(share(self.low, self.high)),
        }
    }

    /// A value as it is written in cells and at the key: all with as many decimals.
    pub fn written(&self, value: f64) -> String {
        let size = self.low.abs().max(self.high.abs());
        if !(1e-4..1e9).contains(&size) && size > 0.0 {
            return grouped(&format!("{value:.1e}"));
        }
        let before = if size > 0.0 {
            size.log10().floor() as i32 + 1
        } else {
            1
        };
        let decimals = (3 - before.max(1)).clamp(0, 2) as usize;
        let decimals = if before < 0 {
            (2 - before) as usize
        } else {
            decimals
        };
        let text = format!("{value:.decimals$}");
        // A rounded minus nothing is nothing.
        let nothing = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
        grouped(if nothing {
            text.trim_start_matches('-')
        } else {
            &text
        })
    }
}

/// Slanted lines over `place`, which say that there is no value.
pub fn hatch(sheet: &Sheet<'_>, place: Area) -> Result<()> {
    let (width, height) = (place.width() - 1.0, place.bottom - place.top - 1.0);
    let (left, bottom) = (place.left + 0.5, place.bottom - 0.5);
    let mut path = String::new();
    let mut along = HATCH;
    while along < width + height {
        // From the left or bottom edge up to the top or right edge.
        let from = (left + (along - height).max(0.0), bottom - along.min(height));
        let to = (left + along.min(width), bottom - (along - width).max(0.0));
        let [x, y, to_x, to_y] = [from.0, from.1, to.0, to.1].map(unit);
        let _ = write!(path, "M{x},{y}L{to_x},{to_y}");
        along += HATCH;
    }
    let (stroke, width) = (written(theme::AXIS), unit(0.6));
    sheet.element(format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\"/>"
    ))
}

/// The colours from low to high, with their values.
pub fn draw_key(
    sheet: &Sheet<'_>,
    area: Area,
    caption: &str,
    colours: &Colours,
    gaps: bool,
) -> Result<()> {
    let caption = LEGEND_HEAD.shorten(caption, area.width());
    let at = (area.left, area.top + LEGEND_HEAD.size);
    sheet.text(&caption, at, Anchor::Start, LEGEND_HEAD)?;
    let bar = Area {
        left: area.left,
        right: area.left + KEY_WIDTH,
        top: area.top + 19.0,
        bottom: area.top + 19.0 + KEY_HEIGHT,
    };
    let (low, high) = (colours.low, colours.high);
    let step = KEY_WIDTH / KEY_STEPS as f64;
    let between = |share: f64| match colours.middle {
        // Each side of the middle takes half of the key.
        Some(middle) if share < 0.5 => low + (middle - low) * share * 2.0,
        Some(middle) => middle + (high - middle) * (share - 0.5) * 2.0,
        None => low + (high - low) * share,
    };
    for index in 0..KEY_STEPS {
        let left = bar.left + index as f64 * step;
        let share = (index as f64 + 0.5) / KEY_STEPS as f64;
        let part = Area {
            left,
            right: left + step,
            ..bar
        };
        sheet.fill(part, colours.of(between(share)))?;
    }
    let baseline = bar.bottom + 15.0;
    let number = TICK.sized(12.0);
    let ends = [
        (bar.left, Anchor::Start, low, "≤ ", colours.beyond.0),
        (bar.right, Anchor::End, high, "≥ ", colours.beyond.1),
    ];
    for (x, anchor, value, sign, beyond) in ends {
        let sign = if beyond { sign } else { "" };
        let text = format!("{sign}{}", colours.written(value));
        sheet.text(&text, (x, baseline), anchor, number)?;
    }
    if let Some(middle) = colours.middle {
        let at = ((bar.left + bar.right) / 2.0, baseline);
        sheet.text(&colours.written(middle), at, Anchor::Middle, number)?;
    }
    if gaps {
        let swatch = Area {
            left: bar.right + 26.0,
            right: bar.right + 48.0,
            ..bar
        };
        hatch(sheet, swatch)?;
        let at = (swatch.right + 7.0, swatch.middle() + NOTE.drop());
        sheet.text("no value", at, Anchor::Start, number)?;
    }
    Ok(())
}
