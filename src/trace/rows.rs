//! The rows of the small tables, as values.

use serde::{Deserialize, Serialize};

use super::decode::carries_content;

/// What an agent pair did under one configuration, from one mark to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// From 1, in order of time.
    pub run_id: i32,
    /// From 1 within its configuration.
    pub run_number: i32,
    /// What the agents were given to do.
    pub scenario: Option<String>,
    /// The model they were to use.
    pub model: Option<String>,
    /// What the agents run on, such as `python-asyncio`.
    pub runtime: Option<String>,
    /// `dual`: a server for each agent; `single`: one for all.
    pub topology: Option<String>,
    /// Whatever else tells one configuration from another.
    pub config: Option<String>,
    /// `concurrent`, `solo`, `warmup` or [`FAILED`].
    pub phase: String,
    /// A JSON object.
    pub labels: Option<String>,
    /// When it was marked, on the session's clock.
    pub start_ns: i64,
    /// When the next run was marked or the session ended.
    pub end_ns: Option<i64>,
}

/// The phase of a run that did not come to its end: interrupted, or a request of it failed. It counts in
/// no figure of concurrent or solo runs.
pub const FAILED: &str = "failed";

impl Default for Run {
    /// A run of unknown configuration in which the agents work concurrently.
    fn default() -> Self {
        Self {
            run_id: 0,
            run_number: 0,
            scenario: None,
            model: None,
            runtime: None,
            topology: None,
            config: None,
            phase: "concurrent".to_owned(),
            labels: None,
            start_ns: 0,
            end_ns: None,
        }
    }
}

/// One HTTP exchange, however it ended. Times are nanoseconds on the session's clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The run in which it was sent.
    pub run_id: i32,
    /// Who asked.
    pub agent: String,
    /// From 1, in the order in which requests were sent.
    pub request_id: i64,
    /// What was spoken, such as `ollama.chat`; see [`crate::wire::Dialect`].
    pub dialect: String,
    /// The HTTP method.
    pub method: String,
    /// The path as asked, with its query string.
    pub path: String,
    /// The path without its query string.
    pub endpoint: String,
    /// The model that the body names.
    pub model: Option<String>,
    /// Whether the answer was to be a stream; null where that means nothing.
    pub stream: Option<bool>,
    /// Sampling options, a JSON object.
    pub options: Option<String>,
    /// A JSON list of [name, value], secrets withheld.
    pub request_headers: Option<String>,
    /// The body to the last byte.
    pub request_body: Option<Vec<u8>>,
    /// When a plan wanted it sent.
    pub intended_ns: Option<i64>,
    /// When the last byte of the request was handed to the server.
    pub start_ns: Option<i64>,
    /// When the answer's head was complete.
    pub headers_ns: Option<i64>,
    /// When the first chunk of the body came.
    pub first_chunk_ns: Option<i64>,
    /// When the first content came.
    pub first_token_ns: Option<i64>,
    /// When the last content came.
    pub last_token_ns: Option<i64>,
    /// When the body ended, however it did.
    pub end_ns: Option<i64>,
    /// The HTTP status; null if no answer began.
    pub status: Option<i32>,
    /// A JSON list of [name, value], secrets withheld.
    pub response_headers: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong, in words: the transport's, else the server's.
    pub error: Option<String>,
    /// Chunks of the body.
    pub chunk_count: i64,
    /// Events that the body holds.
    pub event_count: i64,
    /// Token, thinking and tool-call events that carry content.
    pub token_events: i64,
    /// Bytes of the body.
    pub response_bytes: i64,
    /// Tokens of the prompt, as the server counted.
    pub prompt_eval_count: Option<i64>,
    /// Tokens generated, as the server counted.
    pub eval_count: Option<i64>,
    /// The server's time for the whole request, as it reported.
    pub total_duration_ns: Option<i64>,
    /// The server's time to load the model, as it reported.
    pub load_duration_ns: Option<i64>,
    /// The server's time to read the prompt, as it reported.
    pub prompt_eval_duration_ns: Option<i64>,
    /// The server's time to generate, as it reported.
    pub eval_duration_ns: Option<i64>,
    /// Why the server stopped, such as `stop` or `length`.
    pub done_reason: Option<String>,
}

/// The `error` of an exchange in which the server reset the connection.
pub const RESET: &str = "the server reset the connection";

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The body arrived whole and said it was done.
    #[default]
    Complete,
    /// A status of 400 or more.
    ErrorStatus,
    /// An error inside a stream.
    ErrorEvent,
    /// The body broke off, or a stream ended without saying how.
    Truncated,
    /// The client left first.
    ClientAborted,
    /// No answer began.
    ConnectFailed,
    /// The server fell silent for longer than allowed.
    Timeout,
}

impl Outcome {
    const ALL: [(Outcome, &'static str); 7] = [
        (Self::Complete, "complete"),
        (Self::ErrorStatus, "error_status"),
        (Self::ErrorEvent, "error_event"),
        (Self::Truncated, "truncated"),
        (Self::ClientAborted, "client_aborted"),
        (Self::ConnectFailed, "connect_failed"),
        (Self::Timeout, "timeout"),
    ];

    /// The value of the `outcome` column.
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Reads the column back.
    pub fn parse(text: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(_, name)| *name == text);
        known.map(|(outcome, _)| *outcome)
    }
}

/// One value of a time series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The run that was current.
    pub run_id: Option<i32>,
    /// When it was taken, on the session's clock.
    pub t_ns: i64,
    /// What was measured, such as `host`, `collector` or `gpu0`.
    pub source: String,
    /// Which quantity, its unit in the name, such as `loop_lag_ms`.
    pub metric: String,
    /// Null if it could not be measured.
    pub value: Option<f64>,
}

/// A run's figures as its source printed them, by the source's own definitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// The run.
    pub run_id: i32,
    /// As in [`Run`].
    pub runtime: Option<String>,
    /// As in [`Run`].
    pub model: Option<String>,
    /// As in [`Run`].
    pub scenario: Option<String>,
    /// As in [`Run`].
    pub run_number: i32,
    /// Sequential over concurrent time.
    pub speedup: Option<f64>,
    /// Speedup over the number of agents.
    pub efficiency_percent: Option<f64>,
    /// One agent's rate less the other's, tokens per second.
    pub throughput_delta_tps: Option<f64>,
    /// One agent's time to first token less the other's.
    pub ttft_delta_ms: Option<f64>,
    /// Whether the agents were found to contend.
    pub contention: Option<bool>,
    /// Time of the concurrent run.
    pub wall_ms: Option<f64>,
    /// What the same work would have taken in sequence.
    pub sequential_ms: Option<f64>,
    /// The file that says so.
    pub source: Option<String>,
}

/// One response-body chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// When it was read from the socket, on the session's clock.
    pub t_ns: i64,
    /// Its bytes, untouched.
    pub payload: Vec<u8>,
}

/// Whose a chunk or an event is. So ordered, the rows of requests, chunks and events ascend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The run.
    pub run_id: i32,
    /// The request.
    pub request_id: i64,
}

/// One decoded event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the chunk came that completed it, on the session's clock.
    pub t_ns: i64,
    /// What it is; see [`crate::wire::Kind`].
    pub kind: String,
    /// Its text, if it has one.
    pub text: Option<String>,
}

impl Event {
    /// Whether the model said something in it.
    pub fn is_content(&self) -> bool {
        carries_content(&self.kind, self.text.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_back() {
        for (outcome, name) in Outcome::ALL {
            assert_eq!(outcome.as_str(), name);
            assert_eq!(Outcome::parse(name), Some(outcome));
        }
    }
}
