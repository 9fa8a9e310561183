//! `tokentape calibrate`: how much the recorder disturbs what it measures, on this machine.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::output::Output;
use super::{Exit, Failed, state};
use crate::analyze::{Library, Session};
use crate::clock::Clock;
use crate::record::calibration::{Load, calibrate};
use crate::table::Form;
use crate::trace::{Agent, Manifest, Trace, Writer};
use crate::wire::redaction::Redactor;

/// Each load is served twice, so this takes some 14 seconds.
const LOADS: [Load; 2] = [
    Load {
        streams: 2,
        chunks_per_s: Some(200.0),
        duration: Duration::from_secs(4),
    },
    Load {
        streams: 100,
        chunks_per_s: Some(100.0),
        duration: Duration::from_secs(3),
    },
];

/// Measure how much the recorder disturbs what it measures, on this machine
///
/// A built-in source says in every chunk when it was written; a reader takes its streams directly
/// and through the recorder. `stamp_error` is how late the recorder's stamp is, `added_latency` how
/// much later the reader gets a chunk. The result is kept: later recordings carry it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape calibrate
  tokentape calibrate --format json -o calibration.json")]
pub struct Args {
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let place = tempfile::tempdir().context("no folder for temporary files")?;
    let folder = place.path().join("calibration");
    let session = Manifest {
        agents: vec![Agent {
            name: "calibration".to_owned(),
            ..Agent::default()
        }],
        ..Manifest::default()
    };
    let writer = Writer::create(&folder, Clock::start(), session, Redactor::default())?;
    calibrate(&writer.tape(), &LOADS).await.map_err(Failed)?;
    let sealed = tokio::task::spawn_blocking(|| writer.finish()).await;
    let manifest = sealed.context("sealing died")?.map_err(Failed)?;
    let session = Session::open(&[Trace::open(&folder)?], Library::default())?;
    let figures = session.named("calibration").await?;
    args.output.table(&figures)?;
    let mut rows = Vec::new();
    figures.write(Form::Json, &mut rows)?;
    let kept = serde_json::json!({
        "at": manifest.started_at,
        "host": manifest.host,
        "figures": serde_json::from_slice::<Value>(&rows)?,
    });
    let file = file()?;
    let cannot = || format!("{} cannot be written", file.display());
    if let Some(above) = file.parent() {
        fs::create_dir_all(above)
            .with_context(cannot)
            .map_err(Failed)?;
    }
    let text = serde_json::to_string_pretty(&kept)? + "\n";
    fs::write(&file, text)
        .with_context(cannot)
        .map_err(Failed)?;
    eprintln!(
        "tokentape: kept in {}; recordings will carry it",
        file.display()
    );
    Ok(0)
}

/// Where the last calibration of this machine is kept.
fn file() -> Result<PathBuf> {
    state::file("calibration.json")
}

/// The last calibration of this machine, if there is one.
pub fn last() -> Option<Value> {
    let text = fs::read_to_string(file().ok()?).ok()?;
    serde_json::from_str(&text).ok()
}
