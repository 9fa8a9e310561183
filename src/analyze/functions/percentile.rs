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

use crate::analyze::statistics::percentile::type_7;

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
        let value = self
            .q
            .map(|q| type_7(&mut self.values, q))
            .filter(|value| !value.is_nan());
        Ok(ScalarValue::Float64(value))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<f64>()
    }
}
