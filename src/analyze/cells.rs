//! Turns Arrow batches, in which DataFusion answers, into a [`Table`].

use anyhow::Result;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::table::{Cell, Table};

/// The batches of one answer as a table.
///
/// # Errors
/// If a value has no such form.
pub fn table(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Table> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<Vec<Cell>> = batch.columns().iter().map(cells).collect::<Result<_>>()?;
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        for _ in 0..batch.num_rows() {
            let row = columns.iter_mut().filter_map(Iterator::next);
            rows.push(row.collect());
        }
    }
    Ok(Table { columns, rows })
}

fn cells(column: &ArrayRef) -> Result<Vec<Cell>> {
    use DataType::*;
    let wide = match column.data_type() {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => cast(column, &Int64)?,
        // Counts and ranks are unsigned but small; what does not fit becomes null in the cast.
        UInt64 => cast(column, &Int64)?,
        Float16 | Float32 | Float64 | Decimal128(..) | Decimal256(..) => cast(column, &Float64)?,
        Utf8 | LargeUtf8 | Utf8View => cast(column, &Utf8)?,
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => cast(column, &Binary)?,
        _ => column.clone(),
    };
    let cell: Box<dyn Fn(usize) -> Result<Cell>> = match wide.data_type() {
        Boolean => Box::new(|row| Ok(Cell::Bool(wide.as_boolean().value(row)))),
        Int64 => Box::new(|row| Ok(Cell::Int(wide.as_primitive::<Int64Type>().value(row)))),
        Float64 => Box::new(|row| Ok(Cell::Float(wide.as_primitive::<Float64Type>().value(row)))),
        Utf8 => Box::new(|row| Ok(Cell::Text(wide.as_string::<i32>().value(row).to_owned()))),
        Binary => Box::new(|row| Ok(Cell::Bytes(wide.as_binary::<i32>().value(row).to_owned()))),
        // Timestamps, lists, structs: as text.
        _ => Box::new(|row| {
            let formatter = ArrayFormatter::try_new(wide.as_ref(), &FormatOptions::default())?;
            Ok(Cell::Text(formatter.value(row).try_to_string()?))
        }),
    };
    let value = |row| match wide.is_null(row) {
        true => Ok(Cell::Null),
        false => cell(row),
    };
    (0..wide.len()).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{
        BinaryArray, Float64Array, Int32Array, StringArray, TimestampNanosecondArray, UInt64Array,
    };
    use std::sync::Arc;

    #[test]
    fn every_kind_of_column_becomes_the_cell_of_its_kind_and_null_stays_null() {
        let time = TimestampNanosecondArray::from(vec![Some(1), None]).with_timezone("UTC");
        let columns: [(&str, ArrayRef); 6] = [
            ("int", Arc::new(Int32Array::from(vec![Some(1), None]))),
            ("count", Arc::new(UInt64Array::from(vec![Some(2), None]))),
            ("float", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
            ("text", Arc::new(StringArray::from(vec![Some("a"), None]))),
            (
                "bytes",
                Arc::new(BinaryArray::from(vec![Some(b"b".as_slice()), None])),
            ),
            ("time", Arc::new(time)),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let table = table(&batch.schema(), &[batch]).unwrap();
        assert_eq!(
            table.rows[0],
            [
                Cell::Int(1),
                Cell::Int(2),
                Cell::Float(0.5),
                Cell::Text("a".into()),
                Cell::Bytes(b"b".to_vec()),
                Cell::Text("1970-01-01T00:00:00.000000001Z".into()),
            ]
        );
        assert_eq!(table.rows[1], vec![Cell::Null; 6]);
    }
}
