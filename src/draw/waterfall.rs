//! `waterfall`: changes one after the other, each from where the one before it ended, and totals.

use anyhow::Result;

use super::channels::{Channel, Channels, Column};
use super::figure::Figure;
use super::frame::{Chart, Entry, Legend, Swatch, empty, frame, no_rows};
use super::lettering::Lettering;
use super::rows::{Layout, Panel, Row, Rows, described, panel_named};
use super::sheet::{Anchor, Area, Sheet};
use super::theme::{self, Colour};
use super::values::{Interval, NUMBER_GAP, Values, no_values, number_at, whisker_over};
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("label", "the label of a change"),
    Channel::required(
        "change",
        "by how much it goes up or down; of a total, how much it is",
    ),
    Channel::optional(
        "kind",
        "'total' for what stands on zero, anything else is a change",
    ),
    Channel::optional("low", "the lower end of the change's interval"),
    Channel::optional("high", "the upper end of the change's interval"),
    Channel::optional("panel", "a group of changes under one heading"),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Total,
    Gain,
    Loss,
}

impl Kind {
    fn colour(self) -> Colour {
        match self {
            Self::Total => theme::QUIET,
            Self::Gain => theme::group_colour(0),
            Self::Loss => theme::group_colour(1),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Gain => "gain",
            Self::Loss => "loss",
        }
    }
}

/// One bar, from where the one before it ended to where it ends.
struct Step {
    label: String,
    change: Option<f64>,
    kind: Kind,
    from: f64,
    to: f64,
    interval: Option<(f64, f64)>,
}

impl Step {
    /// Where it begins and ends, with its interval; a total's beginning is the axis'.
    fn ends(&self) -> impl Iterator<Item = f64> {
        let from = (self.kind != Kind::Total).then_some(self.from);
        let interval = self.interval.map(|(low, high)| [low, high]);
        let ends = interval.into_iter().flatten().chain(from);
        ends.chain([self.to])
    }
}

impl Row for Step {
    fn label(&self) -> &str {
        &self.label
    }
}

fn read(channels: &Channels<'_>) -> Result<Vec<Panel<Step>>> {
    let (label, change) = (channels.required("label")?, channels.required("change")?);
    let (kind, panel) = (channels.optional("kind")?, channels.optional("panel")?);
    let interval = Interval::named(channels, "low", "high")?;
    let mut panels: Vec<Panel<Step>> = Vec::new();
    for row in 0..channels.len() {
        let label_of = |column: Option<Column<'_>>| match column {
            Some(column) => column.label(row),
            None => Ok(String::new()),
        };
        let steps = panel_named(&mut panels, label_of(panel)?);
        let before = steps.last().map_or(0.0, |step| step.to);
        let total = label_of(kind)? == "total";
        // A total without a number is what the changes before it come to.
        let change = match (change.number(row)?, total) {
            (None, true) => Some(before),
            (change, _) => change,
        };
        let from = if total { 0.0 } else { before };
        let ends = match &interval {
            Some(interval) => interval.ends(row)?,
            None => None,
        };
        steps.push(Step {
            label: label.label(row)?,
            change,
            kind: match change {
                _ if total => Kind::Total,
                Some(change) if change < 0.0 => Kind::Loss,
                _ => Kind::Gain,
            },
            from,
            to: from + change.unwrap_or(0.0),
            interval: ends.map(|(low, high)| (from + low, from + high)),
        });
    }
    Ok(panels)
}

