//! Requests that only load or unload a model: no prompt, no messages, nothing to embed.

use serde_json::Value;

use super::Server;
use super::loaded::keep_alive;
use super::reply;
use crate::clock::Clock;
use crate::serve::{Answer, Asked};
use crate::wire::answer::ollama::{Chat, Embed, Embeddings, Generate};
use crate::wire::go_json;

/// The answer to such a request, if the server has the model.
pub fn answer(server: &Server, asked: &Asked, clock: &Clock) -> Option<Answer> {
    let (endpoint, body) = (asked.endpoint(), &asked.body);
    let content = content(endpoint).filter(|_| asked.method == "POST")?;
    let body: Value = serde_json::from_slice(body).ok()?;
    let model = body.get("model")?.as_str()?;
    let name = &server.model(model)?.name;
    let empty = match body.get(content) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(elements)) => elements.is_empty(),
        Some(_) => false,
    };
    if !empty {
        return None;
    }
    let keep_ns = match keep_alive(body.get("keep_alive")) {
        Ok(keep_ns) => keep_ns,
        Err(why) => return Some(reply::error(endpoint, hyper::StatusCode::BAD_REQUEST, &why)),
    };
    let now_ns = clock.now_ns();
    let done_reason = match keep_ns {
        Some(0) => {
            server.loaded().unload(name);
            "unload"
        }
        _ => {
            server.loaded().answers(name, keep_ns, now_ns, now_ns);
            "load"
        }
    };
    let model = model.to_owned();
    let created_at = go_json::time(clock.wall(now_ns));
    let done_reason = done_reason.to_owned();
    Some(match endpoint {
        "/api/generate" => reply::ollama(&Generate {
            model,
            created_at,
            done: true,
            done_reason,
            ..Generate::default()
        }),
        "/api/chat" => reply::ollama(&Chat {
            model,
            created_at,
            done: true,
            done_reason,
            ..Chat::default()
        }),
        "/api/embed" => reply::ollama(&Embed {
            model,
            ..Embed::default()
        }),
        _ => reply::ollama(&Embeddings::default()),
    })
}

/// The field that says what the model is to do.
fn content(endpoint: &str) -> Option<&'static str> {
    match endpoint {
        "/api/generate" | "/api/embeddings" => Some("prompt"),
        "/api/chat" => Some("messages"),
        "/api/embed" => Some("input"),
        _ => None,
    }
}

/// A recorded answer was given: its model is loaded until it ends, and as long after as the request wants.
pub fn answered(server: &Server, model: &str, body: &[u8], now_ns: i64, ends_ns: i64) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let keep_ns = keep_alive(body.get("keep_alive")).unwrap_or_default();
    if let Some(model) = server.model(model) {
        let mut loaded = server.loaded();
        loaded.answers(&model.name, keep_ns, now_ns, ends_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::server::reply::said;
    use crate::replay::server::tests::exchange;

    async fn ask(server: &Server, clock: &Clock, path: &str, body: &str) -> Option<(u16, String)> {
        let asked = Asked {
            method: "POST".into(),
            path: path.into(),
            headers: Default::default(),
            body: body.to_owned().into(),
        };
        Some(said(answer(server, &asked, clock)?).await)
    }

    #[tokio::test]
    async fn a_model_is_loaded_and_unloaded_in_the_servers_words() {
        let mut server = Server::default();
        let chat = r#"{"model":"m"}"#;
        server.learn(&exchange("POST", "/api/chat", chat, 200, ""));
        let clock = Clock::start();
        for (path, body, before, after) in [
            (
                "/api/generate",
                r#"{"model":"m"}"#,
                r#"{"model":"m","created_at":""#,
                r#"Z","response":"","done":true,"done_reason":"load"}"#,
            ),
            (
                "/api/generate",
                r#"{"model":"m","prompt":"","keep_alive":0}"#,
                r#"{"model":"m","created_at":""#,
                r#"Z","response":"","done":true,"done_reason":"unload"}"#,
            ),
            (
                "/api/chat?x",
                r#"{"model":"m:latest","messages":[],"keep_alive":"1h"}"#,
                r#"{"model":"m:latest","created_at":""#,
                r#"Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}"#,
            ),
            (
                "/api/embed",
                r#"{"model":"m","input":[]}"#,
                r#"{"model":"m","embeddings":[]}"#,
                "",
            ),
            (
                "/api/embeddings",
                r#"{"model":"m","prompt":""}"#,
                r#"{"embedding":[]}"#,
                "",
            ),
        ] {
            let (status, said) = ask(&server, &clock, path, body).await.unwrap();
            assert_eq!(status, 200);
            assert!(said.starts_with(before) && said.ends_with(after), "{said}");
            let there = server.loaded().at(clock.now_ns()).len();
            assert_eq!(there, usize::from(!said.contains("unload")));
        }
        let wrong = ask(
            &server,
            &clock,
            "/api/chat",
            r#"{"model":"m","keep_alive":"x"}"#,
        )
        .await;
        let said = r#"{"error":"time: invalid duration \"x\""}"#;
        assert_eq!(wrong, Some((400, said.to_owned())));
    }

    #[tokio::test]
    async fn whatever_asks_for_more_is_not_answered() {
        let mut server = Server::default();
        let chat = r#"{"model":"m"}"#;
        server.learn(&exchange("POST", "/api/chat", chat, 200, ""));
        for (path, body) in [
            ("/api/generate", r#"{"model":"m","prompt":"p"}"#),
            ("/api/chat", r#"{"model":"m","messages":[{}]}"#),
            ("/api/chat", r#"{"model":"other"}"#),
            ("/v1/chat/completions", r#"{"model":"m"}"#),
            ("/api/chat", "no json"),
        ] {
            assert_eq!(ask(&server, &Clock::start(), path, body).await, None);
        }
    }
}
