//! What an aggregate answers with, as SQL sees it: numbers, structs of them, lists of structs.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::common::scalar::ScalarStructBuilder;
use datafusion::error::Result;

use crate::analyze::statistics::Interval;
use crate::analyze::statistics::anova::Source;
use crate::analyze::statistics::groups::{EqualSpread, KruskalWallis};
use crate::analyze::statistics::mann_whitney::MannWhitney;
use crate::analyze::statistics::regression::{PowerLaw, Regression, Term};
use crate::analyze::statistics::two_samples::Welch;

/// Something that SQL can be answered with.
pub trait Answer {
    /// Its type in SQL.
    fn data_type() -> DataType;

    /// Its value in SQL.
    ///
    /// # Errors
    /// If a field does not fit its own type.
    fn value(&self) -> Result<ScalarValue>;
}

/// What is undefined or infinite is null in SQL.
impl Answer for f64 {
    fn data_type() -> DataType {
        DataType::Float64
    }

    fn value(&self) -> Result<ScalarValue> {
        let defined = Some(*self).filter(|number| number.is_finite());
        Ok(ScalarValue::Float64(defined))
    }
}

impl Answer for usize {
    fn data_type() -> DataType {
        DataType::Int64
    }

    fn value(&self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(*self as i64)))
    }
}

impl Answer for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn value(&self) -> Result<ScalarValue> {
        Ok(ScalarValue::Utf8(Some(self.clone())))
    }
}

impl<A: Answer> Answer for Vec<A> {
    fn data_type() -> DataType {
        DataType::new_list(A::data_type(), true)
    }

    fn value(&self) -> Result<ScalarValue> {
        let values: Vec<_> = self.iter().map(A::value).collect::<Result<_>>()?;
        let list = ScalarValue::new_list_nullable(&values, &A::data_type());
        Ok(ScalarValue::List(list))
    }
}

/// Makes a struct an answer: the fields named, in that order.
macro_rules! answer {
    ($struct:ident { $($field:ident),+ }) => {
        impl Answer for $struct {
            fn data_type() -> DataType {
                DataType::Struct(vec![$(field(stringify!($field), |all: &Self| &all.$field)),+].into())
            }

            fn value(&self) -> Result<ScalarValue> {
                let fields = ScalarStructBuilder::new();
                $(let fields = fields.with_scalar(
                    field(stringify!($field), |all: &Self| &all.$field),
                    self.$field.value()?,
                );)+
                fields.build()
            }
        }
    };
}

/// The field `name`, of the type of what `get` gets.
fn field<S, A: Answer>(name: &str, _get: fn(&S) -> &A) -> Field {
    Field::new(name, A::data_type(), true)
}

answer!(Interval { low, high });
answer!(Welch {
    n0,
    n1,
    mean0,
    mean1,
    difference,
    low,
    high,
    t,
    df,
    p
});
answer!(MannWhitney { n0, n1, u, p });
answer!(EqualSpread { k, n, w, p });
answer!(KruskalWallis { k, n, h, p });
answer!(Term {
    term,
    estimate,
    se,
    t,
    p,
    low,
    high
});
answer!(Regression {
    n,
    df,
    r2,
    adjusted_r2,
    f,
    p,
    residual_se,
    terms
});
answer!(PowerLaw {
    n,
    exponent,
    exponent_se,
    low,
    high,
    coefficient,
    r2,
    p
});
answer!(Source {
    term,
    df,
    ss,
    ms,
    f,
    p,
    eta2,
    partial_eta2,
    omega2
});
