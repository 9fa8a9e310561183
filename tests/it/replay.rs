//! A replay serves what was recorded: the same bytes, boundaries and events, strictly matched.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;
use tokentape::analyze::{Library, Session};
use tokentape::replay::{Options, Replay, Speed};
use tokentape::table::Table;
use tokentape::trace::{Outcome, Trace};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::random::Random;
use super::source::{Source, Step, chunked, head, ndjson_head};
use super::{Recording, bundled, lone};

/// Everything recorded of the agents' exchanges but times and identity, by run and agent in order.
async fn content(trace: &Trace) -> (Table, Table, Table) {
    let session = Session::open(std::slice::from_ref(trace), Library::default()).unwrap();
    let ask = async |sql: &str| session.query(sql).await.unwrap();
    // Concurrent agents' requests may be numbered in another order: number them within the agent.
    let numbered = "with numbered as (
        select *, row_number() over (partition by run_id, agent order by request_id) as nth
        from requests)";
    let requests = ask(&format!(
        "{numbered} select run_id, agent, nth, dialect, method, path, endpoint, model, stream,
            options, request_body, status, outcome, error, chunk_count, event_count, token_events,
            response_bytes, prompt_eval_count, eval_count, total_duration_ns, load_duration_ns,
            prompt_eval_duration_ns, eval_duration_ns, done_reason
         from numbered order by run_id, agent, nth"
    ))
    .await;
    let chunks = ask(&format!(
        "{numbered} select c.run_id, c.agent, nth, seq, size, payload
         from chunks c join numbered using (request_id) order by c.run_id, c.agent, nth, seq"
    ))
    .await;
    let events = ask(&format!(
        "{numbered} select e.run_id, e.agent, nth, seq, chunk_seq, kind, text, server_created_at
         from events e join numbered using (request_id) order by e.run_id, e.agent, nth, seq"
    ))
    .await;
    (requests, chunks, events)
}

