//! Measures: an operation over columns as an SQL aggregate that gives JSON numbers.

use sources::{Field, FieldType, Parameters, Source};
use warehouse::quote;

use crate::error::{Error, Result};

/// An operation of the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Rows, whether or not a column is null, as CARTO's clients count themselves.
    Count,
    Avg,
    Min,
    Max,
    Sum,
    /// An SQL aggregate of the client's own.
    Custom,
}

impl Operation {
    pub(crate) fn parse(name: &str) -> Result<Operation> {
        match name {
            "count" => Ok(Operation::Count),
            "avg" => Ok(Operation::Avg),
            "min" => Ok(Operation::Min),
            "max" => Ok(Operation::Max),
            "sum" => Ok(Operation::Sum),
            "custom" => Ok(Operation::Custom),
            other => Err(sources::Error::invalid(
                "operation",
                format!("must be count, avg, min, max, sum or custom, not {other}"),
            )
            .into()),
        }
    }

    /// The operation of a widget; count when none is named.
    pub(crate) fn of(params: &Parameters) -> Result<Operation> {
        params
            .text("operation")?
            .map_or(Ok(Operation::Count), |name| Operation::parse(&name))
    }

    fn word(&self) -> &'static str {
        match self {
            Operation::Count => "count",
            Operation::Avg => "avg",
            Operation::Min => "min",
            Operation::Max => "max",
            Operation::Sum => "sum",
            Operation::Custom => "custom",
        }
    }
}

/// The aggregate of a widget: its `operation` over the columns in `columns_parameter`, or its `operationExp`.
pub(crate) fn aggregate(source: &Source, params: &Parameters, columns_parameter: &str) -> Result<String> {
    let operation = Operation::of(params)?;
    match operation {
        Operation::Count => Ok("count(*)".to_owned()),
        Operation::Custom => {
            let text = params.required_text("operationExp", "the SQL aggregate of the custom operation")?;
            Ok(sources::expressions::expression(
                "operationExp",
                &text,
                &source.request().parameters,
            )?)
        }
        Operation::Avg | Operation::Min | Operation::Max | Operation::Sum => Ok(aggregate_call(
            &operation,
            &value_of(source, params, columns_parameter, &operation)?,
        )),
    }
}

/// What the widget's operation is over: a column, or several joined to one value per row.
pub(crate) fn value_of(
    source: &Source,
    params: &Parameters,
    columns_parameter: &str,
    operation: &Operation,
) -> Result<String> {
    let columns = columns(params, columns_parameter)?
        .or(columns(params, "column")?)
        .ok_or_else(|| sources::Error::MissingParameter {
            name: columns_parameter.to_owned(),
            hint: format!("the column that {} is of", operation.word()),
        })?;
    let joint = params
        .text("joinOperation")?
        .map(|name| Operation::parse(&name))
        .transpose()?;
    value_of_columns(source, operation, &columns, joint.as_ref())
}

/// The aggregate of an operation over columns.
pub(crate) fn aggregate_of(source: &Source, operation: &Operation, columns: &[String]) -> Result<String> {
    match operation {
        Operation::Count => {
            // The columns must be there all the same.
            columns.iter().try_for_each(|name| source.field(name).map(drop))?;
            Ok("count(*)".to_owned())
        }
        Operation::Avg | Operation::Min | Operation::Max | Operation::Sum | Operation::Custom => Ok(aggregate_call(
            operation,
            &value_of_columns(source, operation, columns, None)?,
        )),
    }
}

fn aggregate_call(operation: &Operation, value: &str) -> String {
    format!("{}({value})", operation.word())
}

fn value_of_columns(
    source: &Source,
    operation: &Operation,
    columns: &[String],
    joint: Option<&Operation>,
) -> Result<String> {
    let fields = columns
        .iter()
        .map(|name| source.field(name))
        .collect::<sources::Result<Vec<_>>>()?;
    let [field] = fields.as_slice() else {
        return joined(&fields, joint);
    };
    match operation {
        Operation::Avg | Operation::Sum => require_number(field, operation.word())?,
        Operation::Count | Operation::Min | Operation::Max | Operation::Custom => {}
    }
    Ok(number(field))
}

/// One value of several number columns of a row.
pub(crate) fn joined(fields: &[&Field], joint: Option<&Operation>) -> Result<String> {
    let operation = joint.unwrap_or(&Operation::Sum);
    for field in fields {
        require_number(field, operation.word())?;
    }
    let values: Vec<String> = fields.iter().map(|field| number(field)).collect();
    Ok(match operation {
        Operation::Count => values.len().to_string(),
        Operation::Sum => format!("({})", values.join(" + ")),
        Operation::Avg => format!("(({}) / {}.0)", values.join(" + "), values.len()),
        Operation::Min => format!("least({})", values.join(", ")),
        Operation::Max => format!("greatest({})", values.join(", ")),
        Operation::Custom => return Err(sources::Error::invalid("joinOperation", "cannot be custom").into()),
    })
}

/// Columns that a parameter names: one name or a list. `*` is none.
pub(crate) fn columns(params: &Parameters, parameter: &str) -> Result<Option<Vec<String>>> {
    use serde_json::Value;
    let names = match params.value(parameter) {
        None => return Ok(None),
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(names)) => names
            .iter()
            .map(|name| {
                name.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| sources::Error::invalid(parameter, "must be a column or a list of columns"))
            })
            .collect::<sources::Result<_>>()?,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            return Err(sources::Error::invalid(parameter, "must be a column or a list of columns").into());
        }
    };
    Ok((!names.is_empty() && names != ["*"]).then_some(names))
}

/// The column that a parameter names.
pub(crate) fn required_column<'a>(source: &'a Source, params: &Parameters, parameter: &str) -> Result<&'a Field> {
    let name = params.required_text(parameter, "a column of the source")?;
    Ok(source.field(&name)?)
}

pub(crate) fn require_number(field: &Field, operation: &str) -> Result<()> {
    if field.field_type.is_numeric() {
        return Ok(());
    }
    Err(Error::WrongType {
        column: field.name.clone(),
        column_type: field.field_type.as_str(),
        operation: operation.to_owned(),
        needs: "a number column",
    })
}

/// The column's value, as a double when it is a kind of number that would travel as a string.
pub(crate) fn number(field: &Field) -> String {
    use datafusion::arrow::datatypes::DataType;
    let column = quote(&field.name);
    match field.data_type {
        DataType::Int64
        | DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => format!("CAST({column} AS DOUBLE)"),
        _ => column,
    }
}

/// The column as a moment in UTC: times themselves, milliseconds since 1970, or ISO 8601 texts.
pub(crate) fn moment(field: &Field) -> Result<String> {
    let column = quote(&field.name);
    match field.field_type {
        FieldType::Timestamp | FieldType::String => Ok(format!("CAST({column} AS TIMESTAMP)")),
        FieldType::Number | FieldType::Bigint => Ok(format!("to_timestamp_millis(CAST({column} AS BIGINT))")),
        FieldType::Geometry | FieldType::Object | FieldType::Boolean | FieldType::Variant | FieldType::Unknown => {
            Err(Error::WrongType {
                column: field.name.clone(),
                column_type: field.field_type.as_str(),
                operation: "a time series".to_owned(),
                needs: "a date or timestamp column",
            })
        }
    }
}
