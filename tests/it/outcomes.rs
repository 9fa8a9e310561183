//! How exchanges end, and what is kept of each; runs and samples.

use std::time::Duration;

use tokentape::trace::{Outcome, Request, Trace};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::source::{Source, Step, chunked, head, ndjson_head, read_request};
use super::{Recording, lone};

const TOKEN: &[u8] = b"{\"model\":\"m\",\"response\":\"a\",\"done\":false}\n";
const DONE: &[u8] =
    b"{\"model\":\"m\",\"response\":\"\",\"done\":true,\"done_reason\":\"stop\",\"eval_count\":1}\n";
const ERROR: &[u8] = b"{\"error\":\"out of memory\"}\n";

/// Far longer than any test waits.
const FOR_EVER: Step = Step::Wait(Duration::from_secs(60));

fn write(parts: &[&[u8]]) -> Step {
    Step::Write(parts.concat())
}

/// A stream's head and its first chunk.
fn begun() -> Step {
    let first = format!("{:x}\r\n", TOKEN.len()).into_bytes();
    write(&[&ndjson_head(), &first, TOKEN, b"\r\n"])
}

/// Generates once through a recorder; the server plays `script`. The request as recorded, and the
/// bytes of its answer.
async fn generated(script: Vec<Step>) -> (Request, Vec<u8>) {
    let source = Source::start(vec![script]).await;
    let servers = lone(source.url.clone());
    let recording = Recording::patient(&servers, Duration::from_millis(300)).await;
    let asking = reqwest::Client::new()
        .post(format!("{}/api/generate", recording.url()))
        .header("x-script", "0")
        .body(r#"{"model":"m","prompt":"p"}"#);
    if let Ok(mut answer) = asking.send().await {
        while let Ok(Some(_)) = answer.chunk().await {}
    }
    let (trace, _folder) = recording.sealed().await;
    let request = trace.requests().unwrap().remove(0);
    let chunks = trace.chunks().unwrap().remove(&request.request_id);
    let chunks = chunks.unwrap_or_default().into_iter();
    (request, chunks.flat_map(|chunk| chunk.payload).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_says_it_is_done_is_complete() {
    let (request, bytes) =
        generated(vec![write(&[&ndjson_head(), &chunked(&[TOKEN, DONE])])]).await;
    assert_eq!((request.outcome, request.error), (Outcome::Complete, None));
    assert_eq!(bytes, [TOKEN, DONE].concat());
    assert_eq!((request.chunk_count, request.token_events), (2, 1));
    assert_eq!(
        (request.eval_count, request.done_reason.as_deref()),
        (Some(1), Some("stop"))
    );
    assert!(request.first_token_ns >= request.start_ns && request.start_ns.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_without_a_word_is_truncated() {
    let (request, bytes) = generated(vec![write(&[&ndjson_head(), &chunked(&[TOKEN])])]).await;
    assert_eq!(
        (request.outcome, bytes.as_slice()),
        (Outcome::Truncated, TOKEN)
    );
    assert_eq!(request.error, None, "it ended in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_in_a_chunk_is_kept_to_the_last_byte() {
    for last in [Step::Close, Step::Reset] {
        let cut = write(&[&ndjson_head(), b"2a\r\n{\"resp"]);
        let script = vec![cut, Step::Wait(Duration::from_millis(50)), last];
        let (request, bytes) = generated(script).await;
        assert_eq!(request.outcome, Outcome::Truncated);
        assert_eq!(bytes, b"{\"resp");
        assert!(request.error.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_stream_is_an_error_event() {
    let (request, _) = generated(vec![write(&[&ndjson_head(), &chunked(&[TOKEN, ERROR])])]).await;
    assert_eq!(request.outcome, Outcome::ErrorEvent);
    assert_eq!(request.error.as_deref(), Some("out of memory"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_status_keeps_its_body() {
    let body = b"{\"error\":\"model 'x' not found\"}";
    let length = body.len().to_string();
    for status in ["404 Not Found", "503 Service Unavailable"] {
        let (request, bytes) = generated(vec![write(&[
            &head(status, &[("Content-Length", &length)]),
            body,
        ])])
        .await;
        assert_eq!(request.outcome, Outcome::ErrorStatus);
        assert_eq!(request.status, status[..3].parse().ok());
        assert_eq!(bytes, body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_times_out_and_what_came_is_kept() {
    let (request, bytes) = generated(vec![begun(), FOR_EVER]).await;
    assert_eq!(
        (request.outcome, bytes.as_slice()),
        (Outcome::Timeout, TOKEN)
    );
    assert!(request.error.unwrap().contains("silent for 300ms"));
    let (request, bytes) = generated(vec![begun(), write(&[b"2a\r\n{\"resp"]), FOR_EVER]).await;
    assert_eq!(request.outcome, Outcome::Timeout);
    assert_eq!(
        bytes,
        [TOKEN, b"{\"resp"].concat(),
        "an unfinished chunk as well"
    );
    let (request, _) = generated(vec![FOR_EVER]).await;
    assert_eq!(request.outcome, Outcome::Timeout, "before the head as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_gives_no_answer_is_connect_failed() {
    let (request, _) = generated(vec![Step::Close]).await;
    assert_eq!(request.outcome, Outcome::ConnectFailed);
    assert!(request.error.unwrap().contains("without an answer"));
    let (request, _) = generated(vec![write(&[b"SSH-2.0-OpenSSH_9.2\r\n\r\n"])]).await;
    assert_eq!(request.outcome, Outcome::ConnectFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_is_told_to_the_client_and_to_the_user() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let recording = Recording::of(&lone(format!("http://{free}"))).await;
    let answer = reqwest::get(format!("{}/api/tags", recording.url()))
        .await
        .unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().contains("does not answer"));
    let ended = recording.recorder.end(Duration::ZERO).await;
    assert!(
        ended
            .unwrap_err()
            .to_string()
            .contains("no request reached a server")
    );
    recording.writer.finish().unwrap();
    let trace = Trace::open(&super::path(&recording.folder)).unwrap();
    let request = trace.requests().unwrap().remove(0);
    assert_eq!(request.outcome, Outcome::ConnectFailed);
    assert!(request.error.unwrap().contains("does not answer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_is_noted_at_once() {
    let source = Source::start(vec![vec![begun(), FOR_EVER], vec![FOR_EVER]]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let mut answer = reqwest::get(format!("{}/0", recording.url()))
        .await
        .unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), TOKEN);
    drop(answer);
    // The second never gets as far as a head.
    let waiting = tokio::spawn(reqwest::get(format!("{}/1", recording.url())));
    while source.seen().len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    waiting.abort();
    let (trace, _folder) = recording.sealed().await;
    let requests = trace.requests().unwrap();
    let ended: Vec<_> = requests
        .iter()
        .map(|r| (r.outcome, r.chunk_count))
        .collect();
    assert_eq!(
        ended,
        [(Outcome::ClientAborted, 1), (Outcome::ClientAborted, 0)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_is_let_go_of_by_the_server_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = lone(format!("http://{}", listener.local_addr().unwrap()));
    // Neither the timeout nor the end of the recording closes the connection.
    let recording = Recording::patient(&server, Duration::from_secs(3600)).await;
    for head_comes in [true, false] {
        let asking = tokio::spawn(reqwest::get(format!("{}/0", recording.url())));
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream, &mut Vec::new()).await.unwrap();
        if head_comes {
            stream.write_all(&ndjson_head()).await.unwrap();
            drop(asking.await.unwrap().unwrap());
        } else {
            asking.abort();
        }
        let mut byte = [0];
        let left = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut byte));
        assert!(left.await.is_ok(), "it still waits");
    }
    drop(recording.sealed().await);
}

/// How the recorder says that an answer ended whose client left when it had this much of it.
async fn left_after(part: &[u8]) -> Request {
    let size = format!("{:x}\r\n", part.len());
    let part = write(&[&ndjson_head(), size.as_bytes(), part, b"\r\n"]);
    let source = Source::start(vec![vec![part, FOR_EVER]]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let request = reqwest::Client::new().post(format!("{}/api/generate", recording.url()));
    let request = request.header("x-script", "0").body("{}");
    let mut answer = request.send().await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    drop(answer);
    let (trace, _folder) = recording.sealed().await;
    trace.requests().unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_when_told_of_the_end_has_not_aborted() {
    let told = left_after(b"{\"response\":\"a\",\"done\":true}\n").await;
    assert_eq!((told.outcome, told.error), (Outcome::Complete, None));
    let told = left_after(ERROR).await;
    assert_eq!(told.outcome, Outcome::ErrorEvent);
    assert_eq!(told.error.as_deref(), Some("out of memory"));
    assert_eq!(left_after(TOKEN).await.outcome, Outcome::ClientAborted);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_head_has_no_body_and_the_connection_goes_on() {
    let script = vec![write(&[&head("200 OK", &[("Content-Length", "17")])])];
    let source = Source::start(vec![script]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let client = reqwest::Client::new();
    for _ in 0..3 {
        let answer = client
            .head(format!("{}/0", recording.url()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.headers()["content-length"], "17");
    }
    let (trace, _folder) = recording.sealed().await;
    let requests = trace.requests().unwrap();
    assert!(
        requests
            .iter()
            .all(|r| r.outcome == Outcome::Complete && r.response_bytes == 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_marked_numbered_and_never_forwarded() {
    let script = || vec![write(&[&head("200 OK", &[("Content-Length", "0")])])];
    let source = Source::start(vec![script()]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let client = reqwest::Client::new();
    let url = recording.url();
    let mark = async |text: &str| {
        let marking = client
            .post(format!("{url}/_tokentape/run"))
            .body(text.to_owned());
        marking.send().await.unwrap().status().as_u16()
    };
    let ask = async || client.get(format!("{url}/0")).send().await.unwrap();
    let concurrent = r#"{"scenario":"s","model":"m","labels":{"note":"x"}}"#;
    assert_eq!(mark(concurrent).await, 200);
    ask().await;
    assert_eq!(mark(concurrent).await, 200);
    ask().await;
    ask().await;
    assert_eq!(
        mark(r#"{"scenario":"s","model":"m","phase":"solo"}"#).await,
        200
    );
    assert_eq!(mark(r#"{"phase":"no such phase"}"#).await, 400);
    assert_eq!(mark("no json").await, 400);
    let samples = "{\"source\":\"host\",\"metric\":\"cpu_percent\",\"value\":12.5}\n\
                   {\"source\":\"host\",\"metric\":\"cpu_percent\",\"value\":null,\"t_ns\":7}\n";
    let adding = client
        .post(format!("{url}/_tokentape/samples"))
        .body(samples);
    assert_eq!(adding.send().await.unwrap().status(), 200);
    assert_eq!(
        source.seen().len(),
        3,
        "only the questions to the server went there"
    );
    let (trace, _folder) = recording.sealed().await;
    let runs = trace.runs().unwrap();
    let told: Vec<_> = runs
        .iter()
        .map(|r| (r.run_id, r.run_number, r.phase.as_str()))
        .collect();
    assert_eq!(
        told,
        [(1, 1, "concurrent"), (2, 2, "concurrent"), (3, 1, "solo")]
    );
    assert_eq!(runs[0].labels.as_deref(), Some(r#"{"note":"x"}"#));
    assert!(runs.iter().all(|run| run.end_ns >= Some(run.start_ns)));
    let requests = trace.requests().unwrap();
    assert_eq!(
        requests.iter().map(|r| r.run_id).collect::<Vec<_>>(),
        [1, 2, 2]
    );
    let samples = trace
        .manifest
        .files
        .iter()
        .find(|file| file.name == "samples.parquet");
    assert_eq!(samples.unwrap().rows, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_its_owners_only_and_a_foreign_host_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let script = vec![write(&[&head("200 OK", &[("Content-Length", "0")])])];
    let source = Source::start(vec![script]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let journal = super::path(&recording.folder).join("journal");
    assert_eq!(
        (mode(&journal), mode(&journal.join("journal.arrows"))),
        (0o700, 0o600)
    );
    let asking = reqwest::Client::new().get(format!("{}/0", recording.url()));
    let refused = asking.header("host", "evil.example").send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(
        reqwest::get(format!("{}/0", recording.url()))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(source.seen().len(), 1);
    let (trace, _folder) = recording.sealed().await;
    assert_eq!(mode(&trace.folder), 0o700);
    for entry in trace.folder.read_dir().unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}
