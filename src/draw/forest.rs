//! `forest`: estimates as marks with their intervals as lines, and both in numbers at the right.

use anyhow::Result;

use super::channels::{Channel, Channels};
use super::estimates::{Estimate, Estimates, Labelled, colour, range};
use super::figure::Figure;
use super::frame::{Chart, empty, frame, no_rows};
use super::rows::{Layout, Rows, Texts, shown_text};
use super::sheet::{Anchor, Area, Sheet};
use super::theme;
use super::values::{Values, no_values, whisker};
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("label", "the label of an estimate"),
    Channel::required("estimate", "where its mark stands"),
    Channel::required("low", "the lower end of its interval"),
    Channel::required("high", "the upper end of its interval"),
    Channel::optional("n", "how many values it rests on"),
    Channel::optional("group", "estimates of one label, side by side in colours"),
    Channel::optional("panel", "a group of labels under one heading"),
    Channel::optional(
        "text",
        "what stands at the right, such as 4.14 (1.41 to 6.86)",
    ),
];

/// Half the side of an estimate's mark.
const MARK: f64 = 4.2;
/// Free space left and right of the outermost ends.
const AIR: f64 = 10.0;

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let forest = Estimates::read(&channels, "estimate")?;
    let Some(values) = range(figure, &forest, false) else {
        let any = forest.all().any(|estimate| estimate.value.is_some());
        return empty(figure, table, &no_values(figure, &forest.value, any));
    };
    let groups = forest.groups.len();
    let line = Layout::new(forest.count() * groups, 430.0, (15.0, 26.0));
    let layout = line.times(groups);
    let texts: Vec<String> = forest
        .all()
        .map(|estimate| text(estimate, &values))
        .collect();
    let written = channels.optional("text")?.is_some();
    let head = match written {
        true => String::new(),
        false => "estimate (interval)".to_owned(),
    };
    let mut columns: Vec<Texts> = forest.ns(layout.number).into_iter().collect();
    let texts = texts.iter().map(String::as_str);
    columns.push(Texts::new(&head, texts, layout.number));
    let reference = figure.reference.as_ref().map(|line| values.shown(line));
    let caption = values.caption(figure);
    let rows = Rows {
        panels: &forest.panels,
        layout,
        texts: columns,
        reference: reference.as_ref(),
        foot: false,
        caption: caption.clone(),
    };
    let mut remarks = forest.remarks("estimates");
    if forest.numbers().any(|value| !values.has_place(value)) {
        remarks.push(
            "An interval that reaches 0 or less ends where the logarithmic axis begins.".to_owned(),
        );
    }
    let chart = Chart {
        legend: forest.legend(),
        height: rows.height(),
        description: forest.description("Estimates with intervals", &values, &caption),
        marks: forest.marks(),
        remarks,
        draw: Box::new(|sheet, area| {
            let axis = values.axis(rows.data(area), (AIR, AIR));
            let place = |value: f64| values.place(&axis, value);
            rows.draw(
                sheet,
                area,
                &axis,
                &axis.ticks(),
                |row: &Labelled, area, rights| {
                    for (index, estimate) in row.estimates.iter().enumerate() {
                        let Some(estimate) = estimate else { continue };
                        let middle = area.top + line.row * (index as f64 + 0.5);
                        draw_estimate(sheet, estimate, index, middle, &values, place)?;
                        let texts = [estimate.n.clone(), text(estimate, &values)];
                        let texts = texts.iter().skip(2 - rights.len());
                        for (text, right) in texts.zip(rights) {
                            let shown = shown_text(layout.number, text);
                            let at = (*right, middle + layout.number.drop());
                            sheet.text(&shown, at, Anchor::End, layout.number)?;
                        }
                    }
                    Ok(())
                },
            )
        }),
    };
    frame(figure, table, chart)
}

/// What stands at the right: the figure's own text, or the numbers.
fn text(estimate: &Estimate, values: &Values<'_>) -> String {
    let number = |value: f64| values.text(value);
    match (estimate.value, estimate.interval) {
        _ if !estimate.text.is_empty() => estimate.text.clone(),
        (Some(value), Some((low, high))) => {
            format!("{} ({} to {})", number(value), number(low), number(high))
        }
        (Some(value), None) => number(value),
        (None, _) => "no data".to_owned(),
    }
}

fn draw_estimate(
    sheet: &Sheet<'_>,
    estimate: &Estimate,
    group: usize,
    middle: f64,
    values: &Values<'_>,
    place: impl Fn(f64) -> f64,
) -> Result<()> {
    let strong = theme::group_colour(group);
    if let Some((low, high)) = estimate.interval {
        whisker(sheet, (place(low), place(high)), middle, 3.0, strong)?;
    }
    let Some(value) = estimate.value.filter(|value| values.has_place(*value)) else {
        return Ok(());
    };
    let square = |half: f64| Area {
        left: place(value) - half,
        right: place(value) + half,
        top: middle - half,
        bottom: middle + half,
    };
    sheet.fill(square(MARK), strong)?;
    match theme::colour_repeats(group) {
        true => sheet.fill(square(MARK - 1.4), colour(group)),
        false => Ok(()),
    }
}
