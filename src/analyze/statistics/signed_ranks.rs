//! The signed-rank test of Wilcoxon: do the differences within pairs lie about zero?

use super::distribution::normal_sf;
use super::rank::{midranks, tie_term};

/// Up to so many differences the distribution is counted out; beyond, it is near enough to normal.
const EXACT_UP_TO: usize = 50;

/// The two-sided p of `differences` lying about zero; zeros are left out.
///
/// Exact for up to 50 differences, with ties as well (the distribution over all signs, given the
/// ranks); else by the normal approximation without continuity correction. So it is
/// `scipy.stats.wilcoxon(differences)` but for 14 to 50 differences with ties or zeros, where scipy
/// approximates. Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1 (1945).
pub fn wilcoxon_p(differences: &[f64]) -> f64 {
    let nonzero: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let n = nonzero.len();
    if n == 0 {
        return f64::NAN;
    }
    let sizes: Vec<f64> = nonzero.iter().map(|difference| difference.abs()).collect();
    let ranking = midranks(&sizes);
    let positive = nonzero.iter().zip(&ranking.ranks);
    let positive: f64 = positive
        .filter(|(d, _)| **d > 0.0)
        .map(|(_, rank)| rank)
        .sum();
    let whole = n as f64 * (n as f64 + 1.0) / 2.0;
    let less = positive.min(whole - positive);
    let p = match n {
        ..=EXACT_UP_TO => 2.0 * share_up_to(less, &ranking.ranks),
        _ => {
            let n = n as f64;
            let variance = n * (n + 1.0) * (2.0 * n + 1.0) - tie_term(&ranking.ties) / 2.0;
            2.0 * normal_sf((whole / 2.0 - less) / (variance / 24.0).sqrt())
        }
    };
    if p > 1.0 { 1.0 } else { p }
}

/// The share of all ways to give the ranks signs in which those of one sign add up to at most `sum`.
fn share_up_to(sum: f64, ranks: &[f64]) -> f64 {
    // Midranks are halves.
    let doubled: Vec<usize> = ranks.iter().map(|rank| (2.0 * rank) as usize).collect();
    let mut ways = vec![0.0; doubled.iter().sum::<usize>() + 1];
    ways[0] = 1.0;
    for rank in &doubled {
        for total in (*rank..ways.len()).rev() {
            ways[total] += ways[total - rank];
        }
    }
    let counted: f64 = ways[..=(2.0 * sum) as usize].iter().sum();
    counted / 2f64.powi(ranks.len() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    /// `scipy.stats.wilcoxon(differences).pvalue`, scipy 1.17.1.
    #[test]
    fn p_is_scipys() {
        let many: Vec<f64> = (1..=60).map(|i| f64::from(i * 37 % 61) - 22.5).collect();
        let tied: Vec<f64> = (1..=60).map(|i| f64::from(i * 37 % 13) - 5.0).collect();
        for (differences, expected) in [
            (vec![1.2, -0.4, 2.2, 0.9, 1.7], 0.125),
            (vec![1.0, 2.0, 2.0, -1.0, 3.0, 0.0, 3.0, 4.0], 0.046875),
            (vec![5.0], 1.0),
            (vec![1.0, 1.0], 0.5),
            (many, 0.0019874342118654112),
            (tied, 0.021791882630784354),
        ] {
            close(wilcoxon_p(&differences), expected);
        }
    }

    #[test]
    fn differences_that_are_all_zero_say_nothing() {
        assert!(wilcoxon_p(&[0.0, 0.0]).is_nan() && wilcoxon_p(&[]).is_nan());
    }
}
