//! Results of `vllm bench serve`, held against what it printed of them.

use std::fs;

use serde_json::Value;
use tokentape::convert::import::vllm_bench;
use tokentape::trace::Outcome;

use super::{Imported, change_anywhere, close, cut_anywhere, data};

fn chat() -> Value {
    serde_json::from_slice(&fs::read(data("vllm-bench/chat.json")).unwrap()).unwrap()
}

/// Compares a trace with the figures that its source worked out, of the requests that succeeded.
async fn agrees(trace: &Imported, result: &Value) {
    let requests = "from request_metrics where outcome = 'complete'";
    let gaps = "from icl join requests using (session_id, run_id, request_id) \
                where outcome = 'complete'";
    for (metric, column, rows) in [
        ("ttft", "ttft_ms", requests),
        ("tpot", "tpot_ms", requests),
        ("e2el", "latency_ms", requests),
        ("itl", "icl_ms", gaps),
    ] {
        for (theirs, ours) in [
            ("mean", format!("avg({column})")),
            ("median", format!("percentile({column}, 0.5)")),
            ("p90", format!("percentile({column}, 0.9)")),
            ("p99", format!("percentile({column}, 0.99)")),
        ] {
            let theirs = result[format!("{theirs}_{metric}_ms")].as_f64().unwrap();
            let ours = trace.number(&format!("select {ours} {rows}")).await;
            // Each time is rounded to a nanosecond; a latency is a sum of eight.
            assert!(
                (ours - theirs).abs() < 1e-5,
                "{metric}: {ours} is not {theirs}"
            );
        }
    }
    for (theirs, ours) in [
        ("completed", "count(*)"),
        ("total_input_tokens", "sum(prompt_eval_count)"),
        ("total_output_tokens", "sum(output_tokens)"),
    ] {
        let theirs = result[theirs].as_f64().unwrap();
        close(
            trace.number(&format!("select {ours} {requests}")).await,
            theirs,
        );
    }
}

#[tokio::test]
async fn its_aggregates_are_those_of_the_trace() {
    let trace = Imported::of(|| vllm_bench(&data("vllm-bench/chat.json")));
    agrees(&trace, &chat()).await;
    assert_eq!(trace.remarks().len(), 1);
    assert!(trace.remarks()[0].contains("4 generated texts are left out"));
    let requests = trace.trace.requests().unwrap();
    let refused = &requests[3];
    assert_eq!(refused.outcome, Outcome::ErrorStatus);
    assert_eq!(refused.error.as_deref(), Some("Service Unavailable"));
    // The zeros of a failed request are no measurements.
    assert_eq!(
        (refused.first_token_ns, refused.end_ns, refused.eval_count),
        (None, None, None)
    );
    let broken = &requests[5];
    assert_eq!(
        (broken.outcome, broken.token_events, broken.end_ns),
        (Outcome::Truncated, 3, None)
    );
    let delays = "select max(schedule_delay_ms) from request_metrics";
    let queued = chat()["queue_times"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .fold(0.0, f64::max);
    assert!((trace.number(delays).await - queued * 1e3).abs() < 1e-5);
    // What is not of one request stays in the labels.
    let labels = trace.trace.runs().unwrap()[0].labels.clone().unwrap();
    let labels: Value = serde_json::from_str(&labels).unwrap();
    assert_eq!(labels["date"], chat()["date"]);
    assert_eq!(labels["mean_itl_ms"], chat()["mean_itl_ms"]);
    assert_eq!(labels["starts_known"], true);
}

#[tokio::test]
async fn results_appended_to_a_file_are_runs_of_a_trace() {
    let trace = Imported::of(|| vllm_bench(&data("vllm-bench/appended.json")));
    let runs = trace.trace.runs().unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(
        runs[0].config.as_deref(),
        Some("backend=openai request_rate=inf max_concurrency=2")
    );
    assert_eq!(
        runs[1].config.as_deref(),
        Some("backend=openai request_rate=20.0 max_concurrency=2")
    );
    assert_eq!(runs[0].end_ns, Some(runs[1].start_ns));
    let requests = trace.trace.requests().unwrap();
    assert_eq!(requests.len(), 12);
    assert!(
        requests
            .iter()
            .all(|request| request.dialect == "openai.completions")
    );
}

#[tokio::test]
async fn without_start_times_what_was_measured_within_a_request_stays_true() {
    let mut older = chat();
    for newer in ["start_times", "queue_times", "latencies", "failed"] {
        older.as_object_mut().unwrap().remove(newer);
    }
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("older.json");
    fs::write(&file, older.to_string()).unwrap();
    let trace = Imported::of(|| vllm_bench(&file));
    agrees(&trace, &chat()).await;
    assert!(trace.remarks()[0].contains("does not say when each request began"));
    let labels = trace.trace.runs().unwrap()[0].labels.clone().unwrap();
    assert!(labels.contains("\"starts_known\":false"), "{labels}");
}

#[test]
fn what_contradicts_itself_is_named() {
    let mut result = chat();
    result["completed"] = 5.into();
    result["latencies"][0] = 0.01.into();
    result["start_times"][1] = (-1.0).into();
    result["itls"][3] = vec![0.1].into();
    result["output_lens"].as_array_mut().unwrap().pop();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("result.json");
    fs::write(&file, result.to_string()).unwrap();
    let said = Imported::of(|| vllm_bench(&file)).remarks().join("\n");
    for part in [
        "says 5 requests completed, its arrays hold 4",
        "request 1: its last chunk came after its latency",
        "request 2: -1 is no time of start_times",
        "request 4: it has itls but no ttft",
        "has 5 output_lens for 6 requests",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn cut_or_changed_anywhere_it_gives_a_trace_or_a_sentence() {
    cut_anywhere(&data("vllm-bench/appended.json"), 203, vllm_bench);
    change_anywhere(&data("vllm-bench/chat.json"), 17, vllm_bench);
}
