//! The recorder's own two addresses, by which agents mark runs and add samples; neither is forwarded.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::retelling::Retelling;
use crate::trace::{Run, Sample, Tape};

/// Every path below this is the recorder's own.
pub const PREFIX: &str = "/_tokentape/";

/// What a `POST /_tokentape/run` may say. Everything is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NewRun {
    run_number: i32,
    scenario: Option<String>,
    model: Option<String>,
    runtime: Option<String>,
    topology: Option<String>,
    config: Option<String>,
    phase: Option<Phase>,
    labels: Option<BTreeMap<String, Value>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Concurrent,
    Solo,
    Warmup,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSample {
    source: String,
    metric: String,
    value: Option<f64>,
    /// On the session's clock; now, if not given.
    t_ns: Option<i64>,
}

/// Answers a request to the recorder itself with a status and a JSON body.
pub fn answer(tape: &Tape, method: &str, path: &str, body: &[u8]) -> (StatusCode, Value) {
    answer_with(
        method,
        path,
        || begin_run(tape, body),
        || add_samples(tape, body),
    )
}

/// The same when a session is told again: its runs and samples are known already.
pub fn retold(retelling: &Retelling, method: &str, path: &str, body: &[u8]) -> (StatusCode, Value) {
    let known_run = || {
        let mark = marked_run(body)?;
        let run = retelling.run(&mark);
        let run = run.ok_or("the session that is replayed has no such run, or no more of them")?;
        Ok(json!({"run_id": run.run_id, "t_ns": run.start_ns}))
    };
    answer_with(method, path, known_run, || Ok(json!({"samples": 0})))
}

fn answer_with(
    method: &str,
    path: &str,
    run: impl FnOnce() -> Result<Value, String>,
    samples: impl FnOnce() -> Result<Value, String>,
) -> (StatusCode, Value) {
    let done = match (method, path.strip_prefix(PREFIX)) {
        ("POST", Some("run")) => run(),
        ("POST", Some("samples")) => samples(),
        (_, Some("run" | "samples")) => {
            let error = json!({"error": format!("{path} takes POST")});
            return (StatusCode::METHOD_NOT_ALLOWED, error);
        }
        _ => {
            let known = "the recorder answers POST /_tokentape/run and POST /_tokentape/samples";
            return (StatusCode::NOT_FOUND, json!({"error": known}));
        }
    };
    match done {
        Ok(said) => (StatusCode::OK, said),
        Err(error) => (StatusCode::BAD_REQUEST, json!({"error": error})),
    }
}

fn begin_run(tape: &Tape, body: &[u8]) -> Result<Value, String> {
    let run_id = tape.begin_run(marked_run(body)?);
    Ok(json!({"run_id": run_id, "t_ns": tape.clock().now_ns()}))
}

/// The run that a mark describes.
fn marked_run(body: &[u8]) -> Result<Run, String> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    let new: NewRun = serde_json::from_slice(body).map_err(|error| {
        format!("a run is a JSON object such as {{\"scenario\": \"...\"}}: {error}")
    })?;
    let phase = match new.phase.unwrap_or(Phase::Concurrent) {
        Phase::Concurrent => "concurrent",
        Phase::Solo => "solo",
        Phase::Warmup => "warmup",
    };
    Ok(Run {
        run_number: new.run_number,
        scenario: new.scenario,
        model: new.model,
        runtime: new.runtime,
        topology: new.topology,
        config: new.config,
        phase: phase.to_owned(),
        labels: new.labels.map(|labels| json!(labels).to_string()),
        ..Run::default()
    })
}

/// All lines or none: a sample that came twice is as wrong as one that is missing.
fn add_samples(tape: &Tape, body: &[u8]) -> Result<Value, String> {
    let now_ns = tape.clock().now_ns();
    let mut samples = Vec::new();
    for (line, text) in body.split(|byte| *byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let new: NewSample = serde_json::from_slice(text).map_err(|error| {
            format!(
                "line {}: a sample is {{\"source\": ..., \"metric\": ..., \"value\": ...}}: {error}",
                line + 1
            )
        })?;
        samples.push(Sample {
            run_id: None,
            t_ns: new.t_ns.unwrap_or(now_ns),
            source: new.source,
            metric: new.metric,
            value: new.value,
        });
    }
    let count = samples.len();
    for sample in samples {
        tape.sample(sample);
    }
    Ok(json!({"samples": count}))
}
