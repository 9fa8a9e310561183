//! CORS: which web pages may ask, and what their browsers are told.

use std::collections::BTreeSet;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::{Response, StatusCode};

use crate::replay::recording::Recording;
use crate::serve::{self, Answer};

/// Hosts whose pages may ask, on any port.
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "0.0.0.0"];
/// Schemes of applications that bring their own pages.
const SCHEMES: [&str; 5] = [
    "app://",
    "file://",
    "tauri://",
    "vscode-webview://",
    "vscode-file://",
];
const METHODS: &str = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS";
const HEADERS: &str = "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,\
    X-Stainless-Arch,X-Stainless-Async,X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,\
    X-Stainless-Lang,X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,\
    X-Stainless-Retry-Count,X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout";

/// Whose pages may ask: those that may by default, and those that the recorded server let through.
#[derive(Debug, Default)]
pub struct Origins(BTreeSet<Vec<u8>>);

/// Who sent a request.
#[derive(Debug, PartialEq)]
pub enum Sender<'a> {
    /// No web page, or one of this very server.
    Ours,
    /// A page that may.
    Page(&'a HeaderValue),
    /// A page that may not.
    Stranger,
}

impl Origins {
    /// Reads from a recorded exchange whom the server let through.
    pub fn learn(&mut self, recording: &Recording) {
        let answered = recording.request.status.is_some_and(|status| status != 403);
        let headers = recording.request_headers();
        let origins = headers.into_iter().filter(|(name, _)| name == "origin");
        let learned = origins.map(|(_, origin)| origin.into_bytes());
        self.0.extend(learned.filter(|_| answered));
    }

    /// Who sent a request with such headers.
    pub fn sender<'a>(&self, headers: &'a HeaderMap) -> Sender<'a> {
        let Some(origin) = headers.get(ORIGIN).filter(|origin| !origin.is_empty()) else {
            return Sender::Ours;
        };
        let host = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
        let text = origin.as_bytes();
        let authority = [&b"http://"[..], b"https://"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        if authority == Some(host) {
            Sender::Ours
        } else if is_allowed(text, authority) || self.0.contains(text) {
            Sender::Page(origin)
        } else {
            Sender::Stranger
        }
    }
}

fn is_allowed(origin: &[u8], authority: Option<&[u8]>) -> bool {
    let local = authority.is_some_and(|authority| {
        let rests = HOSTS
            .iter()
            .filter_map(|host| authority.strip_prefix(host.as_bytes()));
        let mut rests = rests;
        rests.any(|rest| rest.is_empty() || rest.starts_with(b":"))
    });
    let mut schemes = SCHEMES.iter();
    local || schemes.any(|scheme| origin.starts_with(scheme.as_bytes()))
}

/// The answer to a browser that asks before it asks.
pub fn preflight() -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (ACCESS_CONTROL_MAX_AGE, "43200"),
    ] {
        set(&mut answer, name, HeaderValue::from_static(value));
    }
    for name in [
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
    ] {
        let name = HeaderValue::from_static(name);
        answer.headers_mut().append(VARY, name);
    }
    answer
}

/// The answer to a stranger.
pub fn refusal() -> Answer {
    empty(StatusCode::FORBIDDEN)
}

/// Tells the browser that the page may read the answer.
pub fn allow(mut answer: Answer, origin: &HeaderValue) -> Answer {
    set(&mut answer, ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    let vary = answer.headers().get_all(VARY).iter();
    if !vary.into_iter().any(|name| name == "Origin") {
        let name = HeaderValue::from_static("Origin");
        answer.headers_mut().append(VARY, name);
    }
    answer
}

fn set(answer: &mut Answer, name: HeaderName, value: HeaderValue) {
    answer.headers_mut().insert(name, value);
}

fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    serve::answer(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Request;

    fn headers(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:11434"));
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers
    }

    #[test]
    fn pages_of_this_machine_and_of_applications_may_ask() {
        let origins = Origins::default();
        for page in [
            "http://localhost",
            "https://localhost:3000",
            "http://127.0.0.1:1",
            "http://0.0.0.0:80",
            "app://obsidian.md",
            "file://",
            "tauri://localhost",
            "vscode-webview://x",
            "vscode-file://x",
        ] {
            let headers = headers(page);
            let sender = Sender::Page(&headers[ORIGIN]);
            assert_eq!(origins.sender(&headers), sender, "{page}");
        }
        for stranger in [
            "https://example.com",
            "http://localhost.example.com",
            "http://127.0.0.10:1",
            "null",
            "chrome-extension://x",
            "ws://localhost",
        ] {
            let headers = headers(stranger);
            assert_eq!(origins.sender(&headers), Sender::Stranger, "{stranger}");
        }
        for ours in ["http://127.0.0.1:11434", "https://127.0.0.1:11434", ""] {
            assert_eq!(origins.sender(&headers(ours)), Sender::Ours, "{ours}");
        }
        assert_eq!(origins.sender(&HeaderMap::new()), Sender::Ours);
    }

    #[test]
    fn whom_the_recorded_server_let_through_is_let_through() {
        let recorded = |origin: &str, status| {
            let request = Request {
                status,
                request_headers: Some(format!(r#"[["origin","{origin}"]]"#)),
                ..Request::default()
            };
            Recording::new(request, Vec::new())
        };
        let mut origins = Origins::default();
        origins.learn(&recorded("https://ours.example", Some(200)));
        origins.learn(&recorded("https://other.example", Some(403)));
        origins.learn(&recorded("https://third.example", None));
        let ours = headers("https://ours.example");
        assert_eq!(origins.sender(&ours), Sender::Page(&ours[ORIGIN]));
        for stranger in ["https://other.example", "https://third.example"] {
            assert_eq!(origins.sender(&headers(stranger)), Sender::Stranger);
        }
    }

    #[test]
    fn a_browser_is_told_what_it_may() {
        let origin = HeaderValue::from_static("http://localhost:3000");
        let answer = allow(preflight(), &origin);
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
        assert_eq!(answer.headers()["access-control-max-age"], "43200");
        assert!(HEADERS.contains("Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,X-"));
        assert_eq!(answer.headers().get_all(VARY).iter().count(), 3);
        let again = allow(allow(refusal(), &origin), &origin);
        assert_eq!(again.headers().get_all(VARY).iter().count(), 1);
    }
}
