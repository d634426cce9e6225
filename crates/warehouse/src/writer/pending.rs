//! Files that stand in no snapshot yet: each is written down before it is made, so that what a crash leaves behind is
//! known and can be removed.
//!
//! On PostgreSQL several servers may write: each renews its place among the writers every few seconds, and one that has
//! been silent for a while is gone. On SQLite one process at a time owns the data folder: writers of other processes are
//! gone, and nobody takes the write lock just to be seen. Whoever looks removes the pending files of those gone. A commit takes its files off the list in its own transaction; one that finds
//! them marked for removal fails.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use database::{Database, on};
use uuid::Uuid;

use crate::error::Result;
use crate::storage::Storage;

/// How often a writer says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a silent writer is thought alive.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// The same for all writers of this process.
static PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);

/// This server's list of pending files. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pending(Arc<Writer>);

struct Writer {
    database: Database,
    storage: Storage,
    id: Uuid,
    heartbeat: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.abort();
        }
    }
}

impl Pending {
    /// Joins the writers.
    pub(crate) async fn open(database: Database, storage: Storage) -> Result<Self> {
        let id = Uuid::now_v7();
        let mut tx = database.begin().await?;
        on!(tx, c => sqlx::query("INSERT INTO warehouse_writer (id, process, seen_at) VALUES ($1, $2, $3)")
            .bind(id).bind(*PROCESS).bind(database::now()).execute(c).await.map(|_| ())?);
        tx.commit().await?;
        let heartbeat = (!database.is_sqlite()).then(|| tokio::spawn(stay_seen(database.clone(), id)));
        Ok(Pending(Arc::new(Writer {
            database,
            storage,
            id,
            heartbeat,
        })))
    }

    /// Writes a file down before it is made.
    pub(crate) async fn register(&self, path: &str) -> Result<()> {
        let mut tx = self.0.database.begin().await?;
        on!(tx, c => sqlx::query("INSERT INTO warehouse_pending_file (path, writer) VALUES ($1, $2)")
            .bind(path.to_owned()).bind(self.0.id).execute(c).await.map(|_| ())?);
        Ok(tx.commit().await?)
    }

    /// Removes files that will not be committed. Files that were committed stay, whatever the caller thinks.
    pub(crate) async fn discard(&self, paths: &[String]) -> Result<()> {
        for path in paths {
            self.remove(path).await?;
        }
        Ok(())
    }

    async fn remove(&self, path: &str) -> Result<bool> {
        let mut tx = self.0.database.begin().await?;
        let marked = on!(tx, c => sqlx::query("UPDATE warehouse_pending_file SET is_being_removed = $1 WHERE path = $2")
            .bind(true).bind(path.to_owned()).execute(c).await?.rows_affected());
        tx.commit().await?;
        if marked == 0 {
            return Ok(false);
        }
        self.0.storage.remove(path).await?;
        let mut tx = self.0.database.begin().await?;
        on!(tx, c => sqlx::query("DELETE FROM warehouse_pending_file WHERE path = $1")
            .bind(path.to_owned()).execute(c).await.map(|_| ())?);
        tx.commit().await?;
        Ok(true)
    }

    /// Removes the pending files of writers that are gone at `now`, and says how many there were.
    pub(crate) async fn sweep(&self, now: DateTime<Utc>) -> Result<u64> {
        let oldest = now - LEASE;
        let is_alone = self.0.database.is_sqlite();
        let living: Vec<(Uuid, Uuid, DateTime<Utc>)> = on!(self.0.database, c =>
            sqlx::query_as("SELECT id, process, seen_at FROM warehouse_writer").fetch_all(c).await?);
        let lives = |writer: &(Uuid, Uuid, DateTime<Utc>)| {
            writer.0 == self.0.id
                || if is_alone {
                    writer.1 == *PROCESS
                } else {
                    writer.2 >= oldest
                }
        };
        let alive: Vec<Uuid> = living
            .iter()
            .filter(|writer| lives(writer))
            .map(|writer| writer.0)
            .collect();
        let pending: Vec<(String, Uuid)> = on!(self.0.database, c =>
            sqlx::query_as("SELECT path, writer FROM warehouse_pending_file").fetch_all(c).await?);
        let mut removed = 0;
        for (path, writer) in pending {
            if !alive.contains(&writer) && self.remove(&path).await? {
                removed += 1;
            }
        }
        let gone: Vec<Uuid> = living
            .iter()
            .filter(|writer| !lives(writer))
            .map(|writer| writer.0)
            .collect();
        if !gone.is_empty() {
            let mut tx = self.0.database.begin().await?;
            for id in gone {
                on!(tx, c => sqlx::query("DELETE FROM warehouse_writer WHERE id = $1")
                    .bind(id).execute(c).await.map(|_| ())?);
            }
            tx.commit().await?;
        }
        if removed > 0 {
            tracing::info!(files = removed, "removed what interrupted writers left behind");
        }
        Ok(removed)
    }
}

async fn stay_seen(database: Database, id: Uuid) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Err(error) = be_seen(&database, id).await {
            tracing::warn!(%error, "the warehouse could not renew its place among the writers");
        }
    }
}

async fn be_seen(database: &Database, id: Uuid) -> Result<()> {
    let mut tx = database.begin().await?;
    // A sweep of another server may have taken this writer for gone while the machine slept.
    on!(tx, c => sqlx::query(
        "INSERT INTO warehouse_writer (id, process, seen_at) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at")
        .bind(id).bind(*PROCESS).bind(database::now()).execute(c).await.map(|_| ())?);
    Ok(tx.commit().await?)
}

/// Files of a write that has not been committed: removed when dropped, unless a commit took them.
pub(crate) struct Uncommitted {
    pending: Pending,
    paths: Vec<String>,
}

impl Uncommitted {
    pub(crate) fn new(pending: Pending) -> Self {
        Uncommitted {
            pending,
            paths: Vec::new(),
        }
    }

    /// Writes a file down and takes responsibility for it.
    pub(crate) async fn register(&mut self, path: &str) -> Result<()> {
        self.pending.register(path).await?;
        self.paths.push(path.to_owned());
        Ok(())
    }
}

impl std::fmt::Debug for Uncommitted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Uncommitted")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

impl Drop for Uncommitted {
    fn drop(&mut self) {
        let (pending, paths) = (self.pending.clone(), std::mem::take(&mut self.paths));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if paths.is_empty() {
            return;
        }
        runtime.spawn(async move {
            if let Err(error) = pending.discard(&paths).await {
                tracing::warn!(%error, "files of an abandoned write stay until the next sweep");
            }
        });
    }
}
