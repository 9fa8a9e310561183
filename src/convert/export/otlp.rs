//! OpenTelemetry's traces as OTLP/JSON: one `ExportTraceServiceRequest`, which any OTLP receiver takes.
//!
//! | there | is |
//! |---|---|
//! | trace, and its root span | a run |
//! | client span, named `{operation} {model}` | a request that asks something of a model, under the names of the semantic conventions for generative AI (as of 2026, v1.41) |
//! | client span, named `{method} {endpoint}` | any other request |
//! | event `first_token` | its first content |
//! | resource | an agent (`service.name`) of a session (`service.instance.id`); that of the runs is the session itself |
//!
//! What the conventions have no name for is `tokentape.*`. `error.type` is the status of an answer of 400 or more,
//! else the request's outcome. Ids are hashes of the session's, the run's and the request's.

use std::io::Write;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Calendar, Items, Span, run_facts, run_of};
use crate::trace::{Agent, Manifest, Outcome, Request, Run, Trace};
use crate::wire::Dialect;

const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const STATUS_ERROR: u8 = 2;

/// Writes traces as one OTLP/JSON request.
///
/// # Errors
/// If a trace is damaged or `out` cannot be written.
pub fn otlp(traces: &[Trace], out: &mut impl Write) -> Result<()> {
    let mut resources = Items::begin(out, r#"{"resourceSpans":"#)?;
    for trace in traces {
        let session = Session {
            manifest: &trace.manifest,
            calendar: Calendar::of(&trace.manifest)?,
            runs: trace.runs()?,
        };
        let requests = trace.requests()?;
        let mut of_runs = begin(resources.next()?, &session.resource(None))?;
        for run in &session.runs {
            of_runs.push(&session.run(run))?;
        }
        of_runs.end("}]}")?;
        let declared = trace
            .manifest
            .agents
            .iter()
            .map(|agent| agent.name.as_str());
        let mut agents: Vec<&str> = declared.collect();
        for request in &requests {
            if !agents.contains(&request.agent.as_str()) {
                agents.push(&request.agent);
            }
        }
        for agent in agents {
            let mut of_agent = begin(resources.next()?, &session.resource(Some(agent)))?;
            for request in requests.iter().filter(|request| request.agent == agent) {
                of_agent.push(&session.request(request))?;
            }
            of_agent.end("}]}")?;
        }
    }
    Ok(resources.end("}\n")?)
}

/// Begins the spans of a resource.
fn begin<'a, W: Write>(out: &'a mut W, resource: &Value) -> Result<Items<'a, W>> {
    let scope = json!({"name": "tokentape", "version": env!("CARGO_PKG_VERSION")});
    let head = format!(r#"{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":"#);
    Ok(Items::begin(out, &head)?)
}

/// What the spans of a session have in common.
struct Session<'a> {
    manifest: &'a Manifest,
    calendar: Calendar,
    runs: Vec<Run>,
}

