//! Answers for requests in another dialect than the recorded ones, or with `stream` the other way round.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::matching::Form;
use super::profile::Profile;
use super::recording::{Recorded, Recording, Recordings};
use super::server::reply;
use crate::serve::Asked;
use crate::trace::Request;
use crate::wire::neutral::{includes_usage, neutral};
use crate::wire::retell::{Heard, Piece, Telling, Whole, stream, whole};
use crate::wire::{Decoder, Dialect, Unpacker, asked};

/// The server tells the length of bodies that are shorter than this.
const BUFFERED: usize = 2048;
/// The ends of the paths that speak a dialect of conversations.
const ENDS: [&str; 4] = [
    "/v1/chat/completions",
    "/chat/completions",
    "/api/generate",
    "/api/chat",
];

/// The recorded conversations, by what was asked in whichever dialect.
pub struct Translations {
    profile: Profile,
    started_at: DateTime<Utc>,
    /// Whether answers may be translated. If not, it is still told which could be.
    pub may: bool,
    /// Equal ones in their order, those given out last at the end. Read when first asked for.
    equals: OnceLock<Mutex<Equals>>,
}

type Equals = BTreeMap<Sense, VecDeque<i64>>;

/// What must be equal: agent, what stands before the dialect's path, headers that the profile wants, and the
/// request in its neutral form with what the profile ignores taken out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sense {
    agent: String,
    prefix: String,
    headers: Vec<(String, String)>,
    talk: String,
}

impl Translations {
    /// Nothing is read yet.
    pub fn new(profile: Profile, started_at: DateTime<Utc>, may: bool) -> Self {
        Self {
            profile,
            started_at,
            may,
            equals: OnceLock::new(),
        }
    }

    /// What a request must equal a recorded one in; `None` if it cannot be translated.
    pub fn sense(&self, form: &Form<'_>) -> Option<Sense> {
        sense(&self.profile, form)
    }

    /// The next request that was recorded and asked the same, as if it had been asked like this.
    pub fn find(
        &self,
        recordings: &Recordings,
        sense: &Sense,
        asked: &Asked,
        is_used: impl Fn(i64) -> bool,
    ) -> Option<(i64, Arc<Recording>)> {
        let request_id = self.next(recordings, sense, is_used)?;
        let recorded = recordings.get(&request_id)?;
        let translated = translated(recorded, asked, self.started_at)?;
        Some((request_id, translated))
    }

    fn next(
        &self,
        recordings: &Recordings,
        sense: &Sense,
        is_used: impl Fn(i64) -> bool,
    ) -> Option<i64> {
        let equals = self.equals(recordings);
        let mut equals = equals.get(sense)?.iter().copied();
        let first = equals.clone().next();
        let fresh = equals.find(|request_id| !is_used(*request_id));
        fresh.or(first.filter(|_| self.profile.repeat))
    }

    /// It was given out: the others come first.
    pub fn given(&self, recordings: &Recordings, sense: &Sense, request_id: i64) {
        if let Some(equals) = self.equals(recordings).get_mut(sense) {
            equals.retain(|other| *other != request_id);
            equals.push_back(request_id);
        }
    }

