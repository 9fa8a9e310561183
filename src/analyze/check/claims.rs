//! A claims file: what somebody says of traces, where, and which query decides it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::Deserialize;
use toml::{Spanned, Value};

use super::Verdict;
use super::expectation::Expectation;
use crate::analyze::Library;
use crate::document::Document;
use crate::table::{Cell, Table};

/// The claims of one file.
#[derive(Debug)]
pub struct Claims {
    /// What the file is about.
    pub title: Option<String>,
    /// The traces that it is about, unless others are named.
    pub traces: Vec<PathBuf>,
    /// Its parameter files.
    pub params: Vec<PathBuf>,
    claims: Vec<Claim>,
    document: Document,
}

/// One claim.
#[derive(Debug)]
pub struct Claim {
    pub name: String,
    /// Where it is said.
    pub source: Option<String>,
    /// What is said, in words.
    pub says: Option<String>,
    pub note: Option<String>,
    pub question: Question,
    pub expected: Expectation,
    /// Tells the row of the answer from the others: what its columns hold.
    row: BTreeMap<String, Value>,
    column: Option<String>,
    /// What was found when the claim was written down.
    verdict: Verdict,
    /// What was recomputed then.
    value: Option<Expectation>,
    place: std::ops::Range<usize>,
}

/// What decides a claim.
#[derive(Clone, Debug)]
pub enum Question {
    Sql(String),
    Named(String),
}

impl Question {
    /// Its SQL.
    pub fn sql(&self, library: &Library) -> Result<String> {
        match self {
            Self::Sql(sql) => Ok(sql.clone()),
            Self::Named(name) => library.query(name),
        }
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: Option<String>,
    #[serde(default)]
    traces: Vec<PathBuf>,
    #[serde(default)]
    params: Vec<PathBuf>,
    #[serde(default)]
    section: Vec<Section>,
}

/// Claims that share a source or a question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// For the reader of the file.
    #[serde(rename = "title")]
    _title: Option<String>,
    source: Option<String>,
    sql: Option<String>,
    query: Option<String>,
    #[serde(default)]
    claim: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    source: Option<String>,
    says: Option<String>,
    note: Option<String>,
    sql: Option<String>,
    query: Option<String>,
    #[serde(default)]
    row: BTreeMap<String, Value>,
    column: Option<String>,
    expected: Spanned<Value>,
    tolerance: Option<f64>,
    #[serde(default)]
    verdict: Verdict,
    value: Option<Spanned<Value>>,
}

impl Claims {
    /// Reads a claims file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// If it cannot be read, or is no claims file: the sentence names the line and what to do.
    pub fn read(path: &Path) -> Result<Self> {
        let mut claims = Self::parse(Document::read(path)?)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for path in claims.traces.iter_mut().chain(&mut claims.params) {
            *path = folder.join(&*path);
        }
        Ok(claims)
    }

    fn parse(document: Document) -> Result<Self> {
        let file: File = document.parse()?;
        let mut claims = Vec::new();
        let mut names = HashSet::new();
        for section in file.section {
            for written in &section.claim {
                let place = written.span();
                let claim = claim(written, &section, &document)?;
                if !names.insert(claim.name.clone()) {
                    let twice =
                        format!("there is another claim named {:?}; rename one", claim.name);
                    bail!(document.at(place, &twice));
                }
                claims.push(claim);
            }
        }
        if claims.is_empty() {
            bail!(
                "{} makes no claims; add a [[section.claim]]",
                document.file()
            );
        }
        Ok(Self {
            title: file.title,
            traces: file.traces,
            params: file.params,
            claims,
            document,
        })
    }

    /// All of them, in the file's order.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Says which claim an error is about.
    pub(super) fn about(&self, claim: &Claim, error: &anyhow::Error) -> anyhow::Error {
        let what = format!("claim {:?}: {error:#}", claim.name);
        self.document.at(claim.place.clone(), &what)
    }
}

