//! Maintenance as jobs: a compaction per table, asked for by inserts, and an hourly round over everything.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use jobs::{Failure, Handler, NewJob, Running};
use serde_json::{Value, json};

use crate::catalog::LakeTable;
use crate::error::{Error, Result};
use crate::{Warehouse, WriteProgress};

use super::{CompactReport, Effort};

/// The job that compacts one table.
pub(crate) const COMPACT_JOB: &str = "warehouse.compact";
/// The job that looks after everything.
const MAINTAIN_JOB: &str = "warehouse.maintain";
/// Kind and cron expression (UTC) of the round that looks after everything; its payload is an empty object.
pub const MAINTENANCE_SCHEDULE: (&str, &str) = (MAINTAIN_JOB, "17 * * * *");

/// A table that nobody wrote to for so long is brought into its best form.
const QUIET: TimeDelta = TimeDelta::minutes(10);

/// Asks for a light compaction of a table; once, however often it is asked for before it runs.
pub(crate) fn compact_job(table_id: i64) -> NewJob {
    NewJob {
        dedupe_key: Some(format!("table {table_id}")),
        ..NewJob::new(COMPACT_JOB, json!({ "table": table_id, "full": false }))
    }
}

fn full_compact_job(table_id: i64) -> NewJob {
    NewJob {
        dedupe_key: Some(format!("table {table_id}, full")),
        ..NewJob::new(COMPACT_JOB, json!({ "table": table_id, "full": true }))
    }
}

impl Warehouse {
    /// The kinds of jobs that the warehouse does, and what does them.
    #[must_use]
    pub fn job_handlers(&self) -> Vec<(&'static str, Arc<dyn Handler>)> {
        vec![
            (COMPACT_JOB, Arc::new(Compacting(self.clone())) as Arc<dyn Handler>),
            (MAINTAIN_JOB, Arc::new(Maintaining(self.clone()))),
        ]
    }

    /// Looks after everything as the hourly job does: removes what crashed writers left, forgets old snapshots, and asks
    /// for compactions. Says what it did.
    pub fn maintain<'a>(&'a self, now: DateTime<Utc>) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let swept = self.pending().sweep(now).await?;
            let expired = self.expire(now).await?;
            let lake = self.catalog().lake(self.catalog().current().await?).await?;
            let wanting: Vec<i64> = lake
                .tables
                .iter()
                .filter(|table| wants_compaction(table, now))
                .map(|table| table.id)
                .collect();
            for table in &wanting {
                let mut tx = self.database().begin().await?;
                jobs::enqueue(&mut tx, full_compact_job(*table))
                    .await
                    .map_err(|error| Error::Database(error.to_string()))?;
                tx.commit().await?;
            }
            Ok(json!({ "files_swept": swept, "expired": expired, "compactions": wanting.len() }))
        })
    }
}

/// Whether a table that is quiet is not in its best form.
fn wants_compaction(table: &LakeTable, now: DateTime<Utc>) -> bool {
    let is_quiet = table.modified_at.is_none_or(|then| then + QUIET < now);
    let best = table.rows.div_ceil(crate::writer::FILE_ROWS).max(1);
    let has_geometry = table.geometry_column().is_some();
    let is_best = table.files <= best && table.inlined_rows == 0 && (!has_geometry || table.keys.lod_is_global);
    is_quiet && table.rows > 0 && !is_best
}

struct Compacting(Warehouse);

impl Handler for Compacting {
    fn run<'a>(&'a self, job: &'a Running) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let table = job
                .payload
                .get("table")
                .and_then(Value::as_i64)
                .ok_or_else(|| Failure::Final("the job names no table".to_owned()))?;
            let effort = match job.payload.get("full").and_then(Value::as_bool) {
                Some(true) => Effort::Full,
                Some(false) | None => Effort::Light,
            };
            let report = self.compact_until_done(table, effort, job).await.map_err(failure)?;
            serde_json::to_value(report).map_err(|error| Failure::Final(error.to_string()))
        })
    }
}

impl Compacting {
    /// Inserts that came while the first round ran asked for this very job: it looks again before it ends.
    async fn compact_until_done(&self, table: i64, effort: Effort, job: &Running) -> Result<CompactReport> {
        let (told, mut tell) = tokio::sync::watch::channel(0);
        let progress: WriteProgress = Arc::new(move |rows| {
            told.send_replace(rows);
        });
        let compacting = async {
            let first = self
                .0
                .compact(table, effort, &job.cancelled(), Some(progress.clone()))
                .await?;
            let second = self.0.compact(table, effort, &job.cancelled(), Some(progress)).await?;
            Ok(CompactReport {
                rows: first.rows + second.rows,
                files_after: second.files_after,
                ..first
            })
        };
        let mut compacting = std::pin::pin!(compacting);
        loop {
            tokio::select! {
                outcome = &mut compacting => return outcome,
                Ok(()) = tell.changed() => {
                    let rows = *tell.borrow_and_update();
                    job.progress(rows, None, "rows").await;
                }
            }
        }
    }
}

struct Maintaining(Warehouse);

impl Handler for Maintaining {
    fn run<'a>(&'a self, _: &'a Running) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move { self.0.maintain(database::now()).await.map_err(failure) })
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Cancelled => Failure::Cancelled,
        Error::Conflict(_) | Error::Busy | Error::Database(_) | Error::Storage(_) | Error::OutOfMemory(_) => {
            Failure::Retry(error.to_string())
        }
        other => Failure::Final(other.to_string()),
    }
}