impl Session<'_> {
    /// So many hexadecimal digits that are the same for the same things in every export.
    fn id(&self, digits: usize, kind: &str, number: i64) -> String {
        let text = format!("{} {kind} {number}", self.manifest.session_id);
        let mut id = blake3::hash(text.as_bytes()).to_hex().to_string();
        id.truncate(digits);
        id
    }

    fn resource(&self, agent: Option<&str>) -> Value {
        let session = self.manifest;
        let named = |value: &str| Some(value).filter(|value| !value.is_empty()).map(text);
        json!({"attributes": attributes([
            ("service.namespace", Some(text("tokentape"))),
            ("service.name", Some(text(agent.unwrap_or(&session.name)))),
            ("service.instance.id", Some(text(&session.session_id))),
            ("os.type", named(&session.host.os)),
            ("host.arch", named(&session.host.arch)),
            ("host.cpu.model.name", session.host.cpu_model.as_deref().map(text)),
            ("tokentape.session", Some(text(&session.name))),
        ])})
    }

    fn run(&self, run: &Run) -> Value {
        let facts = run_facts(run).into_iter().map(|(name, value)| {
            let value = match value.as_i64() {
                Some(number) => int(number),
                None => text(value.as_str().unwrap_or_default()),
            };
            (format!("tokentape.{name}"), Some(value))
        });
        let mut span = self.span(Span::of_run(run, self.manifest));
        span["traceId"] = json!(self.id(32, "trace", run.run_id.into()));
        span["spanId"] = json!(self.id(16, "run", run.run_id.into()));
        span["name"] = json!(format!("run {}", run.run_id));
        span["kind"] = json!(INTERNAL);
        span["attributes"] = attributes(facts);
        span
    }

    fn request(&self, request: &Request) -> Value {
        let run = run_of(request, &self.runs);
        let mut span = self.span(Span::of_request(request, run));
        span["traceId"] = json!(self.id(32, "trace", request.run_id.into()));
        span["spanId"] = json!(self.id(16, "request", request.request_id));
        if run.is_some() {
            span["parentSpanId"] = json!(self.id(16, "run", request.run_id.into()));
        }
        let dialect = request.dialect.parse().unwrap_or(Dialect::Other);
        span["name"] = json!(match (operation(dialect), &request.model) {
            (Some(operation), Some(model)) => format!("{operation} {model}"),
            (Some(operation), None) => operation.to_owned(),
            (None, _) => format!("{} {}", request.method, request.endpoint),
        });
        span["kind"] = json!(CLIENT);
        span["attributes"] = self.attributes_of(request, dialect);
        if let Some(first_ns) = request.first_token_ns {
            let at = self.calendar.unix_ns(first_ns).to_string();
            span["events"] = json!([{"timeUnixNano": at, "name": "first_token"}]);
        }
        if error_type(request).is_some() {
            span["status"] = json!({"code": STATUS_ERROR});
            if let Some(error) = &request.error {
                span["status"]["message"] = json!(error);
            }
        }
        span
    }

    fn span(&self, Span { from_ns, to_ns }: Span) -> Value {
        // Whole numbers of 64 bits are texts in the JSON of protocol buffers.
        json!({
            "startTimeUnixNano": self.calendar.unix_ns(from_ns).to_string(),
            "endTimeUnixNano": self.calendar.unix_ns(to_ns).to_string(),
        })
    }

    fn attributes_of(&self, request: &Request, dialect: Dialect) -> Value {
        let agent = self.manifest.agent_index(&request.agent);
        let server = agent.and_then(|index| server(&self.manifest.agents[index]));
        let (host, port) = server.unzip();
        let provider = request
            .dialect
            .split_once('.')
            .map(|(provider, _)| provider);
        let asks = operation(dialect).is_some();
        let reason = request.done_reason.as_deref();
        let streams = request.stream == Some(true);
        let plain = [
            ("gen_ai.operation.name", operation(dialect).map(text)),
            ("gen_ai.provider.name", provider.filter(|_| asks).map(text)),
            ("gen_ai.agent.name", Some(text(&request.agent))),
            ("gen_ai.request.model", request.model.as_deref().map(text)),
            (
                "gen_ai.request.stream",
                streams.then(|| json!({"boolValue": true})),
            ),
            (
                "gen_ai.usage.input_tokens",
                request.prompt_eval_count.map(int),
            ),
            ("gen_ai.usage.output_tokens", request.eval_count.map(int)),
            (
                "gen_ai.response.finish_reasons",
                reason.map(|reason| list([text(reason)])),
            ),
            (
                "gen_ai.response.time_to_first_chunk",
                time_to_first_chunk(request).map(double),
            ),
            ("server.address", host.as_deref().map(text)),
            ("server.port", port.map(int)),
            ("http.request.method", told(&request.method)),
            ("url.path", told(&request.endpoint)),
            (
                "http.response.status_code",
                request.status.map(|status| int(status.into())),
            ),
            ("error.type", error_type(request).as_deref().map(text)),
            ("tokentape.run_id", Some(int(request.run_id.into()))),
            ("tokentape.request_id", Some(int(request.request_id))),
            ("tokentape.outcome", Some(text(request.outcome.as_str()))),
            ("tokentape.token_events", Some(int(request.token_events))),
            (
                "tokentape.load_duration_ns",
                request.load_duration_ns.map(int),
            ),
            (
                "tokentape.prompt_eval_duration_ns",
                request.prompt_eval_duration_ns.map(int),
            ),
            (
                "tokentape.eval_duration_ns",
                request.eval_duration_ns.map(int),
            ),
        ];
        attributes(plain.into_iter().chain(asked(request)))
    }
}

/// What is asked of a model, as the conventions call it.
fn operation(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::OllamaChat | Dialect::OpenAiChat => Some("chat"),
        Dialect::OllamaGenerate | Dialect::OpenAiCompletions => Some("text_completion"),
        Dialect::OllamaEmbed | Dialect::OpenAiEmbeddings => Some("embeddings"),
        Dialect::OllamaStatus | Dialect::Other => None,
    }
}

/// What went wrong, in a word.
fn error_type(request: &Request) -> Option<String> {
    match (request.outcome, request.status) {
        (Outcome::Complete, _) => None,
        (Outcome::ErrorStatus, Some(status)) => Some(status.to_string()),
        (outcome, _) => Some(outcome.as_str().to_owned()),
    }
}

/// In seconds; of streams only.
fn time_to_first_chunk(request: &Request) -> Option<f64> {
    let first_ns = request
        .first_chunk_ns
        .filter(|_| request.stream == Some(true))?;
    Some((first_ns - request.start_ns?) as f64 / 1e9)
}

