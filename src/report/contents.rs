//! What a report holds: the answers of the queries, and the figures they are drawn as.

use std::collections::BTreeSet;

use anyhow::Result;

use super::command::{Commands, name};
use super::timeline;
use crate::analyze::compare::Compared;
use crate::analyze::{Library, STANDARD, Session, about};
use crate::draw::{Figure, Look};
use crate::table::{Cell, Table};
use crate::trace::Trace;

/// Bytes of a picture that is still looked at. A larger one is drawn on request, or the page would take
/// long to open.
const MOST_PICTURE: usize = 300_000;

/// The figure that has a section of its own.
pub(super) const TIMELINE: &str = "timeline";

/// All that a report says, not yet written.
pub struct Report {
    /// One, or the two that are compared.
    pub(super) sides: Vec<Side>,
    /// The verdicts, if two are compared.
    pub(super) compared: Option<Answer>,
    /// The views that the sections are made of.
    pub(super) views: Vec<View>,
}

/// The traces that a report is about, and the session that asks them.
pub struct Asked<'a> {
    /// Over these traces alone.
    pub session: &'a Session,
    /// Whose manifests say what was run.
    pub traces: &'a [Trace],
    /// Flags without which a command answers otherwise: `--queries DIR`.
    pub flags: &'a [String],
    /// Flags without which it draws otherwise: `--figures DIR`.
    pub drawing: &'a [String],
}

/// One set of traces, and what it answers.
pub(super) struct Side {
    /// `A` or `B`, if there are two.
    pub letter: &'static str,
    pub traces: Vec<Trace>,
    pub commands: Commands,
    pub sessions: Answer,
    pub answer: Answer,
    pub warnings: Answer,
    pub doubts: Answer,
    pub figures: Vec<Drawn>,
    /// The timeline that answers to its reader, where anything has times.
    pub timeline: Option<String>,
    pub sections: Vec<Answer>,
}

/// A query and its answer.
pub(super) struct Answer {
    pub name: String,
    /// What the query says of itself.
    pub about: String,
    pub sql: String,
    pub table: Table,
}

/// A figure and what it draws.
pub(super) struct Drawn {
    pub figure: Figure,
    pub title: String,
    /// The sentences it supports.
    pub says: Vec<String>,
    pub drawn: Answer,
    /// The picture, unless it is too large for a page.
    pub svg: Option<String>,
    /// Its numbers, where a table of what is drawn would be too long to be read.
    pub told: Option<Answer>,
}

/// A view, as its file defines it.
pub(super) struct View {
    pub name: String,
    pub about: String,
    pub sql: String,
}

impl Report {
    /// What the queries say of one set of traces.
    ///
    /// # Errors
    /// If a query fails or does not fit its figure.
    pub async fn of(asked: &Asked<'_>, figures: &[Figure]) -> Result<Self> {
        let sides = vec![Side::of("", asked, figures).await?];
        Self::with(sides, None, asked.session.library())
    }

    /// What they say of two, beside each other, and whether the second differs.
    ///
    /// # Errors
    /// If a query fails or does not fit its figure.
    pub async fn compared(
        a: &Asked<'_>,
        b: &Asked<'_>,
        compared: Compared,
        figures: &[Figure],
    ) -> Result<Self> {
        let sides = vec![
            Side::of("A", a, figures).await?,
            Side::of("B", b, figures).await?,
        ];
        let library = a.session.library();
        let sql = ["independent", "verdicts"].map(|name| library.comparison(name));
        let [independent, verdicts] = sql;
        let (independent, verdicts) = (independent?, verdicts?);
        let compared = Answer {
            name: "compare".to_owned(),
            about: about(&verdicts),
            sql: format!("{independent}\n{verdicts}"),
            table: compared.table,
        };
        Self::with(sides, Some(compared), library)
    }

    fn with(sides: Vec<Side>, compared: Option<Answer>, library: &Library) -> Result<Self> {
        let asked = sides.iter().flat_map(Side::answers).chain(&compared);
        let views = views(asked.map(|answer| answer.sql.as_str()), library)?;
        Ok(Self {
            sides,
            compared,
            views,
        })
    }

    /// The command that makes it again, with `more` behind it.
    pub(super) fn makes(&self, more: &str) -> String {
        match &self.sides[..] {
            [a, b] => format!(
                "tokentape report --compare {} {}{}{more}",
                a.commands.side(a.letter),
                b.commands.side(b.letter),
                a.commands.flags()
            ),
            sides => sides
                .iter()
                .map(|side| side.commands.drawing("report", more))
                .collect(),
        }
    }

    /// The command that compares the sides, if there are two.
    pub(super) fn compares(&self) -> String {
        let sides = self.sides.iter();
        let sides = sides.map(|side| format!(" {}", side.commands.side(side.letter)));
        format!("tokentape compare{}", sides.collect::<String>())
    }

    /// Its title: what it is about.
    pub(super) fn title(&self) -> String {
        let sides = self.sides.iter().map(|side| {
            let names: Vec<&str> = side.traces.iter().map(name).collect();
            match names.len() {
                ..4 => names.join(", "),
                many => format!("{many} sessions"),
            }
        });
        sides.collect::<Vec<_>>().join(" against ")
    }

