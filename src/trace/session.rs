//! What a journal says, gathered: small things in memory, what grows with the recording in external sorts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{
    Array, BinaryBuilder, Int32Array, Int32Builder, Int64Array, Int64Builder, RecordBatch,
};
use arrow::datatypes::{DataType, Field, Schema};

use super::columns::samples_batch;
use super::journal::{self, Entry, JOURNAL};
use super::notes::{Ending, Note};
use super::order::Order;
use super::rows::{Outcome, Request, Run, Sample};
use crate::wire;

/// Rows of each kind held in memory while they are put in order; more is spilled beside the journal.
const HELD_BYTES: usize = 32 << 20;
/// Rows gathered into a batch.
const BATCH_ROWS: usize = 4096;

/// What a journal says, gathered; what grows with it in external sorts.
pub struct Session {
    pub runs: Vec<Run>,
    /// Without their bodies.
    pub requests: BTreeMap<i64, Asked>,
    pub versions: BTreeMap<String, String>,
    pub redacted: BTreeSet<String>,
    pub lost: u64,
    /// Bytes of the journal that could not be read.
    pub unread_bytes: u64,
    pub last_ns: i64,
    pub chunks: Order,
    pub bodies: Order,
    pub samples: Order,
}

pub struct Asked {
    pub row: Request,
    /// How the transport ended; without a word of it, the recorder died first.
    pub ending: Outcome,
    chunks: i32,
}

impl Session {
    /// Reads the journal of `folder`; none if its recorder died before its first byte.
    ///
    /// # Errors
    /// If it cannot be read or a sort cannot spill.
    pub fn read(folder: &Path, journal: Option<&File>, session_id: &str) -> Result<Self> {
        let order = |name| Order::new(&folder.join(JOURNAL), name, HELD_BYTES);
        let mut session = Self {
            runs: Vec::new(),
            requests: BTreeMap::new(),
            versions: BTreeMap::new(),
            redacted: BTreeSet::new(),
            lost: 0,
            unread_bytes: 0,
            last_ns: 0,
            chunks: order("chunks"),
            bodies: order("bodies"),
            samples: order("samples"),
        };
        let (mut chunks, mut bodies) = (PayloadRows::default(), PayloadRows::default());
        let mut samples = SampleRows::new(session_id);
        let Some(journal) = journal else {
            return Ok(session);
        };
        let unread = journal::read(journal, |entry| {
            match entry {
                Entry::Chunk {
                    request_id,
                    t_ns,
                    payload,
                } => {
                    let Some(asked) = session.requests.get_mut(&request_id) else {
                        // Its request was not readable.
                        return Ok(false);
                    };
                    session.last_ns = session.last_ns.max(t_ns);
                    chunks.push(request_id, asked.chunks, t_ns, payload);
                    asked.chunks += 1;
                    if chunks.is_full() {
                        session.chunks.push(chunks.take()?)?;
                    }
                }
                Entry::Note {
                    t_ns,
                    note,
                    payload,
                } => {
                    if !session.has_a_place_for(&note) {
                        return Ok(false);
                    }
                    session.last_ns = session.last_ns.max(t_ns);
                    match (*note, payload) {
                        (Note::Sample(sample), _) => samples.push(sample),
                        (Note::Sent(sent), Some(body)) => {
                            bodies.push(sent.request_id, 0, sent.start_ns, body);
                            session.note(Note::Sent(sent), payload);
                        }
                        (note, _) => session.note(note, payload),
                    }
                    if bodies.is_full() {
                        session.bodies.push(bodies.take()?)?;
                    }
                    if samples.is_full() {
                        session.samples.push(samples.take()?)?;
                    }
                }
            }
            Ok(true)
        })?;
        session.unread_bytes += unread;
        session.chunks.push(chunks.take()?)?;
        session.bodies.push(bodies.take()?)?;
        session.samples.push(samples.take()?)?;
        if let Some(run) = session.runs.last_mut() {
            run.end_ns.get_or_insert(session.last_ns);
        }
        Ok(session)
    }

    /// Not if its request was not readable, or if another has the same number: then one of them is damaged.
    fn has_a_place_for(&self, note: &Note) -> bool {
        let is_known = |request_id| self.requests.contains_key(request_id);
        match note {
            Note::Sent(sent) => !is_known(&sent.request_id),
            Note::Head(head) => is_known(&head.request_id),
            Note::End(end) => is_known(&end.request_id),
            _ => true,
        }
    }

