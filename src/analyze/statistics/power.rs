//! How small an effect so many values would show: the power of the two-sample t test, solved.

use super::TAIL;
use super::distribution::{normal_sf, student_t_quantile, where_it_falls_to};

/// How likely a test is to see the minimum detectable effect.
const POWER: f64 = 0.8;

/// The difference of two means that Student's two-sided t test (alpha 0.05) of samples of `n0` and
/// `n1` values with the standard deviation `sd` finds with a probability of 0.8.
///
/// Exact, by the noncentral t distribution; Cohen, "Statistical Power Analysis for the Behavioral
/// Sciences" (2nd edition, 1988), chapter 2, has the tables.
pub fn minimum_detectable_effect(sd: f64, n0: f64, n1: f64) -> f64 {
    let is_sample = sd >= 0.0 && n0 >= 1.0 && n1 >= 1.0;
    match is_sample {
        true => sd * noncentrality(n0 + n1 - 2.0) * (1.0 / n0 + 1.0 / n1).sqrt(),
        false => f64::NAN,
    }
}

/// The mean of `n` differences with the standard deviation `sd` that Student's two-sided t test
/// (alpha 0.05) finds with a probability of 0.8; as exact.
pub fn minimum_detectable_shift(sd: f64, n: f64) -> f64 {
    match sd >= 0.0 {
        true => sd * noncentrality(n - 1.0) / n.sqrt(),
        false => f64::NAN,
    }
}

/// How far from zero, in standard errors, a mean must truly lie to be found so often.
fn noncentrality(df: f64) -> f64 {
    if !(df >= 1.0 && df.is_finite()) {
        return f64::NAN;
    }
    let critical = student_t_quantile(1.0 - TAIL, df);
    let chi = ScaledChi::new(df, critical);
    let missed = |noncentrality: f64| {
        let above = chi.mean_of(|s| normal_sf(critical * s - noncentrality));
        let below = chi.mean_of(|s| normal_sf(critical * s + noncentrality));
        1.0 - above - below
    };
    where_it_falls_to(1.0 - POWER, missed)
}

/// The distribution of a sample's standard deviation whose true value is 1: the root of chi-squared
/// over its degrees of freedom, as points with their weights.
struct ScaledChi {
    points: Vec<(f64, f64)>,
}

impl ScaledChi {
    /// With `df` degrees of freedom, fine enough to average what changes `steepness` times as fast
    /// as its argument.
    ///
    /// Over the logarithm of the value, the density falls off on either side so smoothly that the
    /// trapezoid rule converges faster than any power of its step; see Trefethen and Weideman, "The
    /// Exponentially Convergent Trapezoidal Rule", SIAM Review 56 (2014).
    fn new(df: f64, steepness: f64) -> Self {
        let width = 1.0 / (2.0 * df).sqrt();
        let step = width.min(1.0 / steepness) / 8.0;
        let (low, high) = (-(30.0 / df).max(9.0 * width), 9.0 * width);
        let count = ((high - low) / step).ceil() as usize;
        // The density of the logarithm u, but for a constant that makes the sum 1.
        let density = |u: f64| (df * (u - (2.0 * u).exp_m1() / 2.0)).exp();
        let logarithms = (0..=count).map(|i| low + i as f64 * step);
        let mut points: Vec<_> = logarithms.map(|u| (u.exp(), density(u))).collect();
        let total: f64 = points.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut points {
            *weight /= total;
        }
        Self { points }
    }

    fn mean_of(&self, function: impl Fn(f64) -> f64) -> f64 {
        let weighted = |&(value, weight): &(f64, f64)| weight * function(value);
        self.points.iter().map(weighted).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    /// The same integral by `mpmath.quad` with 25 digits, mpmath 1.4.1; for (5, 5) also
    /// `scipy.stats.nct`, scipy 1.17.1.
    #[test]
    fn the_effect_is_exact() {
        for (n0, n1, expected) in [
            (2.0, 2.0, 5.653_489_266_197_129),
            (1.0, 2.0, 20.004_993_592_700_476),
            (5.0, 5.0, 2.024_439_339_384_543_2),
            (2.0, 30.0, 2.114_470_737_404_958_7),
            (20.0, 35.0, 0.799_892_121_411_256_3),
            (100.0, 100.0, 0.398_138_137_568_235_96),
        ] {
            close(minimum_detectable_effect(3.0, n0, n1), 3.0 * expected);
        }
    }

    /// `TTestIndPower().solve_power(None, n0, 0.05, 0.8, ratio=n1/n0)`, statsmodels 0.15.0, which
    /// solves to about six digits.
    #[test]
    fn statsmodels_agrees() {
        for (n0, n1, expected) in [
            (3.0, 3.0, 3.070_892_269_599_019),
            (5.0, 5.0, 2.024_440_145_655_355),
            (2.0, 30.0, 2.114_472_578_450_863),
            (1000.0, 1000.0, 0.125_350_805_297_036_96),
        ] {
            let found = minimum_detectable_effect(1.0, n0, n1);
            assert!((found / expected - 1.0).abs() < 1e-6, "{found}");
        }
    }

    /// The same integral by `mpmath.quad` with 25 digits, mpmath 1.4.1. statsmodels 0.15.0 agrees to six:
    /// `TTestPower().solve_power(None, n, 0.05, power=0.8)` is 11.54989, 1.681997 and 0.6604416.
    #[test]
    fn a_shift_is_that_of_one_sample() {
        for (n, expected) in [
            (2.0, 11.549_888_435_882_358),
            (5.0, 1.681_996_965_955_555),
            (20.0, 0.660_441_654_623_026_4),
        ] {
            close(minimum_detectable_shift(3.0, n), 3.0 * expected);
        }
    }

    #[test]
    fn without_spread_nothing_is_too_small_and_without_degrees_of_freedom_nothing_is_known() {
        assert_eq!(minimum_detectable_effect(0.0, 5.0, 5.0), 0.0);
        assert!(minimum_detectable_effect(1.0, 1.0, 1.0).is_nan());
        assert!(minimum_detectable_effect(1.0, 0.0, 9.0).is_nan());
        assert!(minimum_detectable_effect(f64::NAN, 5.0, 5.0).is_nan());
    }
}
