//! `timeline`: one lane an agent, requests as bars, tokens as marks, runs under one another.

use anyhow::Result;

use super::axis::{Axis, HEIGHT_BELOW, shown_unit};
use super::channels::{Channel, Channels, place_of};
use super::figure::Figure;
use super::frame::{Chart, Entry, Legend, Swatch, empty, frame, no_rows};
use super::lettering::{CATEGORY, HEADING};
use super::sheet::{Anchor, Area, Sheet};
use super::theme;
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("lane", "the agent of a mark"),
    Channel::required("kind", "'request', 'prompt' or 'token'"),
    Channel::required("start", "when a mark begins"),
    Channel::required("end", "when a request or prompt ends"),
    Channel::optional("panel", "the run of a mark"),
];

/// A request's share of colour before its first token, and after it.
const WAITING: f64 = 0.10;
const STREAMING: f64 = 0.32;
/// Width of a token's mark.
const MARK: f64 = 0.9;
/// Token marks in one figure beyond which neighbours are drawn as one: about 600 KB of SVG.
const MARK_BUDGET: usize = 14_000;
/// Longest panel label that stands beside its lanes; longer ones stand above them.
const BESIDE: f64 = 92.0;
const LABEL_ROOM: f64 = 200.0;
const LABEL_GAP: f64 = 12.0;

/// What one agent did in one run.
#[derive(Clone, Default)]
struct Lane {
    /// Start and end; what was cut off has no end, and lasts as long as its lane shows signs.
    requests: Vec<(f64, Option<f64>)>,
    prompts: Vec<(f64, Option<f64>)>,
    tokens: Vec<f64>,
}

impl Lane {
    fn last_sign(&self) -> f64 {
        let bars = self.requests.iter().chain(&self.prompts);
        let ends = bars.map(|(start, end)| end.unwrap_or(*start));
        let tokens = self.tokens.iter().copied();
        ends.chain(tokens).fold(f64::NEG_INFINITY, f64::max)
    }

    fn first_sign(&self) -> f64 {
        let bars = self.requests.iter().chain(&self.prompts);
        let starts = bars.map(|(start, _)| *start);
        let tokens = self.tokens.iter().copied();
        starts.chain(tokens).fold(f64::INFINITY, f64::min)
    }
}

/// Every lane of every panel: `lanes[panel][lane]`.
struct Marks {
    panels: Vec<String>,
    names: Vec<String>,
    lanes: Vec<Vec<Lane>>,
}

