//! The charts with numeric axes, and the heat map, drawn from tables of every awkward shape.

use std::fmt::Write as _;

use super::super::theme::Look;
use super::{LONG, assert_texts_are_free, table, text};
use crate::draw::{Figure, png};
use crate::table::Cell;

/// A figure whose channels are columns of the same names.
fn figure(chart: &str, more: &str, channels: &str) -> Figure {
    let mut toml = format!("title = \"T\"\nquery = \"q\"\nchart = \"{chart}\"\n{more}\n[encode]\n");
    for channel in channels.split(' ') {
        let _ = writeln!(toml, "{channel} = \"{channel}\"");
    }
    Figure::parse(chart, &toml).unwrap()
}

fn number(value: f64) -> Cell {
    Cell::Float(value)
}

fn rows(rows: &[&[f64]]) -> Vec<Vec<Cell>> {
    let cell = |value: &f64| match value.is_nan() {
        true => Cell::Null,
        false => Cell::Float(*value),
    };
    rows.iter()
        .map(|row| row.iter().map(cell).collect())
        .collect()
}

fn drawn(chart: &str, more: &str, channels: &str, rows: Vec<Vec<Cell>>) -> String {
    let table = table(channels, rows);
    figure(chart, more, channels)
        .svg(&table, Look::Light)
        .unwrap()
}

fn refused(chart: &str, channels: &str, rows: Vec<Vec<Cell>>) -> String {
    let table = table(channels, rows);
    figure(chart, "", channels)
        .svg(&table, Look::Light)
        .unwrap_err()
        .to_string()
}

/// What an attribute of every element of a kind holds.
fn attributes(svg: &str, element: &str, attribute: &str) -> Vec<f64> {
    let opening = format!("<{element} ");
    let elements = svg.split(&opening).skip(1);
    let values = elements.filter_map(|rest| {
        let element = rest.split('>').next()?;
        let value = element.split(&format!("{attribute}=\"")).nth(1)?;
        value.split('"').next()?.parse().ok()
    });
    values.collect()
}

fn names(count: usize, long: bool) -> Vec<String> {
    let name = |index| match long {
        true => format!("{LONG} {index}"),
        false => format!("g{index}"),
    };
    (1..=count).map(name).collect()
}

/// `count` groups of a few points each, every one a little other than the last.
fn grouped(count: usize, long: bool, low: f64) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for (index, name) in names(count, long).iter().enumerate() {
        for step in 0..12 {
            let (x, y) = (
                f64::from(step),
                low + f64::from(step * 7 % 5) + index as f64,
            );
            let mut row = vec![text(name), number(x), number(y)];
            row.extend([y - 1.0, y + 1.0, y + 0.1, 12.0].map(number));
            rows.push(row);
        }
    }
    rows
}

fn cells(columns: usize, lines: usize, long: bool) -> Vec<Vec<Cell>> {
    let (columns, lines) = (names(columns, long), names(lines, long));
    let mut rows = Vec::new();
    for (across, x) in columns.iter().enumerate() {
        for (down, y) in lines.iter().enumerate() {
            let value = match (across + down) % 7 {
                3 => Cell::Null,
                rest => number(rest as f64 / 3.0 - 1.0),
            };
            rows.push(vec![text(x), text(y), value, Cell::Int(30)]);
        }
    }
    rows
}

const LABELS: &str = "x_label = \"Along\"\ny_label = \"Up\"\nunits = {x = \"ms\", y = \"tok/s\"}";

