//! The four distributions behind every p: how much lies above a value, and where a share lies below.
//!
//! A survival function is computed as such, not as 1 - cdf: p of 1e-100 is as exact as p of 0.1.
//! Arguments that are not finite, and degrees of freedom that are not positive, have no answer (NaN).

use std::f64::consts::SQRT_2;

use super::special::{incomplete_beta, upper_gamma};

/// The share of the standard normal distribution above `z`.
pub fn normal_sf(z: f64) -> f64 {
    match z.is_finite() {
        true => libm::erfc(z / SQRT_2) / 2.0,
        false => f64::NAN,
    }
}

/// The share of Student's t distribution above `t`.
///
/// Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 26.7.1.
pub fn student_t_sf(t: f64, df: f64) -> f64 {
    if !t.is_finite() || !positive(df) {
        return f64::NAN;
    }
    let square = (t / df.sqrt()).powi(2);
    let (x, y) = (1.0 / (1.0 + square), 1.0 / (1.0 + 1.0 / square));
    let one_tail = incomplete_beta(df / 2.0, 0.5, x, y) / 2.0;
    if t < 0.0 { 1.0 - one_tail } else { one_tail }
}

/// The share of the F distribution above `f`.
///
/// Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 26.6.2.
pub fn f_sf(f: f64, df1: f64, df2: f64) -> f64 {
    if !f.is_finite() || !positive(df1) || !positive(df2) {
        return f64::NAN;
    }
    let ratio = f.max(0.0) * df1 / df2;
    let (x, y) = (1.0 / (1.0 + ratio), 1.0 / (1.0 + 1.0 / ratio));
    incomplete_beta(df2 / 2.0, df1 / 2.0, x, y)
}

/// The share of the chi-squared distribution above `x`.
///
/// Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 26.4.19.
pub fn chi2_sf(x: f64, df: f64) -> f64 {
    match x.is_finite() && positive(df) {
        true => upper_gamma(df / 2.0, x.max(0.0) / 2.0),
        false => f64::NAN,
    }
}

/// Below which z the share `p` of the standard normal distribution lies.
pub fn normal_quantile(p: f64) -> f64 {
    symmetric_quantile(p, normal_sf)
}

/// Below which t the share `p` of Student's t distribution lies.
pub fn student_t_quantile(p: f64, df: f64) -> f64 {
    symmetric_quantile(p, |t| student_t_sf(t, df))
}

/// The quantile of a distribution that is symmetric about 0.
fn symmetric_quantile(p: f64, survival: impl Fn(f64) -> f64) -> f64 {
    if p < 0.5 {
        -where_it_falls_to(p, survival)
    } else {
        where_it_falls_to(1.0 - p, survival)
    }
}

/// The x >= 0 at which `falling` has come down to `target`, which it must start above: by doubling,
/// then halving, to the last digit. That is slower than Newton's method and cannot miss.
pub fn where_it_falls_to(target: f64, falling: impl Fn(f64) -> f64) -> f64 {
    if !(target > 0.0 && target <= falling(0.0)) {
        return f64::NAN;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while falling(high) > target {
        (low, high) = (high, high * 2.0);
        if high.is_infinite() {
            return f64::NAN;
        }
    }
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if falling(middle) > target {
            low = middle;
        } else {
            high = middle;
        }
    }
}

