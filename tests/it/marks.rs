//! What a client tells the recorder beside its requests: when it meant to send them, what its runs were.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokentape::analyze::{Library, Session};
use tokentape::table::Cell;
use tokentape::trace::{self, FAILED, Manifest, Request, Run, Trace, Writer};
use tokentape::wire::redaction::Redactor;

use super::recorder::{PROGRAM, RealRecorder};
use super::retelling::{self, Again, assert_equal};
use super::source::{Source, Step, chunked, ndjson_head};
use super::{Recording, lone};

const DONE: &[u8] = b"{\"model\":\"m\",\"response\":\"a\",\"done\":true,\"eval_count\":1}\n";

/// A server that has one answer.
async fn server() -> Source {
    Source::start(vec![vec![Step::Write(
        [ndjson_head(), chunked(&[DONE])].concat(),
    )]])
    .await
}

/// Posts `body` to a path of the recorder's own: the status, and what it says.
async fn post(url: &str, path: &str, body: &Value) -> (u16, Value) {
    let posting = reqwest::Client::new().post(format!("{url}{path}"));
    let answer = posting.body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    let said = answer.text().await.unwrap();
    (status, serde_json::from_str(&said).unwrap())
}

async fn ask(url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let asking = reqwest::Client::new().post(format!("{url}/api/generate"));
    let mut asking = asking.header("x-script", "0");
    for (name, value) in headers {
        asking = asking.header(*name, *value);
    }
    let answer = asking.body("{}").send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_request_was_meant_to_be_sent_is_recorded_and_not_forwarded() {
    let source = server().await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let url = recording.url();
    let (_, said) = post(&url, "/_tokentape/run", &json!({})).await;
    let marked_ns = said["t_ns"].as_i64().unwrap();
    let meant_ns = marked_ns + 1_000;
    let mark = "tokentape-intended-ns";
    assert_eq!(
        ask(&url, &[(mark, &meant_ns.to_string())]).await.0,
        200,
        "the server answers"
    );
    assert_eq!(ask(&url, &[]).await.0, 200);
    for wrong in [
        &[(mark, "soon")][..],
        &[(mark, "1.5")],
        &[(mark, "1"), (mark, "2")],
    ] {
        let (status, said) = ask(&url, wrong).await;
        assert_eq!(status, 400, "{said}");
        assert!(said.contains("is one whole number"), "{said}");
    }
    let seen = source.seen();
    assert_eq!(seen.len(), 2, "what is refused does not reach the server");
    assert!(
        seen.iter()
            .all(|seen| !seen.head.to_ascii_lowercase().contains("tokentape-"))
    );
    let (trace, _folder) = recording.sealed().await;
    let requests = trace.requests().unwrap();
    let intended: Vec<_> = requests.iter().map(|r| r.intended_ns).collect();
    assert_eq!(intended, [Some(meant_ns), None]);
    assert!(requests[0].start_ns.unwrap() > marked_ns);
    for request in &requests {
        assert!(!request.request_headers.as_ref().unwrap().contains(mark));
    }
}

fn mark(phase: &str, labels: &Value) -> Value {
    json!({"scenario": "pair", "model": "m", "phase": phase, "labels": labels})
}

/// A session of two runs, of which the first was said to have failed while the second went on.
async fn session_with_a_failed_run() -> (Trace, tempfile::TempDir) {
    let source = server().await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let url = recording.url();
    let run = "/_tokentape/run";
    let (_, first) = post(&url, run, &mark("solo", &json!({"cell": 1}))).await;
    assert_eq!(ask(&url, &[]).await.0, 200);
    // To which the server has no answer.
    assert_eq!(post(&url, "/9", &json!({})).await.0, 502);
    let (_, second) = post(&url, run, &mark("solo", &json!({"cell": 1}))).await;
    let failed = json!({
        "run_id": first["run_id"], "phase": "failed",
        "labels": {"cell": 1, "phase": "solo", "why": "interrupted"},
    });
    let (status, said) = post(&url, run, &failed).await;
    assert_eq!((status, &said["run_id"]), (200, &json!(1)));
    assert!(said["t_ns"].as_i64() > second["t_ns"].as_i64());
    assert_eq!(ask(&url, &[]).await.0, 200);
    let (status, said) = post(&url, run, &json!({"run_id": 3, "phase": "failed"})).await;
    assert_eq!(status, 400);
    assert!(said["error"].as_str().unwrap().contains("no run 3"));
    recording.sealed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_was_may_be_said_later() {
    let (trace, _folder) = session_with_a_failed_run().await;
    let runs = trace.runs().unwrap();
    let phases: Vec<_> = runs
        .iter()
        .map(|run| (run.run_id, run.run_number, run.phase.as_str()))
        .collect();
    assert_eq!(phases, [(1, 1, FAILED), (2, 2, "solo")]);
    assert_eq!(runs[0].scenario.as_deref(), Some("pair"));
    let labels = r#"{"cell":1,"phase":"solo","why":"interrupted"}"#;
    assert_eq!(runs[0].labels.as_deref(), Some(labels));
    assert_eq!(runs[0].end_ns, Some(runs[1].start_ns));
    assert!(runs[0].start_ns < runs[1].start_ns);
    let requests = trace.requests().unwrap();
    let of_runs: Vec<_> = requests.iter().map(|request| request.run_id).collect();
    assert_eq!(of_runs, [1, 1, 2], "the newest run stays the current one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_counts_in_no_figure_and_is_listed() {
    let (trace, _folder) = session_with_a_failed_run().await;
    let session = Session::open(std::slice::from_ref(&trace), Library::default()).unwrap();
    let failed = session.named("failed_runs").await.unwrap();
    let columns = [
        "run",
        "run_id",
        "scenario",
        "model",
        "phase_before",
        "failures",
    ];
    assert_eq!(failed.columns, columns);
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = [
        text("run 1"),
        Cell::Int(1),
        text("pair"),
        text("m"),
        text("solo"),
    ];
    assert_eq!(failed.rows.len(), 1);
    assert_eq!(failed.rows[0][..5], row);
    let Cell::Text(failures) = &failed.rows[0][5] else {
        panic!("{:?}", failed.rows[0]);
    };
    let starts = failures.starts_with("agent: connect_failed, http://127.0.0.1:");
    assert!(starts, "{failures}");
    let solo_n = "select max(solo_n) from agent_runs";
    let solo_n = session.query(solo_n).await.unwrap();
    assert_eq!(solo_n.rows, [[Cell::Int(1)]]);
    let latency = session.named("latency").await.unwrap();
    assert_eq!(latency.rows.len(), 1, "{:?}", latency.rows);
    let analyze = Command::new(PROGRAM)
        .arg("analyze")
        .arg(&trace.folder)
        .output();
    let said = String::from_utf8(analyze.unwrap().stderr).unwrap();
    assert!(said.contains("1 run failed and is left out"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_is_recovered_as_such() {
    let source = server().await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let recorder = RealRecorder::start(&source.url, &folder);
    let run = "/_tokentape/run";
    for body in [
        mark("concurrent", &Value::Null),
        mark("concurrent", &Value::Null),
        json!({"run_id": 1, "phase": "failed"}),
    ] {
        assert_eq!(post(&recorder.url, run, &body).await.0, 200);
    }
    assert_eq!(ask(&recorder.url, &[]).await.0, 200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    recorder.killed();
    trace::recover(&folder).unwrap();
    let runs = Trace::open(&folder).unwrap().runs().unwrap();
    let phases: Vec<_> = runs.iter().map(|run| run.phase.as_str()).collect();
    assert_eq!(phases, [FAILED, "concurrent"]);
    assert_eq!(runs[0].end_ns, Some(runs[1].start_ns));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_trace_that_goes_on_may_be_amended() {
    let (old, _folder) = session_with_a_failed_run().await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let session = Manifest::default();
    let writer = Writer::go_on(&folder, &old, session, Redactor::default()).unwrap();
    let failed = |run: Run| Run {
        phase: FAILED.to_owned(),
        ..run
    };
    let third = writer.tape().begin_run(Run::default());
    assert_eq!(writer.tape().amend_run(2, failed), Some(()));
    writer.finish().unwrap();
    let new = Trace::open(&folder).unwrap();
    assert_eq!(trace::verify(&new).unwrap(), Vec::<String>::new());
    let (mut before, after) = (old.runs().unwrap(), new.runs().unwrap());
    before[1].phase = FAILED.to_owned();
    assert_eq!(after[..2], before);
    assert_eq!((after.len(), after[2].run_id), (3, third));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_later_is_told_again_to_whom_marks_it_as_before() {
    let (original, _folder) = session_with_a_failed_run().await;
    let again = Again::start(&original).await;
    let url = again.url("agent");
    let run = "/_tokentape/run";
    let requests = original.requests().unwrap();
    // What was recorded of neither run.
    for other in [
        mark("concurrent", &json!({"cell": 1})),
        mark("solo", &json!({"cell": 2})),
    ] {
        assert_eq!(post(&url, run, &other).await.0, 400);
    }
    for recorded in original.runs().unwrap() {
        let said = post(&url, run, &mark("solo", &json!({"cell": 1}))).await;
        let (run_id, start_ns) = (recorded.run_id, recorded.start_ns);
        assert_eq!(said, (200, json!({"run_id": run_id, "t_ns": start_ns})));
        let mut now_ns = None;
        for request in requests.iter().filter(|request| request.run_id == run_id) {
            // What is intended now changes nothing either.
            let headers = request.request_headers.as_deref().unwrap();
            let mut headers: Value = serde_json::from_str(headers).unwrap();
            let intended = json!(["tokentape-intended-ns", "5"]);
            headers.as_array_mut().unwrap().push(intended);
            let asked = Request {
                request_headers: Some(headers.to_string()),
                ..request.clone()
            };
            retelling::ask(&url, &asked, None).await;
            now_ns = request.end_ns;
        }
        let failed = json!({"run_id": run_id, "phase": "failed"});
        let said = post(&url, run, &failed).await;
        assert_eq!(said, (200, json!({"run_id": run_id, "t_ns": now_ns})));
    }
    assert_eq!(post(&url, run, &json!({"run_id": 3})).await.0, 400);
    let (told, _folder) = again.sealed().await;
    assert_equal(&original, &told).await;
}
