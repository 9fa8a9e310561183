//! What a client receives through the recorder equals what the server sent, and what was recorded.

use std::time::Duration;

use tokentape::trace::Chunk;

use super::source::{Source, Step, chunked, head, ndjson_head};
use super::{Recording, lone};

/// An answer: its head, its body on the wire, and the body and chunks that a client should see.
struct Shape {
    name: &'static str,
    head: Vec<u8>,
    wire: Vec<u8>,
    body: Vec<u8>,
    /// Where the server's own chunks are; `None` where it made none and any cut is right.
    chunks: Option<Vec<Vec<u8>>>,
    closes: bool,
}

fn in_chunks(name: &'static str, content_type: &str, chunks: &[&[u8]]) -> Shape {
    Shape {
        name,
        head: head(
            "200 OK",
            &[
                ("Content-Type", content_type),
                ("Transfer-Encoding", "chunked"),
            ],
        ),
        wire: chunked(chunks),
        body: chunks.concat(),
        chunks: Some(chunks.iter().map(|chunk| chunk.to_vec()).collect()),
        closes: false,
    }
}

fn of_length(name: &'static str, status: &str, content_type: &str, body: &[u8]) -> Shape {
    let length = body.len().to_string();
    Shape {
        name,
        head: head(
            status,
            &[("Content-Type", content_type), ("Content-Length", &length)],
        ),
        wire: body.to_vec(),
        body: body.to_vec(),
        chunks: None,
        closes: false,
    }
}

