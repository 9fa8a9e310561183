//! `stacked`: horizontal bars of parts in percent, in groups, with the parts' names above.

use anyhow::Result;

use super::axis::{Axis, HEIGHT_BELOW, HEIGHT_BELOW_UNLABELLED};
use super::channels::{Channel, Channels, Column, place_of};
use super::figure::Figure;
use super::frame::{Chart, Entry, Legend, Swatch, empty, frame, no_rows};
use super::lettering::{AXIS_LABEL, CATEGORY, HEADING, Lettering, NOTE, TICK};
use super::sheet::{Anchor, Area, Sheet};
use super::theme::{self, Colour};
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("bar", "the label of a bar"),
    Channel::required("part", "the name of a part"),
    Channel::required("percent", "the part's share of its bar"),
    Channel::optional("panel", "a group of bars under one heading"),
    Channel::optional("cluster", "bars of one cluster stand closer together"),
];

/// Segments from this share on carry their percent.
const LABELLED_FROM: f64 = 4.0;
const LABEL_ROOM: f64 = 240.0;
const LABEL_GAP: f64 = 12.0;
const HEADING_HEIGHT: f64 = 25.0;
const PANEL_GAP: f64 = 20.0;
/// Air between the last bar and the axis.
const FOOT: f64 = 8.0;
/// How far the grid stands out over a panel's first and last bar.
const AIR: f64 = 4.0;

/// One bar: its label, its cluster, and `(part, percent)` in the order of the parts.
struct Bar {
    label: String,
    cluster: String,
    segments: Vec<(usize, f64)>,
}

struct Panel {
    name: String,
    bars: Vec<Bar>,
}

struct Bars {
    /// Every part the figure orders, then those only the table knows: a part keeps its colour
    /// whether or not this trace has it.
    parts: Vec<String>,
    panels: Vec<Panel>,
}

impl Bars {
    fn read(figure: &Figure, channels: &Channels<'_>) -> Result<Self> {
        let (bar, part) = (channels.required("bar")?, channels.required("part")?);
        let percent = channels.required("percent")?;
        let (panel, cluster) = (channels.optional("panel")?, channels.optional("cluster")?);
        let mut parts = figure.parts.order.clone();
        let mut panels: Vec<Panel> = Vec::new();
        for row in 0..channels.len() {
            let label_of = |column: Option<Column<'_>>| match column {
                Some(column) => column.label(row),
                None => Ok(String::new()),
            };
            let bars = panel_named(&mut panels, label_of(panel)?);
            let bar = bar_named(bars, bar.label(row)?, label_of(cluster)?);
            let part = place_of(&mut parts, &part.label(row)?);
            match percent.number(row)? {
                None => {}
                Some(share) if share < 0.0 => {
                    return Err(percent.wrong(row, &share.to_string(), "a percent of 0 or more"));
                }
                Some(share) => bar.segments.push((part, share)),
            }
        }
        for bar in panels.iter_mut().flat_map(|panel| &mut panel.bars) {
            bar.segments.sort_by_key(|(part, _)| *part);
        }
        Ok(Self { parts, panels })
    }

    fn all(&self) -> impl Iterator<Item = &Bar> {
        self.panels.iter().flat_map(|panel| &panel.bars)
    }

    /// 100, or where the fullest bar ends if that is further.
    fn longest(&self) -> f64 {
        let ends = self.all().map(Bar::end);
        // A rounded last digit is no reason to move the axis.
        ends.fold(
            100.0,
            |longest: f64, end| {
                if end > longest + 0.5 { end } else { longest }
            },
        )
    }

    fn description(&self) -> String {
        let named = self.panels.iter().filter(|panel| !panel.name.is_empty());
        let panels: Vec<String> = named
            .map(|panel| format!("{} ({} bars)", panel.name, panel.bars.len()))
            .collect();
        let groups = match panels.is_empty() {
            true => String::new(),
            false => format!(" Groups: {}.", panels.join(", ")),
        };
        format!(
            "Stacked bars, {} of them.{groups} Parts from left to right: {}.",
            self.all().count(),
            self.parts.join(", ")
        )
    }
}

