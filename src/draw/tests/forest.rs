//! Forests: marks and intervals at their numbers, which stand at the right.

use super::labelled::{figure_of, float, rectangles};
use super::*;

const CHANNELS: &str = "label estimate low high";

fn row(label: &str, numbers: [f64; 3]) -> Vec<Cell> {
    [vec![text(label)], numbers.map(float).to_vec()].concat()
}

#[test]
fn marks_stand_at_their_estimates_and_the_line_at_its_value() {
    let rows = vec![row("a", [-4.0, -6.0, -2.0]), row("b", [4.0, 1.0, 6.0])];
    let figure = figure_of(
        "forest",
        CHANNELS,
        "[reference]\nx = 0\nlabel = \"no difference\"\n",
    );
    let svg = figure.svg(&table(CHANNELS, rows), Look::Light).unwrap();
    let marks = rectangles(&svg, "#005FA3");
    let [a, b] = marks[..] else {
        panic!("{marks:?}")
    };
    let centre = |mark: [f64; 4]| mark[0] + mark[2] / 2.0;
    let line = svg
        .lines()
        .find(|line| line.contains("#8A8A8A") && line.contains("\"12\""));
    let (_, points) = line.unwrap().split_once("points=\"").unwrap();
    let x: f64 = points.split_once(',').unwrap().0.parse().unwrap();
    assert!(
        (x / 10.0 - (centre(a) + centre(b)) / 2.0).abs() < 0.2,
        "{line:?} {marks:?}"
    );
    assert!(svg.contains(">no difference</text>"));
    assert!(svg.contains(">estimate (interval)</text>"));
    assert!(
        svg.contains(">−4.00 (−6.00 to −2.00)</text>")
            || svg.contains(">−4.0 (−6.0 to −2.0)</text>")
    );
}

#[test]
fn the_querys_own_text_stands_at_the_right_if_it_gives_one() {
    let mut cells = row("a", [4.14, 1.41, 6.86]);
    cells.push(text("4.14 (1.41 to 6.86), p = 0.003"));
    let channels = format!("{CHANNELS} text");
    let figure = figure_of("forest", &channels, "");
    let svg = figure
        .svg(&table(&channels, vec![cells]), Look::Light)
        .unwrap();
    assert!(svg.contains(">4.14 (1.41 to 6.86), p = 0.003</text>"));
    assert!(!svg.contains("estimate (interval)"));
}

#[test]
fn an_estimate_that_is_null_says_so() {
    let mut missing = row("b", [0.0; 3]);
    missing[1] = Cell::Null;
    let table = table(CHANNELS, vec![row("a", [1.0, 0.5, 2.0]), missing]);
    let svg = figure_of("forest", CHANNELS, "")
        .svg(&table, Look::Light)
        .unwrap();
    assert!(svg.contains(">no data</text>"));
    assert_eq!(rectangles(&svg, "#005FA3").len(), 1);
}
