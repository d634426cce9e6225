//! Leases: how workers take jobs, keep them and let go of them. Every rule takes `now`, so that tests need not wait.
//!
//! A worker that lost its lease is fenced off by its attempt number: what it writes about the job changes nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use database::{Database, Id, on};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use uuid::Uuid;

use crate::backoff;
use crate::error::Result;
use crate::{Failure, Job, Progress};

/// How long a claim holds without a heartbeat.
pub const LEASE: Duration = Duration::from_secs(30);

/// A job that a worker holds.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: Id<Job>,
    pub kind: String,
    pub payload: Value,
    /// 1 at the first attempt.
    pub attempt: i32,
    pub organisation: Option<Uuid>,
    pub created_by: Option<String>,
    pub worker: String,
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    id: Id<Job>,
    kind: String,
    payload: Json<Value>,
    attempts: i32,
    organisation_id: Option<Uuid>,
    created_by: Option<String>,
}

/// Takes the job that has waited longest among these kinds, if one is due.
pub async fn claim(db: &Database, worker: &str, kinds: &[&str], now: DateTime<Utc>) -> Result<Option<Claimed>> {
    if kinds.is_empty() {
        return Ok(None);
    }
    let kind_list = placeholders(kinds.len(), 4);
    // Without the lock two PostgreSQL workers would wait for each other over the same row. SQLite has one writer.
    let lock = if db.is_sqlite() { "" } else { "FOR UPDATE SKIP LOCKED" };
    let sql = format!(
        "UPDATE job SET state = 'running', worker = $1, lease_until = $2, attempts = attempts + 1,
                progress_done = NULL, progress_total = NULL, progress_unit = NULL
         WHERE id = (SELECT id FROM job WHERE state = 'queued' AND run_at <= $3 AND kind IN ({kind_list})
                     ORDER BY run_at, id LIMIT 1 {lock})
         RETURNING id, kind, payload, attempts, organisation_id, created_by"
    );
    let mut tx = db.begin().await?;
    let row: Option<ClaimedRow> = on!(tx, c => {
        let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(worker).bind(now + LEASE).bind(now);
        for kind in kinds {
            query = query.bind(*kind);
        }
        query.fetch_optional(c).await?
    });
    tx.commit().await?;
    Ok(row.map(|row| Claimed {
        id: row.id,
        kind: row.kind,
        payload: row.payload.0,
        attempt: row.attempts,
        organisation: row.organisation_id,
        created_by: row.created_by,
        worker: worker.to_owned(),
    }))
}

/// True when [`claim`] would find a job: a read, so that idle workers take no write lock.
pub async fn is_any_due(db: &Database, kinds: &[&str], now: DateTime<Utc>) -> Result<bool> {
    if kinds.is_empty() {
        return Ok(false);
    }
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM job WHERE state = 'queued' AND run_at <= $1 AND kind IN ({}))",
        placeholders(kinds.len(), 2)
    );
    Ok(on!(db, c => {
        let mut query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(now);
        for kind in kinds {
            query = query.bind(*kind);
        }
        query.fetch_one(c).await?
    }))
}

