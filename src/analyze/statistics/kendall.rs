//! Kendall's correlation, tau-b, and its p.

use super::distribution::normal_sf;

/// Kendall's tau-b and its two-sided p.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kendall {
    /// From -1 to 1; NaN if either side is constant.
    pub tau: f64,
    /// Exact without ties among at most 33 pairs, else by the normal approximation.
    pub p: f64,
}

/// Kendall's tau-b of the pairs, and its p as `scipy.stats.kendalltau(method='auto')` chooses it.
///
/// Kendall, "Rank Correlation Methods" (4th edition, 1970), chapters 3 to 5.
pub fn kendall(x: &[f64], y: &[f64]) -> Kendall {
    let n = x.len() as u64;
    // Adding 0 makes 0 of -0, which is equal to it but would be sorted before it.
    let pairs = x.iter().zip(y).map(|(x, y)| (x + 0.0, y + 0.0));
    let mut pairs: Vec<(f64, f64)> = pairs.collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let x_ties = Ties::of(&pairs, |a, b| a.0 == b.0);
    let both_ties = Ties::of(&pairs, |a, b| a == b);
    let mut y: Vec<_> = pairs.iter().map(|pair| pair.1).collect();
    let discordant = sort_counting_inversions(&mut y);
    let y_ties = Ties::of(&y, |a, b| a == b);

    let all = n * n.saturating_sub(1) / 2;
    if x_ties.pairs == all || y_ties.pairs == all {
        let undefined = f64::NAN;
        return Kendall {
            tau: undefined,
            p: undefined,
        };
    }
    let concordant = all + both_ties.pairs - x_ties.pairs - y_ties.pairs - discordant;
    let excess = concordant as f64 - discordant as f64;
    let untied = |ties: &Ties| ((all - ties.pairs) as f64).sqrt();
    let tau = excess / untied(&x_ties) / untied(&y_ties);
    let fewer = discordant.min(all - discordant);
    let no_ties = x_ties.pairs == 0 && y_ties.pairs == 0;
    let p = if no_ties && (n <= 33 || fewer <= 1) {
        exact_p(n, fewer)
    } else {
        let (n, pairs) = (n as f64, 2.0 * all as f64);
        let variance = (pairs * (2.0 * n + 5.0) - x_ties.fives - y_ties.fives) / 18.0
            + 2.0 * x_ties.pairs as f64 * y_ties.pairs as f64 / pairs
            + x_ties.triples * y_ties.triples / (9.0 * pairs * (n - 2.0));
        (2.0 * normal_sf(excess.abs() / variance.sqrt())).min(1.0)
    };
    Kendall {
        tau: tau.clamp(-1.0, 1.0),
        p,
    }
}

/// Twice the share of the orders of `n` values that have at most `inversions`.
///
/// The orders of n values by their inversions are counted by the product of (1 + q + ... + q^(j-1))
/// for j up to n.
fn exact_p(n: u64, inversions: u64) -> f64 {
    let mut counts = vec![0_u128; inversions as usize + 1];
    counts[0] = 1;
    let mut orders = 1.0;
    for j in 2..=n as usize {
        let before = counts.clone();
        let mut window = 0;
        for (k, count) in counts.iter_mut().enumerate() {
            window += before[k];
            if k >= j {
                window -= before[k - j];
            }
            *count = window;
        }
        orders *= j as f64;
    }
    (2.0 * counts.iter().sum::<u128>() as f64 / orders).min(1.0)
}

/// What equal values among sorted ones take away.
struct Ties {
    /// Pairs of equal values.
    pairs: u64,
    /// The sum of t (t - 1) (t - 2) over the sizes t of the ties.
    triples: f64,
    /// The sum of t (t - 1) (2 t + 5).
    fives: f64,
}

impl Ties {
    fn of<T>(sorted: &[T], equal: impl Fn(&T, &T) -> bool) -> Self {
        let mut ties = Self {
            pairs: 0,
            triples: 0.0,
            fives: 0.0,
        };
        for tied in sorted.chunk_by(equal) {
            let size = tied.len() as u64;
            let t = size as f64;
            ties.pairs += size * (size - 1) / 2;
            ties.triples += t * (t - 1.0) * (t - 2.0);
            ties.fives += t * (t - 1.0) * (2.0 * t + 5.0);
        }
        ties
    }
}

