//! The fake Ollama: serves a trace's answers, byte for byte and chunk for chunk, on one port an agent.
//!
//! ```text
//! client -> serve -> matching (profile) -> pace (alarm, lateness) -> serve -> client
//!                        |
//!                    recording (fault)
//! ```
//!
//! What was not recorded, the replay answers itself where the trace knows enough (`unrecorded`): `origins`
//! (CORS), `discovery` and `load` (from `known` and `loaded`), `absent` (by `routes`). All else is one of
//! the `misses`. If it may, `translation` finds an answer that was recorded in another dialect.
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

mod absent;
mod alarm;
mod discovery;
mod fault;
mod known;
mod lateness;
mod load;
mod loaded;
mod matching;
mod misses;
mod origins;
mod pace;
mod profile;
mod recording;
mod reply;
mod retold;
mod routes;
mod translation;
mod unrecorded;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use chrono::DateTime;
use hyper::{Response, StatusCode};
use serde_json::json;

pub use fault::Fault;
pub use lateness::Late;
pub use misses::Missed;
pub use pace::Speed;
pub use profile::Profile;

use crate::serve::{self, Answer, Answers, Asked};
use crate::trace::{self, Outcome, Trace};
use crate::wire::redaction::{Found, Redactor};
use alarm::Alarm;
use known::Server as Known;
use matching::{Form, Key, Matcher};
use misses::Misses;
use origins::Origins;
use pace::{PacedBody, Pacer};
use recording::Recording;
use retold::Retold;
use translation::Translations;

/// A trace being served until this is dropped.
pub struct Replay {
    servers: Vec<(String, serve::Server)>,
    tape: Arc<Served>,
}

/// What all agents' servers share.
struct Served {
    recordings: Recordings,
    known: BTreeMap<String, Known>,
    origins: Origins,
    misses: Misses,
    matcher: Mutex<Matcher>,
    translations: Translations,
    redactor: Redactor,
    pacer: Arc<Pacer>,
    retold: Option<Retold>,
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
    /// A request may be answered with what was recorded in another dialect, or with `stream` the other
    /// way round.
    pub translate: bool,
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
            translate: false,
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

    /// Requests that the trace holds no answer to.
    pub fn missed(&self) -> Missed {
        self.tape.misses.so_far()
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

impl Served {
    fn load(
        trace: &Trace,
        options: Options,
        wanted: impl Fn(&trace::Request) -> bool,
    ) -> Result<Self> {
        let mut chunks = trace.chunks()?;
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        let started_at = DateTime::parse_from_rfc3339(&trace.manifest.started_at);
        let started_at = started_at.unwrap_or_default().to_utc();
        for agent in &trace.manifest.agents {
            let server = Known::new(agent.server_version.clone(), started_at);
            known.insert(agent.name.clone(), server);
        }
        let mut origins = Origins::default();
        let mut recordings = BTreeMap::new();
        for request in trace.requests()?.into_iter().filter(wanted) {
            let chunks = chunks.remove(&request.request_id).unwrap_or_default();
            let mut recording = Recording::new(request, chunks);
            if options.recorded_clock {
                recording.stays_open = None; // on that clock nothing waits
            }
            origins.learn(&recording);
            if let Some(known) = known.get_mut(&recording.request.agent) {
                known.learn(&recording);
            }
            recordings.insert(recording.request.request_id, recording);
        }
        let retold = match options.recorded_clock {
            true => Some(Retold::of(trace, &options, recordings.values())?),
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
        let recordings: Recordings = recordings.into_iter().map(shared).collect();
        let profile = options.profile.clone();
        let translations = Translations::new(profile, started_at, options.translate);
        let matcher = matcher(options.profile, &recordings);
        Ok(Self {
            recordings,
            known,
            origins,
            misses: Misses::default(),
            matcher: Mutex::new(matcher),
            translations,
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
        match &self.retold {
            Some(retold) if retold.is_asked(asked) => retold.schedule(),
            Some(retold) => retold.marked(self.answer_sender(agent, asked).await),
            None => self.answer_sender(agent, asked).await,
        }
    }

    /// What a request is matched by.
    fn key(&self, agent: &str, asked: &Asked) -> Key {
        self.with_form(agent, asked, |form| self.matcher().key(form))
    }

    /// Reads a request in the form in which it would have been recorded.
    fn with_form<T>(&self, agent: &str, asked: &Asked, read: impl FnOnce(&Form<'_>) -> T) -> T {
        let mut found = Found::new();
        let mut body = asked.body.to_vec();
        self.redactor.body(&mut body, &mut found);
        let headers = serve::as_text(&asked.headers);
        read(&Form {
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
            if let Some(time) = recording.stays_open {
                // Its client left, and has the time to leave again.
                tokio::time::sleep(time).await;
            }
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
        self.note_loaded(agent, asked, &recording.request, start_ns);
        let answer = self.recorded(recording, start_ns).await;
        Some(match &self.retold {
            Some(_) => retold::marked(answer, request_id),
            None => answer,
        })
    }
}
