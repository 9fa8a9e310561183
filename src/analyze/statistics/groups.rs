//! Many groups at once: how much of the variance lies between them, and tests of their equality.

use super::distribution::{chi2_sf, f_sf};
use super::percentile::median;
use super::rank::{midranks, tie_term};
use super::spread::{mean, squared_deviations};

/// The one-way decomposition of a sum of squares.
struct OneWay {
    k: f64,
    n: f64,
    between: f64,
    within: f64,
}

impl OneWay {
    fn of(groups: &[Vec<f64>]) -> Self {
        let overall = mean(&groups.concat());
        let from_overall = |group: &Vec<f64>| group.len() as f64 * (mean(group) - overall).powi(2);
        Self {
            k: groups.len() as f64,
            n: groups.iter().map(Vec::len).sum::<usize>() as f64,
            between: groups.iter().map(from_overall).sum(),
            within: groups.iter().map(|group| squared_deviations(group)).sum(),
        }
    }

    fn mean_square_between(&self) -> f64 {
        self.between / (self.k - 1.0)
    }

    fn mean_square_within(&self) -> f64 {
        self.within / (self.n - self.k)
    }
}

/// The intraclass correlation ICC(1) of groups that may differ in size.
///
/// Shrout and Fleiss, "Intraclass Correlations: Uses in Assessing Rater Reliability", Psychological
/// Bulletin 86 (1979); in place of the size of equal groups Donner's n0, "A Review of Inference
/// Procedures for the Intraclass Correlation Coefficient", International Statistical Review 54 (1986).
pub fn icc(groups: &[Vec<f64>]) -> f64 {
    let one_way = OneWay::of(groups);
    let squares: f64 = groups
        .iter()
        .map(|group| (group.len() as f64).powi(2))
        .sum();
    let size = (one_way.n - squares / one_way.n) / (one_way.k - 1.0);
    let (between, within) = (one_way.mean_square_between(), one_way.mean_square_within());
    (between - within) / (between + (size - 1.0) * within)
}

/// A test whether the groups vary equally.
#[derive(Debug, Clone, Copy)]
pub struct EqualSpread {
    /// How many groups.
    pub k: usize,
    /// How many values.
    pub n: usize,
    /// The F of the absolute deviations from the groups' centres.
    pub w: f64,
    /// Whether they vary equally.
    pub p: f64,
}

/// Levene's test: deviations from the groups' means.
///
/// Levene, "Robust Tests for Equality of Variances", in Olkin (ed.), "Contributions to Probability
/// and Statistics" (1960).
pub fn levene(groups: &[Vec<f64>]) -> EqualSpread {
    equal_spread(groups, mean)
}

/// Brown and Forsythe's test: deviations from the groups' medians.
///
/// Brown and Forsythe, "Robust Tests for the Equality of Variances", JASA 69 (1974).
pub fn brown_forsythe(groups: &[Vec<f64>]) -> EqualSpread {
    equal_spread(groups, |group| median(&mut group.to_vec()))
}

fn equal_spread(groups: &[Vec<f64>], centre: fn(&[f64]) -> f64) -> EqualSpread {
    let deviations = |group: &Vec<f64>| {
        let centre = centre(group);
        group.iter().map(|value| (value - centre).abs()).collect()
    };
    let deviations: Vec<Vec<f64>> = groups.iter().map(deviations).collect();
    let one_way = OneWay::of(&deviations);
    let w = one_way.mean_square_between() / one_way.mean_square_within();
    EqualSpread {
        k: groups.len(),
        n: one_way.n as usize,
        w,
        p: f_sf(w, one_way.k - 1.0, one_way.n - one_way.k),
    }
}

/// Kruskal and Wallis's test whether the groups' values tend to be equally great.
#[derive(Debug, Clone, Copy)]
pub struct KruskalWallis {
    /// How many groups.
    pub k: usize,
    /// How many values.
    pub n: usize,
    /// Corrected for ties.
    pub h: f64,
    /// By the chi-squared distribution with k - 1 degrees of freedom.
    pub p: f64,
}

