//! `ecdf`: cumulative distribution as steps, one line a group, its n and percentiles in the key.

use anyhow::Result;

use super::axis::HEIGHT_BELOW;
use super::channels::{Channel, Channels, label_of, number_of, place_of};
use super::figure::{AxisScale, Figure};
use super::frame::{Chart, Entry, Legend, Swatch, empty, frame, no_rows};
use super::plane::{ABOVE, ABOVE_UNLABELLED, Captions, Plane, Span, no_values};
use super::sheet::Area;
use super::template::{grouped, significant};
use super::theme;
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("x", "the value"),
    Channel::required("y", "the share of values up to it, 0 to 1"),
    Channel::optional("group", "one line each"),
    Channel::optional("n", "values of the group"),
    Channel::optional("p50", "median of the group"),
    Channel::optional("p99", "99th percentile of the group"),
];

const PLOT: f64 = 340.0;
/// Steps closer than this many pixels along x are drawn as one upright: nothing is seen of them.
const STEP: f64 = 0.4;

/// One group's line.
#[derive(Default)]
struct Line {
    points: Vec<(f64, f64)>,
    n: Option<f64>,
    p50: Option<f64>,
    p99: Option<f64>,
}

struct Lines {
    names: Vec<String>,
    lines: Vec<Line>,
}

impl Lines {
    fn read(channels: &Channels<'_>) -> Result<Self> {
        let (x, y) = (channels.required("x")?, channels.required("y")?);
        let group = channels.optional("group")?;
        let (n, p50, p99) = (
            channels.optional("n")?,
            channels.optional("p50")?,
            channels.optional("p99")?,
        );
        let (mut names, mut lines) = (Vec::new(), Vec::<Line>::new());
        for row in 0..channels.len() {
            let place = place_of(&mut names, &label_of(group, row)?);
            if place == lines.len() {
                lines.push(Line {
                    points: Vec::new(),
                    n: number_of(n, row)?,
                    p50: number_of(p50, row)?,
                    p99: number_of(p99, row)?,
                });
            }
            let (Some(value), Some(share)) = (x.number(row)?, y.number(row)?) else {
                continue;
            };
            if !(0.0..=1.0 + 1e-9).contains(&share) {
                return Err(y.wrong(row, &share.to_string(), "a share between 0 and 1"));
            }
            lines[place].points.push((value, share));
        }
        for line in &mut lines {
            line.points
                .sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1)));
        }
        Ok(Self { names, lines })
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points.map(|(value, _)| *value)
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let lines = Lines::read(&channels)?;
    let log = figure.x_scale == AxisScale::Log;
    let unit = figure.units.x.as_deref();
    let Some(span) = Span::of(lines.values(), figure.x_scale, unit) else {
        let column = channels.required("x")?;
        let why = no_values(column.name(), lines.values().next().is_some());
        return empty(figure, table, &why);
    };
    let mut remarks = Vec::new();
    if log && lines.values().any(|value| value <= 0.0) {
        remarks.push(
            "Values of 0 or less lie left of the logarithmic axis: a line enters at their share."
                .to_owned(),
        );
    }
    if lines
        .lines
        .iter()
        .any(|line| line.p50.is_some() || line.p99.is_some())
    {
        let which = match (channels.optional("p50")?, channels.optional("p99")?) {
            (Some(_), Some(_)) => "p50 and p99",
            (Some(_), None) => "p50",
            _ => "p99",
        };
        remarks.push(format!("Dots: {which} of each line."));
    }

    let y_label = figure.y_label.clone().unwrap_or_default();
    let above = match y_label.is_empty() {
        true => ABOVE_UNLABELLED,
        false => ABOVE,
    };
    let caption = span.caption(figure.x_label.as_deref());
    let chart = Chart {
        legend: legend(&lines, &span),
        height: above + PLOT + HEIGHT_BELOW,
        description: description(&lines, &caption),
        marks: String::new(),
        remarks,
        draw: Box::new(|sheet, area| {
            let data = Area {
                left: area.left + Plane::room_for_shares(),
                right: area.right - 6.0,
                top: area.top + above,
                bottom: area.top + above + PLOT,
            };
            let plane = Plane::of_shares(data, &span);
            let captions = Captions {
                x: Some(&caption),
                y: &y_label,
                y_ticks: true,
                left: area.left,
            };
            plane.draw(sheet, &captions)?;
            for (index, line) in lines.lines.iter().enumerate() {
                let steps = steps(line, &plane);
                if !steps.is_empty() {
                    sheet.line(&steps, theme::group_colour(index), stroke(index))?;
                }
            }
            for (index, line) in lines.lines.iter().enumerate() {
                for (value, share) in [(line.p50, 0.5), (line.p99, 0.99)] {
                    if let Some(value) = value.filter(|value| !log || *value > 0.0) {
                        sheet.dot(plane.at((value, share)), 3.6, theme::group_colour(index))?;
                    }
                }
            }
            Ok(())
        }),
    };
    frame(figure, table, chart)
}

