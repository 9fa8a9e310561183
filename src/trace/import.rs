//! Writes a trace of what another tool measured: rows in, sealed tables out, no journal between.

use std::path::Path;

use anyhow::{Result, bail};
use chrono::DateTime;

use super::columns::{published_batch, requests_batch, runs_batch, samples_batch};
use super::decode::{EventRows, carries_content};
use super::files;
use super::journal::JOURNAL;
use super::manifest::{Agent, FORMAT_VERSION, MANIFEST, Manifest, Status};
use super::rows::{Published, Request, Run, Sample};
use super::schema::TableName;
use super::tables::TableFile;
use crate::wire::Event;

/// Rows of this many exchanges' events are written at once.
const BATCH_REQUESTS: usize = 64;

/// A session that another tool measured, told in order: a run, then what belongs to it.
#[derive(Debug, Default)]
pub struct Import {
    /// What is known of the session: agents, labels, host, `started_at` (empty if it is not known),
    /// and what was missing or contradictory, in `remarks`.
    pub session: Manifest,
    runs: Vec<Run>,
    requests: Vec<(Request, Vec<Arrival>)>,
    samples: Vec<Sample>,
    published: Vec<Published>,
    source: blake3::Hasher,
}

/// An event and when it came, on the session's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// When, in nanoseconds.
    pub t_ns: i64,
    /// What it was. A content event without text is one whose words were not kept.
    pub event: Event,
}

impl Import {
    /// Takes note of a file that the trace is made from: the same files make the same trace, to the
    /// byte.
    pub fn made_from(&mut self, name: &str, bytes: &[u8]) {
        for part in [name.as_bytes(), bytes] {
            self.source.update(&(part.len() as u64).to_le_bytes());
            self.source.update(part);
        }
    }

    /// Begins the next run; its number in the session is given here.
    pub fn run(&mut self, run: Run) {
        let run_id = self.run_id() + 1;
        self.runs.push(Run { run_id, ..run });
    }

    /// Declares an agent, unless it is known already.
    pub fn agent(&mut self, name: &str, endpoint: &str) {
        if self.session.agent_index(name).is_none() {
            self.session.agents.push(Agent {
                name: name.to_owned(),
                endpoint: endpoint.to_owned(),
                server_version: None,
            });
        }
    }

    /// The run that was begun last; 0 before the first.
    pub fn run_id(&self) -> i32 {
        self.runs.len() as i32
    }

    /// Adds an exchange to the current run; returns its number in the session. Its counts and the
    /// times of its content are those of `arrivals`, where there are any.
    pub fn request(&mut self, request: Request, arrivals: Vec<Arrival>) -> i64 {
        let content: Vec<i64> = arrivals
            .iter()
            .filter(|Arrival { event, .. }| {
                carries_content(event.kind.as_str(), event.text.as_deref())
            })
            .map(|arrival| arrival.t_ns)
            .collect();
        let request = Request {
            run_id: self.run_id(),
            request_id: self.requests.len() as i64 + 1,
            event_count: arrivals.len() as i64,
            token_events: content.len() as i64,
            first_token_ns: content.first().copied().or(request.first_token_ns),
            last_token_ns: content.last().copied().or(request.last_token_ns),
            ..request
        };
        self.requests.push((request, arrivals));
        self.requests.len() as i64
    }

    /// Adds a value of a time series. It belongs to the run that it names, else to that during which it
    /// was taken.
    pub fn sample(&mut self, sample: Sample) {
        let during = |run: &&Run| run.start_ns <= sample.t_ns && run.end_ns >= Some(sample.t_ns);
        let during = || self.runs.iter().find(during).map(|run| run.run_id);
        let run_id = sample.run_id.or_else(during);
        self.samples.push(Sample { run_id, ..sample });
    }

    /// Keeps the current run's figures as its source printed them. The run's configuration is
    /// filled in here.
    pub fn published(&mut self, figures: Published) {
        let Some(run) = self.runs.last() else { return };
        self.published.push(Published {
            run_id: run.run_id,
            runtime: run.runtime.clone(),
            model: run.model.clone(),
            scenario: run.scenario.clone(),
            run_number: run.run_number,
            ..figures
        });
    }

    /// Notes what was missing, cut or contradictory, in one sentence.
    pub fn remark(&mut self, remark: String) {
        self.session.remarks.push(remark);
    }

    /// Writes the trace into `folder`.
    ///
    /// # Errors
    /// If there is no run, the folder holds a trace already, or it cannot be written.
    pub fn seal(mut self, folder: &Path) -> Result<Manifest> {
        if self.runs.is_empty() {
            let nothing = "nothing was found that could be imported";
            match self.session.remarks.first() {
                Some(why) => bail!("{nothing}: {why}"),
                None => bail!(nothing),
            }
        }
        for taken in [MANIFEST, JOURNAL] {
            if folder.join(taken).exists() {
                bail!(
                    "{} already holds a trace; choose another folder with -o, or remove it",
                    folder.display()
                );
            }
        }
        files::private_folder(folder)?;
        let id = session_id(&self.session.started_at, &self.source.finalize());
        let mut written = Vec::new();

        let mut runs = TableFile::create(folder, TableName::Runs)?;
        runs.write(&runs_batch(&id, &self.runs)?)?;
        written.push(runs.publish()?);

        let mut requests = TableFile::create(folder, TableName::Requests)?;
        let mut events = TableFile::create(folder, TableName::Events)?;
        let mut event_rows = EventRows::new(&id);
        for batch in self.requests.chunks(BATCH_REQUESTS) {
            for (request, arrivals) in batch {
                for (seq, arrival) in (0..).zip(arrivals) {
                    event_rows.push(request, seq, &arrival.event, arrival.t_ns);
                }
            }
            events.write(&event_rows.take()?)?;
            let rows: Vec<Request> = batch.iter().map(|(request, _)| request.clone()).collect();
            requests.write(&requests_batch(&id, &rows)?)?;
        }
        written.push(requests.publish()?);
        written.push(TableFile::create(folder, TableName::Chunks)?.publish()?);
        written.push(events.publish()?);

        self.samples.sort_by_key(|sample| sample.t_ns);
        let mut samples = TableFile::create(folder, TableName::Samples)?;
        samples.write(&samples_batch(&id, &self.samples)?)?;
        written.push(samples.publish()?);

        let mut published = TableFile::create(folder, TableName::Published)?;
        published.write(&published_batch(&id, &self.published)?)?;
        written.push(published.publish()?);

        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            session_id: id,
            name: name.into_owned(),
            duration_ns: self.duration_ns(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            status: Status::Imported,
            files: written,
            ..self.session
        };
        manifest.write(folder)?;
        Ok(manifest)
    }

    fn duration_ns(&self) -> i64 {
        let runs = self.runs.iter().filter_map(|run| run.end_ns);
        let requests = self.requests.iter().filter_map(|(r, _)| r.end_ns);
        let samples = self.samples.iter().map(|sample| sample.t_ns);
        runs.chain(requests).chain(samples).max().unwrap_or(0)
    }
}

/// A UUIDv7 of the time at which the session began (0 if that is not known) and of its source.
fn session_id(started_at: &str, source: &blake3::Hash) -> String {
    let millis = DateTime::parse_from_rfc3339(started_at).map_or(0, |at| at.timestamp_millis());
    let mut random = [0; 10];
    random.copy_from_slice(&source.as_bytes()[..10]);
    let id = uuid::Builder::from_unix_timestamp_millis(millis.max(0) as u64, &random);
    id.into_uuid().to_string()
}
