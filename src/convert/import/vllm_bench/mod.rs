//! The results of `vllm bench serve --save-result --save-detailed`: a JSON object with an entry for each
//! request in every array, or several objects one after another (`--append-result`).
//!
//! | array | is |
//! |---|---|
//! | `start_times` | `start_ns`: seconds of a clock of its own; since January 2026 |
//! | `queue_times` | seconds that the request waited for `--max-concurrency`: so long before its start is `intended_ns` |
//! | `ttfts` | seconds from the start to the first chunk with a choice, also if that only announces the role |
//! | `itls` | seconds between such chunks, each a content event whose words are not kept |
//! | `latencies` | seconds from the start to the last such chunk: `end_ns`; nothing later is known |
//! | `input_lens`, `output_lens` | `prompt_eval_count`, `eval_count`: the server's counts, or the tokenizer's where it said none |
//! | `errors` | `error`; a request failed if it has one, or neither tokens nor times |
//! | `server_queue_times`, `server_ttfts` | samples `server_queue_ms`, `server_ttft_ms` of `request N`, at its last sign of life |
//!
//! A failed request's 0 is no measurement. All that is not by request stands in the run's `labels`. Each
//! result is a run; runs follow one another without a pause, as their clocks cannot be compared, and
//! `date`, in the labels, says no zone.
//!
//! Without `start_times` every request is laid at the start of its run, and a remark says so. A null
//! start would leave times that no figure could count from, and any order would be made up; so what was
//! measured within a request stays true, and only what compares the times of two requests is not known.

mod answers;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::duration_ns;
use crate::trace::{Import, Run};
use crate::wire::Dialect;
use answers::Answers;

/// The one agent of the trace.
const AGENT: &str = "vllm-bench";

/// One result.
#[derive(Deserialize)]
struct Outcome {
    backend: Option<String>,
    /// What older versions call the backend's protocol.
    endpoint_type: Option<String>,
    model_id: Option<String>,
    label: Option<String>,
    duration: Option<f64>,
    completed: Option<u64>,
    failed: Option<u64>,
    request_rate: Option<Value>,
    max_concurrency: Option<Value>,
    #[serde(flatten)]
    answers: Answers,
    /// Whatever else the tool or `--metadata` says.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Imports the results in a file.
///
/// # Errors
/// If the file cannot be read, or holds no detailed result. A result that is cut is remarked, if one
/// before it is whole.
pub fn vllm_bench(file: &Path) -> Result<Import> {
    let mut import = Import::default();
    let bytes = super::read(file, &mut import)?;
    let name = super::name(file);
    import.agent(AGENT, "");
    let mut now_ns = 0;
    let mut numbers = BTreeMap::new();
    let mut problem = "it is empty".to_owned();
    for (n, result) in (1..).zip(serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>())
    {
        match result.and_then(serde_json::from_value::<Outcome>) {
            Ok(result) if result.answers.count() > 0 => {
                let place = format!("{name}, result {n}");
                now_ns = result.import(&place, now_ns, &mut numbers, &mut import);
                continue;
            }
            Ok(_) => problem = "it was saved without --save-detailed".to_owned(),
            Err(error) => problem = error.to_string(),
        }
        import.remark(format!("{name}, result {n}, is left out: {problem}"));
    }
    ensure!(
        import.run_id() > 0,
        "{name} holds no requests of vllm bench serve: {problem}; \
         save results with --save-result --save-detailed"
    );
    Ok(import)
}

impl Outcome {
    /// What was spoken, and the path under which it is.
    fn protocol(&self) -> (Dialect, &'static str) {
        let backend = self.backend.as_deref();
        match self
            .endpoint_type
            .as_deref()
            .or(backend)
            .unwrap_or_default()
        {
            "openai-chat" => (Dialect::OpenAiChat, "/v1/chat/completions"),
            "vllm" | "openai" | "openai-completions" | "lmdeploy" | "scalellm" | "sglang" => {
                (Dialect::OpenAiCompletions, "/v1/completions")
            }
            _ => (Dialect::Other, ""),
        }
    }

    /// What else tells one configuration from another.
    fn config(&self) -> String {
        let said = [
            ("backend", self.backend.clone().map(Value::String)),
            ("request_rate", self.request_rate.clone()),
            ("max_concurrency", self.max_concurrency.clone()),
        ];
        let said = said.into_iter().filter_map(|(name, value)| match value? {
            Value::Null => None,
            Value::String(text) => Some(format!("{name}={text}")),
            value => Some(format!("{name}={value}")),
        });
        said.collect::<Vec<_>>().join(" ")
    }

    /// Adds the run from `now_ns` on; returns when it ended.
    fn import(
        self,
        place: &str,
        now_ns: i64,
        numbers: &mut BTreeMap<(Option<String>, Option<String>, String), i32>,
        import: &mut Import,
    ) -> i64 {
        let (dialect, path) = self.protocol();
        let config = self.config();
        let key = (self.model_id.clone(), self.label.clone(), config.clone());
        let number = numbers.entry(key).or_default();
        *number += 1;
        let requests = self.answers.requests(place, import);
        self.compare(place, &requests, import);
        let lasted_ns = requests.iter().map(|asked| asked.last_ns()).max();
        let duration_ns = self.duration.and_then(|seconds| duration_ns(seconds * 1e3));
        let end_ns = now_ns + duration_ns.max(lasted_ns).unwrap_or(0);
        let mut labels = self.rest;
        for (name, told) in [
            ("duration", self.duration.map(Value::from)),
            ("completed", self.completed.map(Value::from)),
            ("failed", self.failed.map(Value::from)),
            ("endpoint_type", self.endpoint_type.map(Value::from)),
        ] {
            if let Some(told) = told {
                labels.insert(name.to_owned(), told);
            }
        }
        labels.insert(
            "starts_known".to_owned(),
            self.answers.starts_known().into(),
        );
        import.run(Run {
            run_number: *number,
            scenario: self.label,
            model: self.model_id.clone(),
            config: Some(config),
            labels: Some(Value::Object(labels).to_string()),
            start_ns: now_ns,
            end_ns: Some(end_ns),
            ..Run::default()
        });
        for asked in requests {
            asked.import(now_ns, (dialect, path), self.model_id.as_deref(), import);
        }
        end_ns
    }

    /// Names where the tool counted other requests than its arrays hold.
    fn compare(&self, place: &str, requests: &[answers::Asked], import: &mut Import) {
        let failed = requests.iter().filter(|asked| asked.failed()).count();
        for (what, told, found) in [
            ("completed", self.completed, requests.len() - failed),
            ("failed", self.failed, failed),
        ] {
            if let Some(told) = told.filter(|told| *told != found as u64) {
                import.remark(format!(
                    "{place} says {told} requests {what}, its arrays hold {found}"
                ));
            }
        }
    }
}
