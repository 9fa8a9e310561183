//! The tape: takes what the recorder sees into memory at once; the journal's thread comes for it.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::notes::{End, Head, Note, Sent};
use super::rows::{Run, Sample};
use crate::clock::Clock;
use crate::wire::redaction::{AnswerMask, Found, Redactor};

/// The journal's thread is woken early when this much waits.
pub const FLUSH_BYTES: usize = 4 << 20;
/// Beyond this much, chunks, request bodies and samples are counted as lost instead of kept; beyond twice as
/// much, the heads of requests and all else.
pub const HELD_BYTES: usize = 32 << 20;

/// Notes are kept beyond that, since what they would be missing from is there; but not without end.
const STANDSTILL_BYTES: usize = 2 * HELD_BYTES;

/// The recording end of a [`Writer`](super::Writer): cheap to clone, never blocks on the disk.
///
/// Answers are searched for secrets as they are handed over: chunk by chunk that is quick, and a
/// flood is not faster than it can be searched. Requests and headers are searched on the journal's
/// thread.
#[derive(Clone)]
pub struct Tape {
    pub(super) shared: Arc<Shared>,
    clock: Clock,
    redactor: Redactor,
}

/// What the tape and the journal's thread have in common.
#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    /// Wakes the journal's thread.
    pub wake: Condvar,
}

#[derive(Default)]
pub struct State {
    pub held: Held,
    /// Of the answers under way.
    masks: HashMap<i64, AnswerMask<i64>>,
    /// What was withheld of answers: not noted yet, and noted.
    found: Found,
    withheld: Found,
    /// Runs begun so far, to number them.
    runs: Vec<Run>,
    /// The run in which requests are sent now; without one, the first of them begins it.
    run_id: Option<i32>,
    /// That run is over, though no other has begun.
    resting: bool,
    requests: u64,
    last_request_id: i64,
    pub lost: u64,
    /// Nobody writes any more: what is held goes to the journal, then the thread ends.
    pub closed: bool,
    /// Why the journal cannot be written; from then on everything is counted, nothing kept.
    pub failed: Option<String>,
}

/// Handed to the tape, not yet taken to the journal: in order, the payloads end to end.
#[derive(Default)]
pub struct Held {
    pub entries: Vec<HeldEntry>,
    pub payloads: Vec<u8>,
    /// Of what the notes say.
    note_bytes: usize,
}

/// One thing held. Lengths are those of its payload.
pub enum HeldEntry {
    Chunk {
        request_id: i64,
        t_ns: i64,
        length: usize,
    },
    Note {
        t_ns: i64,
        note: Box<Note>,
        length: Option<usize>,
    },
}

impl Held {
    /// How much memory it takes, roughly.
    pub fn bytes(&self) -> usize {
        self.payloads.len() + self.note_bytes + self.entries.len() * size_of::<HeldEntry>()
    }

    /// What would be lost with it: chunks, and requests whose body is not counted as lost already.
    pub fn losses(&self) -> u64 {
        let is_loss = |entry: &&HeldEntry| match entry {
            HeldEntry::Chunk { .. } => true,
            HeldEntry::Note { length, .. } => length.is_some(),
        };
        self.entries.iter().filter(is_loss).count() as u64
    }

    /// Makes it empty; the memory of a burst is given back.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.payloads.clear();
        self.note_bytes = 0;
        self.entries.shrink_to(FLUSH_BYTES / size_of::<HeldEntry>());
        self.payloads.shrink_to(FLUSH_BYTES);
    }

    fn chunk(&mut self, request_id: i64, t_ns: i64, payload: &[u8]) {
        self.payloads.extend_from_slice(payload);
        self.entries.push(HeldEntry::Chunk {
            request_id,
            t_ns,
            length: payload.len(),
        });
    }

    pub fn note(&mut self, t_ns: i64, note: Note, payload: Option<&[u8]>) {
        self.payloads.extend_from_slice(payload.unwrap_or_default());
        self.note_bytes += note.bytes();
        self.entries.push(HeldEntry::Note {
            t_ns,
            note: Box::new(note),
            length: payload.map(<[u8]>::len),
        });
    }
}

