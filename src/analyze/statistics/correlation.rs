//! Pearson's and Spearman's correlation, what speaks against their being 0, and Fisher's interval.

use super::distribution::normal_quantile;
use super::rank::midranks;
use super::special::incomplete_beta;
use super::spread::mean;
use super::{Interval, TAIL};

/// Pearson's product-moment correlation of the pairs; NaN if either is constant.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let (x_mean, y_mean) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - x_mean, y - y_mean);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    // Two roots, for the product might overflow.
    (xy / xx.sqrt() / yy.sqrt()).clamp(-1.0, 1.0)
}

/// Spearman's correlation: Pearson's of the midranks.
///
/// Spearman, "The Proof and Measurement of Association between Two Things", American Journal of
/// Psychology 15 (1904).
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&midranks(x).ranks, &midranks(y).ranks)
}

/// The two-sided p of a correlation `r` of `n` pairs, by Student's t with n - 2 degrees of freedom:
/// exact for Pearson's r of normal data, the usual approximation for Spearman's.
///
/// With x = r^2 that tail of t is an incomplete beta function, which has no pole at r = 1.
pub fn correlation_p(r: f64, n: f64) -> f64 {
    let r = correlation(r).abs();
    if n <= 2.0 || !n.is_finite() || r.is_nan() {
        return f64::NAN;
    }
    incomplete_beta(n / 2.0 - 1.0, 0.5, (1.0 - r) * (1.0 + r), r * r)
}

/// The 95 % interval of Pearson's `r` of `n` pairs; undefined for fewer than four.
///
/// Fisher, "On the Probable Error of a Coefficient of Correlation", Metron 1 (1921).
pub fn fisher_z(r: f64, n: f64) -> Interval {
    if n <= 3.0 {
        return Interval::UNDEFINED;
    }
    let half_width = normal_quantile(1.0 - TAIL) / (n - 3.0).sqrt();
    let in_z = Interval::around(correlation(r).atanh(), half_width);
    Interval {
        low: in_z.low.tanh(),
        high: in_z.high.tanh(),
    }
}

/// `r` if it is one: not above 1, but for what a sum may have rounded a perfect one to.
fn correlation(r: f64) -> f64 {
    match r.abs() <= 1.0 + 1e-12 {
        true => r.clamp(-1.0, 1.0),
        false => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    const X: [f64; 8] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.5];
    const Y: [f64; 8] = [2.1, 1.9, 3.5, 3.7, 5.2, 4.8, 8.1, 7.7];

    /// `scipy.stats.pearsonr(X, Y)` and its `confidence_interval(0.95)`, scipy 1.17.1.
    #[test]
    fn pearson_with_its_p_and_interval_equals_scipys() {
        let r = pearson(&X, &Y);
        close(r, 0.946_079_276_756_125_4);
        close(correlation_p(r, 8.0), 0.000_376_249_876_397_866_1);
        close(fisher_z(r, 8.0).low, 0.724_240_311_156_819_2);
        close(fisher_z(r, 8.0).high, 0.990_445_506_535_245_7);
    }

    /// `scipy.stats.spearmanr(x, y)`, scipy 1.17.1.
    #[test]
    fn spearman_with_its_p_equals_scipys_with_and_without_ties() {
        let tied_x = [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 9.0];
        let tied_y = [5.0, 1.0, 1.0, 2.0, 4.0, 4.0, 3.0, 8.0];
        let (r, tied) = (spearman(&X, &Y), spearman(&tied_x, &tied_y));
        close(r, 0.928_571_428_571_428_7);
        close(correlation_p(r, 8.0), 0.000_862_968_182_899_976_7);
        close(tied, 0.360_311_004_216_059_05);
        close(correlation_p(tied, 8.0), 0.380_610_852_827_419_8);
    }

    /// `betainc(n/2 - 1, 1/2, 0, 1 - r*r, regularized=True)`, mpmath 1.4.1 with 50 digits.
    #[test]
    fn the_p_of_a_correlation_is_exact_far_out() {
        for (r, n, expected) in [
            (0.5, 10.0, 0.141_113_281_25),
            (-0.9, 5.0, 0.037_386_073_468_498_635),
            (1.0, 5.0, 0.0),
            (0.0, 7.0, 1.0),
            (0.3, 3.0, 0.806_026_631_958_643_4),
            (0.999_999, 50.0, 1.922_085_743_766_61e-138),
            (0.9, 500.0, 1.019_314_008_826_250_1e-181),
        ] {
            close(correlation_p(r, n), expected);
        }
    }

    #[test]
    fn of_too_few_or_constant_values_nothing_is_known() {
        assert!(pearson(&[0.1; 3], &[1.0, 2.0, 3.0]).is_nan());
        assert!(spearman(&[], &[]).is_nan());
        assert!(spearman(&[1.0], &[2.0]).is_nan());
        assert!(correlation_p(1.0, 2.0).is_nan());
        assert!(correlation_p(1.1, 9.0).is_nan());
        assert!(fisher_z(0.5, 3.0).low.is_nan());
        assert_eq!(fisher_z(1.0, 9.0).low, 1.0);
    }
}