fn claim(written: &Spanned<Written>, section: &Section, document: &Document) -> Result<Claim> {
    let place = written.span();
    let written = written.get_ref();
    let refused =
        |what: &str| document.at(place.clone(), &format!("claim {:?} {what}", written.name));
    let question = |sql: &Option<String>, query: &Option<String>| match (sql, query) {
        (Some(_), Some(_)) => Err(refused("has both `sql` and `query`; remove one")),
        (Some(sql), None) => Ok(Some(Question::Sql(sql.clone()))),
        (None, Some(query)) => Ok(Some(Question::Named(query.clone()))),
        (None, None) => Ok(None),
    };
    let own = question(&written.sql, &written.query)?;
    let question = match own {
        Some(own) => Some(own),
        None => question(&section.sql, &section.query)?,
    };
    let Some(question) = question else {
        bail!(refused(
            "has neither `sql` nor `query`; add one, or to its section"
        ));
    };
    let tolerance = written.tolerance;
    if tolerance.is_some_and(|tolerance| tolerance.is_nan() || tolerance < 0.0) {
        bail!(refused(
            "has a `tolerance` that is no distance; write a number from 0"
        ));
    }
    let expectation = |value: &Spanned<Value>| {
        let digits = document.written(value.span());
        match value.get_ref() {
            Value::Integer(number) => Ok(Expectation::number(digits, *number as f64, tolerance)),
            Value::Float(number) => Ok(Expectation::number(digits, *number, tolerance)),
            Value::String(text) => Ok(Expectation::text(text)),
            Value::Boolean(value) => Ok(Expectation::Bool(*value)),
            _ => Err(refused(
                "expects what no figure is; write a number, a text, a bound such as \"> 97\", true or false",
            )),
        }
    };
    Ok(Claim {
        name: written.name.clone(),
        source: written.source.clone().or_else(|| section.source.clone()),
        says: written.says.clone(),
        note: written.note.clone(),
        question,
        expected: expectation(&written.expected)?,
        row: written.row.clone(),
        column: written.column.clone(),
        verdict: written.verdict,
        value: written.value.as_ref().map(expectation).transpose()?,
        place: place.clone(),
    })
}

impl Claim {
    /// The cell of the answer that the claim is about; null if the answer has no rows.
    pub(super) fn cell<'a>(&self, answer: &'a Table) -> Result<&'a Cell> {
        let column_of = |name: &str| {
            answer.column(name).ok_or_else(|| {
                anyhow::anyhow!(
                    "the answer has no column {name:?}; it has {}",
                    answer.columns.join(", ")
                )
            })
        };
        let column = match &self.column {
            Some(name) => column_of(name)?,
            None if answer.columns.len() == 1 => 0,
            None => bail!(
                "the answer has {} columns; add `column`, one of {}",
                answer.columns.len(),
                answer.columns.join(", ")
            ),
        };
        let mut wanted = Vec::new();
        for (name, value) in &self.row {
            wanted.push((column_of(name)?, value));
        }
        let mut rows = answer.rows.iter().filter(|row| {
            wanted
                .iter()
                .all(|(column, value)| is(&row[*column], value))
        });
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok(&row[column]),
            (Some(_), Some(_)) => bail!("several rows of the answer fit; say more in `row`"),
            (None, _) if answer.rows.is_empty() => Ok(&Cell::Null),
            (None, _) => bail!("no row of the answer fits `row`; correct it"),
        }
    }

    /// What is not as noted, in a sentence.
    pub(super) fn changed(&self, verdict: Verdict, found: &Cell) -> Option<String> {
        let name = &self.name;
        if verdict != self.verdict {
            let (now, noted) = (verdict.as_str(), self.verdict.as_str());
            return Some(format!("{name} is {now}, noted was {noted}"));
        }
        let value = self.value.as_ref()?;
        let drifted = value.verdict(found) != Verdict::Holds;
        drifted.then(|| {
            format!(
                "{name} is recomputed as {}, noted was {value}",
                found.exact()
            )
        })
    }
}

