//! What stands around a chart: title, subtitle, legend above it, notes under it.

use anyhow::Result;

use super::figure::Figure;
use super::lettering::{LEGEND, LEGEND_HEAD, Lettering, NOTE, SUBTITLE, TITLE};
use super::series::{self, Style};
use super::sheet::{Anchor, Area, Sheet, Spoken, compose};
use super::theme::{self, Colour, MARGIN, WIDTH};
use crate::table::Table;

const TOP: f64 = 24.0;
const ROOM: f64 = WIDTH - 2.0 * MARGIN;
/// Width of a legend's swatch, and its distance from the text.
const SWATCH: f64 = 22.0;
const SWATCH_GAP: f64 = 7.0;
/// Distance between two entries on a line, and between two columns of a legend table.
const ENTRY_GAP: f64 = 22.0;
const LEGEND_LINE: f64 = 21.0;

/// What stands before a legend entry's text.
#[derive(Clone, Copy)]
pub enum Swatch {
    Patch {
        fill: Colour,
        edge: Option<Colour>,
    },
    Line {
        colour: Colour,
        width: f64,
    },
    Marks {
        marks: Colour,
        ground: Colour,
    },
    /// A group's line in its dashes.
    Stroke(Style),
    /// A group's mark.
    Mark(Style),
}

/// One entry of a legend, with the cells that follow its label in a legend that is a table.
pub struct Entry {
    pub swatch: Swatch,
    pub label: String,
    pub cells: Vec<String>,
}

/// The key to a chart: entries side by side, or a small table if it has column heads.
#[derive(Default)]
pub struct Legend {
    pub heads: Vec<String>,
    pub entries: Vec<Entry>,
}

/// What draws a chart into the area its frame leaves it.
pub type Drawing<'a> = Box<dyn FnOnce(&Sheet<'_>, Area) -> Result<()> + 'a>;

/// A chart ready to be put into its frame.
pub struct Chart<'a> {
    pub legend: Legend,
    /// Height of the chart with its axes.
    pub height: f64,
    /// A sentence or two for those who cannot see it.
    pub description: String,
    /// What its marks stand for, by their columns' names, if the figure has no words for it.
    pub marks: String,
    /// What the chart itself has to say under the figure's notes.
    pub remarks: Vec<String>,
    pub draw: Drawing<'a>,
}

/// Puts `chart` into its frame and returns the SVG, not painted yet.
pub fn frame(figure: &Figure, table: &Table, chart: Chart<'_>) -> Result<String> {
    let headings = &figure.headings;
    let title = figure.title(table);
    let texts = |template: &Option<super::template::Template>| {
        template
            .as_ref()
            .and_then(|template| template.fill(table, 0))
    };
    let subtitle = texts(&headings.subtitle).unwrap_or_default();
    let notes = texts(&headings.notes).unwrap_or_default();
    let marks = texts(&headings.marks).unwrap_or(chart.marks);
    let below: Vec<&str> = [notes.as_str(), &marks]
        .into_iter()
        .chain(chart.remarks.iter().map(String::as_str))
        .collect();

    let title_lines = match figure.under_heading {
        true => Vec::new(),
        false => TITLE.wrap(&title, ROOM),
    };
    let subtitle_lines = SUBTITLE.wrap(&subtitle, ROOM);
    let note_lines: Vec<String> = below
        .iter()
        .flat_map(|text| NOTE.wrap(text, ROOM))
        .collect();
    let legend = LegendLayout::new(&chart.legend);

    let height_of = |lines: &[String], lettering: Lettering, gap: f64| match lines.len() {
        0 => 0.0,
        count => lettering.line_height() * count as f64 + gap,
    };
    let subtitle_top = TOP + height_of(&title_lines, TITLE, 3.0);
    let legend_top = subtitle_top + height_of(&subtitle_lines, SUBTITLE, 0.0) + 10.0;
    let legend_height = legend.height(&chart.legend);
    let chart_top = legend_top + legend_height + if legend_height > 0.0 { 14.0 } else { 0.0 };
    let notes_top = chart_top + chart.height + 14.0;
    let height = notes_top + height_of(&note_lines, NOTE, 0.0) + 14.0;

    let description = [subtitle.as_str(), &chart.description]
        .into_iter()
        .chain(below)
        .filter(|sentence| !sentence.is_empty())
        .map(|sentence| format!("{}.", sentence.trim_end_matches('.')))
        .collect::<Vec<_>>()
        .join(" ");
    let spoken = Spoken {
        id: &figure.name,
        title: &title,
        description: &description,
    };
    let draw = chart.draw;
    compose(height, &spoken, |sheet| {
        lines(sheet, &title_lines, TOP, TITLE)?;
        lines(sheet, &subtitle_lines, subtitle_top, SUBTITLE)?;
        legend.draw(sheet, &chart.legend, legend_top)?;
        draw(sheet, area(chart_top, chart.height))?;
        lines(sheet, &note_lines, notes_top, NOTE)
    })
}

