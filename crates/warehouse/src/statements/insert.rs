//! INSERT: rows of a query or of VALUES become new files of the table.

use std::collections::HashSet;

use access::activity::ActivityKind;
use datafusion::common::{Column as ColumnName, DFSchema};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Ident, Insert, ObjectName, Query, SetExpr, Statement, TableObject, Value,
};
use serde_json::json;

use super::alter::{column_named, default_expression};
use super::assign::{assigned, default_value};
use super::publish::Line;
use super::{Statements, refuse, table_name};
use crate::catalog::{Lake, LakeTable};
use crate::commit::{Change, TableRef};
use crate::engine::error_from_engine;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::provider::not_found;
use crate::query::plan;
use crate::sql::{AsOf, call, parts};
use crate::table::Column;
use crate::writer::Target;

impl Statements<'_> {
    pub(super) async fn insert(&self, insert: Insert, moments: &[AsOf]) -> Result<u64> {
        check_clauses(&insert)?;
        let TableObject::TableName(name) = &insert.table else {
            return Err(Error::NotImplemented("INSERT into anything but a table".to_owned()));
        };
        let name = table_name(name)?;
        let (written, base, table) = self
            .deadline
            .within(async {
                let reading = self.warehouse.reading(moments).await?;
                let table = writable(reading.lake(), &name)?.clone();
                let columns = wanted_columns(&table, &insert.columns)?;
                let state = reading.session();
                let source = match insert.source.clone() {
                    Some(query) => {
                        let query = with_defaults(*query, &columns)?;
                        plan(&reading, &state, Statement::Query(Box::new(query))).await?
                    }
                    None => LogicalPlanBuilder::empty(true).build().map_err(error_from_engine)?,
                };
                let given = if insert.source.is_some() {
                    columns.as_slice()
                } else {
                    &[]
                };
                let rows = into_table(&state, source, given, &table)?;
                let physical = state.create_physical_plan(&rows).await.map_err(error_from_engine)?;
                let rows = execute_stream(physical, state.task_ctx()).map_err(error_from_engine)?;
                let target = Target {
                    folder: table.path.clone(),
                    columns: table.columns.clone(),
                };
                let written = Box::pin(Box::pin(self.warehouse.writer().write(target, rows, None))).await?;
                Ok((written, reading.lake().snapshot, table))
            })
            .await?;
        if written.files.is_empty() {
            return Ok(0);
        }
        let mut change = Change::on(base);
        change.append(TableRef::Existing(table.id), written.files.clone());
        let line = Line::table(
            ActivityKind::TableChanged,
            &name,
            json!({ "change": "insert", "rows": written.rows }),
        );
        self.publish(&change, &name, line).await?;
        Ok(written.rows)
    }
}

/// The table of a statement that changes rows.
pub(super) fn writable<'a>(lake: &'a Lake, name: &TableName) -> Result<&'a std::sync::Arc<LakeTable>> {
    if lake.view(&name.schema, &name.table).is_some() {
        return Err(Error::Invalid(format!("{name} is a view: change the tables it reads")));
    }
    lake.table(&name.schema, &name.table)
        .ok_or_else(|| not_found(lake, name))
}

/// The columns that the statement names, or all.
fn wanted_columns(table: &LakeTable, names: &[ObjectName]) -> Result<Vec<Column>> {
    if names.is_empty() {
        return Ok(table.columns.clone());
    }
    let mut seen = HashSet::new();
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let name = parts(name)?.pop().unwrap_or_default();
        let column = column_named(table, &name)?;
        if !seen.insert(column.id) {
            return Err(Error::Invalid(format!("The column {name} is named twice")));
        }
        columns.push(column.clone());
    }
    Ok(columns)
}

