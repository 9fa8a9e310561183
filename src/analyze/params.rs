//! Parameter files: assumptions that no trace holds, such as prices, as tables that queries join.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use toml::{Table, Value};

use crate::document::Document;

/// The tables of parameter files, by name.
pub type Params = BTreeMap<String, RecordBatch>;

/// The tables of a parameter file: `[[costs]]` is a row of the table `costs`, `[tariff]` the only row
/// of the table `tariff`. Keys are columns; a row that lacks one has null there.
///
/// # Errors
/// If the file is not of this form; the sentence says what to do.
pub fn tables(document: &Document) -> Result<Params> {
    let file = document.file();
    let mut tables = Params::new();
    for (name, value) in document.parse::<Table>()? {
        let rows = match value {
            Value::Table(row) => vec![row],
            Value::Array(rows) => rows
                .into_iter()
                .map_while(|row| match row {
                    Value::Table(row) => Some(row),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        if rows.is_empty() {
            bail!(
                "{file}: {name:?} is no table; write it as a [[{name}]] for each row, with its columns below"
            );
        }
        let batch = batch(&rows).map_err(|what| anyhow::anyhow!("{file}: [[{name}]] {what}"))?;
        tables.insert(name, batch);
    }
    Ok(tables)
}

fn batch(rows: &[Table]) -> Result<RecordBatch> {
    let mut names: Vec<&String> = Vec::new();
    for name in rows.iter().flat_map(Table::keys) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let columns = names
        .into_iter()
        .map(|name| Ok((name, column(rows, name)?)));
    Ok(RecordBatch::try_from_iter(
        columns.collect::<Result<Vec<_>>>()?,
    )?)
}

/// A column: whole numbers, numbers, truths or texts; dates are texts.
fn column(rows: &[Table], name: &str) -> Result<ArrayRef> {
    let values: Vec<Option<&Value>> = rows.iter().map(|row| row.get(name)).collect();
    let all = |is: fn(&Value) -> bool| values.iter().flatten().all(|value| is(value));
    let number = |value: &Value| value.as_float().or(value.as_integer().map(|n| n as f64));
    let each = || values.iter().map(|value| value.as_ref().copied());
    Ok(if all(Value::is_integer) {
        Arc::new(
            each()
                .map(|value| value?.as_integer())
                .collect::<Int64Array>(),
        )
    } else if all(|value| value.is_integer() || value.is_float()) {
        Arc::new(each().map(|value| number(value?)).collect::<Float64Array>())
    } else if all(Value::is_bool) {
        Arc::new(
            each()
                .map(|value| value?.as_bool())
                .collect::<BooleanArray>(),
        )
    } else if all(|value| value.is_str() || value.is_datetime()) {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Arc::new(each().map(|value| value.map(text)).collect::<StringArray>())
    } else {
        bail!("has values of several kinds under {name:?}; write numbers only, or texts only");
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Array as _, AsArray as _};
    use datafusion::arrow::datatypes::{Float64Type, Int64Type};

    fn parsed(text: &str) -> Result<Params> {
        tables(&Document::new("costs.toml", text))
    }

    #[test]
    fn an_array_of_tables_is_a_table_with_its_columns_in_the_order_written() {
        let text = "[[stack]]\nname = \"a\"\nusd = 1\n[[stack]]\nname = \"b\"\nusd = 2.5\nseats = 3\n[tariff]\nper_kwh = 0.3\n";
        let tables = parsed(text).unwrap();
        let stack = &tables["stack"];
        let names: Vec<_> = stack
            .schema()
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect();
        assert_eq!(names, ["name", "usd", "seats"]);
        assert_eq!(
            stack.column(1).as_primitive::<Float64Type>().values(),
            &[1.0, 2.5]
        );
        assert!(stack.column(2).is_null(0));
        assert_eq!(stack.column(2).as_primitive::<Int64Type>().value(1), 3);
        assert_eq!(tables["tariff"].num_rows(), 1);
    }

    #[test]
    fn what_is_no_table_is_refused_with_the_form_to_write() {
        let said = parsed("usd = 1").unwrap_err().to_string();
        assert!(said.contains("write it as a [[usd]]"), "{said}");
        let said = parsed("[[a]]\nx = 1\n[[a]]\nx = \"b\"")
            .unwrap_err()
            .to_string();
        assert!(said.contains("several kinds under \"x\""), "{said}");
        let said = parsed("[a]\nx = [1]").unwrap_err().to_string();
        assert!(said.contains("several kinds"), "{said}");
    }
}
