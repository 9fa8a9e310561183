//! A run's figures as a harness printed them, in either harness's words.

use serde::Deserialize;

use crate::trace::Published;

/// What both harnesses work out of a run: Python beside its measurements, Rust as `summary`, and
/// again in `summary.json`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Figures {
    pub run_number: i32,
    pub scenario: Option<String>,
    #[serde(rename = "concurrency_speedup")]
    pub speedup: Option<f64>,
    pub efficiency_percent: Option<f64>,
    pub throughput_delta: Option<f64>,
    pub ttft_delta_ms: Option<f64>,
    #[serde(rename = "resource_contention_detected")]
    pub contention: Option<bool>,
    concurrent_wall_time_ms: Option<f64>,
    concurrent_wall_time_s: Option<f64>,
    sequential_estimate_ms: Option<f64>,
    sequential_estimated_s: Option<f64>,
}

impl Figures {
    /// Time of the concurrent run.
    pub fn wall_ms(&self) -> Option<f64> {
        let seconds = self.concurrent_wall_time_s.map(|seconds| seconds * 1e3);
        self.concurrent_wall_time_ms.or(seconds)
    }

    /// The row of `published`; `source` is the file that says so.
    pub fn published(&self, source: &str) -> Published {
        let sequential_s = self.sequential_estimated_s.map(|seconds| seconds * 1e3);
        Published {
            speedup: self.speedup,
            efficiency_percent: self.efficiency_percent,
            throughput_delta_tps: self.throughput_delta,
            ttft_delta_ms: self.ttft_delta_ms,
            contention: self.contention,
            wall_ms: self.wall_ms(),
            sequential_ms: self.sequential_estimate_ms.or(sequential_s),
            source: Some(source.to_owned()),
            ..Published::default()
        }
    }
}
