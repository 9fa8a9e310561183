//! The room as its callers see it: the figures that ship, drawn from tables of every awkward shape.

mod planes;

use resvg::usvg::{Group, Node, Rect};

use super::{Figure, Look, page_colours, png, raster};
use crate::table::{Cell, Table};

mod bar;
mod boxes;
mod forest;
mod labelled;
mod waterfall;
mod words;

const TIMELINE: &str = include_str!("../../figures/timeline.toml");
const ICL_ECDF: &str = include_str!("../../figures/icl_ecdf.toml");
const TIME_BUDGET: &str = include_str!("../../figures/time_budget.toml");
const LONG: &str = "the-data-collection-agent-with-a-very-long-name-indeed & <more>";

fn figure(name: &str) -> Figure {
    let text = match name {
        "timeline" => TIMELINE,
        "icl_ecdf" => ICL_ECDF,
        _ => TIME_BUDGET,
    };
    Figure::parse(&format!("figures/{name}.toml"), text).unwrap()
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn table(columns: &str, rows: Vec<Vec<Cell>>) -> Table {
    let columns = columns.split(' ').map(str::to_owned).collect();
    Table { columns, rows }
}

/// A table with the counts that its figure's subtitle names, as large as they may get.
fn counted(columns: &str, counts: &str, mut rows: Vec<Vec<Cell>>) -> Table {
    for row in &mut rows {
        row.extend(counts.split(' ').map(|_| Cell::Int(123_456)));
    }
    table(&format!("{columns} {counts}"), rows)
}

fn agents(count: usize, long: bool) -> Vec<String> {
    (1..=count)
        .map(|index| match long {
            true => format!("{LONG} {index}"),
            false => format!("agent {index}"),
        })
        .collect()
}

fn timeline(runs: usize, lanes: usize, long: bool) -> Table {
    let mut rows = Vec::new();
    for run in 1..=runs {
        for (index, agent) in agents(lanes, long).iter().enumerate() {
            let panel = match long {
                true => format!("run {run} of {LONG}"),
                false => format!("run {run}"),
            };
            let start = 20.0 * index as f64;
            let mut row = |kind: &str, start: f64, end: Cell| {
                let start = Cell::Float(start);
                rows.push(vec![text(&panel), text(agent), text(kind), start, end]);
            };
            row("request", start, Cell::Float(start + 2200.0));
            row("prompt", start, Cell::Float(start + 180.0));
            for token in 0..100 {
                let gap = 17.0 + f64::from(token % 7);
                row("token", start + 180.0 + f64::from(token) * gap, Cell::Null);
            }
            // A request that was cut off, before its first token.
            row("request", start + 2400.0, Cell::Null);
            row("prompt", start + 2400.0, Cell::Null);
        }
    }
    counted(
        "run agent kind start_ms end_ms",
        "runs requests tokens",
        rows,
    )
}

fn icl_ecdf(groups: usize, long: bool) -> Table {
    let mut rows = Vec::new();
    for (index, agent) in agents(groups, long).iter().enumerate() {
        for step in 1..=50 {
            let gap = (10.0 + f64::from(step) * 0.2) * (1.0 + index as f64);
            rows.push(vec![
                text(agent),
                Cell::Float(gap),
                Cell::Float(f64::from(step) / 50.0),
                Cell::Int(50),
                Cell::Float(15.0 * (1.0 + index as f64)),
                Cell::Float(19.9 * (1.0 + index as f64)),
            ]);
        }
    }
    table("series icl_ms fraction n p50_ms p99_ms", rows)
}

fn time_budget(runs: usize, long: bool) -> Table {
    let shares = [
        ("stagger", 1.0),
        ("client", 4.0),
        ("transport", 0.5),
        ("queue", 9.5),
        ("load", 5.0),
        ("prompt", 10.0),
        ("decode", 66.0),
        ("tail", 4.0),
    ];
    let mut rows = Vec::new();
    for panel in ["concurrent", "solo"] {
        for run in 1..=runs {
            for agent in agents(2, long) {
                for (part, percent) in shares {
                    rows.push(vec![
                        Cell::Int(run as i64),
                        text(&format!("run {run} · {agent}")),
                        text(panel),
                        text(part),
                        Cell::Float(percent),
                    ]);
                }
            }
        }
    }
    counted("run_number bar panel part percent", "bars", rows)
}

/// Every figure with every awkward table.
fn drawn() -> Vec<(String, String)> {
    let tables = [
        ("timeline", timeline(1, 1, false)),
        ("timeline", timeline(5, 2, false)),
        ("timeline", timeline(10, 8, false)),
        ("timeline", timeline(3, 2, true)),
        ("timeline", timeline(0, 0, false)),
        ("icl_ecdf", icl_ecdf(1, false)),
        ("icl_ecdf", icl_ecdf(2, false)),
        ("icl_ecdf", icl_ecdf(8, true)),
        ("icl_ecdf", icl_ecdf(20, false)),
        ("icl_ecdf", Table::default()),
        ("time_budget", time_budget(1, false)),
        ("time_budget", time_budget(10, false)),
        ("time_budget", time_budget(3, true)),
        ("time_budget", time_budget(0, false)),
    ];
    tables
        .into_iter()
        .enumerate()
        .map(|(index, (name, table))| {
            let svg = figure(name).svg(&table, Look::Light).unwrap();
            (format!("{name}, table {index}"), svg)
        })
        .collect()
}

/// A text, its place, and whether it is turned.
type TextBox = (String, Rect, bool);

fn text_boxes(group: &Group, found: &mut Vec<TextBox>) {
    for node in group.children() {
        match node {
            Node::Group(group) => text_boxes(group, found),
            Node::Text(node) => {
                let chunks = node.chunks().iter().map(|chunk| chunk.text());
                let turned = node.abs_transform().has_skew();
                found.push((chunks.collect(), node.abs_bounding_box(), turned));
            }
            _ => {}
        }
    }
}

/// Turned texts stand closer than their upright boxes, so only their lying in the picture is seen.
/// Boxes are higher than letters: 2 pixels of them are free above and below.
fn assert_texts_are_free(name: &str, svg: &str) {
    let tree = raster::read(svg).unwrap();
    let mut boxes = Vec::new();
    text_boxes(tree.root(), &mut boxes);
    assert!(boxes.len() >= 3, "{name}: {boxes:?}");
    let (width, height) = (tree.size().width(), tree.size().height());
    for (index, (text, place, turned)) in boxes.iter().enumerate() {
        let inside = place.left() >= 0.0
            && place.top() >= 0.0
            && place.right() <= width
            && place.bottom() <= height;
        assert!(inside, "{name}: `{text}` at {place:?} is cut");
        for (other, taken, other_turned) in &boxes[index + 1..] {
            let apart = place.right() <= taken.left()
                || taken.right() <= place.left()
                || place.bottom() <= taken.top() + 2.0
                || taken.bottom() <= place.top() + 2.0;
            let both_turned = *turned && *other_turned;
            assert!(apart || both_turned, "{name}: `{text}` overlaps `{other}`");
        }
    }
}

#[test]
fn every_text_lies_inside_the_picture_and_on_no_other() {
    for (name, svg) in drawn() {
        assert_texts_are_free(&name, &svg);
    }
}

/// The values of every `fill` and `stroke`.
fn colours(svg: &str) -> Vec<&str> {
    let starts = svg.split(" fill=\"").chain(svg.split(" stroke=\""));
    let values = starts.filter_map(|rest| rest.split_once('"').map(|(value, _)| value));
    values.filter(|value| !value.starts_with('<')).collect()
}

#[test]
fn every_colour_is_one_of_the_palette_in_every_look() {
    let css = page_colours();
    let tables = [
        ("timeline", timeline(2, 9, false)),
        ("icl_ecdf", icl_ecdf(9, false)),
        ("time_budget", time_budget(2, false)),
    ];
    for (name, table) in tables {
        let drawn = |look| figure(name).svg(&table, look).unwrap();
        let (light, dark, page) = (drawn(Look::Light), drawn(Look::Dark), drawn(Look::Page));
        assert!(colours(&light).len() > 20, "{name}");
        for colour in colours(&light).into_iter().chain(colours(&dark)) {
            let known = colour == "none" || css.contains(&format!(":{colour};"));
            assert!(known, "{name}: {colour}");
        }
        for colour in colours(&page)
            .into_iter()
            .filter(|colour| *colour != "none")
        {
            let light = colour.trim_start_matches("var(").replace(',', ":");
            let declared = css.contains(&light.replace(')', ";"));
            assert!(declared && colour.starts_with("var("), "{name}: {colour}");
        }
    }
}

#[test]
fn the_same_table_gives_the_same_bytes() {
    for ((name, first), (_, second)) in drawn().into_iter().zip(drawn()) {
        assert_eq!(first, second, "{name}");
    }
    let svg = figure("timeline")
        .svg(&timeline(2, 2, false), Look::Light)
        .unwrap();
    assert_eq!(png(&svg, 1.5).unwrap(), png(&svg, 1.5).unwrap());
}

#[test]
fn a_screen_reader_hears_title_and_description() {
    for (name, svg) in drawn() {
        assert!(svg.contains("role=\"img\" aria-labelledby="), "{name}");
        assert!(svg.contains("<title id="), "{name}");
        assert!(svg.contains("<desc id="), "{name}");
        assert!(svg.contains("viewBox=\"0 0 9000 "), "{name}");
    }
    let svg = figure("timeline")
        .svg(&timeline(2, 2, false), Look::Light)
        .unwrap();
    assert!(svg.contains("Panels: run 1, run 2. Lanes: agent 1, agent 2. 8 requests"));
}

#[test]
fn text_is_text_in_the_vendored_family() {
    let svg = figure("time_budget")
        .svg(&time_budget(2, false), Look::Light)
        .unwrap();
    assert!(svg.contains("font-family=\"Inter, "));
    assert!(svg.contains(">run 2 · agent 1</text>"));
    assert!(svg.contains(">66%</text>"));
}

#[test]
fn an_empty_table_says_why() {
    let svg = figure("timeline")
        .svg(&Table::default(), Look::Light)
        .unwrap();
    assert!(svg.contains("no rows: the query “timeline” found nothing"));
    let nulls = vec![vec![
        text("a"),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
    ]];
    let nulls = table("series icl_ms fraction n p50_ms p99_ms", nulls);
    let svg = figure("icl_ecdf").svg(&nulls, Look::Light).unwrap();
    assert!(svg.contains("no values: every “icl_ms” is null"));
}

#[test]
fn a_missing_column_is_named_with_those_there_are() {
    let table = table("run agent kind start_ms", vec![]);
    let error = figure("timeline")
        .svg(&table, Look::Light)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "figure `timeline` draws column `end_ms`, but query `timeline` gives only run, agent, \
         kind, start_ms; change figures/timeline.toml line 17 or the query"
    );
}

