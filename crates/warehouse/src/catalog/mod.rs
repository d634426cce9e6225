//! The catalog of the lake, after the DuckLake 1.0 specification: which tables there are and what they consist of.
//!
//! Everything is read at a snapshot, and what belongs to a snapshot never changes, so that it may be kept. Another
//! program (DuckDB) may write to the same catalog at any time: nothing is assumed but the newest snapshot's number.

mod changes;
mod columns;
mod contents;
mod deletes;
mod geometry;
mod history;
pub(crate) mod inlined;
mod lake;
mod literal;
pub(crate) mod sql;
mod tables;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use database::{Database, Transaction};
use moka::sync::Cache;
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::storage::Storage;
use crate::table::DataFile;

pub(crate) use changes::{ChangeMade, to_text as changes_to_text};
pub(crate) use contents::{Contents, NameMapping};
pub(crate) use deletes::SNAPSHOT_COLUMN;
pub(crate) use geometry::GeometryStatistics;
pub(crate) use lake::{
    ATTRIBUTION_TAG, COMMENT_TAG, CRS_TAG, Lake, LakeTable, LakeView, SOURCE_CRS_TAG, crs_or_default, of_column,
};
pub(crate) use literal::{array_before_column, array_from_texts};

pub(crate) use tables::lock;

use history::History;
use sql::{Dialect, Value, execute, fetch};

/// Snapshots whose lake is kept in memory.
const LAKES_KEPT: u64 = 32;
/// Tables, at one version each, whose files are kept in memory.
const CONTENTS_KEPT: u64 = 512;
/// Deleted positions kept in memory, over all files.
const DELETED_POSITIONS_KEPT: u64 = 4_000_000;

/// The catalog. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Catalog(Arc<Inner>);

struct Inner {
    database: Database,
    storage: Storage,
    history: Mutex<Arc<History>>,
    lakes: Cache<i64, Arc<Lake>>,
    contents: Cache<(i64, i64), Arc<Contents>>,
    /// File, its version of deletions (the table's version) → positions.
    deleted: Cache<(i64, i64), Arc<[u64]>>,
    /// Our own commits queue here, so that they do not fight for the database's lock.
    committing: tokio::sync::Mutex<()>,
}

impl Catalog {
    /// Opens the catalog in `database`, made when missing, whose data files stand in `storage`.
    pub(crate) async fn open(database: Database, storage: Storage) -> Result<Self> {
        let mut tx = database.begin().await?;
        tables::lock(&mut tx).await?;
        if tables::exist(&mut tx).await? {
            adopt(&mut tx, storage.data_path()).await?;
        } else {
            tables::create(&mut tx, storage.data_path(), database::now()).await?;
        }
        tx.commit().await?;
        Ok(Catalog(Arc::new(Inner {
            database,
            storage,
            history: Mutex::new(Arc::new(History::starting())),
            lakes: Cache::new(LAKES_KEPT),
            contents: Cache::new(CONTENTS_KEPT),
            deleted: Cache::builder()
                .max_capacity(DELETED_POSITIONS_KEPT)
                .weigher(|_, positions: &Arc<[u64]>| u32::try_from(positions.len() + 1).unwrap_or(u32::MAX))
                .build(),
            committing: tokio::sync::Mutex::new(()),
        })))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.0.storage
    }

    pub(crate) fn dialect(&self) -> Dialect {
        Dialect::of(&self.0.database)
    }

