//! The server that was recorded, as far as its exchanges tell: what it says to what was not recorded.
//!
//! `discovery` and `load` answer from what is known of it, `absent` says what it has not (by `routes`),
//! `origins` which web pages may ask, each in the real server's own form (`reply`).

mod absent;
mod discovery;
mod load;
mod loaded;
pub mod origins;
pub mod reply;
mod routes;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use loaded::Loaded;
use routes::{Route, route};

use super::recording::Recording;
use crate::clock::Clock;
use crate::serve::{Answer, Asked};
use crate::trace::Outcome;
use crate::wire::answer::ollama::Details;
use crate::wire::{Dialect, go_json};

/// One agent's server, as far as its recorded exchanges tell.
#[derive(Debug, Default)]
pub struct Server {
    /// As it said itself.
    pub version: Option<String>,
    /// In order of first use.
    pub models: Vec<Model>,
    /// When the session was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Names that were asked for, also in vain, but for those that there were not.
    named: BTreeSet<String>,
    /// It answered on a path that Ollama does not have: who knows which others there are.
    pub has_own_paths: bool,
    /// While the replay runs.
    loaded: Mutex<Loaded>,
}

/// A model, as far as it is known.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Model {
    pub name: String,
    pub size: i64,
    pub digest: String,
    pub details: Details,
    #[serde(skip)]
    pub capabilities: Capabilities,
}

/// What was asked of a model, and so can be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Capabilities {
    completion: bool,
    embedding: bool,
    vision: bool,
    tools: bool,
    insert: bool,
    thinking: bool,
}

impl Capabilities {
    fn learn(&mut self, recording: &Recording) {
        let request = &recording.request;
        match request.dialect.parse().unwrap_or(Dialect::Other) {
            Dialect::OllamaEmbed | Dialect::OpenAiEmbeddings => self.embedding = true,
            dialect if dialect.generates() => self.completion = true,
            _ => return,
        }
        let body = request.request_body.as_deref().unwrap_or_default();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let set = |value: &Value, name: &str| match value.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(all)) => !all.is_empty(),
            Some(Value::String(text)) => !text.is_empty(),
            Some(_) => true,
        };
        let messages = body.get("messages").and_then(Value::as_array);
        let pictured = |message: &Value| set(message, "images");
        self.vision |= set(&body, "images") || messages.is_some_and(|all| all.iter().any(pictured));
        self.tools |= set(&body, "tools");
        self.insert |= set(&body, "suffix");
        self.thinking |= set(&body, "think");
    }

    /// Their names, in the server's order.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (self.completion || !self.embedding, "completion"),
            (self.embedding, "embedding"),
            (self.vision, "vision"),
            (self.tools, "tools"),
            (self.insert, "insert"),
            (self.thinking, "thinking"),
        ];
        let has = all.into_iter().filter(|(has, _)| *has);
        has.map(|(_, name)| name).collect()
    }
}

impl Server {
    /// Nothing but its version is known yet.
    pub fn new(version: Option<String>, recorded_at: DateTime<Utc>) -> Self {
        Self {
            version,
            recorded_at,
            ..Self::default()
        }
    }

    /// Reads what an exchange tells.
    pub fn learn(&mut self, recording: &Recording) {
        let request = &recording.request;
        let answered = request.status.is_some_and(|status| status < 400);
        let nowhere = route(&request.method, &request.endpoint) == Route::Nowhere;
        self.has_own_paths |= answered && nowhere;
        if answered && request.endpoint == "/api/tags" {
            self.learn_list(&recording.body());
        }
        let Some(name) = &request.model else { return };
        if request.status != Some(404) {
            self.named.insert(identity(name));
        }
        let is_status = request.dialect == Dialect::OllamaStatus.as_str();
        let there = match is_status {
            true => request.outcome == Outcome::Complete,
            false => answered && request.endpoint != "/api/delete",
        };
        if there {
            let at = self.place(name);
            self.models[at].capabilities.learn(recording);
        }
    }

    /// Takes over what the server itself said of its models.
    fn learn_list(&mut self, body: &[u8]) {
        #[derive(Deserialize)]
        struct List {
            models: Vec<Model>,
        }
        let list: Option<List> = serde_json::from_slice(body).ok();
        for model in list.into_iter().flat_map(|list| list.models) {
            let at = self.place(&model.name);
            let capabilities = self.models[at].capabilities;
            self.models[at] = Model {
                capabilities,
                ..model
            };
        }
    }

    /// Where a model stands in the list; a new one at its end.
    fn place(&mut self, name: &str) -> usize {
        let wanted = identity(name);
        let same = |model: &Model| identity(&model.name) == wanted;
        self.models.iter().position(same).unwrap_or_else(|| {
            // Ollama always lists a model with its tag; others do not know tags.
            let name = match self.version {
                Some(_) => tagged(name),
                None => name.to_owned(),
            };
            self.models.push(Model {
                name,
                ..Model::default()
            });
            self.models.len() - 1
        })
    }

