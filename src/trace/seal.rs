//! Seals a journal into a trace: tables under temporary names, renamed when whole, the manifest last.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use arrow::array::{
    Array, BinaryBuilder, Int32Array, Int32Builder, Int64Builder, RecordBatch, StringArray,
};

use super::columns::{Columns, requests_batch, runs_batch, samples_batch};
use super::decode::{Answer, EventRows};
use super::journal::{self, Ending, Entry, JOURNAL, Note};
use super::manifest::{FileEntry, MANIFEST, Manifest, Status};
use super::order::ChunkOrder;
use super::rows::{Outcome, Request, Run, Sample};
use super::schema::TableName;
use super::tables::TableFile;
use crate::wire;

/// Chunks held in memory while they are put in order; more is spilled beside the journal.
const HELD_BYTES: usize = 48 << 20;
/// Rows gathered into a batch.
const BATCH_ROWS: usize = 4096;

/// Seals what the journal of `folder` holds, then removes the journal. `lost_chunks` never got
/// into it; a recorder that died cannot say, then the journal's own count stands.
///
/// # Errors
/// If the journal cannot be read or the tables cannot be written; the journal then stays.
pub fn seal(folder: &Path, status: Status, lost_chunks: u64) -> Result<Manifest> {
    let journal_folder = folder.join(JOURNAL);
    // Locked until it is removed. Who waited for the lock finds what the other made of it.
    let journal = journal::open(folder)?;
    if folder.join(MANIFEST).exists() {
        bail!("{} is sealed already", folder.display());
    }
    let manifest = Manifest::read(&journal_folder)?;
    let mut session = Session::read(folder, journal.as_ref())?;
    let chunks = std::mem::replace(&mut session.chunks, ChunkOrder::new(folder, 0));
    let mut files = seal_answers(folder, &manifest.session_id, &mut session.requests, chunks)?;
    let id = &manifest.session_id;
    let requests: Vec<Request> = session
        .requests
        .into_values()
        .map(|asked| asked.row)
        .collect();
    let samples = &mut session.samples;
    samples.sort_by_key(|sample| sample.t_ns);
    for (table, batch) in [
        (TableName::Runs, runs_batch(id, &session.runs)?),
        (TableName::Requests, requests_batch(id, &requests)?),
        (TableName::Samples, samples_batch(id, samples)?),
    ] {
        let mut file = TableFile::create(folder, table)?;
        file.write(&batch)?;
        files.push(file.publish()?);
    }
    let order = |file: &FileEntry| TableName::ALL.iter().position(|t| t.file() == file.name);
    files.sort_by_key(order);
    let mut agents = manifest.agents.clone();
    for agent in &mut agents {
        agent.server_version = session.versions.remove(&agent.name);
    }
    let manifest = Manifest {
        duration_ns: session.last_ns,
        agents,
        status,
        lost_chunks: session.lost.max(lost_chunks),
        redacted: session.redacted.into_iter().collect(),
        files,
        ..manifest
    };
    manifest.write(folder)?;
    fs::remove_dir_all(&journal_folder)
        .with_context(|| format!("{} cannot be removed", journal_folder.display()))?;
    Ok(manifest)
}

/// Seals what a recorder that died left behind.
///
/// # Errors
/// If there is no journal, a recorder still writes it, or sealing fails.
pub fn recover(folder: &Path) -> Result<Manifest> {
    let journal_folder = folder.join(JOURNAL);
    let sealed = folder.join(MANIFEST).exists();
    match (sealed, journal_folder.exists()) {
        (false, true) if !journal_folder.join(MANIFEST).exists() => bail!(
            "{} holds a journal that never began; remove the folder, nothing was recorded",
            folder.display()
        ),
        (false, true) => seal(folder, Status::Recovered, 0),
        // The recorder died between sealing and removing the journal.
        (true, true) => {
            fs::remove_dir_all(&journal_folder)
                .with_context(|| format!("{} cannot be removed", journal_folder.display()))?;
            Manifest::read(folder)
        }
        (true, false) => bail!("{} is sealed already: nothing to recover", folder.display()),
        (false, false) => bail!(
            "{} holds neither a trace nor a journal; name the folder given to `record -o`",
            folder.display()
        ),
    }
}

/// What a journal says, gathered; its chunks in an external sort.
struct Session {
    runs: Vec<Run>,
    requests: BTreeMap<i64, Asked>,
    samples: Vec<Sample>,
    versions: BTreeMap<String, String>,
    redacted: BTreeSet<String>,
    lost: u64,
    last_ns: i64,
    chunks: ChunkOrder,
}

struct Asked {
    row: Request,
    /// How the transport ended; without a word of it, the recorder died first.
    ending: Outcome,
    chunks: i32,
}