impl Bar {
    fn end(&self) -> f64 {
        self.segments.iter().map(|(_, share)| share).sum()
    }
}

fn panel_named(panels: &mut Vec<Panel>, name: String) -> &mut Vec<Bar> {
    let known = panels.iter().position(|panel| panel.name == name);
    let place = known.unwrap_or(panels.len());
    if known.is_none() {
        panels.push(Panel {
            name,
            bars: Vec::new(),
        });
    }
    &mut panels[place].bars
}

fn bar_named(bars: &mut Vec<Bar>, label: String, cluster: String) -> &mut Bar {
    let same = |bar: &Bar| bar.label == label && bar.cluster == cluster;
    let known = bars.iter().position(same);
    let place = known.unwrap_or(bars.len());
    if known.is_none() {
        bars.push(Bar {
            label,
            cluster,
            segments: Vec::new(),
        });
    }
    &mut bars[place]
}

/// Sizes down the sheet; more bars are thinner bars.
struct Layout {
    bar: f64,
    bar_gap: f64,
    /// What a new cluster adds to the gap.
    cluster_gap: f64,
    category: Lettering,
    number: Lettering,
}

impl Layout {
    fn new(count: usize) -> Self {
        let bar = (430.0 / count.max(1) as f64).clamp(14.0, 26.0).round();
        let roomy = bar >= 17.0;
        Self {
            bar,
            bar_gap: (bar * 0.2).round().max(3.0),
            cluster_gap: (bar * 0.4).round(),
            category: CATEGORY.sized(if roomy { 13.0 } else { 12.0 }),
            number: NOTE.sized(if roomy { 12.0 } else { 11.0 }),
        }
    }

    /// The top of each bar below its panel's heading, and the height of them all.
    fn tops(&self, bars: &[Bar]) -> (Vec<f64>, f64) {
        let mut top = 0.0;
        let mut tops = Vec::with_capacity(bars.len());
        for (index, bar) in bars.iter().enumerate() {
            if index > 0 {
                top += self.bar_gap;
                if bars[index - 1].cluster != bar.cluster {
                    top += self.cluster_gap;
                }
            }
            tops.push(top);
            top += self.bar;
        }
        (tops, top)
    }
}

