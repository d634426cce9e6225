//! Rows and deletions that stand in the catalog itself: DuckDB writes small inserts and deletes that way.

use std::collections::HashMap;
use std::sync::Arc;

use database::{Transaction, on};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Schema};
use sqlx::{AssertSqlSafe, Row};

use crate::error::{Error, Result};
use crate::table::Column;
use crate::types::field_of;

use super::columns;
use super::literal::{HEX, array_before_column, array_from_texts};
use super::sql::{Dialect, fetch, in_force};

/// A table of the catalog that holds inlined rows of one form of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InlinedTable {
    pub(crate) name: String,
    schema_version: i64,
}

/// The inlined tables of a table, oldest form first.
pub(crate) async fn tables_of(tx: &mut Transaction, table: i64) -> Result<Vec<InlinedTable>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(String, i64)> = fetch(
        tx,
        format!(
            "SELECT table_name, schema_version FROM {prefix}ducklake_inlined_data_tables \
             WHERE table_id = {table} ORDER BY schema_version"
        ),
        &[],
    )
    .await?;
    rows.into_iter()
        .map(|(name, schema_version)| {
            // The name goes into SQL text.
            let is_plain = name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_');
            if is_plain {
                Ok(InlinedTable { name, schema_version })
            } else {
                Err(Error::Damaged(format!("the catalog names an inlined table '{name}'")))
            }
        })
        .collect()
}

/// Table → number of its inlined rows in force at a snapshot.
pub(super) async fn count(tx: &mut Transaction, snapshot: i64) -> Result<HashMap<i64, i64>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let ids: Vec<(i64,)> = fetch(
        tx,
        format!("SELECT DISTINCT table_id FROM {prefix}ducklake_inlined_data_tables"),
        &[],
    )
    .await?;
    let mut counts = HashMap::new();
    for (table,) in ids {
        for inlined in tables_of(tx, table).await? {
            let (rows,) = count_of(tx, &inlined, snapshot).await?;
            *counts.entry(table).or_default() += rows;
        }
    }
    Ok(counts)
}

async fn count_of(tx: &mut Transaction, inlined: &InlinedTable, snapshot: i64) -> Result<(i64,)> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64,)> = fetch(
        tx,
        format!(
            "SELECT count(*) FROM {prefix}{} i WHERE {}",
            inlined.name,
            in_force("i", snapshot)
        ),
        &[],
    )
    .await?;
    Ok(rows.first().copied().unwrap_or_default())
}

/// Ids of tables that have a table of inlined deletions.
async fn tables_with_deletes(tx: &mut Transaction) -> Result<Vec<i64>> {
    let sql = if tx.is_sqlite() {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'ducklake\\_inlined\\_delete\\_%' ESCAPE '\\'"
    } else {
        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables \
         WHERE table_schema = 'ducklake' AND table_name LIKE 'ducklake\\_inlined\\_delete\\_%'"
    };
    let names: Vec<(String,)> = fetch(tx, sql.to_owned(), &[]).await?;
    Ok(names
        .iter()
        .filter_map(|(name,)| name.strip_prefix("ducklake_inlined_delete_")?.parse().ok())
        .collect())
}

/// Table → number of rows of its files that are deleted in the catalog itself.
pub(super) async fn count_deletes(tx: &mut Transaction, snapshot: i64) -> Result<HashMap<i64, i64>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let mut counts = HashMap::new();
    for table in tables_with_deletes(tx).await? {
        let rows: Vec<(i64,)> = fetch(
            tx,
            format!(
                "SELECT count(*) FROM {prefix}ducklake_inlined_delete_{table} d \
                 JOIN {prefix}ducklake_data_file f ON f.data_file_id = d.file_id \
                 WHERE d.begin_snapshot <= {snapshot} AND {}",
                in_force("f", snapshot)
            ),
            &[],
        )
        .await?;
        counts.insert(table, rows.first().map_or(0, |row| row.0));
    }
    Ok(counts)
}

/// File → positions of its rows that are deleted in the catalog itself, ascending.
pub(super) async fn deletes_of(tx: &mut Transaction, snapshot: i64, table: i64) -> Result<HashMap<i64, Arc<[u64]>>> {
    if !tables_with_deletes(tx).await?.contains(&table) {
        return Ok(HashMap::new());
    }
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64, i64)> = fetch(
        tx,
        format!(
            "SELECT file_id, row_id FROM {prefix}ducklake_inlined_delete_{table} \
             WHERE begin_snapshot <= {snapshot} ORDER BY file_id, row_id"
        ),
        &[],
    )
    .await?;
    let mut positions: HashMap<i64, Vec<u64>> = HashMap::new();
    for (file, position) in rows {
        let position = u64::try_from(position)
            .map_err(|_| Error::Damaged(format!("the catalog deletes row {position} of file {file}")))?;
        positions.entry(file).or_default().push(position);
    }
    Ok(positions
        .into_iter()
        .map(|(file, positions)| (file, positions.into()))
        .collect())
}

