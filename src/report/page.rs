//! The page as HTML: one file that needs nothing else, and that may fetch nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::contents::{Report, TIMELINE};
use super::{parts, timeline};
use crate::draw;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The report as HTML.
pub fn html(report: &Report) -> String {
    let title = report.title();
    let body = html! {
        a.skip href="#content" { "Skip to the content" }
        header {
            p.eyebrow { "tokentape report" }
            h1 { (title) }
        }
        (contents(report))
        main #content tabindex="-1" {
            @if let Some(compared) = parts::compared(report) { (compared) }
            (parts::run(report))
            (parts::answer(report))
            @if let Some(timeline) = parts::timeline(report) { (timeline) }
            @if let Some(figures) = parts::figures(report) { (figures) }
            (parts::tables(report))
            (parts::warnings(report))
            (parts::definitions(report))
            (parts::again(report))
        }
        footer { p { "Made by tokentape " (env!("CARGO_PKG_VERSION")) " from the recording alone." } }
    };
    let body = body.into_string();
    // Only the script that bears this word runs. No text of a trace can hold it: it is the hash of them all.
    let nonce = blake3::hash(body.as_bytes()).to_hex();
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; base-uri 'none'; \
         form-action 'none'"
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · tokentape report" }
                style { (PreEscaped(draw::page_colours())) (PreEscaped(STYLE)) (PreEscaped(timeline::STYLE)) }
            }
            body.compared[report.compared.is_some()] {
                (PreEscaped(body))
                script nonce=(nonce.as_str()) { (PreEscaped(SCRIPT)) (PreEscaped(timeline::SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// The way to each part.
fn contents(report: &Report) -> Markup {
    let figures = report.figures();
    html! {
        nav aria-label="Contents" {
            ul {
                @if report.compared.is_some() { li { a href="#compare" { "Is B different?" } } }
                li { a href="#run" { "What was run" } }
                li { a href="#answer" { "The answer" } }
                @if figures.contains(&TIMELINE) { li { a href="#timeline" { "Timeline" } } }
                @if figures.iter().any(|name| *name != TIMELINE) {
                    li {
                        a href="#figures" { "Figures" }
                        ul {
                            @for name in figures.iter().filter(|name| **name != TIMELINE) {
                                li {
                                    a href=(format!("#figure-{name}")) { (parts::title(report, name)) }
                                }
                            }
                        }
                    }
                }
                li {
                    a href="#tables" { "Tables" }
                    ul {
                        @for name in report.sections() {
                            li { a href=(format!("#{name}")) { (name) } }
                        }
                    }
                }
                li { a href="#warnings" { "Warnings" } }
                li { a href="#definitions" { "Definitions" } }
                li { a href="#again" { "To make it again" } }
            }
        }
    }
}