/// Where colours come round again, a thinner line tells the groups apart.
fn stroke(index: usize) -> f64 {
    if theme::colour_repeats(index) {
        1.0
    } else {
        2.0
    }
}

/// The corners of a line's steps, from 0 at its least value to its last share at its greatest.
/// Values off the axis count where it begins.
fn steps(line: &Line, plane: &Plane) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for point in &line.points {
        let (x, y) = plane.at(*point);
        match corners.last().copied() {
            None => corners.extend([(x, plane.data.bottom), (x, y)]),
            // Still on the same upright: only its top moves.
            Some((upright, _)) if x - upright < STEP => {
                if let Some(top) = corners.last_mut() {
                    top.1 = y;
                }
            }
            Some((_, before)) => corners.extend([(x, before), (x, y)]),
        }
    }
    corners
}

fn legend(lines: &Lines, span: &Span) -> Legend {
    let with_unit = |name: &str| span.caption(Some(name));
    let has = |of: fn(&Line) -> Option<f64>| lines.lines.iter().any(|line| of(line).is_some());
    let (has_n, has_p50, has_p99) = (has(|l| l.n), has(|l| l.p50), has(|l| l.p99));
    let columns = [
        (has_n, "n".to_owned()),
        (has_p50, with_unit("p50")),
        (has_p99, with_unit("p99")),
    ];
    let heads: Vec<String> = columns
        .into_iter()
        .filter_map(|(there, head)| there.then_some(head))
        .collect();
    if heads.is_empty() && lines.names == [""] {
        return Legend::default();
    }
    let entries = lines.names.iter().zip(&lines.lines).enumerate();
    let entries = entries.map(|(index, (name, line))| {
        let whole = |value: f64| grouped(&format!("{value:.0}"));
        let short = |value: f64| grouped(&significant(value / span.per_shown, 3));
        let cell = |there: bool, value: Option<String>| {
            there.then(|| value.unwrap_or_else(|| "–".to_owned()))
        };
        Entry {
            swatch: Swatch::Line {
                colour: theme::group_colour(index),
                width: stroke(index).max(1.0) * 1.25,
            },
            label: if name.is_empty() { "all" } else { name }.to_owned(),
            cells: [
                cell(has_n, line.n.map(whole)),
                cell(has_p50, line.p50.map(short)),
                cell(has_p99, line.p99.map(short)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    });
    Legend {
        entries: entries.collect(),
        heads,
    }
}

fn description(lines: &Lines, caption: &str) -> String {
    let groups: Vec<String> = lines
        .names
        .iter()
        .zip(&lines.lines)
        .map(|(name, line)| match line.n {
            Some(n) => format!("{name} (n = {n})"),
            None => name.clone(),
        })
        .collect();
    format!(
        "Cumulative distribution. Along x: {caption}. Lines: {}.",
        groups.join(", ")
    )
}