#[test]
fn a_cell_of_the_wrong_kind_is_named_with_its_row() {
    let mut table = timeline(1, 1, false);
    table.rows[3][3] = text("soon");
    let error = figure("timeline")
        .svg(&table, Look::Light)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("column `start_ms` holds the text `soon` in row 4"),
        "{error}"
    );
    table.rows[3][3] = Cell::Int(7);
    table.rows[2][2] = text("thinking");
    let error = figure("timeline")
        .svg(&table, Look::Light)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("takes 'request', 'prompt' or 'token'"),
        "{error}"
    );
}

fn refused(toml_text: &str) -> String {
    Figure::parse("mine", toml_text).unwrap_err().to_string()
}

#[test]
fn a_wrong_figure_is_refused_with_file_line_and_remedy() {
    let edited = |from: &str, to: &str| {
        assert!(TIMELINE.contains(from), "{from}");
        refused(&TIMELINE.replace(from, to))
    };
    for (error, parts) in [
        (
            edited("\ntitle =", "\ntitel ="),
            ["line 2: ", "unknown field `titel`", "rename it"],
        ),
        (
            edited("chart = \"timeline\"", "chart = \"pie\""),
            ["line 5: ", "`pie`", "choose one"],
        ),
        (
            edited("query = \"timeline\"", "query = 3"),
            ["line 4: ", "integer `3`", "in quotes"],
        ),
        (
            edited("query = \"timeline\"\n", ""),
            ["line 1: ", "`query` is missing", "add: query ="],
        ),
        (
            edited("lane = ", "lanes = "),
            ["line 14: ", "`lanes` means nothing", "takes lane, kind"],
        ),
        (
            edited("lane = \"agent\"\n", ""),
            ["line 12: ", "[encode] lacks `lane`", "add: lane ="],
        ),
        (
            edited("is a stall", "is {a stall"),
            ["line 3: ", "not closed", "write {column}"],
        ),
        (
            edited("kind = \"kind\"", "kind = kind"),
            ["line 15: ", "must be quoted", "correct that line"],
        ),
        (
            edited("\"timeline\"\nchart", "\"queries/t.sql\"\nchart"),
            ["line 4", "a name", "without"],
        ),
    ] {
        assert!(error.starts_with("mine.toml line "), "{error}");
        for part in parts {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
    }
}

#[test]
fn a_figure_fills_its_places_and_refuses_columns_the_query_lacks() {
    let toml = ICL_ECDF.replace("all requests pooled", "n = {n}");
    let figure = Figure::parse("icl_ecdf", &toml).unwrap();
    let svg = figure.svg(&icl_ecdf(1, false), Look::Light).unwrap();
    assert!(svg.contains("n = 50</text>"));
    let toml = ICL_ECDF.replace("all requests pooled", "{rows} gaps");
    let error = Figure::parse("icl_ecdf", &toml).unwrap();
    let error = error
        .svg(&icl_ecdf(1, false), Look::Light)
        .unwrap_err()
        .to_string();
    assert!(error.contains("draws column `rows`"), "{error}");
}

#[test]
fn many_tokens_stay_a_small_picture() {
    let mut rows = Vec::new();
    for lane in 0..80 {
        for token in 0..2000 {
            rows.push(vec![
                text(&format!("run {}", lane / 8)),
                text(&format!("agent {}", lane % 8)),
                text("token"),
                Cell::Float(f64::from(token) * 25.0 + f64::from(token % 3) * 7.0),
                Cell::Null,
            ]);
        }
    }
    let table = counted(
        "run agent kind start_ms end_ms",
        "runs requests tokens",
        rows,
    );
    let svg = figure("timeline").svg(&table, Look::Light).unwrap();
    assert!(svg.len() < 1_000_000, "{} bytes", svg.len());
}

#[test]
fn a_png_is_made_at_the_scale_asked_for() {
    let svg = figure("icl_ecdf")
        .svg(&icl_ecdf(2, false), Look::Light)
        .unwrap();
    let picture = png(&svg, 2.0).unwrap();
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&picture[16..20], 1800u32.to_be_bytes());
    assert!(png(&svg, 1000.0).is_err());
    assert!(png("no picture", 1.0).is_err());
}
