//! The fake Ollama: serves a trace's answers, byte for byte and chunk for chunk, on one port an agent.
//!
//! ```text
//! client -> serve -> matching (profile) -> pace (alarm, lateness) -> serve -> client
//! ```
//!
//! A test of an agent, offline:
//!
//! ```
//! use tokentape::replay::{Options, Replay};
//! use tokentape::trace::Trace;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let trace = Trace::open("traces/gemma3-270m-pair".as_ref())?;
//! let replay = Replay::start(&trace, Options::default()).await?;
//! for (agent, url) in replay.urls() {
//!     // Let the agent under test find its model server at this URL.
//!     assert!(url.starts_with("http://127.0.0.1:"), "{agent}");
//! }
//! // Whatever it should have asked and did not:
//! assert_eq!(replay.unused().len(), 44);
//! # Ok(())
//! # }
//! ```

mod alarm;
mod discovery;
mod lateness;
mod matching;
mod pace;
mod profile;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use hyper::{Response, StatusCode};
use serde_json::json;

pub use lateness::Late;
pub use pace::Speed;
pub use profile::Profile;

use crate::clock::Clock;
use crate::serve::{self, Answer, Answers, Asked};
use crate::trace::{self, Chunk, Outcome, Trace};
use crate::wire::redaction::{Found, Redactor};
use alarm::Alarm;
use discovery::Server as Known;
use lateness::Lateness;
use matching::{Form, Key, Matcher};
use pace::{BodyEnding, PacedBody, Pacer, Recorded};

/// A trace being served until this is dropped.
pub struct Replay {
    servers: Vec<(String, serve::Server)>,
    tape: Arc<Served>,
}

/// What all agents' servers share.
struct Served {
    requests: Requests,
    known: BTreeMap<String, Known>,
    matcher: Mutex<Matcher>,
    redactor: Redactor,
    pacer: Arc<Pacer>,
}

/// How a trace is served.
#[derive(Clone)]
pub struct Options {
    /// How fast recorded time passes.
    pub speed: Speed,
    /// What of a request must equal a recorded one.
    pub profile: Profile,
    /// Requests are matched in the form in which it leaves them.
    pub redactor: Redactor,
}

impl Default for Options {
    /// Nothing waits, and requests match strictly.
    fn default() -> Self {
        Self {
            speed: Speed::Max,
            profile: Profile::strict(),
            redactor: Redactor::default(),
        }
    }
}

impl Replay {
    /// What `trace` knows an answer to, for somebody else to serve.
    ///
    /// # Errors
    /// If the trace is damaged.
    pub fn known(trace: &Trace, options: Options) -> Result<Arc<dyn Answers>> {
        let answered = |request: &trace::Request| request.status.is_some();
        Ok(Arc::new(Served::load(trace, options, answered)?))
    }

    /// Serves `trace`, each agent on a free port of this machine: see [`Replay::urls`].
    ///
    /// # Errors
    /// If the trace is damaged or there is no free port.
    pub async fn start(trace: &Trace, options: Options) -> Result<Self> {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at(trace, options, |_| any_port).await
    }

    /// Serves `trace`. `listen` says where an agent's server listens; port 0 is any free one.
    ///
    /// # Errors
    /// If the trace is damaged or a port is taken.
    pub async fn start_at(
        trace: &Trace,
        options: Options,
        listen: impl Fn(&str) -> SocketAddr,
    ) -> Result<Self> {
        let tape = Arc::new(Served::load(trace, options, |_| true)?);
        let mut servers = Vec::new();
        for agent in &trace.manifest.agents {
            let listener = serve::listen(listen(&agent.name), &agent.name).await?;
            let (tape, name) = (tape.clone(), agent.name.clone());
            let server = serve::Server::start(listener, refusal, move || {
                let (tape, name) = (tape.clone(), name.clone());
                move |asked| {
                    let (tape, name) = (tape.clone(), name.clone());
                    async move { tape.answer_or_refuse(&name, &asked).await }
                }
            })?;
            servers.push((agent.name.clone(), server));
        }
        Ok(Self { servers, tape })
    }

