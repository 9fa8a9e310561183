//! The journal's thread: comes for what the tape holds, withholds the secrets of requests and headers,
//! appends the rest.

use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Result;

use super::journal::{Journal, Rows};
use super::notes::{Head, Note, Sent};
use super::tape::{FLUSH_BYTES, Held, HeldEntry, Shared};
use crate::wire::redaction::{Found, Redactor};

/// How long the thread stays away at most. A kill loses at most this much and one write.
const LONGEST_PAUSE: Duration = Duration::from_millis(40);
/// And at least, unless much waits.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// For about so many things it comes: while it is there, a core is busy that a chunk may wait for.
const VISIT_ENTRIES: usize = 100;

/// Takes what the tape holds to `journal` until it is closed. After a failed append nothing more can
/// follow: what would is counted as lost, and the agents go on.
pub fn keep(shared: &Shared, journal: Journal, redactor: Redactor) {
    let mut keeper = Keeper {
        journal,
        redactor,
        redacted: Found::new(),
        redacted_noted: Found::new(),
        rows: Rows::new(),
        taken: 0,
        written: 0,
    };
    let mut held = Held::default();
    let mut lost_noted = 0;
    let mut pause = LONGEST_PAUSE;
    loop {
        let closed = {
            let (mut state, _) = shared
                .wake
                .wait_timeout_while(shared.state(), pause, |state| {
                    !state.closed && state.held.bytes() <= FLUSH_BYTES
                })
                .unwrap_or_else(PoisonError::into_inner);
            if state.lost > lost_noted {
                let lost = state.lost - lost_noted;
                lost_noted = state.lost;
                state.held.note(0, Note::Lost(lost), None);
            }
            std::mem::swap(&mut state.held, &mut held);
            state.closed
        };
        pause = next_pause(pause, held.entries.len());
        if let Err(error) = keeper.take(&mut held) {
            let mut state = shared.state();
            // What came meanwhile is lost as well, and with the journal what it held.
            let kept = match keeper.journal.is_gone() {
                true => 0,
                false => keeper.written,
            };
            state.lost += keeper.taken - kept + state.held.losses();
            state.held = Held::default();
            state.failed = Some(format!("{error:#}"));
            return;
        }
        if closed {
            return;
        }
    }
}

