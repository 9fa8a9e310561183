//! An aggregate SQL function from a pure one: it gathers the rows of a group, then asks once.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

use super::answer::Answer;
use super::arguments::{self, Argument, Rows};

/// The SQL aggregate `name` of `arguments`, which `function` answers from all rows of a group.
pub fn aggregate<A: Answer + 'static>(
    name: &'static str,
    arguments: &'static [Argument],
    function: fn(&Rows) -> A,
) -> AggregateUDF {
    AggregateUDF::new_from_impl(Aggregate {
        name,
        arguments,
        signature: Signature::user_defined(Volatility::Immutable),
        answer_type: A::data_type(),
        function: Arc::new(move |rows| function(rows).value()),
    })
}

type Function = Arc<dyn Fn(&Rows) -> Result<ScalarValue> + Send + Sync>;

struct Aggregate {
    name: &'static str,
    arguments: &'static [Argument],
    signature: Signature,
    answer_type: DataType,
    function: Function,
}

impl std::fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Aggregate").field(&self.name).finish()
    }
}

/// Names are unique.
impl PartialEq for Aggregate {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Aggregate {}

impl Hash for Aggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Aggregate {
    fn schema(&self, given: &[FieldRef]) -> SchemaRef {
        arguments::schema(self.arguments, given.iter().map(|field| field.data_type()))
    }
}

impl AggregateUDFImpl for Aggregate {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let fitting = self.arguments.iter().zip(given);
        let fitting = fitting
            .map(|(argument, given)| argument.accepts(given))
            .collect();
        match fitting {
            Some(types) if given.len() == self.arguments.len() => Ok(types),
            _ => {
                let wanted: Vec<_> = self
                    .arguments
                    .iter()
                    .map(|argument| argument.as_str())
                    .collect();
                let given: Vec<_> = given.iter().map(ToString::to_string).collect();
                let (name, wanted, given) = (self.name, wanted.join(", "), given.join(", "));
                let refused = format!("{name}({wanted}) cannot be asked as {name}({given})");
                Err(DataFusionError::Plan(refused))
            }
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.answer_type.clone())
    }

    fn accumulator(&self, asked: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if asked.is_distinct {
            let refused = format!("{} counts every row: it has no DISTINCT", self.name);
            return Err(DataFusionError::Plan(refused));
        }
        Ok(Box::new(Gathered {
            schema: self.schema(asked.expr_fields),
            batches: Vec::new(),
            seed: self
                .arguments
                .iter()
                .position(|argument| *argument == Argument::Seed),
            function: self.function.clone(),
        }))
    }

    fn state_fields(&self, asked: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let rows = DataType::Struct(self.schema(asked.input_fields).fields().clone());
        let name = format_state_name(asked.name, "rows");
        Ok(vec![Arc::new(Field::new(
            name,
            DataType::new_list(rows, true),
            true,
        ))])
    }
}

/// The rows so far. As a state they are one list of structs.
struct Gathered {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// The place of the seed, if the function has one.
    seed: Option<usize>,
    function: Function,
}

impl std::fmt::Debug for Gathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Gathered").field(&self.schema).finish()
    }
}

impl Accumulator for Gathered {
    fn update_batch(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let rows = arguments::rows(&self.schema, arguments)?;
        if rows.num_rows() > 0 {
            self.batches.push(rows);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let rows = concat_batches(&self.schema, &self.batches)?;
        let rows: ArrayRef = Arc::new(StructArray::from(rows));
        Ok(vec![
            SingleRowListArrayBuilder::new(rows).build_list_scalar(),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for rows in states[0].as_list::<i32>().iter().flatten() {
            if !rows.is_empty() {
                self.batches.push(RecordBatch::from(rows.as_struct()));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let rows = Rows::new(&self.schema, &self.batches)?;
        if let Some(place) = self.seed {
            rows.one_seed(place)?;
        }
        (self.function)(&rows)
    }

    fn size(&self) -> usize {
        let rows: usize = self
            .batches
            .iter()
            .map(RecordBatch::get_array_memory_size)
            .sum();
        size_of::<Self>() + rows
    }
}