/// Whether a cell holds what a claims file says.
fn is(cell: &Cell, value: &Value) -> bool {
    match value {
        Value::String(text) => cell.as_str() == Some(text),
        Value::Boolean(value) => *cell == Cell::Bool(*value),
        Value::Integer(number) => cell.as_f64() == Some(*number as f64),
        Value::Float(number) => cell.as_f64() == Some(*number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
[[section]]
source = "here"
sql = "select 1 as a"

[[section.claim]]
name = "one"
"#;

    fn refused(text: &str) -> String {
        Claims::parse(Document::new("c.toml", text))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_claim_inherits_from_its_section_and_keeps_its_digits() {
        let text = format!("{ONE}expected = 72.00\n");
        let claims = Claims::parse(Document::new("c.toml", text)).unwrap();
        let [claim] = claims.claims() else { panic!() };
        assert_eq!(claim.source.as_deref(), Some("here"));
        assert_eq!(claim.expected.to_string(), "72.00");
        assert!(matches!(&claim.question, Question::Sql(sql) if sql == "select 1 as a"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_a_remedy() {
        for (text, line, told) in [
            (format!("{ONE}expected = [1]\n"), 6, "write a number"),
            (
                format!("{ONE}expected = 1\nverdict = \"maybe\"\n"),
                9,
                "choose one of these",
            ),
            (
                format!("{ONE}expected = 1\ntolerance = -1\n"),
                6,
                "write a number from 0",
            ),
            (
                format!("{ONE}expected = 1\nsql = \"a\"\nquery = \"b\"\n"),
                6,
                "remove one",
            ),
            (
                format!("{ONE}expected = 1\nnaem = 1\n"),
                9,
                "rename it or remove it",
            ),
            (ONE.to_owned(), 6, "add it"),
            (
                "[[section]]\n[[section.claim]]\nname = \"a\"\nexpected = 1\n".into(),
                2,
                "add one",
            ),
            (
                format!("{ONE}expected = 1\n[[section.claim]]\nname = \"one\"\nexpected = 1\n"),
                9,
                "rename one",
            ),
        ] {
            let said = refused(&text);
            assert!(said.starts_with(&format!("c.toml line {line}:")), "{said}");
            assert!(said.contains(told), "{said}");
        }
        assert!(refused("title = \"empty\"").contains("makes no claims"));
    }

    #[test]
    fn the_cell_is_the_one_that_row_and_column_tell() {
        let answer = Table {
            columns: vec!["model".into(), "mean".into()],
            rows: vec![
                vec![Cell::Text("a".into()), Cell::Float(1.0)],
                vec![Cell::Text("b".into()), Cell::Null],
            ],
        };
        let with = |more: &str| {
            let text = format!("{ONE}expected = 1\n{more}");
            let claims = Claims::parse(Document::new("c.toml", text)).unwrap();
            let found = claims.claims()[0].cell(&answer).cloned();
            found.map_err(|error| error.to_string())
        };
        assert_eq!(
            with("row = { model = \"a\" }\ncolumn = \"mean\""),
            Ok(Cell::Float(1.0))
        );
        assert_eq!(
            with("row = { model = \"b\" }\ncolumn = \"mean\""),
            Ok(Cell::Null)
        );
        let said = with("column = \"mean\"").unwrap_err();
        assert!(said.contains("several rows"), "{said}");
        let said = with("row = { model = \"c\" }\ncolumn = \"mean\"").unwrap_err();
        assert!(said.contains("no row"), "{said}");
        let said = with("row = { model = \"a\" }").unwrap_err();
        assert!(said.contains("add `column`, one of model, mean"), "{said}");
        let said = with("row = { modle = \"a\" }\ncolumn = \"mean\"").unwrap_err();
        assert!(said.contains("no column \"modle\""), "{said}");
    }
}
