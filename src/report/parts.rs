//! The parts of the page, in the order in which they are read.

use maud::{Markup, PreEscaped, html};

use super::contents::{Answer, Drawn, Report, Side, TIMELINE};
use super::folds;
use super::grid::{MOST_ROWS, grid};
use super::prose::prose;
use super::rounded::Column;
use super::verdicts;
use crate::table::Cell;
use crate::trace::{ClockKind, Manifest};

/// Sentences under a figure's heading.
pub const MOST_SAID: usize = 8;

/// What each side has to say, beside each other if there are two.
fn beside(report: &Report, say: impl Fn(&Side) -> Option<Markup>) -> Markup {
    match &report.sides[..] {
        [side] => html! { @if let Some(said) = say(side) { (said) } },
        sides => html! {
            div.sides {
                @for side in sides {
                    div {
                        p.side { strong { (side.letter) } " " (side.commands.traces()) }
                        @match say(side) {
                            Some(said) => (said),
                            None => p.note { "Nothing here." },
                        }
                    }
                }
            }
        },
    }
}

/// The commands by which each side asks.
fn commands(report: &Report, command: impl Fn(&Side) -> String) -> Vec<String> {
    report.sides.iter().map(command).collect()
}

/// Whether B differs from A.
pub fn compared(report: &Report) -> Option<Markup> {
    let compared = report.compared.as_ref()?;
    let command = report.compares();
    Some(html! {
        section #compare {
            h2 { "Is B different from A?" }
            ul.says { @for sentence in verdicts::sentences(compared) { li { (prose(&sentence)) } } }
            p { (prose(&compared.about)) }
            (grid("compare", &compared.table, MOST_ROWS, &command))
            (folds::sql(compared, &[command]))
        }
    })
}

/// What was run and on what.
pub fn run(report: &Report) -> Markup {
    html! {
        section #run {
            h2 { "What was run" }
            (beside(report, |side| Some(html! {
                div.cards {
                    @for row in 0..side.sessions.table.rows.len() { (card(side, row)) }
                }
            })))
        }
    }
}

fn card(side: &Side, row: usize) -> Markup {
    let text = |column: &str| side.sessions.cell(row, column).exact();
    let trace = side.trace(&text("session_id"));
    let columns = side.sessions.table.columns.iter().enumerate();
    let said = columns.filter_map(|(index, column)| {
        let cell = side.sessions.cell(row, column);
        let shown = Column::of(&side.sessions.table, index).shown(cell);
        let is_worth = !matches!(cell, Cell::Null | Cell::Int(0));
        (is_worth && column != "name").then(|| (column.replace('_', " "), shown))
    });
    html! {
        div.card {
            h3 { (text("name")) }
            dl {
                @for (what, value) in said { dt { (what) } dd { (value) } }
                @if let Some(trace) = trace {
                    @for (what, value) in told(&trace.manifest) { dt { (what) } dd { (value) } }
                }
            }
            @if let Some(trace) = trace { (remarks(&trace.manifest)) }
        }
    }
}

/// What only the manifest says: the machine, and how the session was recorded.
pub fn told(manifest: &Manifest) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let host = &manifest.host;
    // An imported session's host is not known.
    if !host.os.is_empty() {
        let mut machine = format!("{} {}", host.os, host.arch);
        if let Some(cores) = host.cores {
            machine += &format!(", {cores} cores");
        }
        if let Some(cpu) = &host.cpu_model {
            machine += &format!(", {cpu}");
        }
        if let Some(bytes) = host.memory_bytes {
            machine += &format!(", {bytes} bytes of memory");
        }
        told.push(("machine".to_owned(), machine));
    }
    if manifest.clock == ClockKind::Recorded {
        let clock = "of the session that was replayed, which was asked again";
        told.push(("clock".to_owned(), clock.to_owned()));
    }
    if !manifest.redacted.is_empty() {
        told.push(("withheld".to_owned(), manifest.redacted.join(", ")));
    }
    for (key, value) in &manifest.labels {
        told.push((format!("label {key}"), value.clone()));
    }
    told
}