    /// The sections that any side has an answer for, in order.
    pub(super) fn sections(&self) -> Vec<&str> {
        let has = |name: &&str| self.sides.iter().any(|side| side.section(name).is_some());
        STANDARD.into_iter().filter(has).collect()
    }

    /// The figures that any side has, in their order.
    pub(super) fn figures(&self) -> Vec<&str> {
        let figures = self.sides.iter().flat_map(|side| &side.figures);
        let orders: BTreeSet<(u32, &str)> = figures.map(|drawn| drawn.figure.order()).collect();
        orders.into_iter().map(|(_, name)| name).collect()
    }
}

impl Side {
    async fn of(letter: &'static str, asked: &Asked<'_>, figures: &[Figure]) -> Result<Self> {
        let mut drawn = Vec::new();
        for figure in figures {
            let answer = Answer::of(asked.session, &figure.query).await?;
            if answer.table.rows.is_empty() {
                continue;
            }
            let told = match &figure.table {
                Some(query) => Some(Answer::of(asked.session, query).await?),
                None => None,
            };
            drawn.push(Drawn {
                title: figure.title(&answer.table),
                says: figure.says(&answer.table)?,
                figure: figure.clone(),
                svg: picture(letter, figure, &answer.table)?,
                drawn: answer,
                told,
            });
        }
        let still = drawn.iter().find(|drawn| drawn.figure.name == TIMELINE);
        let still = still.and_then(|drawn| drawn.svg.as_deref());
        let timeline = timeline::section(asked.session, still.unwrap_or_default()).await?;
        let mut sections = Vec::new();
        // Doubts stand with the warnings.
        for name in STANDARD.into_iter().filter(|name| *name != "doubts") {
            let answer = Answer::of(asked.session, name).await?;
            // A question that does not arise, such as runtimes where there is only one.
            if !answer.table.rows.is_empty() {
                sections.push(answer);
            }
        }
        Ok(Self {
            letter,
            traces: asked.traces.to_vec(),
            commands: Commands::new(asked.traces, asked.flags, asked.drawing),
            sessions: Answer::of(asked.session, "sessions").await?,
            answer: Answer::of(asked.session, "answer").await?,
            warnings: Answer::of(asked.session, "warnings").await?,
            doubts: Answer::of(asked.session, "doubts").await?,
            figures: drawn,
            timeline,
            sections,
        })
    }

    /// The answer of a section, if it has any.
    pub fn section(&self, name: &str) -> Option<&Answer> {
        self.sections.iter().find(|answer| answer.name == name)
    }

    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<&Drawn> {
        self.figures.iter().find(|drawn| drawn.figure.name == name)
    }

    fn answers(&self) -> impl Iterator<Item = &Answer> {
        let figures = self.figures.iter();
        let drawn = figures.flat_map(|drawn| drawn.told.iter().chain([&drawn.drawn]));
        let own = [&self.sessions, &self.answer, &self.warnings, &self.doubts];
        own.into_iter().chain(drawn).chain(&self.sections)
    }

    /// The manifest of a session.
    pub fn trace(&self, session_id: &str) -> Option<&Trace> {
        let mut traces = self.traces.iter();
        traces.find(|trace| trace.manifest.session_id == session_id)
    }
}

impl Answer {
    async fn of(session: &Session, name: &str) -> Result<Self> {
        let sql = session.library().query(name)?;
        Ok(Self {
            name: name.to_owned(),
            about: about(&sql),
            table: session.named(name).await?,
            sql,
        })
    }

    /// The texts of a column, row by row.
    pub fn texts<'a>(&'a self, column: &str) -> impl Iterator<Item = &'a str> {
        let index = self.table.column(column);
        let rows = self.table.rows.iter();
        rows.filter_map(move |row| index.and_then(|index| row.get(index)?.as_str()))
    }

    /// A cell, missing or not.
    pub fn cell(&self, row: usize, column: &str) -> &Cell {
        self.table.cell(row, column).unwrap_or(&Cell::Null)
    }
}

impl Drawn {
    /// Its numbers, as a table can be read.
    pub fn numbers(&self) -> &Answer {
        self.told.as_ref().unwrap_or(&self.drawn)
    }
}

/// The picture of an answer, if it is not too large.
fn picture(letter: &str, figure: &Figure, table: &Table) -> Result<Option<String>> {
    // Two on a page must not share their ids.
    let figure = figure.under_heading(&format!("{letter}{}", figure.name));
    let svg = figure.svg(table, Look::Page)?;
    Ok(Some(svg).filter(|svg| svg.len() <= MOST_PICTURE))
}

/// The views that queries use, and those that these use, by name.
fn views<'a>(queries: impl Iterator<Item = &'a str>, library: &Library) -> Result<Vec<View>> {
    let known: BTreeSet<String> = library.views().into_iter().collect();
    let mut texts: Vec<String> = queries.map(str::to_owned).collect();
    let mut used: Vec<View> = Vec::new();
    while let Some(text) = texts.pop() {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for word in words.filter(|word| known.contains(*word)) {
            if used.iter().any(|view| view.name == word) {
                continue;
            }
            if let Some(sql) = library.view(word)? {
                texts.push(sql.clone());
                used.push(View {
                    name: word.to_owned(),
                    about: about(&sql),
                    sql,
                });
            }
        }
    }
    used.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(used)
}
