//! Columns of tables as the catalog keeps them: one row each, with the id of the column they stand inside.

use std::collections::HashMap;

use database::Transaction;
use datafusion::arrow::datatypes::DataType;

use crate::error::Result;
use crate::table::Column;
use crate::types;

use super::lake::{COMMENT_TAG, CRS_TAG};
use super::sql::{Dialect, fetch, in_force};

#[derive(sqlx::FromRow)]
pub(super) struct ColumnRow {
    table_id: i64,
    column_id: i64,
    column_name: String,
    column_type: String,
    initial_default: Option<String>,
    default_value: Option<String>,
    default_value_type: Option<String>,
    nulls_allowed: Option<bool>,
    parent_column: Option<i64>,
}

/// Tags of columns: table and column → key → value.
type Tags = HashMap<(i64, i64), HashMap<String, String>>;

/// The columns of all tables at a snapshot, in order.
pub(super) async fn load(tx: &mut Transaction, snapshot: i64) -> Result<HashMap<i64, Vec<Column>>> {
    load_where(tx, snapshot, "").await
}

/// The columns of one table at a snapshot, in order.
pub(super) async fn load_of(tx: &mut Transaction, snapshot: i64, table: i64) -> Result<Vec<Column>> {
    let mut tables = load_where(tx, snapshot, &format!("AND c.table_id = {table}")).await?;
    Ok(tables.remove(&table).unwrap_or_default())
}

async fn load_where(tx: &mut Transaction, snapshot: i64, condition: &str) -> Result<HashMap<i64, Vec<Column>>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<ColumnRow> = fetch(
        tx,
        format!(
            "SELECT table_id, column_id, column_name, column_type, initial_default, default_value, \
             default_value_type, nulls_allowed, parent_column FROM {prefix}ducklake_column c \
             WHERE {} {condition} ORDER BY table_id, parent_column, column_order, column_id",
            in_force("c", snapshot)
        ),
        &[],
    )
    .await?;
    let tag_rows: Vec<(i64, i64, String, Option<String>)> = fetch(
        tx,
        format!(
            "SELECT table_id, column_id, \"key\", \"value\" FROM {prefix}ducklake_column_tag c WHERE {} {condition}",
            in_force("c", snapshot)
        ),
        &[],
    )
    .await?;
    let mut tags = Tags::new();
    for (table, column, key, value) in tag_rows {
        if let Some(value) = value {
            tags.entry((table, column)).or_default().insert(key, value);
        }
    }
    let crs_rows: Vec<(i64, String, Option<String>)> = fetch(
        tx,
        format!(
            "SELECT object_id, \"key\", \"value\" FROM {prefix}ducklake_tag t \
             WHERE \"key\" LIKE '{CRS_TAG}:%' AND {}",
            in_force("t", snapshot)
        ),
        &[],
    )
    .await?;
    for (table, key, value) in crs_rows {
        if let (Some((key, column)), Some(value)) = (key.split_once(':'), value)
            && let Ok(column) = column.parse()
        {
            tags.entry((table, column)).or_default().insert(key.to_owned(), value);
        }
    }
    let mut inside: HashMap<(i64, Option<i64>), Vec<ColumnRow>> = HashMap::new();
    let mut table_ids: Vec<i64> = Vec::new();
    for row in rows {
        if table_ids.last() != Some(&row.table_id) {
            table_ids.push(row.table_id);
        }
        inside.entry((row.table_id, row.parent_column)).or_default().push(row);
    }
    let mut tables = HashMap::new();
    for table in table_ids {
        tables.insert(table, assemble(table, None, &mut inside, &tags)?);
    }
    Ok(tables)
}

fn assemble(
    table: i64,
    parent: Option<i64>,
    inside: &mut HashMap<(i64, Option<i64>), Vec<ColumnRow>>,
    tags: &Tags,
) -> Result<Vec<Column>> {
    let rows = inside.remove(&(table, parent)).unwrap_or_default();
    let mut columns = Vec::with_capacity(rows.len());
    for row in rows {
        let children = assemble(table, Some(row.column_id), inside, tags)?;
        // A column of a type that we do not read must not hide every other table: reading it is what fails.
        let data_type = types::arrow_from_type_name(&row.column_type, &children).unwrap_or(DataType::Null);
        let tag = |key: &str| {
            tags.get(&(table, row.column_id))
                .and_then(|tags| tags.get(key))
                .cloned()
        };
        let is_expression = row.default_value_type.as_deref() == Some("expression");
        columns.push(Column {
            id: row.column_id,
            name: row.column_name,
            data_type,
            nullable: row.nulls_allowed.unwrap_or(true),
            description: tag(COMMENT_TAG),
            initial_default: row.initial_default,
            // DuckDB writes a missing default as the literal NULL.
            default_value: row.default_value.filter(|text| is_expression || text != "NULL"),
            default_is_expression: is_expression,
            crs: tag(CRS_TAG),
            type_name: row.column_type,
            children,
        });
    }
    Ok(columns)
}

/// An error that names the first column of a type that we do not read.
pub(super) fn check_readable(columns: &[Column]) -> Result<()> {
    for column in columns {
        check_readable(&column.children)?;
        types::arrow_from_type_name(&column.type_name, &column.children)?;
    }
    Ok(())
}

/// Table → the last snapshot that changed one of its columns.
pub(super) async fn last_changes(tx: &mut Transaction, snapshot: i64) -> Result<HashMap<i64, i64>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64, i64)> = fetch(
        tx,
        format!(
            "SELECT table_id, max(CASE WHEN end_snapshot <= {snapshot} THEN end_snapshot ELSE begin_snapshot END) \
             FROM {prefix}ducklake_column WHERE begin_snapshot <= {snapshot} GROUP BY table_id"
        ),
        &[],
    )
    .await?;
    Ok(rows.into_iter().collect())
}
