//! `tokentape recover`: seal what a recorder that died left behind.

use std::path::PathBuf;

use super::Exit;
use crate::trace::{Manifest, recover};

/// Seal what a recorder that died left behind
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape recover traces/today
  tokentape recover traces/monday traces/tuesday")]
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
        say_unread(&manifest);
    }
    Ok(0)
}

/// What a journal held that could not be sealed.
pub fn say_unread(manifest: &Manifest) {
    if manifest.unread_bytes > 0 {
        eprintln!(
            "tokentape: {} bytes of the journal could not be read, and what they held is lost: \
             a write that was cut short, or a damaged disk",
            manifest.unread_bytes
        );
    }
}
