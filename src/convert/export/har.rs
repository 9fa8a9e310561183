//! HTTP Archive 1.2, which browsers' developer tools and HTTP debuggers open: an entry a request, a page a run.
//!
//! Times that are not known are -1: a recorder hears of a request when its last byte is sent, so `send` always
//! is. `blocked` is how long a request waited that a plan wanted sent earlier, `wait` lasts to the answer's head,
//! `receive` to its end. Bodies that are no UTF-8 are base64, packed ones are unpacked if they can be. Beside the
//! standard's fields, `_tokentape` holds the request's row, and `_chunks` when each piece of the body came and
//! how large it was, counted from the entry's start.

use std::io::Write;

use anyhow::Result;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

use super::{ByRequest, Calendar, Items, Span, facts, run_of};
use crate::trace::{Chunk, Request, Run, Status, Trace};
use crate::wire::Unpacker;

/// Writes traces as one HTTP Archive.
///
/// # Errors
/// If a trace is damaged or `out` cannot be written.
pub fn har(traces: &[Trace], out: &mut impl Write) -> Result<()> {
    let creator = json!({"name": "tokentape", "version": env!("CARGO_PKG_VERSION")});
    let head = format!(r#"{{"log":{{"version":"1.2","creator":{creator},"pages":"#);
    let mut pages = Items::begin(out, &head)?;
    for trace in traces {
        let calendar = Calendar::of(&trace.manifest)?;
        for run in trace.runs()? {
            pages.push(&page(trace, calendar, &run))?;
        }
    }
    pages.end("")?;
    let mut entries = Items::begin(out, r#","entries":"#)?;
    for trace in traces {
        let calendar = Calendar::of(&trace.manifest)?;
        let runs = trace.runs()?;
        let mut all = ByRequest::new(trace.each_chunk()?);
        for request in trace.requests()? {
            let mut chunks = Vec::new();
            while let Some(chunk) = all.next_of(&request)? {
                chunks.push(chunk);
            }
            let entry = Entry {
                trace,
                calendar,
                request: &request,
                run: run_of(&request, &runs),
                chunks,
            };
            entries.push(&entry.json())?;
        }
    }
    Ok(entries.end("}}\n")?)
}

fn page(trace: &Trace, calendar: Calendar, run: &Run) -> Value {
    let said = [&run.scenario, &run.model, &run.runtime];
    let said = said.into_iter().flatten().map(String::as_str);
    let what: Vec<&str> = [run.phase.as_str()].into_iter().chain(said).collect();
    let title = format!(
        "{} run {}: {}",
        trace.manifest.name,
        run.run_id,
        what.join(", ")
    );
    json!({
        "id": page_id(trace, run.run_id),
        "startedDateTime": calendar.rfc3339(run.start_ns),
        "title": title,
        "pageTimings": {"onContentLoad": -1, "onLoad": -1},
    })
}

fn page_id(trace: &Trace, run_id: i32) -> String {
    format!("{} {run_id}", trace.manifest.session_id)
}

/// A request and its answer.
struct Entry<'a> {
    trace: &'a Trace,
    calendar: Calendar,
    request: &'a Request,
    run: Option<&'a Run>,
    chunks: Vec<Chunk>,
}

impl Entry<'_> {
    fn json(&self) -> Value {
        let timings = Timings::of(self.request);
        let sent_ns = Span::of_request(self.request, self.run).from_ns;
        let began_ns = sent_ns - timings.blocked_ns.unwrap_or(0);
        let chunk = |chunk: &Chunk| json!({"since_start_ns": chunk.t_ns - began_ns, "size": chunk.payload.len()});
        let chunks: Vec<Value> = self.chunks.iter().map(chunk).collect();
        let mut entry = json!({
            "startedDateTime": self.calendar.rfc3339(began_ns),
            "time": timings.total(),
            "request": self.asked(),
            "response": self.answered(),
            "cache": {},
            "timings": timings.json(),
            "_tokentape": Map::from_iter(
                facts(self.request).into_iter().map(|(name, value)| (name.to_owned(), value))
            ),
            "_chunks": chunks,
        });
        if self.run.is_some() {
            entry["pageref"] = json!(page_id(self.trace, self.request.run_id));
        }
        if self.request.start_ns.is_none() {
            entry["comment"] = json!("its start is not known");
        }
        entry
    }

    fn asked(&self) -> Value {
        let headers = headers(self.request.request_headers.as_deref());
        let query = self.request.path.split_once('?').map(|(_, query)| query);
        let parameters = query.into_iter().flat_map(|query| query.split('&'));
        let parameters = parameters.map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            json!({"name": name, "value": value})
        });
        let body = self.request.request_body.as_deref();
        let mut asked = json!({
            "method": self.request.method,
            "url": self.url(),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": named(&headers),
            "queryString": parameters.collect::<Vec<_>>(),
            "headersSize": -1,
            "bodySize": body.map_or(-1, |body| body.len() as i64),
        });
        if let Some(body) = body.filter(|body| !body.is_empty()) {
            let mime_type = header(&headers, "content-type").unwrap_or_default();
            let mut data = json!({"mimeType": mime_type});
            // The standard has no field for this on the way out.
            tell(body, &mut data, "_encoding");
            asked["postData"] = data;
        }
        asked
    }

    fn url(&self) -> String {
        let agent = self.trace.manifest.agent_index(&self.request.agent);
        let endpoint = agent.map(|index| self.trace.manifest.agents[index].endpoint.as_str());
        match endpoint.filter(|endpoint| !endpoint.is_empty()) {
            Some(endpoint) => format!("{}{}", endpoint.trim_end_matches('/'), self.request.path),
            None => format!("http://{}{}", self.request.agent, self.request.path),
        }
    }

    fn answered(&self) -> Value {
        let headers = headers(self.request.response_headers.as_deref());
        // Of an imported session only figures are known.
        let is_kept = self.trace.manifest.status != Status::Imported;
        let mut content = json!({
            "size": if is_kept { self.request.response_bytes } else { -1 },
            "mimeType": header(&headers, "content-type").unwrap_or("x-unknown"),
        });
        if is_kept && !self.chunks.is_empty() {
            self.tell_body(header(&headers, "content-encoding"), &mut content);
        }
        json!({
            "status": self.request.status.unwrap_or(0),
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": named(&headers),
            "content": content,
            "redirectURL": header(&headers, "location").unwrap_or_default(),
            "headersSize": -1,
            "bodySize": if is_kept { self.request.response_bytes } else { -1 },
        })
    }

    fn tell_body(&self, encoding: Option<&str>, content: &mut Value) {
        let mut unpacker = Unpacker::new(encoding);
        let mut body = Vec::new();
        for chunk in &self.chunks {
            body.extend_from_slice(unpacker.push(&chunk.payload));
        }
        if let Some(error) = unpacker.error() {
            content["comment"] = json!(error);
            body = self
                .chunks
                .iter()
                .flat_map(|chunk| &chunk.payload)
                .copied()
                .collect();
        }
        content["size"] = json!(body.len());
        if encoding.is_some() && unpacker.error().is_none() {
            content["compression"] = json!(body.len() as i64 - self.request.response_bytes);
        }
        tell(&body, content, "encoding");
    }
}

