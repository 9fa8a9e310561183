//! `line`: values along a numeric axis, one line a group, with gaps and bands, panels under one another.

use anyhow::Result;

use super::axis::HEIGHT_BELOW;
use super::channels::{Channel, Channels, label_of, number_of, place_of};
use super::ends::Ends;
use super::figure::Figure;
use super::frame::{Chart, Entry, Legend, Swatch, empty, frame, no_rows};
use super::panels::say;
use super::plane::{ABOVE, ABOVE_UNLABELLED, Captions, Plane, Span, no_values};
use super::series::{self, CORNERS, Place, Style};
use super::sheet::{Area, Sheet};
use super::template::grouped;
use super::theme;
use super::values::Interval;
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("x", "the number along the axis"),
    Channel::required("y", "the number on the line; null breaks it"),
    Channel::optional("group", "one line each"),
    Channel::optional("panel", "a chart of its own under the others, its caption"),
    Channel::optional("low", "where the band about the line begins"),
    Channel::optional("high", "where the band about the line ends"),
    Channel::optional("n", "values behind the group"),
];

const GAP: f64 = 14.0;
/// Lines of no more points than this carry a mark on each, if the figure has few in all.
const MARKED: usize = 40;
const MARKED_IN_ALL: usize = 300;

struct Point {
    x: f64,
    y: Option<f64>,
    band: Option<(f64, f64)>,
}

/// One group's line in one panel.
#[derive(Default)]
struct Line {
    points: Vec<Point>,
    n: Option<f64>,
}

struct Lines {
    panels: Vec<String>,
    groups: Vec<String>,
    /// `lines[panel][group]`
    lines: Vec<Vec<Line>>,
    /// Rows that have no x.
    placeless: usize,
}

impl Lines {
    fn read(channels: &Channels<'_>) -> Result<Self> {
        let (x, y) = (channels.required("x")?, channels.required("y")?);
        let (group, panel) = (channels.optional("group")?, channels.optional("panel")?);
        let (low, high) = (channels.optional("low")?, channels.optional("high")?);
        let n = channels.optional("n")?;
        let mut lines: Vec<Vec<Line>> = Vec::new();
        let (mut panels, mut groups, mut placeless) = (Vec::new(), Vec::new(), 0);
        for row in 0..channels.len() {
            let panel = place_of(&mut panels, &label_of(panel, row)?);
            let group = place_of(&mut groups, &label_of(group, row)?);
            lines.resize_with(panels.len(), Vec::new);
            if lines[panel].len() <= group {
                lines[panel].resize_with(group + 1, Line::default);
            }
            let line = &mut lines[panel][group];
            line.n = line.n.or(number_of(n, row)?);
            let Some(x) = x.number(row)? else {
                placeless += 1;
                continue;
            };
            line.points.push(Point {
                x,
                y: y.number(row)?,
                band: number_of(low, row)?.zip(number_of(high, row)?),
            });
        }
        for panel in &mut lines {
            panel.resize_with(groups.len(), Line::default);
            for line in panel {
                line.points.sort_by(|one, other| one.x.total_cmp(&other.x));
            }
        }
        Ok(Self {
            panels,
            groups,
            lines,
            placeless,
        })
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.lines.iter().flatten().flat_map(|line| &line.points)
    }

    fn are_grouped(&self) -> bool {
        self.groups != [""]
    }

    /// What `n` says of a group: one number, or the least and the greatest of its panels.
    fn n(&self, group: usize) -> Option<String> {
        let all = || self.lines.iter().filter_map(|panel| panel[group].n);
        let text = |n: f64| grouped(&n.to_string());
        let (least, most) = (all().reduce(f64::min)?, all().reduce(f64::max)?);
        Some(match least == most {
            true => text(least),
            false => format!("{} to {}", text(least), text(most)),
        })
    }

