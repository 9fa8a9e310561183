//! What a figure says in words, and where it stands among others.

use super::labelled::float;
use super::*;
use crate::draw::figures;

const CHANNELS: &str = "label value low high";

fn bars(more: &str) -> Figure {
    let toml = format!(
        "title = \"Of {{label}}\"\nquery = \"q\"\nchart = \"bar\"\n{more}\n\
         [encode]\nlabel = \"label\"\nvalue = \"value\"\nlow = \"low\"\nhigh = \"high\"\n"
    );
    Figure::parse("bars", &toml).unwrap()
}

fn three() -> Table {
    let row = |label: &str, value: Cell| vec![text(label), value, float(1.0), float(4.0)];
    table(
        CHANNELS,
        vec![
            row("a", float(2.0)),
            row("b", Cell::Null),
            row("c", float(3.0)),
        ],
    )
}

#[test]
fn each_row_says_its_sentence_if_it_knows_it_and_none_is_said_twice() {
    let said = |says: &str| bars(&format!("says = \"{says}\"")).says(&three()).unwrap();
    assert_eq!(said("{label}: {value:.1}."), ["a: 2.0.", "c: 3.0."]);
    assert_eq!(said("From {low} to {high}."), ["From 1 to 4."]);
    assert_eq!(bars("").says(&three()).unwrap(), Vec::<String>::new());
    let wrong = bars("says = \"{n}\"").says(&three()).unwrap_err();
    let remedy = "figure `bars` says `{n}`, but query `q` gives only label, value, low, high";
    assert!(wrong.to_string().starts_with(remedy), "{wrong}");
}

#[test]
fn marks_are_told_by_their_columns_unless_the_figure_has_words_for_them() {
    let svg = |figure: Figure| figure.svg(&three(), Look::Light).unwrap();
    let named = svg(bars(""));
    assert!(named.contains(">Whiskers: “low” to “high”.</text>"));
    let worded = svg(bars("marks = \"Whiskers: of {label} and others.\""));
    assert!(worded.contains(">Whiskers: of a and others.</text>"));
    assert!(!worded.contains("“low”"));
}

#[test]
fn under_a_heading_only_the_screen_reader_is_told_the_title() {
    let figure = bars("");
    assert_eq!(figure.title(&three()), "Of a");
    assert_eq!(figure.title(&Table::default()), "Of {label}");
    let svg = figure.svg(&three(), Look::Light).unwrap();
    assert_eq!(svg.matches("Of a<").count(), 2, "spoken and drawn");
    let under = figure.under_heading("x").svg(&three(), Look::Light);
    let under = under.unwrap();
    assert!(under.contains("<title id=\"x-title\">Of a</title>"));
    assert_eq!(under.matches("Of a<").count(), 1);
}

#[test]
fn figures_stand_in_the_order_of_their_places_then_of_their_names() {
    let shipped = figures(None, &[]).unwrap();
    let orders: Vec<_> = shipped.iter().map(Figure::order).collect();
    assert!(orders.is_sorted(), "{orders:?}");
    assert_eq!(orders[0].1, "efficiency_by_rule");
    // The timeline has a section of its own in the report.
    let placeless: Vec<&str> = orders
        .iter()
        .filter(|(place, _)| *place == u32::MAX)
        .map(|(_, name)| *name)
        .collect();
    assert_eq!(placeless, ["timeline"]);
    let mut places: Vec<u32> = orders.iter().map(|(place, _)| *place).collect();
    places.dedup();
    assert_eq!(places.len(), orders.len(), "no place is taken twice");
}
