//! Finds the openings of secrets and of content strings in a text that comes in parts.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::{primitives::StateID, start, syntax};
use regex_automata::{Anchored, MatchKind};

use super::kinds::Edge;

/// Bytes and ASCII: automata over all of Unicode would be far larger, and cannot find its words.
pub(super) fn bytewise() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

/// What an opening opens: the bytes from here on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Opened {
    /// They may be a secret by the rule of this number.
    Secret(usize),
    /// They are the string of the content field of this number.
    Content(usize),
}

/// All openings in one automaton, which is only set to work where the first three bytes of one of
/// them stand.
pub(super) struct Openings {
    dfa: dense::DFA<Vec<u32>>,
    begin: StateID,
    /// For each pattern of the automaton what must stand before it, and what comes after it.
    patterns: Vec<(Edge, Opened)>,
    /// One bit for the hash of every three bytes that an opening begins with.
    stems: Box<[u64; STEM_WORDS]>,
}

const STEM_WORDS: usize = 1024;

impl Openings {
    pub(super) fn new(openings: Vec<(Edge, String, Opened)>) -> anyhow::Result<Self> {
        let mut patterns = Vec::new();
        let mut texts = Vec::new();
        for (edge, text, opened) in openings {
            patterns.push((edge, opened));
            texts.push(text);
        }
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .match_kind(MatchKind::All)
            .accelerate(false);
        let dfa = dense::Builder::new()
            .configure(config)
            .syntax(bytewise())
            .thompson(thompson::Config::new().utf8(false))
            .build_many(&texts)?;
        let begin = dfa.start_state(&start::Config::new().anchored(Anchored::Yes))?;
        let mut openings = Openings {
            dfa,
            begin,
            patterns,
            stems: Box::new([0; STEM_WORDS]),
        };
        openings.add_stems(begin, Recent::default(), 3);
        Ok(openings)
    }

    /// Adds every stem of which all but the last `left` bytes are read and lead to `state`.
    fn add_stems(&mut self, state: StateID, read: Recent, left: usize) {
        if left == 0 {
            let (word, bit) = read.stem();
            self.stems[word] |= bit;
            return;
        }
        for byte in 0..=255 {
            let next = self.dfa.next_state(state, byte);
            if !self.dfa.is_dead_state(next) {
                self.add_stems(next, read.and(byte), left - 1);
            }
        }
    }

    /// Reads up to the next byte that may be the third of an opening, or is one of the `others`.
    pub(super) fn skip(
        &self,
        recent: &mut Recent,
        bytes: &[u8],
        others: impl Fn(u8) -> bool,
    ) -> Option<usize> {
        let mut now = *recent;
        let found = bytes.iter().position(|&byte| {
            now = now.and(byte);
            self.may_begin(now) || others(byte)
        });
        *recent = now;
        found
    }

    fn may_begin(&self, recent: Recent) -> bool {
        let (word, bit) = recent.stem();
        self.stems[word] & bit != 0
    }

    /// The opening whose first three bytes are the last ones read.
    pub(super) fn begun(&self, recent: Recent) -> Option<Begun> {
        if !self.may_begin(recent) {
            return None;
        }
        let mut state = self.begin;
        for byte in recent.last_three() {
            state = self.dfa.next_state(state, byte);
        }
        (!self.dfa.is_dead_state(state)).then_some(Begun {
            state,
            free: recent.stem_is_free(),
            in_query: recent.stem_is_in_query(),
        })
    }

    /// Reads on, and tells what is opened, and at which of the bytes. Returns the opening if its
    /// end may be in what comes next.
    pub(super) fn read(
        &self,
        mut begun: Begun,
        bytes: &[u8],
        mut tell: impl FnMut(Opened, usize),
    ) -> Option<Begun> {
        for (at, &byte) in bytes.iter().enumerate() {
            begun.state = self.dfa.next_state(begun.state, byte);
            if self.dfa.is_dead_state(begun.state) {
                return None;
            }
            // The automaton says so one byte late: at the first one after the opening.
            if self.dfa.is_match_state(begun.state) {
                for nr in 0..self.dfa.match_len(begun.state) {
                    let pattern = self.dfa.match_pattern(begun.state, nr).as_usize();
                    if let Some((edge, opened)) = self.patterns.get(pattern)
                        && begun.stands_after(*edge)
                    {
                        tell(*opened, at);
                    }
                }
            }
        }
        Some(begun)
    }
}

/// An opening of which the first bytes have been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    state: StateID,
    free: bool,
    in_query: bool,
}

impl Begun {
    fn stands_after(&self, edge: Edge) -> bool {
        match edge {
            Edge::Any => true,
            Edge::Free => self.free,
            Edge::Query => self.in_query,
        }
    }
}

/// The last eight bytes of a text; zeros are before its beginning.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent(u64);

impl Recent {
    pub(super) fn and(self, byte: u8) -> Self {
        Recent(self.0 << 8 | u64::from(byte))
    }

    fn last_three(self) -> [u8; 3] {
        let [.., a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }

    /// The byte before the last one, for patterns that look behind (`\b`); none at the beginning. A
    /// JSON escape counts as a space, which it mostly is: the `n` of `\n` is not part of a word.
    pub(super) fn before_last(self) -> Option<u8> {
        match self.0.to_be_bytes() {
            [.., 0, _] => None,
            [.., b'\\', byte, _] if byte.is_ascii_lowercase() => Some(b' '),
            [_, b'\\', b'u', ..] => Some(b' '),
            [.., byte, _] => Some(byte),
        }
    }

    /// Where the bit of the last three bytes stands: a hash that takes capital letters as small.
    fn stem(self) -> (usize, u64) {
        let small = (self.0 as u32) << 8 | 0x2020_2000;
        let hash = small.wrapping_mul(0x9E37_79B1) >> 16;
        ((hash >> 6) as usize % STEM_WORDS, 1 << (hash & 63))
    }

    /// Before the last three bytes there is no letter and no digit, but for one that ends an escape
    /// (`\n`, `\u003e`, `%20`).
    fn stem_is_free(self) -> bool {
        match self.0.to_be_bytes() {
            [_, _, _, b'\\', byte, ..] if byte.is_ascii_lowercase() => true,
            [_, _, b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
            [b'u', b'0', b'0', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
            [_, _, _, _, byte, ..] => !byte.is_ascii_alphanumeric(),
        }
    }

    /// Before the last three bytes there is what begins a parameter of a URL.
    fn stem_is_in_query(self) -> bool {
        let [a, b, c, d, e, ..] = self.0.to_be_bytes();
        matches!(e, b'?' | b'&') || [a, b, c, d, e] == *b"u0026"
    }
}
