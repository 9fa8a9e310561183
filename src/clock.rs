//! `Clock`: the session's one monotonic clock, in nanoseconds, and its one wall-clock anchor.

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};

/// Counts nanoseconds since a session began. The only caller of `Instant::now`.
///
/// Every `*_ns` column of a trace is a reading of one such clock, so any two of them may be
/// subtracted. The wall clock is read once, here, to place the session in the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    started_at: DateTime<Utc>,
}

impl Clock {
    /// A clock that reads 0 now.
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
            started_at: Utc::now(),
        }
    }

    /// Nanoseconds since the clock was started.
    pub fn now_ns(&self) -> i64 {
        // 63 bits of nanoseconds are 292 years.
        self.origin.elapsed().as_nanos() as i64
    }

    /// The moment `ns` nanoseconds after the start, for a timer to wait for.
    pub fn at(&self, ns: i64) -> Instant {
        self.origin + Duration::from_nanos(ns.max(0) as u64)
    }

    /// When the clock was started: RFC 3339, UTC, nanoseconds.
    pub fn started_at(&self) -> String {
        self.started_at.to_rfc3339_opts(SecondsFormat::Nanos, true)
    }
}
