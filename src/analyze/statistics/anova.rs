//! Analysis of variance by several factors and all their interactions, with type II sums of squares.

use std::collections::{BTreeMap, BTreeSet};

use super::distribution::f_sf;
use super::least_squares::{Basis, dot};
use super::spread::{mean, squared_deviations};

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// A factor, factors joined by `:`, `residual` or `total`.
    pub term: String,
    /// Degrees of freedom.
    pub df: usize,
    /// Sum of squares.
    pub ss: f64,
    /// Mean square.
    pub ms: f64,
    /// The mean square over the residual one.
    pub f: f64,
    /// Of that F.
    pub p: f64,
    /// The share of the total sum of squares.
    pub eta2: f64,
    /// The share of what this term and the residual have together.
    pub partial_eta2: f64,
    /// What eta squared would be without its bias; below 0 if the term explains less than chance.
    pub omega2: f64,
}

/// The table of `y` by `factors`, each a name with a level for every row: the factors, their
/// interactions, `residual` and `total` (about the mean). Of no rows there is none.
///
/// Of type II: a term's sum of squares is what it adds to all terms that do not contain it; see Fox,
/// "Applied Regression Analysis and Generalized Linear Models" (3rd edition, 2016), section 8.2. F is
/// against the residual of the full model. Where cells are empty, the degrees of freedom are what
/// the cells there are can tell apart. Omega squared by Hays, "Statistics for Psychologists" (1963).
pub fn type_two(y: &[f64], factors: &[(&str, Vec<&str>)]) -> Vec<Source> {
    if y.is_empty() {
        return Vec::new();
    }
    let cells = Cells::of(y, factors);
    let residual_df = y.len() - cells.levels.len();
    let residual = cells.within;
    let residual_ms = residual / residual_df as f64;
    let total = squared_deviations(y);

    let mut terms: Vec<Term> = (1..1 << factors.len()).map(Term).collect();
    terms.sort_by_key(|term| term.order());
    let mut sources = Vec::new();
    for term in &terms {
        let (ss, df) = cells.added_by(*term, &terms);
        let ms = ss / df as f64;
        let f = ms / residual_ms;
        sources.push(Source {
            term: term.name(factors),
            df,
            ss,
            ms,
            f,
            p: f_sf(f, df as f64, residual_df as f64),
            eta2: ss / total,
            partial_eta2: ss / (ss + residual),
            omega2: (ss - df as f64 * residual_ms) / (total + residual_ms),
        });
    }
    sources.push(Source::without_test("residual", residual_df, residual));
    sources.push(Source::without_test("total", y.len() - 1, total));
    sources
}

impl Source {
    fn without_test(term: &str, df: usize, ss: f64) -> Self {
        Self {
            term: term.to_owned(),
            df,
            ss,
            ms: ss / df as f64,
            f: f64::NAN,
            p: f64::NAN,
            eta2: f64::NAN,
            partial_eta2: f64::NAN,
            omega2: f64::NAN,
        }
    }
}

/// A set of factors, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Term(u32);

impl Term {
    fn has(self, factor: usize) -> bool {
        self.0 >> factor & 1 == 1
    }

    fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Fewer factors first, then the earlier ones.
    fn order(self) -> (u32, u32) {
        (self.0.count_ones(), u32::MAX - self.0.reverse_bits())
    }

    fn name(self, factors: &[(&str, Vec<&str>)]) -> String {
        let named = factors.iter().enumerate();
        let named = named.filter(|(factor, _)| self.has(*factor));
        let names: Vec<_> = named.map(|(_, (name, _))| *name).collect();
        names.join(":")
    }
}

/// The rows by their combination of levels. What lies within a cell no term can explain, so that the
/// terms need only the means, weighted by their numbers.
struct Cells<'a> {
    levels: Vec<Vec<&'a str>>,
    /// The root of each cell's number.
    weights: Vec<f64>,
    /// Each cell's mean less that of all rows, weighted.
    means: Vec<f64>,
    /// The sum of squares within the cells.
    within: f64,
}

