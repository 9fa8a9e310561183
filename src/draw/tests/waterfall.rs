//! Waterfalls: each change begins where the one before it ended.

use super::labelled::{figure_of, float, rectangles};
use super::*;

const CHANNELS: &str = "label change kind";

fn drawn(rows: &[(&str, Option<f64>, &str)]) -> String {
    let rows = rows.iter().map(|(label, change, kind)| {
        vec![text(label), change.map_or(Cell::Null, float), text(kind)]
    });
    let figure = figure_of("waterfall", CHANNELS, "[units]\nx = \"%\"\n");
    figure
        .svg(&table(CHANNELS, rows.collect()), Look::Light)
        .unwrap()
}

#[test]
fn changes_lead_from_total_to_total() {
    let svg = drawn(&[
        ("ideal", Some(100.0), "total"),
        ("queue", Some(-20.0), ""),
        ("decode", Some(-10.0), ""),
        ("luck", Some(5.0), ""),
        ("efficiency", None, "total"),
    ]);
    // The first of each colour is the key.
    let totals = rectangles(&svg, "#5E5E5E");
    let (losses, gains) = (rectangles(&svg, "#DB8A00"), rectangles(&svg, "#005FA3"));
    let right = |bar: [f64; 4]| bar[0] + bar[2];
    let percent = totals[1][2] / 100.0;
    assert!((right(losses[1]) - right(totals[1])).abs() < 0.2);
    assert!((losses[1][2] - 20.0 * percent).abs() < 0.2, "{losses:?}");
    assert!((right(losses[2]) - losses[1][0]).abs() < 0.2, "{losses:?}");
    assert!((gains[1][0] - losses[2][0]).abs() < 0.2, "{gains:?}");
    assert!((totals[2][2] - 75.0 * percent).abs() < 0.3, "{totals:?}");
    assert_eq!(totals[1][0], totals[2][0]);
    for number in ["100.0%", "−20.0%", "+5.0%", "75.0%"] {
        assert!(svg.contains(&format!(">{number}</text>")), "{number}");
    }
}

#[test]
fn a_change_that_is_null_says_so_and_moves_nothing() {
    let svg = drawn(&[
        ("ideal", Some(100.0), "total"),
        ("queue", None, ""),
        ("decode", Some(-10.0), ""),
    ]);
    let (totals, losses) = (rectangles(&svg, "#5E5E5E"), rectangles(&svg, "#DB8A00"));
    let right = |bar: [f64; 4]| bar[0] + bar[2];
    assert!(svg.contains(">no data</text>"));
    assert!((right(losses[1]) - right(totals[1])).abs() < 0.2);
}

#[test]
fn below_zero_a_waterfall_goes_on() {
    let svg = drawn(&[
        ("a", Some(-3.0), ""),
        ("b", Some(-4.0), ""),
        ("sum", None, "total"),
    ]);
    assert!(svg.contains(">−7.0%</text>") || svg.contains(">−7.00%</text>"));
}

#[test]
fn far_from_zero_the_axis_begins_nearer_and_the_totals_are_cut() {
    let note = "The axis does not begin at zero: totals are cut.";
    let far = drawn(&[
        ("ideal", Some(100.0), "total"),
        ("tail", Some(-4.0), ""),
        ("left", None, "total"),
    ]);
    assert!(far.contains(note));
    // A fifth of all change lies before what is least.
    let (totals, losses) = (rectangles(&far, "#5E5E5E"), rectangles(&far, "#DB8A00"));
    assert!((losses[1][2] / totals[2][2] - 4.0 / 0.8).abs() < 0.1);
    let near = drawn(&[("ideal", Some(100.0), "total"), ("tail", Some(-40.0), "")]);
    assert!(!near.contains(note));
}
