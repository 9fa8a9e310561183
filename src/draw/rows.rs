//! Rows by label, in panels, over one axis of values: what every chart of horizontal rows shares.

use anyhow::Result;

use super::axis::{Axis, HEIGHT_BELOW, HEIGHT_BELOW_UNLABELLED};
use super::figure::Reference;
use super::lettering::{CATEGORY, HEADING, LEGEND_HEAD, Lettering, NOTE};
use super::sheet::{Anchor, Area, Sheet};
use super::theme::{self, Colour};

const LABEL_ROOM: f64 = 240.0;
const LABEL_GAP: f64 = 12.0;
const HEADING_HEIGHT: f64 = 25.0;
const PANEL_GAP: f64 = 20.0;
/// Air between the last row and the axis.
const FOOT: f64 = 8.0;
/// How far the grid stands out over a panel's first and last row.
const AIR: f64 = 4.0;
/// Height of the line over the first panel: heads of columns, the reference's label.
const HEAD: f64 = 22.0;

/// One row of a chart.
pub trait Row {
    fn label(&self) -> &str;
    /// Rows of one cluster stand closer together.
    fn cluster(&self) -> &str {
        ""
    }
}

/// Rows under one heading.
pub struct Panel<R> {
    pub name: String,
    pub rows: Vec<R>,
}

/// The rows of the panel of that name, which joins the others if it is new.
pub fn panel_named<R>(panels: &mut Vec<Panel<R>>, name: String) -> &mut Vec<R> {
    let known = panels.iter().position(|panel| panel.name == name);
    let place = known.unwrap_or(panels.len());
    if known.is_none() {
        let rows = Vec::new();
        panels.push(Panel { name, rows });
    }
    &mut panels[place].rows
}

/// The row that is the one wanted, or a new one at the end.
pub fn row_of<R>(
    rows: &mut Vec<R>,
    wanted: impl Fn(&R) -> bool,
    new: impl FnOnce() -> R,
) -> &mut R {
    let place = rows.iter().position(wanted).unwrap_or(rows.len());
    if place == rows.len() {
        rows.push(new());
    }
    &mut rows[place]
}

/// The panels' names and sizes for a description; nothing where there is but one without a name.
pub fn described<R>(panels: &[Panel<R>], heading: &str, what: &str) -> String {
    let named = panels.iter().filter(|panel| !panel.name.is_empty());
    let panels: Vec<String> = named
        .map(|panel| format!("{} ({} {what})", panel.name, panel.rows.len()))
        .collect();
    match panels.is_empty() {
        true => String::new(),
        false => format!(" {heading}: {}.", panels.join(", ")),
    }
}

/// Sizes down the sheet; more rows are thinner rows.
#[derive(Clone, Copy)]
pub struct Layout {
    pub row: f64,
    pub gap: f64,
    /// What a new cluster adds to the gap.
    pub cluster_gap: f64,
    pub category: Lettering,
    pub number: Lettering,
}

impl Layout {
    /// For `count` rows that share a height of `room`, none thinner or thicker than `sizes`.
    pub fn new(count: usize, room: f64, sizes: (f64, f64)) -> Self {
        let row = (room / count.max(1) as f64).clamp(sizes.0, sizes.1).round();
        let roomy = row >= 17.0;
        Self {
            row,
            gap: (row * 0.2).round().max(3.0),
            cluster_gap: (row * 0.4).round(),
            category: CATEGORY.sized(if roomy { 13.0 } else { 12.0 }),
            number: NOTE.sized(if roomy { 12.0 } else { 11.0 }),
        }
    }

    /// The same for rows of several bars each.
    pub fn times(self, bars: usize) -> Self {
        match bars {
            0 | 1 => self,
            bars => Self {
                row: self.row * bars as f64,
                gap: (self.row * 0.6).round(),
                ..self
            },
        }
    }

    /// The top of each row below its panel's heading, and the height of them all.
    fn tops<R: Row>(&self, rows: &[R]) -> (Vec<f64>, f64) {
        let mut top = 0.0;
        let mut tops = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                top += self.gap;
                if rows[index - 1].cluster() != row.cluster() {
                    top += self.cluster_gap;
                }
            }
            tops.push(top);
            top += self.row;
        }
        (tops, top)
    }

    /// A label on as many lines as its row has room for.
    fn lines(&self, label: &str) -> Vec<String> {
        let most = (self.row / self.category.line_height()).floor().max(1.0) as usize;
        let lines = self.category.wrap(label, LABEL_ROOM);
        if lines.is_empty() || lines.len() > most || lines.iter().any(|line| line.contains('…')) {
            return vec![self.category.shorten(label, LABEL_ROOM)];
        }
        // No narrower than needed, so that no word is left alone on the last line.
        let rooms = (1..12).map(|tenth| LABEL_ROOM * (1.0 - f64::from(tenth) * 0.05));
        let narrower = rooms.map(|room| self.category.wrap(label, room));
        let same = |other: &Vec<String>| {
            other.len() == lines.len() && !other.iter().any(|line| line.contains('…'))
        };
        narrower.take_while(same).last().unwrap_or(lines.clone())
    }
}

/// A column of texts right of the data.
pub struct Texts {
    head: String,
    width: f64,
}

impl Texts {
    /// The column's head, and the texts that it has to hold.
    pub fn new<'a>(head: &str, texts: impl Iterator<Item = &'a str>, lettering: Lettering) -> Self {
        let head = LEGEND_HEAD.shorten(head, LABEL_ROOM);
        let widths = texts.map(|text| lettering.width(&shown_text(lettering, text)));
        let width = widths.fold(LEGEND_HEAD.width(&head), f64::max);
        Self { head, width }
    }
}

