//! `histogram`: counts of values between edges, a panel a group under one another.

use anyhow::Result;

use super::axis::HEIGHT_BELOW;
use super::channels::{Channel, Channels, label_of, number_of, place_of};
use super::figure::{AxisScale, Figure};
use super::frame::{Chart, Legend, empty, frame, no_rows};
use super::lettering::{HEADING, LEGEND_HEAD};
use super::panels::say;
use super::plane::{ABOVE, ABOVE_UNLABELLED, Captions, Plane, Span, caption_above, no_values};
use super::series::{self, Style};
use super::sheet::{Anchor, Area, Sheet};
use super::template::{grouped, significant};
use super::theme;
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("low", "where a bin begins"),
    Channel::required("high", "where a bin ends"),
    Channel::required("count", "values in the bin"),
    Channel::optional("group", "a panel each"),
    Channel::optional("n", "values of the group"),
    Channel::optional("median", "the group's median"),
];

const GAP: f64 = 14.0;
/// Bars narrower than this are drawn as one, as high as the highest of them.
const NARROW: f64 = 0.5;
/// Bars from this width on stand apart by a hairline.
const ROOMY: f64 = 3.0;

struct Bin {
    low: f64,
    high: f64,
    count: f64,
}

#[derive(Default)]
struct Group {
    bins: Vec<Bin>,
    n: Option<f64>,
    median: Option<f64>,
}

struct Groups {
    names: Vec<String>,
    groups: Vec<Group>,
    /// Rows without an edge or a count.
    placeless: usize,
}

impl Groups {
    fn read(channels: &Channels<'_>) -> Result<Self> {
        let (low, high) = (channels.required("low")?, channels.required("high")?);
        let count = channels.required("count")?;
        let (group, n) = (channels.optional("group")?, channels.optional("n")?);
        let median = channels.optional("median")?;
        let (mut names, mut groups, mut placeless) = (Vec::new(), Vec::<Group>::new(), 0);
        for row in 0..channels.len() {
            let place = place_of(&mut names, &label_of(group, row)?);
            groups.resize_with(names.len(), Group::default);
            let group = &mut groups[place];
            group.n = group.n.or(number_of(n, row)?);
            group.median = group.median.or(number_of(median, row)?);
            let bin = (low.number(row)?, high.number(row)?, count.number(row)?);
            let (Some(from), Some(to), Some(values)) = bin else {
                placeless += 1;
                continue;
            };
            if from > to {
                let wanted = format!("an edge no lower than “{}” = {from}", low.name());
                return Err(high.wrong(row, &to.to_string(), &wanted));
            }
            if values < 0.0 {
                return Err(count.wrong(row, &values.to_string(), "a count of 0 or more"));
            }
            group.bins.push(Bin {
                low: from,
                high: to,
                count: values,
            });
        }
        for group in &mut groups {
            group
                .bins
                .sort_by(|one, other| one.low.total_cmp(&other.low));
        }
        Ok(Self {
            names,
            groups,
            placeless,
        })
    }

    fn bins(&self) -> impl Iterator<Item = &Bin> {
        self.groups.iter().flat_map(|group| &group.bins)
    }

