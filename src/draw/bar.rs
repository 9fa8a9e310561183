//! `bar`: horizontal bars from zero, by label and group, with their intervals and numbers.

use anyhow::Result;

use super::channels::{Channel, Channels};
use super::estimates::{Estimate, Estimates, Labelled, colour, range};
use super::figure::Figure;
use super::frame::{Chart, empty, frame, no_rows, outline};
use super::rows::{Layout, Rows};
use super::sheet::{Anchor, Area, Sheet};
use super::theme;
use super::values::{NUMBER_GAP, Values, no_values, number_at, whisker_over};
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("label", "the label of a bar"),
    Channel::required("value", "where a bar ends"),
    Channel::optional("low", "the lower end of the value's interval"),
    Channel::optional("high", "the upper end of the value's interval"),
    Channel::optional("n", "how many values a bar stands for"),
    Channel::optional("group", "bars of one label, side by side in colours"),
    Channel::optional("panel", "a group of labels under one heading"),
];

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let bars = Estimates::read(&channels, "value")?;
    let Some(values) = range(figure, &bars, true) else {
        return empty(figure, table, &no_values(figure, &bars.value, false));
    };
    let groups = bars.groups.len();
    let thickness = Layout::new(bars.count() * groups, 430.0, (13.0, 28.0));
    let layout = thickness.times(groups);
    let reference = figure.reference.as_ref().map(|line| values.shown(line));
    let caption = values.caption(figure);
    let rows = Rows {
        panels: &bars.panels,
        layout,
        texts: bars.ns(layout.number).into_iter().collect(),
        reference: reference.as_ref(),
        foot: true,
        caption: caption.clone(),
    };
    let room = |negative: bool| {
        let texts = bars.all().filter_map(|bar| bar.value);
        let texts = texts.filter(|value| (*value < 0.0) == negative);
        let widths = texts.map(|value| layout.number.width(&values.text(value)));
        widths
            .map(|width| width + NUMBER_GAP + 4.0)
            .fold(0.0, f64::max)
    };
    let room = (room(true), room(false));
    let chart = Chart {
        legend: bars.legend(),
        height: rows.height(),
        description: bars.description("Bars", &values, &caption),
        marks: bars.marks(),
        remarks: bars.remarks("bars"),
        draw: Box::new(|sheet, area| {
            let axis = values.axis(rows.data(area), room);
            let place = |value: f64| values.place(&axis, value);
            rows.draw(
                sheet,
                area,
                &axis,
                &axis.ticks(),
                |row: &Labelled, area, rights| {
                    for (index, bar) in row.estimates.iter().enumerate() {
                        let top = area.top + thickness.row * index as f64;
                        let area = Area {
                            top,
                            bottom: top + thickness.row - if groups > 1 { 1.0 } else { 0.0 },
                            ..area
                        };
                        if let Some(bar) = bar {
                            draw_bar(sheet, bar, index, area, &layout, &values, place)?;
                            for right in rights {
                                let at = (*right, area.middle() + layout.number.drop());
                                sheet.text(&bar.n, at, Anchor::End, layout.number)?;
                            }
                        }
                    }
                    Ok(())
                },
            )
        }),
    };
    frame(figure, table, chart)
}

fn draw_bar(
    sheet: &Sheet<'_>,
    bar: &Estimate,
    group: usize,
    area: Area,
    layout: &Layout,
    values: &Values<'_>,
    place: impl Fn(f64) -> f64,
) -> Result<()> {
    let Some(value) = bar.value else {
        let at = (place(0.0) + NUMBER_GAP, area.middle());
        return number_at(sheet, "no data", at, Anchor::Start, layout.number);
    };
    let (zero, end) = (place(0.0), place(value));
    let body = Area {
        left: zero.min(end),
        right: zero.max(end),
        ..area
    };
    sheet.fill(body, colour(group))?;
    if theme::colour_repeats(group) {
        outline(sheet, body, theme::group_colour(group), 0.8)?;
    }
    let (mut low, mut high) = (body.left, body.right);
    if let Some((from, to)) = bar.interval {
        let (from, to) = (place(from), place(to));
        (low, high) = (low.min(from), high.max(to));
        let cap = ((area.bottom - area.top) * 0.2).min(4.0);
        whisker_over(sheet, (from, to), area.middle(), cap)?;
    }
    let (x, anchor) = match value < 0.0 {
        true => (low - NUMBER_GAP, Anchor::End),
        false => (high + NUMBER_GAP, Anchor::Start),
    };
    number_at(
        sheet,
        &values.text(value),
        (x, area.middle()),
        anchor,
        layout.number,
    )
}