    fn description(&self, caption: &str) -> String {
        let panels = match self.panels.as_slice() {
            [only] if only.is_empty() => String::new(),
            panels => format!(" Panels: {}.", panels.join(", ")),
        };
        let lines: Vec<String> = (0..self.groups.len())
            .map(|group| match self.n(group) {
                Some(n) => format!("{} (n = {n})", self.groups[group]),
                None => self.groups[group].clone(),
            })
            .collect();
        let lines = match self.are_grouped() {
            true => format!(" Lines: {}.", lines.join(", ")),
            false => String::new(),
        };
        format!("Line chart. Along x: {caption}.{panels}{lines}")
    }
}

fn values(lines: &[Line]) -> impl Iterator<Item = f64> {
    let points = lines.iter().flat_map(|line| &line.points);
    points.flat_map(|point| {
        let band = point.band.map(|(low, high)| [low, high]);
        point.y.into_iter().chain(band.into_iter().flatten())
    })
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let lines = Lines::read(&channels)?;
    let (x_column, y_column) = (channels.required("x")?, channels.required("y")?);
    let xs = || lines.points().map(|point| point.x);
    let Some(x) = Span::of(xs(), figure.x_scale, figure.units.x.as_deref()) else {
        let why = no_values(x_column.name(), xs().next().is_some());
        return empty(figure, table, &why);
    };
    let y_unit = figure.units.y.as_deref();
    let spans: Vec<Option<Span>> = lines
        .lines
        .iter()
        .map(|panel| Some(Span::of(values(panel), figure.y_scale, y_unit)?.with_air(0.05)))
        .collect();
    let any = |panel: &[Line]| values(panel).next().is_some();
    let why_not = |any: bool| no_values(y_column.name(), any);
    if spans.iter().all(Option::is_none) {
        let any = lines.lines.iter().any(|panel| any(panel));
        return empty(figure, table, &why_not(any));
    }

    let named = lines.panels != [""];
    let captions: Vec<String> = lines
        .panels
        .iter()
        .zip(&spans)
        .map(|(panel, span)| {
            let label = match named {
                true => Some(panel.as_str()),
                false => figure.y_label.as_deref(),
            };
            match span {
                Some(span) => span.caption(label),
                None => label.unwrap_or_default().to_owned(),
            }
        })
        .collect();
    let above = match captions.iter().all(String::is_empty) {
        true => ABOVE_UNLABELLED,
        false => ABOVE,
    };
    let height = match lines.panels.len() {
        1 => 340.0,
        count => (560.0 / count as f64).clamp(84.0, 190.0).round(),
    };
    let count = lines.panels.len() as f64;
    let rooms = spans
        .iter()
        .flatten()
        .map(|span| Plane::room_left(span, height));
    let indent = rooms.fold(0.0, f64::max);

    let labels: Vec<String> = (0..lines.groups.len())
        .map(|group| match lines.n(group) {
            Some(n) => format!("{} (n = {n})", lines.groups[group]),
            None => lines.groups[group].clone(),
        })
        .collect();
    let ends = Ends::new(&labels, height, &last_places(&lines, &x));
    let ends = ends.filter(|_| lines.are_grouped());
    let legend = match ends {
        Some(_) => Legend::default(),
        None => legend(&lines),
    };
    let caption = x.caption(figure.x_label.as_deref());
    let chart = Chart {
        legend,
        height: count * (above + height) + (count - 1.0) * GAP + HEIGHT_BELOW,
        description: lines.description(&caption),
        marks: marks(&channels)?,
        remarks: remarks(&lines, &channels, &x, &spans)?,
        draw: Box::new(|sheet, area| {
            let room = ends.as_ref().map_or(6.0, Ends::room);
            let mut top = area.top;
            for (index, panel) in lines.lines.iter().enumerate() {
                let data = Area {
                    left: area.left + indent,
                    right: area.right - room,
                    top: top + above,
                    bottom: top + above + height,
                };
                top = data.bottom + GAP;
                let last = index + 1 == lines.lines.len();
                let placed = spans[index].as_ref();
                let plane = Plane::new(data, &x, placed.unwrap_or(&x));
                let captions = Captions {
                    x: last.then_some(caption.as_str()),
                    y: &captions[index],
                    y_ticks: placed.is_some(),
                    left: area.left,
                };
                let Some(y) = placed else {
                    plane.draw_across(sheet, &captions)?;
                    say(sheet, data, &why_not(any(panel)))?;
                    continue;
                };
                plane.draw(sheet, &captions)?;
                draw_lines(sheet, &lines, panel, (&x, y), &plane)?;
                if let Some(ends) = &ends {
                    let places = panel.iter().map(|line| last_point(line, &x, y));
                    let places = places.map(|point| Some(plane.at(point?)));
                    ends.draw(sheet, data, &places.collect::<Vec<_>>())?;
                }
            }
            Ok(())
        }),
    };
    frame(figure, table, chart)
}