/// The sampling options that the conventions know, under Ollama's names or OpenAI's.
fn asked(request: &Request) -> Vec<(&'static str, Option<Value>)> {
    let options: Value = request.options.as_deref().map_or(Value::Null, |options| {
        serde_json::from_str(options).unwrap_or_default()
    });
    let number = |name: &str| options[name].as_f64().map(double);
    let whole = |name: &str| options[name].as_i64().map(int);
    let most = ["max_completion_tokens", "max_tokens", "num_predict"];
    let stops = match &options["stop"] {
        Value::String(stop) => Some(list([text(stop)])),
        Value::Array(stops) => Some(list(stops.iter().filter_map(Value::as_str).map(text))),
        _ => None,
    };
    vec![
        ("gen_ai.request.temperature", number("temperature")),
        ("gen_ai.request.top_p", number("top_p")),
        ("gen_ai.request.top_k", number("top_k")),
        (
            "gen_ai.request.frequency_penalty",
            number("frequency_penalty"),
        ),
        (
            "gen_ai.request.presence_penalty",
            number("presence_penalty"),
        ),
        ("gen_ai.request.seed", whole("seed")),
        (
            "gen_ai.request.max_tokens",
            most.into_iter().find_map(whole),
        ),
        ("gen_ai.request.stop_sequences", stops),
    ]
}

/// An agent's server: its host and port.
fn server(agent: &Agent) -> Option<(String, i64)> {
    let (_, rest) = agent.endpoint.split_once("://")?;
    let authority = rest
        .split('/')
        .next()
        .filter(|authority| !authority.is_empty())?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, port.parse().ok()?)
        }
        _ => (authority, 80),
    };
    Some((host.trim_matches(['[', ']']).to_owned(), port))
}

fn attributes<N: AsRef<str>>(named: impl IntoIterator<Item = (N, Option<Value>)>) -> Value {
    let known = named.into_iter().filter_map(|(name, value)| {
        let value = value?;
        Some(json!({"key": name.as_ref(), "value": value}))
    });
    known.collect()
}

fn text(value: &str) -> Value {
    json!({"stringValue": value})
}

fn told(value: &str) -> Option<Value> {
    Some(value).filter(|value| !value.is_empty()).map(text)
}

fn int(value: i64) -> Value {
    json!({"intValue": value.to_string()})
}

fn double(value: f64) -> Value {
    json!({"doubleValue": value})
}

fn list(values: impl IntoIterator<Item = Value>) -> Value {
    let values: Vec<Value> = values.into_iter().collect();
    json!({"arrayValue": {"values": values}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_host_and_port() {
        let server = |endpoint: &str| {
            super::server(&Agent {
                endpoint: endpoint.into(),
                ..Agent::default()
            })
        };
        for (endpoint, host, port) in [
            ("http://127.0.0.1:11434", "127.0.0.1", 11434),
            ("http://models.lan/v1", "models.lan", 80),
            ("http://[::1]:8080/", "::1", 8080),
            ("http://[::1]", "::1", 80),
        ] {
            assert_eq!(
                server(endpoint),
                Some((host.to_owned(), port)),
                "{endpoint}"
            );
        }
        assert_eq!(server(""), None);
        assert_eq!(server("http://"), None);
        assert_eq!(server("http://host:99999999999999999999"), None);
    }

    #[test]
    fn options_of_either_dialect_bear_the_names_of_the_conventions() {
        let asked = |options: &str| {
            let request = Request {
                options: Some(options.to_owned()),
                ..Request::default()
            };
            attributes(super::asked(&request)).to_string()
        };
        let ollama = asked(r#"{"num_predict": 40, "temperature": 0, "stop": ["a", "b"]}"#);
        let openai = asked(r#"{"max_tokens": 40, "temperature": 0.0, "stop": ["a", "b"]}"#);
        assert_eq!(ollama, openai);
        assert!(
            ollama.contains(r#""value":{"doubleValue":0.0}"#),
            "{ollama}"
        );
        assert!(ollama.contains(r#"{"intValue":"40"}"#), "{ollama}");
        assert_eq!(asked("not JSON"), "[]");
    }

    #[test]
    fn an_error_is_named_by_its_status_or_by_how_it_ended() {
        let named = |outcome, status| {
            error_type(&Request {
                outcome,
                status,
                ..Request::default()
            })
        };
        assert_eq!(named(Outcome::Complete, Some(200)), None);
        assert_eq!(named(Outcome::ErrorStatus, Some(404)).unwrap(), "404");
        assert_eq!(named(Outcome::Timeout, Some(200)).unwrap(), "timeout");
        assert_eq!(
            named(Outcome::ConnectFailed, None).unwrap(),
            "connect_failed"
        );
    }
}