/// How long each part took; `None` where that is not known.
#[derive(Debug, PartialEq)]
struct Timings {
    blocked_ns: Option<i64>,
    wait_ns: Option<i64>,
    receive_ns: Option<i64>,
}

impl Timings {
    fn of(request: &Request) -> Self {
        let begins = [
            request.headers_ns,
            request.first_chunk_ns,
            request.first_token_ns,
        ];
        let answer_ns = begins.into_iter().flatten().next();
        let between = |from: Option<i64>, to: Option<i64>| Some(to? - from?).filter(|ns| *ns >= 0);
        Self {
            blocked_ns: between(request.intended_ns, request.start_ns),
            wait_ns: between(request.start_ns, answer_ns),
            receive_ns: between(answer_ns, request.end_ns),
        }
    }

    /// The parts that are known, in milliseconds: the standard wants their sum.
    fn total(&self) -> Value {
        let parts = [self.blocked_ns, self.wait_ns, self.receive_ns];
        let known = parts.into_iter().flatten();
        ms(known.reduce(|total, part| total + part))
    }

    fn json(&self) -> Value {
        json!({
            "blocked": ms(self.blocked_ns),
            "dns": -1,
            "connect": -1,
            "ssl": -1,
            "send": -1,
            "wait": ms(self.wait_ns),
            "receive": ms(self.receive_ns),
        })
    }
}

fn ms(ns: Option<i64>) -> Value {
    ns.map_or(json!(-1), |ns| json!(ns as f64 / 1e6))
}

/// Adds a body as text, or as base64, which `encoding` then says.
fn tell(body: &[u8], told: &mut Value, encoding: &str) {
    match std::str::from_utf8(body) {
        Ok(text) => told["text"] = json!(text),
        Err(_) => {
            told["text"] = json!(BASE64_STANDARD.encode(body));
            told[encoding] = json!("base64");
        }
    }
}

/// A column of headers, read.
fn headers(column: Option<&str>) -> Vec<(String, String)> {
    let read = column.and_then(|json| serde_json::from_str(json).ok());
    read.unwrap_or_default()
}

fn named(headers: &[(String, String)]) -> Vec<Value> {
    let header = |(name, value): &(String, String)| json!({"name": name, "value": value});
    headers.iter().map(header).collect()
}

fn header<'a>(headers: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    let mut found = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.next().map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_took_minus_one_and_the_rest_adds_up() {
        let request = Request {
            intended_ns: Some(1_000_000),
            start_ns: Some(3_000_000),
            headers_ns: Some(7_500_000),
            ..Request::default()
        };
        let timings = Timings::of(&request);
        assert_eq!(timings.total(), json!(6.5));
        let expected = json!({"blocked": 2.0, "dns": -1, "connect": -1, "ssl": -1, "send": -1,
            "wait": 4.5, "receive": -1});
        assert_eq!(timings.json(), expected);
        assert_eq!(Timings::of(&Request::default()).total(), json!(-1));
        let early = Request {
            intended_ns: Some(4_000_000),
            ..request
        };
        assert_eq!(
            Timings::of(&early).blocked_ns,
            None,
            "it was sent too early"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_base64_and_say_so() {
        let told = |body: &[u8]| {
            let mut told = json!({});
            tell(body, &mut told, "encoding");
            told
        };
        assert_eq!(told("é".as_bytes()), json!({"text": "é"}));
        assert_eq!(told(b"\xff"), json!({"text": "/w==", "encoding": "base64"}));
    }
}
