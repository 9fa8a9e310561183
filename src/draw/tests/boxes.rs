//! Boxes: every value is a dot, and very many stay a small picture.

use super::labelled::{figure_of, float};
use super::*;

fn boxes(values: impl Iterator<Item = f64>) -> String {
    let stated = [2.0, 3.0, 4.0].map(float);
    let rows = values.map(|value| [vec![text("a"), float(value)], stated.to_vec()].concat());
    let table = table("group value low middle high", rows.collect());
    let figure = figure_of("box", "group value low middle high", "");
    figure.svg(&table, Look::Light).unwrap()
}

/// The centres of the dots of a colour, in CSS pixels.
fn dots(svg: &str, colour: &str) -> Vec<(f64, f64)> {
    let lines = svg
        .lines()
        .filter(|line| line.starts_with("<circle ") && line.contains(colour));
    let of = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse::<f64>().unwrap() / 10.0
    };
    lines.map(|line| (of(line, "cx"), of(line, "cy"))).collect()
}

#[test]
fn every_value_is_a_dot_where_its_number_is() {
    let svg = boxes([1.0, 2.0, 4.0, 4.0, 5.0].into_iter());
    let dots = dots(&svg, "#005FA3");
    assert_eq!(dots.len(), 5);
    let along = |index: usize| dots[index].0 - dots[0].0;
    assert!((along(4) / along(1) - 4.0).abs() < 0.02, "{dots:?}");
    let twice: Vec<_> = dots
        .iter()
        .filter(|dot| (dot.0 - dots[2].0).abs() < 0.2)
        .collect();
    assert_eq!(twice.len(), 2, "equal values stand on one another");
    assert!((twice[0].1 - twice[1].1).abs() > 3.0);
    assert!(svg.contains("Box: “low” to “high”. Line: “middle”. Dots: every “value”."));
    assert!(svg.contains(">5</text>"), "n is how many there are");
}

#[test]
fn where_more_values_are_the_dots_spread_wider() {
    let dense = (0..300).map(|index| 3.0 + f64::from(index) * 1e-4);
    let sparse = (0..30).map(|index| 1.0 + f64::from(index) * 1e-4);
    let dots = dots(&boxes(dense.chain(sparse)), "#005FA3");
    let left = dots.iter().map(|dot| dot.0).fold(f64::INFINITY, f64::min);
    let spread = |near: &dyn Fn(f64) -> bool| {
        let rows = dots
            .iter()
            .filter(|dot| near(dot.0 - left))
            .map(|dot| dot.1);
        let (low, high) = rows.fold((f64::MAX, f64::MIN), |(low, high), y| {
            (low.min(y), high.max(y))
        });
        high - low
    };
    let (thin, thick) = (spread(&|x| x < 20.0), spread(&|x| x > 20.0));
    assert!(thick > 4.0 * thin, "{thin} {thick}");
}

#[test]
fn a_million_values_stay_a_small_picture_that_says_how_many_dots_it_has() {
    let mut state = 7_u64;
    let svg = boxes((0..1_000_000).map(|_| {
        let mut next = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f64 / f64::from(1 << 24)
        };
        next() + next() + next() + next()
    }));
    assert!(svg.len() < 1_000_000, "{} bytes", svg.len());
    assert!(svg.contains(" dots for 1,000,000 values."), "it is said");
    assert!(dots(&svg, "#005FA3").len() > 3_000);
}

#[test]
fn a_logarithmic_axis_counts_what_it_has_no_place_for() {
    let rows = [-1.0, 0.0, 1.0, 10.0, 100.0].map(|value| vec![text("a"), float(value)]);
    let toml = "title = \"t\"\nquery = \"q\"\nchart = \"box\"\nx_scale = \"log\"\n\
                [encode]\ngroup = \"g\"\nvalue = \"v\"\n";
    let figure = Figure::parse("any", toml).unwrap();
    let svg = figure
        .svg(&table("g v", rows.to_vec()), Look::Light)
        .unwrap();
    assert!(svg.contains("2 values of 0 or less have no place on the logarithmic axis."));
    assert_eq!(dots(&svg, "#005FA3").len(), 3);
}
