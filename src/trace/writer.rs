//! The writer: takes what the recorder sees into memory at once, and a thread of its own takes it to the journal.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::files;
use super::journal::{End, Head, JOURNAL, Journal, Note, Rows, Sent};
use super::manifest::{MANIFEST, Manifest, Status};
use super::rows::{Run, Sample};
use super::seal::seal;
use crate::clock::Clock;
use crate::wire::redaction::redact_headers;

/// How often rows go to the journal. A kill loses at most this much and one write.
const FLUSH_INTERVAL: Duration = Duration::from_millis(25);
/// Rows go to the journal earlier when this much payload waits.
const FLUSH_BYTES: usize = 4 << 20;
/// Beyond this much waiting payload, chunks are counted as lost instead of kept.
const HELD_BYTES: usize = 64 << 20;

/// A trace being written: make one, hand out its [`Tape`], and finish it into a sealed trace.
pub struct Writer {
    folder: PathBuf,
    tape: Tape,
    thread: JoinHandle<()>,
}

/// The recording end of a [`Writer`]: cheap to clone, never blocks on the disk.
#[derive(Clone)]
pub struct Tape {
    shared: Arc<Shared>,
    clock: Clock,
}

struct Shared {
    state: Mutex<State>,
    /// Wakes the journal's thread.
    wake: Condvar,
}

struct State {
    rows: Rows,
    /// Runs begun so far, to number them.
    runs: Vec<Run>,
    requests: i64,
    redacted: BTreeSet<String>,
    lost: u64,
    /// Nobody writes any more: what is held goes to the journal, then the thread ends.
    closed: bool,
    /// Why the journal cannot be written; from then on chunks are counted, not kept.
    failed: Option<String>,
}

impl Writer {
    /// Begins a trace in `folder`, which must not hold one yet.
    ///
    /// `session` says what is known from the start: name, labels, agents. Identity, time, host
    /// and version are filled in here.
    ///
    /// # Errors
    /// If the folder holds a trace already or cannot be written.
    pub fn create(folder: &Path, clock: Clock, session: Manifest) -> Result<Self> {
        for taken in [MANIFEST, JOURNAL] {
            if folder.join(taken).exists() {
                bail!(
                    "{} already holds a trace; choose another folder with -o, or remove it",
                    folder.display()
                );
            }
        }
        let journal_folder = folder.join(JOURNAL);
        files::private_folder(folder)?;
        files::private_folder(&journal_folder)?;
        let name = folder.file_name().map(|name| name.to_string_lossy().into());
        let manifest = Manifest {
            format_version: super::manifest::FORMAT_VERSION,
            session_id: uuid::Uuid::now_v7().to_string(),
            name: name.unwrap_or_default(),
            started_at: clock.started_at(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            host: super::manifest::Host::this(),
            ..session
        };
        manifest.write(&journal_folder)?;
        let journal = Journal::create(folder)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                rows: Rows::new(),
                runs: Vec::new(),
                requests: 0,
                redacted: BTreeSet::new(),
                lost: 0,
                closed: false,
                failed: None,
            }),
            wake: Condvar::new(),
        });
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn({
                let shared = shared.clone();
                move || shared.keep(journal)
            })
            .context("the journal's thread cannot be started")?;
        Ok(Self {
            folder: folder.to_owned(),
            tape: Tape { shared, clock },
            thread,
        })
    }

    /// The recording end.
    pub fn tape(&self) -> Tape {
        self.tape.clone()
    }

    /// Ends the recording and seals the trace: all that the journal holds. What it could not take
    /// is counted in the manifest.
    ///
    /// # Errors
    /// If sealing fails; the journal then stays for `recover`.
    pub fn finish(self) -> Result<Manifest> {
        let (folder, tape) = (self.folder.clone(), self.tape());
        self.close()?;
        seal(&folder, Status::Sealed, tape.lost_chunks())
    }

    /// Waits until the journal holds all it can.
    fn close(self) -> Result<()> {
        self.tape.shared.state().closed = true;
        self.tape.shared.wake.notify_one();
        if self.thread.join().is_err() {
            bail!("the journal's thread died; run `tokentape recover`");
        }
        Ok(())
    }
}

impl Writer {
    /// Ends a recording that never began and removes what it put into its folder.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn discard(self) -> Result<()> {
        let folder = self.folder.clone();
        self.close()?;
        fs::remove_dir_all(folder.join(JOURNAL))?;
        // Only if nothing else is in it: the folder may have been there before.
        let _ = fs::remove_dir(folder);
        Ok(())
    }
}

impl Tape {
    /// The session's clock, by which everything handed to the tape is stamped.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Begins a run and returns its `run_id`. `run_id`, `run_number` (if 0) and `start_ns` are set here.
    pub fn begin_run(&self, run: Run) -> i32 {
        let start_ns = self.clock.now_ns();
        self.shared.state().begin_run(run, start_ns)
    }

