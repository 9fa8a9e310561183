//! The recorder's own two addresses, by which agents mark runs and add samples; neither is forwarded.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::retelling::Retelling;
use crate::trace::{FAILED, Run, Sample, Tape};

/// Every path below this is the recorder's own.
pub const PREFIX: &str = "/_tokentape/";

/// What a `POST /_tokentape/run` may say. Everything is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Mark {
    /// No run begins: it is said anew what this one was.
    run_id: Option<i32>,
    run_number: Option<i32>,
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
    Failed,
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
        || mark_run(tape, body),
        || add_samples(tape, body),
    )
}

/// The same when a session is told again: its runs and samples are known already, and what was said of a
/// run later is known from the beginning.
pub fn retold(retelling: &Retelling, method: &str, path: &str, body: &[u8]) -> (StatusCode, Value) {
    let known_run = || {
        let mark = Mark::parse(body)?;
        if let Some(run_id) = mark.run_id {
            let mut runs = retelling.schedule().runs();
            let is_known = runs.any(|run| run.run_id == run_id);
            is_known.then_some(()).ok_or_else(|| no_run(run_id))?;
            return Ok(json!({"run_id": run_id, "t_ns": retelling.now_ns()}));
        }
        let run = retelling.run(&mark.said_of(Run::default()));
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

fn mark_run(tape: &Tape, body: &[u8]) -> Result<Value, String> {
    let mark = Mark::parse(body)?;
    let run_id = match mark.run_id {
        None => tape.begin_run(mark.said_of(Run::default())),
        Some(run_id) => {
            let amended = tape.amend_run(run_id, |run| mark.said_of(run));
            amended.ok_or_else(|| no_run(run_id))?;
            run_id
        }
    };
    Ok(json!({"run_id": run_id, "t_ns": tape.clock().now_ns()}))
}

fn no_run(run_id: i32) -> String {
    format!(
        "there is no run {run_id} to say more of; leave out run_id to begin a run, and its answer \
         says which one it is"
    )
}

impl Mark {
    fn parse(body: &[u8]) -> Result<Self, String> {
        let body: &[u8] = if body.is_empty() { b"{}" } else { body };
        serde_json::from_slice(body).map_err(|error| {
            format!("a run is a JSON object such as {{\"scenario\": \"...\"}}: {error}")
        })
    }

    /// A run, after what the mark says of it.
    fn said_of(self, run: Run) -> Run {
        let phase = self.phase.map(|phase| match phase {
            Phase::Concurrent => "concurrent",
            Phase::Solo => "solo",
            Phase::Warmup => "warmup",
            Phase::Failed => FAILED,
        });
        let labels = self.labels.map(|labels| json!(labels).to_string());
        Run {
            run_number: match self.run_number {
                None | Some(0) => run.run_number,
                Some(said) => said,
            },
            scenario: self.scenario.or(run.scenario),
            model: self.model.or(run.model),
            runtime: self.runtime.or(run.runtime),
            topology: self.topology.or(run.topology),
            config: self.config.or(run.config),
            phase: phase.map_or(run.phase, str::to_owned),
            labels: labels.or(run.labels),
            ..run
        }
    }
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