    fn description(&self, (x, y): (&str, &str)) -> String {
        let named = self.names.iter().zip(&self.groups);
        let named: Vec<String> = named
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, group)| match group.n {
                Some(n) => format!("{name} (n = {})", grouped(&n.to_string())),
                None => name.clone(),
            })
            .collect();
        let panels = match named.is_empty() {
            true => String::new(),
            false => format!(" Panels: {}.", named.join(", ")),
        };
        format!("Histogram. Along x: {x}. Along y: {y}.{panels}")
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let groups = Groups::read(&channels)?;
    let unit = figure.units.x.as_deref();
    let edges = || groups.bins().flat_map(|bin| [bin.low, bin.high]);
    let Some(x) = Span::of(edges(), figure.x_scale, unit) else {
        let why = match edges().next() {
            None => "no bins: in every row an edge or the count is null".to_owned(),
            Some(_) => no_values(channels.required("high")?.name(), true),
        };
        return empty(figure, table, &why);
    };
    let y_unit = figure.units.y.as_deref();
    let spans: Vec<Option<Span>> = groups
        .groups
        .iter()
        .map(|group| counts(group, figure.y_scale, y_unit))
        .collect();

    let panels = groups.groups.len();
    let height = match panels {
        1 => 320.0,
        count => (560.0 / count as f64).clamp(72.0, 180.0).round(),
    };
    let named = groups.names != [""];
    let heading = if named || groups.groups[0].n.is_some() || groups.groups[0].median.is_some() {
        24.0
    } else {
        0.0
    };
    let rooms = spans
        .iter()
        .flatten()
        .map(|span| Plane::room_left(span, height));
    let indent = rooms.fold(0.0, f64::max);
    let caption = x.caption(figure.x_label.as_deref());
    let y_caption = spans.iter().flatten().next().map_or(String::new(), |span| {
        span.caption(Some(figure.y_label.as_deref().unwrap_or("Count")))
    });
    let above = match y_caption.is_empty() {
        true => ABOVE_UNLABELLED,
        false => ABOVE,
    };
    let count = panels as f64;
    let chart = Chart {
        legend: Legend::default(),
        height: above + count * (heading + height) + (count - 1.0) * GAP + HEIGHT_BELOW,
        description: groups.description((&caption, &y_caption)),
        marks: String::new(),
        remarks: remarks(&groups, &x, figure.y_scale),
        draw: Box::new(|sheet, area| {
            let first = Area {
                top: area.top + above,
                ..area
            };
            caption_above(sheet, first, (area.left, &y_caption))?;
            let mut top = first.top;
            for (index, (name, group)) in groups.names.iter().zip(&groups.groups).enumerate() {
                let data = Area {
                    left: area.left + indent,
                    right: area.right - 6.0,
                    top: top + heading,
                    bottom: top + heading + height,
                };
                top = data.bottom + GAP;
                draw_heading(sheet, data, (name, group), &x)?;
                let span = spans[index].as_ref();
                let plane = Plane::new(data, &x, span.unwrap_or(&x));
                let captions = Captions {
                    x: (index + 1 == panels).then_some(caption.as_str()),
                    y: "",
                    y_ticks: true,
                    left: area.left,
                };
                match span {
                    Some(_) => {
                        plane.draw(sheet, &captions)?;
                        draw_group(sheet, group, &x, &plane, theme::group_colour(index))?;
                    }
                    None => {
                        plane.draw_across(sheet, &captions)?;
                        say(sheet, data, "no bins with values")?;
                    }
                }
            }
            Ok(())
        }),
    };
    frame(figure, table, chart)
}

/// The span of a group's counts, which begins at 0, or below 1 on a logarithmic axis.
fn counts(group: &Group, scale: AxisScale, unit: Option<&str>) -> Option<Span> {
    let counts = group.bins.iter().map(|bin| bin.count);
    let most = counts.clone().fold(0.0, f64::max);
    let least = counts.filter(|count| *count > 0.0).fold(most, f64::min);
    let start = match scale {
        AxisScale::Linear => 0.0,
        AxisScale::Log => least / 2.0,
    };
    (most > 0.0).then(|| Span::of([start, most], scale, unit).map(|span| span.with_air(0.05)))?
}

