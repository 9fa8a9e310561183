//! The report as GitHub's Markdown, with its pictures as files beside it.

use std::fmt::Write as _;

use anyhow::Result;

use super::contents::{Answer, Drawn, Report, Side};
use super::grid::MOST_ROWS;
use super::parts::{self, MOST_SAID};
use super::verdicts;
use crate::draw::Look;
use crate::table::{Cell, Form, Table};

/// A report in Markdown.
pub struct Written {
    /// The document.
    pub text: String,
    /// The pictures it shows: names of files that lie beside it, and their SVG.
    pub pictures: Vec<(String, String)>,
}

/// The report as Markdown. The names of its pictures begin with `stem`.
///
/// # Errors
/// If an answer does not fit its figure.
pub fn markdown(report: &Report, stem: &str) -> Result<Written> {
    let mut out = Document {
        report,
        stem,
        text: String::new(),
        pictures: Vec::new(),
    };
    out.write()?;
    Ok(Written {
        text: out.text,
        pictures: out.pictures,
    })
}

struct Document<'a> {
    report: &'a Report,
    stem: &'a str,
    text: String,
    pictures: Vec<(String, String)>,
}

impl Document<'_> {
    fn write(&mut self) -> Result<()> {
        let report = self.report;
        self.block(&format!("# {}", literal(&report.title())));
        if let Some(compared) = &report.compared {
            let command = report.compares();
            self.block("## Is B different from A?");
            let said = verdicts::sentences(compared);
            let said = said.iter().map(|said| format!("- {}", sentence_of(said)));
            self.block(&said.collect::<Vec<_>>().join("\n"));
            self.block(&compared.about);
            self.table(&compared.table, &command)?;
            self.sql(compared, &[command]);
        }
        self.block("## What was run");
        for (heading, side) in sides(report) {
            self.block(&heading);
            self.table(&side.sessions.table, &side.commands.sql("sessions"))?;
            self.told(side);
        }
        self.block("## The answer");
        for (heading, side) in sides(report) {
            self.block(&heading);
            for sentence in side.answer.texts("sentence") {
                self.block(&format!("- {}", sentence_of(sentence)));
            }
        }
        self.sql(&report.sides[0].answer, &self.commands("answer"));
        for name in report.figures() {
            self.block(&format!("## {}", literal(parts::title(report, name))));
            for (heading, side) in sides(report) {
                if let Some(drawn) = side.figure(name) {
                    self.block(&heading);
                    self.picture(side, drawn)?;
                }
            }
        }
        for name in report.sections() {
            self.block(&format!("## {name}"));
            let any = report.sides.iter().find_map(|side| side.section(name));
            if let Some(any) = any {
                self.block(&any.about);
            }
            for (heading, side) in sides(report) {
                if let Some(answer) = side.section(name) {
                    self.block(&heading);
                    self.table(&answer.table, &side.commands.sql(name))?;
                }
            }
            if let Some(any) = any {
                self.sql(any, &self.commands(name));
            }
        }
        self.warnings()?;
        self.block("## Definitions");
        for view in &report.views {
            self.block(&format!("**`{}`** {}", view.name, view.about));
            self.fold(
                &format!("SQL of the view {}", view.name),
                &fenced("sql", &view.sql),
            );
        }
        self.again();
        Ok(())
    }

    /// A paragraph, heading or the like.
    fn block(&mut self, text: &str) {
        if !text.is_empty() {
            let gap = if self.text.is_empty() { "" } else { "\n" };
            let _ = writeln!(self.text, "{gap}{text}");
        }
    }

    fn commands(&self, name: &str) -> Vec<String> {
        let sides = self.report.sides.iter();
        sides.map(|side| side.commands.sql(name)).collect()
    }

    fn fold(&mut self, summary: &str, inside: &str) {
        self.block(&format!(
            "<details>\n<summary>{}</summary>\n\n{inside}\n\n</details>",
            literal(summary)
        ));
    }

    fn sql(&mut self, answer: &Answer, commands: &[String]) {
        let command = fenced("sh", &commands.join("\n"));
        let sql = fenced("sql", &answer.sql);
        self.fold(
            &format!("SQL of {}", answer.name),
            &format!("{command}\n\n{sql}"),
        );
    }

    fn table(&mut self, table: &Table, all: &str) -> Result<()> {
        let written = written(table)?;
        self.block(&written);
        let rows = table.rows.len();
        if rows > MOST_ROWS {
            self.block(&format!(
                "The first {MOST_ROWS} of {rows} rows. All of them: `{all}`"
            ));
        }
        Ok(())
    }

    fn told(&mut self, side: &Side) {
        for trace in &side.traces {
            for (what, value) in parts::told(&trace.manifest) {
                let (what, value) = (literal(&what), literal(&value));
                self.block(&format!(
                    "- {}, {what}: {value}",
                    literal(&trace.manifest.name)
                ));
            }
            for remark in &trace.manifest.remarks {
                self.block(&format!(
                    "- {}: {}",
                    literal(&trace.manifest.name),
                    literal(remark)
                ));
            }
        }
    }

    fn says(&mut self, drawn: &Drawn, all: &str) {
        let bullet = match drawn.says.len() {
            0 | 1 => "",
            _ => "- ",
        };
        let said = drawn.says.iter().take(MOST_SAID);
        let mut lines: Vec<String> = said
            .map(|sentence| format!("{bullet}{}", sentence_of(sentence)))
            .collect();
        if let rest @ 1.. = drawn.says.len().saturating_sub(MOST_SAID) {
            lines.push(format!("{bullet}And {rest} more: `{all}`"));
        }
        self.block(&lines.join("\n"));
    }

    fn picture(&mut self, side: &Side, drawn: &Drawn) -> Result<()> {
        let name = &drawn.figure.name;
        self.says(drawn, &side.commands.sql(&drawn.drawn.name));
        let command = side.commands.figure(name);
        match &drawn.svg {
            Some(_) => {
                let stem = format!("{}-{}{name}", self.stem, side.letter.to_lowercase());
                let (light, dark) = (format!("{stem}.svg"), format!("{stem}-dark.svg"));
                for (file, look) in [(&light, Look::Light), (&dark, Look::Dark)] {
                    let svg = drawn.figure.svg(&drawn.drawn.table, look)?;
                    self.pictures.push((file.clone(), svg));
                }
                let title = attribute(&drawn.title);
                let [light, dark] = [light, dark].map(|file| attribute(&file));
                self.block(&format!(
                    "<picture>\n<source media=\"(prefers-color-scheme: dark)\" srcset=\"{dark}\">\n\
                     <img alt=\"{title}\" src=\"{light}\">\n</picture>"
                ));
            }
            None => self.block(&format!(
                "The picture is too large for a page. It is drawn by `{command}`"
            )),
        }
        let numbers = drawn.numbers();
        let inside = written(&numbers.table)?;
        self.fold("The figure’s numbers", &inside);
        let asked = side.commands.sql(&drawn.drawn.name);
        self.sql(&drawn.drawn, &[asked, command]);
        Ok(())
    }

    fn warnings(&mut self) -> Result<()> {
        let report = self.report;
        self.block("## Warnings");
        self.block(&report.sides[0].warnings.about);
        for (heading, side) in sides(report) {
            self.block(&heading);
            if side.warnings.table.rows.is_empty() {
                self.block("None.");
            }
            for row in 0..side.warnings.table.rows.len() {
                let text = |column| side.warnings.cell(row, column).exact();
                let (warning, n) = (text("warning"), text("n"));
                let sentence = sentence_of(&text("sentence"));
                self.block(&format!("- **{}** ({n}) {sentence}", literal(&warning)));
            }
            if !side.doubts.table.rows.is_empty() {
                self.block(&side.doubts.about);
                self.table(&side.doubts.table, &side.commands.sql("doubts"))?;
            }
        }
        self.sql(&report.sides[0].warnings, &self.commands("warnings"));
        self.sql(&report.sides[0].doubts, &self.commands("doubts"));
        Ok(())
    }

    fn again(&mut self) {
        self.block("## To make it again");
        let makes = self.report.makes(" --format markdown");
        let version = env!("CARGO_PKG_VERSION");
        self.block(&format!(
            "With tokentape {version}, where the traces are. The same traces give the same page, to the byte."
        ));
        let mut lines = String::new();
        let mut files = "| session | session_id | file | rows | bytes | blake3 |\n\
                         |---|---|---|--:|--:|---|"
            .to_owned();
        for side in &self.report.sides {
            let Side {
                commands, traces, ..
            } = side;
            let _ = writeln!(lines, "{}", commands.plain("verify"));
            let _ = writeln!(lines, "{}", commands.asking("analyze", ""));
            let _ = writeln!(lines, "{}", commands.drawing("figures", ""));
            for trace in traces {
                for file in &trace.manifest.files {
                    let session = &trace.manifest;
                    let cells = [&session.name, &session.session_id, &file.name];
                    let [name, id, table] = cells.map(|cell| literal(cell).replace('|', "\\|"));
                    let (rows, bytes) = (file.rows, file.bytes);
                    let hash = literal(&file.blake3).replace('|', "\\|");
                    let _ = write!(
                        files,
                        "\n| {name} | {id} | {table} | {rows} | {bytes} | {hash} |"
                    );
                }
            }
        }
        self.block(&fenced("sh", &(lines + &makes)));
        self.block(&files);
    }
}