/// A text as a column right of the data has room for it.
pub fn shown_text(lettering: Lettering, text: &str) -> String {
    lettering.shorten(text, LABEL_ROOM)
}

/// Panels of rows, and what stands around them.
pub struct Rows<'a, R> {
    pub panels: &'a [Panel<R>],
    pub layout: Layout,
    pub texts: Vec<Texts>,
    pub reference: Option<&'a Reference>,
    /// Whether a line stands at zero, where bars begin.
    pub foot: bool,
    pub caption: String,
}

impl<R: Row> Rows<'_, R> {
    /// Height of the rows with their axis.
    pub fn height(&self) -> f64 {
        let panels = self.panels.iter();
        let heights = panels.map(|panel| heading_height(panel) + self.layout.tops(&panel.rows).1);
        let gaps = PANEL_GAP * (self.panels.len() - 1) as f64;
        self.head() + heights.sum::<f64>() + gaps + FOOT + self.below()
    }

    fn below(&self) -> f64 {
        match self.caption.is_empty() {
            true => HEIGHT_BELOW_UNLABELLED,
            false => HEIGHT_BELOW,
        }
    }

    fn head(&self) -> f64 {
        let label = self.reference.and_then(|line| line.label.as_deref());
        let needed = label.is_some() || self.texts.iter().any(|texts| !texts.head.is_empty());
        if needed { HEAD } else { 0.0 }
    }

    /// Where the data lie in `area`, right of the labels and left of the texts.
    pub fn data(&self, area: Area) -> Area {
        let labels = self.panels.iter().flat_map(|panel| &panel.rows);
        let lines = labels.flat_map(|row| self.layout.lines(row.label()));
        let widest = lines.map(|line| self.layout.category.width(&line));
        let texts = self.texts.iter().map(|texts| texts.width + LABEL_GAP);
        Area {
            left: area.left + widest.fold(0.0, f64::max) + LABEL_GAP,
            right: area.right - 12.0 - texts.sum::<f64>(),
            top: area.top + self.head(),
            bottom: area.bottom - self.below(),
        }
    }

    /// Draws the axis with `ticks`, its grid, labels and texts' heads, and each row by `draw`,
    /// which is given the row's place and the right edge of each column of texts.
    pub fn draw(
        &self,
        sheet: &Sheet<'_>,
        area: Area,
        axis: &Axis,
        ticks: &[(f64, String)],
        mut draw: impl FnMut(&R, Area, &[f64]) -> Result<()>,
    ) -> Result<()> {
        let data = self.data(area);
        axis.draw_scale(sheet, data, ticks, &self.caption)?;
        let rights = self.draw_heads(sheet, area, data, axis)?;
        let mut top = data.top;
        for panel in self.panels {
            let name = HEADING.shorten(&panel.name, area.width());
            let at = (area.left, top + HEADING.size);
            sheet.text(&name, at, Anchor::Start, HEADING)?;
            top += heading_height(panel);
            let (tops, height) = self.layout.tops(&panel.rows);
            // A grid of its own for each panel, so that no line runs through a heading.
            let upright = |value: f64, colour: Colour, width: f64| {
                let x = axis.place(value);
                sheet.line(&[(x, top - AIR), (x, top + height + AIR)], colour, width)
            };
            for (value, _) in ticks {
                upright(*value, theme::GRID, 0.8)?;
            }
            if self.foot {
                upright(0.0, theme::AXIS, 1.0)?;
            }
            if let Some(line) = self.reference {
                upright(line.x, theme::AXIS, 1.2)?;
            }
            for (row, below_heading) in panel.rows.iter().zip(tops) {
                let place = Area {
                    top: top + below_heading,
                    bottom: top + below_heading + self.layout.row,
                    ..data
                };
                self.draw_label(sheet, row.label(), place)?;
                draw(row, place, &rights)?;
            }
            top += height + PANEL_GAP;
        }
        Ok(())
    }

    fn draw_label(&self, sheet: &Sheet<'_>, label: &str, place: Area) -> Result<()> {
        let (lines, category) = (self.layout.lines(label), self.layout.category);
        let above = category.line_height() * (lines.len() - 1) as f64 / 2.0;
        let mut baseline = place.middle() + category.drop() - above;
        for line in lines {
            let at = (place.left - LABEL_GAP, baseline);
            sheet.text(&line, at, Anchor::End, category)?;
            baseline += category.line_height();
        }
        Ok(())
    }

    /// Draws the texts' heads and the reference's label, and returns each column's right edge.
    fn draw_heads(
        &self,
        sheet: &Sheet<'_>,
        area: Area,
        data: Area,
        axis: &Axis,
    ) -> Result<Vec<f64>> {
        let baseline = area.top + LEGEND_HEAD.size - 2.0;
        let mut right = data.right + 12.0;
        let mut rights = Vec::new();
        for texts in &self.texts {
            right += texts.width;
            sheet.text(&texts.head, (right, baseline), Anchor::End, LEGEND_HEAD)?;
            rights.push(right);
            right += LABEL_GAP;
        }
        if let Some(line) = self.reference {
            let label = line.label.as_deref().unwrap_or_default();
            let label = LEGEND_HEAD.shorten(label, data.width());
            let half = LEGEND_HEAD.width(&label) / 2.0;
            let x = axis
                .place(line.x)
                .clamp(data.left + half, data.right - half);
            sheet.text(&label, (x, baseline), Anchor::Middle, LEGEND_HEAD)?;
        }
        Ok(rights)
    }
}

fn heading_height<R>(panel: &Panel<R>) -> f64 {
    if panel.name.is_empty() {
        0.0
    } else {
        HEADING_HEIGHT
    }
}
