//! What the recorder notes besides chunks, from the beginnings of runs to the ends of exchanges.

use serde::{Deserialize, Serialize};

use super::rows::{Run, Sample};

/// Everything the recorder notes besides chunks: one JSON value a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A run begins; or, if it has begun before, what it was is said anew.
    Run(Run),
    /// A request was sent; its body is the row's payload.
    Sent(Sent),
    /// The head of an answer came.
    Head(Head),
    /// An exchange ended.
    End(End),
    /// A value of a time series.
    Sample(Sample),
    /// A header's value was withheld: its lower-case name.
    Redacted(String),
    /// The version an agent's server gave of itself.
    ServerVersion { agent: String, version: String },
    /// Chunks that could not be kept since the last such note.
    Lost(u64),
}

impl Note {
    /// How much memory it takes, roughly.
    pub fn bytes(&self) -> usize {
        let of_headers = |headers: &[(String, String)]| -> usize {
            let pair = size_of::<(String, String)>();
            let texts = headers.iter().map(|(name, value)| name.len() + value.len());
            texts.map(|bytes| pair + bytes).sum()
        };
        let said = match self {
            Note::Sent(sent) => sent.path.len() + of_headers(&sent.headers),
            Note::Head(head) => of_headers(&head.headers),
            _ => 0,
        };
        size_of::<Self>() + said
    }
}

/// A request that was handed to the server. Its body stands in the row's payload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Given by the tape.
    pub request_id: i64,
    /// Given by the tape.
    pub run_id: i32,
    /// Who asked.
    pub agent: String,
    /// The HTTP method.
    pub method: String,
    /// With its query string.
    pub path: String,
    /// As the client sent them; secrets are withheld by the tape.
    pub headers: Vec<(String, String)>,
    /// When a plan wanted it sent.
    pub intended_ns: Option<i64>,
    /// When its last byte was handed to the server.
    pub start_ns: i64,
}

/// The head of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The request it answers.
    pub request_id: i64,
    /// When that was sent again: the server had closed the connection before it saw the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_again_ns: Option<i64>,
    /// When it was complete.
    pub headers_ns: i64,
    /// The HTTP status.
    pub status: u16,
    /// As the server sent them; secrets are withheld by the tape.
    pub headers: Vec<(String, String)>,
}

/// The end of an exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The request whose exchange ended.
    pub request_id: i64,
    /// When it ended.
    pub end_ns: i64,
    /// How it ended.
    pub ending: Ending,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// How the transport ended, before anything is known of what the body meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The body arrived as long as it was announced.
    Whole,
    /// It did not.
    BrokenOff,
    /// The client closed its connection first.
    ClientLeft,
    /// No answer began.
    ConnectFailed,
    /// The server was silent for too long.
    TimedOut,
}