/// The group's name, how many values it has and its median.
fn draw_heading(
    sheet: &Sheet<'_>,
    data: Area,
    (name, group): (&str, &Group),
    x: &Span,
) -> Result<()> {
    let unit = x
        .unit
        .as_ref()
        .map_or(String::new(), |unit| format!(" {unit}"));
    let stated = [
        group.n.map(|n| format!("n = {}", grouped(&n.to_string()))),
        group.median.map(|median| {
            let median = grouped(&significant(median / x.per_shown, 3));
            format!("median {median}{unit}")
        }),
    ];
    let stated: Vec<String> = stated.into_iter().flatten().collect();
    let stated = stated.join(", ");
    let baseline = data.top - 9.0;
    let mut left = data.left;
    if !name.is_empty() {
        let room = data.width() - LEGEND_HEAD.width(&stated) - 16.0;
        let name = HEADING.shorten(name, room);
        sheet.text(&name, (left, baseline), Anchor::Start, HEADING)?;
        left += HEADING.width(&name) + 12.0;
    }
    sheet.text(&stated, (left, baseline), Anchor::Start, LEGEND_HEAD)
}

/// Bars as shapes of many: those wide enough stand apart, very narrow neighbours are one.
fn draw_group(
    sheet: &Sheet<'_>,
    group: &Group,
    x: &Span,
    plane: &Plane,
    colour: super::theme::Colour,
) -> Result<()> {
    let mut bars: Vec<Area> = Vec::new();
    for bin in group
        .bins
        .iter()
        .filter(|bin| bin.count > 0.0 && x.holds(bin.high))
    {
        let (left, top) = plane.at((bin.low, bin.count));
        let (right, _) = plane.at((bin.high, bin.count));
        let bar = Area {
            left,
            top,
            right,
            bottom: plane.data.bottom,
        };
        match bars.last_mut() {
            Some(last) if right - last.left < NARROW => {
                last.right = last.right.max(right);
                last.top = last.top.min(top);
            }
            _ => bars.push(bar),
        }
    }
    let ground = theme::tint(colour, 0.62);
    for bar in &bars {
        let hairline = if bar.width() > ROOMY { 0.5 } else { 0.0 };
        // A bin of one value alone is still a mark.
        let middle = (bar.left + bar.right) / 2.0;
        let half = (bar.width() / 2.0 - hairline).max(0.4);
        let bar = Area {
            left: middle - half,
            right: middle + half,
            // A count that is small beside the others is there all the same.
            top: bar.top.min(bar.bottom - 0.8),
            ..*bar
        };
        sheet.fill(bar, ground)?;
    }
    let data = plane.data;
    let ends = [(data.left, data.bottom), (data.right, data.bottom)];
    sheet.line(&ends, theme::AXIS, 0.8)?;
    if let Some(median) = group.median.filter(|median| x.holds(*median)) {
        let (at, _) = plane.at((median, 1.0));
        let style = Style::of(1).coloured(theme::INK);
        series::stroke(sheet, &[(at, data.bottom), (at, data.top)], style, 1.4)?;
    }
    Ok(())
}

fn remarks(groups: &Groups, x: &Span, y_scale: AxisScale) -> Vec<String> {
    let mut remarks = Vec::new();
    if groups.groups.iter().any(|group| group.median.is_some()) {
        remarks.push("Dashed: the median.".to_owned());
    }
    if groups.groups.len() > 1 {
        remarks.push("Each panel has a scale of counts of its own.".to_owned());
    }
    if y_scale == AxisScale::Log {
        remarks
            .push("The scale of counts is logarithmic: a bin without a bar is empty.".to_owned());
    }
    if groups.placeless > 0 {
        let rows = grouped(&groups.placeless.to_string());
        remarks.push(format!(
            "Not drawn: {rows} rows in which an edge or the count is null."
        ));
    }
    let off = groups.bins().filter(|bin| !x.holds(bin.high)).count();
    if off > 0 {
        let off = grouped(&off.to_string());
        remarks.push(format!(
            "Not drawn: {off} bins that end at 0 or less, which a logarithmic axis cannot place."
        ));
    }
    if groups.groups.iter().any(|group| group.bins.len() > 1500) {
        remarks.push(
            "Bins narrower than half a pixel are drawn as one bar, as high as the highest of them."
                .to_owned(),
        );
    }
    remarks
}
