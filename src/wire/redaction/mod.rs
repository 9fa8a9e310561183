//! Keeps secrets out of everything that is written to disk.
//!
//! | file | what it knows |
//! |---|---|
//! | `names` | which headers keep their value, which query parameters must not |
//! | `kinds` | the table: what keys, tokens and secret JSON fields look like |
//! | `rules` | that table and the user's patterns, as automata |
//! | `openings` | where in a text a secret or a model's words may begin |
//! | `view` | one text in parts -> which bytes are secret, which may still become so |
//! | `scan` | one body in parts -> the texts in it that are searched |
//! | `stream` | a body's chunks in, masked chunks out |
//! | `answer` | the [`AnswerMask`]: that, and the same for a body in gzip and its like |
//!
//! Headers are withheld by name, all but those known to be harmless. Everywhere else each byte of a
//! secret becomes `*`, so that lengths and offsets stay true, and what says which kind of secret it
//! was stays readable: `sk-*****`, `"api_key":"*****"`. Names of the things withheld are collected
//! in [`Found`]; they never contain a part of a secret.
//!
//! Secrets are searched as they are written. One that is encoded (base64, percent, `\u002d`, token
//! numbers) is not seen; a packed body is unpacked for the search.

mod answer;
mod kinds;
mod names;
mod openings;
mod rules;
mod scan;
mod stream;
mod view;

#[cfg(test)]
mod cuts;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

pub use answer::AnswerMask;
use rules::Rules;
use scan::Scan;

use view::Hit;

/// What stands in the place of a header's value.
pub const REDACTED: &str = "[redacted]";

/// What stands in the place of each byte of a secret.
const MASK: u8 = b'*';

/// What was withheld: `authorization` (a header), `query: api_key`, `path: JWT`, `body: password`
/// (a field), `body: AWS access key id` (a kind), `--redact 1` (the user's first pattern).
pub type Found = BTreeSet<String>;

/// What must not reach the disk. Cheap to clone.
#[derive(Clone)]
pub struct Redactor {
    rules: Arc<Rules>,
}

/// The built-in kinds of secrets.
impl Default for Redactor {
    fn default() -> Self {
        static BUILT_IN: OnceLock<Redactor> = OnceLock::new();
        // A table that its tests compile needs no refusal.
        let built_in = || Redactor::new(&[]).expect("the table of secrets is sound");
        BUILT_IN.get_or_init(built_in).clone()
    }
}

impl Redactor {
    /// The built-in kinds of secrets and the user's own regular expressions. If one of those has a
    /// group, only what the first group matches is secret. They see bytes: `\w`, `\d` and `\b` are
    /// ASCII.
    ///
    /// # Errors
    /// If a pattern is no regular expression, or one that would find something everywhere.
    pub fn new(extra: &[String]) -> anyhow::Result<Self> {
        let rules = Arc::new(Rules::new(extra)?);
        Ok(Redactor { rules })
    }

    /// The headers, with `[redacted]` for the values that are not known to be harmless and for
    /// those with a secret in them.
    pub fn headers(
        &self,
        headers: &[(String, String)],
        found: &mut Found,
    ) -> Vec<(String, String)> {
        let keep = |(name, value): &(String, String)| {
            let lower = name.to_ascii_lowercase();
            if names::header_is_harmless(&lower) && self.hits(value.as_bytes()).is_empty() {
                return (name.clone(), value.clone());
            }
            found.insert(lower);
            (name.clone(), REDACTED.to_owned())
        };
        headers.iter().map(keep).collect()
    }

    /// A path with its query string, masked.
    pub fn path(&self, path: &str, found: &mut Found) -> String {
        let mut bytes = path.as_bytes().to_vec();
        let query = path.find('?').map_or(path.len(), |mark| mark + 1);
        let mut at = query;
        for parameter in path[query..].split('&') {
            let name = parameter.split('=').next().unwrap_or_default();
            let end = at + parameter.len();
            let value = at + name.len() + 1;
            if value < end && names::query_is_secret(name) {
                bytes[value..end].fill(MASK);
                found.insert(format!("query: {}", name.to_ascii_lowercase()));
            }
            at = end + 1;
        }
        let mut hits = self.hits(&bytes);
        // What the query's names gave away is found already.
        let is_new = |text: &[u8]| text.iter().any(|byte| *byte != MASK);
        hits.retain(|hit| bytes.get(hit.place.clone()).is_some_and(is_new));
        self.report(&hits, "path", found);
        mask(&mut bytes, 0, &hits);
        // Only a user's pattern can cut a character in two.
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A whole body, masked in place: exactly as an [`AnswerMask`] does it, whatever the chunks.
    pub fn body(&self, body: &mut [u8], found: &mut Found) {
        let hits = self.hits(body);
        self.report(&hits, "body", found);
        mask(body, 0, &hits);
    }

    fn hits(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut scan = Scan::default();
        scan.feed(&self.rules, text, &mut hits);
        scan.end(&self.rules, &mut hits);
        hits
    }

    fn report(&self, hits: &[Hit], place: &str, found: &mut Found) {
        for hit in hits {
            found.insert(self.rules.found_name(hit.rule, place));
        }
    }
}

/// Masks the hits in the part of a body that begins at `base`.
fn mask(part: &mut [u8], base: usize, hits: &[Hit]) {
    for hit in hits {
        let start = hit.place.start.saturating_sub(base);
        let end = hit.place.end.saturating_sub(base);
        if let Some(secret) = part.get_mut(start..end) {
            secret.fill(MASK);
        }
    }
}
