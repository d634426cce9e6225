//! The tables of a DuckLake 1.0 catalog, exactly as DuckDB makes them, and the first rows of an empty lake.

use chrono::{DateTime, Utc};
use database::{Transaction, on};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::Result;

use super::sql::{Dialect, Value, execute, insert};

/// The version of the format that we write and read.
pub(crate) const FORMAT_VERSION: &str = "1.0";

/// Name and columns of each table. `BOOLEAN`, `UUID` and `TIMESTAMPTZ` are PostgreSQL's; SQLite has numbers and text.
const TABLES: [(&str, &str); 28] = [
    (
        "ducklake_metadata",
        r#""key" VARCHAR NOT NULL, "value" VARCHAR NOT NULL, "scope" VARCHAR, scope_id BIGINT"#,
    ),
    (
        "ducklake_snapshot",
        "snapshot_id BIGINT PRIMARY KEY, snapshot_time TIMESTAMPTZ, schema_version BIGINT, next_catalog_id BIGINT, \
         next_file_id BIGINT",
    ),
    (
        "ducklake_snapshot_changes",
        "snapshot_id BIGINT PRIMARY KEY, changes_made VARCHAR, author VARCHAR, commit_message VARCHAR, \
         commit_extra_info VARCHAR",
    ),
    (
        "ducklake_schema",
        "schema_id BIGINT PRIMARY KEY, schema_uuid UUID, begin_snapshot BIGINT, end_snapshot BIGINT, \
         schema_name VARCHAR, path VARCHAR, path_is_relative BOOLEAN",
    ),
    (
        "ducklake_table",
        "table_id BIGINT, table_uuid UUID, begin_snapshot BIGINT, end_snapshot BIGINT, schema_id BIGINT, \
         table_name VARCHAR, path VARCHAR, path_is_relative BOOLEAN",
    ),
    (
        "ducklake_view",
        r#"view_id BIGINT, view_uuid UUID, begin_snapshot BIGINT, end_snapshot BIGINT, schema_id BIGINT, view_name VARCHAR, dialect VARCHAR, "sql" VARCHAR, column_aliases VARCHAR"#,
    ),
    (
        "ducklake_tag",
        r#"object_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, "key" VARCHAR, "value" VARCHAR"#,
    ),
    (
        "ducklake_column_tag",
        r#"table_id BIGINT, column_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, "key" VARCHAR, "value" VARCHAR"#,
    ),
    (
        "ducklake_data_file",
        "data_file_id BIGINT PRIMARY KEY, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, \
         file_order BIGINT, path VARCHAR, path_is_relative BOOLEAN, file_format VARCHAR, record_count BIGINT, \
         file_size_bytes BIGINT, footer_size BIGINT, row_id_start BIGINT, partition_id BIGINT, \
         encryption_key VARCHAR, mapping_id BIGINT, partial_max BIGINT",
    ),
    (
        "ducklake_file_column_stats",
        "data_file_id BIGINT, table_id BIGINT, column_id BIGINT, column_size_bytes BIGINT, value_count BIGINT, \
         null_count BIGINT, min_value VARCHAR, max_value VARCHAR, contains_nan BOOLEAN, extra_stats VARCHAR",
    ),
    (
        "ducklake_file_variant_stats",
        "data_file_id BIGINT, table_id BIGINT, column_id BIGINT, variant_path VARCHAR, shredded_type VARCHAR, \
         column_size_bytes BIGINT, value_count BIGINT, null_count BIGINT, min_value VARCHAR, max_value VARCHAR, \
         contains_nan BOOLEAN, extra_stats VARCHAR",
    ),
    (
        "ducklake_delete_file",
        "delete_file_id BIGINT PRIMARY KEY, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, \
         data_file_id BIGINT, path VARCHAR, path_is_relative BOOLEAN, format VARCHAR, delete_count BIGINT, \
         file_size_bytes BIGINT, footer_size BIGINT, encryption_key VARCHAR, partial_max BIGINT",
    ),
    (
        "ducklake_column",
        "column_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, table_id BIGINT, column_order BIGINT, \
         column_name VARCHAR, column_type VARCHAR, initial_default VARCHAR, default_value VARCHAR, \
         nulls_allowed BOOLEAN, parent_column BIGINT, default_value_type VARCHAR, default_value_dialect VARCHAR",
    ),
    (
        "ducklake_table_stats",
        "table_id BIGINT, record_count BIGINT, next_row_id BIGINT, file_size_bytes BIGINT",
    ),
    (
        "ducklake_table_column_stats",
        "table_id BIGINT, column_id BIGINT, contains_null BOOLEAN, contains_nan BOOLEAN, min_value VARCHAR, \
         max_value VARCHAR, extra_stats VARCHAR",
    ),
    (
        "ducklake_partition_info",
        "partition_id BIGINT, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT",
    ),
    (
        "ducklake_partition_column",
        r#"partition_id BIGINT, table_id BIGINT, partition_key_index BIGINT, column_id BIGINT, "transform" VARCHAR"#,
    ),
    (
        "ducklake_file_partition_value",
        "data_file_id BIGINT, table_id BIGINT, partition_key_index BIGINT, partition_value VARCHAR",
    ),
    (
        "ducklake_files_scheduled_for_deletion",
        "data_file_id BIGINT, path VARCHAR, path_is_relative BOOLEAN, schedule_start TIMESTAMPTZ",
    ),
    (
        "ducklake_inlined_data_tables",
        "table_id BIGINT, table_name VARCHAR, schema_version BIGINT",
    ),
    (
        "ducklake_column_mapping",
        r#"mapping_id BIGINT, table_id BIGINT, "type" VARCHAR"#,
    ),
    (
        "ducklake_name_mapping",
        "mapping_id BIGINT, column_id BIGINT, source_name VARCHAR, target_field_id BIGINT, parent_column BIGINT, \
         is_partition BOOLEAN",
    ),
    (
        "ducklake_schema_versions",
        "begin_snapshot BIGINT, schema_version BIGINT, table_id BIGINT",
    ),
    (
        "ducklake_macro",
        "schema_id BIGINT, macro_id BIGINT, macro_name VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT",
    ),
    (
        "ducklake_macro_impl",
        r#"macro_id BIGINT, impl_id BIGINT, dialect VARCHAR, "sql" VARCHAR, "type" VARCHAR"#,
    ),
    (
        "ducklake_macro_parameters",
        "macro_id BIGINT, impl_id BIGINT, column_id BIGINT, parameter_name VARCHAR, parameter_type VARCHAR, \
         default_value VARCHAR, default_value_type VARCHAR",
    ),
    (
        "ducklake_sort_info",
        "sort_id BIGINT, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT",
    ),
    (
        "ducklake_sort_expression",
        r#"sort_id BIGINT, table_id BIGINT, sort_key_index BIGINT, "expression" VARCHAR, dialect VARCHAR, sort_direction VARCHAR, null_order VARCHAR"#,
    ),
];