/// Every chart with tables of so many groups, with long labels or short ones.
fn gallery(counts: &[(usize, bool)]) -> Vec<(String, String)> {
    let mut drawn_of = Vec::new();
    let mut add = |chart: &str, more: &str, channels: &str, columns: &str, rows: Vec<Vec<Cell>>| {
        let svg = figure(chart, more, channels)
            .svg(&table(columns, rows), Look::Light)
            .unwrap();
        let name = format!("{chart} {} with {channels}", drawn_of.len());
        drawn_of.push((name, svg));
    };
    for (count, long) in counts.iter().copied() {
        // Letters take their time to be measured, so of many groups there is one figure.
        let lows: &[f64] = if count > 9 {
            &[0.0]
        } else {
            &[0.0, -1e6, 1e-9, 1e15]
        };
        for low in lows.iter().copied() {
            let groups = || grouped(count, long, low);
            let by = |group: &str| format!("{group} x y low high fit n");
            add(
                "line",
                LABELS,
                "x y group low high n",
                &by("group"),
                groups(),
            );
            add("line", LABELS, "x y panel n", &by("panel"), groups());
            add("scatter", LABELS, "x y group fit n", &by("group"), groups());
            add("scatter", LABELS, "x y panel fit n", &by("panel"), groups());
            let quantiles = "group theoretical sample low high line n";
            add(
                "qq",
                LABELS,
                "theoretical sample group line n",
                quantiles,
                groups(),
            );
        }
        // The band about each y is a bin, x its count.
        let columns = "group count y low high median n";
        let channels = "low high group median n count";
        add(
            "histogram",
            LABELS,
            channels,
            columns,
            grouped(count, long, 3.0),
        );
    }
    for (count, long) in counts.iter().copied() {
        let cells = || cells(count, count.min(30) + 1, long);
        let scale = "x_label = \"Model\"\ny_label = \"Scenario\"\n[scale]\nmiddle = 0\nhigh = 0.5";
        add("heatmap", scale, "x y value n", "x y value n", cells());
        add("heatmap", "", "x y value", "x y value n", cells());
    }
    drawn_of
}

#[test]
fn no_text_is_cut_or_covered_whatever_the_labels_and_counts() {
    let counts = [(1, false), (3, false), (7, true), (40, false), (40, true)];
    for (name, svg) in gallery(&counts) {
        assert_texts_are_free(&name, &svg);
        assert!(svg.len() < 1_000_000, "{name}: {} bytes", svg.len());
        assert!(svg.contains("<desc id="), "{name}");
    }
}

#[test]
fn the_same_table_gives_the_same_bytes() {
    let drawn_of = || gallery(&[(3, false), (9, true)]).into_iter();
    for ((name, first), (_, second)) in drawn_of().zip(drawn_of()) {
        assert_eq!(first, second, "{name}");
    }
    let svg = drawn("heatmap", "", "x y value n", cells(3, 3, false));
    assert_eq!(png(&svg, 1.0).unwrap(), png(&svg, 1.0).unwrap());
}

#[test]
fn points_lie_where_their_numbers_say() {
    let points: &[&[f64]] = &[&[1.0, 0.0], &[10.0, 5.0], &[100.0, 10.0]];
    let svg = drawn("scatter", "x_scale = \"log\"", "x y", rows(points));
    let (x, y) = (
        attributes(&svg, "circle", "cx"),
        attributes(&svg, "circle", "cy"),
    );
    assert_eq!(x.len(), 3);
    assert!((x[1] - (x[0] + x[2]) / 2.0).abs() <= 1.0, "{x:?}");
    assert!((y[1] - (y[0] + y[2]) / 2.0).abs() <= 1.0, "{y:?}");
    assert!(x[0] < x[2] && y[0] > y[2]);
    let svg = drawn("scatter", "", "x y", rows(points));
    let x = attributes(&svg, "circle", "cx");
    assert!(((x[2] - x[0]) / (x[1] - x[0]) - 11.0).abs() < 0.05, "{x:?}");
}