/// Sorts `values`, and says how many pairs of them stood the wrong way round.
fn sort_counting_inversions(values: &mut [f64]) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let mut inversions = sort_counting_inversions(left) + sort_counting_inversions(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut from_left, mut from_right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(&&a), Some(&&b)) = (from_left.peek(), from_right.peek()) {
        if a <= b {
            merged.push(a);
            from_left.next();
        } else {
            inversions += from_left.len() as u64;
            merged.push(b);
            from_right.next();
        }
    }
    merged.extend(from_left.chain(from_right));
    values.copy_from_slice(&merged);
    inversions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    #[track_caller]
    fn check(x: &[f64], y: &[f64], tau: f64, p: f64) {
        let found = kendall(x, y);
        close(found.tau, tau);
        close(found.p, p);
    }

    fn numbers(range: std::ops::Range<u32>, number: impl Fn(u32) -> f64) -> Vec<f64> {
        range.map(number).collect()
    }

    /// `scipy.stats.kendalltau(x, y)`, scipy 1.17.1, as all below.
    #[test]
    fn without_ties_a_small_sample_has_an_exact_p() {
        check(
            &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.5],
            &[2.1, 1.9, 3.5, 3.7, 5.2, 4.8, 8.1, 7.7],
            0.785_714_285_714_285_6,
            0.005_505_952_380_952_381,
        );
        check(&[1.0, 2.0], &[3.0, 1.0], -1.0, 1.0);
        check(&[1.0, 2.0, 3.0], &[3.0, 1.0, 2.0], -1.0 / 3.0, 1.0);
        let x = numbers(0..33, |i| f64::from(i * 17 % 37));
        let y = numbers(0..33, |i| f64::from(i * i * 7 % 83) + f64::from(i) / 100.0);
        check(&x, &y, -0.106_060_606_060_606_05, 0.397_055_181_572_135_9);
    }

    #[test]
    fn a_larger_sample_or_ties_take_the_normal_approximation() {
        let x = numbers(0..40, |i| f64::from(i * 17 % 41));
        let y = numbers(0..40, |i| f64::from(i * i * 7 % 83) + f64::from(i) / 100.0);
        check(&x, &y, -0.138_461_538_461_538_47, 0.208_279_039_706_566_47);
        check(
            &[1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 9.0],
            &[5.0, 1.0, 1.0, 2.0, 4.0, 4.0, 3.0, 8.0],
            0.320_256_307_610_174_3,
            0.297_443_278_329_095_45,
        );
        let x = numbers(0..100, f64::from);
        let y = numbers(0..100, |i| {
            (f64::from(i) * 0.5 + f64::from(i * 7 % 11)).round_ties_even()
        });
        check(&x, &y, 0.876_181_700_603_190_9, 1.174_820_646_524_284_6e-37);
    }

    #[test]
    fn a_nearly_perfect_order_has_an_exact_p_whatever_its_length() {
        let x = numbers(0..40, f64::from);
        check(&x, &x, 1.0, 2.451_234_878_256_772e-48);
        let mut y = x.clone();
        y.swap(3, 4);
        check(&x, &y, 0.997_435_897_435_897_4, 9.804_939_513_027_087e-47);
        let x = numbers(0..200, f64::from);
        check(&x, &x, 1.0, 0.0);
    }

    #[test]
    fn minus_zero_is_zero() {
        let with = |zero: f64| kendall(&[zero, 0.0, 1.0, 2.0], &[5.0, 3.0, zero, 0.0]);
        assert_eq!(with(-0.0), with(0.0));
    }

    #[test]
    fn of_constant_values_nothing_is_known() {
        for (x, y) in [
            (vec![1.0; 3], vec![1.0, 2.0, 3.0]),
            (vec![1.0], vec![1.0]),
            (vec![], vec![]),
        ] {
            let found = kendall(&x, &y);
            assert!(found.tau.is_nan() && found.p.is_nan());
        }
    }
}
