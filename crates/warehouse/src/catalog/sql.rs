//! Speaking SQL to the catalog's tables: the same text on SQLite and PostgreSQL, values bound by their kind.
//!
//! The `ducklake_*` tables have DuckDB's own types: what is boolean, uuid and timestamptz on PostgreSQL is a number or
//! text on SQLite, so that a value's kind, not its column, says how it is bound.

use chrono::{DateTime, Utc};
use database::{Database, Store, Transaction};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Most values that one statement may bind, below SQLite's 32,766 and PostgreSQL's 65,535.
const MAX_VALUES: usize = 30_000;

/// Where the catalog's tables stand: in SQLite's one file by name, in PostgreSQL in the schema `ducklake`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    pub(crate) fn of(database: &Database) -> Self {
        if database.is_sqlite() {
            Dialect::Sqlite
        } else {
            Dialect::Postgres
        }
    }

    pub(crate) fn of_transaction(tx: &Transaction) -> Self {
        if tx.is_sqlite() {
            Dialect::Sqlite
        } else {
            Dialect::Postgres
        }
    }

    /// What stands before a table's name, `ducklake_snapshot` for example.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => "ducklake.",
        }
    }
}

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bool(Option<bool>),
    /// A uuid column of the catalog: text on SQLite.
    Uuid(Uuid),
    /// A timestamp column of the catalog: text in DuckDB's form on SQLite.
    Time(DateTime<Utc>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Value::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(Some(truth))
    }
}

/// A moment as DuckDB writes it into SQLite.
pub(crate) fn time_text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()
}

/// A moment as either store casts it to text: `2026-11-22 19:35:31.23195+00`.
pub(crate) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z")
        .ok()
        .map(|time| time.to_utc())
}

/// Runs a statement and says how many rows it touched.
pub(crate) async fn execute(tx: &mut Transaction, sql: String, values: Vec<Value>) -> Result<u64> {
    let touched = match tx.store() {
        Store::Sqlite(connection) => {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in values {
                query = match value {
                    Value::Int(number) => query.bind(number),
                    Value::Text(text) => query.bind(text),
                    Value::Bool(truth) => query.bind(truth.map(i64::from)),
                    Value::Uuid(uuid) => query.bind(uuid.to_string()),
                    Value::Time(time) => query.bind(time_text(time)),
                };
            }
            query.execute(connection).await.map(|done| done.rows_affected())
        }
        Store::Postgres(connection) => {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in values {
                query = match value {
                    Value::Int(number) => query.bind(number),
                    Value::Text(text) => query.bind(text),
                    Value::Bool(truth) => query.bind(truth),
                    Value::Uuid(uuid) => query.bind(uuid),
                    Value::Time(time) => query.bind(time),
                };
            }
            query.execute(connection).await.map(|done| done.rows_affected())
        }
    };
    touched.map_err(|error| Error::from(database::Error::from(error)))
}

/// Rows of a query; values stand in its text as numbers or are bound as texts.
pub(crate) async fn fetch<Row>(tx: &mut Transaction, sql: String, texts: &[&str]) -> Result<Vec<Row>>
where
    Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let rows = match tx.store() {
        Store::Sqlite(connection) => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for text in texts {
                query = query.bind((*text).to_owned());
            }
            query.fetch_all(connection).await
        }
        Store::Postgres(connection) => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for text in texts {
                query = query.bind((*text).to_owned());
            }
            query.fetch_all(connection).await
        }
    };
    rows.map_err(|error| Error::from(database::Error::from(error)))
}

/// Inserts rows, in as few statements as the store allows.
pub(crate) async fn insert(tx: &mut Transaction, table: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Result<()> {
    let rows_per_statement = MAX_VALUES / columns.len();
    let quoted: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut values = Vec::new();
        let mut tuples = Vec::new();
        for row in rows.by_ref().take(rows_per_statement) {
            let marks: Vec<String> = (1..=row.len())
                .map(|index| format!("${}", values.len() + index))
                .collect();
            tuples.push(format!("({})", marks.join(",")));
            values.extend(row);
        }
        let sql = format!("INSERT INTO {table} ({}) VALUES {}", quoted.join(","), tuples.join(","));
        execute(tx, sql, values).await?;
    }
    Ok(())
}

/// The condition that a row is in force at a snapshot.
pub(crate) fn in_force(alias: &str, snapshot: i64) -> String {
    format!(
        "{alias}.begin_snapshot <= {snapshot} AND ({alias}.end_snapshot IS NULL OR {alias}.end_snapshot > {snapshot})"
    )
}

/// Numbers as a list for `IN (…)`.
pub(crate) fn list(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_either_store_writes_them() {
        let time = parse_time("2026-11-22 19:35:31.23195+00").unwrap();
        assert_eq!(time_text(time), "2026-11-22 19:35:31.231950+00");
        assert_eq!(
            parse_time("2026-11-22 19:35:31+00").unwrap().timestamp(),
            time.timestamp()
        );
        assert_eq!(parse_time("2026-11-22 20:35:31.23195+01").unwrap(), time);
    }
}
