//! The dialects, without sockets: what a request asked for, and what the bytes of an answer mean.
//!
//! | file | what it knows |
//! |---|---|
//! | `asked` | a request's method, path and body -> dialect, model, stream, options |
//! | `framing` | HTTP/1.1 body framing: which bytes are the body, where its chunks end |
//! | `size_line` | the lines between the chunks of a chunked body |
//! | `decode` | the [`Decoder`]: body chunks -> events, whatever the shape of the body |
//! | `unpack` | gzip and its like: a body as packed -> as meant |
//! | `sniff` | the shape of a body that came without a content type |
//! | `lines` | bytes -> lines, across chunks |
//! | `sse` | lines -> server-sent events |
//! | `read` | one payload (a line, an SSE event, a body) -> its dialect |
//! | `ollama`, `openai` | one JSON object -> events and metrics |
//! | `json` | the readings of JSON values that both dialects share |
//! | `redaction` | what must not reach the disk |
//! | `go_json`, `answer` | the other way: what a server writes, byte for byte |
//! | `neutral`, `retell` | from one dialect to another: requests that ask the same, answers told again |
//!
//! The flow: chunk -> unpacked -> lines or body -> payload -> JSON object -> [`Event`]s, and at the end one
//! [`Said`]. Nothing here fails: what cannot be understood becomes a [`Kind::Malformed`] event.

pub mod answer;
mod asked;
mod decode;
pub mod framing;
pub mod go_json;
mod json;
mod lines;
pub mod neutral;
mod ollama;
mod openai;
mod page;
mod read;
pub mod redaction;
pub mod retell;
mod size_line;
mod sniff;
mod sse;
mod unpack;

#[cfg(test)]
mod cuts;

use std::convert::Infallible;
use std::str::FromStr;

pub use asked::{Asked, asked};
pub use decode::{Decoder, MAX_LINE_BYTES};
pub use unpack::Unpacker;

/// The protocol an exchange speaks, by its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `POST /api/generate`
    OllamaGenerate,
    /// `POST /api/chat`
    OllamaChat,
    /// `POST /api/embed` and `/api/embeddings`
    OllamaEmbed,
    /// `POST /api/pull`, `/api/push` and `/api/create`: lines of `{"status": ...}`
    OllamaStatus,
    /// `POST .../chat/completions`
    OpenAiChat,
    /// `POST .../completions`, also in llama.cpp's own form
    OpenAiCompletions,
    /// `POST .../v1/embeddings`
    OpenAiEmbeddings,
    /// Everything else: recorded, not understood.
    Other,
}

impl Dialect {
    const ALL: [Dialect; 8] = [
        Dialect::OllamaGenerate,
        Dialect::OllamaChat,
        Dialect::OllamaEmbed,
        Dialect::OllamaStatus,
        Dialect::OpenAiChat,
        Dialect::OpenAiCompletions,
        Dialect::OpenAiEmbeddings,
        Dialect::Other,
    ];

    /// The name in the `dialect` column of a trace.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::OllamaGenerate => "ollama.generate",
            Dialect::OllamaChat => "ollama.chat",
            Dialect::OllamaEmbed => "ollama.embed",
            Dialect::OllamaStatus => "ollama.status",
            Dialect::OpenAiChat => "openai.chat",
            Dialect::OpenAiCompletions => "openai.completions",
            Dialect::OpenAiEmbeddings => "openai.embeddings",
            Dialect::Other => "other",
        }
    }

    /// Whether an exchange in this dialect makes the model write tokens.
    pub fn generates(self) -> bool {
        match self {
            Dialect::OllamaGenerate
            | Dialect::OllamaChat
            | Dialect::OpenAiChat
            | Dialect::OpenAiCompletions => true,
            Dialect::OllamaEmbed
            | Dialect::OllamaStatus
            | Dialect::OpenAiEmbeddings
            | Dialect::Other => false,
        }
    }

    fn is_openai(self) -> bool {
        matches!(
            self,
            Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings
        )
    }

    /// Whether Ollama streams this as JSON lines.
    fn streams_lines(self) -> bool {
        matches!(
            self,
            Dialect::OllamaGenerate | Dialect::OllamaChat | Dialect::OllamaStatus
        )
    }
}

impl FromStr for Dialect {
    type Err = Infallible;

    /// Reads a name back; one that this version does not know is [`Dialect::Other`], so that a
    /// trace of a newer recorder still opens.
    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == name)
            .unwrap_or(Dialect::Other))
    }
}

/// What one decoded event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text of the answer. Empty text: a line that carried no content at all.
    Token,
    /// Text of the model's reasoning.
    Thinking,
    /// One tool call, or one piece of it, as compact JSON.
    ToolCall,
    /// The answer says that it is done; the text is the reason, where it names one.
    Done,
    /// A `usage` object, as compact JSON.
    Usage,
    /// An error inside the body.
    Error,
    /// A progress line, or a line of a dialect this room does not read.
    Status,
    /// An SSE comment, or an end marker said a second time.
    Comment,
    /// Bytes that are not what the dialect promised, kept as text.
    Malformed,
}

impl Kind {
    /// The name in the `kind` column of a trace.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Token => "token",
            Kind::Thinking => "thinking",
            Kind::ToolCall => "tool_call",
            Kind::Done => "done",
            Kind::Usage => "usage",
            Kind::Error => "error",
            Kind::Status => "status",
            Kind::Comment => "comment",
            Kind::Malformed => "malformed",
        }
    }
}

/// One decoded protocol event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The chunk that completed it.
    pub chunk_seq: i32,
    /// What it is.
    pub kind: Kind,
    /// Its text, as [`Kind`] describes it.
    pub text: Option<String>,
    /// When the server says it made it: UTC nanoseconds since the epoch.
    pub server_created_at: Option<i64>,
}

/// What a whole answer said about itself, in the server's own figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Tokens of the prompt.
    pub prompt_eval_count: Option<i64>,
    /// Tokens of the answer.
    pub eval_count: Option<i64>,
    /// The whole request, as the server measured it.
    pub total_duration_ns: Option<i64>,
    /// Loading the model.
    pub load_duration_ns: Option<i64>,
    /// Reading the prompt.
    pub prompt_eval_duration_ns: Option<i64>,
    /// Writing the answer.
    pub eval_duration_ns: Option<i64>,
    /// Why it stopped.
    pub done_reason: Option<String>,
    /// Whether it said that it is complete: a done object, `[DONE]`, a pull's `success`; an answer
    /// that is no stream says so by parsing as a whole. Always true where this room cannot tell:
    /// for [`Dialect::Other`], and for a body whose content type says that it is not JSON.
    pub done: bool,
    /// The first error inside the body.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_reads_back_from_its_name() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.as_str().parse(), Ok(dialect));
        }
    }

    #[test]
    fn an_unknown_dialect_is_other() {
        assert_eq!("anthropic.messages".parse(), Ok(Dialect::Other));
    }

    #[test]
    fn only_generate_chat_and_completions_generate() {
        let generating: Vec<_> = Dialect::ALL.into_iter().filter(|d| d.generates()).collect();
        assert_eq!(
            generating,
            [
                Dialect::OllamaGenerate,
                Dialect::OllamaChat,
                Dialect::OpenAiChat,
                Dialect::OpenAiCompletions
            ]
        );
    }
}
