//! `tokentape verify`: whether traces are what their manifests say.

use super::{Exit, NO};
use crate::trace::{find, verify};

/// Check that traces are what their manifests say: hashes, rows, order, sums
#[derive(clap::Args)]
pub struct Args {
    /// Trace folders, folders of traces, or globs
    #[arg(
        value_name = "TRACE",
        default_value = "traces",
        hide_default_value = true
    )]
    trace: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let mut code = 0;
    for trace in find(&args.trace)? {
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