    fn equals(&self, recordings: &Recordings) -> MutexGuard<'_, Equals> {
        let equals = self
            .equals
            .get_or_init(|| Mutex::new(read(&self.profile, recordings)));
        equals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the recorded requests in their order.
fn read(profile: &Profile, recordings: &Recordings) -> Equals {
    let mut equals = Equals::new();
    for (request_id, recording) in recordings {
        let request = &recording.request;
        let form = Form {
            agent: &request.agent,
            method: &request.method,
            path: &request.path,
            headers: &recording.request_headers(),
            body: request.request_body.as_deref().unwrap_or_default(),
        };
        if let Some(sense) = sense(profile, &form) {
            equals.entry(sense).or_default().push_back(*request_id);
        }
    }
    equals
}

fn sense(profile: &Profile, form: &Form<'_>) -> Option<Sense> {
    let asked = asked(form.method, form.path, form.body);
    let mut talk = neutral(asked.dialect, form.body)?;
    profile.reduce(&mut talk);
    talk.sort_all_objects();
    let mut ends = ENDS.iter();
    let prefix = ends.find_map(|end| asked.endpoint.strip_suffix(end))?;
    Some(Sense {
        agent: form.agent.to_owned(),
        prefix: prefix.to_owned(),
        headers: profile.headers(form.headers),
        talk: match profile.ordered {
            true => String::new(),
            false => talk.to_string(),
        },
    })
}

/// A recording as if it had been asked like this; `None` if this dialect cannot say what was said.
fn translated(
    recorded: &Arc<Recording>,
    asked: &Asked,
    started_at: DateTime<Utc>,
) -> Option<Arc<Recording>> {
    let request = &recorded.request;
    let wanted = crate::wire::asked(&asked.method, &asked.path, &asked.body);
    let usage = includes_usage(&asked.body);
    let had_usage = includes_usage(request.request_body.as_deref().unwrap_or_default());
    let same_form = request.dialect == wanted.dialect.as_str()
        && request.stream == wanted.stream
        && usage == had_usage;
    let Some(status) = request.status.filter(|_| !same_form) else {
        // As it came, or as it did not.
        return Some(recorded.clone());
    };
    let heard = hear(recorded);
    let telling = Telling {
        dialect: wanted.dialect,
        model: wanted.model.as_deref().unwrap_or_default(),
        number: request.request_id,
        usage,
        started_at,
    };
    let ends_ns = request
        .end_ns
        .or(recorded.chunks.last().map(|chunk| chunk.t_ns));
    let ends_ns = ends_ns.unwrap_or_default();
    let mut translated = Recording {
        request: Request {
            path: asked.path.clone(),
            endpoint: wanted.endpoint,
            dialect: wanted.dialect.as_str().to_owned(),
            stream: wanted.stream,
            ..request.clone()
        },
        chunks: Vec::new(),
        broken: recorded.broken.clone(),
        stays_open: recorded.stays_open,
        slowed: recorded.slowed,
        stall: None,
    };
    if status >= 400 {
        let why = heard
            .said
            .error
            .or_else(|| heard.events.into_iter().find_map(|(_, event)| event.text));
        fail(&mut translated, status, &why.unwrap_or_default(), ends_ns);
    } else if wanted.stream == Some(true) {
        let content_type = match wanted.dialect {
            Dialect::OpenAiChat => "text/event-stream",
            _ => "application/x-ndjson",
        };
        let pieces = stream(heard, &telling)?;
        translated.stall = recorded.stall.map(|(seq, pause)| {
            let there = pieces
                .iter()
                .position(|piece| piece.chunk_seq as usize >= seq);
            (there.unwrap_or(pieces.len().saturating_sub(1)), pause)
        });
        let chunk = |Piece { t_ns, text, .. }| Recorded {
            t_ns,
            payload: text.into(),
        };
        translated.chunks = pieces.into_iter().map(chunk).collect();
        head(&mut translated, content_type, None);
    } else {
        let content_type = match wanted.dialect {
            Dialect::OpenAiChat => reply::OPENAI_JSON,
            _ => reply::OLLAMA_JSON,
        };
        translated.stall = recorded.stall.map(|(_, pause)| (0, pause));
        // Whoever waits for the whole gets nothing of what broke off.
        match recorded.broken.is_some() {
            true => head(&mut translated, content_type, None),
            false => match whole(heard, &telling)? {
                Whole::Body(body) => give(&mut translated, content_type, body, ends_ns),
                Whole::Failed(why) => fail(&mut translated, 500, &why, ends_ns),
            },
        }
        translated.request.headers_ns = Some(ends_ns);
    }
    Some(Arc::new(translated))
}

/// What the answer meant.
fn hear(recorded: &Recording) -> Heard {
    let request = &recorded.request;
    let dialect = request.dialect.parse().unwrap_or(Dialect::Other);
    let header = |name| recorded.response_header(name);
    let mut unpacker = Unpacker::new(header("content-encoding").as_deref());
    let mut decoder = Decoder::new(dialect, header("content-type").as_deref());
    let mut events = Vec::new();
    for (seq, chunk) in (0..).zip(&recorded.chunks) {
        decoder.push(seq, unpacker.push(&chunk.payload), &mut events);
    }
    let said = decoder.finish(&mut events);
    let came_ns = |seq: i32| {
        recorded
            .chunks
            .get(seq as usize)
            .map_or(0, |chunk| chunk.t_ns)
    };
    let events = events.into_iter();
    Heard {
        dialect,
        events: events
            .map(|event| (came_ns(event.chunk_seq), event))
            .collect(),
        said,
    }
}

/// Answers with an error in the form of the dialect.
fn fail(translated: &mut Recording, status: i32, why: &str, ends_ns: i64) {
    translated.request.status = Some(status);
    let code = u16::try_from(status).unwrap_or(500);
    let (content_type, body) = reply::error_body(&translated.request.path, code, why);
    give(translated, content_type, body, ends_ns);
}

/// Answers in one piece.
fn give(translated: &mut Recording, content_type: &str, body: String, ends_ns: i64) {
    let length =
        Some(body.len()).filter(|length| *length < BUFFERED && translated.broken.is_none());
    head(translated, content_type, length);
    translated.chunks = vec![Recorded {
        t_ns: ends_ns,
        payload: body.into(),
    }];
}

/// The headers that the server would send.
fn head(translated: &mut Recording, content_type: &str, length: Option<usize>) {
    let mut headers: Vec<(&str, Value)> = vec![("Content-Type", content_type.into())];
    if let Some(date) = translated.response_header("date") {
        headers.push(("Date", date.into()));
    }
    if let Some(length) = length {
        headers.push(("Content-Length", length.to_string().into()));
    }
    translated.request.response_headers = Some(json!(headers).to_string());
}