/// After a pause in which so many things came: shorter if they were many.
fn next_pause(pause: Duration, entries: usize) -> Duration {
    let right = pause.mul_f64(VISIT_ENTRIES as f64 / entries.max(1) as f64);
    right.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

struct Keeper {
    journal: Journal,
    redactor: Redactor,
    /// What was withheld so far, and what of it the journal knows.
    redacted: Found,
    redacted_noted: Found,
    /// On their way to the journal.
    rows: Rows,
    /// Chunks and bodies that came here, and those of them that the journal has.
    taken: u64,
    written: u64,
}

impl Keeper {
    /// Takes what is held to the journal.
    fn take(&mut self, held: &mut Held) -> Result<()> {
        self.taken += held.losses();
        let mut payloads = held.payloads.as_slice();
        for entry in held.entries.drain(..) {
            match entry {
                HeldEntry::Chunk {
                    request_id,
                    t_ns,
                    length,
                } => {
                    let payload = payloads.split_off(..length).unwrap_or_default();
                    self.rows.chunk(request_id, t_ns, payload);
                }
                HeldEntry::Note { t_ns, note, length } => {
                    let payload = length.and_then(|length| payloads.split_off(..length));
                    self.note(t_ns, *note, payload)?;
                }
            }
            // A burst is written in parts, so that it is not held twice.
            if self.rows.bytes() > FLUSH_BYTES {
                self.append()?;
            }
        }
        held.clear();
        self.append()
    }

    fn note(&mut self, t_ns: i64, note: Note, payload: Option<&[u8]>) -> Result<()> {
        let (redactor, found) = (&self.redactor, &mut self.redacted);
        match note {
            Note::Sent(sent) => {
                let body = payload.map(|body| {
                    let mut body = body.to_vec();
                    redactor.body(&mut body, found);
                    body
                });
                let sent = Sent {
                    path: redactor.path(&sent.path, found),
                    headers: redactor.headers(&sent.headers, found),
                    ..sent
                };
                self.row(t_ns, &Note::Sent(sent), body.as_deref())
            }
            Note::Head(head) => {
                let headers = redactor.headers(&head.headers, found);
                self.row(t_ns, &Note::Head(Head { headers, ..head }), None)
            }
            note => self.row(t_ns, &note, None),
        }
    }

    fn row(&mut self, t_ns: i64, note: &Note, payload: Option<&[u8]>) -> Result<()> {
        self.rows.note(t_ns, &serde_json::to_string(note)?, payload);
        Ok(())
    }

    fn append(&mut self) -> Result<()> {
        if self.redacted.len() > self.redacted_noted.len() {
            for name in self.redacted.difference(&self.redacted_noted) {
                let note = serde_json::to_string(&Note::Redacted(name.clone()))?;
                self.rows.note(0, &note, None);
            }
            self.redacted_noted = self.redacted.clone();
        }
        let payloads = self.rows.payloads();
        self.journal.append(&mut self.rows)?;
        self.written += payloads;
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::process::Command;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::clock::Clock;
    use crate::trace::journal::JOURNAL;
    use crate::trace::manifest::{Manifest, Status};
    use crate::trace::notes::Ending;
    use crate::trace::seal::seal;
    use crate::trace::tape::HELD_BYTES;
    use crate::trace::{End, Tape, Trace, verify};

    #[test]
    fn the_more_comes_the_sooner_it_is_fetched() {
        let ms = Duration::from_millis;
        assert_eq!(next_pause(ms(40), 0), ms(40));
        assert_eq!(next_pause(ms(40), 16), ms(40));
        assert_eq!(next_pause(ms(40), 400), ms(10));
        assert_eq!(next_pause(ms(10), 100), ms(10));
        assert_eq!(next_pause(ms(10), 25), ms(40));
        assert_eq!(next_pause(ms(10), 1_000_000), ms(5));
    }

    /// A pipe that nobody drains stands for a disk that has stopped: the keeper waits inside a write.
    #[test]
    fn while_the_disk_stands_still_the_tape_holds_32_mb_and_counts_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir(folder.join(JOURNAL)).unwrap();
        let manifest = Manifest {
            format_version: 1,
            ..Manifest::default()
        };
        manifest.write(&folder.join(JOURNAL)).unwrap();
        let path = folder.join(JOURNAL).join("journal.arrows");
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let (resume, resumed) = mpsc::channel();
        let disk = thread::spawn({
            let path = path.clone();
            move || {
                let mut pipe = File::open(path).unwrap();
                resumed.recv().unwrap();
                let mut written = Vec::new();
                pipe.read_to_end(&mut written).unwrap();
                written
            }
        });
        let tape = Tape::new(Clock::start(), Redactor::default());
        let shared = tape.shared.clone();
        let journal = Journal::create(folder).unwrap();
        let redactor = Redactor::default();
        let keeper = thread::spawn(move || keep(&shared, journal, redactor));

        let request_id = tape.sent(Sent::default(), b"{}");
        let chunk = vec![b'x'; 64 * 1024];
        for n in 0..3200 {
            tape.chunks(request_id, std::iter::once((n, &chunk)));
            assert!(tape.shared.state().held.bytes() <= HELD_BYTES + 1000);
        }
        let lost = tape.lost();
        // What is held, and what the keeper has taken already.
        assert!((3200 - 2 * 512..3200).contains(&lost), "{lost}");
        resume.send(()).unwrap();
        tape.end(End {
            request_id,
            end_ns: 3200,
            ending: Ending::Whole,
            error: None,
        });
        tape.close();
        keeper.join().unwrap();
        assert_eq!(tape.failure(), None);
        fs::remove_file(&path).unwrap();
        fs::write(&path, disk.join().unwrap()).unwrap();

        let manifest = seal(folder, Status::Sealed, 0).unwrap();
        assert_eq!(manifest.lost_chunks, lost, "the journal knows it as well");
        let trace = Trace::open(folder).unwrap();
        assert_eq!(verify(&trace).unwrap(), Vec::<String>::new());
        let request = trace.requests().unwrap().remove(0);
        assert_eq!(request.chunk_count as u64 + lost, 3200);
        assert_eq!(request.request_body.as_deref(), Some(&b"{}"[..]));
    }
}
