//! `heatmap`: a table of labels by labels, each value a colour and, where it fits, written.

use std::collections::HashMap;

use anyhow::{Result, bail};

use super::channels::{Channel, Channels, number_of, place_of};
use super::colours::{Colours, KEY_ROOM, draw_key, hatch};
use super::figure::{Figure, captioned};
use super::frame::{Chart, Legend, empty, frame, no_rows};
use super::lettering::{AXIS_LABEL, CATEGORY, Lettering, TICK};
use super::sheet::{Anchor, Area, Sheet, escape, unit, written};
use super::template::grouped;
use super::theme::{self, MARGIN, WIDTH};
use crate::table::Table;

pub const CHANNELS: &[Channel] = &[
    Channel::required("x", "the label of a column"),
    Channel::required("y", "the label of a row"),
    Channel::required("value", "the number that is the cell's colour"),
    Channel::optional("text", "what is written in the cell instead of the value"),
    Channel::optional("n", "values behind the cell"),
];

const ROOM: f64 = WIDTH - 2.0 * MARGIN;
const LABEL_ROOM: f64 = 210.0;
const LABEL_GAP: f64 = 10.0;
/// The widest cell; few columns do not stretch over the whole sheet.
const WIDEST: f64 = 110.0;
/// Free space at both sides of what is written in a cell.
const INSET: f64 = 3.0;
/// Length of a column's label that is turned, and the least angle it is turned by.
const TURNED: f64 = 150.0;
const LEAST_TURN: f64 = 35.0;
/// Rows and columns beyond which no cell could be seen.
const MOST: usize = 80;
/// Cells beyond which none is told when it is pointed at, nor marked: the picture stays small.
const TOLD: usize = 2000;

struct Tile {
    value: Option<f64>,
    text: Option<String>,
    n: Option<f64>,
}

struct Tiles {
    columns: Vec<String>,
    rows: Vec<String>,
    tiles: HashMap<(usize, usize), Tile>,
}

impl Tiles {
    fn read(figure: &Figure, channels: &Channels<'_>) -> Result<Self> {
        let (x, y) = (channels.required("x")?, channels.required("y")?);
        let value = channels.required("value")?;
        let (text, n) = (channels.optional("text")?, channels.optional("n")?);
        let (mut columns, mut rows, mut tiles) = (Vec::new(), Vec::new(), HashMap::new());
        for row in 0..channels.len() {
            let column = place_of(&mut columns, &x.label(row)?);
            let line = place_of(&mut rows, &y.label(row)?);
            if columns.len().max(rows.len()) > MOST {
                bail!(
                    "figure `{}` has more than {MOST} columns or rows, too many to tell apart; \
                     let query `{}` give fewer",
                    figure.name,
                    figure.query
                );
            }
            let text = match text {
                Some(text) if !text.is_null(row) => Some(text.label(row)?),
                _ => None,
            };
            let tile = Tile {
                value: value.number(row)?,
                text,
                n: number_of(n, row)?,
            };
            if tiles.insert((column, line), tile).is_some() {
                let found = format!("`{}` beside `{}` again", columns[column], rows[line]);
                return Err(x.wrong(row, &found, "one row for each cell"));
            }
        }
        Ok(Self {
            columns,
            rows,
            tiles,
        })
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.tiles.values().filter_map(|tile| tile.value)
    }

    fn has_gaps(&self) -> bool {
        self.values().count() < self.columns.len() * self.rows.len()
    }
}

/// Sizes of cells, and how their labels stand.
struct Layout {
    indent: f64,
    cell: (f64, f64),
    digits: Option<Lettering>,
    /// Of how many columns one has a label.
    every: usize,
    /// The angle of these labels, and their height under the cells.
    turn: f64,
    below: f64,
}

impl Layout {
    fn new(tiles: &Tiles, texts: &[String]) -> Self {
        let rows = tiles.rows.iter().map(|row| {
            let shown = CATEGORY.shorten(row, LABEL_ROOM);
            CATEGORY.width(&shown)
        });
        let indent = rows.fold(0.0, f64::max) + LABEL_GAP;
        let width = ((ROOM - indent) / tiles.columns.len() as f64).min(WIDEST);
        let height = (620.0 / tiles.rows.len() as f64).clamp(17.0, 34.0).floor();
        let sizes = [12.5, 11.5, 10.5, 9.5, 8.5].map(|size| TICK.sized(size));
        let digits = sizes.into_iter().find(|digits| {
            let widest = texts.iter().map(|text| digits.width(text));
            widest.fold(0.0, f64::max) + 2.0 * INSET <= width && digits.size + 4.0 <= height
        });
        let widest = tiles.columns.iter().map(|label| CATEGORY.width(label));
        let widest = widest.fold(0.0, f64::max);
        // Turned labels are as flat as lines of text stay apart; of very narrow columns, not every
        // one has a label.
        let line = CATEGORY.size + 2.0;
        let every = (line / width).ceil().max(1.0);
        let (turn, below) = match widest + 8.0 <= width {
            true => (0.0, 20.0),
            false => {
                let turn = (line / (width * every)).min(1.0).asin().to_degrees();
                let turn = turn.max(LEAST_TURN);
                let length = widest.min(TURNED);
                (turn, length * turn.to_radians().sin() + 20.0)
            }
        };
        Self {
            indent,
            cell: (width, height),
            digits,
            every: every as usize,
            turn,
            below,
        }
    }