    /// A model that the server has.
    pub fn model(&self, name: &str) -> Option<&Model> {
        let wanted = identity(name);
        let mut models = self.models.iter();
        models.find(|model| identity(&model.name) == wanted)
    }

    /// Whether anything is known of a model: it is there, or something else than that it is not was said.
    pub fn knows(&self, name: &str) -> bool {
        self.named.contains(&identity(name)) || self.model(name).is_some()
    }

    /// When its models were made or pulled, as it would write it; the trace only knows when it was asked.
    pub fn modified_at(&self) -> String {
        go_json::time(self.recorded_at)
    }

    /// What it says by itself: which models there are, or that one is loaded now.
    pub fn answer(&self, asked: &Asked, clock: &Clock) -> Option<Answer> {
        let found = discovery::answer(self, asked, clock);
        found.or_else(|| load::answer(self, asked, clock))
    }

    /// How it refuses what it has not; `None` where it would have answered something that the trace does
    /// not hold.
    pub fn refusal(&self, asked: &Asked) -> Option<Answer> {
        absent::refusal(self, asked)
    }

    /// A model answered: it is loaded from then on, and for a while after.
    pub fn has_answered(&self, model: &str, body: &[u8], start_ns: i64, ends_ns: i64) {
        load::answered(self, model, body, start_ns, ends_ns);
    }

    /// Which models are in its memory.
    pub fn loaded(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name with its tag.
fn tagged(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.contains(':') {
        true => name.to_owned(),
        false => format!("{name}:latest"),
    }
}

/// What two names of one model have in common.
fn identity(name: &str) -> String {
    tagged(name).to_ascii_lowercase()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::trace::{Chunk, Request};
    use crate::wire::asked;

    /// An exchange that was recorded so.
    pub fn exchange(method: &str, path: &str, body: &str, status: i32, said: &str) -> Recording {
        let asked = asked(method, path, body.as_bytes());
        let request = Request {
            method: method.into(),
            path: path.into(),
            endpoint: asked.endpoint,
            dialect: asked.dialect.as_str().into(),
            model: asked.model,
            stream: asked.stream,
            request_body: Some(body.into()),
            status: Some(status),
            ..Request::default()
        };
        let chunk = Chunk {
            t_ns: 0,
            payload: said.into(),
        };
        Recording::new(request, vec![chunk])
    }

    #[test]
    fn a_model_is_known_by_what_was_answered() {
        let mut server = Server::new(Some("0.33.0".into()), DateTime::UNIX_EPOCH);
        for (path, body, status) in [
            ("/api/chat", r#"{"model":"Llama3","tools":[{}]}"#, 200),
            ("/api/generate", r#"{"model":"gone"}"#, 404),
            ("/api/generate", r#"{"model":"broken"}"#, 500),
            ("/api/embed", r#"{"model":"hf.co/x/e:q4"}"#, 200),
            ("/score", r#"{"model":"s"}"#, 200),
        ] {
            server.learn(&exchange("POST", path, body, status, "{}"));
        }
        let name = |name| server.model(name).map(|model| model.name.as_str());
        assert_eq!(name("llama3:latest"), Some("Llama3:latest"));
        assert_eq!(name("hf.co/x/e:q4"), Some("hf.co/x/e:q4"));
        assert_eq!((name("gone"), name("broken")), (None, None));
        assert!(server.knows("broken") && !server.knows("gone"));
        assert!(server.has_own_paths);
        let capabilities = |name| server.model(name).unwrap().capabilities.names();
        assert_eq!(capabilities("llama3"), ["completion", "tools"]);
        assert_eq!(capabilities("hf.co/x/e:q4"), ["embedding"]);
        assert_eq!(capabilities("s"), ["completion"]);
    }

    #[test]
    fn what_the_server_said_of_its_models_is_kept() {
        let mut server = Server::default();
        let body = r#"{"model":"m","think":"low","images":["x"]}"#;
        server.learn(&exchange("POST", "/api/generate", body, 200, ""));
        let tags = r#"{"models":[{"name":"m:latest","size":7,"digest":"d","details":{"family":"f"},"new":1}]}"#;
        server.learn(&exchange("GET", "/api/tags", "", 200, tags));
        let model = server.model("m").unwrap();
        assert_eq!((model.name.as_str(), model.size), ("m:latest", 7));
        assert_eq!(model.details.family, "f");
        let capabilities = model.capabilities.names();
        assert_eq!(capabilities, ["completion", "vision", "thinking"]);
        assert_eq!(server.models.len(), 1);
        server.learn(&exchange("GET", "/favicon.ico", "", 404, ""));
        assert!(!server.has_own_paths);
    }
}
