//! What is not a plain HTTP/1.1 exchange of text: packed bodies, upgrades, tunnels.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokentape::trace::Outcome;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::source::{Source, Step, chunked, head};
use super::{Recording, lone};

const TOKEN: &[u8] = b"{\"model\":\"m\",\"response\":\"a\",\"done\":false}\n";
const DONE: &[u8] = b"{\"model\":\"m\",\"response\":\"b\",\"done\":true,\"eval_count\":2}\n";

/// The two lines, packed; flushed between them, as a streaming server does.
fn gzipped() -> [Vec<u8>; 2] {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(TOKEN).unwrap();
    encoder.flush().unwrap();
    let first = encoder.get_ref().clone();
    encoder.write_all(DONE).unwrap();
    let second = encoder.finish().unwrap().split_off(first.len());
    [first, second]
}

fn packed(encoding: &str, chunks: &[&[u8]]) -> Vec<Step> {
    let headers = [
        ("Content-Type", "application/x-ndjson"),
        ("Content-Encoding", encoding),
        ("Transfer-Encoding", "chunked"),
    ];
    vec![Step::Write(
        [head("200 OK", &headers), chunked(chunks)].concat(),
    )]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_body_is_kept_as_it_came_and_understood_all_the_same() {
    let [first, second] = gzipped();
    let source = Source::start(vec![
        packed("gzip", &[&first, &second]),
        packed("gzip", &[b"never packed"]),
        packed("secret-sauce", &[b"whatever"]),
    ])
    .await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    for script in 0..3 {
        let asking = reqwest::Client::new()
            .post(format!("{}/api/generate", recording.url()))
            .header("x-script", script)
            .header("accept-encoding", "gzip")
            .body(r#"{"model":"m","prompt":"p"}"#);
        let answer = asking.send().await.unwrap();
        let bytes = answer.bytes().await.unwrap();
        if script == 0 {
            assert_eq!(bytes, [first.as_slice(), &second].concat());
        }
    }
    assert!(
        source
            .seen()
            .iter()
            .all(|seen| seen.head.contains("accept-encoding: gzip"))
    );
    let (trace, _folder) = recording.sealed().await;
    let requests = trace.requests().unwrap();
    let chunks = &trace.chunks().unwrap()[&1];
    assert_eq!([&chunks[0].payload, &chunks[1].payload], [&first, &second]);
    assert_eq!(
        (requests[0].outcome, &requests[0].error),
        (Outcome::Complete, &None)
    );
    assert_eq!(
        (requests[0].token_events, requests[0].eval_count),
        (2, Some(2))
    );
    assert_eq!(requests[0].first_token_ns, Some(chunks[0].t_ns));
    let packed = first.len() + second.len();
    assert_eq!(requests[0].response_bytes, packed as i64);
    let why = |row: usize| requests[row].error.clone().unwrap();
    assert!(
        why(1).starts_with("the body cannot be unpacked"),
        "{}",
        why(1)
    );
    assert!(
        why(2).contains("\"secret-sauce\", which is not known"),
        "{}",
        why(2)
    );
}

/// Sends `request` as it stands; the first bytes of the answer.
async fn raw(url: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_and_tunnels_are_refused_and_the_trace_says_so() {
    let plain = head("200 OK", &[("Content-Length", "2")]);
    let source = Source::start(vec![vec![Step::Write([plain, b"ok".to_vec()].concat())]]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let socket =
        "GET /0 HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let refused = raw(&recording.url(), socket).await;
    assert!(refused.starts_with("HTTP/1.1 501"), "{refused}");
    assert!(
        refused.contains("an upgrade to websocket cannot be recorded"),
        "{refused}"
    );
    let tunnel = "CONNECT localhost:1 HTTP/1.1\r\nhost: localhost:1\r\n\r\n";
    assert!(
        raw(&recording.url(), tunnel)
            .await
            .starts_with("HTTP/1.1 501")
    );
    // Java's client offers HTTP/2 with every request and goes on without.
    let offer = "GET /0 HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
    assert!(
        raw(&recording.url(), offer)
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert_eq!(source.seen().len(), 1);
    let (trace, _folder) = recording.sealed().await;
    let outcomes: Vec<_> = trace
        .requests()
        .unwrap()
        .into_iter()
        .map(|r| (r.outcome, r.error.is_some()))
        .collect();
    let refused = (Outcome::ConnectFailed, true);
    assert_eq!(outcomes, [refused, refused, (Outcome::Complete, false)]);
}
