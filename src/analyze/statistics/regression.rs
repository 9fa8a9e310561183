//! Least-squares regression with its intervals, and power laws fitted on logarithms.

use super::distribution::{f_sf, student_t_quantile, student_t_sf};
use super::least_squares::{Basis, dot};
use super::spread::mean;
use super::{Interval, TAIL};

/// A linear model, fitted.
#[derive(Debug, Clone)]
pub struct Regression {
    /// How many rows.
    pub n: usize,
    /// Rows less terms.
    pub df: f64,
    /// The share of the variance that the model explains.
    pub r2: f64,
    /// The same, with each square divided by its degrees of freedom.
    pub adjusted_r2: f64,
    /// Of the model against the mean alone.
    pub f: f64,
    /// Of that F.
    pub p: f64,
    /// The root of the residual mean square.
    pub residual_se: f64,
    /// The intercept, then the others as given.
    pub terms: Vec<Term>,
}

/// One coefficient of a linear model.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// `intercept`, or the column's name.
    pub term: String,
    /// How much y changes with one more of it.
    pub estimate: f64,
    /// The estimate's standard error.
    pub se: f64,
    /// The estimate in standard errors.
    pub t: f64,
    /// Two-sided.
    pub p: f64,
    /// Where the 95 % interval of the estimate begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

/// Fits `y` by an intercept and the named `columns`. If there are fewer rows than terms, or a column
/// is a combination of others, the estimates are undefined: no answer would be the only one.
///
/// By orthogonalisation, which keeps the digits that the normal equations would square away; see
/// Bjorck, "Numerical Methods for Least Squares Problems" (1996), section 2.4.
pub fn ordinary_least_squares(y: &[f64], columns: &[(&str, &[f64])]) -> Regression {
    let n = y.len();
    let mut basis = Basis::default();
    let intercept = vec![1.0; n];
    let all = std::iter::once(intercept).chain(columns.iter().map(|(_, x)| x.to_vec()));
    let triangle: Option<Vec<_>> = all.map(|column| basis.add(column)).collect();

    // Without its mean, a constant is all zeros, whatever its digits.
    let centre = mean(y);
    let mut rest: Vec<_> = y.iter().map(|y| y - centre).collect();
    let coordinates = basis.take_out(&mut rest);
    let df = n as f64 - columns.len() as f64 - 1.0;
    let residual = dot(&rest, &rest);
    let residual_se = (residual / df).sqrt();
    let mut terms = vec![Term::undefined("intercept")];
    terms.extend(columns.iter().map(|(name, _)| Term::undefined(name)));
    let Some(triangle) = triangle else {
        let undefined = f64::NAN;
        return Regression {
            n,
            df,
            r2: undefined,
            adjusted_r2: undefined,
            f: undefined,
            p: undefined,
            residual_se: undefined,
            terms,
        };
    };

    let inverse = inverse(&triangle);
    for (index, term) in terms.iter_mut().enumerate() {
        let row: Vec<_> = inverse.iter().map(|column| column[index]).collect();
        let shift = if index == 0 { centre } else { 0.0 };
        let estimate = shift + dot(&row, &coordinates);
        term.estimate(estimate, residual_se * dot(&row, &row).sqrt(), df);
    }
    let explained = dot(&coordinates[1..], &coordinates[1..]);
    let r2 = explained / (explained + residual);
    let f = (explained / columns.len() as f64) / (residual / df);
    Regression {
        n,
        df,
        r2,
        adjusted_r2: 1.0 - (1.0 - r2) * (n as f64 - 1.0) / df,
        f,
        p: f_sf(f, columns.len() as f64, df),
        residual_se,
        terms,
    }
}

impl Term {
    fn undefined(name: &str) -> Self {
        Self {
            term: name.to_owned(),
            estimate: f64::NAN,
            se: f64::NAN,
            t: f64::NAN,
            p: f64::NAN,
            low: f64::NAN,
            high: f64::NAN,
        }
    }

    fn estimate(&mut self, estimate: f64, se: f64, df: f64) {
        let Interval { low, high } =
            Interval::around(estimate, student_t_quantile(1.0 - TAIL, df) * se);
        self.estimate = estimate;
        self.se = se;
        self.t = estimate / se;
        self.p = 2.0 * student_t_sf(self.t.abs(), df);
        (self.low, self.high) = (low, high);
    }
}

/// The inverse of an upper triangle, both given by their columns, the inverse's filled with zeros.
fn inverse(triangle: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let size = triangle.len();
    let column = |which: usize| {
        let mut solution = vec![0.0; size];
        solution[which] = 1.0;
        for row in (0..=which).rev() {
            solution[row] /= triangle[row][row];
            let found = solution[row];
            for above in 0..row {
                solution[above] -= triangle[row][above] * found;
            }
        }
        solution
    };
    (0..size).map(column).collect()
}