/// The area of a chart of that height, as wide as its frame leaves it.
pub fn area(top: f64, height: f64) -> Area {
    Area {
        left: MARGIN,
        top,
        right: WIDTH - MARGIN,
        bottom: top + height,
    }
}

/// The frame of a chart that has nothing to show, with the sentence that says why.
pub fn empty(figure: &Figure, table: &Table, why: &str) -> Result<String> {
    let sentence = SUBTITLE.wrap(why, ROOM - 60.0);
    let chart = Chart {
        legend: Legend::default(),
        height: 160.0 + SUBTITLE.line_height() * sentence.len() as f64,
        description: why.to_owned(),
        marks: String::new(),
        remarks: Vec::new(),
        draw: Box::new(move |sheet, area| {
            outline(sheet, area, theme::GRID, 1.0)?;
            let height = SUBTITLE.line_height() * (sentence.len() - 1) as f64;
            let middle = (area.left + area.right) / 2.0;
            let mut baseline = area.middle() + SUBTITLE.drop() - height / 2.0;
            for line in &sentence {
                sheet.text(line, (middle, baseline), Anchor::Middle, SUBTITLE)?;
                baseline += SUBTITLE.line_height();
            }
            Ok(())
        }),
    };
    frame(figure, table, chart)
}

/// Why a chart without rows is empty.
pub fn no_rows(figure: &Figure) -> String {
    format!(
        "no rows: the query “{}” found nothing in these traces",
        figure.query
    )
}

/// Draws the edge of `area`.
pub fn outline(sheet: &Sheet<'_>, area: Area, colour: Colour, width: f64) -> Result<()> {
    let Area {
        left,
        top,
        right,
        bottom,
    } = area;
    let corners = [
        (left, top),
        (right, top),
        (right, bottom),
        (left, bottom),
        (left, top),
        (right, top),
    ];
    sheet.line(&corners, colour, width)
}

fn lines(sheet: &Sheet<'_>, lines: &[String], top: f64, lettering: Lettering) -> Result<()> {
    for (index, line) in lines.iter().enumerate() {
        let baseline = top + lettering.line_height() * index as f64 + lettering.size;
        sheet.text(line, (MARGIN, baseline), Anchor::Start, lettering)?;
    }
    Ok(())
}

/// Where a legend's texts go, measured before anything is drawn.
enum LegendLayout {
    /// Left edge, line and shown label of each entry.
    Flow(Vec<(f64, usize, String)>),
    /// Right edge of each column of cells, and the shown labels.
    Columns {
        rights: Vec<f64>,
        labels: Vec<String>,
    },
}

