//! What holds for every chart of rows: bars, boxes, forests and waterfalls in their extremes.

use super::*;

/// A figure of `chart` with these channels, each drawn from the column of its name.
pub fn figure_of(chart: &str, channels: &str, more: &str) -> Figure {
    let encode: String = channels
        .split(' ')
        .map(|channel| format!("{channel} = \"{channel}\"\n"))
        .collect();
    let toml = format!(
        "title = \"Any\"\nquery = \"any\"\nchart = \"{chart}\"\nx_label = \"Value\"\n\
         [encode]\n{encode}{more}"
    );
    Figure::parse("any", &toml).unwrap()
}

pub fn float(value: f64) -> Cell {
    Cell::Float(value)
}

/// Left, top, width and height of the rectangles of a colour, in CSS pixels.
pub fn rectangles(svg: &str, colour: &str) -> Vec<[f64; 4]> {
    let fill = format!("fill=\"{colour}\"");
    let lines = svg
        .lines()
        .filter(|line| line.starts_with("<rect ") && line.contains(&fill));
    let of = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse::<f64>().unwrap() / 10.0
    };
    lines
        .map(|line| ["x", "y", "width", "height"].map(|name| of(line, name)))
        .collect()
}

const CHARTS: [(&str, &str, &str); 4] = [
    ("bar", "label value low high n", "group panel"),
    (
        "box",
        "group value low middle high n whisker_low whisker_high",
        "panel",
    ),
    ("forest", "label estimate low high n", "group panel"),
    ("waterfall", "label change low high", "kind panel"),
];

/// A table for a chart: `labels` rows of `value`, with intervals around it.
fn rows(channels: &str, labels: &[String], value: impl Fn(usize) -> Option<f64>) -> Table {
    let cells = |index: usize| -> Vec<Cell> {
        let of = |channel: &str| match (channel, value(index)) {
            ("label", _) => text(&labels[index]),
            ("group", _) if channels.contains("middle") => text(&labels[index]),
            ("group", _) => text(if index.is_multiple_of(2) {
                "alone"
            } else {
                "beside the other"
            }),
            ("panel", _) => text(if index.is_multiple_of(3) {
                "first"
            } else {
                LONG
            }),
            ("kind", _) => text(if index == 0 { "total" } else { "change" }),
            ("n", _) => Cell::Int(123_456),
            (_, None) => Cell::Null,
            ("low", Some(value)) => float(value - value.abs() * 0.1),
            ("high", Some(value)) => float(value + value.abs() * 0.2),
            ("whisker_low", Some(value)) => float(value - value.abs() * 0.3),
            ("whisker_high", Some(value)) => float(value + value.abs() * 0.4),
            (_, Some(value)) => float(value),
        };
        channels.split(' ').map(of).collect()
    };
    table(channels, (0..labels.len()).map(cells).collect())
}

#[test]
fn no_text_is_cut_or_lies_on_another_whatever_the_labels_and_values() {
    type Value = fn(usize) -> Option<f64>;
    let values: [(&str, Value); 7] = [
        ("huge", |index| Some(1e290 * (index as f64 - 2.0))),
        ("growing", |index| Some(3.7 * (index + 1) as f64)),
        ("around zero", |index| Some(index as f64 * 1234.5 - 8000.0)),
        ("equal", |_| Some(5.0)),
        ("zero", |_| Some(0.0)),
        ("tiny", |index| Some(1e-5 * index as f64)),
        ("half of them null", |index| {
            (index.is_multiple_of(2)).then_some(1e9)
        }),
    ];
    for (chart, needed, optional) in CHARTS {
        let all = format!("{needed} {optional}");
        let many = values.iter().map(|value| (all.as_str(), 6, true, value));
        let around = &values[2];
        let others = [
            (needed, 6, true, around),
            (&all, 1, false, around),
            (&all, 40, false, around),
            (&all, 40, true, around),
        ];
        for (channels, count, long, (kind, value)) in many.chain(others) {
            let name = format!("{chart} of {channels}: {count} {kind}, long: {long}");
            let figure = figure_of(chart, channels, "[units]\nx = \"%\"\n");
            let table = rows(channels, &agents(count, long), value);
            assert_texts_are_free(&name, &figure.svg(&table, Look::Light).unwrap());
        }
    }
}