/// A power law y = coefficient * x^exponent, fitted.
#[derive(Debug, Clone, Copy)]
pub struct PowerLaw {
    /// How many pairs were positive.
    pub n: usize,
    /// By how many per cent y grows with one per cent more x.
    pub exponent: f64,
    /// The exponent's standard error.
    pub exponent_se: f64,
    /// Where the 95 % interval of the exponent begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// y at x = 1.
    pub coefficient: f64,
    /// The share of the variance of ln y that it explains.
    pub r2: f64,
    /// Whether the exponent is 0, two-sided.
    pub p: f64,
}

/// Fits the natural logarithm of `y` by that of `x`; only pairs of positive numbers count.
pub fn power_law(y: &[f64], x: &[f64]) -> PowerLaw {
    let pairs = y.iter().zip(x);
    let positive = pairs.filter(|&(&y, &x)| y > 0.0 && x > 0.0);
    let (y, x): (Vec<_>, Vec<_>) = positive.map(|(y, x)| (y.ln(), x.ln())).unzip();
    let fit = ordinary_least_squares(&y, &[("x", &x)]);
    let [intercept, slope] = &fit.terms[..] else {
        unreachable!("a line has two terms");
    };
    PowerLaw {
        n: fit.n,
        exponent: slope.estimate,
        exponent_se: slope.se,
        low: slope.low,
        high: slope.high,
        coefficient: intercept.estimate.exp(),
        r2: fit.r2,
        p: slope.p,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    #[track_caller]
    fn check(found: &Term, expected: [f64; 6]) {
        let found = [
            found.estimate,
            found.se,
            found.t,
            found.p,
            found.low,
            found.high,
        ];
        for (found, expected) in found.into_iter().zip(expected) {
            close(found, expected);
        }
    }

    /// `OLS(y, add_constant(column_stack([a, b]))).fit()`, statsmodels 0.15.0.
    #[test]
    fn two_columns_are_fitted_as_by_statsmodels() {
        let y = [2.1, 3.9, 6.2, 7.8, 10.1, 12.3, 13.8];
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        let b = [0.5, -1.0, 2.0, 0.3, 1.7, -0.4, 0.9];
        let fit = ordinary_least_squares(&y, &[("a", &a), ("b", &b)]);
        assert_eq!((fit.n, fit.df), (7, 4.0));
        close(fit.r2, 0.998_000_639_232_318);
        close(fit.adjusted_r2, 0.997_000_958_848_477);
        close(fit.f, 998.319_718_346_133_4);
        close(fit.p, 3.997_443_479_346_086_6e-6);
        close(fit.residual_se, 0.236_007_065_059_403_09);
        let names: Vec<_> = fit.terms.iter().map(|term| term.term.as_str()).collect();
        assert_eq!(names, ["intercept", "a", "b"]);
        check(
            &fit.terms[0],
            [
                0.046_669_636_721_962_78,
                0.200_979_013_503_067_65,
                0.232_211_492_675_330_67,
                0.827_770_542_750_095_7,
                -0.511_337_561_566_110_7,
                0.604_676_835_010_036_2,
            ],
        );
        check(
            &fit.terms[1],
            [
                1.989_963_226_688_212_6,
                0.045_117_972_617_359_114,
                44.105_776_728_154_126,
                1.580_092_371_563_720_4e-6,
                1.864_695_652_458_297_8,
                2.115_230_800_918_127_3,
            ],
        );
        check(
            &fit.terms[2],
            [
                0.038_585_548_919_075_62,
                0.090_793_536_196_340_38,
                0.424_981_232_536_583_2,
                0.692_714_766_527_198_8,
                -0.213_497_720_236_852_32,
                0.290_668_818_075_003_55,
            ],
        );
    }

    /// The data and the certified values of Longley (1967) in NIST's Statistical Reference Datasets,
    /// made to bring out lost digits.
    #[test]
    fn longleys_ill_conditioned_data_keep_nine_digits() {
        let rows: [[f64; 7]; 16] = [
            [60323.0, 83.0, 234_289.0, 2356.0, 1590.0, 107_608.0, 1947.0],
            [61122.0, 88.5, 259_426.0, 2325.0, 1456.0, 108_632.0, 1948.0],
            [60171.0, 88.2, 258_054.0, 3682.0, 1616.0, 109_773.0, 1949.0],
            [61187.0, 89.5, 284_599.0, 3351.0, 1650.0, 110_929.0, 1950.0],
            [63221.0, 96.2, 328_975.0, 2099.0, 3099.0, 112_075.0, 1951.0],
            [63639.0, 98.1, 346_999.0, 1932.0, 3594.0, 113_270.0, 1952.0],
            [64989.0, 99.0, 365_385.0, 1870.0, 3547.0, 115_094.0, 1953.0],
            [63761.0, 100.0, 363_112.0, 3578.0, 3350.0, 116_219.0, 1954.0],
            [66019.0, 101.2, 397_469.0, 2904.0, 3048.0, 117_388.0, 1955.0],
            [67857.0, 104.6, 419_180.0, 2822.0, 2857.0, 118_734.0, 1956.0],
            [68169.0, 108.4, 442_769.0, 2936.0, 2798.0, 120_445.0, 1957.0],
            [66513.0, 110.8, 444_546.0, 4681.0, 2637.0, 121_950.0, 1958.0],
            [68655.0, 112.6, 482_704.0, 3813.0, 2552.0, 123_366.0, 1959.0],
            [69564.0, 114.2, 502_601.0, 3931.0, 2514.0, 125_368.0, 1960.0],
            [69331.0, 115.7, 518_173.0, 4806.0, 2572.0, 127_852.0, 1961.0],
            [70551.0, 116.9, 554_894.0, 4007.0, 2827.0, 130_081.0, 1962.0],
        ];
        let column = |which: usize| rows.map(|row| row[which]);
        let columns: Vec<_> = (1..7).map(column).collect();
        let named: Vec<(&str, &[f64])> = columns.iter().map(|column| ("x", &column[..])).collect();
        let fit = ordinary_least_squares(&column(0), &named);
        for (term, (estimate, se)) in fit.terms.iter().zip([
            (-3_482_258.634_595_82, 890_420.383_607_373),
            (15.061_872_271_373_3, 84.914_925_774_766_9),
            (-0.358_191_792_925_910e-1, 0.334_910_077_722_432e-1),
            (-2.020_229_803_816_83, 0.488_399_681_651_699),
            (-1.033_226_867_173_59, 0.214_274_163_161_675),
            (-0.511_041_056_535_807e-1, 0.226_073_200_069_370),
            (1_829.151_464_613_55, 455.478_499_142_212),
        ]) {
            close(term.estimate, estimate);
            close(term.se, se);
        }
        close(fit.residual_se, 304.854_073_561_965);
        close(fit.r2, 0.995_479_004_577_296);
        close(fit.f, 330.285_339_234_588);
    }

    #[test]
    fn where_no_fit_is_the_only_one_there_is_none() {
        let (x, twice) = ([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]);
        let y = [1.0, 3.0, 2.0, 5.0];
        let undefined = |fit: &Regression| {
            fit.r2.is_nan() && fit.terms.iter().all(|term| term.estimate.is_nan())
        };
        assert!(undefined(&ordinary_least_squares(
            &y,
            &[("x", &x), ("twice", &twice)]
        )));
        assert!(undefined(&ordinary_least_squares(
            &y,
            &[("constant", &[0.1; 4])]
        )));
        assert!(undefined(&ordinary_least_squares(
            &y[..1],
            &[("x", &x[..1])]
        )));
        assert!(undefined(&ordinary_least_squares(&[], &[("x", &[])])));
    }

    #[test]
    fn two_points_make_a_line_without_intervals_and_a_constant_has_no_r2() {
        let line = ordinary_least_squares(&[1.0, 3.0], &[("x", &[1.0, 2.0])]);
        close(line.terms[1].estimate, 2.0);
        assert!(line.terms[1].p.is_nan() && line.p.is_nan());
        let flat = ordinary_least_squares(&[0.1; 4], &[("x", &[1.0, 2.0, 3.0, 5.0])]);
        close(flat.terms[0].estimate, 0.1);
        assert!(flat.r2.is_nan() && flat.p.is_nan());
    }

    /// `OLS(log(y), add_constant(log(x))).fit()` of the positive pairs, statsmodels 0.15.0.
    #[test]
    fn a_power_law_is_a_line_on_logarithms() {
        let x = [1.0, 2.0, 4.0, 8.0, 16.0, -3.0, 5.0];
        let y = [3.1, 5.2, 11.8, 19.7, 42.0, 4.0, 0.0];
        let fit = power_law(&y, &x);
        assert_eq!(fit.n, 5);
        close(fit.exponent, 0.944_171_051_587_378);
        close(fit.exponent_se, 0.038_804_085_820_478_46);
        close(fit.low, 0.820_679_132_038_084_4);
        close(fit.high, 1.067_662_971_136_671_6);
        close(fit.coefficient, 2.957_637_180_598_847_5);
        close(fit.r2, 0.994_958_268_983_315_9);
        close(fit.p, 0.000_152_165_617_015_724_65);
    }
}
