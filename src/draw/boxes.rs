//! `box`: every value of a group as a dot, spread so that density shows, with quartiles as a box.

use anyhow::Result;

use super::channels::{Channel, Channels, Column};
use super::figure::Figure;
use super::frame::{Chart, Legend, area, empty, frame, no_rows};
use super::rows::{Layout, Panel, Row, Rows, Texts, described, panel_named, row_of};
use super::sheet::{Anchor, Area, Sheet};
use super::template::grouped;
use super::theme;
use super::values::{Interval, Values, no_values};
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("group", "the label of a row"),
    Channel::required("value", "one value, drawn as a dot"),
    Channel::optional(
        "low",
        "where the box begins, the same for all rows of a group",
    ),
    Channel::optional("middle", "the line in the box"),
    Channel::optional("high", "where the box ends"),
    Channel::optional("n", "how many values the group has"),
    Channel::optional("panel", "a group of rows under one heading"),
    Channel::optional("whisker_low", "where the lower whisker ends"),
    Channel::optional("whisker_high", "where the upper whisker ends"),
];

const RADIUS: f64 = 1.7;
/// Up to so many values of a group, dots are larger and lie over the box: each is seen by itself.
const FEW: usize = 40;
const RADIUS_OF_FEW: f64 = 2.8;
/// Dots in one figure beyond which neighbours share a place: about 700 KB of SVG.
const DOT_BUDGET: usize = 12_000;
/// Free space left and right of the outermost dots.
const AIR: f64 = 8.0;

/// One group: its values, and what the query says of them.
struct Group {
    label: String,
    values: Vec<f64>,
    quartiles: Option<(f64, f64)>,
    middle: Option<f64>,
    whiskers: Option<(f64, f64)>,
    n: Option<f64>,
}

impl Row for Group {
    fn label(&self) -> &str {
        &self.label
    }
}

impl Group {
    fn n(&self) -> String {
        let n = self.n.unwrap_or(self.values.len() as f64);
        grouped(&format!("{n:.0}"))
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        let ends = [self.quartiles, self.whiskers].into_iter().flatten();
        let ends = ends.flat_map(|(low, high)| [low, high]);
        self.values.iter().copied().chain(ends).chain(self.middle)
    }
}

struct Groups<'a> {
    panels: Vec<Panel<Group>>,
    value: Column<'a>,
    quartiles: Option<Interval<'a>>,
    middle: Option<Column<'a>>,
    whiskers: Option<Interval<'a>>,
}

