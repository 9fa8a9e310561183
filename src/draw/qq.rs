//! `qq`: quantiles of a sample against those of a distribution, a square a group.

use anyhow::Result;

use super::channels::{Channel, Channels, label_of, number_of, place_of};
use super::figure::{AxisScale, Figure};
use super::frame::{Chart, Legend, empty, frame, no_rows};
use super::panels::{Head, Panels, say};
use super::plane::{Captions, Plane, Span};
use super::series::{self, Crowd, MARKS, Place, Style};
use super::template::grouped;
use super::theme;
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("theoretical", "the distribution's quantile"),
    Channel::required("sample", "the sample's quantile"),
    Channel::optional("group", "a square each"),
    Channel::optional("line", "the reference line's height at that quantile"),
    Channel::optional("n", "values of the group"),
];

#[derive(Default)]
struct Sample {
    points: Vec<Place>,
    line: Vec<Place>,
    n: Option<f64>,
}

struct Samples {
    groups: Vec<String>,
    samples: Vec<Sample>,
    placeless: usize,
}

impl Samples {
    fn read(channels: &Channels<'_>) -> Result<Self> {
        let theoretical = channels.required("theoretical")?;
        let sample = channels.required("sample")?;
        let (group, line) = (channels.optional("group")?, channels.optional("line")?);
        let n = channels.optional("n")?;
        let (mut groups, mut samples, mut placeless) = (Vec::new(), Vec::<Sample>::new(), 0);
        for row in 0..channels.len() {
            let group = place_of(&mut groups, &label_of(group, row)?);
            samples.resize_with(groups.len(), Sample::default);
            let of = &mut samples[group];
            of.n = of.n.or(number_of(n, row)?);
            let (x, y, line) = (
                theoretical.number(row)?,
                sample.number(row)?,
                number_of(line, row)?,
            );
            placeless += usize::from(x.zip(y).is_none());
            of.points.extend(x.zip(y));
            of.line.extend(x.zip(line));
        }
        for sample in &mut samples {
            sample.line.sort_by(|one, other| one.0.total_cmp(&other.0));
        }
        Ok(Self {
            groups,
            samples,
            placeless,
        })
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        let all = self.samples.iter();
        all.flat_map(|sample| sample.points.iter().chain(&sample.line).copied())
    }

    fn points(&self) -> usize {
        self.samples.iter().map(|sample| sample.points.len()).sum()
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let samples = Samples::read(&channels)?;
    let why = format!(
        "no points: in every row one of “{}” and “{}” is null",
        channels.required("theoretical")?.name(),
        channels.required("sample")?.name()
    );
    let unit = figure.units.x.as_deref();
    let xs = samples.places().map(|place| place.0);
    let Some(x) = Span::of(xs, AxisScale::Linear, unit) else {
        return empty(figure, table, &why);
    };
    let x = x.with_air(0.05);
    // Every square has a scale of its own: shapes are compared, not sizes. The unit is one.
    let unit = figure.units.y.as_deref();
    let ys = samples.places().map(|place| place.1);
    let Some(all) = Span::of(ys, AxisScale::Linear, unit) else {
        return empty(figure, table, &why);
    };
    let spans: Vec<Option<Span>> = samples
        .samples
        .iter()
        .map(|sample| {
            let ys = sample
                .points
                .iter()
                .chain(&sample.line)
                .map(|place| place.1);
            let span = Span::of(ys, AxisScale::Linear, None)?.with_air(0.06);
            Some(span.shown_like(&all))
        })
        .collect();

    let heads: Vec<Head> = samples
        .groups
        .iter()
        .zip(&samples.samples)
        .map(|(group, sample)| Head {
            title: group.clone(),
            lines: Vec::from_iter(sample.n.map(|n| format!("n = {}", grouped(&n.to_string())))),
        })
        .collect();
    let captions = (
        x.caption(figure.x_label.as_deref()),
        all.caption(figure.y_label.as_deref()),
    );
    let rooms = spans
        .iter()
        .flatten()
        .map(|span| Plane::room_left(span, 400.0));
    let indent = rooms.fold(0.0, f64::max);
    let panels = Panels::new(heads, indent, true, !captions.1.is_empty());
    let crowded = samples.points() > MARKS;
    let line = channels.optional("line")?;
    let mut remarks = Vec::new();
    if samples.placeless > 0 {
        let rows = grouped(&samples.placeless.to_string());
        remarks.push(format!(
            "Not drawn: {rows} rows in which a quantile is null."
        ));
    }
    if crowded {
        remarks.push(Crowd::remark(samples.points(), 1));
    }
    let chart = Chart {
        legend: Legend::default(),
        height: panels.height(),
        description: description(&samples, (&captions.0, &captions.1)),
        marks: line.map_or(String::new(), |line| format!("Line: “{}”.", line.name())),
        remarks,
        draw: Box::new(|sheet, area| {
            let mut places: Vec<Vec<Vec<Place>>> = Vec::new();
            let mut planes = Vec::new();
            for (index, sample) in samples.samples.iter().enumerate() {
                let data = panels.data(area, index);
                panels.draw_head(sheet, data, index)?;
                let plane = Plane::new(data, &x, spans[index].as_ref().unwrap_or(&x));
                let captions = Captions {
                    x: panels.is_lowest(index).then_some(""),
                    y: "",
                    y_ticks: true,
                    left: area.left,
                };
                match spans[index] {
                    Some(_) => plane.draw(sheet, &captions)?,
                    None => {
                        plane.draw_across(sheet, &captions)?;
                        say(sheet, data, &why)?;
                    }
                }
                places.push(vec![sample.points.iter().map(|at| plane.at(*at)).collect()]);
                planes.push(plane);
            }
            let crowd = crowded.then(|| Crowd::new(&places));
            for (index, places) in places.iter().enumerate() {
                match &crowd {
                    Some(crowd) => crowd.draw(sheet, places)?,
                    None => {
                        let radius = series::radius(samples.points());
                        series::marks(sheet, &places[0], Style::of(0), radius)?;
                    }
                }
                let line = samples.samples[index].line.iter();
                let line: Vec<Place> = line.map(|at| planes[index].at(*at)).collect();
                let style = Style::of(0).coloured(theme::INK);
                series::stroke(sheet, &series::thinned(&line, 1.0), style, 1.2)?;
            }
            panels.draw_captions(sheet, area, (&captions.0, &captions.1))
        }),
    };
    frame(figure, table, chart)
}

fn description(samples: &Samples, (x, y): (&str, &str)) -> String {
    let named = samples.groups.iter().filter(|group| !group.is_empty());
    let named: Vec<&str> = named.map(String::as_str).collect();
    let groups = match named.is_empty() {
        true => String::new(),
        false => format!(" Groups: {}.", named.join(", ")),
    };
    format!(
        "Quantiles of {} values against those of a distribution. Along x: {x}. Along y: {y}.{groups}",
        grouped(&samples.points().to_string())
    )
}