/// `$first, $first+1, …`
fn placeholders(count: usize, first: usize) -> String {
    (first..first + count)
        .map(|number| format!("${number}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a worker hears about a job that it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Ours,
    /// Someone asked for it to stop.
    CancelRequested,
    /// The lease ran out and the job was given away, or the job is gone.
    Lost,
}

/// Looks whether the job is still ours and wanted; a read.
pub async fn standing(db: &Database, job: &Claimed) -> Result<Standing> {
    let cancel_requested: Option<bool> = on!(db, c => sqlx::query_scalar(
        "SELECT cancel_requested FROM job WHERE id = $1 AND worker = $2 AND attempts = $3 AND state = 'running'")
        .bind(job.id).bind(&job.worker).bind(job.attempt).fetch_optional(c).await?);
    Ok(match cancel_requested {
        Some(false) => Standing::Ours,
        Some(true) => Standing::CancelRequested,
        None => Standing::Lost,
    })
}

/// Extends the lease; false when it is no longer ours.
pub async fn extend(db: &Database, job: &Claimed, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = db.begin().await?;
    let changed = on!(tx, c => sqlx::query(
        "UPDATE job SET lease_until = $1 WHERE id = $2 AND worker = $3 AND attempts = $4 AND state = 'running'")
        .bind(now + LEASE).bind(job.id).bind(&job.worker).bind(job.attempt).execute(c).await?.rows_affected());
    tx.commit().await?;
    Ok(changed == 1)
}

/// Writes how far the job is.
pub async fn write_progress(db: &Database, job: &Claimed, progress: &Progress) -> Result<()> {
    let as_signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let mut tx = db.begin().await?;
    on!(tx, c => sqlx::query(
        "UPDATE job SET progress_done = $1, progress_total = $2, progress_unit = $3
         WHERE id = $4 AND worker = $5 AND attempts = $6 AND state = 'running'")
        .bind(as_signed(progress.done)).bind(progress.total.map(as_signed)).bind(&progress.unit)
        .bind(job.id).bind(&job.worker).bind(job.attempt).execute(c).await?.rows_affected());
    Ok(tx.commit().await?)
}

/// Ends the attempt: the job has succeeded, failed, was cancelled, or waits for its next attempt. False when the lease
/// had been lost, and nothing changed.
pub async fn finish(
    db: &Database,
    job: &Claimed,
    outcome: &Result<Value, Failure>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let retry_at = now + backoff::wait_after(job.attempt, backoff::jitter());
    // A null result and a failed attempt's progress say nothing: keep what helps.
    let (state, result, error) = match outcome {
        Ok(result) => ("succeeded", Some(Json(result)), None),
        Err(Failure::Retry(reason)) => ("queued", None, Some(reason.as_str())),
        Err(Failure::Final(reason)) => ("failed", None, Some(reason.as_str())),
        Err(Failure::Cancelled) => ("cancelled", None, None),
    };
    let mut tx = db.begin().await?;
    let changed = on!(tx, c => sqlx::query(
        "UPDATE job SET
             state = CASE WHEN $1 <> 'queued' THEN $1 WHEN cancel_requested THEN 'cancelled'
                          WHEN attempts >= max_attempts THEN 'failed' ELSE 'queued' END,
             finished_at = CASE WHEN $1 <> 'queued' OR cancel_requested OR attempts >= max_attempts THEN $2 END,
             result = $3, error = $4, run_at = $5, lease_until = NULL, worker = NULL
         WHERE id = $6 AND worker = $7 AND attempts = $8 AND state = 'running'")
        .bind(state).bind(now).bind(result).bind(error).bind(retry_at)
        .bind(job.id).bind(&job.worker).bind(job.attempt).execute(c).await?.rows_affected());
    tx.commit().await?;
    Ok(changed == 1)
}

/// Gives a job back unfinished because the server stops; the attempt does not count.
pub async fn release(db: &Database, job: &Claimed) -> Result<()> {
    let mut tx = db.begin().await?;
    on!(tx, c => sqlx::query(
        "UPDATE job SET state = 'queued', attempts = attempts - 1, lease_until = NULL, worker = NULL
         WHERE id = $1 AND worker = $2 AND attempts = $3 AND state = 'running'")
        .bind(job.id).bind(&job.worker).bind(job.attempt).execute(c).await?.rows_affected());
    Ok(tx.commit().await?)
}

/// Takes jobs from workers that stopped giving signs of life, back into the queue. One that has used up its attempts
/// has failed: it may be what kills the workers. Returns how many jobs changed.
pub async fn requeue_expired(db: &Database, now: DateTime<Utc>) -> Result<u64> {
    let expired: bool = on!(db, c => sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM job WHERE state = 'running' AND lease_until < $1)")
        .bind(now).fetch_one(c).await?);
    if !expired {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let changed = on!(tx, c => sqlx::query(
        "UPDATE job SET
             state = CASE WHEN cancel_requested THEN 'cancelled' WHEN attempts >= max_attempts THEN 'failed' ELSE 'queued' END,
             finished_at = CASE WHEN cancel_requested OR attempts >= max_attempts THEN $1 END,
             error = 'the server stopped while the job was running', run_at = $1, lease_until = NULL, worker = NULL
         WHERE state = 'running' AND lease_until < $1")
        .bind(now).execute(c).await?.rows_affected());
    tx.commit().await?;
    Ok(changed)
}
