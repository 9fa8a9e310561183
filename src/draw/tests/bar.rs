//! Bars: where they begin and end, what stands at them.

use super::labelled::{figure_of, float, rectangles};
use super::*;

const BLUE: &str = "#005FA3";
const ORANGE: &str = "#DB8A00";

fn bars(rows: &[(&str, f64)]) -> String {
    let rows = rows
        .iter()
        .map(|(label, value)| vec![text(label), float(*value)]);
    let table = table("label value", rows.collect());
    figure_of("bar", "label value", "")
        .svg(&table, Look::Light)
        .unwrap()
}

#[test]
fn bars_are_as_long_as_their_values_and_stand_on_zero() {
    let svg = bars(&[("a", 10.0), ("b", 25.0), ("c", -5.0)]);
    let drawn = rectangles(&svg, BLUE);
    let [a, b, c] = drawn[..] else {
        panic!("{drawn:?}")
    };
    assert!((b[2] / a[2] - 2.5).abs() < 0.01, "{drawn:?}");
    assert!((a[2] / c[2] - 2.0).abs() < 0.01, "{drawn:?}");
    assert_eq!(a[0], b[0]);
    assert!((c[0] + c[2] - a[0]).abs() < 0.11, "{drawn:?}");
    assert!(a[1] < b[1] && b[1] < c[1], "in the order of the query");
}

#[test]
fn each_bar_carries_its_number_to_a_thousandth_of_the_span() {
    let svg = bars(&[("a", 100.0), ("b", 0.004), ("c", 0.0)]);
    for number in ["100.0", "0.004", "0.0"] {
        assert!(svg.contains(&format!(">{number}</text>")), "{number}");
    }
}

#[test]
fn bars_of_a_label_stand_side_by_side_in_the_colours_of_the_key() {
    let rows = [("a", "x", 1.0), ("a", "y", 2.0), ("b", "y", 4.0)];
    let rows = rows.map(|(label, group, value)| vec![text(label), text(group), float(value)]);
    let figure = figure_of("bar", "label group value", "");
    let svg = figure
        .svg(&table("label group value", rows.to_vec()), Look::Light)
        .unwrap();
    let (blue, orange) = (rectangles(&svg, BLUE), rectangles(&svg, ORANGE));
    // The first of each colour is the key.
    assert_eq!((blue.len(), orange.len()), (2, 3));
    assert!(blue[1][1] < orange[1][1] && orange[1][1] < orange[2][1]);
    assert!((orange[2][2] / blue[1][2] - 4.0).abs() < 0.01);
    assert!(svg.contains("The bars of a label stand in the order of the key."));
}

#[test]
fn interval_and_n_are_stated() {
    let cells = vec![
        text("a"),
        float(2.0),
        float(1.0),
        float(3.0),
        Cell::Int(12_345),
    ];
    let figure = figure_of("bar", "label value low high n", "");
    let svg = figure
        .svg(&table("label value low high n", vec![cells]), Look::Light)
        .unwrap();
    assert!(svg.contains("Whiskers: “low” to “high”."));
    assert!(svg.contains(">n</text>") && svg.contains(">12,345</text>"));
    assert!(svg.contains("<desc") && svg.contains("“a” 2.0"));
}

#[test]
fn a_bar_given_twice_is_refused() {
    let row = vec![text("a"), float(2.0)];
    let table = table("label value", vec![row.clone(), row]);
    let error = figure_of("bar", "label value", "")
        .svg(&table, Look::Light)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "figure `any`: row 2 is “a” once more; change query `any` so that it gives one row for each"
    );
}

#[test]
fn milliseconds_over_seconds_are_shown_as_seconds() {
    let rows = vec![vec![text("a"), float(12_000.0)]];
    let figure = figure_of("bar", "label value", "[units]\nx = \"ms\"\n");
    let svg = figure
        .svg(&table("label value", rows), Look::Light)
        .unwrap();
    assert!(svg.contains(">Value (s)</text>") && svg.contains(">12.0</text>"));
}
