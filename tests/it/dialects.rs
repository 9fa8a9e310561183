//! One conversation, asked and answered in each dialect, and what a replay that may translate makes of it.

use std::time::Duration;

use serde_json::{Value, json};
use tokentape::replay::{Options, Replay};
use tokentape::trace::Trace;
use tokentape::wire::{Decoder, Dialect, Event, Kind, Said};

use super::source::{Source, Step, chunked, head};
use super::{Recording, lone};

pub const GENERATE: &str = "/api/generate";
pub const CHAT: &str = "/api/chat";
pub const OPENAI: &str = "/v1/chat/completions";

/// An answer, as a server gives it to one dialect.
pub struct Given {
    pub path: &'static str,
    pub body: Value,
    pub status: &'static str,
    pub content_type: &'static str,
    pub chunks: Vec<String>,
}

/// Records exchanges in their order.
pub async fn recorded(all: Vec<Given>) -> (Trace, tempfile::TempDir) {
    let script = |given: &Given| {
        let headers = [
            ("Content-Type", given.content_type),
            ("Transfer-Encoding", "chunked"),
        ];
        let mut steps = vec![Step::Write(head(given.status, &headers))];
        for chunk in &given.chunks {
            let framed = format!("{:x}\r\n{chunk}\r\n", chunk.len());
            steps.push(Step::Wait(Duration::from_millis(5)));
            steps.push(Step::Write(framed.into_bytes()));
        }
        steps.push(Step::Write(chunked(&[])));
        steps
    };
    let source = Source::start(all.iter().map(script).collect()).await;
    let recording = Recording::of(&lone(source.url.clone())).await;
    let client = reqwest::Client::new();
    for (index, given) in all.iter().enumerate() {
        let asking = client.post(format!("{}{}", recording.url(), given.path));
        let asking = asking
            .header("x-script", index)
            .body(given.body.to_string());
        asking.send().await.unwrap().bytes().await.unwrap();
    }
    recording.sealed().await
}

pub async fn translating(trace: &Trace) -> Replay {
    let options = Options {
        translate: true,
        ..Options::default()
    };
    Replay::start(trace, options).await.unwrap()
}

pub struct Heard {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

pub async fn post(replay: &Replay, path: &str, body: &Value) -> Heard {
    let url = format!("{}{path}", replay.urls()[0].1);
    let asking = reqwest::Client::new().post(url).body(body.to_string());
    let answer = asking.send().await.unwrap();
    Heard {
        status: answer.status().as_u16(),
        content_type: answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned(),
        body: answer.text().await.unwrap(),
    }
}

/// What a decoder makes of an answer: what carries content, and what was said.
pub fn meaning(path: &str, heard: &Heard) -> (Vec<(Kind, String)>, Said) {
    let dialect = match path {
        GENERATE => Dialect::OllamaGenerate,
        CHAT => Dialect::OllamaChat,
        _ => Dialect::OpenAiChat,
    };
    let mut decoder = Decoder::new(dialect, Some(&heard.content_type));
    let mut events = Vec::new();
    decoder.push(0, heard.body.as_bytes(), &mut events);
    let said = decoder.finish(&mut events);
    let full = events.into_iter().filter_map(|Event { kind, text, .. }| {
        let text = text.filter(|text| !text.is_empty())?;
        matches!(kind, Kind::Token | Kind::Thinking | Kind::Error).then_some((kind, text))
    });
    (full.collect(), said)
}

pub fn text(events: &[(Kind, String)], wanted: Kind) -> String {
    let of_kind = events.iter().filter(|(kind, _)| *kind == wanted);
    of_kind.map(|(_, text)| text.as_str()).collect()
}

/// One conversation, asked in each dialect.
pub fn asking(path: &str, stream: bool) -> Value {
    let mut body = match path {
        GENERATE => {
            json!({"model":"m","system":"s","prompt":"p","options":{"seed":1,"num_predict":9}})
        }
        CHAT => {
            json!({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"p"}],"options":{"seed":1,"num_predict":9}})
        }
        _ => {
            json!({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"p"}],"seed":1,"max_tokens":9})
        }
    };
    body["stream"] = stream.into();
    if stream && path == OPENAI {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

/// One answer, given in each dialect.
pub fn given(path: &'static str, stream: bool) -> Given {
    let chunks: Vec<String> = match (path, stream) {
        (GENERATE, true) => [
            r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","response":"","thinking":"hm","done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:01Z","response":"a<","done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:02Z","response":"b","done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:03Z","response":"","done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":4}"#,
        ].map(|line| format!("{line}\n")).into(),
        (CHAT, true) => [
            r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:01Z","message":{"role":"assistant","content":"a<"},"done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:02Z","message":{"role":"assistant","content":"b"},"done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:03Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":4}"#,
        ].map(|line| format!("{line}\n")).into(),
        (_, true) => [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","reasoning":"hm"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a<"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#,
            "[DONE]",
        ].map(|event| format!("data: {event}\n\n")).into(),
        (GENERATE, false) => vec![r#"{"model":"m","created_at":"2026-01-01T00:00:03Z","response":"a<b","thinking":"hm","done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":4}"#.into()],
        (CHAT, false) => vec![r#"{"model":"m","created_at":"2026-01-01T00:00:03Z","message":{"role":"assistant","content":"a<b","thinking":"hm"},"done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":4}"#.into()],
        (_, false) => vec![r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"a<b","reasoning":"hm"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#.into()],
    };
    Given {
        path,
        body: asking(path, stream),
        status: "200 OK",
        content_type: match (path, stream) {
            (OPENAI, true) => "text/event-stream",
            (OPENAI, false) => "application/json",
            (_, true) => "application/x-ndjson",
            (_, false) => "application/json; charset=utf-8",
        },
        chunks,
    }
}
