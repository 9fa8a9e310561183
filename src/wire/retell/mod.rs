//! An answer told again, from its events, in a dialect of its client's choice: as a stream, one piece an
//! event, or whole. What was never said, such as a count, is not made up.

mod calls;
mod ollama;
mod openai;

use chrono::{DateTime, Utc};

use super::{Dialect, Event, Kind, Said};
use calls::Call;

/// A decoded answer.
pub struct Heard {
    /// In which dialect it was given.
    pub dialect: Dialect,
    /// Its events, and when each came.
    pub events: Vec<(i64, Event)>,
    /// What it said of itself.
    pub said: Said,
}

/// How it is to be told.
pub struct Telling<'a> {
    /// In which dialect: generate, chat or OpenAI's chat.
    pub dialect: Dialect,
    /// The model, as it was asked for.
    pub model: &'a str,
    /// Makes up the ids that a dialect wants.
    pub number: i64,
    /// Whether OpenAI's stream ends with a chunk of usage.
    pub usage: bool,
    /// What the calendar said when the recorded clock read 0.
    pub started_at: DateTime<Utc>,
}

/// A piece of a stream.
#[derive(Debug, PartialEq)]
pub struct Piece {
    /// When it came.
    pub t_ns: i64,
    /// The recorded chunk that it was in.
    pub chunk_seq: i32,
    /// A line or some server-sent events.
    pub text: String,
}

/// An answer in one piece.
#[derive(Debug, PartialEq)]
pub enum Whole {
    /// Its body.
    Body(String),
    /// It failed on its way, with these words: no part of it is given.
    Failed(String),
}

/// One thing that was said.
struct Part {
    t_ns: i64,
    chunk_seq: i32,
    at: DateTime<Utc>,
    what: What,
}

enum What {
    Text(String),
    Thinking(String),
    Call(Call),
    Error(String),
    /// Bytes that are no message of any dialect.
    Malformed(String),
    Done,
}

/// What was said, all or a part of it.
#[derive(Default)]
struct Content {
    text: Option<String>,
    thinking: String,
    calls: Vec<Call>,
}

impl Content {
    fn add(&mut self, what: What) {
        match what {
            What::Text(text) => self.text.get_or_insert_default().push_str(&text),
            What::Thinking(text) => self.thinking.push_str(&text),
            What::Call(call) => self.calls.push(call),
            What::Error(_) | What::Malformed(_) | What::Done => {}
        }
    }
}

/// The answer as a stream; `None` if the dialect cannot say what was said.
pub fn stream(heard: Heard, telling: &Telling) -> Option<Vec<Piece>> {
    let parts = parts(&heard, telling)?;
    Some(match telling.dialect {
        Dialect::OllamaGenerate | Dialect::OllamaChat => {
            ollama::stream(parts, &heard.said, telling)
        }
        Dialect::OpenAiChat => openai::stream(parts, &heard, telling),
        _ => return None,
    })
}

/// The answer in one piece; `None` if the dialect cannot say what was said.
pub fn whole(heard: Heard, telling: &Telling) -> Option<Whole> {
    let mut all = Content::default();
    let mut at = telling.started_at;
    for part in parts(&heard, telling)? {
        at = part.at;
        match part.what {
            What::Error(why) => return Some(Whole::Failed(why)),
            What::Malformed(_) => return None,
            what => all.add(what),
        }
    }
    Some(Whole::Body(match telling.dialect {
        Dialect::OllamaGenerate | Dialect::OllamaChat => {
            ollama::whole(all, at, &heard.said, telling)
        }
        Dialect::OpenAiChat => openai::whole(all, at, &heard, telling),
        _ => return None,
    }))
}

fn parts(heard: &Heard, telling: &Telling) -> Option<Vec<Part>> {
    // OpenAI's chunks without content are about the stream: its role, its end.
    let foreign = heard.dialect.is_openai();
    let mut calls = calls::gather(heard.events.iter().map(|(_, event)| event))?;
    let mut parts = Vec::new();
    for (place, (t_ns, event)) in heard.events.iter().enumerate() {
        let text = event.text.clone().unwrap_or_default();
        let what = match event.kind {
            Kind::Token if foreign && text.is_empty() => continue,
            Kind::Token => What::Text(text),
            Kind::Thinking => What::Thinking(text),
            Kind::ToolCall => match calls.remove(&place) {
                Some(call) => What::Call(call),
                None => continue,
            },
            Kind::Error => What::Error(text),
            Kind::Malformed => What::Malformed(text),
            Kind::Done => What::Done,
            Kind::Usage | Kind::Status | Kind::Comment => continue,
        };
        // OpenAI says one time for all chunks, in seconds: when they came says more.
        let said_at = event.server_created_at.filter(|_| !foreign);
        let came_at = || telling.started_at + chrono::TimeDelta::nanoseconds(*t_ns);
        parts.push(Part {
            t_ns: *t_ns,
            chunk_seq: event.chunk_seq,
            at: said_at.map_or_else(came_at, DateTime::from_timestamp_nanos),
            what,
        });
    }
    Some(parts)
}

#[cfg(test)]
mod tests;
