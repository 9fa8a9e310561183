//! What clients ask before they talk: which server this is and which models it has, answered from the trace.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::serve::{self, Answer};

/// What is known of one agent's server. Structs here keep the server's own field order.
#[derive(Clone, Debug, Default)]
pub struct Server {
    pub version: String,
    /// The models that the agent asked for, in order of first use.
    pub models: Vec<String>,
    /// When the session was recorded: RFC 3339.
    pub recorded_at: String,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_at: Option<&'a str>,
    size: u64,
    digest: &'a str,
    details: Details<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_vram: Option<u64>,
}

/// The trace does not know these, and says so by leaving them empty.
#[derive(Default, Serialize)]
struct Details<'a> {
    parent_model: &'a str,
    format: &'a str,
    family: &'a str,
    families: Option<Vec<&'a str>>,
    parameter_size: &'a str,
    quantization_level: &'a str,
}

#[derive(Serialize)]
struct Shown<'a> {
    details: Details<'a>,
    model_info: Value,
    capabilities: [&'a str; 1],
    modified_at: &'a str,
}

#[derive(Serialize)]
struct Models<T> {
    models: Vec<T>,
}

impl Server {
    /// The answer to a question about the server; `None` if it is no such question.
    pub fn answer(&self, method: &str, path: &str, body: &[u8]) -> Option<Answer> {
        let reading = matches!(method, "GET" | "HEAD");
        match path.split('?').next().unwrap_or_default() {
            "/" if reading => Some(text("Ollama is running")),
            "/api/version" if reading => Some(ollama(&json!({"version": self.version}))),
            "/api/tags" if reading => {
                let models = self.models.iter().map(|name| self.listed(name, false));
                Some(ollama(&Models {
                    models: models.collect(),
                }))
            }
            "/api/ps" if method == "GET" => {
                let models = self.models.iter().map(|name| self.listed(name, true));
                Some(ollama(&Models {
                    models: models.collect(),
                }))
            }
            "/v1/models" if method == "GET" => Some(ollama(&self.openai_models())),
            "/api/show" if method == "POST" => Some(self.show(body)),
            _ => None,
        }
    }

    fn listed<'a>(&'a self, name: &'a str, loaded: bool) -> Listed<'a> {
        Listed {
            name,
            model: name,
            modified_at: (!loaded).then_some(&self.recorded_at),
            size: 0,
            digest: "",
            details: Details::default(),
            expires_at: loaded.then_some("9999-12-31T23:59:59Z"),
            size_vram: loaded.then_some(0),
        }
    }

    fn show(&self, body: &[u8]) -> Answer {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = asked.get("model").or(asked.get("name"));
        let name = name.and_then(Value::as_str).unwrap_or_default();
        if !self.models.iter().any(|model| model == name) {
            let error = json!({"error": format!("model '{name}' not found")});
            return serve::json(StatusCode::NOT_FOUND, &error);
        }
        ollama(&Shown {
            details: Details::default(),
            model_info: json!({}),
            capabilities: ["completion"],
            modified_at: &self.recorded_at,
        })
    }

    fn openai_models(&self) -> Value {
        let model = |name| json!({"id": name, "object": "model", "owned_by": "tokentape"});
        let models: Vec<Value> = self.models.iter().map(model).collect();
        json!({"object": "list", "data": models})
    }
}

fn ollama(value: &impl Serialize) -> Answer {
    // These values are strings and numbers: they always have a JSON form.
    let body = serde_json::to_vec(value).unwrap_or_default();
    with_type(body, "application/json; charset=utf-8")
}

fn text(body: &str) -> Answer {
    with_type(body.into(), "text/plain; charset=utf-8")
}

fn with_type(body: Vec<u8>, content_type: &'static str) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    serve::answer(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server {
            version: "0.33.0".into(),
            models: vec!["gemma3:270m".into()],
            recorded_at: "2026-01-01T00:00:00Z".into(),
        }
    }

    #[test]
    fn questions_about_the_server_are_answered_and_others_are_not() {
        for (method, path) in [
            ("GET", "/"),
            ("HEAD", "/"),
            ("GET", "/api/version"),
            ("GET", "/api/tags?x=1"),
            ("GET", "/api/ps"),
            ("GET", "/v1/models"),
        ] {
            let answer = server().answer(method, path, b"").unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{method} {path}");
        }
        for (method, path) in [
            ("POST", "/api/chat"),
            ("GET", "/other"),
            ("POST", "/api/tags"),
        ] {
            assert!(
                server().answer(method, path, b"").is_none(),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn a_model_that_was_not_recorded_is_not_found() {
        let show = |body: &[u8]| server().answer("POST", "/api/show", body).unwrap().status();
        assert_eq!(show(br#"{"model":"gemma3:270m"}"#), StatusCode::OK);
        assert_eq!(show(br#"{"model":"other"}"#), StatusCode::NOT_FOUND);
        assert_eq!(show(b"no json"), StatusCode::NOT_FOUND);
    }
}
