//! Values on their way into columns: casts, geometries from text, CRSs that must agree.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};

use crate::catalog::{array_from_texts, crs_or_default};
use crate::engine::{error_from_engine, is_lonlat};
use crate::error::{Error, Result};
use crate::table::Column;
use crate::types;

/// The expression as a value of the column, under the column's name.
pub(super) fn assigned(state: &SessionState, expression: Expr, schema: &DFSchema, column: &Column) -> Result<Expr> {
    let (_, field) = expression.to_field(schema).map_err(error_from_engine)?;
    if !column.is_geometry() {
        return expression.cast_to(&column.data_type, schema).map_err(error_from_engine);
    }
    let function = |name: &str, argument: Expr| {
        let function = state
            .scalar_functions()
            .get(name)
            .ok_or_else(|| Error::Internal(format!("the function {name} is not there")))?;
        Ok(function.call(vec![argument]))
    };
    match field.data_type() {
        DataType::Null => Ok(lit(ScalarValue::Binary(None))),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => function("st_geomfromtext", expression),
        _ if types::is_geometry_field(&field) => {
            let wanted = crs_or_default(column);
            match types::crs_of(&field) {
                Some(found) if !is_same_crs(&found, wanted) => Err(Error::Crs {
                    crs: found,
                    reason: format!(
                        "the column {} is in {wanted}; use ST_Transform({}, '{wanted}')",
                        column.name, column.name
                    ),
                }),
                Some(_) | None => expression.cast_to(&DataType::Binary, schema).map_err(error_from_engine),
            }
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => function("st_geomfromwkb", expression),
        other => Err(Error::Invalid(format!(
            "A value of type {other} is no geometry (column {})",
            column.name
        ))),
    }
}

fn is_same_crs(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (is_lonlat(one) && is_lonlat(other))
}

/// The value that a column has when a row leaves it out and its default is no expression.
pub(super) fn default_value(column: &Column) -> Result<Expr> {
    let Some(text) = &column.default_value else {
        let null = ScalarValue::try_new_null(&column.data_type).map_err(error_from_engine)?;
        return Ok(lit(null));
    };
    let value = array_from_texts(column, &[Some(text.clone())])?;
    Ok(lit(ScalarValue::try_from_array(&value, 0).map_err(error_from_engine)?))
}
