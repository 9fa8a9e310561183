//! On the recorded clock a session is recorded again as it was: every table, every column but the
//! session's identity.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokentape::analyze::{Library, Session};
use tokentape::record::{Agent, Endpoint, Known, Ports, Recorder, Retelling, probe, schedule};
use tokentape::replay::{Options, Replay};
use tokentape::table::Table;
use tokentape::trace::{self, ClockKind, Manifest, Outcome, Request, Run, Trace, Writer};
use tokentape::wire::redaction::Redactor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::source::{Source, Step, chunked, head, ndjson_head};
use super::{Recording, bundled, lone};

/// A replay on the recorded clock, and a recorder in front of it.
pub struct Again {
    pub replay: Replay,
    recorder: Recorder,
    writer: Writer,
    folder: tempfile::TempDir,
}

impl Again {
    /// Each agent asks at its own port of the replay.
    pub async fn start(original: &Trace) -> Self {
        Self::at(original, |replay| replay.urls()).await
    }

    /// `urls` says where each agent asks.
    pub async fn at(original: &Trace, urls: impl Fn(&Replay) -> Vec<(String, String)>) -> Self {
        let options = Options {
            recorded_clock: true,
            ..Options::default()
        };
        let replay = Replay::start(original, options).await.unwrap();
        let mut agents = Vec::new();
        for (name, url) in urls(&replay) {
            let endpoint = Endpoint::parse(&url).unwrap();
            let said = probe(&endpoint, Duration::from_secs(5)).await;
            assert_eq!(
                said.session_id.as_ref(),
                Some(&original.manifest.session_id)
            );
            agents.push(Agent {
                name,
                endpoint,
                listen: "127.0.0.1:0".parse().unwrap(),
            });
        }
        let schedule = schedule(&agents[0].endpoint).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let session = Manifest {
            agents: original.manifest.agents.clone(),
            ..Manifest::default()
        };
        let path = folder.path().join("trace");
        let writer = Writer::retell(&path, &schedule, session, Redactor::default()).unwrap();
        let known = Known::Session(Arc::new(Retelling::new(schedule)));
        let ports = Ports::take(&agents).await.unwrap();
        let patience = Duration::from_secs(20);
        let recorder = Recorder::start(ports, &writer.tape(), patience, &known).unwrap();
        Self {
            replay,
            recorder,
            writer,
            folder,
        }
    }

    pub fn url(&self, agent: &str) -> String {
        let urls = self.recorder.urls();
        urls.into_iter().find(|(name, _)| name == agent).unwrap().1
    }

    pub async fn sealed(self) -> (Trace, tempfile::TempDir) {
        // Of sessions in which nobody reached a server it says so.
        let _ = self.recorder.end(Duration::from_secs(5)).await;
        self.writer.finish().unwrap();
        let trace = Trace::open(&self.folder.path().join("trace")).unwrap();
        assert_eq!(trace::verify(&trace).unwrap(), Vec::<String>::new());
        (trace, self.folder)
    }

    /// Marks all runs and asks all that was asked, agents side by side, as clients do that know nothing
    /// of it all. What was cut when it was recorded is cut again, after so many bytes.
    async fn play(&self, original: &Trace, cut_after: usize) {
        let requests = original.requests().unwrap();
        for run in original.runs().unwrap() {
            mark(&self.url(&original.manifest.agents[0].name), &run).await;
            let mut agents = JoinSet::new();
            for agent in &original.manifest.agents {
                let own = requests
                    .iter()
                    .filter(|request| request.run_id == run.run_id && request.agent == agent.name);
                let own: Vec<Request> = own.cloned().collect();
                let url = self.url(&agent.name);
                agents.spawn(async move {
                    for request in own {
                        let left = request.outcome == Outcome::ClientAborted;
                        ask(&url, &request, left.then_some(cut_after)).await;
                    }
                });
            }
            agents.join_all().await;
        }
    }
}

pub async fn mark(url: &str, run: &Run) {
    let labels = run
        .labels
        .as_deref()
        .map(serde_json::from_str::<serde_json::Value>);
    let mark = json!({
        "run_number": run.run_number, "scenario": run.scenario, "model": run.model,
        "runtime": run.runtime, "topology": run.topology, "config": run.config,
        "phase": run.phase, "labels": labels.transpose().unwrap(),
    });
    let client = reqwest::Client::new();
    let marking = client
        .post(format!("{url}/_tokentape/run"))
        .body(mark.to_string());
    let said = marking.send().await.unwrap().text().await.unwrap();
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said, json!({"run_id": run.run_id, "t_ns": run.start_ns}));
}

