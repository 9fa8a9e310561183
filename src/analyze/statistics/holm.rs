//! Holm's correction of a family of tests.

/// Each p as it would have to be if it stood alone, in the order given.
///
/// Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
/// Statistics 6 (1979).
pub fn holm(family: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..family.len()).collect();
    order.sort_by(|&a, &b| family[a].total_cmp(&family[b]));
    let mut adjusted = vec![0.0; family.len()];
    let mut so_far = 0.0_f64;
    for (before, &index) in order.iter().enumerate() {
        let left = (family.len() - before) as f64;
        so_far = so_far.max(left * family[index]).min(1.0);
        adjusted[index] = so_far;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    /// `statsmodels.stats.multitest.multipletests(p, method='holm')[1]`, statsmodels 0.15.0.
    #[test]
    fn corrected_ps_equal_statsmodels() {
        let found = holm(&[0.01, 0.04, 0.03, 0.005, 0.5, 0.04]);
        for (found, expected) in found.into_iter().zip([0.05, 0.12, 0.12, 0.03, 0.5, 0.12]) {
            close(found, expected);
        }
        assert!(holm(&[]).is_empty());
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }
}
