//! The mathematics of the statistics: pure functions over slices, which know nothing of SQL.
//!
//! They answer as floats do: what is undefined (the p of a constant sample, the variance of one
//! value) is NaN. Values are sorted by whoever calls, so that sums do not depend on their order.

pub mod anova;
pub mod bootstrap;
pub mod correlation;
pub mod distribution;
pub mod groups;
pub mod holm;
pub mod kendall;
pub mod least_squares;
pub mod mann_whitney;
pub mod percentile;
pub mod power;
pub mod rank;
pub mod regression;
pub mod special;
pub mod spread;
pub mod two_samples;

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// What is known of nothing.
    pub const UNDEFINED: Self = Self {
        low: f64::NAN,
        high: f64::NAN,
    };

    /// `half_width` to either side of `middle`.
    pub fn around(middle: f64, half_width: f64) -> Self {
        Self {
            low: middle - half_width,
            high: middle + half_width,
        }
    }
}

/// How much every interval leaves out at either end: they are 95 % intervals.
pub const TAIL: f64 = 0.025;

#[cfg(test)]
#[track_caller]
pub fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs(),
        "{found:e} is not {expected:e}"
    );
}
