//! What one sample says of itself: mean, variance, the interval of the mean, the median deviation.

use super::distribution::student_t_quantile;
use super::percentile::median;
use super::{Interval, TAIL};

/// The arithmetic mean; of nothing NaN.
///
/// What the first pass rounds away the second puts back, so that the mean of equal values is that
/// value, and their variance 0.
pub fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let rough = values.iter().sum::<f64>() / n;
    rough + values.iter().map(|value| value - rough).sum::<f64>() / n
}

/// The sum of the squared deviations from the mean.
pub fn squared_deviations(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// The variance with n - 1; of fewer than two values NaN.
pub fn variance(values: &[f64]) -> f64 {
    match values.len() {
        0 | 1 => f64::NAN,
        n => squared_deviations(values) / (n - 1) as f64,
    }
}

/// The 95 % interval of the mean by Student's t; of fewer than two values undefined.
///
/// Student, "The Probable Error of a Mean", Biometrika 6 (1908).
pub fn mean_interval(values: &[f64]) -> Interval {
    let n = values.len() as f64;
    let standard_error = (variance(values) / n).sqrt();
    let t = student_t_quantile(1.0 - TAIL, n - 1.0);
    Interval::around(mean(values), t * standard_error)
}

/// The median absolute deviation about the median, not scaled to the normal distribution.
///
/// Hampel, "The Influence Curve and its Role in Robust Estimation", JASA 69 (1974).
pub fn median_absolute_deviation(values: &[f64]) -> f64 {
    let centre = median(&mut values.to_vec());
    let mut deviations: Vec<_> = values.iter().map(|x| (x - centre).abs()).collect();
    median(&mut deviations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    const X: [f64; 7] = [3.7, -1.25, 8.0, 0.1, 2.2, 2.2, 19.5];

    /// `numpy.var(x, ddof=1)`, numpy 2.4.6.
    #[test]
    fn the_variance_survives_a_large_mean() {
        close(variance(&X.map(|x| x + 1e9)), 49.941_547_474_804_37);
    }

    #[test]
    fn equal_values_vary_by_nothing_at_all() {
        assert_eq!(mean(&[0.1; 3]), 0.1);
        assert_eq!(variance(&[0.1; 7]), 0.0);
    }

    /// `scipy.stats.t.interval(0.95, n - 1, loc=mean(x), scale=sem(x))`, scipy 1.17.1.
    #[test]
    fn the_interval_of_the_mean_equals_scipys() {
        let seven = mean_interval(&X);
        close(seven.low, -1.614_394_733_217_481_3);
        close(seven.high, 11.457_251_876_074_626);
        let two = mean_interval(&[1.0, 2.0]);
        close(two.low, -4.853_102_368_087_347);
        close(two.high, 7.853_102_368_087_347);
    }

    /// `scipy.stats.median_abs_deviation(x)`, scipy 1.17.1.
    #[test]
    fn the_median_deviation_equals_scipys() {
        close(median_absolute_deviation(&X), 2.1);
        close(median_absolute_deviation(&[1.0, 2.0, 4.0, 8.0]), 1.5);
    }

    #[test]
    fn one_value_has_a_mean_but_no_interval() {
        assert!(variance(&[1.0]).is_nan());
        assert!(mean_interval(&[1.0]).low.is_nan());
        assert!(mean_interval(&[]).high.is_nan());
        assert!(mean(&[]).is_nan());
        assert_eq!(median_absolute_deviation(&[1.0]), 0.0);
        assert!(median_absolute_deviation(&[]).is_nan());
    }
}