/// Marks the runs of a session once more and asks what was asked in them, one request after the other.
async fn ask_again(original: &Trace, urls: &[(String, String)]) {
    let client = reqwest::Client::new();
    let requests = original.requests().unwrap();
    for run in original.runs().unwrap() {
        let labels: Value = serde_json::from_str(run.labels.as_deref().unwrap()).unwrap();
        let mark = serde_json::json!({
            "run_number": run.run_number,
            "scenario": run.scenario,
            "model": run.model,
            "phase": run.phase,
            "labels": labels,
        });
        let marking = client.post(format!("{}/_tokentape/run", urls[0].1));
        let marked = marking.body(mark.to_string()).send().await.unwrap();
        assert_eq!(marked.status(), 200);
        for request in requests
            .iter()
            .filter(|request| request.run_id == run.run_id)
        {
            let (_, url) = urls
                .iter()
                .find(|(agent, _)| *agent == request.agent)
                .unwrap();
            let asking = client.post(format!("{url}{}", request.path));
            let asking = asking.body(request.request_body.clone().unwrap());
            asking.send().await.unwrap().bytes().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_a_replay_at_full_speed_gives_the_same_trace_but_for_the_times() {
    let original = bundled();
    let replay = Replay::start(&original, Options::default()).await.unwrap();
    let recording = Recording::of(&replay.urls()).await;
    ask_again(&original, &recording.recorder.urls()).await;
    assert_eq!(replay.unused(), Vec::<String>::new());
    let (again, _folder) = recording.sealed().await;
    let (was, is) = (content(&original).await, content(&again).await);
    assert!(was.0 == is.0, "requests differ");
    assert!(
        was.1 == is.1,
        "chunks differ: {} and {}",
        was.1.rows.len(),
        is.1.rows.len()
    );
    assert!(was.2 == is.2, "events differ");
    assert!(was.1.rows.len() > 1_000);
    let marks = |trace: &Trace| -> Vec<_> {
        let runs = trace.runs().unwrap().into_iter();
        runs.map(|run| {
            (
                run.run_id,
                run.run_number,
                run.scenario,
                run.model,
                run.phase,
                run.labels,
            )
        })
        .collect()
    };
    assert_eq!(marks(&original), marks(&again));
}

/// Records what a client does to a server that plays `script`, and replays it.
async fn replayed(script: Vec<Step>) -> (Trace, Replay, tempfile::TempDir) {
    let source = Source::start(vec![script]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let _ = ask(&recording.url(), r#"{"model": "m", "prompt": "p"}"#).await;
    let (trace, folder) = recording.sealed().await;
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    (trace, replay, folder)
}

/// Status, headers and body of POST /api/generate; whether the body came whole.
async fn ask(url: &str, body: &str) -> (u16, BTreeMap<String, String>, Vec<u8>, bool) {
    let asking = reqwest::Client::new().post(format!("{url}/api/generate"));
    let asking = asking.header("x-script", "0").body(body.to_owned());
    let mut answer = asking.send().await.unwrap();
    let headers = answer.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let (status, headers) = (answer.status().as_u16(), headers.collect());
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            whole => return (status, headers, bytes, whole.is_ok()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_headers_and_the_way_a_body_ended_come_back() {
    let error = b"{\"error\":\"model 'm' not found\"}";
    let json = "application/json; charset=utf-8";
    let length = error.len().to_string();
    let not_found = head(
        "404 Not Found",
        &[("Content-Type", json), ("Content-Length", &length)],
    );
    let (_, replay, _folder) =
        replayed(vec![Step::Write([not_found, error.to_vec()].concat())]).await;
    let (status, headers, body, whole) =
        ask(&replay.urls()[0].1, r#"{"prompt":"p","model":"m"}"#).await;
    assert_eq!(
        (status, body.as_slice(), whole),
        (404, error.as_slice(), true)
    );
    assert_eq!(
        (headers["content-type"].as_str(), &headers["content-length"]),
        (json, &length)
    );

    let broken = [ndjson_head(), b"8\r\n{\"respon\r\n40\r\nse\":".to_vec()].concat();
    let script = vec![
        Step::Write(broken),
        Step::Wait(Duration::from_millis(30)),
        Step::Close,
    ];
    let (trace, replay, _folder) = replayed(script).await;
    assert_eq!(trace.requests().unwrap()[0].outcome, Outcome::Truncated);
    let (_, _, body, whole) = ask(&replay.urls()[0].1, r#"{"prompt":"p","model":"m"}"#).await;
    assert_eq!(
        (body.as_slice(), whole),
        (b"{\"response\":".as_slice(), false)
    );

    let endless = [ndjson_head(), chunked(&[b"{\"response\":\"a\"}\n"])].concat();
    let (trace, replay, _folder) = replayed(vec![Step::Write(endless)]).await;
    assert_eq!(trace.requests().unwrap()[0].outcome, Outcome::Truncated);
    let (_, _, body, whole) = ask(&replay.urls()[0].1, r#"{"prompt":"p","model":"m"}"#).await;
    assert_eq!(
        (body.as_slice(), whole),
        (b"{\"response\":\"a\"}\n".as_slice(), true)
    );
}

/// What a connection to `url` reads after it asked, and whether it ended with a reset.
async fn read_to_the_end(url: &str) -> (Vec<u8>, bool) {
    let mut client = TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let body = r#"{"model": "m", "prompt": "p"}"#;
    let length = body.len();
    let head = "POST /api/generate HTTP/1.1\r\nhost: localhost\r\nx-script: 0";
    let asking = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
    client.write_all(asking.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let ended = client.read_to_end(&mut read).await;
    let is_reset = ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
    (read, is_reset)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_a_reset_and_a_close_a_close_through_the_recorder_and_again() {
    for (last, reset) in [(Step::Reset, true), (Step::Close, false)] {
        let cut = [ndjson_head(), b"2a\r\n{\"resp".to_vec()].concat();
        let script = vec![
            Step::Write(cut),
            Step::Wait(Duration::from_millis(50)),
            last,
        ];
        let source = Source::start(vec![script]).await;
        let recording = Recording::of(&lone(source.url.clone())).await;
        let (read, was_reset) = read_to_the_end(&recording.url()).await;
        assert_eq!(was_reset, reset);
        assert!(
            read.ends_with(b"{\"resp\r\n"),
            "{}",
            String::from_utf8_lossy(&read)
        );
        let (trace, _folder) = recording.sealed().await;
        let replay = Replay::start(&trace, Options::default()).await.unwrap();
        assert_eq!(read_to_the_end(&replay.urls()[0].1).await, (read, reset));
    }
}

/// Reads the first chunk of an answer, waits a moment, and leaves.
async fn ask_and_leave(url: &str) {
    let asking = reqwest::Client::new().post(format!("{url}/api/generate"));
    let asking = asking.header("x-script", "0").body("{}");
    let mut answer = asking.send().await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_left_finds_the_answer_open_to_leave_again() {
    let begun = [ndjson_head(), b"11\r\n{\"response\":\"a\"}\n\r\n".to_vec()].concat();
    let silent = Step::Wait(Duration::from_secs(60));
    let source = Source::start(vec![vec![Step::Write(begun), silent]]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    ask_and_leave(&recording.url()).await;
    let (trace, _folder) = recording.sealed().await;
    assert_eq!(trace.requests().unwrap()[0].outcome, Outcome::ClientAborted);
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    let recording = Recording::of(&replay.urls()).await;
    ask_and_leave(&recording.url()).await;
    let (again, _folder) = recording.sealed().await;
    assert_eq!(again.requests().unwrap()[0].outcome, Outcome::ClientAborted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_patience_ended_before_the_answer_began_loses_it_again() {
    let silent = Step::Wait(Duration::from_secs(60));
    let source = Source::start(vec![vec![silent]]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let impatient = async |url: &str| {
        let client = reqwest::Client::builder().timeout(Duration::from_millis(300));
        let asking = client.build().unwrap().post(format!("{url}/api/generate"));
        let asking = asking.header("x-script", "0").body("{}");
        asking.send().await.unwrap_err().is_timeout()
    };
    assert!(impatient(&recording.url()).await);
    let (trace, _folder) = recording.sealed().await;
    assert_eq!(trace.requests().unwrap()[0].outcome, Outcome::ClientAborted);
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    assert!(impatient(&replay.urls()[0].1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_not_recorded_gets_an_error_that_names_the_nearest() {
    let done = [ndjson_head(), chunked(&[b"{\"done\":true}\n"])].concat();
    let (_, replay, _folder) = replayed(vec![Step::Write(done)]).await;
    let url = replay.urls()[0].1.clone();
    let error = async |body: &str| {
        let (status, _, body, _) = ask(&url, body).await;
        let said: Value = serde_json::from_slice(&body).unwrap();
        (status, said["error"].as_str().unwrap().to_owned())
    };
    let (status, said) = error(r#"{"model":"m","prompt":"q"}"#).await;
    assert_eq!(status, 404);
    assert!(
        said.contains(
            r#"nearest is request 1, which differs at $.prompt: recorded "p", asked "q""#
        ),
        "{said}"
    );
    assert_eq!(replay.unused(), ["request 1: POST /api/generate of agent"]);
    // Once it has been answered, there is no second answer.
    assert_eq!(ask(&url, r#"{"model":"m","prompt":"p"}"#).await.0, 200);
    let (_, said) = error(r#"{"model":"m","prompt":"p"}"#).await;
    assert!(said.contains("recorded 1 time(s)"), "{said}");
    assert_eq!(replay.unused(), Vec::<String>::new());
    let client = reqwest::Client::new();
    let asking = client.post(format!("{url}/v1/chat/completions")).body("{}");
    let said: Value =
        serde_json::from_str(&asking.send().await.unwrap().text().await.unwrap()).unwrap();
    assert!(
        said["error"]["message"]
            .as_str()
            .unwrap()
            .contains("tokentape: no recorded request")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_look_around_first_are_answered_from_the_trace() {
    let replay = Replay::start(&bundled(), Options::default()).await.unwrap();
    let url = replay.urls()[1].1.clone();
    let get = async |path: &str| reqwest::get(format!("{url}{path}")).await.unwrap();
    assert_eq!(get("/").await.text().await.unwrap(), "Ollama is running");
    let tags: Value = serde_json::from_str(&get("/api/tags").await.text().await.unwrap()).unwrap();
    assert_eq!(tags["models"][0]["name"], "gemma3:270m");
    assert_eq!(get("/api/version").await.status(), 200);
    assert_eq!(get("/api/ps").await.status(), 200);
    let show = reqwest::Client::new().post(format!("{url}/api/show"));
    let show = show
        .body(r#"{"model":"gemma3:270m"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(show.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_pace_is_kept_and_errors_do_not_add_up() {
    let waits = |n: usize| {
        let line = format!("{{\"response\":\"{n}\"}}\n");
        let framed = format!("{:x}\r\n{line}\r\n", line.len());
        [
            Step::Wait(Duration::from_millis(20)),
            Step::Write(framed.into_bytes()),
        ]
    };
    let mut script = vec![Step::Write(ndjson_head())];
    script.extend((0..30).flat_map(waits));
    script.push(Step::Write(b"0\r\n\r\n".to_vec()));
    let (trace, _, _folder) = replayed(script).await;
    let paced = Options {
        speed: Speed::Times(2.0),
        ..Options::default()
    };
    let replay = Replay::start(&trace, paced).await.unwrap();
    let recording = Recording::of(&replay.urls()).await;
    let _ = ask(&recording.url(), r#"{"model":"m","prompt":"p"}"#).await;
    let (again, _folder) = recording.sealed().await;
    let offsets = |trace: &Trace| -> Vec<i64> {
        let start_ns = trace.requests().unwrap()[0].start_ns.unwrap();
        trace.chunks().unwrap()[&1]
            .iter()
            .map(|chunk| chunk.t_ns - start_ns)
            .collect()
    };
    let (was, is) = (offsets(&trace), offsets(&again));
    assert_eq!(was.len(), is.len());
    // Nothing comes before it is due; how long after is the machine's business, not a test's.
    assert!(
        was.iter().zip(&is).all(|(was, is)| is >= &(was / 2)),
        "{was:?} {is:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_come_over_the_wire() {
    let lines: Vec<String> = (0..3)
        .map(|n| format!("{{\"response\":\"{n}\"}}\n"))
        .collect();
    let chunks: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let script = vec![Step::Write([ndjson_head(), chunked(&chunks)].concat())];
    let (trace, _, _folder) = replayed(script).await;
    let faulty = async |fault: &str| {
        let options = Options {
            faults: vec![fault.parse().unwrap()],
            ..Options::default()
        };
        let replay = Replay::start(&trace, options).await.unwrap();
        let (status, _, body, whole) =
            ask(&replay.urls()[0].1, r#"{"model":"m","prompt":"p"}"#).await;
        (status, String::from_utf8(body).unwrap(), whole)
    };
    let all = lines.concat();
    assert_eq!(faulty("reset@1:2").await, (200, lines[..2].concat(), false));
    assert_eq!(
        faulty("no-done@1:2").await,
        (200, lines[..2].concat(), true)
    );
    assert_eq!(faulty("stall=0.01@1:1").await, (200, all.clone(), true));
    assert_eq!(faulty("slow=2@1").await, (200, all.clone(), true));
    let error = "{\"error\":\"tokentape: error-line@1:1\"}\n";
    let cut = [&lines[0], error].concat();
    assert_eq!(faulty("error-line@1:1").await, (200, cut, true));
    let error = "{\"error\":\"tokentape: status=503@1\"}".to_owned();
    assert_eq!(faulty("status=503@1").await, (503, error, true));
    let unknown = Options {
        faults: vec!["reset@9".parse().unwrap()],
        ..Options::default()
    };
    let error = Replay::start(&trace, unknown)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("no such request, the last is 1"), "{error}");
}

/// Three agents that ask the same ten times, of a server that says something else each time.
async fn repetitive_session() -> (Trace, tempfile::TempDir) {
    let line = |n: usize| format!("{{\"response\":\"{n}\",\"done\":true}}\n").into_bytes();
    let script = |n| vec![Step::Write([ndjson_head(), chunked(&[&line(n)])].concat())];
    let source = Source::start((0..30).map(script).collect()).await;
    let agents = ["a", "b", "c"].map(|name| (name.to_owned(), source.url.clone()));
    let recording = Recording::of(&agents).await;
    for n in 0..10 {
        for (agent, (_, url)) in recording.recorder.urls().into_iter().enumerate() {
            let asking = reqwest::Client::new().post(format!("{url}/api/generate"));
            let script = (10 * agent + n).to_string();
            let asking = asking.header("x-script", script).body(EQUAL);
            asking.send().await.unwrap().bytes().await.unwrap();
        }
    }
    recording.sealed().await
}

const EQUAL: &str = r#"{"model":"m","prompt":"the same"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_agent_gets_its_own_answers_in_their_order_whatever_the_timing() {
    let (trace, _folder) = repetitive_session().await;
    for seed in 0..20 {
        let replay = Replay::start(&trace, Options::default()).await.unwrap();
        let mut agents = tokio::task::JoinSet::new();
        for (agent, (_, url)) in replay.urls().into_iter().enumerate() {
            agents.spawn(async move {
                let mut random = Random::seeded(100 * seed + agent as u64);
                let client = reqwest::Client::new();
                for n in 0..10 {
                    let pause = Duration::from_micros(random.below(500) as u64);
                    tokio::time::sleep(pause).await;
                    let asking = client.post(format!("{url}/api/generate")).body(EQUAL);
                    let answer = asking.send().await.unwrap().text().await.unwrap();
                    let own = 10 * agent + n;
                    assert_eq!(
                        answer,
                        format!("{{\"response\":\"{own}\",\"done\":true}}\n")
                    );
                }
            });
        }
        agents.join_all().await;
        assert_eq!(replay.unused(), Vec::<String>::new());
    }
}
