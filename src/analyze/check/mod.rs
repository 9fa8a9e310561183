//! Holds claims against traces: each claim's query decides it, and its verdict must be the noted one.

mod claims;
mod expectation;

use std::collections::HashMap;

use anyhow::Result;

pub use claims::Claims;

use super::Session;
use crate::table::{Cell, Table};
use claims::Claim;

/// What the data say of a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They agree.
    #[default]
    Holds,
    /// They disagree.
    Contradicted,
    /// They cannot say: the query has no answer, or it is null.
    Undecidable,
}

impl Verdict {
    const ALL: [Self; 3] = [Self::Holds, Self::Contradicted, Self::Undecidable];

    fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Contradicted => "contradicted",
            Self::Undecidable => "undecidable",
        }
    }
}

/// Every claim's verdict.
#[derive(Debug)]
pub struct Checked {
    /// A row a claim: claim, expected, recomputed, verdict, changed, source, says, note.
    pub table: Table,
    /// The claims whose verdict or value is not the noted one, a sentence each.
    pub changed: Vec<String>,
    verdicts: Vec<Verdict>,
}

impl Checked {
    /// How many claims have which verdict, in one line.
    pub fn summary(&self) -> String {
        let counts = Verdict::ALL.map(|verdict| {
            let count = self.verdicts.iter().filter(|v| **v == verdict).count();
            format!("{count} {}", verdict.as_str())
        });
        let all = self.verdicts.len();
        let changed = match self.changed.len() {
            0 => "all as noted".to_owned(),
            changed => format!("{changed} not as noted"),
        };
        format!("{all} claims: {}; {changed}", counts.join(", "))
    }
}

/// Decides every claim by its query over the session's traces.
///
/// # Errors
/// If a query is wrong, or its answer is not the one cell that the claim is about.
pub async fn check(session: &Session, claims: &Claims) -> Result<Checked> {
    let columns = [
        "claim",
        "expected",
        "recomputed",
        "verdict",
        "changed",
        "source",
        "says",
        "note",
    ];
    let mut checked = Checked {
        table: Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        },
        changed: Vec::new(),
        verdicts: Vec::new(),
    };
    // Many claims ask for different cells of one answer.
    let mut answers: HashMap<String, Table> = HashMap::new();
    for claim in claims.claims() {
        let sql = claim
            .question
            .sql(session.library())
            .map_err(|error| claims.about(claim, &error))?;
        let answer = match answers.get(&sql) {
            Some(answer) => answer,
            None => {
                let answer = session.query(&sql).await;
                let answer = answer.map_err(|error| claims.about(claim, &error.into()))?;
                answers.entry(sql).or_insert(answer)
            }
        };
        let found = claim
            .cell(answer)
            .map_err(|error| claims.about(claim, &error))?;
        checked.take(claim, found);
    }
    Ok(checked)
}

impl Checked {
    fn take(&mut self, claim: &Claim, found: &Cell) {
        let verdict = claim.expected.verdict(found);
        let changed = claim.changed(verdict, found);
        let text = |text: &Option<String>| text.clone().map_or(Cell::Null, Cell::Text);
        self.table.rows.push(vec![
            Cell::Text(claim.name.clone()),
            Cell::Text(claim.expected.to_string()),
            found.clone(),
            Cell::Text(verdict.as_str().to_owned()),
            Cell::Bool(changed.is_some()),
            text(&claim.source),
            text(&claim.says),
            text(&claim.note),
        ]);
        self.verdicts.push(verdict);
        self.changed.extend(changed);
    }
}
