//! What chance alone does: a sample held against itself, half against half.

use rand_pcg::Pcg64;

use super::bootstrap::index_below;
use super::percentile::type_7;
use super::spread::mean;

/// How often the sample is halved.
const HALVINGS: usize = 10_000;

/// The difference of means that 95 % of all ways to halve `sample` stay below: an A/A comparison's
/// noise floor. Of an odd number of values the second half has one more; undefined of fewer than four.
///
/// As many halves as it takes are drawn at random, by `seed`, from the values in ascending order.
pub fn noise_floor(sample: &[f64], seed: u64) -> f64 {
    if sample.len() < 4 {
        return f64::NAN;
    }
    let mut values = sample.to_vec();
    values.sort_by(f64::total_cmp);
    let mut generator = Pcg64::new(u128::from(seed), 0);
    let half = values.len() / 2;
    let mut halve = || {
        // As far as it goes a shuffle of all: Fisher and Yates, "Statistical Tables" (1938).
        for place in 0..half {
            let drawn = place + index_below(values.len() - place, &mut generator);
            values.swap(place, drawn);
        }
        (mean(&values[..half]) - mean(&values[half..])).abs()
    };
    let mut differences: Vec<f64> = (0..HALVINGS).map(|_| halve()).collect();
    type_7(&mut differences, 0.95)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::statistics::close;

    #[test]
    fn of_four_values_the_most_unequal_halves_are_a_third_of_all_and_so_the_floor() {
        // {1, 2} against {3, 10} and the other way round: 2 of 6 ways.
        assert_eq!(noise_floor(&[10.0, 1.0, 3.0, 2.0], 1), 5.0);
    }

    /// The same halves drawn in numpy 2.4 by its PCG64 (see `bootstrap`), `numpy.percentile(.., 95)`.
    #[test]
    fn the_floor_is_that_of_the_same_halves_in_numpy() {
        let sample = [6.2, 5.8, 7.1, 4.9, 8.8, 6.6, 7.3];
        close(noise_floor(&sample, 7), 1.816_666_666_666_666_4);
    }

    #[test]
    fn the_floor_falls_with_the_root_of_the_number_of_values() {
        let sample = |n: i32| -> Vec<f64> { (0..n).map(|i| f64::from(i * 7919 % 1000)).collect() };
        let ratio = noise_floor(&sample(100), 1) / noise_floor(&sample(400), 1);
        assert!((1.8..2.2).contains(&ratio), "{ratio}");
    }

    #[test]
    fn the_order_of_the_values_changes_no_digit_and_few_say_nothing() {
        let (one, other) = ([1.0, 5.0, 2.0, 8.0, 4.0], [8.0, 4.0, 2.0, 1.0, 5.0]);
        assert_eq!(
            noise_floor(&one, 3).to_bits(),
            noise_floor(&other, 3).to_bits()
        );
        assert!(noise_floor(&one[..3], 3).is_nan());
    }
}
