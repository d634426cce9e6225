//! Columns as SQL defines them: names, types, defaults and NOT NULL.

use datafusion::arrow::datatypes::Schema;
use datafusion::sql::sqlparser::ast::{
    ColumnDef, ColumnOption, DataType as SqlType, Expr, Ident, UnaryOperator, Value, ValueWithSpan,
};

use crate::engine::{check_crs, field_of_sql_type};
use crate::error::{Error, Result};
use crate::provider::RESERVED;
use crate::sql::written;
use crate::table::Column;
use crate::types;

/// Columns of a CREATE TABLE.
pub(super) fn defined(definitions: &[ColumnDef]) -> Result<Vec<Column>> {
    let columns: Vec<Column> = definitions.iter().map(defined_column).collect::<Result<_>>()?;
    check_names(&columns)?;
    Ok(columns)
}

/// Columns that hold the rows of a query.
pub(super) fn of_rows(schema: &Schema) -> Result<Vec<Column>> {
    let columns: Vec<Column> = schema
        .fields()
        .iter()
        .map(|field| types::column_of(field))
        .collect::<Result<_>>()?;
    check_names(&columns)?;
    Ok(columns)
}

/// One column of a CREATE TABLE or ADD COLUMN.
pub(super) fn defined_column(definition: &ColumnDef) -> Result<Column> {
    let mut column = typed(&definition.name, &definition.data_type)?;
    for option in &definition.options {
        match &option.option {
            ColumnOption::Null => column.nullable = true,
            ColumnOption::NotNull => column.nullable = false,
            ColumnOption::Default(value) => {
                let (text, is_expression) = default_text(value);
                column.default_value = text;
                column.default_is_expression = is_expression;
            }
            ColumnOption::Comment(text) => column.description = Some(text.clone()),
            ColumnOption::PrimaryKey(_) | ColumnOption::Unique(_) => {
                return Err(Error::NotImplemented(format!(
                    "PRIMARY KEY and UNIQUE (column {}): tables of the lake have no keys",
                    column.name
                )));
            }
            other => return Err(Error::NotImplemented(format!("{other} (column {})", column.name))),
        }
    }
    Ok(column)
}

/// A nullable column of a type.
pub(super) fn typed(name: &Ident, sql_type: &SqlType) -> Result<Column> {
    if *sql_type == SqlType::Unspecified {
        return Err(Error::Invalid(format!("The column {name} has no type")));
    }
    let field = field_of_sql_type(&written(name), sql_type)?;
    let column = types::column_of(&field)?;
    if let Some(crs) = &column.crs {
        check_crs(crs)?;
    }
    Ok(column)
}

/// The catalog's text of a default, and whether it is an expression rather than a value.
pub(super) fn default_text(value: &Expr) -> (Option<String>, bool) {
    match value {
        Expr::Value(ValueWithSpan { value, .. }) => match value {
            Value::Null => (None, false),
            Value::Boolean(is_true) => (Some(is_true.to_string()), false),
            Value::Number(digits, _) => (Some(digits.clone()), false),
            other => match other.clone().into_string() {
                Some(text) => (Some(text), false),
                None => (Some(other.to_string()), true),
            },
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match expr.as_ref() {
            Expr::Value(ValueWithSpan {
                value: Value::Number(digits, _),
                ..
            }) => (Some(format!("-{digits}")), false),
            _ => (Some(value.to_string()), true),
        },
        Expr::TypedString(typed) => match typed.value.value.clone().into_string() {
            Some(text) => (Some(text), false),
            None => (Some(value.to_string()), true),
        },
        Expr::Nested(inner) => default_text(inner),
        other => (Some(other.to_string()), true),
    }
}

/// Names must differ in more than case (other readers do not tell them apart) and may not be those of our keys.
fn check_names(columns: &[Column]) -> Result<()> {
    if columns.is_empty() {
        return Err(Error::Invalid("A table needs at least one column".to_owned()));
    }
    let mut seen = std::collections::HashSet::new();
    for column in columns {
        check_name(&column.name)?;
        if !seen.insert(column.name.to_lowercase()) {
            return Err(Error::Invalid(format!(
                "Two columns are called {}: give one of them another name with AS",
                column.name
            )));
        }
    }
    Ok(())
}

pub(super) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::Invalid("A column needs a name: give it one with AS".to_owned()));
    }
    if RESERVED.contains(&name) {
        return Err(Error::Invalid(format!(
            "{name} is the name of a hidden column: choose another one"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sql;
    use crate::sql::parse_expression;

    fn check(text: &str, expected: Option<&str>, is_expression: bool) {
        let value = parse_expression(&Sql::new(text)).expect(text);
        assert_eq!(
            default_text(&value),
            (expected.map(str::to_owned), is_expression),
            "{text}"
        );
    }

    #[test]
    fn defaults_are_kept_as_values_where_they_are_values() {
        check("5", Some("5"), false);
        check("-5.5", Some("-5.5"), false);
        check("'it''s'", Some("it's"), false);
        check("TRUE", Some("true"), false);
        check("NULL", None, false);
        check("DATE '2026-01-31'", Some("2026-01-31"), false);
        check("now()", Some("now()"), true);
    }
}
