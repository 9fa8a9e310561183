//! `tokentape import`: turn what other tools measured into a trace.

use std::path::PathBuf;

use clap::Subcommand;

use super::Exit;
use crate::convert::import;

/// Turn what other tools measured into a trace
///
/// What the source does not say is null; what is missing, cut or contradictory in it is named on
/// stderr and kept in the trace's manifest.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape import csv runs.csv -o traces/runs
  tokentape import aiperf artifacts -o traces/aiperf
  tokentape import vllm-bench result.json -o traces/vllm")]
pub struct Args {
    #[command(subcommand)]
    format: Format,
}

#[derive(Subcommand)]
enum Format {
    /// The results of the Chimeraforge research: the layouts of its Python and its Rust harness
    #[command(after_help = "Examples:
  tokentape import chimeraforge results -o traces/chimeraforge
  tokentape import chimeraforge results/rust -o traces/chimeraforge-rust")]
    Chimeraforge(Source),
    /// A table of runs, one row a run, whose columns bear NAMEs or are given them
    #[command(after_help = "Examples:
  tokentape import csv runs.csv -o traces/runs
  tokentape import csv runs.csv -o traces/runs --map 'Wall (s)=collector.wall_s'

NAMEs: runtime, model, scenario, topology, config, phase, run_number; speedup, efficiency_percent, \
throughput_delta_tps, ttft_delta_ms, contention, wall_ms, sequential_ms; and for each agent \
AGENT.wall_ms, .ttft_ms, .start_ms, .eval_count, .eval_ms, .prompt_eval_ms, .load_ms, .total_ms. \
For a time in seconds, _s instead of _ms. Other columns are kept as labels of their run.")]
    Csv {
        #[command(flatten)]
        source: Source,
        /// The NAME of a column that does not bear it already
        #[arg(long, value_name = "COLUMN=NAME", value_parser = parse_map)]
        map: Vec<(String, String)>,
    },
    /// NVIDIA AIPerf's records: profile_export.jsonl, or the folder of its artifacts
    #[command(after_help = "Examples:
  tokentape import aiperf artifacts -o traces/aiperf
  tokentape import aiperf artifacts/profile_export.jsonl -o traces/aiperf")]
    Aiperf(Source),
    /// The JSON of `vllm bench serve --save-result --save-detailed`
    #[command(after_help = "Examples:
  tokentape import vllm-bench result.json -o traces/vllm
  tokentape import vllm-bench results/qwen2.5-7b.json -o traces/vllm-qwen")]
    VllmBench(Source),
}

/// A column's title may hold a `=`, a NAME does not.
fn parse_map(text: &str) -> Result<(String, String), String> {
    let (column, name) = text.rsplit_once('=').ok_or("it is written COLUMN=NAME")?;
    Ok((column.trim().to_owned(), name.trim().to_owned()))
}

#[derive(clap::Args)]
struct Source {
    /// What to import
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The folder of the new trace
    #[arg(short, value_name = "TRACE")]
    output: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let (import, output) = match &args.format {
        Format::Chimeraforge(source) => (import::chimeraforge(&source.path)?, &source.output),
        Format::Csv { source, map } => (import::csv(&source.path, map)?, &source.output),
        Format::Aiperf(source) => (import::aiperf(&source.path)?, &source.output),
        Format::VllmBench(source) => (import::vllm_bench(&source.path)?, &source.output),
    };
    let manifest = import.seal(output)?;
    for remark in &manifest.remarks {
        eprintln!("tokentape: {remark}");
    }
    let rows = |table: &str| {
        let file = manifest.files.iter().find(|file| file.name == table);
        file.map_or(0, |file| file.rows)
    };
    eprintln!(
        "tokentape: {} holds {} runs, {} requests, {} events, {} samples",
        output.display(),
        rows("runs.parquet"),
        rows("requests.parquet"),
        rows("events.parquet"),
        rows("samples.parquet")
    );
    Ok(0)
}
