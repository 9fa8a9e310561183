//! Secrets never reach the disk, and everything else is as if they had.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokentape::analyze::{Library, Session};
use tokentape::replay::{Options, Replay};
use tokentape::trace::{self, TableName, Trace};

use super::recorder::{PROGRAM, RealRecorder};
use super::source::{Source, Step, chunked, head, ndjson_head};
use super::{Recording, lone};

/// Fake ones; each is written in parts so that nobody takes it for a real one.
fn key(prefix: &str) -> String {
    format!("{prefix}0123456789abcdef0123456789ABCDEF0123")
}

/// What is secret in [`asked`] and in what its server says, without the parts that name the kind.
const SECRETS: [&str; 3] = ["hunter2", "0123456789abcdef", "internal-4711"];

fn question() -> String {
    format!(
        r#"{{"model":"m","prompt":"use {}","api_key":"hunter2hunter2","ticket":"internal-4711"}}"#,
        key("ghp_")
    )
}

/// An answer that repeats a key token by token, and whose chunks cut another in two.
fn answer() -> Vec<Vec<u8>> {
    let event =
        |text: &str| format!("{{\"model\":\"m\",\"response\":\"{text}\",\"done\":false}}\n");
    let key = key("hf_");
    let mut chunks: Vec<Vec<u8>> = [
        "the key is ",
        &key[..2],
        &key[2..9],
        &key[9..],
        " so keep it",
    ]
    .iter()
    .map(|text| event(text).into_bytes())
    .collect();
    let whole = event(&format!("{} and internal-4711", self::key("gsk_"))).into_bytes();
    let (one, two) = whole.split_at(60);
    chunks.extend([one.to_vec(), two.to_vec()]);
    chunks.push(b"{\"model\":\"m\",\"response\":\"\",\"done\":true,\"eval_count\":6}\n".to_vec());
    chunks
}

async fn server() -> Source {
    let chunks = answer();
    let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
    let cookie = [
        ("Set-Cookie", "session=hunter2-out"),
        ("Content-Length", "0"),
    ];
    Source::start(vec![
        vec![Step::Write([ndjson_head(), chunked(&chunks)].concat())],
        vec![Step::Write(head("200 OK", &cookie))],
    ])
    .await
}

/// Asks as an agent would that knows secrets; what it gets.
async fn ask(url: &str) -> Vec<u8> {
    let client = reqwest::Client::new();
    let asking = client
        .post(format!("{url}/api/generate?api_key=hunter2-query&user=me"))
        .header("x-script", "0")
        .header("Authorization", "Bearer hunter2-in")
        .header("cookie", "hunter2")
        .header("x-unheard-of", "hunter2")
        .body(question());
    asking.send().await.unwrap().bytes().await.unwrap().to_vec()
}

/// Every file below, as it is, and every table's every value.
async fn everything_in(folder: &Path) -> String {
    let mut all = String::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => all.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap())),
            }
        }
    }
    if let Ok(trace) = Trace::open(folder) {
        for request in trace.requests().unwrap() {
            all.push_str(&format!("{request:?}"));
            all.push_str(&String::from_utf8_lossy(
                &request.request_body.unwrap_or_default(),
            ));
        }
        for chunk in trace.chunks().unwrap().into_values().flatten() {
            all.push_str(&String::from_utf8_lossy(&chunk.payload));
        }
        // What a model says stands in pieces: read in a row.
        let session = Session::open(&[trace], Library::default()).unwrap();
        let sql = "select string_agg(text, '' order by request_id, seq) from events";
        let said = session.query(sql).await.unwrap();
        all.push_str(&format!("{said:?}"));
    }
    all
}