fn shapes() -> Vec<Shape> {
    let lines: Vec<Vec<u8>> = (0..50)
        .map(|n| format!("{{\"model\":\"m\",\"response\":\"t{n}\",\"done\":false}}\n").into_bytes())
        .collect();
    let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    let long_line = [
        b"{\"response\":\"",
        vec![b'x'; 100_000].as_slice(),
        b"\"}\n",
    ]
    .concat();
    let utf8 = "{\"response\":\"\u{2028}\u{85}é漢\"}\n".as_bytes();
    let random: Vec<u8> = (0..300_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let mut shapes = vec![
        in_chunks("ollama lines", "application/x-ndjson", &lines),
        in_chunks(
            "two events in a chunk",
            "application/x-ndjson",
            &[&lines[..2].concat(), lines[2]],
        ),
        in_chunks(
            "a line over two chunks",
            "application/x-ndjson",
            &[&lines[0][..9], &lines[0][9..]],
        ),
        in_chunks(
            "split utf-8",
            "application/x-ndjson",
            &[&utf8[..18], &utf8[18..]],
        ),
        in_chunks(
            "no last newline",
            "application/x-ndjson",
            &[b"{\"done\":true}"],
        ),
        in_chunks("crlf", "application/x-ndjson", &[b"{\"done\":true}\r\n"]),
        in_chunks(
            "malformed",
            "application/x-ndjson",
            &[b"{nonsense\n", b"\xff\xfe\n"],
        ),
        in_chunks(
            "sse",
            "text/event-stream",
            &[
                b"data: {\"choices\":[]}\n\n",
                b": ping\n\n",
                b"data: [DONE]\n\n",
            ],
        ),
        in_chunks("nothing in chunks", "text/plain", &[]),
        in_chunks(
            "bytes of no kind",
            "application/octet-stream",
            &[&random[..1], &random[1..5]],
        ),
        of_length(
            "json",
            "200 OK",
            "application/json",
            b"{\"response\":\"whole\",\"done\":true}",
        ),
        of_length(
            "an error",
            "404 Not Found",
            "application/json",
            b"{\"error\":\"model 'x' not found\"}",
        ),
        of_length("nothing", "200 OK", "text/plain", b""),
        of_length("large", "200 OK", "application/octet-stream", &random),
    ];
    shapes.push(Shape {
        chunks: None,
        ..in_chunks(
            "a line over 64 KiB",
            "application/x-ndjson",
            &[&long_line, lines[0]],
        )
    });
    shapes.push(Shape {
        name: "until the server closes",
        head: head("200 OK", &[("Content-Type", "text/plain")]),
        wire: random[..5_000].to_vec(),
        body: random[..5_000].to_vec(),
        chunks: None,
        closes: true,
    });
    shapes
}

/// The ways in which an answer's bytes are spread over writes.
fn cuts(bytes: &[u8], way: usize) -> Vec<Vec<u8>> {
    match way {
        0 => vec![bytes.to_vec()],
        1 => bytes
            .chunks(1)
            .take(600)
            .map(<[u8]>::to_vec)
            .chain([bytes[bytes.len().min(600)..].to_vec()])
            .collect(),
        _ => {
            // A fixed sequence of odd lengths, so that cuts fall anywhere.
            let mut rest = bytes;
            let mut cuts = Vec::new();
            let mut length = way;
            while !rest.is_empty() {
                length = 1 + (length * 7919 + 13) % 1_777;
                let (first, others) = rest.split_at(length.min(rest.len()));
                cuts.push(first.to_vec());
                rest = others;
            }
            cuts
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_answer_passes_unchanged_and_is_recorded_unchanged() {
    let mut scripts = Vec::new();
    let mut expected = Vec::new();
    for way in [0, 1, 3, 11] {
        for shape in shapes() {
            let whole = [shape.head.clone(), shape.wire.clone()].concat();
            let mut script = Vec::new();
            for cut in cuts(&whole, way) {
                script.push(Step::Write(cut));
                // Now and then the reader gets ahead, so that cuts are seen as such.
                if script.len() % 40 == 1 {
                    script.push(Step::Wait(Duration::from_millis(1)));
                }
            }
            if shape.closes {
                script.push(Step::Close);
            }
            scripts.push(script);
            expected.push(shape);
        }
    }
    let source = Source::start(scripts).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let client = reqwest::Client::new();
    for (index, shape) in expected.iter().enumerate() {
        let answer = client
            .get(format!("{}/{index}", recording.url()))
            .send()
            .await
            .unwrap();
        let content_type = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            String::from_utf8_lossy(&shape.head).contains(&content_type),
            "{}: {content_type}",
            shape.name
        );
        let body = answer.bytes().await.unwrap();
        assert!(body == shape.body, "{} as received", shape.name);
    }
    let (trace, _folder) = recording.sealed().await;
    let chunks = trace.chunks().unwrap();
    let requests = trace.requests().unwrap();
    assert_eq!(requests.len(), expected.len());
    for request in &requests {
        let index: usize = request.path[1..].parse().unwrap();
        let shape = &expected[index];
        let chunks: &[Chunk] = chunks.get(&request.request_id).map_or(&[], Vec::as_slice);
        let payloads: Vec<Vec<u8>> = chunks.iter().map(|chunk| chunk.payload.clone()).collect();
        assert!(
            payloads.concat() == shape.body,
            "{} as recorded",
            shape.name
        );
        if let Some(own) = &shape.chunks {
            assert!(
                payloads == *own,
                "{}: {} chunks",
                shape.name,
                payloads.len()
            );
        }
        let times: Vec<i64> = chunks.iter().map(|chunk| chunk.t_ns).collect();
        assert!(times.is_sorted(), "{}: arrival times ascend", shape.name);
        assert!(times.iter().all(|t_ns| Some(*t_ns) >= request.headers_ns));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_method_and_path_passes_with_its_query_headers_and_body() {
    let ok = || {
        vec![Step::Write(head(
            "200 OK",
            &[("Content-Length", "0"), ("X-Kept", "yes")],
        ))]
    };
    let source = Source::start(vec![ok(), ok(), ok(), ok()]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let client = reqwest::Client::new();
    let body = b"\x00\xff{not json".to_vec();
    for (index, method) in ["DELETE", "PUT", "POST", "PURGE"].into_iter().enumerate() {
        let url = format!("{}/some/odd%20path/{index}?q=1&r=%2F", recording.url());
        let asking = client
            .request(method.parse().unwrap(), url)
            .header("x-own", "value");
        let answer = asking.body(body.clone()).send().await.unwrap();
        assert_eq!(answer.headers()["x-kept"], "yes");
    }
    let seen = source.seen();
    let (trace, _folder) = recording.sealed().await;
    for (request, seen) in trace.requests().unwrap().iter().zip(&seen) {
        let line = format!("{} {} HTTP/1.1", request.method, request.path);
        assert!(seen.head.starts_with(&line), "{}", seen.head);
        assert!(seen.head.contains("x-own: value"), "{}", seen.head);
        assert!(request.path.contains("/some/odd%20path/") && request.path.ends_with("?q=1&r=%2F"));
        assert_eq!(
            (&seen.body, request.request_body.as_ref()),
            (&body, Some(&body))
        );
        assert_eq!(request.dialect, "other");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_at_once_do_not_mix() {
    let script = |name: u32| {
        let chunks: Vec<String> = (0..40)
            .map(|n| format!("{{\"response\":\"{name}.{n}\"}}\n"))
            .collect();
        let mut steps = vec![Step::Write(ndjson_head())];
        for chunk in &chunks {
            let framed = format!("{:x}\r\n{chunk}\r\n", chunk.len());
            steps.push(Step::Write(framed.into_bytes()));
            steps.push(Step::Wait(Duration::from_millis(1)));
        }
        steps.push(Step::Write(b"0\r\n\r\n".to_vec()));
        steps
    };
    let source = Source::start((0..60).map(script).collect()).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let url = recording.url();
    let asking = (0..60).map(|index| {
        let url = format!("{url}/{index}");
        tokio::spawn(async move { reqwest::get(url).await.unwrap().text().await.unwrap() })
    });
    for (index, answer) in asking.collect::<Vec<_>>().into_iter().enumerate() {
        let answer = answer.await.unwrap();
        assert!(
            answer.lines().count() == 40
                && answer
                    .lines()
                    .all(|line| line.contains(&format!("\"{index}.")))
        );
    }
    let (trace, _folder) = recording.sealed().await;
    let chunks = trace.chunks().unwrap();
    for request in trace.requests().unwrap() {
        let own = format!("\"{}.", &request.path[1..]);
        let chunks = &chunks[&request.request_id];
        assert_eq!(chunks.len(), 40);
        assert!(
            chunks
                .iter()
                .all(|chunk| String::from_utf8_lossy(&chunk.payload).contains(&own))
        );
    }
}
