//! What a client tells the recorder beside its requests: when it meant to send them, what its runs were.

use serde_json::{Value, json};

use super::source::{Source, Step, chunked, ndjson_head};
use super::{Recording, lone};

const DONE: &[u8] = b"{\"model\":\"m\",\"response\":\"a\",\"done\":true,\"eval_count\":1}\n";

/// A server that answers whatever ends in `/0`.
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
    let mut asking = reqwest::Client::new().post(format!("{url}/0"));
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
