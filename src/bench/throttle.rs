//! Reading slower than a server writes: a token bucket, and a governor that sets its rate.

use std::time::Duration;

/// Below the target the rate falls to this share of itself (TR117, section 8.2).
const SLOWER: f64 = 0.9;
/// Above it, by more than [`MARGIN_PERCENT`], it rises to this.
const FASTER: f64 = 1.05;
/// How far above the target nothing changes, in points.
const MARGIN_PERCENT: f64 = 2.0;
/// A governor goes no slower than this, tokens a second.
const SLOWEST_TPS: f64 = 1.0;
/// The rate that a governor begins with, tokens a second (TR117).
pub const FIRST_TPS: f64 = 70.0;

/// Lets through so many tokens a second (at least a tenth of one), and at most a tenth of a second's worth at once.
#[derive(Clone, Debug)]
pub struct Bucket {
    tokens_per_s: f64,
    held: f64,
    at_ns: i64,
}

impl Bucket {
    /// An empty bucket at `now_ns`.
    pub fn new(tokens_per_s: f64, now_ns: i64) -> Self {
        Self {
            tokens_per_s,
            held: 0.0,
            at_ns: now_ns,
        }
    }

    /// Takes one token at `now_ns`: how long to wait for it.
    pub fn take(&mut self, now_ns: i64) -> Duration {
        let passed_s = (now_ns - self.at_ns).max(0) as f64 / 1e9;
        let most = (self.tokens_per_s / 10.0).max(1.0);
        self.held = (self.held + passed_s * self.tokens_per_s).min(most) - 1.0;
        self.at_ns = now_ns;
        Duration::from_secs_f64((-self.held).max(0.0) / self.tokens_per_s)
    }
}

/// Sets the throttle's rate after each concurrent run, so that efficiency is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Governor {
    /// What is to be held.
    pub target_percent: f64,
    /// The rate now.
    pub tokens_per_s: f64,
}

impl Governor {
    /// Takes what the last run had.
    pub fn adjust(&mut self, efficiency_percent: f64) {
        if efficiency_percent < self.target_percent {
            self.tokens_per_s = (self.tokens_per_s * SLOWER).max(SLOWEST_TPS);
        } else if efficiency_percent > self.target_percent + MARGIN_PERCENT {
            self.tokens_per_s *= FASTER;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_its_rate_through_and_saves_little() {
        let mut bucket = Bucket::new(50.0, 0);
        let mut now_ns = 0;
        for _ in 0..100 {
            now_ns += bucket.take(now_ns).as_nanos() as i64;
        }
        assert!(
            (1_990_000_000..=2_010_000_000).contains(&now_ns),
            "{now_ns}"
        );
        // After a pause of a second, five tokens and no more come at once.
        now_ns += 1_000_000_000;
        let waits: Vec<_> = (0..6).map(|_| bucket.take(now_ns)).collect();
        assert!(waits[..5].iter().all(Duration::is_zero), "{waits:?}");
        assert_eq!(waits[5].as_millis(), 20);
    }

    #[test]
    fn a_governor_goes_slower_below_its_target_and_faster_well_above() {
        let mut governor = Governor {
            target_percent: 87.0,
            tokens_per_s: 100.0,
        };
        governor.adjust(80.0);
        assert_eq!(governor.tokens_per_s, 90.0);
        governor.adjust(88.0);
        assert_eq!(governor.tokens_per_s, 90.0);
        governor.adjust(89.5);
        assert_eq!(governor.tokens_per_s, 94.5);
        for _ in 0..1000 {
            governor.adjust(10.0);
        }
        assert_eq!(governor.tokens_per_s, SLOWEST_TPS);
    }
}