fn assert_no_secret_in(all: &str) {
    for secret in SECRETS {
        assert!(!all.contains(secret), "{secret} is on the disk");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_the_disk_not_even_the_journal_of_a_killed_recorder() {
    let source = server().await;
    let place = tempfile::tempdir().unwrap();
    for ended in [true, false] {
        let folder = place.path().join(format!("{ended}"));
        let options = ["--redact", "internal-([0-9]+)"];
        let recorder = RealRecorder::with(&options, &source.url, &folder);
        assert_eq!(
            ask(&recorder.url).await,
            answer().concat(),
            "the agent gets it all"
        );
        let server = source.seen().pop().unwrap();
        assert!(
            server.head.contains("Bearer hunter2-in"),
            "so does the server"
        );
        assert_eq!(server.body, question().into_bytes());
        // Several times what the journal waits before it writes.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let journal = everything_in(&folder).await;
        assert!(
            journal.contains("the key is"),
            "the journal holds it by now"
        );
        assert_no_secret_in(&journal);
        match ended {
            true => assert_eq!(recorder.terminated(), (Some(0), String::new())),
            false => {
                recorder.killed();
                trace::recover(&folder).unwrap();
            }
        }
        let all = everything_in(&folder).await;
        assert_no_secret_in(&all);
        let trace = Trace::open(&folder).unwrap();
        assert_eq!(
            trace.manifest.redacted,
            [
                "--redact 1",
                "authorization",
                "body: GitHub token",
                "body: Groq key",
                "body: Hugging Face token",
                "body: api_key",
                "cookie",
                "query: api_key",
                "x-script",
                "x-unheard-of"
            ]
        );
        let reminded = |more: &[&str]| {
            let mut replay = Command::new(PROGRAM);
            replay
                .arg("replay")
                .arg(&folder)
                .args(["--quiet", "--allow-unused"]);
            let output = replay.args(more).args(["--", "true"]).output().unwrap();
            String::from_utf8(output.stderr)
                .unwrap()
                .contains("the same --redact here")
        };
        assert!(reminded(&[]) && !reminded(&options));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_length_and_place_stays_as_if_nothing_had_been_withheld() {
    let source = server().await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    ask(&recording.url()).await;
    let (trace, _folder) = recording.sealed().await;
    let request = trace.requests().unwrap().remove(0);
    let body = request.request_body.unwrap();
    assert_eq!(body.len(), question().len());
    let hidden: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        hidden["prompt"],
        format!("use ghp_{}", "*".repeat(key("").len()))
    );
    assert_eq!(hidden["api_key"], "**************");
    assert_eq!(request.path, "/api/generate?api_key=*************&user=me");
    let chunks = &trace.chunks().unwrap()[&request.request_id];
    for (chunk, original) in chunks.iter().zip(answer()) {
        assert_eq!(chunk.payload.len(), original.len());
        let pairs = chunk.payload.iter().zip(&original);
        assert!(
            pairs
                .into_iter()
                .all(|(kept, came)| kept == came || *kept == b'*')
        );
    }
    assert_eq!(chunks.len(), answer().len());
    assert_eq!((request.token_events, request.eval_count), (6, Some(6)));
    let mut texts = Vec::new();
    for batch in trace.batches(TableName::Events).unwrap() {
        let batch = batch.unwrap();
        let column = batch.column_by_name("text").unwrap();
        let column = arrow::array::AsArray::as_string::<i32>(column);
        texts.extend(
            column
                .iter()
                .flatten()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        );
    }
    let stars = |count: usize| "*".repeat(count);
    let expected = [
        "the key is ".to_owned(),
        "hf".to_owned(),
        format!("_{}", stars(6)),
    ];
    assert_eq!(texts[..3], expected);
    assert_eq!(texts[3], stars(key("hf_").len() - 9));
    assert_eq!(texts[4], " so keep it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_knows_a_request_by_what_is_left_of_it() {
    let source = server().await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    ask(&recording.url()).await;
    let (trace, _folder) = recording.sealed().await;
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    let answered = ask(&replay.urls()[0].1).await;
    assert_eq!(answered.len(), answer().concat().len());
    assert!(answered.starts_with(&answer()[0]));
    assert_eq!(replay.unused(), Vec::<String>::new());
}

#[test]
fn a_pattern_that_cannot_work_is_refused_in_one_sentence() {
    for (pattern, why) in [("(", "unclosed group"), ("a*", "matches the empty text")] {
        let output = Command::new(PROGRAM)
            .args(["record", "--redact", pattern, "--", "true"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("tokentape: --redact"), "{said}");
        assert!(said.contains(why) && said.lines().count() == 1, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_headers_never_reach_the_disk() {
    let source = server().await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let asking = reqwest::Client::new().get(format!("{}/1", recording.url()));
    let asking = asking
        .header("Authorization", "Bearer hunter2-in")
        .header("x-api-key", "hunter2");
    let answer = asking.send().await.unwrap();
    assert_eq!(answer.headers()["set-cookie"], "session=hunter2-out");
    assert!(
        source.seen()[0].head.contains("Bearer hunter2-in"),
        "the server gets it"
    );
    let (trace, folder) = recording.sealed().await;
    assert_eq!(
        trace.manifest.redacted,
        ["authorization", "set-cookie", "x-api-key"]
    );
    for entry in super::path(&folder).read_dir().unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|seven| seven == b"hunter2"));
    }
    let headers = trace.requests().unwrap().remove(0).request_headers.unwrap();
    assert!(
        headers.contains(r#"["authorization","[redacted]"]"#),
        "{headers}"
    );
}