fn remarks(manifest: &Manifest) -> Markup {
    let plan = manifest.plan.as_ref();
    let plan = plan.and_then(|plan| serde_json::to_string_pretty(plan).ok());
    html! {
        @if !manifest.remarks.is_empty() {
            details {
                summary { "Remarks of its import: " (manifest.remarks.len()) }
                ul { @for remark in &manifest.remarks { li { (remark) } } }
            }
        }
        @if let Some(plan) = plan {
            details {
                summary { "The benchmark’s plan" }
                pre tabindex="0" role="region" aria-label="Plan" { code { (plan) } }
            }
        }
    }
}

/// Efficiency under each rule, and where the time went, in sentences.
pub fn answer(report: &Report) -> Markup {
    html! {
        section #answer {
            h2 { "The answer" }
            (beside(report, |side| Some(html! {
                @if side.answer.table.rows.is_empty() {
                    p { "No run has two agents side by side, so there is no efficiency to speak of." }
                }
                @for sentence in side.answer.texts("sentence") { p.lead { (prose(sentence)) } }
                @match side.warnings.table.rows.len() + side.doubts.table.rows.len() {
                    0 => p.note { "Nothing speaks against these figures that the queries look for." },
                    1 => p.note { a href="#warnings" { "1 thing" } " to know before believing this." },
                    many => p.note {
                        a href="#warnings" { (many) " things" } " to know before believing this."
                    },
                }
            })))
            (folds::sql(&report.sides[0].answer, &commands(report, |side| side.commands.sql("answer"))))
        }
    }
}

/// What was in flight when.
pub fn timeline(report: &Report) -> Option<Markup> {
    report.figures().contains(&TIMELINE).then(|| {
        html! {
            section #timeline {
                h2 { "Timeline" }
                (figure(report, TIMELINE))
            }
        }
    })
}

/// The other figures, each with the sentences it supports.
pub fn figures(report: &Report) -> Option<Markup> {
    let mut names = report.figures();
    names.retain(|name| *name != TIMELINE);
    (!names.is_empty()).then(|| {
        html! {
            section #figures {
                h2 { "Figures" }
                @for name in names {
                    section.figure id=(format!("figure-{name}")) {
                        h3 { (title(report, name)) }
                        (figure(report, name))
                    }
                }
            }
        }
    })
}

/// The title of a figure, that of the first side that has it.
pub fn title<'a>(report: &'a Report, name: &str) -> &'a str {
    let drawn = report.sides.iter().find_map(|side| side.figure(name));
    drawn.map_or("", |drawn| &drawn.title)
}

fn figure(report: &Report, name: &str) -> Markup {
    beside(report, |side| {
        let drawn = side.figure(name)?;
        Some(picture(side, drawn))
    })
}

fn picture(side: &Side, drawn: &Drawn) -> Markup {
    let name = &drawn.figure.name;
    let command = side.commands.figure(name);
    let numbers = drawn.numbers();
    html! {
        (says(drawn, &side.commands.sql(&drawn.drawn.name)))
        @match (&drawn.svg, &side.timeline) {
            (_, Some(timeline)) if name == TIMELINE => (PreEscaped(timeline)),
            (Some(svg), _) => figure {
                div.picture role="region" aria-label=(format!("Picture: {}", drawn.title)) tabindex="0" {
                    (PreEscaped(svg))
                }
            },
            (None, _) => p.note {
                "The picture is too large for a page. It is drawn by " code { (command) }
            },
        }
        (folds::numbers(numbers, &side.commands.sql(&numbers.name)))
        (folds::sql(&drawn.drawn, &[side.commands.sql(&drawn.drawn.name), command]))
    }
}

/// The sentences of a figure; of very many the first, and the command that has all.
fn says(drawn: &Drawn, all: &str) -> Markup {
    let rest = drawn.says.len().saturating_sub(MOST_SAID);
    html! {
        @match &drawn.says[..] {
            [] => {},
            [only] => p.says { (prose(only)) },
            many => ul.says {
                @for sentence in many.iter().take(MOST_SAID) { li { (prose(sentence)) } }
                @if rest > 0 { li.note { "And " (rest) " more: " code { (all) } } }
            },
        }
    }
}

