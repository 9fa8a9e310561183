//! `tokentape recover`: seal what a recorder that died left behind.

use std::path::PathBuf;

use super::Exit;
use crate::trace::recover;

/// Seal what a recorder that died left behind
#[derive(clap::Args)]
pub struct Args {
    /// The folder given to `record -o`
    #[arg(value_name = "DIR", required = true)]
    folder: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    for folder in &args.folder {
        let manifest = recover(folder)?;
        let rows: u64 = manifest.files.iter().map(|file| file.rows).sum();
        let seconds = manifest.duration_ns as f64 / 1e9;
        eprintln!(
            "tokentape: {}: {rows} rows of {seconds:.1} s recovered",
            folder.display()
        );
    }
    Ok(0)
}
