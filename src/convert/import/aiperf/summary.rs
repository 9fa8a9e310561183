//! AIPerf's own summary, `profile_export_aiperf.json`: what was asked, of whom, and how much.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::convert::import;
use crate::trace::Import;
use crate::wire::Dialect;

/// The summary's JSON; null where there is none.
pub struct Summary(Value);

impl Summary {
    /// Reads the summary that lies beside a file of records; remarks if there is none.
    pub fn beside(records: &Path, import: &mut Import) -> Result<Self> {
        let stem = records.file_stem().unwrap_or_default().to_string_lossy();
        let file = records.with_file_name(format!("{stem}_aiperf.json"));
        let name = import::name(&file);
        let absent =
            "model, endpoint and protocol are not known, the requests are booked as openai.chat";
        if !file.is_file() {
            import.remark(format!("{name} is missing: {absent}"));
            return Ok(Self(Value::Null));
        }
        let bytes = import::read(&file, import)?;
        let value = serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            import.remark(format!("{name} is cut or damaged ({error}): {absent}"));
            Value::Null
        });
        Ok(Self(value))
    }

    fn text(&self, pointer: &str) -> Option<String> {
        Some(self.0.pointer(pointer)?.as_str()?.to_owned())
    }

    /// The model, if there is only one.
    pub fn model(&self) -> Option<String> {
        match self
            .0
            .pointer("/input_config/models/items")?
            .as_array()?
            .as_slice()
        {
            [only] => Some(only.get("name")?.as_str()?.to_owned()),
            _ => None,
        }
    }

    /// The servers' URLs.
    pub fn endpoint(&self) -> String {
        let urls = self.0.pointer("/input_config/endpoint/urls");
        let urls = urls.and_then(Value::as_array).into_iter().flatten();
        let urls: Vec<&str> = urls.filter_map(Value::as_str).collect();
        urls.join(", ")
    }

    /// What was spoken, and the path under which it is.
    pub fn protocol(&self) -> (Dialect, &'static str) {
        match self.text("/input_config/endpoint/type").as_deref() {
            Some("chat") | None => (Dialect::OpenAiChat, "/v1/chat/completions"),
            Some("completions") => (Dialect::OpenAiCompletions, "/v1/completions"),
            Some("embeddings") => (Dialect::OpenAiEmbeddings, "/v1/embeddings"),
            Some(_) => (Dialect::Other, ""),
        }
    }

    /// Whether answers were to be streams.
    pub fn streaming(&self) -> Option<bool> {
        self.0
            .pointer("/input_config/endpoint/streaming")?
            .as_bool()
    }

    /// How a phase was to be run: a JSON object.
    pub fn phase(&self, name: Option<&str>) -> Option<String> {
        let phases = self.0.pointer("/input_config/phases")?.as_array()?;
        let named = |phase: &&Value| phase.get("name").and_then(Value::as_str) == name;
        Some(phases.iter().find(named)?.to_string())
    }

    /// What the trace is to remember.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let known = [
            ("aiperf_version", "/aiperf_version"),
            ("benchmark_id", "/benchmark_id"),
        ];
        let known = known.into_iter();
        known
            .filter_map(|(key, at)| Some((key.to_owned(), self.text(at)?)))
            .collect()
    }

    /// Requests that succeeded, warm-ups not counted.
    pub fn succeeded(&self) -> Option<f64> {
        self.0.pointer("/request_count/avg")?.as_f64()
    }

    /// Requests that failed, warm-ups not counted.
    pub fn failed(&self) -> Option<f64> {
        self.0.pointer("/error_request_count/avg")?.as_f64()
    }
}