impl Marks {
    fn read(channels: &Channels<'_>) -> Result<Self> {
        let panel = channels.optional("panel")?;
        let lane = channels.required("lane")?;
        let kind = channels.required("kind")?;
        let (start, end) = (channels.required("start")?, channels.required("end")?);
        let (mut panels, mut names) = (Vec::new(), Vec::new());
        let mut lanes: Vec<Vec<Lane>> = Vec::new();
        for row in 0..channels.len() {
            let panel = match panel {
                Some(column) => column.label(row)?,
                None => String::new(),
            };
            let panel = place_of(&mut panels, &panel);
            let place = place_of(&mut names, &lane.label(row)?);
            lanes.resize(panels.len(), Vec::new());
            if lanes[panel].len() < names.len() {
                lanes[panel].resize(names.len(), Lane::default());
            }
            let lane = &mut lanes[panel][place];
            let Some(start) = start.number(row)? else {
                return Err(start.wrong(row, "null", "a time"));
            };
            match (kind.label(row)?.as_str(), end.number(row)?) {
                ("request", end) => lane.requests.push((start, end)),
                ("prompt", end) => lane.prompts.push((start, end)),
                ("token", _) => lane.tokens.push(start),
                (other, _) => {
                    let found = format!("`{other}`");
                    return Err(kind.wrong(row, &found, "'request', 'prompt' or 'token'"));
                }
            }
        }
        for panel in &mut lanes {
            panel.resize(names.len(), Lane::default());
            for lane in panel {
                lane.tokens.sort_by(f64::total_cmp);
            }
        }
        Ok(Self {
            panels,
            names,
            lanes,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().flatten()
    }

    fn description(&self, unit: &str) -> String {
        let requests: usize = self.all().map(|lane| lane.requests.len()).sum();
        let tokens: usize = self.all().map(|lane| lane.tokens.len()).sum();
        let panels = match self.panels.as_slice() {
            [only] if only.is_empty() => String::new(),
            panels => format!("Panels: {}. ", panels.join(", ")),
        };
        format!(
            "Timeline. {panels}Lanes: {}. {requests} requests as bars, {tokens} tokens as marks, \
             along time in {unit}.",
            self.names.join(", ")
        )
    }
}

/// Where panels and lanes go, down the sheet.
struct Layout {
    lane: f64,
    lane_gap: f64,
    panel_gap: f64,
    heading: f64,
    panel: f64,
}

impl Layout {
    fn new(panels: usize, lanes: usize, headings_above: bool) -> Self {
        let count = (panels * lanes) as f64;
        let lane = (330.0 / count).clamp(15.0, 30.0).round();
        let lane_gap = (lane * 0.22).round();
        let heading = if headings_above { 22.0 } else { 0.0 };
        Self {
            lane,
            lane_gap,
            panel_gap: if headings_above {
                8.0
            } else {
                2.0 * lane_gap + 6.0
            },
            heading,
            panel: heading + lanes as f64 * (lane + lane_gap) - lane_gap,
        }
    }

    fn height(&self, panels: usize) -> f64 {
        panels as f64 * (self.panel + self.panel_gap) + self.panel_gap
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let marks = Marks::read(&channels)?;

    let beside = marks.panels.iter().map(|panel| HEADING.width(panel));
    let beside = beside.fold(0.0, f64::max);
    let above = beside > BESIDE;
    let layout = Layout::new(marks.panels.len(), marks.names.len(), above);
    let names: Vec<String> = marks
        .names
        .iter()
        .map(|name| CATEGORY.shorten(name, LABEL_ROOM))
        .collect();
    let widest = names.iter().map(|name| CATEGORY.width(name));
    let mut indent = widest.fold(0.0, f64::max) + LABEL_GAP;
    if !above && beside > 0.0 {
        indent += beside + 18.0;
    }

    let from = marks.all().map(Lane::first_sign).fold(0.0, f64::min);
    let to = marks.all().map(Lane::last_sign).fold(from, f64::max);
    let unit = figure.units.x.as_deref();
    let (shown, per_shown) = shown_unit(unit.unwrap_or_default(), to - from);
    let caption = figure.x_caption(unit.map(|_| shown));
    let air = (to - from) * 0.008;
    let range = from / per_shown..(to + air) / per_shown;

    let chart = Chart {
        legend: legend(),
        height: layout.height(marks.panels.len()) + HEIGHT_BELOW,
        description: marks.description(if shown.is_empty() { "its unit" } else { shown }),
        marks: String::new(),
        remarks: Vec::new(),
        draw: Box::new(|sheet, area| {
            let data = Area {
                left: area.left + indent,
                right: area.right - 6.0,
                top: area.top,
                bottom: area.bottom - HEIGHT_BELOW,
            };
            let axis = Axis::linear(range, (data.left, data.right));
            axis.draw_below(sheet, data, &caption)?;
            let place = |time: f64| axis.place(time / per_shown);
            let gap = merge_gap(&marks, place);
            let mut top = data.top + layout.panel_gap;
            for (index, (panel, lanes)) in marks.panels.iter().zip(&marks.lanes).enumerate() {
                if index > 0 {
                    let y = top - layout.panel_gap / 2.0;
                    let ends = [(area.left, y), (data.right, y)];
                    sheet.line(&ends, theme::GRID, 0.8)?;
                }
                let lanes_top = top + layout.heading;
                let baseline = match above {
                    true => top + 15.0,
                    false => top + layout.panel / 2.0 + HEADING.drop(),
                };
                let panel = HEADING.shorten(panel, area.width());
                if above {
                    // The grid must not run through the heading's letters.
                    let behind = Area {
                        left: area.left,
                        top: top + 1.0,
                        right: area.left + HEADING.width(&panel) + 8.0,
                        bottom: lanes_top - 1.0,
                    };
                    sheet.fill(behind, theme::PAPER)?;
                }
                sheet.text(&panel, (area.left, baseline), Anchor::Start, HEADING)?;
                for (place_in_panel, (name, lane)) in names.iter().zip(lanes).enumerate() {
                    let top = lanes_top + place_in_panel as f64 * (layout.lane + layout.lane_gap);
                    let band = (top, top + layout.lane);
                    let baseline = top + layout.lane / 2.0 + CATEGORY.drop();
                    let at = (data.left - LABEL_GAP, baseline);
                    sheet.text(name, at, Anchor::End, CATEGORY)?;
                    draw_lane(sheet, lane, place_in_panel, band, gap, place)?;
                }
                top += layout.panel + layout.panel_gap;
            }
            Ok(())
        }),
    };
    frame(figure, table, chart)
}

/// The key is grey: hue says which agent, which the lanes say in words.
fn legend() -> Legend {
    let colour = theme::QUIET;
    let waiting = theme::tint(colour, WAITING);
    let streaming = theme::tint(colour, STREAMING);
    let entry = |swatch, label: &str| Entry {
        swatch,
        label: label.to_owned(),
        cells: Vec::new(),
    };
    Legend {
        heads: Vec::new(),
        entries: vec![
            entry(
                Swatch::Patch {
                    fill: waiting,
                    edge: Some(colour),
                },
                "request, waiting for its first token",
            ),
            entry(
                Swatch::Patch {
                    fill: streaming,
                    edge: Some(colour),
                },
                "request, streaming",
            ),
            entry(
                Swatch::Marks {
                    marks: colour,
                    ground: streaming,
                },
                "tokens, one mark each",
            ),
        ],
    }
}

fn draw_lane(
    sheet: &Sheet<'_>,
    lane: &Lane,
    index: usize,
    (top, bottom): (f64, f64),
    gap: f64,
    place: impl Fn(f64) -> f64,
) -> Result<()> {
    let colour = theme::group_colour(index);
    let last = lane.last_sign();
    let bar = |start: f64, end: f64| Area {
        left: place(start),
        right: place(end).max(place(start) + MARK),
        top,
        bottom,
    };
    for (start, end) in &lane.requests {
        let area = bar(*start, end.unwrap_or(last));
        sheet.fill(area, theme::tint(colour, STREAMING))?;
    }
    for (start, end) in &lane.prompts {
        let area = bar(*start, end.unwrap_or(last));
        sheet.fill(area, theme::tint(colour, WAITING))?;
    }
    let spans = stripes(&lane.tokens, gap, &place);
    sheet.stripes(&spans, (top, bottom), colour)?;
    for (start, end) in &lane.requests {
        let Area { left, right, .. } = bar(*start, end.unwrap_or(last));
        let mut edge = vec![(right, top), (left, top), (left, bottom), (right, bottom)];
        // A request that never ended stays open at its right.
        if end.is_some() {
            edge.extend([(right, top), (left, top)]);
        }
        sheet.line(&edge, colour, 0.8)?;
    }
    Ok(())
}

/// Left and right edge of each token's mark; marks that touch, or lie closer than `gap`, are one.
fn stripes(tokens: &[f64], gap: f64, place: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for token in tokens {
        let centre = place(*token);
        let (left, right) = (centre - MARK / 2.0, centre + MARK / 2.0);
        match spans.last_mut() {
            Some(last) if left <= last.1 + gap => last.1 = right,
            _ => spans.push((left, right)),
        }
    }
    spans
}

/// The gap under which neighbouring marks are drawn as one, so that the picture stays small. It
/// is zero, marks merging only where they touch, until there are many thousands of marks.
fn merge_gap(marks: &Marks, place: impl Fn(f64) -> f64 + Copy) -> f64 {
    let count = |gap: f64| -> usize {
        let lanes = marks.all();
        lanes
            .map(|lane| stripes(&lane.tokens, gap, place).len())
            .sum()
    };
    let mut gap = 0.0;
    while count(gap) > MARK_BUDGET && gap < 4.0 {
        gap += 0.4;
    }
    gap
}
