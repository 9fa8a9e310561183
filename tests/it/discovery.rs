//! What a replay says of itself: discovery, loaded models, CORS, and refusals in the real server's words.

use reqwest::{Method, Response};
use serde_json::Value;
use tokentape::replay::{Options, Replay};

use super::source::{Source, Step, chunked, head, ndjson_head};
use super::{Recording, bundled, lone};

/// Asks with these headers; the body comes as text.
async fn ask(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (Response, String) {
    let method: Method = method.parse().unwrap();
    let client = reqwest::Client::new();
    let send = async || {
        let mut asking = client.request(method.clone(), format!("{url}{path}"));
        for (name, value) in headers {
            asking = asking.header(*name, *value);
        }
        asking.body(body.to_owned()).send().await.unwrap()
    };
    // The head of one answer, the body of another: reqwest does not give both.
    let text = send().await.text().await.unwrap();
    (send().await, text)
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// A replay of the bundled trace, and the URL of one agent.
async fn replayed() -> (Replay, String) {
    let replay = Replay::start(&bundled(), Options::default()).await.unwrap();
    let url = replay.urls()[0].1.clone();
    (replay, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_content_types_and_ends_of_the_real_server() {
    let (replay, url) = replayed().await;
    for (method, path, body, content_type, newline) in [
        ("GET", "/", "", "text/plain; charset=utf-8", false),
        (
            "GET",
            "/api/version",
            "",
            "application/json; charset=utf-8",
            false,
        ),
        (
            "GET",
            "/api/tags",
            "",
            "application/json; charset=utf-8",
            false,
        ),
        (
            "GET",
            "/api/ps",
            "",
            "application/json; charset=utf-8",
            false,
        ),
        ("GET", "/v1/models", "", "application/json", true),
        (
            "GET",
            "/v1/models/gemma3:270m",
            "",
            "application/json",
            true,
        ),
        (
            "POST",
            "/api/show",
            r#"{"model":"gemma3:270m"}"#,
            "application/json; charset=utf-8",
            false,
        ),
    ] {
        let (answer, said) = ask(&url, method, path, &[], body).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, "content-type"), content_type, "{path}");
        assert_eq!(said.ends_with('\n'), newline, "{path}");
        assert_eq!(header(&answer, "tokentape-miss"), "", "{path}");
    }
    for path in ["/", "/api/version", "/api/tags"] {
        let (answer, said) = ask(&url, "HEAD", path, &[], "").await;
        assert_eq!(
            (answer.status().as_u16(), said.as_str()),
            (200, ""),
            "{path}"
        );
    }
    assert_eq!(replay.missed().count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_refused_in_the_real_servers_words_and_never_silently() {
    let (replay, url) = replayed().await;
    for (method, path, body, status, said) in [
        (
            "POST",
            "/api/generate",
            r#"{"model":"x","prompt":"p"}"#,
            404,
            r#"{"error":"model 'x' not found"}"#,
        ),
        (
            "POST",
            "/api/embed",
            r#"{"model":"x"}"#,
            404,
            r#"{"error":"model \"x\" not found, try pulling it first"}"#,
        ),
        (
            "DELETE",
            "/api/delete",
            r#"{"model":"x"}"#,
            404,
            r#"{"error":"model 'x' not found"}"#,
        ),
        (
            "POST",
            "/api/chat",
            "",
            400,
            r#"{"error":"missing request body"}"#,
        ),
        ("GET", "/nowhere", "", 404, "404 page not found"),
        ("GET", "/api/chat", "", 405, "405 method not allowed"),
        ("HEAD", "/api/ps", "", 405, ""),
    ] {
        let (answer, text) = ask(&url, method, path, &[], body).await;
        assert_eq!(
            (answer.status().as_u16(), text.as_str()),
            (status, said),
            "{path}"
        );
        let why = header(&answer, "tokentape-miss");
        assert!(
            why.contains(&format!("{method} {path} of collector")),
            "{why}"
        );
        if status == 405 {
            assert_eq!(header(&answer, "content-type"), "text/plain");
            assert_ne!(header(&answer, "allow"), "");
        }
    }
    let missed = replay.missed();
    assert_eq!((missed.count, missed.sentences.len()), (14, 14));
    // A model that there is, but not with this request, gets the sentence itself.
    let body = r#"{"model":"gemma3:270m","messages":[{"role":"user","content":"p"}]}"#;
    let (answer, text) = ask(&url, "POST", "/v1/chat/completions", &[], body).await;
    assert_eq!(answer.status(), 404);
    let said: Value = serde_json::from_str(&text).unwrap();
    let message = said["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("tokentape: no recorded request"),
        "{message}"
    );
    assert!(
        message.ends_with(header(&answer, "tokentape-miss")),
        "{message}"
    );
    assert_eq!(said["error"]["type"], "not_found_error");
    assert_eq!(replay.unused().len(), 44, "a miss uses nothing up");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_loaded_by_requests_and_leave_when_they_were_told_to() {
    let done = [ndjson_head(), chunked(&[b"{\"done\":true}\n"])].concat();
    let source = Source::start(vec![vec![Step::Write(done)]]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let prompt = r#"{"model":"m","prompt":"p","keep_alive":-1}"#;
    let client = reqwest::Client::new();
    let asking = client.post(format!("{}/api/generate", recording.url()));
    let asking = asking.header("x-script", "0").body(prompt).send();
    asking.await.unwrap().text().await.unwrap();
    let (trace, _folder) = recording.sealed().await;
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    let url = replay.urls()[0].1.clone();
    let post = async |path: &str, body: &str| {
        let asking = client.post(format!("{url}{path}")).body(body.to_owned());
        asking.send().await.unwrap().text().await.unwrap()
    };
    let expiries = async || -> Vec<String> {
        let (_, said) = ask(&url, "GET", "/api/ps", &[], "").await;
        let said: Value = serde_json::from_str(&said).unwrap();
        let models = said["models"].as_array().unwrap().iter();
        models
            .map(|model| model["expires_at"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(expiries().await, Vec::<String>::new());
    post("/api/generate", prompt).await;
    assert!(expiries().await[0].starts_with("23"), "for ever");
    let said = post("/api/generate", r#"{"model":"m","keep_alive":0}"#).await;
    assert!(
        said.ends_with(r#""response":"","done":true,"done_reason":"unload"}"#),
        "{said}"
    );
    assert_eq!(expiries().await, Vec::<String>::new());
    let said = post(
        "/api/chat",
        r#"{"model":"m","messages":[],"keep_alive":"40ms"}"#,
    )
    .await;
    assert!(
        said.ends_with(r#""done":true,"done_reason":"load"}"#),
        "{said}"
    );
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert_eq!(expiries().await, Vec::<String>::new());
    post("/api/chat", r#"{"model":"m"}"#).await;
    assert_eq!(expiries().await.len(), 1, "for five minutes");
    assert_eq!(replay.missed().count, 0);
    assert_eq!(replay.unused(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_are_answered_by_their_origin() {
    let (_replay, url) = replayed().await;
    let from = async |method: &str, origin: &str| {
        ask(&url, method, "/api/tags", &[("origin", origin)], "")
            .await
            .0
    };
    let answer = from("GET", "http://localhost:3000").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        header(&answer, "access-control-allow-origin"),
        "http://localhost:3000"
    );
    assert_eq!(header(&answer, "vary"), "Origin");
    let answer = from("OPTIONS", "app://page").await;
    assert_eq!(answer.status(), 204);
    assert_eq!(header(&answer, "access-control-allow-origin"), "app://page");
    let methods = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS";
    assert_eq!(header(&answer, "access-control-allow-methods"), methods);
    for method in ["GET", "OPTIONS"] {
        let (answer, said) = ask(
            &url,
            method,
            "/api/tags",
            &[("origin", "https://example.com")],
            "",
        )
        .await;
        assert_eq!((answer.status().as_u16(), said.as_str()), (403, ""));
        assert_eq!(header(&answer, "access-control-allow-origin"), "");
    }
    let answer = from("GET", &url.clone()).await;
    assert_eq!(
        header(&answer, "access-control-allow-origin"),
        "",
        "it is our own page"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_answer_is_given_before_any_of_our_own() {
    let tags = r#"{"models":[{"name":"z:1b","size":7,"digest":"d"}]}"#;
    let length = tags.len().to_string();
    let listed = head(
        "200 OK",
        &[
            ("Content-Type", "application/json"),
            ("Content-Length", &length),
        ],
    );
    let script = vec![Step::Write([&listed, tags.as_bytes()].concat())];
    let source = Source::start(vec![script]).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let client = reqwest::Client::new();
    let asking = client.get(format!("{}/api/tags", recording.url()));
    asking
        .header("x-script", "0")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let (trace, _folder) = recording.sealed().await;
    let replay = Replay::start(&trace, Options::default()).await.unwrap();
    let url = replay.urls()[0].1.clone();
    assert_eq!(ask(&url, "GET", "/api/tags", &[], "").await.1, tags);
    // What the server said of its models holds for what it was not asked.
    let (answer, _) = ask(&url, "POST", "/api/show", &[], r#"{"model":"z:1b"}"#).await;
    assert_eq!(answer.status(), 200);
}
