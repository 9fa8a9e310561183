//! A recorder killed in the middle of a recording leaves what it saw, up to its last moments.

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokentape::trace::{self, Outcome, Status, Trace};

use super::source::{Source, Step, ndjson_head};

/// What a kill may cost.
const MOMENTS: Duration = Duration::from_millis(100);

/// A stream of numbered chunks, one every few milliseconds, for longer than the test lasts.
fn endless() -> Vec<Step> {
    let mut script = vec![Step::Write(ndjson_head())];
    for n in 0..5_000 {
        let line = format!("{{\"response\":\"{n}\"}}\n");
        script.push(Step::Write(
            format!("{:x}\r\n{line}\r\n", line.len()).into_bytes(),
        ));
        script.push(Step::Wait(Duration::from_millis(2)));
    }
    script
}

/// The real program recording `source`, and the URL by which its agent reaches it.
fn recorder(source: &Source, folder: &Path) -> (Child, String) {
    let mut recorder = Command::new(env!("CARGO_BIN_EXE_tokentape"))
        .args(["record", "--announce", "json", "--quiet", "-o"])
        .arg(folder)
        .args(["--agent", &format!("agent={}", source.url)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut announced = String::new();
    std::io::BufReader::new(recorder.stdout.take().unwrap())
        .read_line(&mut announced)
        .unwrap();
    let announced: Value = serde_json::from_str(&announced).unwrap();
    (
        recorder,
        announced["agents"][0]["url"].as_str().unwrap().to_owned(),
    )
}

/// Records with the real program, kills it after `lifetime`, and recovers. Returns how many chunks
/// the client had received 100 ms before the kill, and the recovered trace.
async fn killed_after(lifetime: Duration, folder: &Path) -> (usize, Trace) {
    let source = Source::start(vec![endless()]).await;
    let (mut recorder, url) = recorder(&source, folder);
    let asking = reqwest::Client::new().post(format!("{url}/api/generate"));
    let asking = asking.header("x-script", "0").body(r#"{"model":"m"}"#);
    let mut answer = asking.send().await.unwrap();
    let mut received = Vec::new();
    let began = Instant::now();
    while began.elapsed() < lifetime {
        let chunk = answer.chunk().await.unwrap().unwrap();
        received.extend(
            chunk
                .iter()
                .filter(|byte| **byte == b'\n')
                .map(|_| Instant::now()),
        );
    }
    let killed = Instant::now();
    recorder.kill().unwrap();
    recorder.wait().unwrap();
    let refused = Trace::open(folder).unwrap_err().to_string();
    assert!(refused.contains("tokentape recover"), "{refused}");
    assert!(
        !folder.join("chunks.parquet").exists(),
        "no table under its final name"
    );
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
            assert_eq!(
                chunk.payload,
                format!("{{\"response\":\"{n}\"}}\n").into_bytes()
            );
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
    let (mut recorder, url) = recorder(&source, &folder);
    let mut answer = reqwest::get(format!("{url}/0")).await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    let id = recorder.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(recorder.wait().unwrap().code(), Some(0));
    let trace = Trace::open(&folder).unwrap();
    assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
    let request = trace.requests().unwrap().remove(0);
    assert_eq!(
        (trace.manifest.status, request.outcome),
        (Status::Sealed, Outcome::Truncated)
    );
    assert!(request.error.unwrap().contains("the recording ended"));
    assert!(request.chunk_count >= 1);
}