impl Tape {
    /// A tape that nothing has been written to.
    pub(super) fn new(clock: Clock, redactor: Redactor) -> Self {
        Self {
            shared: Arc::default(),
            clock,
            redactor,
        }
    }

    /// Goes on after these runs and this request.
    pub(super) fn go_on(&self, runs: Vec<Run>, last_request_id: i64) {
        let mut state = self.shared.state();
        state.runs = runs;
        state.last_request_id = last_request_id;
    }

    /// The session's clock, by which everything handed to the tape is stamped.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Begins a run and returns its `run_id`. `run_id`, `run_number` (if 0) and `start_ns` are set here.
    pub fn begin_run(&self, run: Run) -> i32 {
        let start_ns = self.clock.now_ns();
        self.shared.state().begin_run(run, start_ns)
    }

    /// Says anew what a run was: `said` makes the new row from the old one. Its `run_id`, its times and the
    /// run in which requests are noted stay. `None` if there is no such run.
    pub fn amend_run(&self, run_id: i32, said: impl FnOnce(Run) -> Run) -> Option<()> {
        let now_ns = self.clock.now_ns();
        self.shared.state().amend_run(run_id, said, now_ns)
    }

    /// Notes a request that was handed to the server and returns its `request_id`.
    ///
    /// `request_id` and `run_id` are set here, unless they were known before (and are not 0).
    pub fn sent(&self, sent: Sent, body: &[u8]) -> i64 {
        let mut state = self.shared.state();
        let run_id = match (sent.run_id, state.run_id) {
            (0, Some(run_id)) => run_id,
            // The first run of a session begins with it.
            (0, None) => {
                let start_ns = if state.runs.is_empty() {
                    0
                } else {
                    sent.start_ns
                };
                state.begin_run(Run::default(), start_ns)
            }
            (known, _) => known,
        };
        state.requests += 1;
        let request_id = match sent.request_id {
            0 => {
                state.last_request_id += 1;
                state.last_request_id
            }
            known => known,
        };
        let sent = Sent {
            request_id,
            run_id,
            ..sent
        };
        let start_ns = sent.start_ns;
        let body = state.has_room_for(body.len()).then_some(body);
        state.note(start_ns, Note::Sent(sent), body);
        request_id
    }

    /// Notes the head of an answer.
    pub fn head(&self, head: Head) {
        let mut state = self.shared.state();
        let mut headers = head.headers.iter();
        let packed = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
        if let Some((_, encoding)) = packed {
            let mask = AnswerMask::packed(encoding);
            state.masks.insert(head.request_id, mask);
        }
        state.note(head.headers_ns, Note::Head(head), None);
    }

    /// Keeps chunks of one answer, in the order in which they arrived.
    pub fn chunks(&self, request_id: i64, chunks: impl Iterator<Item = (i64, impl AsRef<[u8]>)>) {
        let mut state = self.shared.state();
        let mut mask = state.masks.remove(&request_id).unwrap_or_default();
        for (t_ns, payload) in chunks {
            let payload = payload.as_ref();
            if state.has_room_for(payload.len()) {
                let State { held, found, .. } = &mut *state;
                mask.chunk(
                    &self.redactor,
                    t_ns,
                    payload,
                    found,
                    &mut |t_ns, payload| {
                        held.chunk(request_id, t_ns, payload);
                    },
                );
            }
        }
        state.masks.insert(request_id, mask);
        state.note_found();
        if state.held.bytes() > FLUSH_BYTES {
            self.shared.wake.notify_one();
        }
    }

    /// Notes the end of an exchange.
    pub fn end(&self, end: End) {
        let mut state = self.shared.state();
        state.release(&self.redactor, end.request_id);
        state.note(end.end_ns, Note::End(end), None);
    }

    /// The run is over: what is sampled until the next one begins belongs to none.
    pub fn rest(&self) {
        self.shared.state().resting = true;
    }

