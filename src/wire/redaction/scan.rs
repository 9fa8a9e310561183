//! One body on its way through, as the two texts that secrets may stand in.
//!
//! The first is the body as it is. The second is what a model says: its words come a few at a time,
//! each in an event of its own (`{"response":"sk-"}`, `{"response":"proj"}` ...), so the strings of
//! each content field are also read in a row, and what is found is traced back into the body.

use memchr::memchr2;

use super::rules::Rules;
use super::view::{Hit, View};

/// Finds the secrets of one body, in parts. What it finds depends on the body alone and never on
/// where the parts end.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// How much of the body has been read.
    len: usize,
    body: View,
    contents: Contents,
}

impl Scan {
    /// Reads the next part, and adds what turned out to be a secret, in this part or before it.
    pub(super) fn feed(&mut self, rules: &Rules, part: &[u8], hits: &mut Vec<Hit>) {
        let (place, contents) = (self.len, &mut self.contents);
        contents.go_on(rules, part, place, hits);
        self.body.feed(rules, part, place, hits, |field, at, hits| {
            contents.open = Some(Open::new(field));
            let rest = part.get(at..).unwrap_or_default();
            contents.go_on(rules, rest, place + at, hits);
        });
        self.len += part.len();
        for view in self.views() {
            view.let_go(rules, place + part.len(), hits);
        }
    }

    /// The body ends here.
    pub(super) fn end(mut self, rules: &Rules, hits: &mut Vec<Hit>) {
        for view in self.views() {
            view.end(rules, hits);
        }
    }

    /// The first byte of the body that may still turn out to be part of a secret.
    pub(super) fn undecided_from(&self) -> Option<usize> {
        let contents = self.contents.views.iter().map(|(_, view)| view);
        std::iter::once(&self.body)
            .chain(contents)
            .filter_map(View::undecided_from)
            .min()
    }

    fn views(&mut self) -> impl Iterator<Item = &mut View> {
        let contents = self.contents.views.iter_mut().map(|(_, view)| view);
        std::iter::once(&mut self.body).chain(contents)
    }
}

/// The strings of the content fields, each field's in a row.
#[derive(Debug, Default)]
struct Contents {
    /// The string that has begun and not ended.
    open: Option<Open>,
    /// By the number of the field, for those that have occurred.
    views: Vec<(usize, View)>,
}

impl Contents {
    /// The body goes on with `part`: reads what of it belongs to the open string.
    fn go_on(&mut self, rules: &Rules, part: &[u8], place: usize, hits: &mut Vec<Hit>) {
        let Some(open) = &mut self.open else { return };
        let field = open.field;
        let string = match open.end_in(part) {
            Some(end) => {
                self.open = None;
                part.get(..end).unwrap_or_default()
            }
            None => part,
        };
        if string.is_empty() {
            return;
        }
        let known = self.views.iter().position(|(nr, _)| *nr == field);
        let known = known.unwrap_or_else(|| {
            self.views.push((field, View::default()));
            self.views.len() - 1
        });
        if let Some((_, view)) = self.views.get_mut(known) {
            view.feed(rules, string, place, hits, |_, _, _| {});
        }
    }
}

/// A string that has begun and not ended.
#[derive(Debug)]
struct Open {
    field: usize,
    /// The last byte was a backslash that escapes the next one.
    escaped: bool,
}

impl Open {
    fn new(field: usize) -> Self {
        Open {
            field,
            escaped: false,
        }
    }

    /// Where the quote is that ends the string.
    fn end_in(&mut self, part: &[u8]) -> Option<usize> {
        if part.is_empty() {
            return None;
        }
        let mut at = usize::from(std::mem::take(&mut self.escaped));
        loop {
            at += memchr2(b'"', b'\\', part.get(at..)?)?;
            if part.get(at) == Some(&b'"') {
                return Some(at);
            }
            // The backslash and what it escapes.
            at += 2;
            self.escaped = at > part.len();
        }
    }
}
