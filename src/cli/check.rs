//! `tokentape check`: hold claims and thresholds against traces.

use std::path::PathBuf;

use clap::ValueHint;

use super::output::Output;
use super::{Exit, NO};
use crate::analyze::check::{self, Claims};
use crate::analyze::{Library, Session};
use crate::trace::find;

/// Hold claims and thresholds against traces
///
/// Each claim of the file has a query that decides it. Exit code 1 if a claim's verdict (holds,
/// contradicted or undecidable) or recomputed value is not the one that the file notes.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape check traces/gemma3-270m-pair/claims.toml
  tokentape check traces/gemma3-270m-pair/claims.toml --format json
  tokentape check tests/latency.toml traces/today

A claims file, to be kept beside a report or a test suite:

  traces = [\".\"]         # relative to this file

  [[section]]
  source = \"our service level\"

  [[section.claim]]
  name = \"efficient\"
  says = \"side by side costs next to nothing\"
  sql = \"select min(efficiency_span_percent) from run_metrics\"
  expected = \"> 90\"      # or a number as printed: 95.17; a text; true
  # query = NAME, row = { model = \"a\" }, column = NAME: a cell of a question
  # tolerance = 0.5      # else half a unit of the last digit
  # verdict = \"contradicted\", value = what was found: known not to hold")]
pub struct Args {
    /// The claims
    #[arg(value_name = "CLAIMS.toml")]
    claims: PathBuf,
    /// Trace folders, folders of traces, or globs [default: those that the claims name]
    #[arg(value_name = "TRACE", value_hint = ValueHint::DirPath)]
    traces: Vec<String>,
    /// Look for queries and views here first [default: queries/ beside the claims]
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,
    /// Tables of assumptions in place of the claims' own: TOML, see queries/params
    #[arg(long, value_name = "FILE")]
    params: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let claims = Claims::read(&args.claims)?;
    let beside = args.claims.with_file_name("queries");
    let queries = args.queries.or_else(|| beside.is_dir().then_some(beside));
    let traces = match args.traces.is_empty() {
        true => claims
            .traces
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        false => args.traces,
    };
    let params: Vec<PathBuf> = claims.params.iter().cloned().chain(args.params).collect();
    let library = Library::new(queries.as_deref())?.with_params(&params)?;
    let session = Session::open(&find(&traces)?, library)?;
    let checked = check::check(&session, &claims).await?;
    args.output.table(&checked.table)?;
    eprintln!("tokentape: {}", checked.summary());
    for changed in &checked.changed {
        eprintln!("tokentape: {changed}");
    }
    Ok(if checked.changed.is_empty() { 0 } else { NO })
}
