//! The Mann-Whitney U test, exact where samples are small and without ties.

use super::distribution::normal_sf;
use super::rank::{midranks, tie_term};

/// The Mann-Whitney U test of two samples.
#[derive(Debug, Clone, Copy)]
pub struct MannWhitney {
    /// How many values the first sample has.
    pub n0: usize,
    /// How many values the second sample has.
    pub n1: usize,
    /// In how many pairs the first sample's value is the greater one; a tie counts half.
    pub u: f64,
    /// Two-sided.
    pub p: f64,
}

/// Tests whether values of either sample tend to be greater, as
/// `scipy.stats.mannwhitneyu(first, second)` does with its `method='auto'`: exactly if one of the
/// samples has at most 8 values and there are no ties, else by the normal approximation with
/// continuity correction.
///
/// Mann and Whitney, "On a Test of whether one of Two Random Variables is Stochastically Larger than
/// the Other", The Annals of Mathematical Statistics 18 (1947).
pub fn mann_whitney(first: &[f64], second: &[f64]) -> MannWhitney {
    /// Beside more values than that in the other sample, the approximation is as good, and the
    /// exact counts would be too many for an integer.
    const EXACT_UP_TO: usize = 10_000;
    let (n0, n1) = (first.len(), second.len());
    if n0 == 0 || n1 == 0 {
        let (u, p) = (f64::NAN, f64::NAN);
        return MannWhitney { n0, n1, u, p };
    }
    let ranking = midranks(&[first, second].concat());
    let rank_sum: f64 = ranking.ranks[..n0].iter().sum();
    let u = rank_sum - n0 as f64 * (n0 as f64 + 1.0) / 2.0;
    let pairs = n0 as f64 * n1 as f64;
    let less = u.min(pairs - u);
    let (smaller, larger) = (n0.min(n1), n0.max(n1));
    let no_ties = ranking.ties.iter().all(|&size| size == 1);
    let p = if no_ties && smaller <= 8 && larger <= EXACT_UP_TO {
        2.0 * share_up_to(less as usize, smaller, larger)
    } else {
        let n = (n0 + n1) as f64;
        let variance = pairs / 12.0 * (n + 1.0 - tie_term(&ranking.ties) / (n * (n - 1.0)));
        2.0 * normal_sf((pairs / 2.0 - less - 0.5) / variance.sqrt())
    };
    let p = if p > 1.0 { 1.0 } else { p };
    MannWhitney { n0, n1, u, p }
}

/// The share of the ways to draw `smaller` of all ranks whose U is at most `u`.
///
/// By U, these ways are counted by the Gaussian binomial coefficient: the product over i up to
/// `smaller` of (1 - q^(larger + i)) / (1 - q^i). See Andrews, "The Theory of Partitions" (1976),
/// chapter 3.
fn share_up_to(u: usize, smaller: usize, larger: usize) -> f64 {
    let mut counts = vec![0_i128; u + 1];
    counts[0] = 1;
    let mut ways = 1.0;
    for i in 1..=smaller {
        for k in (larger + i..=u).rev() {
            counts[k] -= counts[k - larger - i];
        }
        for k in i..=u {
            counts[k] += counts[k - i];
        }
        ways *= (larger + i) as f64 / i as f64;
    }
    counts.iter().sum::<i128>() as f64 / ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    fn numbers(count: u32, number: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..count).map(|i| number(f64::from(i))).collect()
    }

    #[track_caller]
    fn check(first: &[f64], second: &[f64], u: f64, p: f64) {
        let found = mann_whitney(first, second);
        close(found.u, u);
        close(found.p, p);
    }

    /// `scipy.stats.mannwhitneyu(first, second)`, scipy 1.17.1, as all below.
    #[test]
    fn a_small_sample_without_ties_has_an_exact_p() {
        let (a, b) = (
            [3.1, 2.7, 5.4, 4.4, 3.9],
            [6.2, 5.8, 7.1, 4.9, 8.8, 6.6, 7.3],
        );
        check(&a, &b, 1.0, 0.005_050_505_050_505_051);
        check(&b, &a, 34.0, 0.005_050_505_050_505_051);
        check(&[1.0, 2.0], &[4.0, 9.0], 0.0, 1.0 / 3.0);
        check(&[1.0], &[2.0], 0.0, 1.0);
        let eight = numbers(8, |i| 3.0 * i + 0.5);
        check(
            &eight,
            &numbers(60, |i| i),
            92.0,
            0.003_533_368_436_966_599_5,
        );
        check(
            &eight,
            &numbers(500, |i| i),
            92.0,
            2.525_804_832_455_656_5e-10,
        );
        check(
            &numbers(8, |i| i),
            &numbers(40, |i| i + 100.0),
            0.0,
            5.300_133_382_626_694e-9,
        );
    }

    #[test]
    fn larger_samples_and_ties_take_the_normal_approximation() {
        let first = numbers(12, |i| 5.0 * i % 13.0 + 0.1 * i);
        let second = numbers(10, |i| 7.0 * i % 11.0 + 0.55);
        check(&first, &second, 66.0, 0.716_859_436_196_128_5);
        check(
            &numbers(9, |i| i + 0.5),
            &numbers(9, |i| 2.0 * i),
            25.0,
            0.185_326_304_198_579_43,
        );
        let tied = [3.0, 3.0, 5.0, 4.0, 4.0];
        check(
            &tied,
            &[6.0, 5.0, 7.0, 4.0, 8.0, 6.0, 7.0],
            2.5,
            0.016_920_271_023_607_52,
        );
    }

    /// scipy says p = 1 where all values are equal, having divided by 0.
    #[test]
    fn of_equal_values_or_none_there_is_no_p() {
        let equal = mann_whitney(&[1.0; 3], &[1.0; 2]);
        assert!(equal.u == 3.0 && equal.p.is_nan());
        let none = mann_whitney(&[], &[1.0]);
        assert!(none.n1 == 1 && none.u.is_nan() && none.p.is_nan());
    }
}
