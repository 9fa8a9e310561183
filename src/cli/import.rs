//! `tokentape import`: turn what other tools measured into a trace.

use std::path::PathBuf;

use clap::Subcommand;

use super::Exit;
use crate::convert;

/// Turn what other tools measured into a trace
///
/// What the source does not say is null; what is missing, cut or contradictory in it is named on
/// stderr and kept in the trace's manifest.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    format: Format,
}

#[derive(Subcommand)]
enum Format {
    /// The results of the Chimeraforge research: the layouts of its Python and its Rust harness
    Chimeraforge(Source),
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
        Format::Chimeraforge(source) => (convert::chimeraforge(&source.path)?, &source.output),
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
