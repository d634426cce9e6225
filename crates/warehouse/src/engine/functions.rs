//! Functions that examples for other warehouses use and the engine lacks.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::arrow::json::writer::{LineDelimited, WriterBuilder};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;

use crate::sql::NULL_OF;

pub(super) fn register(context: &SessionContext) {
    context.register_udf(ScalarUDF::from(ToJsonString {
        signature: Signature::any(1, Volatility::Immutable),
    }));
    context.register_udf(ScalarUDF::from(NullOf {
        signature: Signature::any(1, Volatility::Immutable),
    }));
}

/// A null of its argument's type, with all that the type carries. Stands for NULL in `VALUES` lists.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NullOf {
    signature: Signature,
}

impl ScalarUDFImpl for NullOf {
    fn name(&self) -> &str {
        NULL_OF
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        arguments
            .first()
            .cloned()
            .ok_or_else(|| DataFusionError::Plan(format!("{NULL_OF} takes one value")))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match arguments.arg_fields {
            [value] => Ok(Arc::new(value.as_ref().clone().with_nullable(true))),
            _ => Err(DataFusionError::Plan(format!("{NULL_OF} takes one value"))),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let null = ScalarValue::try_from(arguments.return_field.data_type())?;
        Ok(ColumnarValue::Scalar(null))
    }
}

/// `TO_JSON_STRING(value)`: any value as JSON text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ToJsonString {
    signature: Signature,
}

impl ScalarUDFImpl for ToJsonString {
    fn name(&self) -> &str {
        "to_json_string"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [values] = arrays.as_slice() else {
            return Err(DataFusionError::Execution("to_json_string takes one value".to_owned()));
        };
        let texts = json_texts(values)?;
        debug_assert!(texts.len() == rows || rows <= 1);
        Ok(ColumnarValue::Array(
            Arc::new(StringViewArray::from_iter_values(texts)) as ArrayRef
        ))
    }
}

/// Each value as one line of JSON, nulls as `null`.
fn json_texts(values: &ArrayRef) -> Result<Vec<String>> {
    const BEFORE: &str = "{\"v\":";
    let schema = Arc::new(Schema::new(vec![Field::new("v", values.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema, vec![values.clone()])?;
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    let text = String::from_utf8(writer.into_inner()).map_err(|error| DataFusionError::Execution(error.to_string()))?;
    Ok(text
        .lines()
        .map(|line| {
            line.strip_prefix(BEFORE)
                .and_then(|rest| rest.strip_suffix('}'))
                .unwrap_or(line)
                .to_owned()
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;

    use super::*;

    #[test]
    fn values_become_json_texts() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        assert_eq!(json_texts(&numbers).expect("numbers"), ["1", "null"]);
        let texts: ArrayRef = Arc::new(StringViewArray::from(vec!["a\"b}"]));
        assert_eq!(json_texts(&texts).expect("texts"), ["\"a\\\"b}\""]);
    }
}
