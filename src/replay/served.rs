//! The answer to any request: what was recorded, translated if it may be, else what the trace knows enough
//! to say, else a refusal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};
use chrono::DateTime;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::alarm::Alarm;
use super::lateness::Late;
use super::matching::{Form, Key, Matcher};
use super::misses::{Missed, Misses};
use super::pace::{PacedBody, Pacer};
use super::recording::{Recording, Recordings};
use super::retold::{self, Retold};
use super::server::origins::{self, Origins, Sender};
use super::server::{Server, reply};
use super::translation::Translations;
use super::{Options, Profile};
use crate::serve::{self, AGENT_MARK, Answer, Answers, Asked};
use crate::trace::{self, Outcome, Status, Trace};
use crate::wire::Dialect;
use crate::wire::redaction::{Found, Redactor};

/// What all agents' servers share.
pub struct Served {
    recordings: Recordings,
    known: BTreeMap<String, Server>,
    origins: Origins,
    misses: Misses,
    matcher: Mutex<Matcher>,
    translations: Translations,
    redactor: Redactor,
    pacer: Arc<Pacer>,
    retold: Option<Retold>,
}

/// Who asks.
#[derive(Clone, Copy)]
struct Asker<'a> {
    agent: &'a str,
    /// Only by the port: agents that were recorded on one server may all be asking there.
    by_port: bool,
}

/// `single` are the runs in which all agents had one server.
fn matcher(profile: Profile, recordings: &Recordings, single: &BTreeSet<i32>) -> Matcher {
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
    let shared = recordings.values().map(|one| &one.request);
    let shared = shared.filter(|request| single.contains(&request.run_id));
    Matcher::new(profile, forms).sharing(shared.map(|request| request.request_id))
}

