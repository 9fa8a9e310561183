//! Any table of runs, one row a run: what its columns hold is said by their NAMEs.
//!
//! | NAME | what it holds |
//! |---|---|
//! | `runtime`, `model`, `scenario`, `topology`, `config` | the run's configuration |
//! | `phase` | `concurrent` (if nothing is said), `solo`, `warmup` or `failed` |
//! | `run_number` | from 1 in its configuration and phase; counted if it is not said |
//! | `speedup`, `efficiency_percent`, `throughput_delta_tps`, `ttft_delta_ms`, `contention`, `wall_ms`, `sequential_ms` | figures that the source worked out; they go into `published` |
//! | `AGENT.wall_ms`, `AGENT.ttft_ms` | the client's time for the agent's request, and to its first token |
//! | `AGENT.start_ms` | from the run's start to the request's; 0 if it is not said |
//! | `AGENT.eval_count` | tokens generated |
//! | `AGENT.eval_ms`, `AGENT.prompt_eval_ms`, `AGENT.load_ms`, `AGENT.total_ms` | the server's own times |
//!
//! A table says neither when its runs began nor by what protocol its agents asked: runs follow one
//! another without a pause, and a request is booked as one of `ollama.generate`, whose words the NAMEs
//! are, with an empty path.

mod column;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::trace::Import;
use column::columns;
use row::{Row, Table};

/// Imports the table in `file`. `map` gives columns their NAMEs; a column that bears one already
/// needs none. Cells of other columns are kept in the run's `labels`.
///
/// Commas, semicolons and tabs separate cells: whichever the header has most of.
///
/// # Errors
/// If the file cannot be read, is empty or not UTF-8, its header and `map` do not fit, or it holds
/// no row that can be used. A row or cell that cannot be used is remarked.
pub fn csv(file: &Path, map: &[(String, String)]) -> Result<Import> {
    let mut import = Import::default();
    let bytes = super::read(file, &mut import)?;
    let name = super::name(file);
    let text = match str::from_utf8(&bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            bail!("{name}, line {line}, is not UTF-8; save it as CSV in UTF-8");
        }
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let Some(header) = records.next().transpose()? else {
        bail!("{name} is empty; it should hold a header and a row for each run");
    };
    let header: Vec<String> = header.iter().map(str::to_owned).collect();
    let table = Table {
        columns: columns(&name, &header, map)?,
        file: name,
        header,
    };
    for agent in table.agents() {
        import.agent(agent, "");
    }
    let mut runs = Runs::default();
    for record in records {
        let record = record?;
        if let Some(row) = Row::new(&table, &record, &mut import) {
            runs.add(row, &mut import);
        }
    }
    ensure!(
        import.run_id() > 0,
        "{} holds no row that can be used{}",
        table.file,
        match import.session.remarks.first() {
            Some(remark) => format!(": {remark}"),
            None => "; it should hold one for each run".to_owned(),
        }
    );
    Ok(import)
}

/// The character that separates cells.
fn delimiter(text: &str) -> u8 {
    let header = text.trim_start().lines().next().unwrap_or_default();
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        for (candidate, count) in &mut counts {
            *count += usize::from(byte == *candidate && !quoted);
        }
    }
    // Of equal counts, the comma's.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(byte, _)| *byte)
}

/// What the runs so far come to.
#[derive(Default)]
struct Runs {
    now_ns: i64,
    /// The numbers taken, by configuration and phase.
    numbers: BTreeMap<Vec<Option<String>>, BTreeSet<i32>>,
}

impl Runs {
    fn add(&mut self, mut row: Row, import: &mut Import) {
        let mut run = row.run();
        let told = row.run_number(import);
        let configuration = [
            &run.runtime,
            &run.model,
            &run.scenario,
            &run.topology,
            &run.config,
        ];
        let mut key: Vec<Option<String>> = configuration.into_iter().cloned().collect();
        key.push(Some(run.phase.clone()));
        let numbers = self.numbers.entry(key).or_default();
        let next = numbers.last().map_or(1, |last| last.saturating_add(1));
        run.run_number = told.unwrap_or(next);
        if !numbers.insert(run.run_number) {
            import.remark(format!(
                "{}: its configuration has a run {} already",
                row.place, run.run_number
            ));
        }
        self.now_ns = row.import(run, self.now_ns, import);
    }
}

#[cfg(test)]
mod tests {
    use super::delimiter;

    #[test]
    fn the_header_tells_what_separates_cells() {
        assert_eq!(delimiter("a,b,c\n1;2"), b',');
        assert_eq!(delimiter("\u{feff}a;b;c,d\n"), b';');
        assert_eq!(delimiter("a\tb"), b'\t');
        assert_eq!(delimiter("\"a;b;c\",d"), b',');
        assert_eq!(delimiter("a"), b',');
        assert_eq!(delimiter(""), b',');
    }
}
