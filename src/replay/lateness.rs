//! How late a replay is: from the moment at which each chunk was due until it had been written.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

/// The latest that is told apart: an hour.
const MOST_NS: u64 = 3_600_000_000_000;

/// Counts how late chunks were, in a fixed amount of memory, to three digits.
pub struct Lateness(Mutex<Histogram<u64>>);

/// What was counted, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Late {
    /// Chunks that were due at a certain moment.
    pub chunks: u64,
    /// Half of them were not later.
    pub p50_us: f64,
    /// 99 of 100 were not later.
    pub p99_us: f64,
    /// None was later.
    pub max_us: f64,
}

impl Lateness {
    /// Nothing counted yet.
    pub fn new() -> Self {
        // Bounds that fit, whatever happens.
        let counted = Histogram::new_with_bounds(1, MOST_NS, 3);
        Self(Mutex::new(counted.expect("bounds of a histogram")))
    }

    /// Counts a chunk that was due at `due_ns` and written by `written_ns`.
    pub fn note(&self, due_ns: i64, written_ns: i64) {
        let late_ns = u64::try_from(written_ns - due_ns).unwrap_or(0);
        self.counted().saturating_record(late_ns);
    }

    /// What was counted so far; `None` if nothing was due at any certain moment.
    pub fn late(&self) -> Option<Late> {
        let counted = self.counted();
        let at_us = |q| counted.value_at_quantile(q) as f64 / 1e3;
        (!counted.is_empty()).then(|| Late {
            chunks: counted.len(),
            p50_us: at_us(0.5),
            p99_us: at_us(0.99),
            max_us: at_us(1.0),
        })
    }

    fn counted(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_counted() {
        let lateness = Lateness::new();
        assert_eq!(lateness.late(), None);
        for us in 1..=100 {
            lateness.note(7, 7 + us * 1000);
        }
        let late = lateness.late().unwrap();
        let near = |is: f64, wanted: f64| (is / wanted - 1.0).abs() < 0.001;
        assert_eq!(late.chunks, 100);
        assert!(
            near(late.p50_us, 50.0) && near(late.p99_us, 99.0),
            "{late:?}"
        );
        assert!(near(late.max_us, 100.0), "{late:?}");
    }
}