impl Served {
    /// Takes the requests of a trace that are wanted.
    ///
    /// # Errors
    /// If the trace is damaged, or the options ask for what it has not.
    pub fn load(
        trace: &Trace,
        options: Options,
        wanted: impl Fn(&trace::Request) -> bool,
    ) -> Result<Self> {
        let mut chunks = trace.chunks()?;
        ensure!(
            trace.manifest.status != Status::Imported || !chunks.is_empty(),
            "{} was imported and holds figures only, no answers; a replay needs a recording, made with \
             tokentape record",
            trace.folder.display()
        );
        let mut known: BTreeMap<String, Server> = BTreeMap::new();
        let started_at = DateTime::parse_from_rfc3339(&trace.manifest.started_at);
        let started_at = started_at.unwrap_or_default().to_utc();
        for agent in &trace.manifest.agents {
            let server = Server::new(agent.server_version.clone(), started_at);
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
        let runs = trace.runs()?.into_iter();
        let single = runs.filter(|run| run.topology.as_deref() == Some("single"));
        let single = single.map(|run| run.run_id).collect();
        let matcher = matcher(options.profile, &recordings, &single);
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

    /// Answers whatever is asked at the port of an agent; on the recorded clock the answer says so.
    pub async fn answer_all(&self, agent: &str, mut asked: Asked) -> Answer {
        let port = Asker {
            agent,
            by_port: true,
        };
        let Some(retold) = &self.retold else {
            return self.answer_sender(port, &asked).await;
        };
        if retold.is_asked(&asked) {
            return retold.schedule();
        }
        let named = asked.headers.remove(AGENT_MARK);
        let named = named.as_ref().and_then(|name| name.to_str().ok());
        let asker = match named.filter(|name| self.known.contains_key(*name)) {
            Some(agent) => Asker {
                agent,
                by_port: false,
            },
            // A recorder may have other names for its agents.
            None => port,
        };
        retold.marked(self.answer_sender(asker, &asked).await)
    }

    /// The answer to whoever asks, which may be a web page.
    async fn answer_sender(&self, asker: Asker<'_>, asked: &Asked) -> Answer {
        match self.origins.sender(&asked.headers) {
            Sender::Ours => self.answer_or_refuse(asker, asked).await,
            Sender::Stranger => origins::refusal(),
            Sender::Page(origin) => {
                let answer = match asked.method == "OPTIONS" {
                    true => self.recorded_answer(asker, asked).await,
                    false => Some(self.answer_or_refuse(asker, asked).await),
                };
                origins::allow(answer.unwrap_or_else(origins::preflight), origin)
            }
        }
    }

    async fn answer_or_refuse(&self, asker: Asker<'_>, asked: &Asked) -> Answer {
        if let Some(answer) = self.recorded_answer(asker, asked).await {
            return answer;
        }
        let agent = asker.agent;
        if let Some(answer) = self.translated(agent, asked).await {
            return answer;
        }
        // Agents that mark their runs work offline too: there is no recorder, so nothing to mark.
        if asked.path.starts_with("/_tokentape/") {
            return serve::json(StatusCode::OK, &json!({}));
        }
        let known = self.known.get(agent);
        let clock = &self.pacer.clock;
        let own = known.and_then(|known| known.answer(asked, clock));
        own.unwrap_or_else(|| self.miss(asker, asked))
    }

    /// The answer to a request that was recorded in another dialect, if that may be and can be told in this.
    async fn translated(&self, agent: &str, asked: &Asked) -> Option<Answer> {
        let translations = &self.translations;
        if !translations.may {
            return None;
        }
        let start_ns = self.pacer.clock.now_ns();
        let sense = self.with_form(agent, asked, |form| translations.sense(form))?;
        let recording = {
            let mut matcher = self.matcher();
            let is_used = |request_id| matcher.is_used(request_id);
            let found = translations.find(&self.recordings, &sense, asked, is_used);
            let (request_id, recording) = found?;
            matcher.take_instead(agent, request_id)?;
            translations.given(&self.recordings, &sense, request_id);
            recording
        };
        self.note_loaded(agent, asked, &recording.request, start_ns);
        Some(self.give(&recording, start_ns).await)
    }

    /// A recorded request that asked the same in another dialect, where that may not be translated.
    fn could_translate(&self, agent: &str, asked: &Asked) -> Option<i64> {
        let translations = &self.translations;
        if translations.may {
            return None;
        }
        let sense = self.with_form(agent, asked, |form| translations.sense(form))?;
        let matcher = self.matcher();
        let is_used = |request_id| matcher.is_used(request_id);
        let found = translations.find(&self.recordings, &sense, asked, is_used);
        found.map(|(request_id, _)| request_id)
    }

    /// The answer to a request that nothing was recorded for.
    fn miss(&self, asker: Asker<'_>, asked: &Asked) -> Answer {
        let Asker { agent, by_port } = asker;
        let key = self.key(agent, asked);
        let mut sentence = self.matcher().miss(&key, by_port);
        if let Some(request_id) = self.could_translate(agent, asked) {
            sentence += &format!(
                "; request {request_id} asked the same in another dialect or form, and --translate gives \
                 its answer"
            );
        }
        let known = self.known.get(agent);
        let refusal = known.and_then(|known| known.refusal(asked));
        let answer = refusal.unwrap_or_else(|| {
            let message = format!("tokentape: {sentence}");
            reply::error(&asked.path, StatusCode::NOT_FOUND, &message)
        });
        self.misses.note(sentence, answer)
    }

    /// Notes that a recorded answer has its model loaded while it is given, and for a while after.
    fn note_loaded(&self, agent: &str, asked: &Asked, request: &trace::Request, start_ns: i64) {
        let dialect = request.dialect.parse().unwrap_or(Dialect::Other);
        let uses = dialect.generates() || dialect == Dialect::OllamaEmbed;
        let (Some(known), Some(model)) = (self.known.get(agent), &request.model) else {
            return;
        };
        if uses && request.status == Some(200) {
            let took_ns = request.end_ns.zip(request.start_ns);
            let took_ns = took_ns.map_or(0, |(end, start)| end.saturating_sub(start));
            let ends_ns = self.pacer.speed.due_ns(start_ns, took_ns);
            let ends_ns = ends_ns.unwrap_or(start_ns);
            known.has_answered(model, &asked.body, start_ns, ends_ns);
        }
    }

    /// How late chunks were, where they were due at a certain moment.
    pub fn late(&self) -> Option<Late> {
        self.pacer.lateness.late()
    }

    /// How many requests there are.
    pub fn recorded(&self) -> usize {
        self.recordings.len()
    }

    /// Requests that there is no answer to.
    pub fn missed(&self) -> Missed {
        self.misses.so_far()
    }

    /// Recorded requests that nobody asked for yet, as one line each.
    pub fn unused(&self) -> Vec<String> {
        let unused = self.matcher().unused();
        let recordings = unused.iter().filter_map(|id| self.recordings.get(id));
        let line = |recording: &Arc<Recording>| {
            let request = &recording.request;
            let (id, agent) = (request.request_id, &request.agent);
            let (method, path) = (&request.method, &request.path);
            format!("request {id}: {method} {path} of {agent}")
        };
        recordings.map(line).collect()
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

    /// What was recorded; questions about the server are answered as often as they are asked.
    async fn recorded_answer(&self, asker: Asker<'_>, asked: &Asked) -> Option<Answer> {
        let start_ns = self.pacer.clock.now_ns();
        let Asker { agent, by_port } = asker;
        let key = self.key(agent, asked);
        let found = {
            let mut matcher = self.matcher();
            let mut found = matcher.take(&key);
            if by_port {
                found = found.or_else(|| matcher.take_shared(&key));
            }
            found.or_else(|| matcher.last(&key, by_port).filter(|_| key.is_discovery()))
        };
        let request_id = found?;
        let recording = self.recordings.get(&request_id)?;
        self.note_loaded(agent, asked, &recording.request, start_ns);
        let answer = self.give(recording, start_ns).await;
        Some(match &self.retold {
            Some(_) => retold::marked(answer, request_id),
            None => answer,
        })
    }

    async fn give(&self, recording: &Arc<Recording>, start_ns: i64) -> Answer {
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

/// Only what was recorded of the agent itself.
#[async_trait::async_trait]
impl Answers for Served {
    async fn answer(&self, agent: &str, asked: &Asked) -> Option<Answer> {
        let asker = Asker {
            agent,
            by_port: false,
        };
        self.recorded_answer(asker, asked).await
    }
}

/// An error of the replay itself, as Ollama's clients understand it.
pub fn refusal(status: StatusCode, message: &str) -> Answer {
    serve::json(status, &json!({"error": format!("tokentape: {message}")}))
}