/// `DEFAULT` in VALUES replaced by what it stands for, texts of geometries read.
fn with_defaults(mut query: Query, columns: &[Column]) -> Result<Query> {
    if let SetExpr::Values(values) = query.body.as_mut() {
        for row in &mut values.rows {
            for (value, column) in row.content.iter_mut().zip(columns) {
                if !is_default(value) {
                    if column.is_geometry() && is_text(value) {
                        *value = call("st_geomfromtext", vec![value.clone()]);
                    }
                    continue;
                }
                *value = match (default_expression(column)?, &column.default_value) {
                    (Some(expression), _) => expression,
                    (None, Some(text)) => SqlExpr::value(Value::SingleQuotedString(text.clone())),
                    (None, None) => SqlExpr::value(Value::Null),
                };
            }
        }
    }
    Ok(query)
}

/// A text or NULL: the rows of VALUES must agree on what is a geometry.
fn is_text(value: &SqlExpr) -> bool {
    match value {
        SqlExpr::Value(value) => matches!(value.value, Value::Null) || value.value.clone().into_string().is_some(),
        _ => false,
    }
}

fn is_default(value: &SqlExpr) -> bool {
    matches!(value, SqlExpr::Identifier(Ident { value, quote_style: None, .. }) if value.eq_ignore_ascii_case("default"))
}

/// Rows as the table has them: columns in its order, those left out by their defaults.
fn into_table(state: &SessionState, source: LogicalPlan, given: &[Column], table: &LakeTable) -> Result<LogicalPlan> {
    let schema = source.schema().clone();
    if !given.is_empty() && schema.fields().len() != given.len() {
        return Err(Error::Invalid(format!(
            "{} columns are to be filled but the rows have {} values",
            given.len(),
            schema.fields().len()
        )));
    }
    let mut expressions = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let expression = match given.iter().position(|given| given.id == column.id) {
            Some(position) => {
                let (qualifier, field) = schema.qualified_field(position);
                assigned(
                    state,
                    Expr::Column(ColumnName::from((qualifier, field))),
                    &schema,
                    column,
                )?
            }
            None => default_of(state, column)?,
        };
        expressions.push(expression.alias(&column.name));
    }
    LogicalPlanBuilder::from(source)
        .project(expressions)
        .and_then(LogicalPlanBuilder::build)
        .map_err(error_from_engine)
}

fn default_of(state: &SessionState, column: &Column) -> Result<Expr> {
    let Some(expression) = default_expression(column)? else {
        return default_value(column);
    };
    let nothing = DFSchema::empty();
    let expression = datafusion::sql::sqlparser::ast::ExprWithAlias {
        expr: expression,
        alias: None,
    };
    let expression = state
        .create_logical_expr_from_sql_expr(expression, &nothing)
        .map_err(error_from_engine)?;
    assigned(state, expression, &nothing, column)
}

fn check_clauses(insert: &Insert) -> Result<()> {
    refuse(
        insert.on.is_some() || insert.or.is_some() || insert.ignore,
        "ON CONFLICT; use UPDATE and INSERT",
    )?;
    refuse(insert.replace_into, "REPLACE INTO; use UPDATE and INSERT")?;
    refuse(insert.overwrite, "INSERT OVERWRITE; use CREATE OR REPLACE TABLE … AS")?;
    refuse(insert.returning.is_some() || insert.output.is_some(), "RETURNING")?;
    refuse(!insert.assignments.is_empty(), "INSERT … SET; use VALUES")?;
    refuse(
        insert.partitioned.is_some() || !insert.after_columns.is_empty(),
        "PARTITION",
    )?;
    refuse(
        insert.table_alias.is_some() || insert.insert_alias.is_some(),
        "aliases in INSERT",
    )?;
    refuse(
        insert.settings.is_some() || insert.format_clause.is_some(),
        "SETTINGS and FORMAT",
    )?;
    refuse(!insert.optimizer_hints.is_empty() || insert.priority.is_some(), "hints")?;
    refuse(insert.multi_table_insert_type.is_some(), "INSERT into several tables")
}
