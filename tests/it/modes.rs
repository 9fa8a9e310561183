//! `record --mode`: what happens to a trace that is there already.

use std::path::Path;
use std::process::{Command, Output};

use tokentape::trace::{self, TableName, Trace};
use tokentape::wire::redaction::Redactor;

use super::recorder::PROGRAM;
use super::source::{Source, Step, chunked, ndjson_head};

/// A server whose answer n says n.
async fn server(answers: usize) -> Source {
    let script = |n: usize| {
        let line = format!("{{\"model\":\"m\",\"response\":\"{n}\",\"done\":true}}\n");
        vec![Step::Write(
            [ndjson_head(), chunked(&[line.as_bytes()])].concat(),
        )]
    };
    Source::start((0..answers).map(script).collect()).await
}

/// `record` in this mode, of a command that asks for these answers one after the other.
async fn record(mode: &str, server: &str, folder: &Path, asks: &[usize]) -> Output {
    record_with(&["--mode", mode], server, folder, asks).await
}

/// The same with any flags.
async fn record_with(flags: &[&str], server: &str, folder: &Path, asks: &[usize]) -> Output {
    let asking: String = asks
        .iter()
        .map(|n| format!("curl -s -S -X POST -d '{{\"ask\":{n}}}' {{agent}}/{n} && "))
        .collect();
    let mut command = Command::new(PROGRAM);
    command
        .args(["record", "--quiet"])
        .args(flags)
        .arg("-o")
        .arg(folder)
        .args(["--agent", &format!("agent={server}"), "--", "sh", "-c"])
        .arg(format!("{asking}true"));
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn said(output: &Output) -> (Option<i32>, Vec<usize>) {
    let text = String::from_utf8_lossy(&output.stdout);
    let answers = text.lines().filter_map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        value["response"].as_str()?.parse().ok()
    });
    (output.status.code(), answers.collect())
}