    /// Each agent's name and the URL of its fake server.
    pub fn urls(&self) -> Vec<(String, String)> {
        let url = |(name, server): &(String, serve::Server)| (name.clone(), server.url());
        self.servers.iter().map(url).collect()
    }

    /// How late chunks were, where they were due at a certain moment.
    pub fn late(&self) -> Option<Late> {
        self.tape.pacer.lateness.late()
    }

    /// How many requests the trace holds.
    pub fn recorded(&self) -> usize {
        self.tape.requests.len()
    }

    /// Recorded requests that nobody asked for yet, as one line each. Questions about the server
    /// are answered as often as they are asked, so they do not count.
    pub fn unused(&self) -> Vec<String> {
        let unused = self.tape.matcher().unused();
        let requests = unused.iter().filter_map(|id| self.tape.requests.get(id));
        requests
            .map(|(request, _)| {
                let (id, agent) = (request.request_id, &request.agent);
                format!(
                    "request {id}: {} {} of {agent}",
                    request.method, request.path
                )
            })
            .collect()
    }
}

/// An error of the replay itself, as Ollama's clients understand it.
fn refusal(status: StatusCode, message: &str) -> Answer {
    serve::json(status, &json!({"error": format!("tokentape: {message}")}))
}

/// An error in the form of the dialect that a path belongs to.
fn error(path: &str, message: &str) -> serde_json::Value {
    let kind = "invalid_request_error";
    if path.contains("/v1/messages") {
        json!({"type": "error", "error": {"type": kind, "message": message}})
    } else if path.contains("/v1/") {
        json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
    } else {
        json!({"error": message})
    }
}

type Requests = BTreeMap<i64, (trace::Request, Arc<[Recorded]>)>;

fn matcher(profile: Profile, requests: &Requests) -> Matcher {
    let headers = |(request, _): &(trace::Request, _)| recorded_headers(&request.request_headers);
    let headers: Vec<_> = requests.values().map(headers).collect();
    let forms = requests
        .values()
        .zip(&headers)
        .map(|((request, _), headers)| {
            let form = Form {
                agent: &request.agent,
                method: &request.method,
                path: &request.path,
                headers,
                body: request.request_body.as_deref().unwrap_or_default(),
            };
            (request.request_id, form)
        });
    Matcher::new(profile, forms)
}

fn recorded_headers(json: &Option<String>) -> Vec<(String, String)> {
    let pairs = json
        .as_deref()
        .and_then(|json| serde_json::from_str(json).ok());
    pairs.unwrap_or_default()
}

impl Served {
    fn load(
        trace: &Trace,
        options: Options,
        wanted: impl Fn(&trace::Request) -> bool,
    ) -> Result<Self> {
        let mut chunks = trace.chunks()?;
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for agent in &trace.manifest.agents {
            let version = agent.server_version.clone();
            known.insert(
                agent.name.clone(),
                Known {
                    version: version.unwrap_or_else(|| "0.0.0".to_owned()),
                    models: Vec::new(),
                    recorded_at: trace.manifest.started_at.clone(),
                },
            );
        }
        let mut requests = BTreeMap::new();
        for request in trace.requests()?.into_iter().filter(wanted) {
            if let (Some(known), Some(model)) = (known.get_mut(&request.agent), &request.model)
                && request.outcome == Outcome::Complete
                && !known.models.contains(model)
            {
                known.models.push(model.clone());
            }
            let chunks = chunks.remove(&request.request_id).unwrap_or_default();
            let chunks = chunks
                .into_iter()
                .map(|Chunk { t_ns, payload, .. }| Recorded {
                    t_ns,
                    payload: payload.into(),
                });
            requests.insert(request.request_id, (request, chunks.collect()));
        }
        let matcher = matcher(options.profile, &requests);
        Ok(Self {
            requests,
            known,
            matcher: Mutex::new(matcher),
            redactor: options.redactor,
            pacer: Arc::new(Pacer {
                clock: Clock::start(),
                speed: options.speed,
                lateness: Lateness::new(),
            }),
        })
    }

