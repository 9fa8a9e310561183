//! The Python harness: an agent asks once; its client's wall time, and what the server reported.

use serde::Deserialize;
use serde_json::Value;

use super::told::{Call, Measured};
use crate::convert::import::ns_of_ms;

/// What is read of `metrics.json` or `run_N.json`, beside the figures.
#[derive(Deserialize)]
struct Run {
    collector: Agent,
    insight: Agent,
}

#[derive(Deserialize)]
struct Agent {
    base_url: String,
    options: Value,
    metrics: Metrics,
}

#[derive(Deserialize)]
struct Metrics {
    tokens_generated: Option<i64>,
    throughput_tokens_per_sec: Option<f64>,
    ttft_ms: Option<f64>,
    total_duration_ms: Option<f64>,
    /// In the first version only.
    wall_clock_ms: Option<f64>,
    /// These in the instrumented version only.
    eval_duration: Option<i64>,
    prompt_eval_duration: Option<i64>,
}

/// What each agent's one call took.
///
/// The first version's `ttft_ms` is the server's time for the prompt, and its `total_duration_ms`
/// that and the server's time to generate; the client's own time is `wall_clock_ms`. The
/// instrumented version's `ttft_ms` and `total_duration_ms` are the client's; it counted lines, the
/// closing one included, for tokens, so the server's own count is not known.
pub fn measured(run: Value) -> serde_json::Result<Vec<Measured>> {
    let Run { collector, insight } = serde_json::from_value(run)?;
    let agents = [("collector", collector), ("insight", insight)].map(|(name, agent)| {
        let metrics = agent.metrics;
        let call = match metrics.wall_clock_ms {
            Some(wall_ms) => Call {
                streamed: false,
                lasted_ns: Some(ns_of_ms(wall_ms)),
                eval_count: metrics.tokens_generated,
                prompt_eval_duration_ns: metrics.ttft_ms.map(ns_of_ms),
                eval_duration_ns: generating(&metrics),
                ..Call::default()
            },
            None => Call {
                streamed: true,
                lasted_ns: metrics.total_duration_ms.map(ns_of_ms),
                ttft_ns: metrics.ttft_ms.map(ns_of_ms),
                prompt_eval_duration_ns: metrics.prompt_eval_duration,
                eval_duration_ns: metrics.eval_duration,
                ..Call::default()
            },
        };
        Measured {
            agent: name,
            endpoint: agent.base_url,
            model: None,
            options: agent.options,
            calls: vec![call],
        }
    });
    Ok(agents.into())
}

/// The server's time to generate: of its two sums, the one that is not rounded by a division.
fn generating(metrics: &Metrics) -> Option<i64> {
    match (metrics.total_duration_ms, metrics.ttft_ms) {
        (Some(total_ms), Some(prompt_ms)) => Some(ns_of_ms(total_ms - prompt_ms)),
        _ => {
            let seconds = metrics.tokens_generated? as f64 / metrics.throughput_tokens_per_sec?;
            Some(ns_of_ms(seconds * 1e3)).filter(|_| seconds.is_finite())
        }
    }
}
