//! NVIDIA AIPerf's records: `profile_export.jsonl`, one request a line, and the summary beside it.
//!
//! Written by `aiperf profile --export-level records` (or `raw`). Of a record's metrics these have a
//! column of their own; every other single number becomes a sample of `request N` at the request's end,
//! named for its tag and unit, such as `http_req_waiting_ms`:
//!
//! | field | is |
//! |---|---|
//! | `request_start_ns`, `request_ack_ns`, `request_end_ns`, `cancellation_time_ns` | `start_ns`, `headers_ns`, `end_ns`; the wall clock, UTC |
//! | `credit_issued_ns` | `intended_ns`: when the load generator's plan let the request go |
//! | `time_to_first_token` | from the start to the first content event |
//! | `inter_chunk_latency` | the gaps between content events; no words are kept |
//! | `request_latency` | from the start to the last content event; of an answer that was no stream, to all of it |
//! | `usage_prompt_tokens`, `usage_completion_tokens` | `prompt_eval_count`, `eval_count`: the server's counts. `output_sequence_length`, which may be AIPerf's own tokenizer's, is a sample |
//!
//! Each phase of the benchmark is a run: warm-ups as `warmup`, profiling as `concurrent`. All requests
//! are those of one agent, `aiperf`; which of its workers sent one is left out.

mod record;
mod summary;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, SecondsFormat};

use crate::trace::{Import, Run};
use record::Record;
use summary::Summary;

/// The one agent of the trace.
const AGENT: &str = "aiperf";
/// What AIPerf calls its records, unless it is told another name.
const RECORDS: &str = "profile_export.jsonl";

/// Imports the records in a file, or in the folder of AIPerf's artifacts.
///
/// # Errors
/// If there are no records. A line that is none is remarked.
pub fn aiperf(path: &Path) -> Result<Import> {
    let file = records_file(path)?;
    let mut import = Import::default();
    let bytes = super::read(&file, &mut import)?;
    let name = super::name(&file);
    let summary = Summary::beside(&file, &mut import)?;
    remark_unread(&file, &mut import)?;
    let records = records(&bytes, &name, &mut import)?;
    compare(&records, &summary, &name, &mut import);

    let zero_ns = records.iter().map(Record::first_ns).min().unwrap_or(0);
    let started_at = DateTime::from_timestamp_nanos(zero_ns);
    import.session.started_at = started_at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    import.session.labels = summary.labels();
    import.agent(AGENT, &summary.endpoint());

    let mut phases: BTreeMap<Option<i64>, Vec<Record>> = BTreeMap::new();
    for record in records {
        phases
            .entry(record.metadata.phase_index)
            .or_default()
            .push(record);
    }
    let mut phases: Vec<Vec<Record>> = phases.into_values().collect();
    phases.sort_by_key(|phase| phase.iter().map(Record::first_ns).min());
    let mut numbers: BTreeMap<String, i32> = BTreeMap::new();
    for mut phase in phases {
        phase.sort_by_key(|record| record.metadata.request_start_ns);
        let kind = match phase[0].metadata.benchmark_phase.as_str() {
            "warmup" => "warmup",
            _ => "concurrent",
        };
        let number = numbers.entry(kind.to_owned()).or_default();
        *number += 1;
        let start_ns = phase.iter().map(Record::first_ns).min().unwrap_or(zero_ns);
        let end_ns = phase.iter().map(Record::last_ns).max();
        let phase_name = phase[0].metadata.phase_name.clone();
        import.run(Run {
            run_number: *number,
            model: summary.model(),
            labels: summary.phase(phase_name.as_deref()),
            config: phase_name,
            phase: kind.to_owned(),
            start_ns: start_ns - zero_ns,
            end_ns: end_ns.map(|end| end - zero_ns),
            ..Run::default()
        });
        for record in phase {
            record.import(zero_ns, &summary, &mut import);
        }
    }
    Ok(import)
}

/// The file of records that is meant by a path.
fn records_file(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let file = path.join(RECORDS);
    ensure!(
        file.is_file(),
        "{} holds no {RECORDS}; name the file of records, or profile with --export-level records",
        path.display()
    );
    Ok(file)
}

/// Names the other exports that lie beside the records.
fn remark_unread(file: &Path, import: &mut Import) -> Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let unreadable = || format!("{} cannot be read", folder.display());
    let mut others = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let other = entry.with_context(unreadable)?.path();
        if other.extension().is_some_and(|end| end == "jsonl")
            && other.file_name() != file.file_name()
        {
            others.push(super::name(&other));
        }
    }
    others.sort();
    if !others.is_empty() {
        import.remark(format!("{} is left out", others.join(", ")));
    }
    Ok(())
}

/// The records as far as they can be read.
fn records(bytes: &[u8], file: &str, import: &mut Import) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut unread: Vec<(usize, String)> = Vec::new();
    for (n, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match Record::parse(line) {
            Ok(record) => records.push(record),
            Err(error) => unread.push((n + 1, error)),
        }
    }
    let Some((line, error)) = unread.first() else {
        ensure!(!records.is_empty(), "{file} is empty");
        return Ok(records);
    };
    if records.is_empty() {
        bail!("{file}, line {line}, is no record of AIPerf: {error}");
    }
    let lines = unread.len();
    import.remark(format!(
        "{file} is cut or damaged: {lines} lines left out, the first is {line} ({error})"
    ));
    Ok(records)
}

/// Names where the summary counts other requests than there are records.
fn compare(records: &[Record], summary: &Summary, file: &str, import: &mut Import) {
    let profiled = || {
        records
            .iter()
            .filter(|record| record.metadata.benchmark_phase != "warmup")
    };
    let failed = profiled().filter(|record| record.error.is_some()).count();
    let succeeded = profiled().count() - failed;
    for (what, told, found) in [
        ("successful", summary.succeeded(), succeeded),
        ("failed", summary.failed(), failed),
    ] {
        if let Some(told) = told.filter(|told| *told != found as f64) {
            import.remark(format!(
                "the summary counts {told} {what} requests, {file} holds {found}"
            ));
        }
    }
}
