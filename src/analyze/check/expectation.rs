//! What a claim expects of a figure: a number to its printed digits, a bound, a text.

use std::fmt;

use super::Verdict;
use crate::table::Cell;

/// What a figure should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// This number, as far as it is printed, or within a stated tolerance.
    Number {
        written: String,
        value: f64,
        tolerance: f64,
    },
    /// A number on one side of this one.
    Bound { side: Side, value: f64 },
    /// This text.
    Text(String),
    /// True or false.
    Bool(bool),
}

/// Where a number must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Below,
    AtMost,
    Above,
    AtLeast,
    Not,
}

impl Side {
    /// The longer signs first, so that none hides another.
    const SIGNS: [(&'static str, Self); 5] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("!=", Self::Not),
        ("<", Self::Below),
        (">", Self::Above),
    ];

    fn sign(self) -> &'static str {
        let found = Self::SIGNS.iter().find(|(_, side)| *side == self);
        found.map_or("", |(sign, _)| sign)
    }
}

impl Expectation {
    /// A number as it is written in the claims; without a tolerance, half a unit of its last digit.
    pub fn number(written: &str, value: f64, tolerance: Option<f64>) -> Self {
        Self::Number {
            written: written.to_owned(),
            value,
            tolerance: tolerance.unwrap_or_else(|| half_a_unit(written)),
        }
    }

    /// A text; one that begins with a sign and goes on with a number is a bound.
    pub fn text(text: &str) -> Self {
        let bound = Side::SIGNS.iter().find_map(|(sign, side)| {
            let value = text.strip_prefix(sign)?.trim().parse().ok()?;
            Some(Self::Bound { side: *side, value })
        });
        bound.unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// What a figure makes of it. One of another kind contradicts; a missing one says nothing.
    pub fn verdict(&self, found: &Cell) -> Verdict {
        let number = found.as_f64();
        let holds = match self {
            _ if *found == Cell::Null || number.is_some_and(f64::is_nan) => {
                return Verdict::Undecidable;
            }
            Self::Number {
                value, tolerance, ..
            } => {
                // A printed half may be rounded either way, and has no exact binary form.
                let slack = f64::EPSILON * 8.0 * value.abs().max(*tolerance);
                number.is_some_and(|number| (number - value).abs() <= tolerance + slack)
            }
            Self::Bound { side, value } => number.is_some_and(|number| match side {
                Side::Below => number < *value,
                Side::AtMost => number <= *value,
                Side::Above => number > *value,
                Side::AtLeast => number >= *value,
                Side::Not => number != *value,
            }),
            Self::Text(text) => found.as_str() == Some(text),
            Self::Bool(expected) => *found == Cell::Bool(*expected),
        };
        match holds {
            true => Verdict::Holds,
            false => Verdict::Contradicted,
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number {
                written, tolerance, ..
            } if *tolerance == half_a_unit(written) => f.write_str(written),
            Self::Number {
                written, tolerance, ..
            } => write!(f, "{written} ± {tolerance}"),
            Self::Bound { side, value } => write!(f, "{} {value}", side.sign()),
            Self::Text(text) => f.write_str(text),
            Self::Bool(value) => value.fmt(f),
        }
    }
}

/// Half a unit of the last digit of a decimal number as written, such as 0.005 of `89.97`.
fn half_a_unit(written: &str) -> f64 {
    let (digits, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| {
        decimals.chars().filter(char::is_ascii_digit).count()
    });
    let exponent: i32 = exponent.parse().unwrap_or(0);
    0.5 * 10f64.powi(exponent - decimals as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Contradicted, Holds, Undecidable};

    fn printed(written: &str) -> Expectation {
        Expectation::number(written, written.parse().unwrap(), None)
    }

    #[test]
    fn a_number_holds_to_its_printed_digits_and_no_further() {
        for (written, found, verdict) in [
            ("89.97", 89.9659, Holds),
            ("89.97", 89.9649, Contradicted),
            ("72.00", 71.9987, Holds),
            ("72.00", 72.3, Contradicted),
            ("72", 72.3, Holds),
            ("0.045", 0.0445, Holds),
            ("-0.007", -0.0071, Holds),
            ("1.5e3", 1549.0, Holds),
            ("1.5e3", 1551.0, Contradicted),
        ] {
            assert_eq!(
                printed(written).verdict(&Cell::Float(found)),
                verdict,
                "{written} {found}"
            );
        }
        assert_eq!(printed("5").verdict(&Cell::Int(5)), Holds);
    }

    #[test]
    fn a_stated_tolerance_replaces_that_of_the_digits() {
        let about = Expectation::number("42", 42.0, Some(5.0));
        assert_eq!(about.verdict(&Cell::Float(46.9)), Holds);
        assert_eq!(about.verdict(&Cell::Float(47.1)), Contradicted);
        assert_eq!(about.to_string(), "42 ± 5");
    }

    #[test]
    fn a_text_that_begins_with_a_sign_is_a_bound() {
        for (text, found, verdict) in [
            ("> 97", 97.0, Contradicted),
            (">= 97", 97.0, Holds),
            ("<2000", 1999.0, Holds),
            ("<= 0.7", 0.8, Contradicted),
            ("!= 0", 0.0, Contradicted),
        ] {
            assert_eq!(
                Expectation::text(text).verdict(&Cell::Float(found)),
                verdict,
                "{text}"
            );
        }
        let text = Expectation::text("> a few");
        assert_eq!(text, Expectation::Text("> a few".into()));
        assert_eq!(text.verdict(&Cell::Text("> a few".into())), Holds);
    }

    #[test]
    fn what_is_missing_decides_nothing_and_another_kind_contradicts() {
        for expected in [
            printed("1"),
            Expectation::text("a"),
            Expectation::Bool(true),
        ] {
            assert_eq!(expected.verdict(&Cell::Null), Undecidable);
            assert_eq!(expected.verdict(&Cell::Float(f64::NAN)), Undecidable);
            assert_eq!(expected.verdict(&Cell::Bytes(vec![])), Contradicted);
        }
    }
}
