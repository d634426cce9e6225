//! The demo tables, embedded in the program and loaded by the same way as everybody's files.

use std::collections::HashMap;

use access::Actor;
use database::{Database, on};
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use warehouse::{Limits, Sql, TableName, Warehouse};

use crate::error::{Error, Result};
use crate::import::import;
use crate::options::ImportOptions;

/// The schema of the demo tables.
pub const SCHEMA: &str = "demo";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../assets/baked/tables"]
#[allow_missing = true]
struct Files;

/// A demo table as it was baked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DemoTable {
    /// Without the schema.
    pub name: String,
    pub file: String,
    pub rows: u64,
    pub bytes: u64,
    /// SHA-256 of the file.
    pub content: String,
    pub description: String,
    pub attribution: String,
    pub licence: String,
}

/// What became of a demo table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    /// `demo.cities`
    pub table: String,
    pub rows: u64,
    /// False: it was there already, with the same content.
    pub is_new: bool,
}

/// The demo tables inside this program, in the order of their names; none when it was built without them.
pub fn tables() -> Result<Vec<DemoTable>> {
    let Some(list) = Files::get("tables.json") else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&list.data).map_err(|e| Error::Internal(format!("the list of demo tables: {e}")))
}

/// Loads the demo tables that are not there yet, or not in this version. `told` hears of each one as it is done.
pub async fn load(warehouse: &Warehouse, actor: &Actor, told: impl Fn(&Loaded)) -> Result<Vec<Loaded>> {
    let tables = tables()?;
    if tables.is_empty() {
        return Err(Error::Internal(
            "this program was built without demo tables; build it with 'make build'".to_owned(),
        ));
    }
    let schemas = warehouse.schemas().await?;
    if !schemas.iter().any(|schema| schema == SCHEMA) {
        let create = Sql::new(format!("CREATE SCHEMA {SCHEMA}"));
        warehouse.execute(actor, &create, &Limits::default()).await?;
    }
    let loaded_before = loaded_contents(warehouse.database()).await?;
    let mut all = Vec::new();
    for demo in tables {
        let name = TableName::new(SCHEMA, &demo.name);
        let is_there = warehouse.table(&name).await.is_ok();
        let is_new = !is_there || loaded_before.get(&demo.name) != Some(&demo.content);
        if is_new {
            load_one(warehouse, actor, &demo, &name).await?;
            remember(warehouse.database(), &demo).await?;
        }
        let loaded = Loaded {
            table: name.to_string(),
            rows: demo.rows,
            is_new,
        };
        told(&loaded);
        all.push(loaded);
    }
    Ok(all)
}

async fn load_one(warehouse: &Warehouse, actor: &Actor, demo: &DemoTable, name: &TableName) -> Result<()> {
    let file =
        Files::get(&demo.file).ok_or_else(|| Error::Internal(format!("the demo table {} is missing", demo.file)))?;
    let folder = tempfile::tempdir().map_err(|e| Error::Internal(e.to_string()))?;
    let path = folder.path().join(&demo.file);
    tokio::fs::write(&path, &file.data)
        .await
        .map_err(|e| Error::unreadable(&path, e))?;
    let options = ImportOptions {
        overwrite: true,
        description: Some(demo.description.clone()),
        attribution: Some(format!("{} ({})", demo.attribution, demo.licence)),
        ..ImportOptions::default()
    };
    let report = import(warehouse, actor, &path, name, &options, None, &CancellationToken::new()).await?;
    match report.refused.first() {
        Some(refused) => Err(Error::Internal(format!(
            "{name}: row {}: {}",
            refused.row, refused.reason
        ))),
        None => Ok(()),
    }
}

/// The content of each demo table when it was loaded.
async fn loaded_contents(database: &Database) -> Result<HashMap<String, String>> {
    let rows: Vec<(String, String)> =
        on!(database, c => sqlx::query_as("SELECT name, content FROM demo_table").fetch_all(c).await)
            .map_err(metadata)?;
    Ok(rows.into_iter().collect())
}

async fn remember(database: &Database, demo: &DemoTable) -> Result<()> {
    let mut tx = database.begin().await.map_err(metadata)?;
    on!(tx, c => sqlx::query(
        "INSERT INTO demo_table (name, content) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET content = excluded.content"
    )
    .bind(&demo.name)
    .bind(&demo.content)
    .execute(c)
    .await
    .map(|_| ()))
    .map_err(metadata)?;
    tx.commit().await.map_err(metadata)
}

fn metadata(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("metadata store: {error}"))
}
