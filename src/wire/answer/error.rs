//! Errors, in the form of the dialect that a path belongs to.

use serde::Serialize;

use crate::wire::go_json;

#[derive(Serialize)]
struct Ollama<'a> {
    error: &'a str,
}

#[derive(Serialize)]
struct OpenAi<'a> {
    error: OpenAiError<'a>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: (),
    code: (),
}

#[derive(Serialize)]
struct Anthropic<'a> {
    #[serde(rename = "type")]
    object: &'a str,
    error: AnthropicError<'a>,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
}

/// Whether a path speaks one of the dialects that Ollama offers beside its own.
pub fn is_foreign(path: &str) -> bool {
    path.contains("/v1/")
}

/// The body of an answer with such a status, or an error within a stream, without a newline.
pub fn body(path: &str, status: u16, message: &str) -> String {
    let kind = match status {
        400 => "invalid_request_error",
        404 => "not_found_error",
        _ => "api_error",
    };
    if path.contains("/v1/messages") {
        go_json::to_string(&Anthropic {
            object: "error",
            error: AnthropicError { kind, message },
        })
    } else if is_foreign(path) {
        go_json::to_string(&OpenAi {
            error: OpenAiError {
                message,
                kind,
                param: (),
                code: (),
            },
        })
    } else {
        go_json::to_string(&Ollama { error: message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_has_its_form() {
        assert_eq!(body("/api/chat", 404, "a<b"), r#"{"error":"a\u003cb"}"#);
        assert_eq!(
            body("/v1/chat/completions", 404, "no"),
            r#"{"error":{"message":"no","type":"not_found_error","param":null,"code":null}}"#
        );
        assert_eq!(
            body("/v1/messages", 400, "no"),
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#
        );
        assert!(body("/v1/models/x", 503, "").contains("api_error"));
    }
}
