//! Seeded bootstrap intervals, bias-corrected and accelerated (BCa).
//!
//! # Which resamples
//!
//! So that any other program can draw them too: the generator is PCG64 (XSL-RR 128/64, numpy's
//! `PCG64`) with the state `seed` and the stream 0, as PCG's own `srandom` sets them. Each sample
//! is sorted ascending. A resample draws, for the first sample and then for the second, as many
//! indices as the sample has values: the upper 64 bits of a 64-bit draw times the size.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

use super::distribution::{normal_quantile, normal_sf};
use super::percentile::{median, type_7};
use super::spread::mean;
use super::{Interval, TAIL};

/// How often the samples are drawn anew.
const RESAMPLES: usize = 10_000;

/// The 95 % interval of the mean.
pub fn of_mean(sample: &[f64], seed: u64) -> Interval {
    bca([sample], |[sample]| mean(sample), seed)
}

/// The 95 % interval of the median.
pub fn of_median(sample: &[f64], seed: u64) -> Interval {
    bca([sample], |[sample]| median(sample), seed)
}

/// The 95 % interval of the difference of the means, second less first.
pub fn of_mean_difference(samples: [&[f64]; 2], seed: u64) -> Interval {
    bca(samples, |[first, second]| mean(second) - mean(first), seed)
}

/// The 95 % interval of the difference of the medians, second less first.
pub fn of_median_difference(samples: [&[f64]; 2], seed: u64) -> Interval {
    let difference = |[first, second]: &mut [Vec<f64>; 2]| median(second) - median(first);
    bca(samples, difference, seed)
}

/// The BCa interval of a `statistic` of independent samples, which it may reorder; undefined if a
/// sample has fewer than two values, or if leaving one out never changes the statistic.
///
/// Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), sections 14.3 and 15.4; for more
/// samples than one as `scipy.stats.bootstrap(method='BCa')` has it. A resample counts as equal to
/// the estimate, so half as below it, if they differ by no more than rounding may.
fn bca<const N: usize>(
    samples: [&[f64]; N],
    statistic: impl Fn(&mut [Vec<f64>; N]) -> f64,
    seed: u64,
) -> Interval {
    if samples.iter().any(|sample| sample.len() < 2) {
        return Interval::UNDEFINED;
    }
    let mut drawn = samples.map(<[f64]>::to_vec);
    for sample in &mut drawn {
        sample.sort_by(f64::total_cmp);
    }
    let sorted = drawn.clone();
    let estimate = statistic(&mut drawn);

    let mut generator = Pcg64::new(u128::from(seed), 0);
    let mut resample = || {
        for (drawn, sorted) in drawn.iter_mut().zip(&sorted) {
            for value in drawn.iter_mut() {
                *value = sorted[index_below(sorted.len(), &mut generator)];
            }
        }
        statistic(&mut drawn)
    };
    let mut resampled: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();

    let largest = sorted
        .iter()
        .flatten()
        .fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let rounding = 1e-12 * largest;
    let below = |value: &f64| match value - estimate {
        difference if difference.abs() <= rounding => 0.5,
        difference if difference < 0.0 => 1.0,
        _ => 0.0,
    };
    let share_below = resampled.iter().map(below).sum::<f64>() / RESAMPLES as f64;
    let bias = normal_quantile(share_below);
    let acceleration = acceleration(&sorted, statistic);
    let mut end = |tail: f64| {
        let z = bias + normal_quantile(tail);
        let q = normal_sf(-(bias + z / (1.0 - acceleration * z)));
        match q.is_nan() {
            true => f64::NAN,
            false => type_7(&mut resampled, q),
        }
    };
    Interval {
        low: end(TAIL),
        high: end(1.0 - TAIL),
    }
}

/// An index below `size`, by Lemire's multiplication without his rejection: "Fast Random Integer
/// Generation in an Interval", ACM TOMACS 29 (2019). What that favours some by is size / 2^64.
pub fn index_below(size: usize, generator: &mut Pcg64) -> usize {
    ((u128::from(generator.next_u64()) * size as u128) >> 64) as usize
}

