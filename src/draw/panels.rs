//! `Panels`: small charts side by side and wrapped, each under its head, as scatter and qq have them.

use anyhow::Result;

use super::axis::{HEIGHT_BELOW, HEIGHT_BELOW_UNLABELLED};
use super::lettering::{AXIS_LABEL, HEADING, LEGEND_HEAD, NOTE};
use super::plane::{ABOVE, ABOVE_UNLABELLED};
use super::sheet::{Anchor, Area, Sheet};
use super::theme::{MARGIN, WIDTH};

const ROOM: f64 = WIDTH - 2.0 * MARGIN - 6.0;
const GAP: f64 = 18.0;
const TITLE_LINE: f64 = 19.0;
const LINE: f64 = 16.0;

/// What stands above a panel.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub title: String,
    pub lines: Vec<String>,
}

impl Head {
    fn height(&self) -> f64 {
        let title = if self.title.is_empty() {
            0.0
        } else {
            TITLE_LINE
        };
        let text = title + self.lines.len() as f64 * LINE;
        if text > 0.0 { text + 6.0 } else { 0.0 }
    }
}

/// Where the panels of a figure lie.
pub struct Panels {
    heads: Vec<Head>,
    columns: usize,
    /// Of one panel's data.
    width: f64,
    height: f64,
    /// Left of each panel, or of the first in a row alone.
    indent: f64,
    each: bool,
    above: f64,
    head: f64,
    below: f64,
}

impl Panels {
    /// `count` panels whose upright axes need `indent` left of them: all of them, if `square`,
    /// otherwise they share the first one's.
    pub fn new(mut heads: Vec<Head>, indent: f64, square: bool, captioned: bool) -> Self {
        let count = heads.len();
        let columns = match count {
            0 | 1 => 1,
            2 | 4 => 2,
            3..=9 => 3,
            _ => 4,
        };
        let indents = if square { columns as f64 } else { 1.0 };
        let gaps = GAP * (columns - 1) as f64;
        let width = ((ROOM - indents * indent - gaps) / columns as f64).max(60.0);
        let width = if square { width.min(400.0) } else { width };
        let height = match square {
            true => width,
            false => (width * 0.8).min(340.0).round(),
        };
        let rows = count.div_ceil(columns);
        let room = if square { width + indent } else { width };
        for head in &mut heads {
            let lines = head.lines.iter();
            head.lines = lines
                .flat_map(|line| LEGEND_HEAD.wrap(line, room))
                .collect();
        }
        Self {
            columns,
            width,
            height,
            indent,
            each: square,
            above: if captioned { ABOVE } else { ABOVE_UNLABELLED },
            head: heads.iter().map(Head::height).fold(0.0, f64::max),
            heads,
            // Tick labels stand under every panel that has none below it.
            below: match rows > 1 && !count.is_multiple_of(columns) {
                true => HEIGHT_BELOW_UNLABELLED,
                false => 0.0,
            },
        }
    }

    fn row_height(&self) -> f64 {
        self.head + self.height + self.below + GAP
    }

    /// Height of all panels with their axes.
    pub fn height(&self) -> f64 {
        let rows = self.heads.len().div_ceil(self.columns) as f64;
        self.above + rows * self.row_height() - GAP - self.below + HEIGHT_BELOW
    }

    /// The data of one panel.
    pub fn data(&self, area: Area, index: usize) -> Area {
        let (row, column) = (index / self.columns, index % self.columns);
        let indents = if self.each { column + 1 } else { 1 } as f64;
        let left = area.left + indents * self.indent + column as f64 * (self.width + GAP);
        let top = area.top + self.above + row as f64 * self.row_height() + self.head;
        Area {
            left,
            top,
            right: left + self.width,
            bottom: top + self.height,
        }
    }

    /// True if no panel is below this one.
    pub fn is_lowest(&self, index: usize) -> bool {
        index + self.columns >= self.heads.len()
    }

    /// True if this panel's upright axis carries tick labels.
    pub fn has_y_ticks(&self, index: usize) -> bool {
        self.each || index.is_multiple_of(self.columns)
    }

    /// Draws one panel's head above its data.
    pub fn draw_head(&self, sheet: &Sheet<'_>, data: Area, index: usize) -> Result<()> {
        let head = &self.heads[index];
        let mut top = data.top - head.height();
        let left = if self.each {
            data.left - self.indent
        } else {
            data.left
        };
        let room = data.right - left;
        if !head.title.is_empty() {
            let title = HEADING.shorten(&head.title, room);
            sheet.text(&title, (left, top + HEADING.size), Anchor::Start, HEADING)?;
            top += TITLE_LINE;
        }
        for line in &head.lines {
            sheet.text(
                line,
                (left, top + LEGEND_HEAD.size),
                Anchor::Start,
                LEGEND_HEAD,
            )?;
            top += LINE;
        }
        Ok(())
    }

    /// Draws the captions that all panels share: above their upright axes, and under the lowest.
    pub fn draw_captions(&self, sheet: &Sheet<'_>, area: Area, (x, y): (&str, &str)) -> Result<()> {
        let (first, last) = (self.data(area, 0), self.data(area, self.columns - 1));
        let y = AXIS_LABEL.shorten(y, area.width());
        let above = area.top + AXIS_LABEL.size - 1.0;
        sheet.text(&y, (area.left, above), Anchor::Start, AXIS_LABEL)?;
        let right = last.right.min(area.right);
        let x = AXIS_LABEL.shorten(x, right - area.left);
        let half = AXIS_LABEL.width(&x) / 2.0;
        let middle = ((first.left + right) / 2.0).max(area.left + half);
        let below = area.top + self.height() - HEIGHT_BELOW + 40.0;
        sheet.text(&x, (middle, below), Anchor::Middle, AXIS_LABEL)
    }
}

/// Writes in an empty panel why it is empty.
pub fn say(sheet: &Sheet<'_>, data: Area, why: &str) -> Result<()> {
    let lines = NOTE.wrap(why, data.width() - 12.0);
    let above = NOTE.line_height() * (lines.len().max(1) - 1) as f64 / 2.0;
    let middle = (data.left + data.right) / 2.0;
    for (index, line) in lines.iter().enumerate() {
        let down = NOTE.line_height() * index as f64 - above + NOTE.drop();
        sheet.text(line, (middle, data.middle() + down), Anchor::Middle, NOTE)?;
    }
    Ok(())
}