/// The sides, each with its heading if there are two.
fn sides(report: &Report) -> impl Iterator<Item = (String, &Side)> {
    report.sides.iter().map(|side| {
        let heading = match side.letter {
            "" => String::new(),
            letter => format!("**{letter}: {}**", literal(side.commands.traces())),
        };
        (heading, side)
    })
}

/// A table, whatever its texts hold.
fn written(table: &Table) -> Result<String> {
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => Cell::Text(literal(text)),
        other => other.clone(),
    };
    let rows = table.rows.iter().take(MOST_ROWS);
    let safe = Table {
        columns: table.columns.iter().map(|column| literal(column)).collect(),
        rows: rows.map(|row| row.iter().map(cell).collect()).collect(),
    };
    let mut out = Vec::new();
    safe.write(Form::Markdown, &mut out)?;
    Ok(String::from_utf8_lossy(&out).trim_end().to_owned())
}

/// A query's sentence: names in backticks stay code, all else is text.
fn sentence_of(text: &str) -> String {
    // A name of a trace may hold backticks, too.
    let is_name = |piece: &str| !piece.contains(['<', '>', '&', '*', '|']);
    let is_paired = text.matches('`').count().is_multiple_of(2);
    if !is_paired || !text.split('`').skip(1).step_by(2).all(is_name) {
        return literal(text);
    }
    let pieces = text.split('`').enumerate();
    let pieces = pieces.map(|(index, piece)| match index % 2 {
        0 => literal(piece),
        _ => format!("`{piece}`"),
    });
    pieces.collect()
}

/// Text that Markdown takes for what it is.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '[' | ']' | '~' => out.extend(['\\', letter]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

/// Text inside the quotes of a tag. Blanks would end the address of a picture.
fn attribute(text: &str) -> String {
    let safe = text.replace('&', "&amp;").replace('"', "&quot;");
    safe.replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\n', " ")
}

/// Code between fences longer than any inside.
fn fenced(language: &str, code: &str) -> String {
    let mut fence = "```".to_owned();
    while code.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{}\n{fence}", code.trim_end())
}