impl<'a> Cells<'a> {
    fn of(y: &[f64], factors: &[(&str, Vec<&'a str>)]) -> Self {
        let overall = mean(y);
        let mut cells: BTreeMap<Vec<&str>, Vec<f64>> = BTreeMap::new();
        for (row, y) in y.iter().enumerate() {
            let levels = factors.iter().map(|(_, levels)| levels[row]).collect();
            cells.entry(levels).or_default().push(y - overall);
        }
        let weights: Vec<_> = cells
            .values()
            .map(|cell| (cell.len() as f64).sqrt())
            .collect();
        let means = cells.values().zip(&weights);
        Self {
            means: means.map(|(cell, weight)| weight * mean(cell)).collect(),
            within: cells.values().map(|cell| squared_deviations(cell)).sum(),
            levels: cells.into_keys().collect(),
            weights,
        }
    }

    /// The sum of squares and the degrees of freedom that `term` adds to those that lack it.
    fn added_by(&self, term: Term, terms: &[Term]) -> (f64, usize) {
        let mut basis = Basis::default();
        basis.add(self.weights.clone());
        for lacking in terms.iter().filter(|other| !other.contains(term)) {
            self.add(*lacking, &mut basis);
        }
        let before = basis.rank();
        self.add(term, &mut basis);
        let coordinates = basis.take_out(&mut self.means.clone());
        let added = &coordinates[before..];
        (dot(added, added), added.len())
    }

    /// Adds a column for each combination of the levels of the term's factors. That is more than
    /// needed; the basis leaves out what it has.
    fn add(&self, term: Term, basis: &mut Basis) {
        let combination = |cell: &Vec<&'a str>| -> Vec<&'a str> {
            let levels = cell.iter().enumerate();
            levels
                .filter(|(factor, _)| term.has(*factor))
                .map(|(_, level)| *level)
                .collect()
        };
        let of_cells: Vec<_> = self.levels.iter().map(combination).collect();
        for wanted in of_cells.iter().collect::<BTreeSet<_>>() {
            let in_cell = of_cells.iter().zip(&self.weights);
            let column =
                in_cell.map(|(levels, weight)| if levels == wanted { *weight } else { 0.0 });
            basis.add(column.collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    const Y: [f64; 15] = [
        3.1, 2.7, 5.4, 4.4, 3.9, 6.2, 5.8, 7.1, 4.9, 8.8, 6.6, 7.3, 1.0, 9.5, 4.0,
    ];

    /// One level a letter.
    fn levels(letters: &str) -> Vec<&str> {
        letters
            .split("")
            .filter(|letter| !letter.is_empty())
            .collect()
    }

    /// Term, df, ss, p, partial eta^2, omega^2.
    type Expected = (&'static str, usize, [f64; 4]);

    #[track_caller]
    fn check(found: &[Source], expected: &[Expected], residual: f64, total: f64) {
        let (ends, terms) = (&found[expected.len()..], &found[..expected.len()]);
        for (found, (term, df, figures)) in terms.iter().zip(expected) {
            assert_eq!((found.term.as_str(), found.df), (*term, *df));
            let found = [found.ss, found.p, found.partial_eta2, found.omega2];
            for (found, expected) in found.into_iter().zip(figures) {
                close(found, *expected);
            }
        }
        assert_eq!([&ends[0].term, &ends[1].term], ["residual", "total"]);
        close(ends[0].ss, residual);
        close(ends[1].ss, total);
    }

    /// `anova_lm(ols('x ~ C(a)', data).fit(), typ=2)`, statsmodels 0.15.0, and so with two and three
    /// factors; the shares by their formulae from its sums of squares.
    #[test]
    fn one_factor_equals_statsmodels() {
        let found = type_two(&Y, &[("a", levels("pppppqqqqqqqrrr"))]);
        let a = [
            23.523_047_619_047_603,
            0.102_652_640_768_470_86,
            0.315_728_653_750_773_2,
            0.190_803_325_350_373_53,
        ];
        check(&found, &[("a", 2, a)], 50.980_952_380_952_39, 74.504);
        close(found[0].f, 2.768_451_335_699_605);
        close(found[0].eta2, 0.315_728_653_750_773_14);
        assert_eq!([found[1].df, found[2].df], [12, 14]);
    }

    #[test]
    fn two_unbalanced_factors_equal_statsmodels() {
        let (a, b) = (levels("pppqqqqppqqqppp"), levels("uvwuvwuvwuvwuvw"));
        let expected = [
            (
                "a",
                1,
                [
                    10.336_111_111_111_062,
                    0.167_899_347_002_400_2,
                    0.199_959_159_107_518_3,
                    0.072_581_336_187_702_28,
                ],
            ),
            (
                "b",
                2,
                [
                    7.430_003_968_253_954_5,
                    0.475_431_072_515_865_6,
                    0.152_300_981_118_888_68,
                    -0.022_250_547_184_490_89,
                ],
            ),
            (
                "a:b",
                2,
                [
                    18.080_888_888_888_875,
                    0.195_504_466_414_406_47,
                    0.304_208_269_227_533_6,
                    0.112_402_039_076_206_72,
                ],
            ),
        ];
        check(
            &type_two(&Y, &[("a", a), ("b", b)]),
            &expected,
            41.355,
            74.504,
        );
    }

    #[test]
    fn three_unbalanced_factors_equal_statsmodels() {
        let y = [
            0.0, 6.167, 2.367, 8.533, 4.733, 3.233, 5.0, 3.5, 7.367, 5.867, 2.067, 8.233, 2.333,
            8.5, 4.7, 3.2, 7.067, 5.567, 7.333, 5.833, 2.033, 8.2, 4.4, 2.9, 4.667, 3.167, 7.033,
            5.533, 1.733, 7.9,
        ];
        let factors = [
            ("a", levels("pqpqpqpqpqpqpqpqpqpqpqpqpqpqpq")),
            ("b", levels("uuvvwwuuvvwwuuvvwwuuvvwwuuvvww")),
            ("c", levels("mmnnnmnnmmmnmmnnnmnnmmmnmmnnnm")),
        ];
        let expected = [
            (
                "a",
                1,
                [
                    19.136_164_866_216_12,
                    0.100_462_456_374_372_5,
                    0.142_781_923_796_453_35,
                    0.076_278_493_304_948_3,
                ],
            ),
            (
                "b",
                2,
                [
                    3.827_590_186_370_479_8,
                    0.744_563_485_143_127_6,
                    0.032_241_801_250_416_056,
                    -0.053_456_118_613_569_394,
                ],
            ),
            (
                "c",
                1,
                [
                    1.304_753_472_222_264,
                    0.656_576_046_898_523_2,
                    0.011_229_258_330_848_36,
                    -0.030_370_721_646_476_032,
                ],
            ),
            (
                "a:b",
                2,
                [
                    0.343_927_194_744_744_2,
                    0.973_456_501_672_680_5,
                    0.002_984_663_407_320_631,
                    -0.074_291_817_762_844_66,
                ],
            ),
            (
                "a:c",
                1,
                [
                    11.757_088_938_888_893,
                    0.191_487_503_642_003_1,
                    0.092_835_262_290_437_56,
                    0.032_144_429_134_263_66,
                ],
            ),
            (
                "b:c",
                2,
                [
                    4.571_235_811_111_11,
                    0.703_872_270_700_672_4,
                    0.038_266_214_626_506_99,
                    -0.049_008_393_173_991_27,
                ],
            ),
            (
                "a:b:c",
                2,
                [
                    5.878_033_411_111_102,
                    0.638_216_563_524_207_7,
                    0.048_673_081_322_162_026,
                    -0.041_192_470_190_612_17,
                ],
            ),
        ];
        let found = type_two(&y, &factors);
        check(
            &found,
            &expected,
            114.887_557_166_666_67,
            160.814_194_799_999_94,
        );
    }

    #[test]
    fn an_empty_cell_takes_a_degree_of_freedom_from_the_interaction() {
        let found = type_two(&Y[..6], &[("a", levels("pppqqq")), ("b", levels("uvvuuu"))]);
        let degrees: Vec<_> = found.iter().map(|source| source.df).collect();
        assert_eq!(degrees, [1, 1, 0, 3, 5]);
        assert!(found[2].ms.is_nan() && found[2].p.is_nan());
        assert!(found[1].p > 0.0);
    }

    #[test]
    fn without_residuals_there_is_no_p() {
        let found = type_two(&Y[..2], &[("a", levels("pq"))]);
        assert_eq!((found[0].df, found[1].df), (1, 0));
        assert!(found[0].p.is_nan());
        close(found[0].eta2, 1.0);
        assert!(type_two(&[], &[("a", vec![])]).is_empty());
        let constant = type_two(&[0.1; 4], &[("a", levels("ppqq"))]);
        assert!(constant[0].p.is_nan() && constant[0].eta2.is_nan());
        assert_eq!(type_two(&[1.0], &[("a", levels("p"))]).len(), 3);
    }
}
