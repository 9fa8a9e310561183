//! What an aggregate wants of its arguments, and the rows that it gets.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::{
    SortColumn, cast, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Argument {
    /// Any number.
    Number,
    /// True for what belongs to the second of two samples.
    Second,
    /// What the rows are grouped by: anything that has a text.
    Group,
    /// One integer for all rows, from which what is random follows.
    Seed,
    /// A struct of numbers.
    Numbers,
    /// A struct of what rows are grouped by.
    Groups,
}

impl Argument {
    /// How messages call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Second => "boolean",
            Self::Group => "group",
            Self::Seed => "integer seed",
            Self::Numbers => "struct of numbers",
            Self::Groups => "struct of groups",
        }
    }

    /// As what SQL should hand over a `given` type, if it will do.
    pub fn accepts(self, given: &DataType) -> Option<DataType> {
        let wanted = match (self, given) {
            (Self::Numbers | Self::Groups, DataType::Struct(fields)) => {
                let fits = |field: &Arc<Field>| self.leaf().accepts(field.data_type()).is_some();
                return fields.iter().all(fits).then(|| given.clone());
            }
            (Self::Numbers | Self::Groups, _) => return None,
            (Self::Number, _) if given.is_numeric() => DataType::Float64,
            (Self::Number, DataType::Null) => DataType::Float64,
            (Self::Second, DataType::Boolean | DataType::Null) => DataType::Boolean,
            (Self::Seed, _) if given.is_integer() => DataType::Int64,
            (Self::Seed, DataType::Null) => DataType::Int64,
            (Self::Group, _) if !given.is_nested() => DataType::Utf8,
            _ => return None,
        };
        Some(wanted)
    }

    /// What a struct consists of.
    fn leaf(self) -> Self {
        match self {
            Self::Numbers => Self::Number,
            Self::Groups => Self::Group,
            single => single,
        }
    }

    /// The columns that an argument of the type `given` becomes: one, or a struct's fields.
    fn columns(self, name: &str, given: &DataType) -> Vec<Field> {
        let column = |name: &str, given: &DataType| {
            let wanted = self.leaf().accepts(given).unwrap_or(DataType::Null);
            Field::new(name, wanted, true)
        };
        match given {
            DataType::Struct(fields) => fields
                .iter()
                .map(|field| column(field.name(), field.data_type()))
                .collect(),
            single => vec![column(name, single)],
        }
    }
}

/// The columns that arguments of the types `given` become.
pub fn schema<'a>(arguments: &[Argument], given: impl Iterator<Item = &'a DataType>) -> SchemaRef {
    let columns = arguments.iter().zip(given).enumerate();
    let columns =
        columns.flat_map(|(place, (argument, given))| argument.columns(&place.to_string(), given));
    Arc::new(Schema::new(columns.collect::<Vec<_>>()))
}

/// The rows of `arguments` that count: without null, without NaN.
///
/// # Errors
/// If a value does not fit its column's type.
pub fn rows(schema: &SchemaRef, arguments: &[ArrayRef]) -> Result<RecordBatch> {
    let mut columns = Vec::new();
    let mut counts = vec![true; arguments[0].len()];
    for argument in arguments {
        except(&mut counts, |row| argument.is_null(row));
        match argument.as_struct_opt() {
            Some(fields) => columns.extend(fields.columns().iter().cloned()),
            None => columns.push(argument.clone()),
        }
    }
    let mut except_nan = |column: &ArrayRef| {
        if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
            except(&mut counts, |row| numbers.value(row).is_nan());
        }
    };
    for (column, field) in columns.iter_mut().zip(schema.fields()) {
        // Also before the cast, in which a group's NaN becomes a name like any other.
        except_nan(column);
        *column = cast(column, field.data_type())?;
        except_nan(column);
    }
    for column in &columns {
        except(&mut counts, |row| column.is_null(row));
    }
    let all = RecordBatch::try_new(schema.clone(), columns)?;
    Ok(filter_record_batch(&all, &BooleanArray::from(counts))?)
}

fn except(counts: &mut [bool], row_is: impl Fn(usize) -> bool) {
    for (row, counts) in counts.iter_mut().enumerate() {
        *counts &= !row_is(row);
    }
}

/// All rows of a group, sorted by all of their columns: whatever the order in which they came, and
/// in which parts, a function sees the same.
pub struct Rows(RecordBatch);

impl Rows {
    /// The `batches` together.
    ///
    /// # Errors
    /// If they do not have this schema.
    pub fn new(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self> {
        let all = concat_batches(schema, batches)?;
        let by = |values: &ArrayRef| SortColumn {
            values: values.clone(),
            options: None,
        };
        let by: Vec<_> = all.columns().iter().map(by).collect();
        let order = lexsort_to_indices(&by, None)?;
        Ok(Self(take_record_batch(&all, &order)?))
    }

    /// A column of numbers, by its place.
    pub fn numbers(&self, place: usize) -> &[f64] {
        self.0.column(place).as_primitive::<Float64Type>().values()
    }

    /// The numbers in the first column, where the second is false and where it is true.
    pub fn samples(&self) -> [Vec<f64>; 2] {
        let mut samples = [Vec::new(), Vec::new()];
        let second = self.0.column(1).as_boolean();
        for (number, second) in self.numbers(0).iter().zip(second.values()) {
            samples[usize::from(second)].push(*number);
        }
        samples
    }

    /// The numbers in the first column, by the second.
    pub fn groups(&self) -> Vec<Vec<f64>> {
        let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (number, group) in self.numbers(0).iter().zip(self.texts(1)) {
            groups.entry(group).or_default().push(*number);
        }
        groups.into_values().collect()
    }

    /// The columns of numbers after the first, with their names.
    pub fn named_numbers(&self) -> Vec<(&str, &[f64])> {
        self.named(Self::numbers)
    }

    /// The columns of groups after the first, with their names.
    pub fn named_groups(&self) -> Vec<(&str, Vec<&str>)> {
        self.named(Self::texts)
    }

    /// The seed in the column at `place`; of no rows any will do.
    pub fn seed(&self, place: usize) -> u64 {
        let seeds = self.0.column(place).as_primitive::<Int64Type>().values();
        seeds.first().map_or(0, |&seed| seed as u64)
    }

    /// Whether the column at `place` says the same in all rows.
    ///
    /// # Errors
    /// If it does not.
    pub fn one_seed(&self, place: usize) -> Result<()> {
        let seeds = self.0.column(place).as_primitive::<Int64Type>().values();
        match seeds.iter().all(|seed| seed == &seeds[0]) {
            true => Ok(()),
            false => Err(DataFusionError::Execution(
                "the seed is one number for all rows".to_owned(),
            )),
        }
    }

    fn texts(&self, place: usize) -> Vec<&str> {
        self.0
            .column(place)
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect()
    }

    fn named<'a, T>(&'a self, column: impl Fn(&'a Self, usize) -> T) -> Vec<(&'a str, T)> {
        let fields = self.0.schema_ref().fields().iter().enumerate().skip(1);
        fields
            .map(|(place, field)| (field.name().as_str(), column(self, place)))
            .collect()
    }
}