/// Where the axis begins: at zero, unless all that changes lies so far from it that it could not be seen.
fn start(ends: &[f64]) -> f64 {
    let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match low > 0.7 * high && low < high {
        true => low - 0.2 * (high - low),
        false => 0.0,
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let panels = read(&channels)?;
    let steps = || panels.iter().flat_map(|panel| &panel.rows);
    let ends: Vec<f64> = steps().flat_map(Step::ends).collect();
    let start = start(&ends);
    let change = channels.required("change")?;
    let any = (0..channels.len()).try_fold(false, |any, row| {
        change.number(row).map(|number| any || number.is_some())
    })?;
    let values = Values::new(figure, ends.into_iter().chain([start]));
    let Some(values) = values.filter(|_| any) else {
        return empty(figure, table, &no_values(figure, &change, false));
    };
    let caption = values.caption(figure);
    let rows = Rows {
        panels: &panels,
        layout: Layout::new(steps().count(), 430.0, (15.0, 28.0)),
        texts: Vec::new(),
        reference: None,
        foot: true,
        caption: caption.clone(),
    };
    let number = rows.layout.number;
    let widths = steps().map(|step| number.width(&text(step, &values)));
    let room = widths.fold(0.0, f64::max) + NUMBER_GAP + 4.0;
    let whiskers = Interval::named(&channels, "low", "high")?;
    let chart = Chart {
        legend: legend(&panels),
        height: rows.height(),
        description: description(&panels, &values, &caption),
        marks: whiskers.map_or(String::new(), |interval| {
            format!("Whiskers: {} of each change.", interval.name())
        }),
        remarks: Vec::from_iter(
            (start > 0.0).then(|| "The axis does not begin at zero: totals are cut.".to_owned()),
        ),
        draw: Box::new(|sheet, area| {
            let axis = values.axis(rows.data(area), (0.0, room));
            let place = |value: f64| values.place(&axis, value);
            let gap = rows.layout.gap;
            rows.draw(sheet, area, &axis, &axis.ticks(), |step: &Step, area, _| {
                draw_step(sheet, step, area, &values, number, place)?;
                if start > 0.0 && step.kind == Kind::Total {
                    draw_cut(sheet, area)?;
                }
                // What comes before the first bar of a panel has no connector.
                let follows = panels.iter().any(|panel| {
                    let mut before = panel.rows.iter().skip(1);
                    step.kind != Kind::Total && before.any(|other| std::ptr::eq(other, step))
                });
                match follows {
                    true => {
                        let x = place(step.from);
                        let connector = [(x, area.top - gap), (x, area.top)];
                        sheet.line(&connector, theme::AXIS, 1.0)
                    }
                    false => Ok(()),
                }
            })
        }),
    };
    frame(figure, table, chart)
}

fn draw_step(
    sheet: &Sheet<'_>,
    step: &Step,
    area: Area,
    values: &Values<'_>,
    number: Lettering,
    place: impl Fn(f64) -> f64,
) -> Result<()> {
    let (from, to) = (place(step.from), place(step.to));
    let body = Area {
        left: from.min(to),
        right: from.max(to),
        ..area
    };
    let mut right = body.right;
    match step.change {
        None => {}
        // A change of nothing, or of next to nothing, is a line.
        Some(_) if body.width() < 1.0 => {
            let ends = [(to, area.top), (to, area.bottom)];
            let colour = match step.from == step.to {
                true => theme::AXIS,
                false => step.kind.colour(),
            };
            sheet.line(&ends, colour, 1.6)?;
        }
        Some(_) => sheet.fill(body, step.kind.colour())?,
    }
    if let Some((low, high)) = step.interval {
        let ends = (place(low), place(high));
        whisker_over(sheet, ends, area.middle(), 4.0)?;
        right = right.max(ends.1);
    }
    let at = (right + NUMBER_GAP, area.middle());
    number_at(sheet, &text(step, values), at, Anchor::Start, number)
}

/// Draws the slits of a bar that does not begin where the axis does.
fn draw_cut(sheet: &Sheet<'_>, area: Area) -> Result<()> {
    for left in [10.0, 16.0] {
        let low = (area.left + left, area.bottom);
        let high = (area.left + left + 5.0, area.top);
        sheet.line(&[low, high], theme::PAPER, 2.4)?;
    }
    Ok(())
}

/// A total as it is, a change with its sign.
fn text(step: &Step, values: &Values<'_>) -> String {
    match (step.change, step.kind) {
        (None, _) => "no data".to_owned(),
        (Some(change), Kind::Gain) if change > 0.0 => format!("+{}", values.text(change)),
        (Some(change), _) => values.text(change),
    }
}

fn legend(panels: &[Panel<Step>]) -> Legend {
    let there = |kind: &Kind| {
        let steps = panels.iter().flat_map(|panel| &panel.rows);
        steps
            .filter(|step| step.change.is_some_and(|change| change != 0.0))
            .any(|step| step.kind == *kind)
    };
    let kinds = [Kind::Total, Kind::Loss, Kind::Gain]
        .into_iter()
        .filter(there);
    let entries = kinds.map(|kind| Entry {
        swatch: Swatch::Patch {
            fill: kind.colour(),
            edge: None,
        },
        label: kind.name().to_owned(),
        cells: Vec::new(),
    });
    Legend {
        heads: Vec::new(),
        entries: entries.collect(),
    }
}

fn description(panels: &[Panel<Step>], values: &Values<'_>, caption: &str) -> String {
    let steps = panels.iter().flat_map(|panel| &panel.rows);
    let told: Vec<String> = steps
        .map(|step| format!("“{}” {}", step.label, text(step, values)))
        .collect();
    format!(
        "Waterfall along {caption}.{} From top to bottom: {}.",
        described(panels, "Panels", "steps"),
        told.join("; ")
    )
}
