//! Answers of the replay itself, in the forms in which the real server gives its own.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::serve::{self, Answer};
use crate::wire::answer::error;
use crate::wire::go_json;

/// Of Ollama's own endpoints: a charset, no newline.
pub const OLLAMA_JSON: &str = "application/json; charset=utf-8";
/// Of the endpoints in another dialect: no charset, a newline.
pub const OPENAI_JSON: &str = "application/json";

/// Of Ollama's own endpoints.
pub fn ollama(value: &impl Serialize) -> Answer {
    with_type(StatusCode::OK, OLLAMA_JSON, go_json::to_string(value))
}

/// Of the endpoints under `/v1/`.
pub fn openai(value: &impl Serialize) -> Answer {
    let body = go_json::to_string(value) + "\n";
    with_type(StatusCode::OK, OPENAI_JSON, body)
}

/// Plain text from a handler.
pub fn text(body: &str) -> Answer {
    let content_type = "text/plain; charset=utf-8";
    with_type(StatusCode::OK, content_type, body.to_owned())
}

/// Plain text from the router.
pub fn routing(status: StatusCode, body: &str) -> Answer {
    with_type(status, "text/plain", body.to_owned())
}

/// An error in the form of the dialect that a path belongs to.
pub fn error(path: &str, status: StatusCode, message: &str) -> Answer {
    let (content_type, body) = error_body(path, status.as_u16(), message);
    with_type(status, content_type, body)
}

/// The content type and the body of such an error.
pub fn error_body(path: &str, status: u16, message: &str) -> (&'static str, String) {
    let body = error::body(path, status, message);
    match error::is_foreign(path) {
        true => (OPENAI_JSON, body + "\n"),
        false => (OLLAMA_JSON, body),
    }
}

fn with_type(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    serve::answer(response)
}

/// What an answer says, for tests.
#[cfg(test)]
pub async fn said(answer: Answer) -> (u16, String) {
    use http_body_util::BodyExt as _;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
