//! Percentiles by linear interpolation, and the median.

/// The `q` percentile of `values`, which are put in some other order; of nothing NaN.
///
/// Between the two neighbours of rank `q * (n - 1)` it interpolates linearly; see Hyndman and Fan,
/// "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996), definition 7.
pub fn type_7(values: &mut [f64], q: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let rank = q * last as f64;
    let below = rank.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let weight = rank - below as f64;
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(high) if weight > 0.0 => low + weight * (high - low),
        _ => low,
    }
}

/// The median of `values`, which are put in some other order; of nothing NaN.
pub fn median(values: &mut [f64]) -> f64 {
    type_7(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.percentile(x, 100 * q)`, numpy 2.4.6, whose default is type 7.
    #[test]
    fn percentiles_equal_numpys() {
        let x = [3.7, -1.25, 8.0, 0.1, 2.2, 2.2, 19.5];
        for (q, expected) in [
            (0.0, -1.25),
            (0.1, -0.439_999_999_999_999_95),
            (0.5, 2.2),
            (0.9, 12.600_000_000_000_005),
            (0.99, 18.809_999_999_999_995),
            (1.0, 19.5),
        ] {
            let found = type_7(&mut x.clone(), q);
            assert!(
                (found - expected).abs() <= 1e-14 * expected.abs(),
                "{q}: {found}"
            );
        }
    }

    #[test]
    fn one_value_is_every_percentile_and_no_value_has_none() {
        assert_eq!(type_7(&mut [5.0], 0.37), 5.0);
        assert!(type_7(&mut [], 0.5).is_nan());
    }

    #[test]
    fn of_an_even_number_the_median_is_the_mean_of_the_two_in_the_middle() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