impl<'a> Groups<'a> {
    fn read(channels: &Channels<'a>) -> Result<Self> {
        let (group, value) = (channels.required("group")?, channels.required("value")?);
        let quartiles = Interval::named(channels, "low", "high")?;
        let whiskers = Interval::named(channels, "whisker_low", "whisker_high")?;
        let (middle, n) = (channels.optional("middle")?, channels.optional("n")?);
        let panel = channels.optional("panel")?;
        let mut panels = Vec::new();
        for row in 0..channels.len() {
            let panel = match panel {
                Some(column) => column.label(row)?,
                None => String::new(),
            };
            let label = group.label(row)?;
            let ends = |interval: &Option<Interval<'_>>| match interval {
                Some(interval) => interval.ends(row),
                None => Ok(None),
            };
            let number = |column: Option<Column<'_>>| match column {
                Some(column) => column.number(row),
                None => Ok(None),
            };
            let told = (
                ends(&quartiles)?,
                ends(&whiskers)?,
                number(middle)?,
                number(n)?,
            );
            let rows = panel_named(&mut panels, panel);
            let group = row_of(
                rows,
                |known: &Group| known.label == label,
                || Group {
                    label: label.clone(),
                    values: Vec::new(),
                    quartiles: told.0,
                    whiskers: told.1,
                    middle: told.2,
                    n: told.3,
                },
            );
            group.values.extend(value.number(row)?);
        }
        for group in panels.iter_mut().flat_map(|panel| &mut panel.rows) {
            group.values.sort_by(f64::total_cmp);
        }
        Ok(Self {
            panels,
            value,
            quartiles,
            middle,
            whiskers,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Group> {
        self.panels.iter().flat_map(|panel| &panel.rows)
    }

    fn marks(&self) -> String {
        let box_of = self.quartiles.as_ref();
        let box_of = box_of.map(|quartiles| format!("Box: {}.", quartiles.name()));
        let line = self
            .middle
            .map(|column| format!("Line: “{}”.", column.name()));
        let whiskers = self.whiskers.as_ref();
        let whiskers = whiskers.map(|whiskers| format!("Whiskers: {}.", whiskers.name()));
        let dots = format!("Dots: every “{}”.", self.value.name());
        let said = [box_of, line, whiskers, Some(dots)];
        said.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let groups = Groups::read(&channels)?;
    let any = groups.all().any(|group| group.numbers().next().is_some());
    let reference = figure.reference.as_ref().map(|line| line.x);
    let numbers = groups.all().flat_map(Group::numbers).filter(|_| any);
    let Some(values) = Values::new(figure, numbers.chain(reference.filter(|_| any))) else {
        return empty(figure, table, &no_values(figure, &groups.value, any));
    };
    let layout = Layout::new(groups.all().count(), 460.0, (20.0, 54.0));
    let ns: Vec<String> = groups.all().map(Group::n).collect();
    let reference = figure.reference.as_ref().map(|line| values.shown(line));
    let caption = values.caption(figure);
    let rows = Rows {
        panels: &groups.panels,
        layout,
        texts: vec![Texts::new(
            "n",
            ns.iter().map(String::as_str),
            layout.number,
        )],
        reference: reference.as_ref(),
        foot: false,
        caption: caption.clone(),
    };
    let data = rows.data(area(0.0, rows.height()));
    let axis = values.axis(data, (AIR, AIR));
    let place = |value: f64| values.place(&axis, value);
    let spread = Spread::new(&groups, &values, layout.row / 2.0 - 2.0, place);

    let mut remarks = Vec::new();
    let values_there = groups.all().map(|group| group.values.len()).sum::<usize>();
    let off = groups.all().flat_map(|group| &group.values);
    let off = off.filter(|value| !values.has_place(**value)).count();
    if spread.marks < values_there - off {
        remarks.push(format!(
            "Values that fall on one place are drawn once: {} dots for {} values.",
            grouped(&spread.marks.to_string()),
            grouped(&(values_there - off).to_string())
        ));
    }
    if off > 0 {
        remarks.push(format!(
            "{} values of 0 or less have no place on the logarithmic axis.",
            grouped(&off.to_string())
        ));
    }
    let told: Vec<String> = groups
        .all()
        .map(|group| match group.middle {
            Some(middle) => format!(
                "“{}” {} (n = {})",
                group.label,
                values.text(middle),
                group.n()
            ),
            None => format!("“{}” (n = {})", group.label, group.n()),
        })
        .collect();
    let description = format!(
        "Values as dots, with boxes, along {caption}.{} {}.",
        described(&groups.panels, "Panels", "rows"),
        told.join("; ")
    );
    let chart = Chart {
        legend: Legend::default(),
        height: rows.height(),
        description,
        marks: groups.marks(),
        remarks,
        draw: Box::new(|sheet, area| {
            rows.draw(
                sheet,
                area,
                &axis,
                &axis.ticks(),
                |group: &Group, area, rights| {
                    for right in rights {
                        let at = (*right, area.middle() + layout.number.drop());
                        sheet.text(&group.n(), at, Anchor::End, layout.number)?;
                    }
                    let dots = spread.dots(group, &values, place);
                    let mut dots = dots.into_iter().map(|(x, y)| (x, area.middle() + y));
                    let colour = theme::group_colour(0);
                    if group.values.len() > FEW {
                        dots.try_for_each(|at| sheet.disc(at, RADIUS, colour))?;
                        return draw_box(sheet, group, area, place);
                    }
                    draw_box(sheet, group, area, place)?;
                    dots.try_for_each(|at| sheet.dot(at, RADIUS_OF_FEW, colour))
                },
            )
        }),
    };
    frame(figure, table, chart)
}

fn draw_box(
    sheet: &Sheet<'_>,
    group: &Group,
    area: Area,
    place: impl Fn(f64) -> f64,
) -> Result<()> {
    let half = ((area.bottom - area.top) * 0.24).max(5.0);
    let middle = area.middle();
    let quartiles = group.quartiles.map(|(low, high)| (place(low), place(high)));
    let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
    if let Some((from, to)) = group.whiskers {
        let (from, to) = (place(from), place(to));
        let (left, right) = quartiles.unwrap_or((to, to));
        let cap = half * 0.6;
        for (end, inner) in [(from, left), (to, right)] {
            // No paper here: it would hide the dots in the middle of the row.
            sheet.line(&[(end, middle), (inner, middle)], theme::INK, 1.2)?;
            lines.push(vec![(end, middle - cap), (end, middle + cap)]);
        }
    }
    if let Some((left, right)) = quartiles {
        let (top, bottom) = (middle - half, middle + half);
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        lines.push([&corners[..], &corners[..2]].concat());
    }
    // With paper on both sides they are seen on any cloud of dots.
    for (colour, width) in [(theme::PAPER, 3.6), (theme::INK, 1.4)] {
        for line in &lines {
            sheet.line(line, colour, width)?;
        }
    }
    if let Some(value) = group.middle {
        let ends = [(place(value), middle - half), (place(value), middle + half)];
        sheet.line(&ends, theme::PAPER, 5.0)?;
        sheet.line(&ends, theme::INK, 2.8)?;
    }
    Ok(())
}

/// How dots leave the middle of their row.
struct Spread {
    /// Dots in `CELL` pixels along x that fill a row's height.
    fullest: usize,
    half: f64,
    /// Distance between two places; dots nearer than that share one.
    grid: f64,
    marks: usize,
}

/// Dots this near along x stand on one another.
const CELL: f64 = 2.0 * RADIUS;

impl Spread {
    fn new(
        groups: &Groups<'_>,
        values: &Values<'_>,
        half: f64,
        place: impl Fn(f64) -> f64 + Copy,
    ) -> Self {
        let cells = |group: &Group| {
            let placed = group
                .values
                .iter()
                .filter(|value| values.has_place(**value));
            let cells: Vec<i64> = placed.map(|value| cell(place(*value))).collect();
            let same = cells.chunk_by(|one, other| one == other);
            same.map(<[i64]>::len).max().unwrap_or(0)
        };
        let fullest = groups.all().map(cells).max().unwrap_or(0);
        let mut spread = Self {
            fullest,
            half,
            grid: 0.1,
            marks: 0,
        };
        loop {
            let dots = groups
                .all()
                .map(|group| spread.dots(group, values, place).len());
            spread.marks = dots.sum();
            if spread.marks <= DOT_BUDGET || spread.grid > 20.0 {
                return spread;
            }
            spread.grid = (spread.grid * 1.25).max(0.8);
        }
    }

    /// Where the dots of a group stand: x, and how far off its middle.
    fn dots(
        &self,
        group: &Group,
        values: &Values<'_>,
        place: impl Fn(f64) -> f64,
    ) -> Vec<(f64, f64)> {
        let step = (2.0 * self.half / self.fullest.max(1) as f64).min(CELL);
        let (mut before, mut stacked) = (i64::MIN, 0);
        let placed = group
            .values
            .iter()
            .filter(|value| values.has_place(**value));
        let mut dots: Vec<(i64, i64)> = placed
            .map(|value| {
                let x = place(*value);
                stacked = if cell(x) == before { stacked + 1 } else { 0 };
                before = cell(x);
                // First in the middle, then in turns above and below it.
                let side = if stacked % 2 == 0 { 0.5 } else { -0.5 };
                let y = (f64::from(stacked) + 1.0).div_euclid(2.0) * 2.0 * side * step;
                let snap = |length: f64| (length / self.grid).round() as i64;
                (snap(x), snap(y.clamp(-self.half, self.half)))
            })
            .collect();
        dots.sort_unstable();
        dots.dedup();
        let pixels = |places: i64| places as f64 * self.grid;
        dots.into_iter()
            .map(|(x, y)| (pixels(x), pixels(y)))
            .collect()
    }
}

fn cell(x: f64) -> i64 {
    (x / CELL).floor() as i64
}
