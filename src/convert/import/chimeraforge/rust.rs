//! The Rust harness: an agent asks twice, for an analysis and a report; every call is measured.

use serde::Deserialize;
use serde_json::Value;

use super::told::{Call, Measured};
use crate::convert::import::ns_of_ms;

/// What is read of `metrics.json`, beside its `summary`.
#[derive(Deserialize)]
struct Run {
    collector: Agent,
    insight: Agent,
}

#[derive(Deserialize)]
struct Agent {
    config: Config,
    result: Done,
}

#[derive(Deserialize)]
struct Config {
    base_url: String,
    model: Option<String>,
    options: Value,
}

#[derive(Deserialize)]
struct Done {
    llm_calls: Vec<LlmCall>,
    #[serde(default)]
    workflow: Workflow,
}

#[derive(Deserialize)]
struct LlmCall {
    metrics: Metrics,
}

#[derive(Deserialize)]
struct Metrics {
    tokens_generated: Option<i64>,
    ttft_ms: Option<f64>,
    total_duration_ms: Option<f64>,
    load_duration_ms: Option<f64>,
    prompt_eval_duration_ms: Option<f64>,
    eval_duration_ms: Option<f64>,
}

/// What the agent did, step after step.
#[derive(Default, Deserialize)]
struct Workflow {
    ingest_seconds: Option<f64>,
    analysis_seconds: Option<f64>,
}

/// What each agent's calls took.
///
/// `total_duration_ms` is the client's: it is within 0.12 ms of the workflow's step around it, in
/// all 120 calls of the published runs. So the server's own total is not known. Where its closing word
/// never came, the harness wrote 0 for all that the server says in it: that is not known either.
pub fn measured(run: Value) -> serde_json::Result<Vec<Measured>> {
    let Run { collector, insight } = serde_json::from_value(run)?;
    let agents = [("collector", collector), ("insight", insight)].map(|(name, agent)| {
        let Workflow {
            ingest_seconds,
            analysis_seconds,
        } = agent.result.workflow;
        let ns = |seconds: f64| ns_of_ms(seconds * 1e3);
        let mut now_ns = ingest_seconds.map_or(0, ns);
        let mut step_ns = analysis_seconds.map(ns);
        let calls = agent.result.llm_calls.into_iter().map(|call| {
            let metrics = call.metrics;
            let lasted_ns = metrics.total_duration_ms.map(ns_of_ms);
            let after_ns = now_ns;
            now_ns += step_ns.take().or(lasted_ns).unwrap_or(0);
            let unfinished = metrics.eval_duration_ms == Some(0.0);
            let told = |ms: Option<f64>| ms.filter(|_| !unfinished).map(ns_of_ms);
            Call {
                after_ns,
                lasted_ns,
                streamed: true,
                unfinished,
                ttft_ns: metrics.ttft_ms.map(ns_of_ms),
                eval_count: metrics.tokens_generated.filter(|_| !unfinished),
                load_duration_ns: told(metrics.load_duration_ms),
                prompt_eval_duration_ns: told(metrics.prompt_eval_duration_ms),
                eval_duration_ns: told(metrics.eval_duration_ms),
                ..Call::default()
            }
        });
        Measured {
            agent: name,
            endpoint: agent.config.base_url,
            model: agent.config.model,
            options: agent.config.options,
            calls: calls.collect(),
        }
    });
    Ok(agents.into())
}