    /// Keeps one value of a time series; its run is the current one.
    pub fn sample(&self, sample: Sample) {
        let mut state = self.shared.state();
        if state.has_room_for(size_of::<Sample>()) {
            let run_id = state.run_id.filter(|_| !state.resting);
            let t_ns = sample.t_ns;
            state.note(t_ns, Note::Sample(Sample { run_id, ..sample }), None);
        }
    }

    /// Notes the version an agent's server gave of itself.
    pub fn server_version(&self, agent: &str, version: &str) {
        let note = Note::ServerVersion {
            agent: agent.to_owned(),
            version: version.to_owned(),
        };
        let now_ns = self.clock.now_ns();
        self.shared.state().note(now_ns, note, None);
    }

    /// Ends the recording: what waits goes to the journal, then its thread ends.
    pub(super) fn close(&self) {
        let mut state = self.shared.state();
        let unfinished: Vec<i64> = state.masks.keys().copied().collect();
        for request_id in unfinished {
            state.release(&self.redactor, request_id);
        }
        state.closed = true;
        self.shared.wake.notify_one();
    }

    /// Requests noted so far, here.
    pub fn requests(&self) -> u64 {
        self.shared.state().requests
    }

    /// Why nothing can be kept any more, if so.
    pub fn failure(&self) -> Option<String> {
        self.shared.state().failed.clone()
    }

    /// Chunks, requests or their bodies, and samples that could not be kept so far.
    pub fn lost(&self) -> u64 {
        self.shared.state().lost
    }
}

impl Shared {
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not take the recording with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let run_id = 1 + self.runs.iter().map(|run| run.run_id).max().unwrap_or(0);
        let run = Run {
            run_id,
            run_number,
            start_ns,
            ..run
        };
        self.note(start_ns, Note::Run(run.clone()), None);
        self.runs.push(run);
        self.run_id = Some(run_id);
        self.resting = false;
        run_id
    }

    fn amend_run(&mut self, run_id: i32, said: impl FnOnce(Run) -> Run, now_ns: i64) -> Option<()> {
        let run = self.runs.iter_mut().find(|run| run.run_id == run_id)?;
        *run = Run {
            run_id,
            start_ns: run.start_ns,
            end_ns: run.end_ns,
            ..said(run.clone())
        };
        let run = run.clone();
        self.note(now_ns, Note::Run(run), None);
        Some(())
    }

    /// Nothing more comes for an answer: what waited for a decision is kept.
    fn release(&mut self, redactor: &Redactor, request_id: i64) {
        if let Some(mask) = self.masks.remove(&request_id) {
            let State {
                held,
                found,
                lost,
                failed,
                ..
            } = self;
            mask.end(redactor, found, &mut |t_ns, payload| match failed {
                None => held.chunk(request_id, t_ns, payload),
                // Nobody comes for it any more.
                Some(_) => *lost += 1,
            });
            self.note_found();
        }
    }

    fn note_found(&mut self) {
        while let Some(name) = self.found.pop_first() {
            if self.withheld.insert(name.clone()) {
                self.note(0, Note::Redacted(name), None);
            }
        }
    }

    /// Whether so many bytes can be kept; if not, that is one loss. An empty body can as long as anything can.
    fn has_room_for(&mut self, bytes: usize) -> bool {
        self.check_standstill();
        let fits = bytes == 0 || self.held.bytes() + bytes <= HELD_BYTES;
        let room = self.failed.is_none() && fits;
        self.lost += u64::from(!room);
        room
    }

    /// Nothing more is kept when even notes have become too many.
    fn check_standstill(&mut self) {
        if self.failed.is_none() && self.held.bytes() > STANDSTILL_BYTES {
            let reason = "the disk has taken nothing for so long that nothing more can be kept";
            self.failed = Some(reason.to_owned());
        }
    }

    fn note(&mut self, t_ns: i64, note: Note, payload: Option<&[u8]>) {
        self.check_standstill();
        if self.failed.is_none() {
            self.held.note(t_ns, note, payload);
        }
    }
}

#[cfg(test)]
mod tests;
