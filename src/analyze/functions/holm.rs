//! `holm(p) over (partition by family)`: each p corrected for the others of its family.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};

use crate::analyze::statistics;

/// The SQL window function. Nulls stay null and do not count, nor does NaN.
pub fn holm() -> WindowUDF {
    WindowUDF::new_from_impl(Holm {
        signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Holm {
    signature: Signature,
}

impl WindowUDFImpl for Holm {
    fn name(&self) -> &'static str {
        "holm"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn field(&self, asked: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(asked.name(), DataType::Float64, true)))
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Family))
    }
}

/// All rows of the partition are one family, whatever the window's frame says.
#[derive(Debug)]
struct Family;

impl PartitionEvaluator for Family {
    fn evaluate_all(&mut self, columns: &[ArrayRef], _: usize) -> Result<ArrayRef> {
        let p = columns[0].as_primitive::<Float64Type>();
        let p = || p.iter().map(|p| p.filter(|p| !p.is_nan()));
        let family: Vec<f64> = p().flatten().collect();
        if let Some(wrong) = family.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            let refused = format!("holm(p): p is from 0 to 1, not {wrong}");
            return Err(DataFusionError::Execution(refused));
        }
        let mut adjusted = statistics::holm::holm(&family).into_iter();
        let rows: Float64Array = p().map(|p| p.and_then(|_| adjusted.next())).collect();
        Ok(Arc::new(rows))
    }
}
