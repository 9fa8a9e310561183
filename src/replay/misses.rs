//! What was asked and the trace holds no answer to: never silent, whatever the client was told.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::header::{HeaderName, HeaderValue};

use crate::serve::Answer;

/// Names an answer that no recording stands behind; its value says why in one sentence.
pub const HEADER: HeaderName = HeaderName::from_static("tokentape-miss");
/// More are only counted.
const KEPT: usize = 100;
/// Longer sentences are cut: a client may bound the size of a header.
const LONGEST: usize = 1_000;

/// Requests that the trace holds no answer to.
#[derive(Clone, Debug, Default)]
pub struct Missed {
    /// How many there were.
    pub count: usize,
    /// A sentence on each, but for those beyond the first hundred.
    pub sentences: Vec<String>,
}

/// Counts them while a replay runs.
#[derive(Debug, Default)]
pub struct Misses(Mutex<Missed>);

impl Misses {
    /// Notes one, and marks the answer that was given all the same.
    pub fn note(&self, sentence: String, mut answer: Answer) -> Answer {
        if let Ok(value) = HeaderValue::try_from(plain(&sentence)) {
            answer.headers_mut().insert(HEADER, value);
        }
        let mut missed = self.missed();
        missed.count += 1;
        if missed.sentences.len() < KEPT {
            missed.sentences.push(sentence);
        }
        answer
    }

    /// What was noted so far.
    pub fn so_far(&self) -> Missed {
        self.missed().clone()
    }

    fn missed(&self) -> MutexGuard<'_, Missed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As a header's value may be.
fn plain(sentence: &str) -> String {
    let plain = |c: char| match c {
        ' '..='~' => c,
        _ => '?',
    };
    sentence.chars().take(LONGEST).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::server::origins;

    #[test]
    fn a_miss_is_counted_and_marked_whatever_it_says() {
        let misses = Misses::default();
        for n in 0..150 {
            let answer = misses.note(
                format!("no {n}: é\n{}", "x".repeat(2000)),
                origins::refusal(),
            );
            let said = answer.headers()[HEADER].to_str().unwrap();
            assert!(said.starts_with(&format!("no {n}: ??xx")), "{said}");
            assert_eq!(said.len(), LONGEST);
        }
        let missed = misses.so_far();
        assert_eq!((missed.count, missed.sentences.len()), (150, KEPT));
    }
}
