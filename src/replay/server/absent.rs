//! What the real server says where it has nothing: no such model, no such path, no such method.

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue};
use serde_json::Value;

use super::Server;
use super::reply;
use super::routes::{Route, route};
use crate::serve::{Answer, Asked};

/// The server's own refusal; `None` where it would have answered something that the trace does not hold.
pub fn refusal(server: &Server, asked: &Asked) -> Option<Answer> {
    let endpoint = asked.endpoint();
    match route(&asked.method, endpoint) {
        Route::There => unknown_model(server, endpoint, &asked.body),
        _ if server.has_own_paths => None,
        Route::Nowhere => Some(reply::routing(StatusCode::NOT_FOUND, "404 page not found")),
        Route::OtherMethods(methods) => {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut answer = reply::routing(status, "405 method not allowed");
            if let Ok(methods) = HeaderValue::try_from(methods.join(", ")) {
                answer.headers_mut().insert(ALLOW, methods);
            }
            Some(answer)
        }
    }
}

fn unknown_model(server: &Server, endpoint: &str, body: &[u8]) -> Option<Answer> {
    let bad = |why: &str| Some(reply::error(endpoint, StatusCode::BAD_REQUEST, why));
    let missing = |why: &str| Some(reply::error(endpoint, StatusCode::NOT_FOUND, why));
    if let Some(name) = endpoint.strip_prefix("/v1/models/") {
        return missing(&format!("model '{name}' not found"));
    }
    // The others do not need a model, or would fetch it.
    let wanted = [
        "/api/generate",
        "/api/chat",
        "/api/embed",
        "/api/embeddings",
        "/api/show",
        "/api/delete",
        "/api/copy",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/messages",
    ];
    if !wanted.contains(&endpoint) {
        return None;
    }
    let ours = endpoint.starts_with("/api/");
    if body.is_empty() && ours {
        return bad("missing request body");
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    let fields: &[&str] = match endpoint {
        "/api/copy" => &["source"],
        "/api/show" | "/api/delete" => &["model", "name"],
        _ => &["model"],
    };
    let mut names = fields.iter().filter_map(|field| body.get(field)?.as_str());
    let name = names.find(|name| !name.is_empty()).unwrap_or_default();
    match endpoint {
        // Servers of another kind may do without.
        _ if name.is_empty() && !ours => None,
        "/api/chat" | "/api/embeddings" | "/api/show" | "/api/delete" if name.is_empty() => {
            bad("model is required")
        }
        "/api/copy" if name.is_empty() => bad("source \"\" is invalid"),
        _ if server.knows(name) => None,
        "/api/copy" => missing(&format!("model {name:?} not found")),
        "/api/embed" | "/api/embeddings" | "/v1/embeddings" if !name.is_empty() => {
            missing(&format!("model {name:?} not found, try pulling it first"))
        }
        _ => missing(&format!("model '{name}' not found")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::server::reply::said;
    use crate::replay::server::tests::exchange;

    fn server() -> Server {
        let mut server = Server::default();
        let known = r#"{"model":"known"}"#;
        server.learn(&exchange("POST", "/api/chat", known, 500, ""));
        server
    }

    async fn ask(method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        ask_of(&server(), method, path, body).await
    }

    async fn ask_of(
        server: &Server,
        method: &str,
        path: &str,
        body: &str,
    ) -> Option<(u16, String)> {
        let asked = Asked {
            method: method.into(),
            path: path.into(),
            headers: Default::default(),
            body: body.to_owned().into(),
        };
        Some(said(refusal(server, &asked)?).await)
    }

    #[tokio::test]
    async fn an_unknown_model_is_refused_in_the_endpoints_own_words() {
        let not_found = "model 'x' not found";
        let pull_it = "model \"x\" not found, try pulling it first";
        for (method, path, field, why) in [
            ("POST", "/api/generate", "model", not_found),
            ("POST", "/api/chat", "model", not_found),
            ("POST", "/api/show", "name", not_found),
            ("DELETE", "/api/delete", "model", not_found),
            ("POST", "/api/embed", "model", pull_it),
            ("POST", "/api/embeddings", "model", pull_it),
            ("POST", "/api/copy", "source", "model \"x\" not found"),
        ] {
            let refused = ask(method, path, &format!("{{\"{field}\":\"x\"}}")).await;
            let said = serde_json::json!({"error": why}).to_string();
            assert_eq!(refused, Some((404, said)), "{path}");
        }
        for (path, why) in [
            ("/v1/chat/completions?a=b", not_found),
            (
                "/v1/embeddings",
                "model \\\"x\\\" not found, try pulling it first",
            ),
        ] {
            let (status, said) = ask("POST", path, r#"{"model":"x"}"#).await.unwrap();
            let form = format!(
                "{{\"error\":{{\"message\":\"{why}\",\"type\":\"not_found_error\",\"param\":null,\"code\":null}}}}\n"
            );
            assert_eq!((status, said), (404, form));
        }
        let (status, said) = ask("GET", "/v1/models/x", "").await.unwrap();
        assert!(status == 404 && said.contains(not_found), "{said}");
    }

    #[tokio::test]
    async fn a_request_without_a_body_or_a_model_is_refused_before() {
        for (method, path, body, status, why) in [
            ("POST", "/api/chat", "", 400, "missing request body"),
            ("DELETE", "/api/delete", "", 400, "missing request body"),
            ("POST", "/api/chat", "{}", 400, "model is required"),
            ("POST", "/api/show", "{}", 400, "model is required"),
            ("POST", "/api/generate", "{}", 404, "model '' not found"),
            ("POST", "/api/embed", "{}", 404, "model '' not found"),
            ("POST", "/api/copy", "{}", 400, r#"source "" is invalid"#),
        ] {
            let said = serde_json::json!({"error": why}).to_string();
            let refused = ask(method, path, body).await;
            assert_eq!(refused, Some((status, said)), "{path}");
        }
    }

    #[tokio::test]
    async fn the_router_refuses_what_leads_nowhere() {
        let nowhere = Some((404, "404 page not found".to_owned()));
        assert_eq!(ask("GET", "/favicon.ico", "").await, nowhere);
        let other = Some((405, "405 method not allowed".to_owned()));
        assert_eq!(ask("GET", "/api/chat", "").await, other);
    }

    #[tokio::test]
    async fn where_the_server_would_have_answered_nothing_is_made_up() {
        for (method, path, body) in [
            ("POST", "/api/chat", r#"{"model":"known"}"#),
            ("POST", "/api/pull", r#"{"model":"x"}"#),
            ("POST", "/v1/chat/completions", "{}"),
            ("POST", "/api/chat", "no json"),
        ] {
            assert_eq!(ask(method, path, body).await, None, "{path}");
        }
        let mut of_its_own = server();
        of_its_own.learn(&exchange("POST", "/score", "", 200, ""));
        for (method, path) in [("POST", "/rank"), ("GET", "/api/chat")] {
            assert_eq!(ask_of(&of_its_own, method, path, "").await, None, "{path}");
        }
    }
}
