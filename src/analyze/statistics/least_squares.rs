//! Orthonormal directions, built column by column: the one tool behind every linear model here.

/// Columns that are combinations of earlier ones, but for this share of their length, add nothing:
/// above what rounding leaves of a true combination, below what any honest measurement differs by.
const NEGLIGIBLE: f64 = 1e-10;

/// Orthonormal directions that span the columns added so far.
#[derive(Debug, Default)]
pub struct Basis {
    directions: Vec<Vec<f64>>,
}

impl Basis {
    /// How many directions there are: the rank of the columns.
    pub fn rank(&self) -> usize {
        self.directions.len()
    }

    /// Adds what is new in `column`. Answers its coordinates, the last of which is its part in the
    /// new direction, or nothing if it has none.
    pub fn add(&mut self, mut column: Vec<f64>) -> Option<Vec<f64>> {
        let length = norm(&column);
        let mut coordinates = self.take_out(&mut column);
        let rest = norm(&column);
        if rest <= NEGLIGIBLE * length {
            return None;
        }
        for value in &mut column {
            *value /= rest;
        }
        coordinates.push(rest);
        self.directions.push(column);
        Some(coordinates)
    }

    /// Takes out of `column` whatever lies in the directions, and answers how much in each.
    ///
    /// Gram and Schmidt's process, done twice: then the rest is orthogonal to the last digit; see
    /// Giraud, Langou, Rozloznik and van den Eshof, "Rounding Error Analysis of the Classical
    /// Gram-Schmidt Orthogonalization Process", Numerische Mathematik 101 (2005).
    pub fn take_out(&self, column: &mut [f64]) -> Vec<f64> {
        let mut coordinates = vec![0.0; self.rank()];
        for _ in 0..2 {
            for (coordinate, direction) in coordinates.iter_mut().zip(&self.directions) {
                let part = dot(direction, column);
                for (value, unit) in column.iter_mut().zip(direction) {
                    *value -= part * unit;
                }
                *coordinate += part;
            }
        }
        coordinates
    }
}

/// The sum of the products.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    // From 0, for Rust sums nothing up to -0.
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

fn norm(column: &[f64]) -> f64 {
    dot(column, column).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combination_of_earlier_columns_adds_nothing() {
        let mut basis = Basis::default();
        assert_eq!(basis.add(vec![3.0, 0.0, 4.0]), Some(vec![5.0]));
        assert!(basis.add(vec![0.1, 0.3, 0.7]).is_some());
        assert_eq!(basis.add(vec![3.1, 0.3, 4.7]), None);
        assert_eq!(basis.add(vec![0.0; 3]), None);
        assert_eq!(basis.rank(), 2);
    }
}