fn paths(folder: &Path) -> Vec<String> {
    let trace = Trace::open(folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    let requests = trace.requests().unwrap();
    requests.into_iter().map(|request| request.path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn once_records_what_is_not_there_yet_and_then_asks_nobody() {
    let server = server(2).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let first = record("once", &server.url, &folder, &[0, 1]).await;
    assert_eq!(said(&first), (Some(0), vec![0, 1]));
    let asked = server.seen().len();
    let again = record("once", &server.url, &folder, &[1, 0]).await;
    assert_eq!(said(&again), (Some(0), vec![1, 0]));
    assert_eq!(server.seen().len(), asked);
    assert_eq!(paths(&folder), ["/0", "/1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn none_refuses_what_was_not_recorded_and_needs_a_trace() {
    let server = server(2).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let refused = record("none", &server.url, &folder, &[0]).await;
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint.contains("does not exist"), "{complaint}");
    record("all", &server.url, &folder, &[0]).await;
    let asked = server.seen().len();
    let output = record("none", &server.url, &folder, &[0, 1]).await;
    assert_eq!(said(&output), (Some(0), vec![0]));
    let answers = String::from_utf8_lossy(&output.stdout);
    assert!(
        answers.contains("no recorded request is POST /1"),
        "{answers}"
    );
    assert_eq!(server.seen().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_matched_as_the_flags_say() {
    let server = server(2).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    record("once", &server.url, &folder, &[0, 1]).await;
    let again = ["--mode", "none", "--repeat"];
    let output = record_with(&again, &server.url, &folder, &[0, 0, 1, 0]).await;
    assert_eq!(said(&output), (Some(0), vec![0, 0, 1, 0]));
    let in_order = ["--mode", "once", "--match", "ordered"];
    let output = record_with(&in_order, &server.url, &folder, &[1, 0]).await;
    let answers = String::from_utf8_lossy(&output.stdout);
    assert!(answers.contains("out of order"), "{answers}");
    let output = record_with(&["--repeat"], &server.url, &folder, &[0]).await;
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complaint.contains("add --mode none, once or new"),
        "{complaint}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn new_asks_only_for_what_is_unknown_and_keeps_both_in_one_trace() {
    let server = server(4).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    record("new", &server.url, &folder, &[0, 1]).await;
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    let before = Trace::open(&folder).unwrap();
    let (old_requests, old_chunks) = (before.requests().unwrap(), before.chunks().unwrap());
    let asked = server.seen().len();

    let output = record("new", &server.url, &folder, &[1, 2, 0, 3]).await;
    assert_eq!(said(&output), (Some(0), vec![1, 2, 0, 3]));
    let new: Vec<String> = server.seen()[asked..]
        .iter()
        .filter_map(|seen| Some(seen.head.split(' ').nth(1)?.to_owned()))
        .filter(|path| path != "/api/version")
        .collect();
    assert_eq!(new, ["/2", "/3"]);

    assert_eq!(paths(&folder), ["/0", "/1", "/2", "/3"]);
    let after = Trace::open(&folder).unwrap();
    let requests = after.requests().unwrap();
    assert_eq!(requests[..2], old_requests);
    let chunks = after.chunks().unwrap();
    assert!(old_chunks.iter().all(|(id, old)| chunks[id] == *old));
    assert!(requests[2].start_ns.unwrap() >= before.manifest.duration_ns);
    let runs = after.runs().unwrap();
    assert_eq!(
        runs.iter().map(|run| run.run_id).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        (runs[0].end_ns, requests[2].run_id),
        (before.runs().unwrap()[0].end_ns, 2)
    );
    assert_eq!(after.manifest.name, before.manifest.name);
    assert_ne!(after.manifest.session_id, before.manifest.session_id);
    assert_eq!(
        std::fs::read_to_string(folder.join("notes.txt")).unwrap(),
        "mine"
    );
    assert_eq!(
        place.path().read_dir().unwrap().count(),
        1,
        "nothing stays beside it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_new_the_trace_stays_as_it_is() {
    let server = server(1).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    record("all", &server.url, &folder, &[0]).await;
    let before = Trace::open(&folder).unwrap().manifest;
    let output = record("new", &server.url, &folder, &[0]).await;
    assert_eq!(said(&output), (Some(0), vec![0]));
    assert_eq!(Trace::open(&folder).unwrap().manifest, before);
    // A server that is down fails what is new, and the trace stays.
    let url = server.url.clone();
    drop(server);
    let output = record("new", &url, &folder, &[0]).await;
    assert_eq!(
        said(&output),
        (Some(0), vec![0]),
        "what is known needs no server"
    );
    let output = record("new", &url, &folder, &[1]).await;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{complaint}");
    assert!(
        complaint.contains("no request reached a server"),
        "{complaint}"
    );
    assert_eq!(Trace::open(&folder).unwrap().manifest, before);
    assert_eq!(place.path().read_dir().unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_recording_left_is_not_touched() {
    let server = server(1).await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    record("all", &server.url, &folder, &[0]).await;
    std::fs::create_dir(place.path().join("trace.new")).unwrap();
    let output = record("new", &server.url, &folder, &[0]).await;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("tokentape recover"), "{complaint}");
}

#[test]
fn a_mode_that_looks_for_a_trace_needs_its_folder() {
    let output = Command::new(PROGRAM)
        .args(["record", "--mode", "once", "--", "true"])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint.contains("add -o DIR"), "{complaint}");
}

#[test]
fn a_trace_that_is_carried_over_stays_the_same_in_every_row() {
    let old = super::bundled();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("trace");
    let session = trace::Manifest::default();
    let writer = trace::Writer::go_on(&folder, &old, session, Redactor::default()).unwrap();
    writer.finish().unwrap();
    let new = Trace::open(&folder).unwrap();
    assert_eq!(trace::verify(&new).unwrap(), Vec::<String>::new());
    assert_eq!(new.runs().unwrap(), old.runs().unwrap());
    assert_eq!(new.requests().unwrap(), old.requests().unwrap());
    assert_eq!(new.chunks().unwrap(), old.chunks().unwrap());
    for table in [TableName::Events, TableName::Samples] {
        let rows = |trace: &Trace| -> Vec<_> {
            let batches = trace.batches(table).unwrap();
            // All columns but the session's identity.
            batches
                .flat_map(|batch| batch.unwrap().columns()[1..].to_vec())
                .collect()
        };
        assert_eq!(rows(&new), rows(&old), "{table:?}");
    }
    assert_eq!(new.manifest.agents, old.manifest.agents);
    assert_eq!(new.manifest.started_at, old.manifest.started_at);
}