fn positive(df: f64) -> bool {
    df > 0.0 && df.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    /// `erfc(z / sqrt(2)) / 2`, mpmath 1.4.1 with 50 digits, as all tails below.
    #[test]
    fn the_normal_tail_is_exact_far_out() {
        for (z, expected) in [
            (-3.0, 0.998_650_101_968_369_9),
            (0.1, 0.460_172_162_722_971),
            (7.0, 1.279_812_543_885_835e-12),
            (21.0, 3.279_278_018_979_036e-98),
            (37.0, 5.725_571_222_524_577e-300),
        ] {
            close(normal_sf(z), expected);
        }
    }

    /// `betainc(df/2, 1/2, 0, df/(df+t*t), regularized=True) / 2`
    #[test]
    fn the_t_tail_is_exact_far_out_and_with_a_million_degrees_of_freedom() {
        for (t, df, expected) in [
            (0.5, 1.0, 0.352_416_382_349_566_74),
            (-1.5, 3.0, 0.884_708_067_377_588_4),
            (2.776, 4.0, 0.025_011_389_159_988_205),
            (63.6, 1.0, 0.005_004_460_048_529_393),
            (4.5, 7.25, 0.001_281_560_723_224_485_9),
            (40.0, 10.0, 1.140_428_871_542_877_4e-12),
            (1e5, 20.0, 9.021_288_890_275_392e-89),
            (1e-3, 1e6, 0.499_601_057_885_824_54),
            (1e-6, 1e6, 0.499_999_601_057_819_3),
            (-0.25, 1e6, 0.598_706_300_005_747_4),
            (1.0, 1e6, 0.158_655_374_916_789_08),
            (7.0, 1e6, 1.280_612_055_687_039_5e-12),
            (21.3, 1e6, 5.977_044_989_636_399e-101),
        ] {
            close(student_t_sf(t, df), expected);
        }
    }

    /// `betainc(df2/2, df1/2, 0, df2/(df2+df1*f), regularized=True)`; with two million degrees of
    /// freedom `scipy.stats.f.sf(1.001, 1e6, 1e6)`, scipy 1.17.1.
    #[test]
    fn the_f_tail_is_exact_far_out() {
        for (f, df1, df2, expected) in [
            (0.5, 2.0, 3.0, 0.649_519_052_838_329),
            (3.2, 4.0, 10.0, 0.061_788_925_529_649_1),
            (50.0, 3.0, 60.0, 2.535_451_187_914_701_6e-16),
            (1000.0, 7.0, 200.0, 6.866_063_833_901_857e-152),
            (5.5, 1.0, 1e6, 0.019_016_668_058_604_153),
            (1.2, 2.5, 7.5, 0.364_886_607_746_928_44),
            (1e10, 2.0, 10.0, 3.124_999_992_187_5e-47),
            (1.001, 1e6, 1e6, 0.308_625_549_571_079_57),
        ] {
            close(f_sf(f, df1, df2), expected);
        }
        assert_eq!(f_sf(0.0, 3.0, 4.0), 1.0);
    }

    /// `gammainc(df/2, x/2, inf, regularized=True)`; with a million degrees of freedom
    /// `scipy.stats.chi2.sf(1003000, 1e6)`, scipy 1.17.1.
    #[test]
    fn the_chi_squared_tail_is_exact_far_out() {
        for (x, df, expected) in [
            (0.01, 1.0, 0.920_344_325_445_942),
            (3.84, 1.0, 0.050_043_521_248_705_106),
            (7.5, 3.0, 0.057_558_451_972_636_406),
            (0.3, 10.0, 0.999_999_441_419_215_2),
            (60.0, 5.0, 1.215_456_977_718_304e-11),
            (475.0, 3.0, 1.248_127_202_426_463_6e-102),
            (1000.0, 1000.0, 0.494_052_853_829_239_64),
            (1e-9, 2.0, 0.999_999_999_5),
            (1_003_000.0, 1e6, 0.017_016_772_933_266_328),
        ] {
            close(chi2_sf(x, df), expected);
        }
        assert_eq!(chi2_sf(0.0, 3.0), 1.0);
    }

    /// `scipy.stats.norm.ppf(p)`, `scipy.stats.t.ppf(p, df)`, scipy 1.17.1.
    #[test]
    fn quantiles_equal_scipys() {
        for (p, expected) in [
            (1e-300, -37.047_096_299_361_2),
            (1e-100, -21.273_453_560_965_322),
            (1e-12, -7.034_483_825_301_131),
            (0.025, -1.959_963_984_540_054_5),
            (0.4999, -0.000_250_662_830_088_007_5),
            (0.6, 0.253_347_103_135_799_7),
            (0.975, 1.959_963_984_540_054),
            (0.999_999_9, 5.199_337_582_290_661),
        ] {
            close(normal_quantile(p), expected);
        }
        for (p, df, expected) in [
            (0.975, 1.0, 12.706_204_736_174_694),
            (0.975, 4.0, 2.776_445_105_197_793_4),
            (0.975, 2.5, 3.574_654_842_003_681_7),
            (0.975, 1e6, 1.959_966_356_814_107),
            (1e-10, 3.0, -2_225.769_284_683_093),
            (1e-12, 50.0, -9.260_139_683_684_146),
            (0.6, 7.0, 0.263_166_861_352_022_9),
            (0.9995, 30.0, 3.645_958_635_042_062_7),
        ] {
            close(student_t_quantile(p, df), expected);
        }
        assert!(normal_quantile(0.5).abs() < 1e-300);
    }

    #[test]
    fn what_has_no_answer_is_nan() {
        for nothing in [
            normal_sf(f64::INFINITY),
            student_t_sf(1.0, 0.0),
            student_t_sf(f64::INFINITY, 3.0),
            f_sf(1.0, -1.0, 3.0),
            f_sf(1.0, 1.0, f64::INFINITY),
            chi2_sf(f64::NAN, 3.0),
            normal_quantile(0.0),
            normal_quantile(1.0),
            normal_quantile(f64::NAN),
            student_t_quantile(1.5, 3.0),
            student_t_quantile(0.9, 0.0),
        ] {
            assert!(nothing.is_nan());
        }
    }
}
