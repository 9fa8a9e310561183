//! Guesses the shape of a body that came without a content type.

use memchr::memchr;

use super::{Dialect, json};

/// What a body without a content type turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guess {
    Lines,
    Sse,
    Whole,
}

/// What an SSE stream can begin with; no JSON text begins so.
const SSE_STARTS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

/// Keeps the body, chunk by chunk, until its beginning tells what it is.
#[derive(Debug)]
pub(super) struct Sniff {
    bytes: Vec<u8>,
    /// Where each chunk ends in `bytes`, and its number: kept so that no event changes its chunk.
    chunks: Vec<(usize, i32)>,
    /// Everything before this is leading space.
    start: usize,
    /// Everything before this has been searched for the end of the first line.
    searched: usize,
    /// The end of the first line.
    first_end: Option<usize>,
    cap: usize,
}

impl Sniff {
    pub(super) fn new(cap: usize) -> Self {
        Sniff {
            bytes: Vec::new(),
            chunks: Vec::new(),
            start: 0,
            searched: 0,
            first_end: None,
            cap,
        }
    }

    pub(super) fn add(&mut self, chunk_seq: i32, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.chunks.push((self.bytes.len(), chunk_seq));
    }

    /// The guess, as soon as the bytes so far allow only one. It depends on the bytes alone, not on
    /// how they were cut, and every byte is looked at a bounded number of times.
    pub(super) fn guess(&mut self, dialect: Dialect) -> Option<Guess> {
        let seen = self.bytes.get(..self.cap).unwrap_or(&self.bytes);
        self.start = skip_space(seen, self.start);
        let head = seen.get(self.start..).unwrap_or_default();
        if SSE_STARTS.iter().any(|start| head.starts_with(start)) {
            return Some(Guess::Sse);
        }
        let undecided = (seen.len() == self.cap).then_some(Guess::Whole);
        // This is also how an empty head stays undecided.
        if SSE_STARTS.iter().any(|start| start.starts_with(head)) {
            return undecided;
        }
        if !dialect.streams_lines() {
            return Some(Guess::Whole);
        }
        if self.first_end.is_none() {
            let from = self.start.max(self.searched);
            let rest = seen.get(from..).unwrap_or_default();
            self.first_end = memchr(b'\n', rest).map(|at| from + at);
            self.searched = seen.len();
        }
        let Some(first_end) = self.first_end else {
            return undecided;
        };
        self.searched = skip_space(seen, self.searched.min(first_end));
        if self.searched == seen.len() {
            return undecided;
        }
        // A pretty-printed object has several lines too, but its first one is no object.
        let first = seen.get(self.start..first_end).unwrap_or_default();
        let is_object = str::from_utf8(first).ok().and_then(json::object).is_some();
        Some(if is_object {
            Guess::Lines
        } else {
            Guess::Whole
        })
    }

    /// The chunks that were kept, with their numbers.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (i32, &[u8])> {
        let mut start = 0;
        self.chunks.iter().map(move |(end, chunk_seq)| {
            let chunk = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (*chunk_seq, chunk)
        })
    }
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + (rest.len() - rest.trim_ascii_start().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guess, and how many bytes it took when they came one by one.
    fn guess(dialect: Dialect, body: &[u8]) -> Option<(Guess, usize)> {
        let mut sniff = Sniff::new(64);
        body.iter().enumerate().find_map(|(at, byte)| {
            sniff.add(0, &[*byte]);
            Some((sniff.guess(dialect)?, at + 1))
        })
    }

    #[test]
    fn an_sse_field_is_known_by_its_colon() {
        for (body, needed) in [
            (&b"data: {}"[..], 5),
            (b"\n event: x", 8),
            (b": ping", 1),
            (b"id: 1", 3),
        ] {
            assert_eq!(guess(Dialect::OpenAiChat, body), Some((Guess::Sse, needed)));
            assert_eq!(guess(Dialect::Other, body), Some((Guess::Sse, needed)));
        }
        assert_eq!(guess(Dialect::OpenAiChat, b"dat"), None);
        assert_eq!(guess(Dialect::OpenAiChat, b"dot"), Some((Guess::Whole, 2)));
    }

    #[test]
    fn only_a_streaming_ollama_dialect_is_read_as_lines() {
        let body = b"{\"a\":1}\r\n\n{";
        assert_eq!(guess(Dialect::OllamaChat, body), Some((Guess::Lines, 11)));
        assert_eq!(guess(Dialect::OllamaEmbed, body), Some((Guess::Whole, 1)));
        assert_eq!(guess(Dialect::OpenAiChat, body), Some((Guess::Whole, 1)));
    }

    #[test]
    fn a_single_line_and_a_pretty_printed_object_are_whole_bodies() {
        assert_eq!(guess(Dialect::OllamaChat, b"{\"a\":1}\n"), None);
        let pretty = b"{\n  \"a\":1\n}";
        assert_eq!(guess(Dialect::OllamaChat, pretty), Some((Guess::Whole, 5)));
    }

    #[test]
    fn a_body_that_stays_unclear_up_to_the_cap_is_a_whole_body() {
        let body = [b' '; 80];
        assert_eq!(guess(Dialect::OllamaChat, &body), Some((Guess::Whole, 64)));
    }

    #[test]
    fn the_chunks_come_back_as_they_went_in() {
        let mut sniff = Sniff::new(64);
        sniff.add(3, b"ab");
        sniff.add(7, b"c");
        let chunks: Vec<_> = sniff.chunks().collect();
        assert_eq!(chunks, [(3, &b"ab"[..]), (7, b"c")]);
    }
}
