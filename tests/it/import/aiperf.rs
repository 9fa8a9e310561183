//! AIPerf's records, held against AIPerf's own summary of them.

use std::fs;

use serde_json::Value;
use tokentape::convert::import::aiperf;
use tokentape::table::Cell;
use tokentape::trace::Outcome;

use super::{Imported, change_anywhere, close, cut_anywhere, data};

fn imported() -> Imported {
    Imported::of(|| aiperf(&data("aiperf")))
}

#[tokio::test]
async fn its_aggregates_are_those_of_the_trace() {
    let trace = imported();
    assert_eq!(trace.remarks(), Vec::<String>::new());
    let summary = fs::read(data("aiperf/profile_export_aiperf.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    let requests = "from request_metrics where phase = 'concurrent'";
    let gaps = "from icl join runs using (session_id, run_id) where phase = 'concurrent'";
    for (metric, column, rows) in [
        ("time_to_first_token", "ttft_ms", requests),
        ("request_latency", "latency_ms", requests),
        ("inter_token_latency", "itl_ms", requests),
        ("inter_chunk_latency", "icl_ms", gaps),
    ] {
        for (theirs, ours) in [
            ("avg", format!("avg({column})")),
            ("p50", format!("percentile({column}, 0.5)")),
            ("p90", format!("percentile({column}, 0.9)")),
            ("p99", format!("percentile({column}, 0.99)")),
            ("min", format!("min({column})")),
            ("max", format!("max({column})")),
            ("count", format!("count({column})")),
        ] {
            let theirs = summary[metric][theirs].as_f64().unwrap();
            close(trace.number(&format!("select {ours} {rows}")).await, theirs);
        }
    }
    let tokens = format!("select sum(output_tokens) {requests} and outcome = 'complete'");
    let theirs = summary["output_sequence_length"]["sum"].as_f64().unwrap();
    close(trace.number(&tokens).await, theirs);
    let waiting = "select avg(value) from samples join runs using (session_id, run_id) \
                   where metric = 'http_req_waiting_ms' and phase = 'concurrent'";
    let theirs = summary["http_req_waiting"]["avg"].as_f64().unwrap();
    close(trace.number(waiting).await, theirs);
}

#[tokio::test]
async fn what_a_broken_answer_held_is_not_known() {
    let heard = "select output_tokens from request_metrics where outcome <> 'complete'
                 order by request_id";
    let rows = imported().query(heard).await.rows;
    // The refused one held nothing; AIPerf does not say what the broken and the cancelled did.
    assert_eq!(rows, [[Cell::Int(0)], [Cell::Null], [Cell::Null]]);
}

#[test]
fn how_each_request_ended_is_kept() {
    let imported = imported();
    let trace = &imported.trace;
    let runs = trace.runs().unwrap();
    let phases: Vec<&str> = runs.iter().map(|run| run.phase.as_str()).collect();
    assert_eq!(phases, ["warmup", "concurrent"]);
    assert!(
        runs[1]
            .labels
            .as_ref()
            .unwrap()
            .contains("\"concurrency\":2")
    );
    assert_eq!(trace.manifest.started_at, "2026-11-22T11:46:39.980088921Z");
    assert_eq!(trace.manifest.labels["aiperf_version"], "0.13.0");
    let requests = trace.requests().unwrap();
    let outcomes: Vec<Outcome> = requests.iter().map(|request| request.outcome).collect();
    let complete = Outcome::Complete;
    assert_eq!(
        outcomes,
        [
            complete,
            complete,
            complete,
            complete,
            Outcome::ErrorStatus,
            complete,
            Outcome::Truncated,
            Outcome::ClientAborted,
        ]
    );
    let refused = &requests[4];
    assert_eq!(refused.status, Some(503));
    assert!(
        refused
            .error
            .as_ref()
            .unwrap()
            .contains("the model is busy")
    );
    // AIPerf says that it ended when it began: that is no measurement.
    assert_eq!((refused.end_ns, refused.eval_count), (None, None));
    assert!(refused.intended_ns < refused.start_ns);
    assert_eq!(requests[0].model.as_deref(), Some("toy"));
    assert_eq!(requests[0].dialect, "openai.chat");
    let starts: Vec<_> = requests.iter().map(|request| request.start_ns).collect();
    assert!(starts.is_sorted());
}

#[test]
fn what_is_cut_missing_or_contradictory_is_named() {
    let records = fs::read_to_string(data("aiperf/profile_export.jsonl")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("profile_export.jsonl");
    let remarks = |records: &str| {
        fs::write(&file, records).unwrap();
        Imported::of(|| aiperf(&file)).remarks().join("\n")
    };
    let said = remarks(&records[..records.len() - 20]);
    assert!(
        said.contains("profile_export_aiperf.json is missing"),
        "{said}"
    );
    assert!(said.contains("1 lines left out, the first is 8"), "{said}");

    let summary = data("aiperf/profile_export_aiperf.json");
    fs::copy(summary, place.path().join("profile_export_aiperf.json")).unwrap();
    fs::write(place.path().join("profile_export_raw.jsonl"), "").unwrap();
    let lines: Vec<&str> = records.lines().collect();
    let said = remarks(&lines[..7].join("\n"));
    assert!(said.contains("the summary counts 3 failed requests, profile_export.jsonl holds 2"));
    assert!(
        said.contains("profile_export_raw.jsonl is left out"),
        "{said}"
    );

    let mut record: Value = serde_json::from_str(lines[0]).unwrap();
    record["metrics"]["request_latency"]["value"] = 1.0.into();
    record["metrics"]["inter_chunk_latency"]["value"][2] = (-3.0).into();
    record["metrics"]["new_metric"] = serde_json::json!({"value": [1, 2], "unit": "count"});
    record["metadata"]["request_end_ns"] = 5.into();
    let said = remarks(&record.to_string());
    for part in [
        "its request_latency is not the sum",
        "its inter_chunk_latency holds what is no time",
        "its new_metric is no single number",
        "its request_end_ns cannot be",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn cut_or_changed_anywhere_it_gives_a_trace_or_a_sentence() {
    let records = data("aiperf/profile_export.jsonl");
    cut_anywhere(&records, 401, aiperf);
    change_anywhere(&records, 41, aiperf);
}