/// Sends a recorded request to the byte, and reads its answer to the end or to `cut_after` bytes.
pub async fn ask(url: &str, request: &Request, cut_after: Option<usize>) -> Vec<u8> {
    let headers: Vec<(String, String)> =
        serde_json::from_str(request.request_headers.as_deref().unwrap()).unwrap();
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let (method, path) = (&request.method, &request.path);
    let head = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n");
    let body = request.request_body.as_deref().unwrap_or_default();
    let mut client = TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    client
        .write_all(&[head.as_bytes(), body].concat())
        .await
        .unwrap();
    let mut read = Vec::new();
    loop {
        if cut_after.is_some_and(|limit| read.len() >= limit) || is_whole(&read) {
            return read;
        }
        match client.read_buf(&mut read).await {
            Ok(1..) => {}
            _ => return read,
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => answer.len() >= head.len() + 4 + length.parse::<usize>().unwrap(),
        None => answer.ends_with(b"\r\n0\r\n\r\n"),
    }
}

/// Every table, every column but `session_id`.
async fn tables(trace: &Trace) -> Vec<Table> {
    let session = Session::open(std::slice::from_ref(trace), Library::default()).unwrap();
    let mut tables = Vec::new();
    for (table, order) in [
        ("runs", "run_id"),
        ("requests", "request_id"),
        ("chunks", "request_id, seq"),
        ("events", "request_id, seq"),
        ("samples", "t_ns, source, metric"),
    ] {
        let sql = format!("select * exclude (session_id) from {table} order by {order}");
        tables.push(session.query(&sql).await.unwrap());
    }
    tables
}

pub async fn assert_equal(was: &Trace, is: &Trace) {
    for (was, is) in tables(was).await.into_iter().zip(tables(is).await) {
        assert_eq!(was.rows.len(), is.rows.len(), "{:?}", was.columns);
        for (was_row, is_row) in was.rows.iter().zip(&is.rows) {
            assert_eq!(was_row, is_row, "{:?}", was.columns);
        }
        assert!(was == is);
    }
    assert_ne!(was.manifest.session_id, is.manifest.session_id);
    assert_eq!(is.manifest.clock, ClockKind::Recorded);
    let like_the_original = Manifest {
        session_id: was.manifest.session_id.clone(),
        name: was.manifest.name.clone(),
        clock: was.manifest.clock,
        status: was.manifest.status,
        files: was.manifest.files.clone(),
        ..is.manifest.clone()
    };
    assert_eq!(was.manifest, like_the_original);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_session_is_recorded_again_with_its_own_times() {
    let original = bundled();
    let again = Again::start(&original).await;
    again.play(&original, 0).await;
    assert_eq!(again.replay.unused(), Vec::<String>::new());
    let (first, _folder) = again.sealed().await;
    assert_equal(&original, &first).await;
    // And what was recorded so is as good as the original.
    let again = Again::start(&first).await;
    again.play(&first, 0).await;
    let (second, _folder) = again.sealed().await;
    assert_equal(&first, &second).await;
}

const TOKEN: &[u8] = b"{\"model\":\"m\",\"response\":\"a\",\"done\":false}\n";
const DONE: &[u8] = b"{\"model\":\"m\",\"response\":\"\",\"done\":true,\"eval_count\":1}\n";

fn first_chunk() -> Vec<u8> {
    let size = format!("{:x}\r\n", TOKEN.len()).into_bytes();
    [&ndjson_head(), &size, TOKEN, b"\r\n"].concat()
}

/// A session in which everything ends badly that can.
async fn ugly_session() -> (Trace, tempfile::TempDir) {
    let write = |parts: &[&[u8]]| Step::Write(parts.concat());
    let pause = Step::Wait(Duration::from_millis(20));
    let for_ever = Step::Wait(Duration::from_secs(60));
    let cut_chunk = write(&[&ndjson_head(), b"2a\r\n{\"resp"]);
    let error = b"{\"error\":\"model 'm' not found\"}";
    let length = error.len().to_string();
    let scripts = vec![
        vec![write(&[&ndjson_head(), &chunked(&[TOKEN, DONE])])],
        vec![write(&[
            &head("404 Not Found", &[("Content-Length", &length)]),
            error,
        ])],
        vec![write(&[
            &ndjson_head(),
            &chunked(&[TOKEN, b"{\"error\":\"out of memory\"}\n"]),
        ])],
        vec![write(&[&ndjson_head(), &chunked(&[TOKEN])])],
        vec![cut_chunk.clone(), pause.clone(), Step::Close],
        vec![cut_chunk, pause.clone(), Step::Reset],
        // The client leaves.
        vec![
            Step::Write(first_chunk()),
            pause.clone(),
            write(&[b"3\r\nabc\r\n"]),
            for_ever.clone(),
        ],
        // A silent server, before and after its answer began.
        vec![for_ever.clone()],
        vec![Step::Write(first_chunk()), for_ever],
        // No framing but the connection's end, in two parts.
        vec![
            write(&[&head("200 OK", &[]), b"first "]),
            pause,
            write(&[b"second"]),
            Step::Close,
        ],
    ];
    let count = scripts.len();
    let source = Source::start(scripts).await;
    let nowhere = "http://127.0.0.1:9".to_owned();
    let servers = [lone(source.url.clone()), vec![("lost".to_owned(), nowhere)]].concat();
    let recording = Recording::patient(&servers, Duration::from_millis(300)).await;
    let url = recording.url();
    let request = |script: usize| Request {
        method: "POST".into(),
        path: format!("/api/generate?script=/{script}"),
        request_headers: Some(
            json!([
                ["host", "localhost"],
                ["x-script", script.to_string()],
                ["content-length", "26"],
            ])
            .to_string(),
        ),
        request_body: Some(b"{\"model\":\"m\",\"prompt\":\"p\"}".to_vec()),
        ..Request::default()
    };
    for script in 0..count {
        ask(&url, &request(script), (script == 6).then_some(100)).await;
    }
    ask(&recording.recorder.urls()[1].1, &request(0), None).await;
    let samples = "{\"source\":\"host\",\"metric\":\"loop_lag_ms\",\"value\":0.30000000000000004}\n\
        {\"source\":\"host\",\"metric\":\"loop_lag_ms\",\"value\":null}\n\
        {\"source\":\"gpu0\",\"metric\":\"gpu_power_w\",\"value\":101.10000000000001}";
    let posting = reqwest::Client::new().post(format!("{url}/_tokentape/samples"));
    assert_eq!(posting.body(samples).send().await.unwrap().status(), 200);
    recording.sealed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ugly_ending_is_told_again() {
    let (original, _folder) = ugly_session().await;
    let mut outcomes: Vec<&str> = original
        .requests()
        .unwrap()
        .iter()
        .map(|request| request.outcome.as_str())
        .collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    assert_eq!(outcomes.len(), 7, "{outcomes:?}");
    // Whether the client leaves at the first byte, or after it has seen the whole recorded part.
    for cut_after in [1, usize::MAX] {
        let again = Again::start(&original).await;
        again.play(&original, cut_after).await;
        let (told, _folder) = again.sealed().await;
        assert_equal(&original, &told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_recorded_takes_no_time_and_has_a_number_of_its_own() {
    let original = bundled();
    let again = Again::start(&original).await;
    let requests = original.requests().unwrap();
    let (first, last) = (&requests[0], requests.last().unwrap());
    mark(&again.url(&first.agent), &original.runs().unwrap()[0]).await;
    ask(&again.url(&first.agent), first, None).await;
    let other = Request {
        request_headers: Some(json!([["host", "localhost"], ["content-length", "2"]]).to_string()),
        request_body: Some(b"{}".to_vec()),
        ..first.clone()
    };
    let answer = ask(&again.url(&first.agent), &other, None).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 404"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert!(!String::from_utf8_lossy(&answer).contains("tokentape-session"));
    let (told, _folder) = again.sealed().await;
    let told = told.requests().unwrap();
    assert_eq!(&told[0], first);
    let extra = &told[1];
    assert_eq!((told.len(), extra.request_id), (2, last.request_id + 1));
    assert_eq!(
        (extra.run_id, extra.outcome),
        (first.run_id, Outcome::ErrorStatus)
    );
    for moment in [extra.start_ns, extra.headers_ns, extra.end_ns] {
        assert_eq!(moment, first.end_ns);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_not_recorded_is_refused() {
    let original = bundled();
    let again = Again::start(&original).await;
    let url = again.url(&original.manifest.agents[0].name);
    let client = reqwest::Client::new();
    let marking = client
        .post(format!("{url}/_tokentape/run"))
        .body("{\"scenario\":\"other\"}");
    let refused = marking.send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let said = refused.text().await.unwrap();
    assert!(said.contains("has no such run"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_clock_waits_for_nothing_and_breaks_nothing() {
    for options in [
        Options {
            speed: tokentape::replay::Speed::Times(1.0),
            recorded_clock: true,
            ..Options::default()
        },
        Options {
            faults: vec!["reset@1".parse().unwrap()],
            recorded_clock: true,
            ..Options::default()
        },
    ] {
        let refused = Replay::start(&bundled(), options)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            refused.contains("leave out --speed, --fault, --chaos and --translate"),
            "{refused}"
        );
    }
}
