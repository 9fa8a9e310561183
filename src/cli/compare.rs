//! `tokentape compare`: is B different from A?

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueHint;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::output::Output;
use super::{Exit, NO};
use crate::analyze::compare::{Centre, Comparison, Pair, Sides};
use crate::analyze::{Library, Session};
use crate::trace::find;

/// By how much a metric may get worse, unless said otherwise, in percent.
pub(super) const MAX_REGRESSION_PERCENT: f64 = 5.0;

/// Tell whether B is different from A: statistics, a verdict, and an exit code
///
/// For every metric and group: n, the centre of each side, the difference with its 95 % interval, p
/// (also corrected by Holm over all rows), effect size, what could have been detected, and a verdict.
/// Exit code 1 if a metric is worse by more than --max-regression. Warm-up runs do not count.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape compare traces/gemma3-270m-pair traces/gemma3-270m-bench
  tokentape compare traces/before traces/after --by agent --max-regression 10%
  tokentape compare traces/before traces/after --paired prompt --median
  tokentape compare traces/gemma3-270m-pair --aa")]
pub struct Args {
    /// A trace folder, folder of traces, or glob: what was
    #[arg(value_name = "A", value_hint = ValueHint::DirPath)]
    a: String,
    /// The same: what is
    #[arg(
        value_name = "B",
        value_hint = ValueHint::DirPath,
        required_unless_present = "aa",
        conflicts_with = "aa"
    )]
    b: Option<String>,
    /// Compare every second run of A with the others: what chance alone does, and as noise_floor the
    /// difference below which 95 % of all random halves stay
    #[arg(long)]
    aa: bool,
    /// A column of request_metrics, agent_runs or run_metrics [default: ttft_ms, itl_ms,
    /// throughput_tps, efficiency_percent, wall_ms]
    #[arg(long = "metric", value_name = "M")]
    metrics: Vec<String>,
    /// Compare apart what differs in these columns
    #[arg(
        long,
        value_name = "COLUMN,...",
        value_delimiter = ',',
        default_value = "phase"
    )]
    by: Vec<String>,
    /// Compare medians, with bootstrapped intervals, instead of means
    #[arg(long)]
    median: bool,
    /// Compare pair by pair: runs of the same number and configuration, or requests of the same prompt
    #[arg(long, value_name = "PAIRS", value_parser = PossibleValuesParser::new(["run", "prompt"]).try_map(|text| pair(&text)), conflicts_with = "aa")]
    paired: Option<Pair>,
    /// A metric that got worse by more than this is a regression
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value_t = MAX_REGRESSION_PERCENT)]
    max_regression: f64,
    /// Look for queries and views here first
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let a = find(&[args.a])?;
    let b = match args.b {
        Some(b) => find(&[b])?,
        None => Vec::new(),
    };
    let comparison = Comparison {
        metrics: args.metrics,
        by: args.by,
        centre: match args.median {
            true => Centre::Median,
            false => Centre::Mean,
        },
        paired: args.paired,
        max_regression_percent: args.max_regression,
    };
    for column in comparison.metrics.iter().chain(&comparison.by) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if column.is_empty() || !column.chars().all(plain) {
            bail!("{column:?} is no name of a column; see queries/README.md");
        }
    }
    let both: Vec<_> = a.iter().chain(&b).cloned().collect();
    let session = Session::open(&both, Library::new(args.queries.as_deref())?)?;
    let sides = match args.aa {
        true => Sides::Same,
        false => Sides::Two(&a, &b),
    };
    let compared = comparison.run(&session, &sides).await?;
    args.output.table(&compared.table)?;
    Ok(if compared.regressed { NO } else { 0 })
}

fn pair(text: &str) -> Result<Pair, String> {
    match text {
        "run" => Ok(Pair::Run),
        "prompt" => Ok(Pair::Prompt),
        _ => Err("pairs are made by `run` or by `prompt`".to_owned()),
    }
}

/// `5%` or `5`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim().parse::<f64>();
    match number {
        Ok(percent) if percent >= 0.0 && percent.is_finite() => Ok(percent),
        _ => Err("write a share such as 5% or 0.5%".to_owned()),
    }
}
