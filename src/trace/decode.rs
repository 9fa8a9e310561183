//! Derives events, and what a request's row says of its answer, from the answer's chunks alone.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{
    Int32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampNanosecondBuilder,
};

use super::rows::{Outcome, Request};
use super::schema::TableName;
use crate::wire::{Decoder, Dialect, Event, Kind, Unpacker};

/// Follows one answer chunk by chunk, appends its events and gathers what its row says of it.
pub struct Answer {
    unpacker: Unpacker,
    decoder: Decoder,
    /// When each chunk came, by `seq`.
    arrivals: Vec<i64>,
    bytes: i64,
    /// Decoded, not yet appended.
    events: Vec<Event>,
    event_count: i64,
    token_events: i64,
    first_token_ns: Option<i64>,
    last_token_ns: Option<i64>,
}

impl Answer {
    /// The answer to `request`, whose head is known.
    pub fn new(request: &Request) -> Self {
        let headers: Vec<(String, String)> = request
            .response_headers
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        let header = |name: &str| {
            let found = headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        Self {
            unpacker: Unpacker::new(header("content-encoding")),
            decoder: Decoder::new(dialect(request), header("content-type")),
            arrivals: Vec::new(),
            bytes: 0,
            events: Vec::new(),
            event_count: 0,
            token_events: 0,
            first_token_ns: None,
            last_token_ns: None,
        }
    }

    /// Takes the next chunk.
    pub fn chunk(&mut self, request: &Request, t_ns: i64, payload: &[u8], rows: &mut EventRows) {
        let seq = self.arrivals.len() as i32;
        self.arrivals.push(t_ns);
        self.bytes += payload.len() as i64;
        let meant = self.unpacker.push(payload);
        self.decoder.push(seq, meant, &mut self.events);
        self.append(request, rows);
    }

    fn append(&mut self, request: &Request, rows: &mut EventRows) {
        for event in self.events.drain(..) {
            let t_ns = self.arrivals.get(event.chunk_seq as usize).copied();
            if carries_content(event.kind.as_str(), event.text.as_deref()) {
                self.token_events += 1;
                self.first_token_ns = self.first_token_ns.or(t_ns);
                self.last_token_ns = t_ns;
            }
            rows.push(
                request,
                self.event_count as i32,
                &event,
                t_ns.unwrap_or_default(),
            );
            self.event_count += 1;
        }
    }

    /// Completes the request's row. `ending` is how the transport ended, as an outcome: `Complete`
    /// if the body arrived whole.
    pub fn finish(mut self, request: &mut Request, ending: Outcome, rows: &mut EventRows) {
        let decoder = std::mem::replace(&mut self.decoder, Decoder::new(Dialect::Other, None));
        let said = decoder.finish(&mut self.events);
        self.append(request, rows);
        request.first_chunk_ns = self.arrivals.first().copied();
        request.first_token_ns = self.first_token_ns;
        request.last_token_ns = self.last_token_ns;
        request.chunk_count = self.arrivals.len() as i64;
        request.event_count = self.event_count;
        request.token_events = self.token_events;
        request.response_bytes = self.bytes;
        request.prompt_eval_count = said.prompt_eval_count;
        request.eval_count = said.eval_count;
        request.total_duration_ns = said.total_duration_ns;
        request.load_duration_ns = said.load_duration_ns;
        request.prompt_eval_duration_ns = said.prompt_eval_duration_ns;
        request.eval_duration_ns = said.eval_duration_ns;
        request.done_reason = said.done_reason;
        let failed_status = request.status.is_some_and(|status| status >= 400);
        let generates = dialect(request).generates();
        let unfinished = generates && !said.done;
        // Some clients leave on the word that this is the end, and do not wait for it.
        let told = generates && (said.done || said.error.is_some());
        let ending = match ending {
            Outcome::ClientAborted if told => Outcome::Complete,
            ending => ending,
        };
        request.outcome = match ending {
            Outcome::Complete if failed_status => Outcome::ErrorStatus,
            Outcome::Complete if said.error.is_some() => Outcome::ErrorEvent,
            Outcome::Complete if unfinished => Outcome::Truncated,
            ending => ending,
        };
        let unpacking = self.unpacker.error().map(str::to_owned);
        request.error = request.error.take().or(unpacking).or(said.error);
    }
}

/// Whether the model said something in it. What an importer knows to be content, but not its words,
/// has no text.
pub fn carries_content(kind: &str, text: Option<&str>) -> bool {
    let content = [Kind::Token, Kind::Thinking, Kind::ToolCall];
    content.iter().any(|of| of.as_str() == kind) && text != Some("")
}

fn dialect(request: &Request) -> Dialect {
    request.dialect.parse().unwrap_or(Dialect::Other)
}

/// Rows of `events` on their way to the table.
#[derive(Default)]
pub struct EventRows {
    session_id: StringBuilder,
    run_id: Int32Builder,
    agent: StringBuilder,
    request_id: Int64Builder,
    seq: Int32Builder,
    chunk_seq: Int32Builder,
    t_ns: Int64Builder,
    kind: StringBuilder,
    text: StringBuilder,
    server_created_at: TimestampNanosecondBuilder,
    session: String,
}

impl EventRows {
    /// No events of a session yet.
    pub fn new(session_id: &str) -> Self {
        Self {
            session: session_id.to_owned(),
            server_created_at: TimestampNanosecondBuilder::new().with_timezone("UTC"),
            ..Self::default()
        }
    }

    /// Appends an event of `request`.
    pub fn push(&mut self, request: &Request, seq: i32, event: &Event, t_ns: i64) {
        self.session_id.append_value(&self.session);
        self.run_id.append_value(request.run_id);
        self.agent.append_value(&request.agent);
        self.request_id.append_value(request.request_id);
        self.seq.append_value(seq);
        self.chunk_seq.append_value(event.chunk_seq);
        self.t_ns.append_value(t_ns);
        self.kind.append_value(event.kind.as_str());
        self.text.append_option(event.text.as_deref());
        self.server_created_at
            .append_option(event.server_created_at);
    }

    /// Takes the rows that are held as a batch.
    ///
    /// # Errors
    /// If Arrow refuses the columns.
    pub fn take(&mut self) -> Result<RecordBatch> {
        let created = self.server_created_at.finish().with_timezone("UTC");
        self.server_created_at = TimestampNanosecondBuilder::new().with_timezone("UTC");
        Ok(RecordBatch::try_new(
            TableName::Events.schema(),
            vec![
                Arc::new(self.session_id.finish()),
                Arc::new(self.run_id.finish()),
                Arc::new(self.agent.finish()),
                Arc::new(self.request_id.finish()),
                Arc::new(self.seq.finish()),
                Arc::new(self.chunk_seq.finish()),
                Arc::new(self.t_ns.finish()),
                Arc::new(self.kind.finish()),
                Arc::new(self.text.finish()),
                Arc::new(created),
            ],
        )?)
    }
}