    /// Waits until no other commit of this process is under way.
    pub(crate) async fn commit_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.committing.lock().await
    }

    /// The newest snapshot. One look at an index.
    pub(crate) async fn current(&self) -> Result<i64> {
        let prefix = self.dialect().prefix();
        let sql = format!("SELECT max(snapshot_id) FROM {prefix}ducklake_snapshot");
        let (newest,): (Option<i64>,) =
            database::on!(self.0.database, c => sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(c).await?);
        newest.ok_or_else(|| Error::Damaged("the catalog has no snapshot".to_owned()))
    }

    /// The snapshot that was the newest at a moment.
    pub(crate) async fn snapshot_at(&self, time: DateTime<Utc>) -> Result<i64> {
        let prefix = self.dialect().prefix();
        let mut tx = self.0.database.begin_read().await?;
        let rows: Vec<(i64, Option<String>)> = fetch(
            &mut tx,
            format!("SELECT snapshot_id, CAST(snapshot_time AS TEXT) FROM {prefix}ducklake_snapshot ORDER BY snapshot_id DESC"),
            &[],
        )
        .await?;
        tx.commit().await?;
        rows.into_iter()
            .find(|(_, text)| {
                text.as_deref()
                    .and_then(sql::parse_time)
                    .is_some_and(|then| then <= time)
            })
            .map(|(snapshot, _)| snapshot)
            .ok_or_else(|| Error::NoSuchSnapshot(format!("there is no snapshot as old as {}", time.to_rfc3339())))
    }

    /// Schemas, tables and views at a snapshot.
    pub(crate) async fn lake(&self, snapshot: i64) -> Result<Arc<Lake>> {
        if let Some(lake) = self.0.lakes.get(&snapshot) {
            return Ok(lake);
        }
        let mut tx = self.0.database.begin_read().await?;
        let history = self.history(&mut tx, snapshot).await?;
        let lake = Arc::new(lake::load(&mut tx, snapshot, self.0.storage.data_path(), &history).await?);
        tx.commit().await?;
        self.0.lakes.insert(snapshot, lake.clone());
        Ok(lake)
    }

    async fn history(&self, tx: &mut Transaction, snapshot: i64) -> Result<Arc<History>> {
        let known = self.0.history.lock().clone();
        if known.reaches(snapshot) {
            return Ok(known);
        }
        let mut history = History::clone(&known);
        history.read_on(tx).await?;
        let history = Arc::new(history);
        let mut kept = self.0.history.lock();
        if !kept.reaches(snapshot) {
            *kept = history.clone();
        }
        Ok(history)
    }

    /// Files, deletions and inlined rows of a table at a snapshot.
    pub(crate) async fn contents(&self, snapshot: i64, table: &LakeTable) -> Result<Arc<Contents>> {
        let key = (table.id, table.version);
        if let Some(contents) = self.0.contents.get(&key) {
            return Ok(contents);
        }
        let mut tx = self.0.database.begin_read().await?;
        let contents = contents::load(&mut tx, snapshot, table, self.0.storage.data_path()).await?;
        tx.commit().await?;
        let contents = Arc::new(contents);
        self.0.contents.insert(key, contents.clone());
        Ok(contents)
    }

    /// The positions of the deleted rows of a file, ascending.
    pub(crate) async fn deleted_positions(
        &self,
        snapshot: i64,
        table: &LakeTable,
        file: &DataFile,
    ) -> Result<Arc<[u64]>> {
        if file.deletes.is_empty() && !file.has_inlined_deletes {
            return Ok(Arc::from([]));
        }
        let key = (file.id, table.version);
        if let Some(positions) = self.0.deleted.get(&key) {
            return Ok(positions);
        }
        let contents = self.contents(snapshot, table).await?;
        let positions: Arc<[u64]> = deletes::positions(&self.0.storage, &contents, file, snapshot)
            .await?
            .into();
        self.0.deleted.insert(key, positions.clone());
        Ok(positions)
    }
}

/// Checks that a lake that is there is one that we can read and write, and tells it where its files are now.
async fn adopt(tx: &mut Transaction, data_path: &str) -> Result<()> {
    let dialect = Dialect::of_transaction(tx);
    let prefix = dialect.prefix();
    let rows: Vec<(String, String)> = fetch(
        tx,
        format!("SELECT \"key\", \"value\" FROM {prefix}ducklake_metadata WHERE scope IS NULL"),
        &[],
    )
    .await?;
    let value = |wanted: &str| {
        rows.iter()
            .find(|(key, _)| key == wanted)
            .map(|(_, value)| value.as_str())
    };
    match value("version") {
        Some(tables::FORMAT_VERSION) => {}
        other => {
            return Err(Error::Damaged(format!(
                "the catalog is of DuckLake version {}, we read and write {}",
                other.unwrap_or("unknown"),
                tables::FORMAT_VERSION
            )));
        }
    }
    if value("encrypted") == Some("true") {
        return Err(Error::NotImplemented("encrypted lakes".to_owned()));
    }
    if value("data_path") != Some(data_path) {
        tracing::info!(data_path, "the catalog now says that its files stand here");
        execute(
            tx,
            format!(
                "UPDATE {prefix}ducklake_metadata SET \"value\" = $1 WHERE \"key\" = 'data_path' AND scope IS NULL"
            ),
            vec![Value::from(data_path)],
        )
        .await?;
    }
    tables::create_indexes(tx, dialect).await
}