#[test]
fn a_panel_says_its_correlation_and_a_group_has_its_own_mark() {
    let row = |group: &str, p: f64| {
        vec![
            number(1.0),
            number(2.0),
            text(group),
            number(-0.987),
            Cell::Int(30),
            number(p),
        ]
    };
    let same = vec![row("a", 0.02), row("b", 0.02)];
    let svg = drawn("scatter", "", "x y group r n p", same);
    assert!(svg.contains(">r = \u{2212}0.99, n = 30, p = 0.020</text>"));
    let other = vec![row("a", 0.02), row("b", 0.0001)];
    let svg = drawn("scatter", "", "x y group r n p", other.clone());
    assert!(svg.contains(">&lt; 0.001</text>") && svg.contains(">0.020</text>"));
    let svg = drawn("scatter", "", "x y panel r n p", other);
    assert!(svg.contains(">r = \u{2212}0.99, n = 30, p &lt; 0.001</text>"));
    let legend = drawn(
        "scatter",
        "",
        "x y group",
        vec![
            vec![number(1.0), number(2.0), text("a")],
            vec![number(3.0), number(4.0), text("b")],
        ],
    );
    assert_eq!(attributes(&legend, "circle", "cx").len(), 2);
    assert_eq!(legend.matches("h-").count(), 2, "two squares");
}

#[test]
fn a_null_breaks_a_line_and_a_point_alone_is_a_dot() {
    let broken: Vec<Vec<Cell>> = (0..100)
        .map(|x| {
            let y = if x == 50 || x == 52 {
                Cell::Null
            } else {
                number(f64::from(x % 9))
            };
            vec![number(f64::from(x)), y]
        })
        .collect();
    let svg = drawn("line", "", "x y", broken);
    assert_eq!(svg.matches("stroke-width=\"18\"").count(), 2);
    assert_eq!(svg.matches("stroke-linecap=\"round\"").count(), 1);
    assert!(svg.contains("A line is broken where there is no value."));
}