/// Compares the mean ranks of the groups.
///
/// Kruskal and Wallis, "Use of Ranks in One-Criterion Variance Analysis", JASA 47 (1952).
pub fn kruskal_wallis(groups: &[Vec<f64>]) -> KruskalWallis {
    let ranking = midranks(&groups.concat());
    let n = ranking.ranks.len();
    let mut rest = ranking.ranks.as_slice();
    let mut spread = 0.0;
    for group in groups {
        let (ranks, others) = rest.split_at(group.len());
        spread += group.len() as f64 * (mean(ranks) - (n as f64 + 1.0) / 2.0).powi(2);
        rest = others;
    }
    let count = n as f64;
    let correction = 1.0 - tie_term(&ranking.ties) / (count.powi(3) - count);
    let h = 12.0 / (count * (count + 1.0)) * spread / correction;
    KruskalWallis {
        k: groups.len(),
        n,
        h,
        p: chi2_sf(h, groups.len() as f64 - 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    fn plain() -> Vec<Vec<f64>> {
        vec![
            vec![3.1, 2.7, 5.4, 4.4, 3.9],
            vec![6.2, 5.8, 7.1, 4.9, 8.8, 6.6, 7.3],
            vec![1.0, 9.5, 4.0],
        ]
    }

    fn tied() -> Vec<Vec<f64>> {
        vec![
            vec![1.0, 2.0, 2.0, 3.0],
            vec![2.0, 3.0, 3.0, 4.0, 4.0],
            vec![5.0, 5.0, 1.0],
        ]
    }

    /// `scipy.stats.levene(*groups, center='mean')`, then `center='median'`, scipy 1.17.1.
    #[test]
    fn tests_of_equal_spread_equal_scipys() {
        let found = [
            (
                levene(&plain()),
                5.632_223_668_853_070_5,
                0.018_833_499_984_801_307,
            ),
            (
                levene(&tied()),
                5.030_666_801_170_183,
                0.034_150_850_382_505_68,
            ),
            (
                brown_forsythe(&plain()),
                2.796_690_933_156_849_5,
                0.100_691_196_381_448_73,
            ),
            (
                brown_forsythe(&tied()),
                0.483_808_290_155_440_3,
                0.631_582_859_553_913_6,
            ),
        ];
        for (found, w, p) in found {
            close(found.w, w);
            close(found.p, p);
        }
    }

    /// `scipy.stats.kruskal(*groups)`, scipy 1.17.1.
    #[test]
    fn kruskal_and_walliss_test_equals_scipys() {
        let group = |j: u32| {
            (0..30)
                .map(|i| f64::from(i + 100 * j) + 0.5 * f64::from(i % 3))
                .collect()
        };
        let apart: Vec<Vec<f64>> = (0..8).map(group).collect();
        for (groups, h, p) in [
            (plain(), 5.897_142_857_142_853, 0.052_414_530_390_234_87),
            (tied(), 2.795_666_666_666_672, 0.247_131_836_599_614_68),
            (apart, 235.277_062_079_406_6, 3.752_159_708_513_707_4e-47),
        ] {
            let found = kruskal_wallis(&groups);
            close(found.h, h);
            close(found.p, p);
        }
    }

    /// The data of Shrout and Fleiss (1979), `pingouin.intraclass_corr(...)` `ICC(1,1)`, pingouin
    /// 0.7.0; the unequal groups by its formula with Donner's n0, numpy 2.4.6.
    #[test]
    fn icc_equals_pingouins_and_takes_unequal_groups() {
        let judged = [
            [9.0, 2.0, 5.0, 8.0],
            [6.0, 1.0, 3.0, 2.0],
            [8.0, 4.0, 6.0, 8.0],
            [7.0, 1.0, 2.0, 6.0],
            [10.0, 5.0, 6.0, 9.0],
            [6.0, 2.0, 4.0, 7.0],
        ];
        close(icc(&judged.map(Vec::from)), 0.165_741_768_405_475_5);
        close(icc(&plain()), 0.271_994_756_166_331_4);
    }

    #[test]
    fn without_spread_or_groups_there_is_no_p() {
        let constant = [vec![0.1; 3], vec![0.3; 4]];
        assert!(levene(&constant).p.is_nan());
        assert_eq!(icc(&constant), 1.0);
        let equal = [vec![0.1; 3], vec![0.1; 4]];
        assert!(kruskal_wallis(&equal).p.is_nan());
        assert!(icc(&equal).is_nan());
        for too_few in [vec![], vec![vec![1.0, 2.0]], vec![vec![1.0], vec![2.0]]] {
            assert!(brown_forsythe(&too_few).p.is_nan());
        }
        assert!(kruskal_wallis(&[]).p.is_nan());
        assert!(kruskal_wallis(&[vec![1.0, 2.0]]).p.is_nan());
    }
}
