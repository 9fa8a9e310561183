//! A recorder killed in the middle of a recording leaves what it saw, up to its last moments.

use std::path::Path;
use std::time::{Duration, Instant};

use tokentape::trace::{self, Outcome, Status, Trace};

use super::recorder::RealRecorder;
use super::source::{Source, Step, ndjson_head};

/// What a kill may cost.
const MOMENTS: Duration = Duration::from_millis(100);

/// A stream of numbered chunks, one every few milliseconds, for longer than the test lasts.
fn endless() -> Vec<Step> {
    let mut script = vec![Step::Write(ndjson_head())];
    for n in 0..5_000 {
        let line = format!("{{\"response\":\"{n}\"}}\n");
        let framed = format!("{:x}\r\n{line}\r\n", line.len());
        script.push(Step::Write(framed.into_bytes()));
        script.push(Step::Wait(Duration::from_millis(2)));
    }
    script
}

/// Records with the real program, kills it after `lifetime`, and recovers. Returns how many chunks
/// the client had received 100 ms before the kill, and the recovered trace.
async fn killed_after(lifetime: Duration, folder: &Path) -> (usize, Trace) {
    let source = Source::start(vec![endless()]).await;
    let recorder = RealRecorder::start(&source.url, folder);
    let asking = reqwest::Client::new().post(format!("{}/api/generate", recorder.url));
    let asking = asking.header("x-script", "0").body(r#"{"model":"m"}"#);
    let mut answer = asking.send().await.unwrap();
    let mut received = Vec::new();
    let began = Instant::now();
    while began.elapsed() < lifetime {
        let chunk = answer.chunk().await.unwrap().unwrap();
        let lines = chunk.iter().filter(|byte| **byte == b'\n');
        received.extend(lines.map(|_| Instant::now()));
    }
    let killed = Instant::now();
    recorder.killed();
    let refused = Trace::open(folder).unwrap_err().to_string();
    assert!(refused.contains("tokentape recover"), "{refused}");
    let half_written = folder.join("chunks.parquet").exists();
    assert!(!half_written, "no table under its final name");
    trace::recover(folder).unwrap();
    let trace = Trace::open(folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    assert!(!folder.join("journal").exists());
    let early = received.iter().filter(|at| **at + MOMENTS < killed).count();
    (early, trace)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_recorder_loses_at_most_its_last_100_ms() {
    for lifetime in [180, 333, 720] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("trace");
        let (early, trace) = killed_after(Duration::from_millis(lifetime), &folder).await;
        let request = trace.requests().unwrap().remove(0);
        let chunks = &trace.chunks().unwrap()[&request.request_id];
        assert!(chunks.len() >= early, "{} of {early} chunks", chunks.len());
        for (n, chunk) in chunks.iter().enumerate() {
            let line = format!("{{\"response\":\"{n}\"}}\n");
            assert_eq!(chunk.payload, line.into_bytes());
        }
        assert_eq!(trace.manifest.status, Status::Recovered);
        assert_eq!(request.outcome, Outcome::Truncated);
        assert_eq!(request.status, Some(200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_is_asked_to_end_seals_what_is_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("trace");
    let source = Source::start(vec![endless()]).await;
    let recorder = RealRecorder::start(&source.url, &folder);
    let mut answer = reqwest::get(format!("{}/0", recorder.url)).await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    let (code, said) = recorder.terminated();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let trace = Trace::open(&folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    let request = trace.requests().unwrap().remove(0);
    let ended = (trace.manifest.status, request.outcome);
    assert_eq!(ended, (Status::Sealed, Outcome::Truncated));
    assert!(request.error.unwrap().contains("the recording ended"));
    assert!(request.chunk_count >= 1);
}
