//! One text on its way through: which of its bytes are secrets, and which may still become one.

use std::ops::Range;

use regex_automata::util::primitives::StateID;

use super::openings::{Begun, Opened, Recent};
use super::rules::{Rule, Rules};

/// A suspect that is not decided after so many bytes of its text is let go.
const MAX_UNDECIDED_TEXT: usize = 16 * 1024;
/// So is one that would hold back more of the body than this.
pub(super) const MAX_UNDECIDED_BODY: usize = 64 * 1024;
/// No more suspects than this at once. Those that could only repeat what another says are not kept,
/// so that only a user's pattern can come near.
const MAX_SUSPECTS: usize = 256;
/// The user's patterns leave this much room for the others.
const ROOM_FOR_BUILT_IN: usize = 64;

/// Bytes of the body that are a secret by a rule.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) rule: usize,
    pub(super) place: Range<usize>,
}

/// A text that is given in parts: the body as it is, or the strings of one content field in a row.
/// What it finds depends on its bytes alone and never on where the parts end.
#[derive(Debug, Default)]
pub(super) struct View {
    recent: Recent,
    /// Openings that have begun and not ended.
    begun: Vec<Begun>,
    suspects: Vec<Suspect>,
}

impl View {
    /// Reads the next part, which lies in the body from `place` on. `on_content` is told the number
    /// of each content field whose string begins, and where in the part.
    pub(super) fn feed(
        &mut self,
        rules: &Rules,
        part: &[u8],
        place: usize,
        hits: &mut Vec<Hit>,
        mut on_content: impl FnMut(usize, usize, &mut Vec<Hit>),
    ) {
        let openings = rules.openings();
        // Where in this part which rule's secret may begin.
        let mut due = Vec::new();
        let mut read = |begun, from: usize, due: &mut Vec<_>, hits: &mut _| {
            let rest = part.get(from..).unwrap_or_default();
            openings.read(begun, rest, |opened, at| match opened {
                Opened::Secret(rule) => due.push((from + at, rule)),
                Opened::Content(field) => on_content(field, from + at, hits),
            })
        };
        self.begun
            .retain_mut(|begun| match read(*begun, 0, &mut due, hits) {
                Some(later) => {
                    *begun = later;
                    true
                }
                None => false,
            });
        let mut at = 0;
        loop {
            let quiet = self.suspects.is_empty() && due.is_empty();
            if quiet {
                let rest = part.get(at..).unwrap_or_default();
                let skipped = match rules.has_own() {
                    true => openings.skip(&mut self.recent, rest, |b| rules.own_may_begin_with(b)),
                    false => openings.skip(&mut self.recent, rest, |_| false),
                };
                at += skipped.unwrap_or(rest.len());
            }
            let Some(&byte) = part.get(at) else {
                break;
            };
            if !quiet {
                self.recent = self.recent.and(byte);
                self.step(rules, byte, place + at, hits);
                due.retain(|&(begins, rule)| {
                    if begins == at {
                        self.suspect(rules, rule, byte, place + at);
                    }
                    begins != at
                });
            }
            if rules.own_may_begin_with(byte) {
                for rule in rules.own_beginning_with(byte) {
                    self.suspect(rules, rule, byte, place + at);
                }
            }
            at += 1;
            if let Some(begun) = openings.begun(self.recent) {
                self.begun.extend(read(begun, at, &mut due, hits));
            }
        }
    }

    /// Lets go of the suspects that have held back the body for too long when it goes on at `place`.
    pub(super) fn let_go(&mut self, rules: &Rules, place: usize, hits: &mut Vec<Hit>) {
        self.suspects.retain_mut(|suspect| {
            let stays = !suspect.is_overdue(place);
            if !stays && let Some(rule) = rules.get(suspect.rule) {
                suspect.end(rule, hits);
            }
            stays
        });
    }

    /// The text ends here.
    pub(super) fn end(&mut self, rules: &Rules, hits: &mut Vec<Hit>) {
        for mut suspect in self.suspects.drain(..) {
            if let Some(rule) = rules.get(suspect.rule) {
                suspect.end(rule, hits);
            }
        }
    }

    /// The first byte of the body that is not decided.
    pub(super) fn undecided_from(&self) -> Option<usize> {
        self.suspects.iter().filter_map(Suspect::from).min()
    }

    /// From this byte on there may be a secret.
    fn suspect(&mut self, rules: &Rules, nr: usize, byte: u8, place: usize) {
        let Some(rule) = rules.get(nr) else { return };
        let Some(mut state) = rule.begin(self.recent.before_last()) else {
            return;
        };
        // Nothing can match before its first byte.
        let over = rule.step(&mut state, byte).over;
        let repeats = |earlier: &Suspect| earlier.is_like(nr, state);
        let reserved = if rule.is_own() { ROOM_FOR_BUILT_IN } else { 0 };
        let room = self.suspects.len() + reserved < MAX_SUSPECTS;
        if !over && room && !self.suspects.last().is_some_and(repeats) {
            self.suspects
                .push(Suspect::new(rule, nr, state, byte, place));
        }
    }