/// How fast the statistic's standard error changes with its value, by the jackknife.
fn acceleration<const N: usize>(
    samples: &[Vec<f64>; N],
    statistic: impl Fn(&mut [Vec<f64>; N]) -> f64,
) -> f64 {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for (which, sample) in samples.iter().enumerate() {
        let n = sample.len() as f64;
        let without = |left_out: usize| {
            let mut rest = samples.clone();
            rest[which].remove(left_out);
            statistic(&mut rest)
        };
        let partial: Vec<f64> = (0..sample.len()).map(without).collect();
        let centre = mean(&partial);
        let influences = partial.iter().map(|value| (n - 1.0) * (centre - value) / n);
        cubes += influences
            .clone()
            .map(|influence| influence.powi(3))
            .sum::<f64>();
        squares += influences.map(|influence| influence.powi(2)).sum::<f64>();
    }
    cubes / squares.powf(1.5) / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    const A: [f64; 5] = [3.1, 2.7, 5.4, 4.4, 3.9];
    const B: [f64; 7] = [6.2, 5.8, 7.1, 4.9, 8.8, 6.6, 7.3];

    #[track_caller]
    fn check(found: Interval, low: f64, high: f64) {
        close(found.low, low);
        close(found.high, high);
    }

    /// The resamples and formulae said above, written again in numpy 2.4.6 and scipy 1.17.1:
    ///
    /// ```python
    /// inc, mult = 1, 0x2360ED051FC65DA44385DF649FCCF645
    /// raw = numpy.random.PCG64()
    /// raw.state = {"bit_generator": "PCG64", "has_uint32": 0, "uinteger": 0,
    ///              "state": {"state": ((7 + inc) * mult + inc) % 2**128, "inc": inc}}
    /// index = [(int(r) * n) >> 64 for r in raw.random_raw(n)]  # for each resample, each sample
    /// ```
    ///
    /// then `_bca_interval` of `scipy.stats.bootstrap`, and `numpy.percentile`.
    #[test]
    fn the_intervals_are_those_of_the_same_resamples_in_numpy() {
        check(
            of_mean(&B, 7),
            5.899_999_999_999_999_5,
            7.585_714_285_714_285,
        );
        check(
            of_mean_difference([&A, &B], 7),
            1.599_999_999_999_999_6,
            3.965_714_285_714_285,
        );
        check(
            of_median_difference([&A, &B], 7),
            0.799_999_999_999_999_8,
            4.199_999_999_999_999,
        );
        check(of_median(&B, 7), 5.8, 7.3);
        check(of_mean(&[1.0, 2.0], 1), 1.0, 2.0);
    }

    /// `numpy.random.PCG64` with that state, `random_raw(3)`, numpy 2.4.6.
    #[test]
    fn the_generator_is_numpys() {
        let mut generator = Pcg64::new(7, 0);
        let drawn = [(); 3].map(|()| generator.next_u64());
        assert_eq!(
            drawn,
            [
                3_794_662_832_601_335_865,
                15_240_968_555_123_464_989,
                355_574_508_372_418_675
            ]
        );
    }

    #[test]
    fn the_order_of_the_values_changes_no_digit() {
        let mut shuffled = B;
        shuffled.swap(0, 5);
        shuffled.swap(2, 6);
        assert_eq!(of_mean(&B, 3), of_mean(&shuffled, 3));
        assert_ne!(of_mean(&B, 3), of_mean(&B, 4));
    }

    #[test]
    fn of_one_value_or_equal_ones_nothing_is_known() {
        assert!(of_mean(&[1.0], 1).low.is_nan());
        assert!(of_mean(&[], 1).low.is_nan());
        assert!(of_mean(&[0.1; 5], 1).low.is_nan());
        assert!(of_mean_difference([&A, &[1.0]], 1).high.is_nan());
    }
}