    fn matcher(&self) -> MutexGuard<'_, Matcher> {
        self.matcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer_or_refuse(&self, agent: &str, asked: &Asked) -> Answer {
        if let Some(answer) = self.answer(agent, asked).await {
            return answer;
        }
        let Asked {
            method, path, body, ..
        } = asked;
        // Agents that mark their runs work offline too: there is no recorder, so nothing to mark.
        if path.starts_with("/_tokentape/") {
            return serve::json(StatusCode::OK, &json!({}));
        }
        let known = self.known.get(agent);
        if let Some(answer) = known.and_then(|known| known.answer(method, path, body)) {
            return answer;
        }
        let key = self.key(agent, asked);
        let message = format!("tokentape: {}", self.matcher().miss(&key));
        serve::json(StatusCode::NOT_FOUND, &error(path, &message))
    }

    /// What a request is matched by, in the form in which it would have been recorded.
    fn key(&self, agent: &str, asked: &Asked) -> Key {
        let mut found = Found::new();
        let mut body = asked.body.to_vec();
        self.redactor.body(&mut body, &mut found);
        let headers = serve::as_text(&asked.headers);
        self.matcher().key(&Form {
            agent,
            method: &asked.method,
            path: &self.redactor.path(&asked.path, &mut found),
            headers: &self.redactor.headers(&headers, &mut found),
            body: &body,
        })
    }

    async fn recorded(
        &self,
        (request, chunks): &(trace::Request, Arc<[Recorded]>),
        start_ns: i64,
    ) -> Answer {
        let recorded_start_ns = request.start_ns.unwrap_or_default();
        let began_ns = request
            .headers_ns
            .or(request.end_ns)
            .unwrap_or(recorded_start_ns);
        let Pacer { clock, speed, .. } = *self.pacer;
        if let Some(due_ns) = speed.due_ns(start_ns, began_ns - recorded_start_ns) {
            Alarm::new(clock).wait(due_ns).await;
        }
        let Some(status) = request.status.and_then(|status| u16::try_from(status).ok()) else {
            // No answer began: the recorder answered in the server's place, and so do we.
            let error = request.error.as_deref().unwrap_or("no answer was recorded");
            return refusal(StatusCode::BAD_GATEWAY, error);
        };
        let headers = recorded_headers(&request.response_headers);
        let cut = [Outcome::Truncated, Outcome::ClientAborted, Outcome::Timeout];
        // A stream that ended in order, though without saying it was done, has no error.
        let ending = match cut.contains(&request.outcome) && request.error.is_some() {
            true => BodyEnding::BreaksOff,
            false => BodyEnding::InOrder,
        };
        let (chunks, pacer) = (chunks.clone(), self.pacer.clone());
        let body = PacedBody::new(chunks, pacer, start_ns, recorded_start_ns, ending);
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        *response.headers_mut() = serve::passed_on(&headers);
        serve::answer(response)
    }
}

/// Only what was recorded; questions about the server as often as they are asked.
#[async_trait::async_trait]
impl Answers for Served {
    async fn answer(&self, agent: &str, asked: &Asked) -> Option<Answer> {
        let start_ns = self.pacer.clock.now_ns();
        let key = self.key(agent, asked);
        let found = {
            let mut matcher = self.matcher();
            let again = |matcher: &Matcher| matcher.last(&key).filter(|_| key.is_discovery());
            matcher.take(&key).or_else(|| again(&matcher))
        };
        let recorded = self.requests.get(&found?)?;
        Some(self.recorded(recorded, start_ns).await)
    }
}
