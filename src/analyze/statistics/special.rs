//! The incomplete gamma and beta functions, from which the distributions are made.
//!
//! Their leading factors are written with what [`stirling_error`] leaves of the gamma function, so
//! that no two large logarithms cancel: with a million degrees of freedom, too, 12 digits hold.

use std::f64::consts::PI;

/// More terms than any argument below 10^9 takes.
const TERMS: usize = 1_000_000;

/// The regularised upper incomplete gamma function Q(`a`, `x`), for `a` > 0 and `x` >= 0.
///
/// By its series or its continued fraction, whichever converges fast; see Press et al., "Numerical
/// Recipes" (3rd edition, 2007), section 6.2.
pub fn upper_gamma(a: f64, x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    // x^a e^-x / Gamma(a + 1)
    let exponent = a * (ln_ratio(x, a, x - a) - (x - a) / a);
    let factor = (exponent - stirling_error(a)).exp() / (2.0 * PI * a).sqrt();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0, 1.0);
        for n in 1..TERMS {
            term *= x / (a + n as f64);
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        return 1.0 - factor * sum;
    }
    let mut fraction = Lentz::new(x + 1.0 - a);
    for n in 1..TERMS {
        let n = n as f64;
        if fraction.step(-n * (n - a), x + 2.0 * n + 1.0 - a) {
            break;
        }
    }
    factor * a / fraction.value
}

/// The regularised incomplete beta function I_`x`(`a`, `b`), for positive `a` and `b`; `y` is
/// 1 - `x`, without the digits that the subtraction would lose.
///
/// By the continued fraction of DiDonato and Morris, "Algorithm 708: Significant Digit Computation of
/// the Incomplete Beta Function Ratios", ACM TOMS 18 (1992), whose terms do not cancel near x = 1.
pub fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, y, x);
    }
    if x == 0.0 {
        return 0.0;
    }
    // x^a y^b / Beta(a, b), each power beside its value at the mode
    let (x_mode, y_mode) = (a / (a + b), b / (a + b));
    let from_mode = if x < y { x - x_mode } else { y_mode - y };
    let exponent = a * ln_ratio(x, x_mode, from_mode) + b * ln_ratio(y, y_mode, -from_mode);
    let errors = stirling_error(a) + stirling_error(b) - stirling_error(a + b);
    let factor = (exponent - errors).exp() * (a * y_mode / (2.0 * PI)).sqrt();

    let mut fraction = Lentz::new(a * (a * y - b * x + 1.0) / (a + 1.0));
    for m in 1..TERMS {
        let m = m as f64;
        let (before, after) = (a + 2.0 * m - 1.0, a + 2.0 * m + 1.0);
        let above = (a + m - 1.0) * (a + b + m - 1.0) * m * (b - m) * (x / before).powi(2);
        let below =
            m + m * (b - m) * x / before + (a + m) * (a * y - b * x + 1.0 + m * (1.0 + y)) / after;
        if fraction.step(above, below) {
            break;
        }
    }
    factor / fraction.value
}

/// ln Gamma(`z`) less Stirling's (z - 1/2) ln z - z + ln(2 pi) / 2.
///
/// The series is Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 6.1.41.
fn stirling_error(z: f64) -> f64 {
    if z < 10.0 {
        return libm::lgamma(z) - ((z - 0.5) * z.ln() - z + 0.5 * (2.0 * PI).ln());
    }
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
    ];
    let square = 1.0 / (z * z);
    series.iter().rfold(0.0, |sum, term| sum * square + term) / z
}

/// ln(`value` / `base`), given also how much greater the value is than the base.
fn ln_ratio(value: f64, base: f64, difference: f64) -> f64 {
    if difference.abs() < base / 2.0 {
        (difference / base).ln_1p()
    } else {
        (value / base).ln()
    }
}

/// A continued fraction b0 + a1 / (b1 + a2 / (b2 + ...)) by Lentz's method as modified by Thompson
/// and Barnett; see Press et al., section 5.2.
struct Lentz {
    value: f64,
    above: f64,
    below: f64,
}

impl Lentz {
    /// In place of a zero, by which nothing can be divided.
    const TINY: f64 = 1e-300;

    fn new(first: f64) -> Self {
        Self {
            value: first,
            above: first,
            below: 0.0,
        }
    }

    /// Takes in the next `a` and `b`, and says whether that still changed anything.
    fn step(&mut self, a: f64, b: f64) -> bool {
        let not_zero = |x: f64| if x == 0.0 { Self::TINY } else { x };
        self.below = 1.0 / not_zero(b + a * self.below);
        self.above = not_zero(b + a / self.above);
        let change = self.above * self.below;
        self.value *= change;
        (change - 1.0).abs() <= f64::EPSILON
    }
}