fn heading_height(panel: &Panel) -> f64 {
    if panel.name.is_empty() {
        0.0
    } else {
        HEADING_HEIGHT
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let bars = Bars::read(figure, &channels)?;
    let colours = theme::part_colours(&bars.parts, &figure.parts.strong);
    let layout = Layout::new(bars.all().count());
    let labels = bars.all().map(|bar| {
        let shown = layout.category.shorten(&bar.label, LABEL_ROOM);
        layout.category.width(&shown)
    });
    let indent = labels.fold(0.0, f64::max) + LABEL_GAP;

    let panels = bars.panels.iter();
    let heights = panels.map(|panel| heading_height(panel) + layout.tops(&panel.bars).1);
    let gaps = PANEL_GAP * (bars.panels.len() - 1) as f64;
    let caption = figure.x_caption(None);
    let below = match caption.is_empty() {
        true => HEIGHT_BELOW_UNLABELLED,
        false => HEIGHT_BELOW,
    };
    let entries = bars.parts.iter().zip(&colours).map(|(part, colour)| Entry {
        swatch: Swatch::Patch {
            fill: *colour,
            edge: None,
        },
        label: part.clone(),
        cells: Vec::new(),
    });
    let chart = Chart {
        legend: Legend {
            heads: Vec::new(),
            entries: entries.collect(),
        },
        height: heights.sum::<f64>() + gaps + FOOT + below,
        description: bars.description(),
        remarks: Vec::new(),
        draw: Box::new(|sheet, area| {
            let data = Area {
                left: area.left + indent,
                right: area.right - 12.0,
                top: area.top,
                bottom: area.bottom - below,
            };
            let axis = Axis::linear(0.0..bars.longest(), (data.left, data.right));
            draw_percents(sheet, &axis, data, quarters(bars.longest()), &caption)?;
            let mut top = data.top;
            for panel in &bars.panels {
                let name = HEADING.shorten(&panel.name, area.width());
                let at = (area.left, top + HEADING.size);
                sheet.text(&name, at, Anchor::Start, HEADING)?;
                top += heading_height(panel);
                let (tops, height) = layout.tops(&panel.bars);
                // A grid of its own for each panel, so that no line runs through a heading.
                for x in quarters(bars.longest()).map(|percent| axis.place(percent)) {
                    let ends = [(x, top - AIR), (x, top + height + AIR)];
                    sheet.line(&ends, theme::GRID, 0.8)?;
                }
                for (bar, below_heading) in panel.bars.iter().zip(tops) {
                    let row = Area {
                        top: top + below_heading,
                        bottom: top + below_heading + layout.bar,
                        ..data
                    };
                    draw_bar(sheet, bar, row, &axis, &layout, &colours)?;
                }
                top += height + PANEL_GAP;
            }
            Ok(())
        }),
    };
    frame(figure, table, chart)
}

fn draw_bar(
    sheet: &Sheet<'_>,
    bar: &Bar,
    row: Area,
    axis: &Axis,
    layout: &Layout,
    colours: &[Colour],
) -> Result<()> {
    let category = layout.category;
    let label = category.shorten(&bar.label, LABEL_ROOM);
    let at = (row.left - LABEL_GAP, row.middle() + category.drop());
    sheet.text(&label, at, Anchor::End, category)?;
    if bar.segments.is_empty() {
        let at = (row.left + 6.0, row.middle() + layout.number.drop());
        return sheet.text("no data", at, Anchor::Start, layout.number);
    }
    let mut start = 0.0;
    for (index, (part, share)) in bar.segments.iter().enumerate() {
        let segment = Area {
            left: axis.place(start),
            right: axis.place(start + share),
            ..row
        };
        start += share;
        sheet.fill(segment, colours[*part])?;
        // A hairline of paper parts neighbours that look alike in grey. A sliver would vanish
        // under it, and goes without.
        if index > 0 && segment.width() > 2.0 {
            let edge = [(segment.left, row.top), (segment.left, row.bottom)];
            sheet.line(&edge, theme::PAPER, 0.8)?;
        }
        let number = layout.number.coloured(theme::ink_on(colours[*part]));
        let text = format!("{share:.0}%");
        if *share >= LABELLED_FROM && number.width(&text) + 4.0 <= segment.width() {
            let middle = (segment.left + segment.right) / 2.0;
            let at = (middle, row.middle() + number.drop());
            sheet.text(&text, at, Anchor::Middle, number)?;
        }
    }
    Ok(())
}

/// 0, 25, 50, 75, 100, and on if a bar goes there.
fn quarters(longest: f64) -> impl Iterator<Item = f64> {
    let quarters = (0..).map(|quarter| f64::from(quarter) * 25.0);
    quarters.take_while(move |percent| *percent <= longest)
}

/// Draws the axis of percents under the bars.
fn draw_percents(
    sheet: &Sheet<'_>,
    axis: &Axis,
    data: Area,
    percents: impl Iterator<Item = f64>,
    caption: &str,
) -> Result<()> {
    let baseline = data.bottom + 18.0;
    for percent in percents {
        let x = axis.place(percent);
        sheet.line(
            &[(x, data.bottom), (x, data.bottom + 4.0)],
            theme::AXIS,
            0.8,
        )?;
        let text = format!("{percent:.0}%");
        sheet.text(&text, (x, baseline), Anchor::Middle, TICK)?;
    }
    let ends = [(data.left, data.bottom), (data.right, data.bottom)];
    sheet.line(&ends, theme::AXIS, 0.8)?;
    let caption = AXIS_LABEL.shorten(caption, data.width());
    let middle = (data.left + data.right) / 2.0;
    let place = (middle, baseline + 22.0);
    sheet.text(&caption, place, Anchor::Middle, AXIS_LABEL)
}