    /// Every suspect sees one more byte.
    fn step(&mut self, rules: &Rules, byte: u8, place: usize, hits: &mut Vec<Hit>) {
        let mut at = 0;
        while let Some(suspect) = self.suspects.get_mut(at) {
            let Some(rule) = rules.get(suspect.rule) else {
                return;
            };
            let matched = suspect.step(rule, byte, place, hits);
            let (nr, over) = (suspect.rule, suspect.over);
            if matched {
                // What began within the match is part of it.
                let mut index = 0;
                self.suspects.retain(|later| {
                    index += 1;
                    index <= at + 1 || later.rule != nr
                });
            }
            let repeats = match self.suspects.get(at.saturating_sub(1)..=at) {
                Some([earlier, this]) => {
                    earlier.is_like(this.rule, this.state) && this.matched == 0
                }
                _ => false,
            };
            if over || repeats {
                self.suspects.remove(at);
            } else {
                at += 1;
            }
        }
    }
}

/// A run of bytes that begins like a secret.
#[derive(Debug)]
struct Suspect {
    rule: usize,
    state: StateID,
    /// It will never match, or never more than it has.
    over: bool,
    /// Where in the body its undecided bytes lie, up to those that stand together with the last.
    earlier: Vec<Range<usize>>,
    last: Range<usize>,
    /// How many they are.
    len: usize,
    /// Its text, kept only if its rule has a group.
    text: Vec<u8>,
    /// How much of `text` has matched.
    matched: usize,
}

impl Suspect {
    fn new(rule: &Rule, nr: usize, state: StateID, byte: u8, place: usize) -> Self {
        let mut suspect = Suspect {
            rule: nr,
            state,
            over: false,
            earlier: Vec::new(),
            last: place..place,
            len: 0,
            text: Vec::new(),
            matched: 0,
        };
        suspect.add(rule, byte, place);
        suspect
    }

    /// One more byte. Says whether the bytes before it are a match.
    fn step(&mut self, rule: &Rule, byte: u8, place: usize, hits: &mut Vec<Hit>) -> bool {
        if self.len >= MAX_UNDECIDED_TEXT || self.is_overdue(place) {
            self.end(rule, hits);
            return false;
        }
        let step = rule.step(&mut self.state, byte);
        if step.matched {
            self.confirm(rule, hits);
        }
        if step.over {
            self.resolve(rule, hits);
        } else {
            self.add(rule, byte, place);
        }
        step.matched
    }

    fn add(&mut self, rule: &Rule, byte: u8, place: usize) {
        if self.last.end != place {
            let last = std::mem::replace(&mut self.last, place..place);
            self.earlier.extend((!last.is_empty()).then_some(last));
        }
        self.last.end += 1;
        self.len += 1;
        if rule.has_group() {
            self.text.push(byte);
        }
    }

    /// All bytes so far match. They are secret at once, unless it depends on the whole match which
    /// of them are.
    fn confirm(&mut self, rule: &Rule, hits: &mut Vec<Hit>) {
        if rule.has_group() {
            self.matched = self.text.len();
        } else {
            for place in self.undecided() {
                push(hits, self.rule, place);
            }
            self.forget();
        }
    }

    /// No more bytes come.
    fn end(&mut self, rule: &Rule, hits: &mut Vec<Hit>) {
        if rule.matches_at_end(self.state) {
            self.confirm(rule, hits);
        }
        self.resolve(rule, hits);
    }

    /// The match is what it is.
    fn resolve(&mut self, rule: &Rule, hits: &mut Vec<Hit>) {
        self.over = true;
        let text = self.text.get(..self.matched).unwrap_or_default();
        if text.is_empty() {
            return;
        }
        let secret = rule.secret_in(text);
        let mut before = 0;
        for place in self.undecided() {
            let start = place.start + secret.start.saturating_sub(before);
            let end = place.start + secret.end.saturating_sub(before);
            before += place.len();
            if start < end.min(place.end) {
                push(hits, self.rule, start..end.min(place.end));
            }
        }
    }

    fn undecided(&self) -> impl Iterator<Item = Range<usize>> {
        let all = self.earlier.iter().chain(std::iter::once(&self.last));
        all.filter(|place| !place.is_empty()).cloned()
    }

    /// All bytes so far are decided.
    fn forget(&mut self) {
        self.earlier.clear();
        self.last.start = self.last.end;
        self.len = 0;
    }

    /// The first byte that is not decided.
    fn from(&self) -> Option<usize> {
        self.undecided().next().map(|place| place.start)
    }

    fn is_overdue(&self, place: usize) -> bool {
        self.from()
            .is_some_and(|from| place.saturating_sub(from) > MAX_UNDECIDED_BODY)
    }

    /// From here on it and the other match alike.
    fn is_like(&self, rule: usize, state: StateID) -> bool {
        self.rule == rule && self.state == state
    }
}

fn push(hits: &mut Vec<Hit>, rule: usize, place: Range<usize>) {
    match hits.last_mut() {
        Some(last) if last.rule == rule && last.place.end == place.start => {
            last.place.end = place.end;
        }
        _ => hits.push(Hit { rule, place }),
    }
}