    fn note(&mut self, note: Note, payload: Option<&[u8]>) {
        match note {
            Note::Run(run) => {
                let mut known = self.runs.iter_mut();
                if let Some(known) = known.find(|known| known.run_id == run.run_id) {
                    *known = Run {
                        start_ns: known.start_ns,
                        end_ns: known.end_ns,
                        ..run
                    };
                    return;
                }
                if let Some(before) = self.runs.last_mut() {
                    before.end_ns.get_or_insert(run.start_ns);
                }
                self.runs.push(run);
            }
            Note::Sent(sent) => {
                let body = payload.unwrap_or_default();
                let asked = wire::asked(&sent.method, &sent.path, body);
                let row = Request {
                    run_id: sent.run_id,
                    agent: sent.agent,
                    request_id: sent.request_id,
                    dialect: asked.dialect.as_str().to_owned(),
                    method: sent.method,
                    path: sent.path,
                    endpoint: asked.endpoint,
                    model: asked.model,
                    stream: asked.stream,
                    options: asked.options.map(|options| options.to_string()),
                    request_headers: Some(headers_json(&sent.headers)),
                    intended_ns: sent.intended_ns,
                    start_ns: Some(sent.start_ns),
                    // Stands unless an end was noted.
                    error: Some("the recorder died before the answer ended".to_owned()),
                    ..Request::default()
                };
                let asked = Asked {
                    row,
                    ending: Outcome::Truncated,
                    chunks: 0,
                };
                self.requests.insert(sent.request_id, asked);
            }
            Note::Head(head) => {
                if let Some(asked) = self.requests.get_mut(&head.request_id) {
                    asked.row.start_ns = head.sent_again_ns.or(asked.row.start_ns);
                    asked.row.headers_ns = Some(head.headers_ns);
                    asked.row.status = Some(i32::from(head.status));
                    asked.row.response_headers = Some(headers_json(&head.headers));
                }
            }
            Note::End(end) => {
                if let Some(asked) = self.requests.get_mut(&end.request_id) {
                    asked.row.end_ns = Some(end.end_ns);
                    asked.row.error = end.error;
                    asked.ending = match end.ending {
                        Ending::Whole => Outcome::Complete,
                        Ending::BrokenOff => Outcome::Truncated,
                        Ending::ClientLeft => Outcome::ClientAborted,
                        Ending::ConnectFailed => Outcome::ConnectFailed,
                        Ending::TimedOut => Outcome::Timeout,
                    };
                }
            }
            // These go into a table of their own as they come.
            Note::Sample(_) => {}
            Note::Redacted(name) => {
                self.redacted.insert(name);
            }
            Note::ServerVersion { agent, version } => {
                self.versions.insert(agent, version);
            }
            Note::Lost(chunks) => self.lost = self.lost.saturating_add(chunks),
        }
    }
}

/// Lists of pairs keep repeated headers and their order.
fn headers_json(headers: &[(String, String)]) -> String {
    serde_json::json!(headers).to_string()
}

/// Payloads of the journal with their place: `request_id`, `seq`, `t_ns`, `payload`.
#[derive(Default)]
struct PayloadRows {
    request_id: Int64Builder,
    seq: Int32Builder,
    t_ns: Int64Builder,
    payload: BinaryBuilder,
}

impl PayloadRows {
    fn push(&mut self, request_id: i64, seq: i32, t_ns: i64, payload: &[u8]) {
        self.request_id.append_value(request_id);
        self.seq.append_value(seq);
        self.t_ns.append_value(t_ns);
        self.payload.append_value(payload);
    }

    fn is_full(&self) -> bool {
        self.payload.values_slice().len() > 4 << 20 || self.seq.values_slice().len() >= BATCH_ROWS
    }

    fn take(&mut self) -> Result<RecordBatch> {
        let columns: [(&str, Arc<dyn Array>); 4] = [
            ("request_id", Arc::new(self.request_id.finish())),
            ("seq", Arc::new(self.seq.finish())),
            ("t_ns", Arc::new(self.t_ns.finish())),
            ("payload", Arc::new(self.payload.finish())),
        ];
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

/// Samples of the journal with their place: `at`, `n`, and the columns of the table.
struct SampleRows {
    session_id: String,
    held: Vec<Sample>,
    /// Samples of one instant stay in the order in which they came.
    taken: i32,
}

impl SampleRows {
    fn new(session_id: &str) -> Self {
        Self {
            session_id: session_id.to_owned(),
            held: Vec::new(),
            taken: 0,
        }
    }

    fn push(&mut self, sample: Sample) {
        self.held.push(sample);
    }

    fn is_full(&self) -> bool {
        self.held.len() >= BATCH_ROWS
    }

    fn take(&mut self) -> Result<RecordBatch> {
        let table = samples_batch(&self.session_id, &self.held)?;
        let numbers = self.taken..self.taken + self.held.len() as i32;
        self.taken = numbers.end;
        let times = self.held.iter().map(|sample| sample.t_ns);
        let keys: [Arc<dyn Array>; 2] = [
            Arc::new(Int64Array::from_iter_values(times)),
            Arc::new(Int32Array::from_iter_values(numbers)),
        ];
        self.held.clear();
        let names = [
            Field::new("at", DataType::Int64, false),
            Field::new("n", DataType::Int32, false),
        ];
        let schema = table.schema();
        let fields = names
            .into_iter()
            .map(Arc::new)
            .chain(schema.fields().iter().cloned());
        let columns = keys.into_iter().chain(table.columns().iter().cloned());
        Ok(RecordBatch::try_new(
            Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            columns.collect(),
        )?)
    }
}