    fn tile(&self, area: Area, (column, row): (usize, usize)) -> Area {
        let left = area.left + self.indent + column as f64 * self.cell.0;
        let top = area.top + row as f64 * self.cell.1;
        Area {
            left,
            top,
            right: left + self.cell.0,
            bottom: top + self.cell.1,
        }
    }
}

/// Draws the figure.
pub fn draw(figure: &Figure, table: &Table) -> Result<String> {
    let channels = Channels::new(figure, table)?;
    if channels.is_empty() {
        return empty(figure, table, &no_rows(figure));
    }
    let tiles = Tiles::read(figure, &channels)?;
    let column = channels.required("value")?;
    if tiles.values().next().is_none() {
        let why = format!("no values: every “{}” is null", column.name());
        return empty(figure, table, &why);
    }
    let colours = Colours::new(
        &figure.scale,
        tiles.values().collect::<Vec<_>>().into_iter(),
    );
    let text = |tile: &Tile| match (&tile.text, tile.value) {
        (Some(text), _) => text.clone(),
        (None, Some(value)) => colours.written(value),
        (None, None) => String::new(),
    };
    let texts: Vec<String> = tiles.tiles.values().map(text).collect();
    let layout = Layout::new(&tiles, &texts);
    let label = figure.scale.label.as_deref().unwrap_or(column.name());
    let key = captioned(Some(label), figure.scale.unit.as_deref());
    let (x_label, y_label) = (
        figure.x_label.as_deref().unwrap_or_default(),
        figure.y_label.as_deref().unwrap_or_default(),
    );
    let above = if y_label.is_empty() { 0.0 } else { 22.0 };
    let under = if x_label.is_empty() { 4.0 } else { 30.0 };
    let height = layout.cell.1 * tiles.rows.len() as f64;
    let many = tiles.columns.len() * tiles.rows.len() > TOLD;
    let chart = Chart {
        legend: Legend::default(),
        height: KEY_ROOM + above + height + layout.below + under,
        description: description(&tiles, &key, &colours),
        marks: String::new(),
        remarks: remarks(&tiles, &layout, &colours, many),
        draw: Box::new(|sheet, area| {
            draw_key(sheet, area, &key, &colours, tiles.has_gaps())?;
            let caption = AXIS_LABEL.shorten(y_label, area.width());
            let at = (area.left, area.top + KEY_ROOM + AXIS_LABEL.size);
            sheet.text(&caption, at, Anchor::Start, AXIS_LABEL)?;
            let grid = Area {
                top: area.top + KEY_ROOM + above,
                bottom: area.top + KEY_ROOM + above + height,
                ..area
            };
            for (row, name) in tiles.rows.iter().enumerate() {
                for (column, across) in tiles.columns.iter().enumerate() {
                    let tile = tiles.tiles.get(&(column, row));
                    let place = layout.tile(grid, (column, row));
                    let told = match many {
                        true => String::new(),
                        false => told(name, across, tile, &colours),
                    };
                    draw_tile(sheet, place, tile, &colours, &told)?;
                    let written = tile.map(&text).unwrap_or_default();
                    if !many || layout.digits.is_some() {
                        write(sheet, place, tile, (&written, layout.digits), &colours)?;
                    }
                }
            }
            draw_labels(sheet, grid, &tiles, &layout)?;
            let right = grid.left + layout.indent + layout.cell.0 * tiles.columns.len() as f64;
            let caption = AXIS_LABEL.shorten(x_label, area.width());
            let half = AXIS_LABEL.width(&caption) / 2.0;
            let middle = (grid.left + layout.indent + right) / 2.0;
            let middle = middle.clamp(area.left + half, (area.right - half).max(area.left + half));
            let at = (middle, grid.bottom + layout.below + 18.0);
            sheet.text(&caption, at, Anchor::Middle, AXIS_LABEL)
        }),
    };
    frame(figure, table, chart)
}

/// What a cell says when it is pointed at.
fn told(row: &str, column: &str, tile: Option<&Tile>, colours: &Colours) -> String {
    let value = match tile.and_then(|tile| tile.value) {
        Some(value) => colours.written(value),
        None => "no value".to_owned(),
    };
    let text = tile.and_then(|tile| tile.text.clone());
    let text = text.map_or(String::new(), |text| format!(" ({text})"));
    let n = tile.and_then(|tile| tile.n);
    let n = n.map_or(String::new(), |n| {
        format!(", n = {}", grouped(&n.to_string()))
    });
    format!("{row}, {column}: {value}{text}{n}")
}

