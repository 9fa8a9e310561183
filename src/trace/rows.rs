//! The rows of the small tables, as values.

use serde::{Deserialize, Serialize};

/// What an agent pair did under one configuration, from one mark to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// From 1, in order of time.
    pub run_id: i32,
    /// From 1 within its configuration.
    pub run_number: i32,
    pub scenario: Option<String>,
    pub model: Option<String>,
    pub runtime: Option<String>,
    pub topology: Option<String>,
    pub config: Option<String>,
    /// `concurrent`, `solo` or `warmup`.
    pub phase: String,
    /// A JSON object.
    pub labels: Option<String>,
    pub start_ns: i64,
    pub end_ns: Option<i64>,
}

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
    pub run_id: i32,
    pub agent: String,
    /// From 1, in the order in which requests were sent.
    pub request_id: i64,
    pub dialect: String,
    pub method: String,
    /// The path as asked, with its query string.
    pub path: String,
    /// The path without its query string.
    pub endpoint: String,
    pub model: Option<String>,
    pub stream: Option<bool>,
    /// Sampling options, a JSON object.
    pub options: Option<String>,
    /// A JSON list of [name, value], secrets withheld.
    pub request_headers: Option<String>,
    pub request_body: Option<Vec<u8>>,
    pub intended_ns: Option<i64>,
    /// When the last byte of the request was handed to the server.
    pub start_ns: Option<i64>,
    pub headers_ns: Option<i64>,
    pub first_chunk_ns: Option<i64>,
    pub first_token_ns: Option<i64>,
    pub last_token_ns: Option<i64>,
    pub end_ns: Option<i64>,
    pub status: Option<i32>,
    /// A JSON list of [name, value], secrets withheld.
    pub response_headers: Option<String>,
    pub outcome: Outcome,
    pub error: Option<String>,
    pub chunk_count: i64,
    pub event_count: i64,
    /// Token, thinking and tool-call events that carry content.
    pub token_events: i64,
    pub response_bytes: i64,
    pub prompt_eval_count: Option<i64>,
    pub eval_count: Option<i64>,
    pub total_duration_ns: Option<i64>,
    pub load_duration_ns: Option<i64>,
    pub prompt_eval_duration_ns: Option<i64>,
    pub eval_duration_ns: Option<i64>,
    pub done_reason: Option<String>,
}

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
    pub run_id: Option<i32>,
    pub t_ns: i64,
    pub source: String,
    pub metric: String,
    pub value: Option<f64>,
}

/// One response-body chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub t_ns: i64,
    pub payload: Vec<u8>,
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
