//! The table of secrets and the user's own patterns, compiled into automata that can stop at any
//! byte and go on with the next chunk.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, NFA, pikevm::PikeVM};
use regex_automata::util::{primitives::StateID, start, syntax};
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::kinds::{self, CONTENTS, Edge, FIELDS, KINDS};
use super::openings::{Opened, Openings, bytewise};

/// A pattern whose automaton would be larger is refused.
const MAX_AUTOMATON_BYTES: usize = 8 << 20;

type Dfa = dense::DFA<Vec<u32>>;

/// Everything that is searched.
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// The rules from here on are the user's.
    own_from: usize,
    /// Which bytes a match of one of these may begin with.
    own_first: Box<[bool; 256]>,
    openings: Openings,
}

impl Rules {
    pub(super) fn new(extra: &[String]) -> anyhow::Result<Self> {
        let mut rules = Vec::new();
        let mut openings = Vec::new();
        let mut add = |name: &str, edge: Edge, opening: String, secret: &Arc<Dfa>| {
            openings.push((edge, opening, Opened::Secret(rules.len())));
            rules.push(Rule::built_in(name, secret));
        };
        let automaton = |secret| compile(secret).and_then(|nfa| Ok(Arc::new(determinize(&nfa)?)));
        for kind in KINDS {
            let secret = automaton(kind.secret)?;
            add(kind.name, kind.edge, kind.opening.to_owned(), &secret);
        }
        let field = automaton(kinds::FIELD_SECRET)?;
        let nested = automaton(kinds::NESTED_FIELD_SECRET)?;
        for (name, edge, end) in FIELDS {
            add(name, *edge, kinds::field_opening(end), &field);
            add(name, *edge, kinds::nested_field_opening(end), &nested);
        }
        for (nr, name) in CONTENTS.iter().enumerate() {
            let opening = kinds::content_opening(name);
            openings.push((Edge::Any, opening, Opened::Content(nr)));
        }
        let own_from = rules.len();
        for (nr, pattern) in (1..).zip(extra) {
            let rule = Rule::own(nr, pattern).with_context(|| format!("--redact '{pattern}'"));
            // One sentence, not a chain of causes.
            rules.push(rule.map_err(|error| anyhow!("{error:#}"))?);
        }
        let mut own_first = Box::new([false; 256]);
        for (byte, may) in (0..=255).zip(own_first.iter_mut()) {
            *may = rules.iter().any(|rule| rule.begins_with(byte));
        }
        Ok(Rules {
            rules,
            own_from,
            own_first,
            openings: Openings::new(openings)?,
        })
    }

    pub(super) fn get(&self, nr: usize) -> Option<&Rule> {
        self.rules.get(nr)
    }

    pub(super) fn openings(&self) -> &Openings {
        &self.openings
    }

    pub(super) fn has_own(&self) -> bool {
        self.own_from < self.rules.len()
    }

    /// Whether a match of one of the user's rules may begin with this byte.
    pub(super) fn own_may_begin_with(&self, byte: u8) -> bool {
        self.own_first[usize::from(byte)]
    }

    /// The user's rules of which a match may begin with this byte.
    pub(super) fn own_beginning_with(&self, byte: u8) -> impl Iterator<Item = usize> {
        let own = self.rules.iter().enumerate().skip(self.own_from);
        own.filter(move |(_, rule)| rule.begins_with(byte))
            .map(|(nr, _)| nr)
    }

    /// The name under which a find of this rule is reported.
    pub(super) fn found_name(&self, nr: usize, place: &str) -> String {
        match self.rules.get(nr) {
            Some(rule) if nr < self.own_from => format!("{place}: {}", rule.name),
            Some(rule) => rule.name.clone(),
            None => place.to_owned(),
        }
    }
}

/// What one kind of secret looks like from its first byte on.
pub(super) struct Rule {
    name: String,
    dfa: Arc<Dfa>,
    /// Which bytes a match may begin with. Only the user's rules have this, the others begin where
    /// their opening ends.
    first: Option<Box<[bool; 256]>>,
    /// Set if only the first group of a match is the secret.
    group: Option<PikeVM>,
}

/// What a byte did to a rule's automaton.
pub(super) struct Step {
    /// The bytes before this one are a match.
    pub(super) matched: bool,
    /// No match can become longer, or come at all.
    pub(super) over: bool,
}

impl Rule {
    fn built_in(name: &str, dfa: &Arc<Dfa>) -> Self {
        Rule {
            name: name.to_owned(),
            dfa: dfa.clone(),
            first: None,
            group: None,
        }
    }

    fn own(nr: usize, pattern: &str) -> anyhow::Result<Self> {
        let hir = syntax::parse_with(pattern, &bytewise()).map_err(|error| match error {
            regex_syntax::Error::Parse(error) => anyhow!("{}", error.kind()),
            regex_syntax::Error::Translate(error) => anyhow!("{}", error.kind()),
            error => anyhow!(error),
        })?;
        if hir.properties().minimum_len() == Some(0) {
            bail!("it matches the empty text, and so everywhere");
        }
        if begins_with_anything(&hir) {
            bail!("it begins with an unlimited wildcard, which can be left out");
        }
        let nfa = compile(pattern)?;
        let dfa = determinize(&nfa)?;
        let first = first_bytes(&dfa)?;
        let group = match hir.properties().explicit_captures_len() {
            0 => None,
            _ => Some(PikeVM::new_from_nfa(nfa)?),
        };
        Ok(Rule {
            name: format!("--redact {nr}"),
            dfa: Arc::new(dfa),
            first: Some(Box::new(first)),
            group,
        })
    }