fn draw_tile(
    sheet: &Sheet<'_>,
    place: Area,
    tile: Option<&Tile>,
    colours: &Colours,
    told: &str,
) -> Result<()> {
    let value = tile.and_then(|tile| tile.value);
    let fill = value.map_or(theme::PAPER, |value| colours.of(value));
    let title = match told.is_empty() {
        true => String::new(),
        false => format!("<title>{}</title>", escape(told)),
    };
    sheet.element(format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\">{title}</rect>",
        unit(place.left + 0.5),
        unit(place.top + 0.5),
        unit(place.right - 0.5) - unit(place.left + 0.5),
        unit(place.bottom - 0.5) - unit(place.top + 0.5),
        written(fill)
    ))?;
    match value {
        Some(_) => Ok(()),
        None => hatch(sheet, place),
    }
}

/// Writes a cell's text; where texts do not fit, a minus marks what lies below the middle, which
/// cannot be told from what lies above it without colours.
fn write(
    sheet: &Sheet<'_>,
    place: Area,
    tile: Option<&Tile>,
    (text, digits): (&str, Option<Lettering>),
    colours: &Colours,
) -> Result<()> {
    let value = tile.and_then(|tile| tile.value);
    let below = value
        .zip(colours.middle)
        .is_some_and(|(value, middle)| value < middle);
    let (text, digits) = match digits {
        Some(digits) => (text, digits),
        None if below => ("\u{2212}", TICK.sized(11.0)),
        None => return Ok(()),
    };
    let ground = value.map_or(theme::PAPER, |value| colours.of(value));
    let middle = (place.left + place.right) / 2.0;
    if value.is_none() && !text.is_empty() {
        // Letters must not lie on the hatching.
        let half = digits.width(text) / 2.0 + 2.0;
        let behind = Area {
            left: (middle - half).max(place.left + 0.5),
            right: (middle + half).min(place.right - 0.5),
            top: place.top + 1.0,
            bottom: place.bottom - 1.0,
        };
        sheet.fill(behind, theme::PAPER)?;
    }
    let at = (middle, place.middle() + digits.drop());
    sheet.text(
        text,
        at,
        Anchor::Middle,
        digits.coloured(theme::ink_on(ground)),
    )
}

fn draw_labels(sheet: &Sheet<'_>, grid: Area, tiles: &Tiles, layout: &Layout) -> Result<()> {
    for (row, label) in tiles.rows.iter().enumerate() {
        let place = layout.tile(grid, (0, row));
        let shown = CATEGORY.shorten(label, LABEL_ROOM);
        let at = (place.left - LABEL_GAP, place.middle() + CATEGORY.drop());
        sheet.named_text(&shown, at, (Anchor::End, 0.0), CATEGORY, label)?;
    }
    let columns = tiles.columns.iter().enumerate();
    for (column, label) in columns.step_by(layout.every) {
        let place = layout.tile(grid, (column, 0));
        let middle = (place.left + place.right) / 2.0;
        if layout.turn == 0.0 {
            let at = (middle, grid.bottom + 16.0);
            sheet.text(label, at, Anchor::Middle, CATEGORY)?;
            continue;
        }
        let radians = layout.turn.to_radians();
        // A turned label runs to the left and must not leave the sheet.
        let left = (middle - grid.left) / radians.cos().max(1e-3);
        let shown = CATEGORY.shorten(label, TURNED.min(left - 4.0));
        let at = (
            middle + CATEGORY.drop() * radians.sin(),
            grid.bottom + 8.0 + CATEGORY.drop() * radians.cos(),
        );
        sheet.named_text(&shown, at, (Anchor::End, -layout.turn), CATEGORY, label)?;
    }
    Ok(())
}

fn description(tiles: &Tiles, key: &str, colours: &Colours) -> String {
    format!(
        "Heat map of {key}, from {} to {}. Columns: {}. Rows: {}.",
        colours.written(colours.low),
        colours.written(colours.high),
        tiles.columns.join(", "),
        tiles.rows.join(", ")
    )
}

fn remarks(tiles: &Tiles, layout: &Layout, colours: &Colours, many: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    let counts: Vec<f64> = tiles.tiles.values().filter_map(|tile| tile.n).collect();
    if !counts.is_empty() {
        let least = counts.iter().copied().fold(f64::INFINITY, f64::min);
        let most = counts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let text = |n: f64| grouped(&n.to_string());
        remarks.push(match least == most {
            true => format!("n = {} in each cell.", text(least)),
            false => format!("n = {} to {} a cell.", text(least), text(most)),
        });
    }
    if layout.every > 1 {
        remarks.push(format!("One of {} columns is labelled.", layout.every));
    }
    if layout.digits.is_none() {
        let minus = match colours.middle {
            Some(middle) if !many => {
                format!("; a minus marks those below {}", colours.written(middle))
            }
            _ => String::new(),
        };
        remarks.push(format!("The cells are too small for their values{minus}."));
    }
    remarks
}