    /// Notes a request that was handed to the server and returns its `request_id`.
    ///
    /// `request_id` and `run_id` are set here; secrets in its headers are withheld.
    pub fn sent(&self, sent: Sent, body: &[u8]) -> i64 {
        let (headers, redacted) = redact_headers(&sent.headers);
        let mut state = self.shared.state();
        let run_id = match state.runs.last() {
            Some(run) => run.run_id,
            None => state.begin_run(Run::default(), 0),
        };
        state.requests += 1;
        let request_id = state.requests;
        let start_ns = sent.start_ns;
        state.withheld(redacted, start_ns);
        let sent = Sent {
            request_id,
            run_id,
            headers,
            ..sent
        };
        state.note(start_ns, &Note::Sent(sent), Some(body));
        request_id
    }

    /// Notes the head of an answer; secrets in its headers are withheld.
    pub fn head(&self, head: Head) {
        let (headers, redacted) = redact_headers(&head.headers);
        let mut state = self.shared.state();
        state.withheld(redacted, head.headers_ns);
        state.note(head.headers_ns, &Note::Head(Head { headers, ..head }), None);
    }

    /// Keeps chunks of one answer, in the order in which they arrived.
    pub fn chunks(&self, request_id: i64, chunks: impl Iterator<Item = (i64, impl AsRef<[u8]>)>) {
        let mut state = self.shared.state();
        for (t_ns, payload) in chunks {
            let payload = payload.as_ref();
            if state.failed.is_some() || state.rows.bytes() + payload.len() > HELD_BYTES {
                state.lost += 1;
            } else {
                state.rows.chunk(request_id, t_ns, payload);
            }
        }
        if state.rows.bytes() > FLUSH_BYTES {
            self.shared.wake.notify_one();
        }
    }

    /// Notes the end of an exchange.
    pub fn end(&self, end: End) {
        let end_ns = end.end_ns;
        self.shared.state().note(end_ns, &Note::End(end), None);
    }

    /// Keeps one value of a time series; its run is the current one.
    pub fn sample(&self, sample: Sample) {
        let mut state = self.shared.state();
        let run_id = state.runs.last().map(|run| run.run_id);
        let t_ns = sample.t_ns;
        state.note(t_ns, &Note::Sample(Sample { run_id, ..sample }), None);
    }

    /// Notes the version an agent's server gave of itself.
    pub fn server_version(&self, agent: &str, version: &str) {
        let note = Note::ServerVersion {
            agent: agent.to_owned(),
            version: version.to_owned(),
        };
        let now_ns = self.clock.now_ns();
        self.shared.state().note(now_ns, &note, None);
    }

    /// Requests noted so far.
    pub fn requests(&self) -> i64 {
        self.shared.state().requests
    }

    /// Why nothing can be kept any more, if so.
    pub fn failure(&self) -> Option<String> {
        self.shared.state().failed.clone()
    }

    /// Chunks that could not be kept so far.
    pub fn lost_chunks(&self) -> u64 {
        self.shared.state().lost
    }
}

impl State {
    fn begin_run(&mut self, run: Run, start_ns: i64) -> i32 {
        let same = |other: &&Run| {
            (&other.scenario, &other.model, &other.runtime)
                == (&run.scenario, &run.model, &run.runtime)
                && (&other.topology, &other.config) == (&run.topology, &run.config)
                && other.phase == run.phase
        };
        let run_number = match run.run_number {
            0 => 1 + self.runs.iter().filter(same).count() as i32,
            said => said,
        };
        let run = Run {
            run_id: 1 + self.runs.len() as i32,
            run_number,
            start_ns,
            ..run
        };
        let run_id = run.run_id;
        self.note(start_ns, &Note::Run(run.clone()), None);
        self.runs.push(run);
        run_id
    }

    fn withheld(&mut self, names: Vec<String>, t_ns: i64) {
        for name in names {
            if self.redacted.insert(name.clone()) {
                self.note(t_ns, &Note::Redacted(name), None);
            }
        }
    }

    fn note(&mut self, t_ns: i64, note: &Note, payload: Option<&[u8]>) {
        // A note is a struct of strings and numbers: it always has a JSON form.
        if let (None, Ok(json)) = (&self.failed, serde_json::to_string(note)) {
            self.rows.note(t_ns, &json, payload);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not take the recording with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal thread's whole life: waits, takes what is held, appends it. After a failed
    /// append nothing more can follow: what would is counted as lost, and the agents go on.
    fn keep(&self, mut journal: Journal) {
        let mut lost_noted = 0;
        loop {
            let (mut rows, closed) = {
                let (mut state, _) = self
                    .wake
                    .wait_timeout_while(self.state(), FLUSH_INTERVAL, |state| {
                        !state.closed && state.rows.bytes() <= FLUSH_BYTES
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                if state.lost > lost_noted {
                    let lost = state.lost - lost_noted;
                    lost_noted = state.lost;
                    state.note(0, &Note::Lost(lost), None);
                }
                let rows = std::mem::replace(&mut state.rows, Rows::new());
                (rows, state.closed)
            };
            let chunks = rows.chunks();
            if let Err(error) = journal.append(&mut rows) {
                let mut state = self.state();
                // What came meanwhile is lost as well.
                let held = std::mem::replace(&mut state.rows, Rows::new());
                state.lost += chunks + held.chunks();
                state.failed = Some(format!("{error:#}"));
                return;
            }
            if closed {
                return;
            }
        }
    }
}
