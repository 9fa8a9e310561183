//! Ranks from 1, in which ties share the mean of the ranks they take up.

/// What the ranking of a sample found.
pub struct Ranking {
    /// The rank of each value, in the order of the values.
    pub ranks: Vec<f64>,
    /// How many values were equal, for each value that there is.
    pub ties: Vec<usize>,
}

/// Ranks `values`, as `scipy.stats.rankdata(method='average')` does.
///
/// Kendall, "The Treatment of Ties in Ranking Problems", Biometrika 33 (1945).
pub fn midranks(values: &[f64]) -> Ranking {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut ties = Vec::new();
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (tied.len() + 1) as f64 / 2.0;
        for &index in tied {
            ranks[index] = rank;
        }
        before += tied.len();
        ties.push(tied.len());
    }
    Ranking { ranks, ties }
}

/// The sum of t^3 - t over the sizes t of the ties, by which tests on ranks are corrected.
pub fn tie_term(ties: &[usize]) -> f64 {
    let term = |&size: &usize| (size as f64).powi(3) - size as f64;
    ties.iter().map(term).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        let found = midranks(&[2.0, 7.0, 2.0, -1.0, 7.0, 7.0]);
        assert_eq!(found.ranks, [2.5, 5.0, 2.5, 1.0, 5.0, 5.0]);
        assert_eq!(found.ties, [1, 2, 3]);
        assert_eq!(tie_term(&found.ties), 6.0 + 24.0);
    }

    #[test]
    fn minus_zero_is_zero() {
        assert_eq!(midranks(&[0.0, -0.0]).ranks, [1.5, 1.5]);
    }
}