/// Indexes of our own: other readers do not mind them, and lists of files stay cheap when tables have many.
const INDEXES: [(&str, &str, &str); 7] = [
    (
        "groma_data_file_current",
        "ducklake_data_file",
        "table_id) WHERE (end_snapshot IS NULL",
    ),
    ("groma_data_file_table", "ducklake_data_file", "table_id"),
    ("groma_delete_file_table", "ducklake_delete_file", "table_id"),
    (
        "groma_file_column_stats_table",
        "ducklake_file_column_stats",
        "table_id",
    ),
    (
        "groma_file_column_stats_file",
        "ducklake_file_column_stats",
        "data_file_id",
    ),
    ("groma_column_table", "ducklake_column", "table_id"),
    ("groma_table_stats_table", "ducklake_table_stats", "table_id"),
];

/// Whether the database holds a lake already.
pub(crate) async fn exist(tx: &mut Transaction) -> Result<bool> {
    let sql = if tx.is_sqlite() {
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'ducklake_metadata'"
    } else {
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'ducklake' AND table_name = 'ducklake_metadata'"
    };
    let (count,): (i64,) = on!(tx, c => sqlx::query_as(sql).fetch_one(c).await?);
    Ok(count > 0)
}

/// Makes the tables and an empty lake: DuckDB's `main`, which snapshot 0 always has, and our `public`.
pub(crate) async fn create(tx: &mut Transaction, data_path: &str, now: DateTime<Utc>) -> Result<()> {
    let dialect = Dialect::of_transaction(tx);
    let prefix = dialect.prefix();
    if dialect == Dialect::Postgres {
        run(tx, "CREATE SCHEMA IF NOT EXISTS ducklake".to_owned()).await?;
    }
    for (table, columns) in TABLES {
        let columns = match dialect {
            Dialect::Postgres => columns.to_owned(),
            Dialect::Sqlite => columns
                .replace("BOOLEAN", "BIGINT")
                .replace("UUID", "VARCHAR")
                .replace("TIMESTAMPTZ", "VARCHAR"),
        };
        run(tx, format!("CREATE TABLE {prefix}{table}({columns})")).await?;
    }
    create_indexes(tx, dialect).await?;
    let metadata = [
        ("version", FORMAT_VERSION),
        ("created_by", concat!("Groma ", env!("CARGO_PKG_VERSION"))),
        ("data_path", data_path),
        ("encrypted", "false"),
    ];
    insert(
        tx,
        &format!("{prefix}ducklake_metadata"),
        &["key", "value"],
        metadata
            .iter()
            .map(|(key, value)| vec![Value::from(*key), Value::from(*value)])
            .collect(),
    )
    .await?;
    insert(
        tx,
        &format!("{prefix}ducklake_snapshot"),
        &[
            "snapshot_id",
            "snapshot_time",
            "schema_version",
            "next_catalog_id",
            "next_file_id",
        ],
        vec![
            vec![0.into(), Value::Time(now), 0.into(), 1.into(), 0.into()],
            vec![1.into(), Value::Time(now), 1.into(), 2.into(), 0.into()],
        ],
    )
    .await?;
    insert(
        tx,
        &format!("{prefix}ducklake_snapshot_changes"),
        &["snapshot_id", "changes_made"],
        vec![
            vec![0.into(), r#"created_schema:"main""#.into()],
            vec![1.into(), r#"created_schema:"public""#.into()],
        ],
    )
    .await?;
    insert(
        tx,
        &format!("{prefix}ducklake_schema"),
        &[
            "schema_id",
            "schema_uuid",
            "begin_snapshot",
            "schema_name",
            "path",
            "path_is_relative",
        ],
        vec![
            vec![
                0.into(),
                Value::Uuid(Uuid::now_v7()),
                0.into(),
                "main".into(),
                "main/".into(),
                true.into(),
            ],
            vec![
                1.into(),
                Value::Uuid(Uuid::now_v7()),
                1.into(),
                "public".into(),
                "public/".into(),
                true.into(),
            ],
        ],
    )
    .await
}

/// Adds our indexes to a lake that somebody else may have made.
pub(crate) async fn create_indexes(tx: &mut Transaction, dialect: Dialect) -> Result<()> {
    let prefix = dialect.prefix();
    for (index, table, column) in INDEXES {
        run(
            tx,
            format!("CREATE INDEX IF NOT EXISTS {index} ON {prefix}{table}({column})"),
        )
        .await?;
    }
    Ok(())
}

async fn run(tx: &mut Transaction, sql: String) -> Result<()> {
    on!(tx, c => { sqlx::raw_sql(AssertSqlSafe(sql)).execute(c).await?; });
    Ok(())
}

/// Lets one server at a time make or change the catalog; released at the end of the transaction.
pub(crate) async fn lock(tx: &mut Transaction) -> Result<()> {
    // SQLite's write transaction is this lock already.
    if !tx.is_sqlite() {
        execute(tx, "SELECT pg_advisory_xact_lock(7235710214)".to_owned(), Vec::new()).await?;
    }
    Ok(())
}
