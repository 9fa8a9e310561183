//! `stacked`: horizontal bars of parts in percent, in groups, with the parts' names above.

use anyhow::Result;

use super::axis::Axis;
use super::channels::{Channel, Channels, Column, place_of};
use super::figure::Figure;
use super::frame::{Chart, Entry, Legend, Swatch, empty, frame, no_rows};
use super::rows::{Layout, Panel, Row, Rows, described, panel_named, row_of};
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

/// One bar: its label, its cluster, and `(part, percent)` in the order of the parts.
struct Bar {
    label: String,
    cluster: String,
    segments: Vec<(usize, f64)>,
}

struct Bars {
    /// Every part the figure orders, then those only the table knows: a part keeps its colour
    /// whether or not this trace has it.
    parts: Vec<String>,
    panels: Vec<Panel<Bar>>,
}

impl Bars {
    fn read(figure: &Figure, channels: &Channels<'_>) -> Result<Self> {
        let (bar, part) = (channels.required("bar")?, channels.required("part")?);
        let percent = channels.required("percent")?;
        let (panel, cluster) = (channels.optional("panel")?, channels.optional("cluster")?);
        let mut parts = figure.parts.order.clone();
        let mut panels: Vec<Panel<Bar>> = Vec::new();
        for row in 0..channels.len() {
            let label_of = |column: Option<Column<'_>>| match column {
                Some(column) => column.label(row),
                None => Ok(String::new()),
            };
            let bars = panel_named(&mut panels, label_of(panel)?);
            let (label, cluster) = (bar.label(row)?, label_of(cluster)?);
            let same = |bar: &Bar| bar.label == label && bar.cluster == cluster;
            let bar = row_of(bars, same, || Bar {
                label: label.clone(),
                cluster: cluster.clone(),
                segments: Vec::new(),
            });
            let part = place_of(&mut parts, &part.label(row)?);
            match percent.number(row)? {
                None => {}
                Some(share) if share < 0.0 => {
                    return Err(percent.wrong(row, &share.to_string(), "a percent of 0 or more"));
                }
                Some(share) => bar.segments.push((part, share)),
            }
        }
        for bar in panels.iter_mut().flat_map(|panel| &mut panel.rows) {
            bar.segments.sort_by_key(|(part, _)| *part);
        }
        Ok(Self { parts, panels })
    }

    fn all(&self) -> impl Iterator<Item = &Bar> {
        self.panels.iter().flat_map(|panel| &panel.rows)
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
        let groups = described(&self.panels, "Groups", "bars");
        format!(
            "Stacked bars, {} of them.{groups} Parts from left to right: {}.",
            self.all().count(),
            self.parts.join(", ")
        )
    }
}

impl Row for Bar {
    fn label(&self) -> &str {
        &self.label
    }

    fn cluster(&self) -> &str {
        &self.cluster
    }
}

impl Bar {
    fn end(&self) -> f64 {
        self.segments.iter().map(|(_, share)| share).sum()
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
    let rows = Rows {
        panels: &bars.panels,
        layout: Layout::new(bars.all().count(), 430.0, (14.0, 26.0)),
        texts: Vec::new(),
        reference: None,
        foot: false,
        caption: figure.x_caption(None),
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
        height: rows.height(),
        description: bars.description(),
        marks: String::new(),
        remarks: Vec::new(),
        draw: Box::new(|sheet, area| {
            let data = rows.data(area);
            let axis = Axis::linear(0.0..bars.longest(), (data.left, data.right));
            let percents = quarters(bars.longest());
            rows.draw(sheet, area, &axis, &percents, |bar, row, _| {
                draw_bar(sheet, bar, row, &axis, &rows.layout, &colours)
            })
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
fn quarters(longest: f64) -> Vec<(f64, String)> {
    let quarters = (0..).map(|quarter| f64::from(quarter) * 25.0);
    quarters
        .take_while(|percent| *percent <= longest)
        .map(|percent| (percent, format!("{percent:.0}%")))
        .collect()
}
