//! `tokentape verify`: whether traces are what their manifests say.

use super::traces::Traces;
use super::{Exit, NO};
use crate::trace::verify;

/// Check that traces are what their manifests say: hashes, rows, order, sums
///
/// Every file is read to its end. Exit code 1 if anything differs.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape verify traces/gemma3-270m-pair
  tokentape verify traces")]
pub struct Args {
    #[command(flatten)]
    traces: Traces,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let mut code = 0;
    for trace in args.traces.open()? {
        let problems = verify(&trace)?;
        if problems.is_empty() {
            println!("{}: ok", trace.folder.display());
        } else {
            code = NO;
        }
        for problem in problems {
            println!("{}: {problem}", trace.folder.display());
        }
    }
    Ok(code)
}