fn last_point(line: &Line, x: &Span, y: &Span) -> Option<Place> {
    let placed = |point: &&Point| x.holds(point.x) && point.y.is_some_and(|value| y.holds(value));
    let point = line.points.iter().rev().find(placed)?;
    Some((point.x, point.y?))
}

/// How far along the axis each line ends, from 0 to 1.
fn last_places(lines: &Lines, x: &Span) -> Vec<Vec<Option<f64>>> {
    let axis = x.axis((0.0, 1000.0));
    let panels = lines.lines.iter().map(|panel| {
        let ends = panel.iter().map(|line| {
            let point = line.points.iter().rev().find(|point| point.y.is_some())?;
            Some(axis.place(point.x / x.per_shown) / 1000.0)
        });
        ends.collect()
    });
    panels.collect()
}

/// Bands first, then lines, then marks: nothing hides behind a band.
fn draw_lines(
    sheet: &Sheet<'_>,
    lines: &Lines,
    panel: &[Line],
    (x, y): (&Span, &Span),
    plane: &Plane,
) -> Result<()> {
    let column = column(lines);
    for (group, line) in panel.iter().enumerate() {
        let whole = |point: &&Point| point.band.is_some_and(|(low, high)| low <= high);
        let runs = line
            .points
            .chunk_by(|one, other| whole(&one) && whole(&other));
        for run in runs.filter(|run| run.len() > 1 && x.holds(run[0].x)) {
            let edge = |of: fn((f64, f64)) -> f64| -> Vec<Place> {
                let bands = run
                    .iter()
                    .filter_map(|point| Some((point.x, of(point.band?))));
                let places = bands.map(|point| plane.at(point)).collect::<Vec<_>>();
                series::thinned(&places, column)
            };
            let mut corners = edge(|(low, _)| low);
            corners.extend(edge(|(_, high)| high).into_iter().rev());
            series::veil(sheet, &corners, theme::group_colour(group), 0.18)?;
        }
    }
    let many = lines.points().count() > MARKED_IN_ALL;
    for (group, line) in panel.iter().enumerate() {
        let style = Style::of(group);
        let (mut alone, mut all) = (Vec::new(), Vec::new());
        for run in runs(line, x, y, plane, column) {
            match run.as_slice() {
                [only] => alone.push(*only),
                run => series::stroke(sheet, &series::thinned(run, column), style, 1.8)?,
            }
            all.extend(run);
        }
        if !many && line.points.len() <= MARKED {
            series::marks(sheet, &all, style, 3.2)?;
        } else {
            series::dots(sheet, &series::thinned(&alone, column), style.colour, 1.6)?;
        }
    }
    Ok(())
}

