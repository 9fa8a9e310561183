//! A scalar SQL function from a pure one.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{ScalarUDF, Volatility, create_udf};

/// The SQL function `name` of `N` numbers: null if one of them is, or if the answer is undefined.
pub fn scalar<const N: usize>(name: &str, function: fn([f64; N]) -> f64) -> ScalarUDF {
    let rows = move |columns: &[ArrayRef]| {
        let columns: Vec<_> = columns
            .iter()
            .map(|column| column.as_primitive::<Float64Type>())
            .collect();
        let row = |row| {
            let mut numbers = [0.0; N];
            for (number, column) in numbers.iter_mut().zip(&columns) {
                *number = column.is_valid(row).then(|| column.value(row))?;
            }
            Some(function(numbers)).filter(|answer| answer.is_finite())
        };
        let answers: Float64Array = (0..columns[0].len()).map(row).collect();
        Ok(Arc::new(answers) as ArrayRef)
    };
    create_udf(
        name,
        vec![DataType::Float64; N],
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(make_scalar_function(rows, Vec::new())),
    )
}