/// How many deletions of these files were inlined after a snapshot.
pub(crate) async fn deletes_since(tx: &mut Transaction, table: i64, files: &str, snapshot: i64) -> Result<i64> {
    if !tables_with_deletes(tx).await?.contains(&table) {
        return Ok(0);
    }
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64,)> = fetch(
        tx,
        format!(
            "SELECT count(*) FROM {prefix}ducklake_inlined_delete_{table} \
             WHERE file_id IN ({files}) AND begin_snapshot > {snapshot}"
        ),
        &[],
    )
    .await?;
    Ok(rows.first().map_or(0, |row| row.0))
}

/// The inlined rows of a table at a snapshot, in the form that the table has now; `None` when there is none.
pub(super) async fn rows_of(
    tx: &mut Transaction,
    snapshot: i64,
    table: i64,
    now: &[Column],
) -> Result<Option<RecordBatch>> {
    let schema = Arc::new(Schema::new(now.iter().map(field_of).collect::<Vec<_>>()));
    let mut batches = Vec::new();
    for inlined in tables_of(tx, table).await? {
        let (count,) = count_of(tx, &inlined, snapshot).await?;
        if count == 0 {
            continue;
        }
        let then = columns_then(tx, &inlined, table).await?;
        let texts = read_texts(tx, &inlined, &then, snapshot).await?;
        let rows = texts.first().map_or(0, Vec::len);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(now.len());
        for column in now {
            arrays.push(match then.iter().position(|old| old.id == column.id) {
                Some(index) => array_from_texts(column, &texts[index])?,
                None => array_before_column(column, rows)?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        batches.push(RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?);
    }
    if batches.is_empty() {
        return Ok(None);
    }
    Ok(Some(datafusion::arrow::compute::concat_batches(&schema, &batches)?))
}

/// The columns that the table had when rows were inlined into this table.
async fn columns_then(tx: &mut Transaction, inlined: &InlinedTable, table: i64) -> Result<Vec<Column>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let version = inlined.schema_version;
    let snapshots: Vec<(Option<i64>,)> = fetch(
        tx,
        format!(
            "SELECT coalesce((SELECT min(begin_snapshot) FROM {prefix}ducklake_schema_versions \
             WHERE schema_version = {version} AND table_id = {table}), \
             (SELECT min(snapshot_id) FROM {prefix}ducklake_snapshot WHERE schema_version = {version}))"
        ),
        &[],
    )
    .await?;
    let Some((Some(snapshot),)) = snapshots.first() else {
        return Err(Error::Damaged(format!(
            "the catalog does not say when schema version {version} began"
        )));
    };
    columns::load_of(tx, *snapshot, table).await
}

/// The texts of each column's values.
async fn read_texts(
    tx: &mut Transaction,
    inlined: &InlinedTable,
    columns: &[Column],
    snapshot: i64,
) -> Result<Vec<Vec<Option<String>>>> {
    let dialect = Dialect::of_transaction(tx);
    let selected: Vec<String> = columns.iter().map(|column| as_text(dialect, column)).collect();
    let sql = format!(
        "SELECT {} FROM {}{} i WHERE {} ORDER BY row_id",
        selected.join(", "),
        dialect.prefix(),
        inlined.name,
        in_force("i", snapshot)
    );
    let mut texts = vec![Vec::new(); columns.len()];
    on!(tx, c => {
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(c).await? {
            for (index, values) in texts.iter_mut().enumerate() {
                values.push(row.try_get::<Option<String>, _>(index)?);
            }
        }
    });
    Ok(texts)
}

/// SQL for a column's value as text; blobs as hexadecimal digits behind [`HEX`].
fn as_text(dialect: Dialect, column: &Column) -> String {
    let name = format!("i.\"{}\"", column.name.replace('"', "\"\""));
    let is_text = matches!(column.data_type, DataType::Utf8View) && column.type_name != "uuid";
    let is_blob = matches!(column.data_type, DataType::Binary | DataType::BinaryView);
    match dialect {
        // SQLite's hex(NULL) is an empty text.
        Dialect::Sqlite if is_blob => format!("CASE WHEN {name} IS NOT NULL THEN '{HEX}' || hex({name}) END"),
        Dialect::Postgres if is_blob => format!("'{HEX}' || encode({name}, 'hex')"),
        // PostgreSQL keeps texts as bytes, because they may hold a zero.
        Dialect::Postgres if is_text => format!("convert_from({name}, 'UTF8')"),
        Dialect::Sqlite | Dialect::Postgres => format!("CAST({name} AS TEXT)"),
    }
}
