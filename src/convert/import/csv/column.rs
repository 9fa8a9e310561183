//! What a column of a table of runs holds, by the NAME it bears or is given.

use anyhow::{Result, bail};

/// What a run is, in words.
const WORDS: [&str; 7] = [
    "runtime",
    "model",
    "scenario",
    "topology",
    "config",
    "phase",
    "contention",
];
/// Its number, and its figures as the source worked them out.
const FIGURES: [&str; 7] = [
    "run_number",
    "speedup",
    "efficiency_percent",
    "throughput_delta_tps",
    "ttft_delta_ms",
    "wall_ms",
    "sequential_ms",
];
/// What was measured of an agent: the client's times, the tokens, and the server's own times.
const OF_AGENT: [&str; 8] = [
    "wall_ms",
    "ttft_ms",
    "start_ms",
    "eval_count",
    "eval_ms",
    "prompt_eval_ms",
    "load_ms",
    "total_ms",
];

/// Where a column's cells belong.
#[derive(Debug, PartialEq)]
pub struct Column {
    /// The agent whose request it measures; `None` if it is about the run.
    pub agent: Option<String>,
    /// The NAME, less the agent; times in milliseconds.
    pub field: &'static str,
    /// What a cell is multiplied by: 1000 where it holds seconds.
    pub factor: f64,
}

impl Column {
    /// What a NAME means, such as `speedup`, `collector.wall_ms` or `collector.wall_s`.
    pub fn parse(name: &str) -> Option<Self> {
        let (agent, field) = match name.rsplit_once('.') {
            Some((agent, field)) => (Some(agent), field),
            None => (None, name),
        };
        if agent == Some("") {
            return None;
        }
        let known = |field: &str| match agent {
            Some(_) => OF_AGENT.into_iter().find(|known| *known == field),
            None => WORDS
                .into_iter()
                .chain(FIGURES)
                .find(|known| *known == field),
        };
        let in_seconds = || known(&format!("{}_ms", field.strip_suffix("_s")?));
        let (field, factor) = match known(field) {
            Some(field) => (field, 1.0),
            None => (in_seconds()?, 1e3),
        };
        Some(Self {
            agent: agent.map(str::to_owned),
            field,
            factor,
        })
    }

    /// The NAME with its unit in milliseconds.
    fn name(&self) -> String {
        match &self.agent {
            Some(agent) => format!("{agent}.{}", self.field),
            None => self.field.to_owned(),
        }
    }
}

/// All NAMEs, as a sentence lists them.
fn names() -> String {
    let of_agent: Vec<String> = OF_AGENT.iter().map(|f| format!("AGENT.{f}")).collect();
    format!(
        "{}, {}, {}; for a time in seconds, _s instead of _ms",
        WORDS.join(", "),
        FIGURES.join(", "),
        of_agent.join(", ")
    )
}

/// What each column of the table holds; `None` for those that are kept as labels.
///
/// # Errors
/// If `map` names a column that is not there, gives a NAME that is none, two columns hold the same,
/// or none holds anything.
pub fn columns(
    file: &str,
    header: &[String],
    map: &[(String, String)],
) -> Result<Vec<Option<Column>>> {
    for (n, title) in header.iter().enumerate() {
        if let Some(before) = header[..n].iter().position(|other| other == title) {
            bail!(
                "{file}, line 1: columns {} and {} are both called {title:?}; rename one",
                before + 1,
                n + 1
            );
        }
    }
    let mut columns: Vec<Option<Column>> = header.iter().map(|t| Column::parse(t)).collect();
    for (title, name) in map {
        let Some(n) = header.iter().position(|column| column == title) else {
            bail!(
                "--map {title:?}={name}: {file} has no such column, only {}",
                header.join(", ")
            );
        };
        let Some(column) = Column::parse(name) else {
            bail!(
                "--map {title:?}={name}: {name:?} is no NAME; there are {}",
                names()
            );
        };
        columns[n] = Some(column);
    }
    let mut taken: Vec<(String, &str)> = Vec::new();
    for (column, title) in columns.iter().zip(header) {
        let Some(column) = column else { continue };
        if let Some((name, other)) = taken.iter().find(|(name, _)| *name == column.name()) {
            bail!("{file}: the columns {other:?} and {title:?} both hold {name}; --map only one");
        }
        taken.push((column.name(), title));
    }
    if taken.is_empty() {
        bail!(
            "{file}: none of its columns bears a NAME; give them with --map COLUMN=NAME; there are {}",
            names()
        );
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_figure_it_is_and_in_what_unit() {
        let wall = |agent: Option<&str>, factor| Column {
            agent: agent.map(str::to_owned),
            field: "wall_ms",
            factor,
        };
        assert_eq!(Column::parse("wall_ms"), Some(wall(None, 1.0)));
        assert_eq!(Column::parse("wall_s"), Some(wall(None, 1e3)));
        assert_eq!(Column::parse("a.b.wall_s"), Some(wall(Some("a.b"), 1e3)));
        assert_eq!(Column::parse("a.eval_count").unwrap().factor, 1.0);
        for none in [
            "",
            "wall",
            ".wall_ms",
            "a.speedup",
            "eval_count",
            "speedup_s",
            "_s",
        ] {
            assert_eq!(Column::parse(none), None, "{none:?}");
        }
    }
}
