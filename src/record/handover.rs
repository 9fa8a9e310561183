//! What was forwarded, on its way to the tape: handed over many at once, so that it keeps no chunk waiting.
//!
//! To hand over a chunk takes about as long as to forward it. Done after each one, the chunks of other
//! streams would wait for it; done for many, it takes a fraction of that.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::trace::{Head, Tape};

/// How long what was forwarded waits, unless much does. A kill loses at most this much more.
const PAUSE: Duration = Duration::from_millis(5);
/// Under a burst the tape is served at the latest after this many chunks: searching so many for secrets takes
/// half a millisecond, in which other agents' chunks wait.
const MOST_CHUNKS: usize = 1024;
/// And after this many bytes.
const MOST_BYTES: usize = 64 * 1024;
/// So many are handed over in one go where there is time; then what arrived meanwhile is forwarded first.
const PART: usize = 16;

/// What all exchanges have forwarded and the tape does not have yet.
pub struct Handover {
    tape: Tape,
    owed: Mutex<Owed>,
    /// Something is owed, where nothing was.
    some: Notify,
}

/// In the order in which it was forwarded.
#[derive(Default)]
struct Owed {
    forwarded: Vec<Forwarded>,
    /// Of the chunks, end to end.
    payloads: Vec<u8>,
}

enum Forwarded {
    Head(Head),
    Chunk(Chunk),
}

#[derive(Clone, Copy)]
struct Chunk {
    request_id: i64,
    t_ns: i64,
    length: usize,
}

impl Forwarded {
    fn chunk(&self) -> Option<Chunk> {
        match self {
            Self::Head(_) => None,
            Self::Chunk(chunk) => Some(*chunk),
        }
    }

    /// Whether `next` is another chunk of the same answer.
    fn goes_on_with(&self, next: &Self) -> bool {
        let answer = |forwarded: &Self| forwarded.chunk().map(|chunk| chunk.request_id);
        answer(self).is_some() && answer(self) == answer(next)
    }
}

impl Handover {
    /// Towards `tape`; nothing is owed yet.
    pub fn to(tape: Tape) -> Self {
        Self {
            tape,
            owed: Mutex::default(),
            some: Notify::new(),
        }
    }

    /// The head of an answer is on its way to the client.
    pub fn head(&self, head: Head) {
        self.owe(Forwarded::Head(head), &[]);
    }

    /// A chunk of an answer is on its way to the client.
    pub fn chunk(&self, request_id: i64, t_ns: i64, payload: &[u8]) {
        let chunk = Chunk {
            request_id,
            t_ns,
            length: payload.len(),
        };
        self.owe(Forwarded::Chunk(chunk), payload);
    }

    fn owe(&self, forwarded: Forwarded, payload: &[u8]) {
        let mut owed = self.owed();
        if owed.forwarded.is_empty() {
            self.some.notify_one();
        }
        owed.forwarded.push(forwarded);
        owed.payloads.extend_from_slice(payload);
    }

    /// Whether as much is owed as may be.
    pub fn is_full(&self) -> bool {
        let owed = self.owed();
        owed.forwarded.len() >= MOST_CHUNKS || owed.payloads.len() >= MOST_BYTES
    }

    /// Hands over all that is owed.
    pub fn all(&self) {
        self.part(usize::MAX);
    }

    /// Hands over the oldest of what is owed, at most so many; whether anything is left.
    fn part(&self, most: usize) -> bool {
        // Held to the end: what is owed next must come after this.
        let mut owed = self.owed();
        let Owed {
            forwarded,
            payloads,
        } = &mut *owed;
        let count = most.min(forwarded.len());
        let mut rest = payloads.as_slice();
        for run in forwarded[..count].chunk_by(Forwarded::goes_on_with) {
            match &run[0] {
                Forwarded::Head(head) => self.tape.head(head.clone()),
                Forwarded::Chunk(Chunk { request_id, .. }) => {
                    let chunks = run.iter().filter_map(Forwarded::chunk);
                    let chunks = chunks.map(|Chunk { t_ns, length, .. }| {
                        let payload = rest.split_off(..length).unwrap_or_default();
                        (t_ns, payload)
                    });
                    self.tape.chunks(*request_id, chunks);
                }
            }
        }
        let handed = payloads.len() - rest.len();
        forwarded.drain(..count);
        payloads.drain(..handed);
        payloads.shrink_to(2 * MOST_BYTES);
        !forwarded.is_empty()
    }

    /// Hands over what is owed, a pause after it was forwarded. Does not end.
    pub async fn keep_up(&self) {
        loop {
            self.some.notified().await;
            tokio::time::sleep(PAUSE).await;
            while self.part(PART) {
                tokio::task::yield_now().await;
            }
        }
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::trace::{Chunk, End, Ending, Manifest, Sent, Trace, Writer};
    use crate::wire::redaction::Redactor;

    fn writer(folder: &std::path::Path) -> Writer {
        let (clock, redactor) = (Clock::start(), Redactor::default());
        Writer::create(folder, clock, Manifest::default(), redactor).unwrap()
    }

    #[test]
    fn in_whatever_parts_it_is_handed_over_it_arrives_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("trace");
        let writer = writer(&folder);
        let tape = writer.tape();
        let handover = Handover::to(tape.clone());
        let answers = [(); 2].map(|()| tape.sent(Sent::default(), b""));
        let mut expected = [Vec::new(), Vec::new()];
        for request_id in answers {
            handover.head(Head {
                request_id,
                status: 200,
                ..Head::default()
            });
        }
        for n in 0..200_usize {
            let which = usize::from(n % 3 == 0);
            let payload = "x".repeat(n % 7);
            handover.chunk(answers[which], n as i64, payload.as_bytes());
            expected[which].push((n as i64, payload.into_bytes()));
            if n % 50 == 0 {
                handover.part(n % 11);
            }
        }
        while handover.part(7) {}
        assert!(handover.owed().payloads.is_empty());
        for request_id in answers {
            tape.end(End {
                request_id,
                end_ns: 200,
                ending: Ending::Whole,
                error: None,
            });
        }
        drop(handover);
        writer.finish().unwrap();
        let trace = Trace::open(&folder).unwrap();
        let chunks = trace.chunks().unwrap();
        for (request_id, expected) in answers.iter().zip(expected) {
            let found = chunks[request_id].iter();
            let found: Vec<_> = found
                .map(|Chunk { t_ns, payload }| (*t_ns, payload.clone()))
                .collect();
            assert_eq!(found, expected);
        }
        let statuses = trace.requests().unwrap().into_iter();
        assert!(
            statuses
                .map(|request| request.status)
                .all(|status| status == Some(200))
        );
    }

    #[tokio::test]
    async fn it_is_handed_over_without_being_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder.path().join("trace"));
        let handover = Handover::to(writer.tape());
        let keeping = handover.keep_up();
        let feeding = async {
            for _ in 0..3 {
                for n in 0..100 {
                    handover.chunk(1, n, b"chunk");
                }
                while !handover.owed().forwarded.is_empty() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        tokio::select! {
            () = keeping => {}
            () = feeding => {}
        }
        drop(handover);
        writer.finish().unwrap();
    }
}
