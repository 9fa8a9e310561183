//! `Clock`: the session's one monotonic clock, in nanoseconds, and its one wall-clock anchor.

use std::time::Instant;

use anyhow::{Context as _, Result};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// Counts nanoseconds since a session began. The only caller of `Instant::now`.
///
/// Every `*_ns` column of a trace is a reading of one such clock, so any two of them may be
/// subtracted. The wall clock is read once, here, to place the session in the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    /// What it read at its origin.
    began_ns: i64,
    started_at: DateTime<Utc>,
}

impl Clock {
    /// A clock that reads 0 now.
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
            began_ns: 0,
            started_at: Utc::now(),
        }
    }

    /// The clock of a session that began at `started_at` (RFC 3339) and goes on: it reads `ns` now.
    /// The time between its parts does not count.
    ///
    /// # Errors
    /// If `started_at` is no such time.
    pub fn going_on(started_at: &str, ns: i64) -> Result<Self> {
        let time = DateTime::parse_from_rfc3339(started_at);
        let time = time.with_context(|| format!("{started_at:?} is no time in RFC 3339"))?;
        Ok(Self {
            origin: Instant::now(),
            began_ns: ns,
            started_at: time.to_utc(),
        })
    }

    /// Nanoseconds since the clock was started.
    pub fn now_ns(&self) -> i64 {
        // 63 bits of nanoseconds are 292 years, unless a damaged trace claims that they have passed.
        let elapsed = self.origin.elapsed().as_nanos() as i64;
        self.began_ns.saturating_add(elapsed)
    }

    /// What the calendar says when the clock reads `ns`.
    pub fn wall(&self, ns: i64) -> DateTime<Utc> {
        self.started_at + TimeDelta::nanoseconds(ns)
    }

    /// When the clock was started: RFC 3339, UTC, nanoseconds.
    pub fn started_at(&self) -> String {
        self.started_at.to_rfc3339_opts(SecondsFormat::Nanos, true)
    }
}
