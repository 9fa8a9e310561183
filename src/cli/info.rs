//! `tokentape info`: what a trace is and holds.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::Exit;
use super::output::{Format, Output};
use super::traces::Traces;
use crate::trace::{ClockKind, Status, Trace};

/// Say what a trace is and holds
#[derive(clap::Args)]
#[command(after_help = "Examples:
  tokentape info traces/gemma3-270m-pair
  tokentape info traces --format ndjson")]
pub struct Args {
    #[command(flatten)]
    traces: Traces,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let traces = args.traces.open()?;
    let manifests: Vec<_> = traces.iter().map(|trace| &trace.manifest).collect();
    let text = match args.output.format {
        Format::Table => {
            let texts: Result<Vec<String>> = traces.iter().map(described).collect();
            texts?.join("\n")
        }
        Format::Json => serde_json::to_string_pretty(&manifests)? + "\n",
        Format::Ndjson => {
            let lines: Result<Vec<String>, _> =
                manifests.iter().map(serde_json::to_string).collect();
            lines?.join("\n") + "\n"
        }
        _ => bail!("info is printed as table, json or ndjson"),
    };
    args.output.bytes(text.as_bytes())?;
    Ok(0)
}

fn described(trace: &Trace) -> Result<String> {
    let manifest = &trace.manifest;
    let mut text = String::new();
    writeln!(text, "{}", trace.folder.display())?;
    writeln!(text, "  session   {}", manifest.session_id)?;
    let seconds = manifest.duration_ns as f64 / 1e9;
    let when = match manifest.started_at.as_str() {
        "" => "at an unknown time",
        started_at => started_at,
    };
    match manifest.status {
        Status::Imported => {
            let remarks = match manifest.remarks.len() {
                1 => "1 remark".to_owned(),
                remarks => format!("{remarks} remarks"),
            };
            writeln!(text, "  imported  {when}, {seconds:.1} s, {remarks}")?;
        }
        _ => writeln!(text, "  recorded  {when}, {seconds:.1} s")?,
    }
    if manifest.clock == ClockKind::Recorded {
        writeln!(
            text,
            "  clock     recorded: a replay was asked again, the times are those of the session it replayed"
        )?;
    }
    let status = manifest.status.as_str();
    let (lost, unread) = (manifest.lost_chunks, manifest.unread_bytes);
    write!(
        text,
        "  status    {status}, {lost} chunks and requests lost"
    )?;
    match unread {
        0 => writeln!(text)?,
        unread => writeln!(text, ", {unread} bytes of the journal unread")?,
    }
    let host = &manifest.host;
    let cpu = host.cpu_model.as_deref().unwrap_or("unknown processor");
    let cores = host.cores.map_or("?".to_owned(), |cores| cores.to_string());
    // An imported session's host is not known.
    if !host.os.is_empty() {
        writeln!(
            text,
            "  host      {} {}, {cores} cores, {cpu}",
            host.os, host.arch
        )?;
    }
    for agent in &manifest.agents {
        let version = agent.server_version.as_ref();
        let version = version.map_or(String::new(), |version| format!(" (version {version})"));
        let endpoint = match agent.endpoint.as_str() {
            "" => "at an unknown server",
            endpoint => endpoint,
        };
        writeln!(text, "  agent     {}: {endpoint}{version}", agent.name)?;
    }
    for (key, value) in &manifest.labels {
        writeln!(text, "  label     {key}={value}")?;
    }
    for remark in &manifest.remarks {
        writeln!(text, "  remark    {remark}")?;
    }
    if !manifest.redacted.is_empty() {
        writeln!(text, "  withheld  {}", manifest.redacted.join(", "))?;
    }
    for file in &manifest.files {
        writeln!(
            text,
            "  {:<18} {:>9} rows {:>11} bytes",
            file.name, file.rows, file.bytes
        )?;
    }
    Ok(text)
}