/// The standard analysis, a query a section.
pub fn tables(report: &Report) -> Markup {
    html! {
        section #tables {
            h2 { "Tables" }
            p {
                "The standard analysis, a query a section. Numbers are rounded for reading; copies have "
                "every digit. " code { "n" } " counts what a figure rests on, intervals hold 95 %, and "
                "what cannot be known is left empty."
            }
            @for name in report.sections() {
                @if let Some(any) = report.sides.iter().find_map(|side| side.section(name)) {
                    (section(report, any))
                }
            }
        }
    }
}

fn section(report: &Report, any: &Answer) -> Markup {
    let name = any.name.as_str();
    html! {
        section id=(name) {
            h3 { (name) }
            p { (prose(&any.about)) }
            (beside(report, |side| {
                let answer = side.section(name)?;
                Some(grid(name, &answer.table, MOST_ROWS, &side.commands.sql(name)))
            }))
            (folds::sql(any, &commands(report, |side| side.commands.sql(name))))
        }
    }
}

/// What to know before believing the figures.
pub fn warnings(report: &Report) -> Markup {
    let any = &report.sides[0];
    html! {
        section #warnings {
            h2 { "Warnings" }
            p { (prose(&any.warnings.about)) }
            (beside(report, |side| Some(html! {
                @if side.warnings.table.rows.is_empty() { p { "None." } }
                ul.warnings {
                    @for row in 0..side.warnings.table.rows.len() {
                        @let text = |column| side.warnings.cell(row, column).exact();
                        li {
                            strong { (text("warning")) } " (" (text("n")) ") "
                            (prose(&text("sentence")))
                        }
                    }
                }
            })))
            (folds::sql(&any.warnings, &commands(report, |side| side.commands.sql("warnings"))))
            section #doubts {
                h3 { "doubts" }
                p { (prose(&any.doubts.about)) }
                (beside(report, |side| Some(match side.doubts.table.rows.is_empty() {
                    true => html! { p { "None is that small, or the error is not known." } },
                    false => grid("doubts", &side.doubts.table, MOST_ROWS, &side.commands.sql("doubts")),
                })))
                (folds::sql(&any.doubts, &commands(report, |side| side.commands.sql("doubts"))))
            }
        }
    }
}

/// What the names mean: the views, as their files say.
pub fn definitions(report: &Report) -> Markup {
    html! {
        section #definitions {
            h2 { "Definitions" }
            p {
                "Every figure is worked out in SQL over the recording, by these views. What a column means "
                "is said where it is defined."
            }
            dl.views {
                @for view in &report.views {
                    dt { code { (view.name) } }
                    dd { (prose(&view.about)) (folds::view(view)) }
                }
            }
        }
    }
}

/// How to have all of it again: commands, version, and the hashes of what was asked.
pub fn again(report: &Report) -> Markup {
    html! {
        section #again {
            h2 { "To make it again" }
            p {
                "With tokentape " (env!("CARGO_PKG_VERSION")) ", where the traces are. The same traces "
                "give the same page, to the byte."
            }
            pre.command tabindex="0" role="region" aria-label="Commands" {
                code {
                    @for side in &report.sides {
                        (side.commands.plain("verify")) "\n"
                        (side.commands.asking("analyze", "")) "\n"
                        (side.commands.drawing("figures", "")) "\n"
                    }
                    (report.makes(""))
                }
            }
            (beside(report, |side| Some(html! {
                div.grid role="region" aria-label="Files" tabindex="0" {
                    table data-name="files" {
                        thead { tr {
                            th scope="col" { "session" } th scope="col" { "session_" wbr; "id" }
                            th scope="col" { "file" } th.number scope="col" { "rows" }
                            th.number scope="col" { "bytes" } th scope="col" { "blake3" }
                        } }
                        tbody {
                            @for trace in &side.traces {
                                @for file in &trace.manifest.files {
                                    tr {
                                        td { (trace.manifest.name) } td.hash { (trace.manifest.session_id) }
                                        td { (file.name) } td.number { (file.rows) }
                                        td.number { (file.bytes) } td.hash { (file.blake3) }
                                    }
                                }
                            }
                        }
                    }
                }
            })))
        }
    }
}