impl LegendLayout {
    fn new(legend: &Legend) -> Self {
        let text_start = SWATCH + SWATCH_GAP;
        if legend.heads.is_empty() {
            let (mut x, mut line) = (0.0, 0);
            let entries = legend.entries.iter().map(|entry| {
                let label = LEGEND.shorten(&entry.label, ROOM - text_start);
                let width = text_start + LEGEND.width(&label);
                if x > 0.0 && x + width > ROOM {
                    (x, line) = (0.0, line + 1);
                }
                let place = (MARGIN + x, line, label);
                x += width + ENTRY_GAP;
                place
            });
            return Self::Flow(entries.collect());
        }
        let widths: Vec<f64> = (0..legend.heads.len())
            .map(|column| {
                let cells = legend
                    .entries
                    .iter()
                    .filter_map(|row| row.cells.get(column));
                let head = LEGEND_HEAD.width(&legend.heads[column]);
                cells.map(|cell| LEGEND.width(cell)).fold(head, f64::max)
            })
            .collect();
        let cells_room = widths.iter().map(|width| width + ENTRY_GAP).sum::<f64>();
        // Cells far from their label are hard to follow, so a long label gives way first.
        let room = (ROOM - cells_room - text_start).clamp(60.0, 400.0);
        let labels: Vec<String> = legend
            .entries
            .iter()
            .map(|entry| LEGEND.shorten(&entry.label, room))
            .collect();
        let widest = labels.iter().map(|label| LEGEND.width(label));
        let mut right = MARGIN + text_start + widest.fold(0.0, f64::max);
        let rights = widths
            .iter()
            .map(|width| {
                right += ENTRY_GAP + width;
                right
            })
            .collect();
        Self::Columns { rights, labels }
    }

    fn height(&self, legend: &Legend) -> f64 {
        let count = match self {
            Self::Flow(places) => places.last().map_or(0, |(_, line, _)| line + 1),
            Self::Columns { .. } => legend.entries.len() + 1,
        };
        LEGEND_LINE * count as f64
    }

    fn draw(&self, sheet: &Sheet<'_>, legend: &Legend, top: f64) -> Result<()> {
        let middle_of = |line: usize| top + LEGEND_LINE * (line as f64 + 0.5);
        match self {
            Self::Flow(places) => {
                for (entry, (left, line, label)) in legend.entries.iter().zip(places) {
                    swatch(sheet, entry.swatch, *left, middle_of(*line))?;
                    let at = (
                        *left + SWATCH + SWATCH_GAP,
                        middle_of(*line) + LEGEND.drop(),
                    );
                    sheet.text(label, at, Anchor::Start, LEGEND)?;
                }
            }
            Self::Columns { rights, labels } => {
                for (head, right) in legend.heads.iter().zip(rights) {
                    let at = (*right, middle_of(0) + LEGEND_HEAD.drop());
                    sheet.text(head, at, Anchor::End, LEGEND_HEAD)?;
                }
                for (index, (entry, label)) in legend.entries.iter().zip(labels).enumerate() {
                    let middle = middle_of(index + 1);
                    let baseline = middle + LEGEND.drop();
                    swatch(sheet, entry.swatch, MARGIN, middle)?;
                    let at = (MARGIN + SWATCH + SWATCH_GAP, baseline);
                    sheet.text(label, at, Anchor::Start, LEGEND)?;
                    for (cell, right) in entry.cells.iter().zip(rights) {
                        sheet.text(cell, (*right, baseline), Anchor::End, LEGEND)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn swatch(sheet: &Sheet<'_>, swatch: Swatch, left: f64, middle: f64) -> Result<()> {
    let patch = Area {
        left,
        top: middle - 6.5,
        right: left + SWATCH,
        bottom: middle + 6.5,
    };
    match swatch {
        Swatch::Patch { fill, edge } => {
            sheet.fill(patch, fill)?;
            match edge {
                Some(edge) => outline(sheet, patch, edge, 0.8),
                None => Ok(()),
            }
        }
        Swatch::Line { colour, width } => {
            sheet.line(&[(left, middle), (left + SWATCH, middle)], colour, width)
        }
        Swatch::Stroke(style) => {
            let ends = [(left, middle), (left + SWATCH, middle)];
            series::stroke(sheet, &ends, style, 2.0)
        }
        Swatch::Mark(style) => series::marks(sheet, &[(left + 11.0, middle)], style, 3.8),
        Swatch::Marks { marks, ground } => {
            sheet.fill(patch, ground)?;
            let spans = [4.0, 8.0, 13.0, 17.0].map(|x| (left + x, left + x + 1.0));
            sheet.stripes(&spans, (patch.top, patch.bottom), marks)
        }
    }
}