impl Session {
    fn read(folder: &Path, journal: Option<&File>) -> Result<Self> {
        let mut session = Self {
            runs: Vec::new(),
            requests: BTreeMap::new(),
            samples: Vec::new(),
            versions: BTreeMap::new(),
            redacted: BTreeSet::new(),
            lost: 0,
            last_ns: 0,
            chunks: ChunkOrder::new(&folder.join(JOURNAL), HELD_BYTES),
        };
        let mut rows = ChunkRows::default();
        let Some(journal) = journal else {
            return Ok(session);
        };
        journal::read(journal, |entry| {
            match entry {
                Entry::Chunk {
                    request_id,
                    t_ns,
                    payload,
                } => {
                    session.last_ns = session.last_ns.max(t_ns);
                    let asked = session.requests.get_mut(&request_id);
                    let asked = asked.context("the journal holds a chunk of no request")?;
                    rows.push(request_id, asked.chunks, t_ns, payload);
                    asked.chunks += 1;
                    if rows.is_full() {
                        session.chunks.push(rows.take()?)?;
                    }
                }
                Entry::Note {
                    t_ns,
                    note,
                    payload,
                } => {
                    session.last_ns = session.last_ns.max(t_ns);
                    session.note(*note, payload);
                }
            }
            Ok(())
        })?;
        session.chunks.push(rows.take()?)?;
        if let Some(run) = session.runs.last_mut() {
            run.end_ns = Some(session.last_ns);
        }
        Ok(session)
    }

    fn note(&mut self, note: Note, payload: Option<&[u8]>) {
        match note {
            Note::Run(run) => {
                if let Some(before) = self.runs.last_mut() {
                    before.end_ns = Some(run.start_ns);
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
                    // None: there was no room for it.
                    request_body: payload.map(<[u8]>::to_vec),
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
            Note::Sample(sample) => self.samples.push(sample),
            Note::Redacted(name) => {
                self.redacted.insert(name);
            }
            Note::ServerVersion { agent, version } => {
                self.versions.insert(agent, version);
            }
            Note::Lost(chunks) => self.lost += chunks,
        }
    }
}

/// Lists of pairs keep repeated headers and their order.
fn headers_json(headers: &[(String, String)]) -> String {
    serde_json::json!(headers).to_string()
}

/// Chunks of the journal with their place in their answer: `request_id`, `seq`, `t_ns`, `payload`.
#[derive(Default)]
struct ChunkRows {
    request_id: Int64Builder,
    seq: Int32Builder,
    t_ns: Int64Builder,
    payload: BinaryBuilder,
}

impl ChunkRows {
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

/// Writes `chunks` and `events` and completes the requests' rows, one answer after the other.
fn seal_answers(
    folder: &Path,
    session_id: &str,
    requests: &mut BTreeMap<i64, Asked>,
    order: ChunkOrder,
) -> Result<Vec<FileEntry>> {
    let mut chunks = TableFile::create(folder, TableName::Chunks)?;
    let mut events = TableFile::create(folder, TableName::Events)?;
    let mut event_rows = EventRows::new(session_id);
    let mut waiting = requests.values_mut();
    let mut open: Option<(&mut Asked, Answer)> = None;
    order.finish(|batch| {
        let columns = Columns(batch);
        let (ids, times) = (columns.int64("request_id")?, columns.int64("t_ns")?);
        let payloads = columns.bytes("payload")?;
        let (mut run_ids, mut agents) = (Vec::new(), Vec::new());
        for row in 0..batch.num_rows() {
            // Requests without chunks lie between; they are completed on the way.
            while open
                .as_ref()
                .is_none_or(|(asked, _)| asked.row.request_id != ids.value(row))
            {
                close(&mut open, &mut event_rows);
                let asked = waiting.next().context("a chunk has no request")?;
                let answer = Answer::new(&asked.row);
                open = Some((asked, answer));
            }
            if let Some((asked, answer)) = &mut open {
                answer.chunk(
                    &asked.row,
                    times.value(row),
                    payloads.value(row),
                    &mut event_rows,
                );
                run_ids.push(asked.row.run_id);
                agents.push(asked.row.agent.clone());
            }
        }
        let sizes = payloads
            .iter()
            .map(|payload| payload.map_or(0, <[u8]>::len) as i32);
        chunks.write(&RecordBatch::try_new(
            TableName::Chunks.schema(),
            vec![
                Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                    session_id,
                    batch.num_rows(),
                ))),
                Arc::new(Int32Array::from(run_ids)),
                Arc::new(StringArray::from(agents)),
                batch.column(0).clone(),
                batch.column(1).clone(),
                batch.column(2).clone(),
                Arc::new(Int32Array::from_iter_values(sizes)),
                batch.column(3).clone(),
            ],
        )?)?;
        events.write(&event_rows.take()?)
    })?;
    close(&mut open, &mut event_rows);
    for asked in waiting {
        let answer = Answer::new(&asked.row);
        answer.finish(&mut asked.row, asked.ending, &mut event_rows);
    }
    events.write(&event_rows.take()?)?;
    Ok(vec![chunks.publish()?, events.publish()?])
}

fn close(open: &mut Option<(&mut Asked, Answer)>, events: &mut EventRows) {
    if let Some((asked, answer)) = open.take() {
        answer.finish(&mut asked.row, asked.ending, events);
    }
}
