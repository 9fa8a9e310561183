//! `percentile(x, q)`: exact, with linear interpolation (Hyndman and Fan's type 7).
//!
//! DataFusion 55's own `percentile_cont` rounds the interpolation weight to six decimals.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Accumulator, AggregateUDF, Volatility, create_udaf};

/// The SQL aggregate: `x` is any number, `q` from 0 to 1. Nulls and NaN do not count; of no values
/// the percentile is null.
pub fn percentile() -> AggregateUDF {
    let float = DataType::Float64;
    create_udaf(
        "percentile",
        vec![float.clone(), float.clone()],
        Arc::new(float.clone()),
        Volatility::Immutable,
        Arc::new(|_| Ok(Box::<Values>::default())),
        Arc::new(vec![DataType::new_list(float.clone(), true), float]),
    )
}

/// The `q` percentile of `values`, which are put in some other order.
///
/// Between the two neighbours of rank `q * (n - 1)` it interpolates linearly; see Hyndman and Fan,
/// "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996), definition 7.
fn type_7(values: &mut [f64], q: f64) -> Option<f64> {
    let rank = q * values.len().checked_sub(1)? as f64;
    let below = rank.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let weight = rank - below as f64;
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(high) if weight > 0.0 => Some(low + weight * (high - low)),
        _ => Some(low),
    }
}

#[derive(Debug, Default)]
struct Values {
    values: Vec<f64>,
    q: Option<f64>,
}

impl Values {
    fn ask(&mut self, q: &Float64Array) -> Result<()> {
        let Some(q) = q.iter().flatten().next() else {
            return Ok(());
        };
        if !(0.0..=1.0).contains(&q) {
            let refused = format!("percentile(x, q): q is from 0 to 1, not {q}");
            return Err(DataFusionError::Execution(refused));
        }
        self.q = Some(q);
        Ok(())
    }

    fn take(&mut self, values: &ArrayRef) {
        let values = values.as_primitive::<Float64Type>();
        let numbers = values.iter().flatten().filter(|value| !value.is_nan());
        self.values.extend(numbers);
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.ask(columns[1].as_primitive())?;
        self.take(&columns[0]);
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: ArrayRef = Arc::new(Float64Array::from(std::mem::take(&mut self.values)));
        let list = SingleRowListArrayBuilder::new(values).build_list_scalar();
        Ok(vec![list, ScalarValue::Float64(self.q)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.ask(states[1].as_primitive())?;
        let lists = states[0].as_list::<i32>();
        for list in lists.iter().flatten() {
            self.take(&list);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.q.and_then(|q| type_7(&mut self.values, q));
        Ok(ScalarValue::Float64(value))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.percentile(x, 100 * q)`, numpy 2.4.6, whose default is type 7.
    #[test]
    fn percentiles_equal_numpys() {
        let x = [3.7, -1.25, 8.0, 0.1, 2.2, 2.2, 19.5];
        for (q, expected) in [
            (0.0, -1.25),
            (0.1, -0.439_999_999_999_999_95),
            (0.5, 2.2),
            (0.9, 12.600_000_000_000_005),
            (0.99, 18.809_999_999_999_995),
            (1.0, 19.5),
        ] {
            let found = type_7(&mut x.clone(), q).unwrap();
            assert!(
                (found - expected).abs() <= 1e-14 * expected.abs(),
                "{q}: {found}"
            );
        }
    }

    #[test]
    fn one_value_is_every_percentile_and_no_value_has_none() {
        assert_eq!(type_7(&mut [5.0], 0.37), Some(5.0));
        assert_eq!(type_7(&mut [], 0.5), None);
    }
}
