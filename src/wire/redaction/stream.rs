//! One response body on its way to the disk: chunks go out masked, and as soon as that is possible.

use std::collections::VecDeque;

use super::scan::Scan;
use super::view::Hit;
use super::{Found, Redactor, mask};

/// What waits in one body keeps no more memory than this when it has gone out.
const KEPT_CAPACITY: usize = 1024;

/// Masks one body chunk by chunk. Bytes, lengths and boundaries of the chunks stay as they are, but
/// for the bytes of secrets.
///
/// A chunk goes out in the call that brings it, unless it ends in what may be the beginning of a
/// secret, or follows such a chunk. It then waits until that is decided, which the next few bytes
/// nearly always do, and at the latest the next 64 KiB.
#[derive(Debug)]
pub struct BodyMask<T> {
    scan: Scan,
    /// The chunks that wait, each with its length.
    waiting: VecDeque<(T, usize)>,
    /// Their bytes.
    bytes: Vec<u8>,
    /// How much of the body has gone out.
    gone: usize,
    /// Kept for its memory only.
    hits: Vec<Hit>,
}

impl<T> Default for BodyMask<T> {
    fn default() -> Self {
        BodyMask {
            scan: Scan::default(),
            waiting: VecDeque::new(),
            bytes: Vec::new(),
            gone: 0,
            hits: Vec::new(),
        }
    }
}

impl<T> BodyMask<T> {
    /// Takes the next chunk. Gives every chunk that is decided to `out`, in order and masked.
    pub fn chunk(
        &mut self,
        redactor: &Redactor,
        tag: T,
        payload: &[u8],
        found: &mut Found,
        out: &mut impl FnMut(T, &[u8]),
    ) {
        self.scan.feed(&redactor.rules, payload, &mut self.hits);
        let undecided = self.scan.undecided_from();
        if self.waiting.is_empty() && self.hits.is_empty() && undecided.is_none() {
            self.gone += payload.len();
            out(tag, payload);
            return;
        }
        self.waiting.push_back((tag, payload.len()));
        self.bytes.extend_from_slice(payload);
        self.give_out(redactor, undecided.unwrap_or(usize::MAX), found, out);
    }

    /// No more will come: gives out everything that waits.
    pub fn end(mut self, redactor: &Redactor, found: &mut Found, out: &mut impl FnMut(T, &[u8])) {
        let scan = std::mem::take(&mut self.scan);
        scan.end(&redactor.rules, &mut self.hits);
        self.give_out(redactor, usize::MAX, found, out);
    }

    /// How many bytes wait.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How much memory is kept for what may come to wait.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        let hits = self.hits.capacity() * size_of::<Hit>();
        let waiting = self.waiting.capacity() * size_of::<(T, usize)>();
        self.bytes.capacity() + hits + waiting
    }

    /// Masks what has been hit, and gives out the chunks that end before `undecided`.
    fn give_out(
        &mut self,
        redactor: &Redactor,
        undecided: usize,
        found: &mut Found,
        out: &mut impl FnMut(T, &[u8]),
    ) {
        redactor.report(&self.hits, "body", found);
        mask(&mut self.bytes, self.gone, &self.hits);
        self.hits.clear();
        self.hits.shrink_to(KEPT_CAPACITY);
        let mut rest = self.bytes.as_slice();
        while let Some((tag, len)) = self.waiting.pop_front() {
            if self.gone + len > undecided {
                self.waiting.push_front((tag, len));
                break;
            }
            let (chunk, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            out(tag, chunk);
            self.gone += len;
            rest = after;
        }
        let given = self.bytes.len() - rest.len();
        self.bytes.drain(..given);
        self.bytes.shrink_to(KEPT_CAPACITY);
    }
}