#[test]
fn lines_are_named_at_their_ends_where_that_fits_and_differ_without_colour() {
    let of = |groups| {
        let table = table("group x y low high fit n", grouped(groups, false, 0.0));
        figure("line", "", "x y group")
            .svg(&table, Look::Light)
            .unwrap()
    };
    let (few, many) = (of(3), of(9));
    assert_eq!(few.matches("stroke-dasharray").count(), 2);
    assert!(many.matches(">g9</text>").count() == 1 && many.len() > few.len());
    let label = |svg: &str, name: &str| {
        let before = svg.split(&format!(">{name}</text>")).next().unwrap();
        let x = before.rsplit("<text x=\"").next().unwrap();
        x.split('"').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(label(&few, "g2") > 7000.0, "at the end of its line");
    assert!(label(&many, "g1") < 1000.0, "in the legend");
}

#[test]
fn bars_are_as_high_as_their_counts() {
    let bins: &[&[f64]] = &[&[0.0, 1.0, 10.0], &[1.0, 2.0, 40.0], &[2.0, 3.0, 0.0]];
    let svg = drawn("histogram", "", "low high count", rows(bins));
    // The first rectangle is the paper.
    let heights = attributes(&svg, "rect", "height").split_off(1);
    assert_eq!(heights.len(), 2, "an empty bin has no bar: {heights:?}");
    assert!((heights[1] / heights[0] - 4.0).abs() < 0.01, "{heights:?}");
}

#[test]
fn a_cell_says_its_value_and_a_missing_one_is_hatched() {
    let scale = "[scale]\nmiddle = 0\nlabel = \"Correlation\"\nunit = \"r\"";
    let svg = drawn("heatmap", scale, "x y value n", cells(3, 3, false));
    assert!(svg.contains("<title>g1, g2: \u{2212}0.67, n = 30</title>"));
    assert!(svg.contains(">\u{2212}0.67</text>"));
    assert!(svg.contains(">Correlation (r)</text>") && svg.contains(">no value</text>"));
    assert!(svg.contains("<title>g2, g3: no value, n = 30</title>"));
    let full = drawn(
        "heatmap",
        scale,
        "x y value",
        vec![vec![text("a"), text("b"), number(1.0)]],
    );
    assert!(!full.contains("no value"));
    let small = drawn("heatmap", "", "x y value n", cells(40, 3, true));
    assert!(small.contains("too small for their values"));
    assert!(small.contains(&format!(
            "<title>{} 40</title>",
            LONG.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
        )));
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let null = rows(&[&[f64::NAN, f64::NAN, f64::NAN]]);
    for (chart, channels, why) in [
        ("line", "x y low", "no values: every “x” is null"),
        (
            "scatter",
            "x y fit",
            "no points: in every row one of x and y is null",
        ),
        ("histogram", "low high count", "no bins: in every row"),
        ("heatmap", "x y value", "no values: every “value” is null"),
        (
            "qq",
            "theoretical sample line",
            "no points: in every row one of “theoretical”",
        ),
    ] {
        let svg = drawn(chart, "", channels, null.clone());
        assert!(svg.contains(why), "{chart}: {svg}");
    }
    let negative = rows(&[&[-1.0, 2.0], &[-3.0, 2.0]]);
    let svg = drawn("line", "x_scale = \"log\"", "x y", negative.clone());
    assert!(svg.contains("no values above 0 in “x”, and the axis is logarithmic"));
    let some = [negative, rows(&[&[5.0, 2.0]])].concat();
    let svg = drawn("scatter", "x_scale = \"log\"", "x y", some);
    assert!(svg.contains("Not drawn: 2 points of 0 or less"));
}

#[test]
fn infinities_equal_values_and_giants_are_drawn() {
    let infinite = rows(&[
        &[f64::INFINITY, 1.0, 1.0],
        &[1.0, f64::NEG_INFINITY, 1.0],
        &[2.0, 3.0, 3.0],
    ]);
    let giants = rows(&[&[-f64::MAX, f64::MAX, f64::MAX], &[f64::MAX, f64::MAX, 1.0]]);
    let equal = rows(&[&[5.0, 5.0, 5.0], &[5.0, 5.0, 5.0]]);
    let near = rows(&[&[1e16, 1e16 + 2.0, 3.0], &[1e16 + 4.0, 1e16 + 6.0, 4.0]]);
    let tiny = rows(&[&[1e-300, 2e-300, 3e-300], &[4e-300, 5e-300, 6e-300]]);
    for (index, cells) in [infinite, giants, equal, near, tiny]
        .into_iter()
        .enumerate()
    {
        for (chart, channels) in [
            ("line", "x y n"),
            ("scatter", "x y fit"),
            ("histogram", "low high count"),
            ("qq", "theoretical sample line"),
        ] {
            for more in ["", "x_scale = \"log\"\ny_scale = \"log\""] {
                if chart == "qq" && !more.is_empty() {
                    continue;
                }
                let svg = drawn(chart, more, channels, cells.clone());
                assert_texts_are_free(&format!("{chart} {index} {more}"), &svg);
            }
        }
    }
}

#[test]
fn wrong_columns_are_refused_with_a_sentence() {
    let words = vec![vec![text("soon"), number(1.0)]];
    for (chart, channels) in [
        ("line", "x y"),
        ("scatter", "x y"),
        ("qq", "theoretical sample"),
    ] {
        let error = refused(chart, channels, words.clone());
        assert!(error.contains("holds the text `soon` in row 1"), "{error}");
    }
    let error = refused("histogram", "low high count", rows(&[&[1.0, 2.0, -3.0]]));
    assert!(
        error.contains("holds -3 in row 1") && error.contains("0 or more"),
        "{error}"
    );
    let error = refused("histogram", "low high count", rows(&[&[2.0, 1.0, 3.0]]));
    assert!(error.contains("an edge no lower than “low” = 2"), "{error}");
    let twice = vec![vec![text("a"), text("b"), number(1.0)]; 2];
    let error = refused("heatmap", "x y value", twice);
    assert!(error.contains("`a` beside `b` again in row 2"), "{error}");
    let svg = drawn("heatmap", "", "x y value n", cells(80, 40, false));
    assert!(svg.len() < 1_000_000, "{} bytes", svg.len());
    let error = refused("heatmap", "x y value n", cells(81, 1, false));
    assert!(error.contains("more than 80 columns or rows"), "{error}");
    let parse = |chart: &str, more: &str| {
        let toml = format!("title = \"T\"\nquery = \"q\"\nchart = \"{chart}\"\n{more}\n");
        Figure::parse("mine", &toml).unwrap_err().to_string()
    };
    let error = parse("heatmap", "x_scale = \"log\"");
    assert!(
        error.contains("line 4") && error.contains("a heatmap takes no `x_scale`"),
        "{error}"
    );
    assert!(parse("qq", "y_scale = \"log\"").contains("takes no `y_scale`"));
    assert!(
        parse("line", "[scale]\nlow = 1").contains("`[scale]` is for chart = \"heatmap\" only")
    );
    let error = parse("heatmap", "[scale]\nlow = 1\nmiddle = 0");
    assert!(error.contains("must ascend"), "{error}");
    assert!(parse("line", "[encode]\nx = \"x\"").contains("[encode] lacks `y`"));
}

#[test]
fn a_million_points_are_a_small_picture_that_says_what_was_thinned() {
    let cloud = |count: i32| -> Vec<Vec<Cell>> {
        let point = |index: i32| {
            let (x, y) = (f64::from(index), f64::from(index.wrapping_mul(7919) % 1009));
            vec![number(x), number(y)]
        };
        (0..count).map(point).collect()
    };
    for chart in ["line", "scatter"] {
        let svg = drawn(chart, "", "x y", cloud(1_000_000));
        assert!(svg.len() < 1_000_000, "{chart}: {} bytes", svg.len());
        assert!(svg.contains("1,000,000 points"), "{chart}");
    }
    let svg = drawn("qq", "", "theoretical sample", cloud(100_000));
    assert!(svg.len() < 1_000_000 && svg.contains("100,000 points"));
    let bins = (0..100_000).map(f64::from);
    let bins = bins.map(|low| vec![number(low), number(low + 1.0), number(low % 977.0)]);
    let svg = drawn("histogram", "", "low high count", bins.collect());
    assert!(svg.len() < 1_000_000 && svg.contains("narrower than half a pixel"));
}

#[test]
fn a_thinned_line_keeps_its_peak() {
    let point = |index: i32| {
        let y = if index == 61_803 {
            50.0
        } else {
            f64::from(index % 3)
        };
        vec![number(f64::from(index)), number(y)]
    };
    let thick = drawn("line", "", "x y", (0..100_000).map(point).collect());
    let plain = drawn("line", "", "x y", (61_000..62_000).map(point).collect());
    let top = |svg: &str| {
        let path = svg
            .lines()
            .find(|line| line.contains("stroke-width=\"18\""))
            .unwrap();
        let path = path.split('"').nth(1).unwrap();
        let mut corners = path.split(['M', 'l']).skip(1);
        let y = |corner: &str| corner.split(',').nth(1).unwrap().parse::<i32>().unwrap();
        let first = y(corners.next().unwrap());
        let mut at = first;
        corners
            .map(|corner| {
                at += y(corner);
                at
            })
            .fold(first, i32::min)
    };
    assert_eq!(top(&thick), top(&plain));
}

#[test]
fn what_counts_has_no_halves_on_its_axis() {
    let ticks = |values: &[f64]| {
        let points: Vec<[f64; 2]> = values.iter().map(|x| [*x, 100.0 * x]).collect();
        let points: Vec<&[f64]> = points.iter().map(<[f64; 2]>::as_slice).collect();
        let svg = drawn("line", "", "x y", rows(&points));
        let texts = svg
            .split("</text>")
            .filter_map(|text| text.rsplit('>').next());
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    let runs = ticks(&[1.0, 2.0, 3.0]);
    assert!(
        ["1", "2", "3"]
            .iter()
            .all(|run| runs.contains(&(*run).to_owned())),
        "{runs:?}"
    );
    assert!(
        !runs.contains(&"0".to_owned()),
        "it counts from one: {runs:?}"
    );
    let halves = |texts: &[String]| texts.iter().any(|text| text.contains('.'));
    assert!(!halves(&runs), "{runs:?}");
    assert!(halves(&ticks(&[1.0, 2.5, 3.0])));
}
