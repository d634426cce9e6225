//! Both stores have the same tables, columns and indexes.

use database::{Database, on};
use testing::TestDatabase;

/// One column: table, name, whether it may be null, and what it holds.
type Column = (String, String, bool, &'static str);

async fn sqlite_columns(db: &Database) -> Vec<Column> {
    let rows: Vec<(String, String, bool, String)> = on!(db, c => sqlx::query_as(
        "SELECT t.name, c.name, c.\"notnull\" = 0, c.type FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_sqlx_%' ORDER BY t.name, c.name")
        .fetch_all(c).await.unwrap());
    rows.into_iter()
        .map(|(table, name, null, kind)| (table, name, null, sqlite_family(&kind)))
        .collect()
}

async fn postgres_columns(db: &Database) -> Vec<Column> {
    let rows: Vec<(String, String, bool, String)> = on!(db, c => sqlx::query_as(
        "SELECT table_name::text, column_name::text, is_nullable = 'YES', data_type::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx\\_%' ORDER BY table_name COLLATE \"C\", column_name COLLATE \"C\"")
        .fetch_all(c).await.unwrap());
    rows.into_iter()
        .map(|(table, name, null, kind)| (table, name, null, postgres_family(&kind)))
        .collect()
}

fn sqlite_family(kind: &str) -> &'static str {
    match kind {
        "BLOB" => "bytes",
        "TEXT" => "text",
        "INTEGER" => "whole number",
        "REAL" => "number",
        other => panic!("{other}: STRICT tables take BLOB, TEXT, INTEGER and REAL"),
    }
}

fn postgres_family(kind: &str) -> &'static str {
    match kind {
        "uuid" | "bytea" => "bytes",
        "text" | "jsonb" | "timestamp with time zone" | "date" => "text",
        "bigint" | "integer" | "boolean" => "whole number",
        "double precision" => "number",
        other => panic!("{other}: which SQLite type holds it?"),
    }
}

#[tokio::test]
async fn both_stores_have_the_same_columns() {
    let (sqlite, postgres) = (TestDatabase::sqlite().await, TestDatabase::postgres().await);
    let (ours, theirs) = (
        sqlite_columns(sqlite.database()).await,
        postgres_columns(postgres.database()).await,
    );
    assert!(ours.len() > 20);
    for column in &ours {
        assert!(theirs.contains(column), "{column:?} is on SQLite alone");
    }
    for column in &theirs {
        assert!(ours.contains(column), "{column:?} is on PostgreSQL alone");
    }
    postgres.remove().await;
}

#[tokio::test]
async fn both_stores_have_the_same_indexes() {
    let (sqlite, postgres) = (TestDatabase::sqlite().await, TestDatabase::postgres().await);
    let ours: Vec<(String, String)> = on!(sqlite.database(), c => sqlx::query_as(
        "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY tbl_name, name")
        .fetch_all(c).await.unwrap());
    let theirs: Vec<(String, String)> = on!(postgres.database(), c => sqlx::query_as(
        "SELECT tablename::text, indexname::text FROM pg_indexes i WHERE schemaname = 'public'
         AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conname = i.indexname)
         ORDER BY tablename COLLATE \"C\", indexname COLLATE \"C\"")
        .fetch_all(c).await.unwrap());
    assert_eq!(ours, theirs);
    postgres.remove().await;
}
