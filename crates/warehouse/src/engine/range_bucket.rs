//! `RANGE_BUCKET(value, boundaries)` of BigQuery: how many of the ascending boundaries the value has reached.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::prelude::SessionContext;

pub(super) fn register(context: &SessionContext) {
    context.register_udf(ScalarUDF::from(RangeBucket {
        signature: Signature::any(2, Volatility::Immutable),
    }));
}

/// Null for null.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RangeBucket {
    signature: Signature,
}

impl ScalarUDFImpl for RangeBucket {
    fn name(&self) -> &str {
        "range_bucket"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let wrong = |what: &str| DataFusionError::Execution(format!("range_bucket {what}"));
        let [value, boundaries] = arguments.args.as_slice() else {
            return Err(wrong("takes a value and an array of boundaries"));
        };
        let ColumnarValue::Scalar(ScalarValue::List(boundaries)) = boundaries else {
            return Err(wrong("needs a constant array of boundaries"));
        };
        if boundaries.is_null(0) {
            return Ok(ColumnarValue::Scalar(ScalarValue::Int64(None)));
        }
        let values = cast(&value.to_array(arguments.number_rows)?, &DataType::Float64)?;
        let boundaries = cast(&boundaries.value(0), &DataType::Float64)?;
        let boundaries = boundaries.as_primitive::<Float64Type>();
        if boundaries.null_count() > 0 || !boundaries.values().is_sorted() {
            return Err(wrong("needs boundaries in ascending order, none of them null"));
        }
        let boundaries = boundaries.values();
        let reached = |value: f64| boundaries.partition_point(|&boundary| boundary <= value) as i64;
        let buckets: Int64Array = values.as_primitive::<Float64Type>().unary(reached);
        Ok(ColumnarValue::Array(Arc::new(buckets)))
    }
}
