//! The difference of two means: Welch's test, and its size in standard deviations.

use super::distribution::{student_t_quantile, student_t_sf};
use super::spread::{mean, squared_deviations, variance};
use super::{Interval, TAIL};

/// Welch's t test of the difference of two means, second less first.
#[derive(Debug, Clone, Copy)]
pub struct Welch {
    /// How many values the first sample has.
    pub n0: usize,
    /// How many values the second sample has.
    pub n1: usize,
    /// The mean of the first sample.
    pub mean0: f64,
    /// The mean of the second sample.
    pub mean1: f64,
    /// `mean1 - mean0`.
    pub difference: f64,
    /// Where the 95 % interval of the difference begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// The difference in standard errors.
    pub t: f64,
    /// Satterthwaite's degrees of freedom.
    pub df: f64,
    /// Two-sided.
    pub p: f64,
}

/// Compares the means of two samples whose variances may differ.
///
/// Welch, "The Generalization of 'Student's' Problem when Several Different Population Variances
/// are Involved", Biometrika 34 (1947); degrees of freedom by Satterthwaite, Biometrics Bulletin 2
/// (1946).
pub fn welch(first: &[f64], second: &[f64]) -> Welch {
    let (n0, n1) = (first.len(), second.len());
    let (mean0, mean1) = (mean(first), mean(second));
    let difference = mean1 - mean0;
    let (v0, v1) = (variance(first) / n0 as f64, variance(second) / n1 as f64);
    let standard_error = (v0 + v1).sqrt();
    // As shares of the whole, for the squares of the variances might underflow.
    let (share0, share1) = (v0 / (v0 + v1), v1 / (v0 + v1));
    let df = 1.0 / (share0.powi(2) / (n0 as f64 - 1.0) + share1.powi(2) / (n1 as f64 - 1.0));
    let t = difference / standard_error;
    let half_width = student_t_quantile(1.0 - TAIL, df) * standard_error;
    let Interval { low, high } = Interval::around(difference, half_width);
    Welch {
        n0,
        n1,
        mean0,
        mean1,
        difference,
        low,
        high,
        t,
        df,
        p: 2.0 * student_t_sf(t.abs(), df),
    }
}

/// Hedges' g: the difference of the means, second less first, in pooled standard deviations, freed
/// of its bias in small samples by the exact factor J (not by its approximation 1 - 3 / (4 df - 1)).
///
/// Hedges, "Distribution Theory for Glass's Estimator of Effect Size and Related Estimators",
/// Journal of Educational Statistics 6 (1981).
pub fn hedges_g(first: &[f64], second: &[f64]) -> f64 {
    if first.is_empty() || second.is_empty() || first.len() + second.len() < 4 {
        return f64::NAN;
    }
    let df = (first.len() + second.len() - 2) as f64;
    let pooled = ((squared_deviations(first) + squared_deviations(second)) / df).sqrt();
    let ln_j = libm::lgamma(df / 2.0) - libm::lgamma((df - 1.0) / 2.0) - (df / 2.0).ln() / 2.0;
    ln_j.exp() * (mean(second) - mean(first)) / pooled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    const A: [f64; 5] = [3.1, 2.7, 5.4, 4.4, 3.9];
    const B: [f64; 7] = [6.2, 5.8, 7.1, 4.9, 8.8, 6.6, 7.3];

    fn far_apart() -> [Vec<f64>; 2] {
        let first = (0..20).map(|i| 100.0 + 0.01 * f64::from(i)).collect();
        let second = (0..25).map(|i| 200.0 + 0.011 * f64::from(i)).collect();
        [first, second]
    }

    /// `scipy.stats.ttest_ind(second, first, equal_var=False)` and its `confidence_interval(0.95)`,
    /// scipy 1.17.1.
    #[test]
    fn welchs_test_equals_scipys() {
        let [near, far] = far_apart();
        for (first, second, expected) in [
            (
                &A[..],
                &B[..],
                [
                    2.771_428_571_428_571,
                    1.268_337_479_184_879_6,
                    4.274_519_663_672_262,
                    4.136_626_678_984_285,
                    9.518_561_423_303_922,
                    0.002_247_304_440_609_077_8,
                ],
            ),
            (
                &[1.0, 2.0],
                &[4.0, 9.0],
                [
                    5.0,
                    -22.246_607_370_335_713,
                    32.246_607_370_335_71,
                    1.961_161_351_381_840_4,
                    1.079_872_204_472_843_5,
                    0.285_636_323_244_661_4,
                ],
            ),
            (
                &[1.0, 2.0, 3.0],
                &[5.0, 5.0, 5.0],
                [
                    3.0,
                    0.515_862_288_249_670_2,
                    5.484_137_711_750_33,
                    5.196_152_422_706_632,
                    2.0,
                    0.035_098_718_645_984_65,
                ],
            ),
            (
                &near,
                &far,
                [
                    100.037,
                    99.994_825_388_735_6,
                    100.079_174_611_264_38,
                    4_784.506_392_088_521,
                    42.701_003_185_542_83,
                    5.782_226_248_841_178e-124,
                ],
            ),
        ] {
            let found = welch(first, second);
            let found = [
                found.difference,
                found.low,
                found.high,
                found.t,
                found.df,
                found.p,
            ];
            for (found, expected) in found.into_iter().zip(expected) {
                close(found, expected);
            }
        }
    }

    #[test]
    fn two_constants_differ_without_a_p() {
        let found = welch(&[0.1; 3], &[0.3; 4]);
        close(found.difference, 0.2);
        assert!(found.p.is_nan() && found.df.is_nan() && found.low.is_nan());
        assert!(welch(&[1.0], &[2.0, 3.0]).p.is_nan());
        assert!(welch(&[], &[2.0, 3.0]).difference.is_nan());
    }

    /// `J * (mean1 - mean0) / pooled` with
    /// `J = mpmath.gamma(df/2) / (sqrt(df/2) * gamma((df-1)/2))`, mpmath 1.4.1. Pingouin 0.7.0,
    /// `compute_effsize(second, first, eftype='hedges')`, approximates J and finds 2.17659 for the
    /// first.
    #[test]
    fn hedges_g_has_the_exact_factor() {
        close(hedges_g(&A, &B), 2.175_812_461_043_831_6);
        close(hedges_g(&[1.0, 2.0], &[4.0, 9.0]), 1.106_466_806_106_075_4);
        let [near, far] = far_apart();
        close(hedges_g(&near, &far), 1_362.292_674_301_525);
    }

    #[test]
    fn of_three_values_hedges_g_is_undefined() {
        assert!(hedges_g(&[1.0], &[2.0, 3.0]).is_nan());
        assert!(hedges_g(&[], &[2.0, 3.0, 4.0, 5.0]).is_nan());
        assert!(!hedges_g(&[0.1; 3], &[0.3; 3]).is_finite());
    }
}