/// The stretches of a line between its gaps. Where a great many points are thinned, a gap that is
/// narrower than a column of the picture cannot be seen, and does not count.
fn runs(line: &Line, x: &Span, y: &Span, plane: &Plane, column: f64) -> Vec<Vec<Place>> {
    let mut runs: Vec<Vec<Place>> = Vec::new();
    let (mut broken, mut last) = (true, f64::NEG_INFINITY);
    for point in line.points.iter().filter(|point| x.holds(point.x)) {
        let Some(value) = point.y.filter(|value| y.holds(*value)) else {
            broken = true;
            continue;
        };
        let place = plane.at((point.x, value));
        let seen = line.points.len() <= CORNERS / 10 || place.0 - last >= column;
        match runs.last_mut() {
            Some(run) if !(broken && seen) => run.push(place),
            _ => runs.push(vec![place]),
        }
        (broken, last) = (false, place.0);
    }
    runs
}

/// Width of the columns within which lines are thinned; with few points, nothing is.
fn column(lines: &Lines) -> f64 {
    let points = lines.points().count();
    if points <= CORNERS {
        return 0.05;
    }
    // Four corners a column, for each line and each edge of its band.
    let drawn = lines.lines.iter().flatten();
    let drawn = drawn.filter(|line| !line.points.is_empty()).count();
    let banded = lines.points().any(|point| point.band.is_some());
    let edges = drawn * if banded { 3 } else { 1 };
    (theme::WIDTH * 4.0 * edges as f64 / CORNERS as f64).max(0.5)
}

fn legend(lines: &Lines) -> Legend {
    if !lines.are_grouped() {
        return Legend::default();
    }
    let counts: Vec<Option<String>> = (0..lines.groups.len())
        .map(|group| lines.n(group))
        .collect();
    let counted = counts.iter().any(Option::is_some);
    let entries = lines.groups.iter().zip(counts).enumerate();
    let entries = entries.map(|(index, (label, n))| Entry {
        swatch: Swatch::Stroke(Style::of(index)),
        label: label.clone(),
        cells: match counted {
            true => vec![n.unwrap_or_else(|| "unknown".to_owned())],
            false => Vec::new(),
        },
    });
    Legend {
        heads: if counted {
            vec!["n".to_owned()]
        } else {
            Vec::new()
        },
        entries: entries.collect(),
    }
}

fn marks(channels: &Channels<'_>) -> Result<String> {
    let band = Interval::named(channels, "low", "high")?;
    Ok(band.map_or(String::new(), |band| format!("Bands: {}.", band.name())))
}

fn remarks(
    lines: &Lines,
    channels: &Channels<'_>,
    x: &Span,
    spans: &[Option<Span>],
) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    if let (false, Some(n)) = (lines.are_grouped(), lines.n(0)) {
        remarks.push(format!("n = {n}."));
    }
    if lines.points().any(|point| point.y.is_none()) {
        remarks.push("A line is broken where there is no value.".to_owned());
    }
    if lines.placeless > 0 {
        let name = channels.required("x")?;
        let rows = grouped(&lines.placeless.to_string());
        remarks.push(format!("Not drawn: {rows} rows without “{}”.", name.name()));
    }
    let off = |panel: &[Line], y: &Option<Span>| {
        let points = panel.iter().flat_map(|line| &line.points);
        let held = |value: f64| y.as_ref().is_none_or(|y| y.holds(value));
        points
            .filter(|point| !x.holds(point.x) || point.y.is_some_and(|value| !held(value)))
            .count()
    };
    let off = lines
        .lines
        .iter()
        .zip(spans)
        .map(|(panel, y)| off(panel, y));
    let off: usize = off.sum();
    if off > 0 {
        let off = grouped(&off.to_string());
        remarks.push(format!(
            "Not drawn: {off} points of 0 or less, which a logarithmic axis cannot place."
        ));
    }
    if lines.points().count() > CORNERS {
        let all = grouped(&lines.points().count().to_string());
        remarks.push(format!(
            "{all} points: of those that share a column of the picture, the first, lowest, \
             highest and last of each line are drawn, and gaps narrower than it are not."
        ));
    }
    Ok(remarks)
}
