//! `percentile(x, q)`: exact, with linear interpolation (Hyndman and Fan's type 7).
//!
//! DataFusion 55's own `percentile_cont` rounds the interpolation weight to six decimals. This one
//! does not gather rows as the others do, since it is asked of every gap of long sessions.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, PrimitiveArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use crate::analyze::statistics::percentile::type_7;

/// The SQL aggregate: `x` is any number, `q` from 0 to 1. Nulls and NaN do not count; of no values
/// the percentile is null.
pub fn percentile() -> AggregateUDF {
    let numbers = vec![DataType::Float64, DataType::Float64];
    AggregateUDF::new_from_impl(Percentile {
        signature: Signature::exact(numbers, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Percentile {
    signature: Signature,
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        "percentile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let named =
            |name, kind| Arc::new(Field::new(format_state_name(args.name, name), kind, true));
        Ok(vec![
            named("values", DataType::List(item())),
            named("q", DataType::Float64),
        ])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::<Samples>::default())
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::<Samples>::default())
    }
}

/// What the lists of a state hold.
fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

/// The values of each group so far.
#[derive(Debug, Default)]
struct Samples {
    groups: Vec<Vec<f64>>,
    q: Option<f64>,
}

impl Samples {
    fn ask(&mut self, q: &ArrayRef) -> Result<()> {
        let q: &PrimitiveArray<Float64Type> = q.as_primitive();
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

    fn make_room(&mut self, groups: usize) {
        if self.groups.len() < groups {
            self.groups.resize_with(groups, Vec::new);
        }
    }

    /// Takes a column's values, each into the group of its row.
    fn take(&mut self, column: &ArrayRef, group_of: impl Fn(usize) -> Option<usize>) {
        let values: &PrimitiveArray<Float64Type> = column.as_primitive();
        let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0);
        for (row, value) in values.values().iter().enumerate() {
            if value.is_nan() || nulls.is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            if let Some(group) = group_of(row) {
                self.groups[group].push(*value);
            }
        }
    }

    fn answers(&self, mut groups: Vec<Vec<f64>>) -> Float64Array {
        let answer = |values: &mut Vec<f64>| self.q.map(|q| type_7(values, q));
        let answers = groups.iter_mut().map(answer);
        answers
            .map(|answer| answer.filter(|answer| !answer.is_nan()))
            .collect()
    }

    /// The groups as a list each, and the q of all.
    fn state_of(&self, groups: &[Vec<f64>]) -> Result<Vec<ArrayRef>> {
        let lengths = OffsetBuffer::from_lengths(groups.iter().map(Vec::len));
        let values: ArrayRef = match groups {
            // Of one group without a copy more than needed.
            [values] => Arc::new(Float64Array::from(values.clone())),
            _ => Arc::new(Float64Array::from(groups.concat())),
        };
        let lists = ListArray::try_new(item(), lengths, values, None)?;
        let q = Float64Array::from(vec![self.q; groups.len()]);
        Ok(vec![Arc::new(lists), Arc::new(q)])
    }

    fn merge(&mut self, states: &[ArrayRef], group_of: impl Fn(usize) -> usize) -> Result<()> {
        self.ask(&states[1])?;
        for (row, list) in states[0].as_list::<i32>().iter().enumerate() {
            if let Some(list) = list {
                let values: &PrimitiveArray<Float64Type> = list.as_primitive();
                self.groups[group_of(row)].extend_from_slice(values.values());
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let values = self.groups.iter().map(Vec::capacity).sum::<usize>();
        size_of::<Self>()
            + values * size_of::<f64>()
            + self.groups.capacity() * size_of::<Vec<f64>>()
    }
}

/// Of all rows, in one group.
impl Accumulator for Samples {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.ask(&columns[1])?;
        self.make_room(1);
        self.take(&columns[0], |_| Some(0));
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.make_room(1);
        let state = self.state_of(&self.groups)?;
        state
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.make_room(1);
        self.merge(states, |_| 0)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.make_room(1);
        let groups = std::mem::take(&mut self.groups);
        ScalarValue::try_from_array(&self.answers(groups), 0)
    }

    fn size(&self) -> usize {
        self.bytes()
    }
}

/// Of many groups at once.
impl GroupsAccumulator for Samples {
    fn update_batch(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.ask(&columns[1])?;
        self.make_room(total);
        match filter {
            None => self.take(&columns[0], |row| Some(groups[row])),
            Some(filter) => self.take(&columns[0], |row| {
                let counts = filter.is_valid(row) && filter.value(row);
                counts.then(|| groups[row])
            }),
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let groups = emit.take_needed(&mut self.groups);
        Ok(Arc::new(self.answers(groups)))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit.take_needed(&mut self.groups);
        self.state_of(&groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.make_room(total);
        self.merge(states, |row| groups[row])
    }

    fn convert_to_state(
        &self,
        columns: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = columns[0].len();
        let mut alone = Self::default();
        let each: Vec<usize> = (0..rows).collect();
        GroupsAccumulator::update_batch(&mut alone, columns, &each, filter, rows)?;
        alone.state_of(&alone.groups)
    }

    fn size(&self) -> usize {
        self.bytes()
    }
}
