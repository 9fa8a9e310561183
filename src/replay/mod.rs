//! The fake Ollama: serves a trace's answers, byte for byte and chunk for chunk, on one port an agent.
//!
//! ```text
//! client -> serve -> matching (profile) -> pace (alarm, lateness) -> serve -> client
//!                        |
//!                    recording (fault)
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
mod fault;
mod lateness;
mod matching;
mod pace;
mod profile;
mod recording;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};
use serde_json::json;

pub use fault::Fault;
pub use lateness::Late;
pub use pace::Speed;
pub use profile::Profile;

use crate::serve::{self, Answer, Answers, Asked, REQUEST_MARK, SCHEDULE_PATH, SESSION_MARK};
use crate::trace::{self, Course, Outcome, Schedule, Trace};
use crate::wire::redaction::{Found, Redactor};
use alarm::Alarm;
use discovery::Server as Known;
use matching::{Form, Key, Matcher};
use pace::{PacedBody, Pacer};
use recording::Recording;

/// A trace being served until this is dropped.
pub struct Replay {
    servers: Vec<(String, serve::Server)>,
    tape: Arc<Served>,
}

/// What all agents' servers share.
struct Served {
    recordings: Recordings,
    known: BTreeMap<String, Known>,
    matcher: Mutex<Matcher>,
    redactor: Redactor,
    pacer: Arc<Pacer>,
    retold: Option<Retold>,
}

/// What a replay on the recorded clock tells a recorder in front of it.
struct Retold {
    session_id: HeaderValue,
    /// A [`Schedule`] in JSON.
    schedule: Bytes,
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
    /// What goes wrong on purpose.
    pub faults: Vec<Fault>,
    /// A recorder in front of this writes the recorded times. Nothing waits, and nothing goes wrong on
    /// purpose.
    pub recorded_clock: bool,
}

impl Default for Options {
    /// Nothing waits, and requests match strictly.
    fn default() -> Self {
        Self {
            speed: Speed::Max,
            profile: Profile::strict(),
            redactor: Redactor::default(),
            faults: Vec::new(),
            recorded_clock: false,
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
                    async move { tape.answer_all(&name, &asked).await }
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
        self.tape.recordings.len()
    }

    /// Recorded requests that nobody asked for yet, as one line each. Questions about the server
    /// are answered as often as they are asked, so they do not count.
    pub fn unused(&self) -> Vec<String> {
        let unused = self.tape.matcher().unused();
        let recordings = unused.iter().filter_map(|id| self.tape.recordings.get(id));
        recordings
            .map(|recording| {
                let request = &recording.request;
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

type Recordings = BTreeMap<i64, Arc<Recording>>;

fn matcher(profile: Profile, recordings: &Recordings) -> Matcher {
    let headers = recordings.values().map(|one| one.request_headers());
    let headers: Vec<_> = headers.collect();
    let forms = recordings.values().zip(&headers).map(|(one, headers)| {
        let request = &one.request;
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

impl Retold {
    fn of(trace: &Trace, options: &Options, recordings: &BTreeMap<i64, Recording>) -> Result<Self> {
        ensure!(
            options.speed == Speed::Max && options.faults.is_empty(),
            "on the recorded clock nothing waits and nothing goes wrong on purpose: leave out \
             --speed, --fault and --chaos"
        );
        let mut schedule = Schedule::of(trace)?;
        for (request_id, recording) in recordings {
            let chunks = recording.chunks.iter();
            let chunks = chunks.map(|chunk| (chunk.t_ns, chunk.payload.len()));
            let course = Course::of(&recording.request, chunks.collect())?;
            schedule.courses.insert(*request_id, course);
        }
        Ok(Self {
            session_id: HeaderValue::try_from(&trace.manifest.session_id)?,
            schedule: serde_json::to_vec(&schedule)?.into(),
        })
    }
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
        let mut recordings = BTreeMap::new();
        for request in trace.requests()?.into_iter().filter(wanted) {
            if let (Some(known), Some(model)) = (known.get_mut(&request.agent), &request.model)
                && request.outcome == Outcome::Complete
                && !known.models.contains(model)
            {
                known.models.push(model.clone());
            }
            let chunks = chunks.remove(&request.request_id).unwrap_or_default();
            let mut recording = Recording::new(request, chunks);
            if options.recorded_clock {
                recording.stays_open = None; // on that clock nothing waits
            }
            recordings.insert(recording.request.request_id, recording);
        }
        let retold = match options.recorded_clock {
            true => Some(Retold::of(trace, &options, &recordings)?),
            false => None,
        };
        for fault in &options.faults {
            let last = recordings.keys().next_back().copied().unwrap_or(0);
            let recording = recordings.get_mut(&fault.request_id);
            fault.apply(recording.with_context(|| {
                format!("--fault {fault}: the trace has no such request, the last is {last}")
            })?)?;
        }
        let shared = |(id, recording)| (id, Arc::new(recording));
        let recordings = recordings.into_iter().map(shared).collect();
        let matcher = matcher(options.profile, &recordings);
        Ok(Self {
            recordings,
            known,
            matcher: Mutex::new(matcher),
            redactor: options.redactor,
            pacer: Arc::new(Pacer::new(options.speed)),
            retold,
        })
    }

    fn matcher(&self) -> MutexGuard<'_, Matcher> {
        self.matcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers whatever is asked; on the recorded clock the answer says so.
    async fn answer_all(&self, agent: &str, asked: &Asked) -> Answer {
        let Some(retold) = &self.retold else {
            return self.answer_or_refuse(agent, asked).await;
        };
        if asked.path == SCHEDULE_PATH {
            return serve::answer(Response::new(Full::new(retold.schedule.clone())));
        }
        let mut answer = self.answer_or_refuse(agent, asked).await;
        let headers = answer.headers_mut();
        headers.insert(SESSION_MARK, retold.session_id.clone());
        answer
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

    async fn recorded(&self, recording: &Arc<Recording>, start_ns: i64) -> Answer {
        let request = &recording.request;
        let recorded_start_ns = request.start_ns.unwrap_or_default();
        let began_ns = request
            .headers_ns
            .or(request.end_ns)
            .unwrap_or(recorded_start_ns);
        let speed = self.pacer.speed_of(recording);
        if let Some(due_ns) = speed.due_ns(start_ns, began_ns - recorded_start_ns) {
            Alarm::new(self.pacer.vigil.clone()).wait(due_ns).await;
        }
        let Some(status) = request.status.and_then(|status| u16::try_from(status).ok()) else {
            // No answer began: the recorder answered in the server's place, and so do we.
            let left = "the agent left before an answer began";
            let status = match request.outcome {
                Outcome::Timeout => StatusCode::GATEWAY_TIMEOUT,
                _ => StatusCode::BAD_GATEWAY,
            };
            return refusal(status, request.error.as_deref().unwrap_or(left));
        };
        let body = PacedBody::new(recording.clone(), self.pacer.clone(), start_ns);
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        *response.headers_mut() = serve::passed_on(&recording.response_headers());
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
        let request_id = found?;
        let recording = self.recordings.get(&request_id)?;
        let mut answer = self.recorded(recording, start_ns).await;
        if self.retold.is_some() {
            answer.headers_mut().insert(REQUEST_MARK, request_id.into());
        }
        Some(answer)
    }
}