    fn begins_with(&self, byte: u8) -> bool {
        self.first
            .as_ref()
            .is_some_and(|first| first[usize::from(byte)])
    }

    /// Whether it is one of the user's.
    pub(super) fn is_own(&self) -> bool {
        self.first.is_some()
    }

    /// The state before a match that comes after the byte `before`.
    pub(super) fn begin(&self, before: Option<u8>) -> Option<StateID> {
        let anchored = start::Config::new().anchored(Anchored::Yes);
        self.dfa.start_state(&anchored.look_behind(before)).ok()
    }

    pub(super) fn step(&self, state: &mut StateID, byte: u8) -> Step {
        *state = self.dfa.next_state(*state, byte);
        Step {
            matched: self.dfa.is_match_state(*state),
            over: self.dfa.is_dead_state(*state) || self.dfa.is_quit_state(*state),
        }
    }

    /// Whether all bytes so far are a match if no more come.
    pub(super) fn matches_at_end(&self, state: StateID) -> bool {
        self.dfa.is_match_state(self.dfa.next_eoi_state(state))
    }

    /// Whether only a part of what matches is the secret.
    pub(super) fn has_group(&self) -> bool {
        self.group.is_some()
    }

    /// The secret's place in the text of a match.
    pub(super) fn secret_in(&self, text: &[u8]) -> std::ops::Range<usize> {
        let group = self.group.as_ref().and_then(|vm| {
            let mut found = vm.create_captures();
            let input = Input::new(text).anchored(Anchored::Yes);
            vm.captures(&mut vm.create_cache(), input, &mut found);
            // The pattern may look at what is around the match, which is not in the text.
            let same = found.get_match().is_some_and(|all| all.len() == text.len());
            found.get_group(1).filter(|_| same)
        });
        group.map_or(0..text.len(), |group| group.start..group.end)
    }
}

fn compile(pattern: &str) -> anyhow::Result<NFA> {
    let config = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(MAX_AUTOMATON_BYTES));
    let built = NFA::compiler()
        .syntax(bytewise())
        .configure(config)
        .build(pattern);
    built.map_err(|error| match error.size_limit() {
        Some(_) => too_large(),
        None => error.into(),
    })
}

fn determinize(nfa: &NFA) -> anyhow::Result<Dfa> {
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(MAX_AUTOMATON_BYTES))
        .determinize_size_limit(Some(MAX_AUTOMATON_BYTES))
        .accelerate(false);
    let built = dense::Builder::new().configure(config).build_from_nfa(nfa);
    built.map_err(|error| match error.is_size_limit_exceeded() {
        true => too_large(),
        false => error.into(),
    })
}

fn too_large() -> anyhow::Error {
    anyhow!("it is too large: smaller counts in braces may help")
}

/// The bytes a match may begin with, whatever stands before it.
fn first_bytes(dfa: &Dfa) -> anyhow::Result<[bool; 256]> {
    let mut first = [false; 256];
    for before in std::iter::once(None).chain((0..=255).map(Some)) {
        let anchored = start::Config::new().anchored(Anchored::Yes);
        let begin = dfa.start_state(&anchored.look_behind(before))?;
        for (byte, may) in (0..=255).zip(&mut first) {
            *may |= !dfa.is_dead_state(dfa.next_state(begin, byte));
        }
    }
    Ok(first)
}

/// Whether the pattern begins with a repetition without limit of what matches words and spaces.
fn begins_with_anything(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => begins_with_anything(&capture.sub),
        HirKind::Concat(parts) => parts.first().is_some_and(begins_with_anything),
        HirKind::Alternation(parts) => parts.iter().any(begins_with_anything),
        HirKind::Repetition(repetition) => {
            repetition.max.is_none() && matches_words_and_spaces(&repetition.sub)
        }
        _ => false,
    }
}

fn matches_words_and_spaces(hir: &Hir) -> bool {
    let HirKind::Class(class) = hir.kind() else {
        return false;
    };
    [b'e', b' '].iter().all(|&byte| match class {
        Class::Bytes(class) => {
            (class.ranges().iter()).any(|range| (range.start()..=range.end()).contains(&byte))
        }
        Class::Unicode(class) => (class.ranges().iter())
            .any(|range| (range.start()..=range.end()).contains(&char::from(byte))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(pattern: &str) -> String {
        match Rules::new(&["x".to_owned(), pattern.to_owned()]) {
            Ok(_) => panic!("{pattern} is not refused"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_pattern_that_cannot_work_is_refused_in_one_sentence() {
        for (pattern, why) in [
            ("(a", "unclosed group"),
            ("a*", "it matches the empty text, and so everywhere"),
            (r"\b", "it matches the empty text, and so everywhere"),
            (
                ".*x",
                "it begins with an unlimited wildcard, which can be left out",
            ),
            (
                "(?:a|([^,]+)x)",
                "it begins with an unlimited wildcard, which can be left out",
            ),
            (
                "(?:[a-z]{1000}){1000}",
                "it is too large: smaller counts in braces may help",
            ),
        ] {
            assert_eq!(refusal(pattern), format!("--redact '{pattern}': {why}"));
        }
    }

    #[test]
    fn a_group_is_the_secret_unless_the_match_cannot_be_repeated_without_its_surroundings() {
        for (pattern, text, secret) in [
            ("id=([0-9]+);", "id=123;", "123"),
            ("a(?:(b)|c)", "ac", "ac"),
            (r"\Bx(y)", "xy", "xy"),
        ] {
            let rules = Rules::new(&[pattern.to_owned()]).unwrap();
            let rule = rules.get(rules.own_from).unwrap();
            assert_eq!(&text[rule.secret_in(text.as_bytes())], secret, "{pattern}");
        }
    }
}