#[test]
fn rows_without_a_value_say_why_the_frame_is_empty() {
    for (chart, channels, _) in CHARTS {
        let figure = figure_of(chart, channels, "");
        let svg = figure.svg(&rows(channels, &agents(3, false), |_| None), Look::Light);
        assert!(svg.unwrap().contains("no values: every “"), "{chart}");
        let svg = figure.svg(&Table::default(), Look::Dark).unwrap();
        assert!(
            svg.contains("no rows: the query “any” found nothing"),
            "{chart}"
        );
    }
}

#[test]
fn the_same_rows_give_the_same_bytes_and_no_system_font_is_needed() {
    for (chart, channels, _) in CHARTS {
        let figure = figure_of(chart, channels, "");
        let table = rows(channels, &agents(5, true), |index| Some(index as f64));
        let draw = || figure.svg(&table, Look::Dark).unwrap();
        assert_eq!(draw(), draw(), "{chart}");
        assert_eq!(
            png(&draw(), 1.0).unwrap(),
            png(&draw(), 1.0).unwrap(),
            "{chart}"
        );
        let page = figure.svg(&table, Look::Page).unwrap();
        let mut colours = colours(&page).into_iter();
        assert!(colours.all(|colour| colour == "none" || colour.starts_with("var(--tt-")));
    }
}

#[test]
fn a_lower_end_above_its_upper_end_is_refused_with_row_and_line() {
    for (chart, channels, _) in CHARTS {
        let mut table = rows(channels, &agents(2, false), |_| Some(1.0));
        let low = table.column("low").unwrap();
        table.rows[1][low] = float(99.0);
        let error = figure_of(chart, channels, "").svg(&table, Look::Light);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("column `low` holds 99, which is above 1.2 in `high`"),
            "{error}"
        );
        assert!(
            error.contains("in row 2") && error.contains("any.toml line "),
            "{error}"
        );
    }
}

#[test]
fn an_end_without_the_other_is_refused() {
    let figure = figure_of("bar", "label value low", "");
    let table = rows("label value low", &agents(1, false), |_| Some(1.0));
    let error = figure.svg(&table, Look::Light).unwrap_err().to_string();
    assert_eq!(
        error,
        "figure `any`: [encode] names `low` without `high`; add `high` to any.toml or remove `low`"
    );
}

#[test]
fn an_unknown_column_is_named_with_the_line_that_wants_it() {
    for (chart, channels, _) in CHARTS {
        let figure = figure_of(chart, channels, "");
        let error = figure.svg(&table("a b", vec![]), Look::Light).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("gives only a, b; change any.toml line "),
            "{error}"
        );
    }
}

#[test]
fn what_a_chart_does_not_take_is_refused_with_its_line() {
    let toml = "title = \"t\"\nquery = \"q\"\nchart = \"waterfall\"\n";
    let encode = "[encode]\nlabel = \"l\"\nchange = \"c\"\n";
    for (more, parts) in [
        (
            "x_scale = \"log\"\n",
            ["line 4", "a waterfall takes no `x_scale`"],
        ),
        (
            "[reference]\nx = 0\n",
            ["line ", "bar, box and forest only"],
        ),
        ("[reference]\ny = 0\n", ["line 5", "unknown field `y`"]),
        ("[reference]\nx = \"0\"\n", ["line 5", "invalid type"]),
    ] {
        let error = refused(&format!("{toml}{more}{encode}"));
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    let error = refused(&format!("{toml}{}", encode.replace("change", "value")));
    assert!(
        error.contains("`value` means nothing in [encode] of a waterfall"),
        "{error}"
    );
}
