//! The queue: what asks for jobs, looks at them and cancels them.

use chrono::{DateTime, Utc};
use database::{Database, Id, Page, PageRequest, Transaction, on};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::{Error, Result};

/// The noun behind `Id<Job>`.
#[derive(Debug)]
pub enum Job {}

/// A job to be done.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Names the handler.
    pub kind: &'static str,
    pub payload: Value,
    /// While a job of this kind with this key is queued or running, asking again gives that one.
    pub dedupe_key: Option<String>,
    /// Not before this time; at once when none.
    pub run_at: Option<DateTime<Utc>>,
    pub organisation: Option<Uuid>,
    /// Who asked: text that the asking room understands.
    pub created_by: Option<String>,
    /// How often it may be started, crashes included.
    pub max_attempts: i32,
}

impl NewJob {
    /// How often a job is started when nobody says.
    pub const DEFAULT_MAX_ATTEMPTS: i32 = 5;

    /// A job of this kind for now, tried up to five times.
    pub fn new(kind: &'static str, payload: Value) -> NewJob {
        NewJob {
            kind,
            payload,
            dedupe_key: None,
            run_at: None,
            organisation: None,
            created_by: None,
            max_attempts: Self::DEFAULT_MAX_ATTEMPTS,
        }
    }
}

/// Where a job stands. It moves queued → running → succeeded, failed or cancelled, and back to queued to be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum JobState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl JobState {
    /// True when nothing will happen to the job any more.
    pub fn is_finished(self) -> bool {
        match self {
            JobState::Queued | JobState::Running => false,
            JobState::Succeeded | JobState::Failed | JobState::Cancelled => true,
        }
    }
}

/// How far a running job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub done: u64,
    /// None while it is not known.
    pub total: Option<u64>,
    /// What is counted: `rows`, `bytes`, `files`.
    pub unit: String,
}

/// What there is to know about a job.
#[derive(Clone, Debug, Serialize)]
pub struct JobStatus {
    pub id: Id<Job>,
    pub kind: String,
    pub state: JobState,
    pub payload: Value,
    pub progress: Option<Progress>,
    /// What the handler returned.
    pub result: Option<Value>,
    /// Why the last attempt failed; may stand on a queued job that will be retried.
    pub error: Option<String>,
    pub attempts: i32,
    pub organisation: Option<Uuid>,
    pub created_by: Option<String>,
    pub created_at: DateTime<Utc>,
    pub run_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Puts a job in the queue, in the transaction of the change that needs it; gives back the job that is already there
/// when one with the same kind and dedupe key has not ended. A handler that is already running may have looked before
/// this change was made: a handler with a dedupe key looks again before it ends.
pub async fn enqueue(tx: &mut Transaction, job: NewJob) -> Result<Id<Job>> {
    let now = database::now();
    loop {
        let id = Id::<Job>::new();
        let inserted: Option<Id<Job>> = on!(tx, c => sqlx::query_scalar(
            "INSERT INTO job (id, kind, payload, state, dedupe_key, organisation_id, created_by, created_at, run_at, max_attempts)
             VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7, $8, $9)
             ON CONFLICT (kind, dedupe_key) WHERE dedupe_key IS NOT NULL AND state IN ('queued', 'running') DO NOTHING
             RETURNING id")
            .bind(id).bind(job.kind).bind(Json(&job.payload)).bind(job.dedupe_key.as_deref()).bind(job.organisation)
            .bind(job.created_by.as_deref()).bind(now).bind(job.run_at.unwrap_or(now)).bind(job.max_attempts.max(1))
            .fetch_optional(c).await?);
        if let Some(id) = inserted {
            return Ok(id);
        }
        let existing: Option<Id<Job>> = on!(tx, c => sqlx::query_scalar(
            "SELECT id FROM job WHERE kind = $1 AND dedupe_key = $2 AND state IN ('queued', 'running')")
            .bind(job.kind).bind(job.dedupe_key.as_deref()).fetch_optional(c).await?);
        if let Some(id) = existing {
            return Ok(id);
        }
        // It ended between the two statements: ask again.
    }
}

/// The job as it stands now.
pub async fn get(db: &Database, id: &Id<Job>) -> Result<JobStatus> {
    let row: Option<Row> =
        on!(db, c => sqlx::query_as("SELECT * FROM job WHERE id = $1").bind(*id).fetch_optional(c).await?);
    row.map(JobStatus::from).ok_or(Error::NotFound(*id))
}

/// Which jobs to list; nothing set lists all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub organisation: Option<Uuid>,
    pub kind: Option<String>,
    pub state: Option<JobState>,
}

/// Lists jobs, the newest first.
pub async fn list(db: &Database, filter: &Filter, request: &PageRequest) -> Result<Page<JobStatus>> {
    let after: Option<(DateTime<Utc>, Id<Job>)> = request.key()?;
    let (after_time, after_id) = after.unzip();
    let rows: Vec<Row> = on!(db, c => sqlx::query_as(
        "SELECT * FROM job
         WHERE ($1 IS NULL OR organisation_id = $1) AND ($2 IS NULL OR kind = $2) AND ($3 IS NULL OR state = $3)
           AND ($4 IS NULL OR (created_at, id) < ($4, $5))
         ORDER BY created_at DESC, id DESC LIMIT $6")
        .bind(filter.organisation).bind(filter.kind.as_deref()).bind(filter.state).bind(after_time).bind(after_id)
        .bind(request.rows_to_fetch()).fetch_all(c).await?);
    let jobs = rows.into_iter().map(JobStatus::from).collect();
    Ok(Page::from_rows(jobs, request, |job: &JobStatus| {
        (job.created_at, job.id)
    }))
}

/// What cancelling did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// The job had not started and never will.
    AtOnce,
    /// The job is running and has been asked to stop; it does within seconds, unless it ends first.
    Requested,
    /// The job had already ended this way.
    AlreadyFinished(JobState),
}

/// Cancels a job.
pub async fn cancel(tx: &mut Transaction, id: &Id<Job>, now: DateTime<Utc>) -> Result<Cancellation> {
    let state: Option<JobState> = on!(tx, c => sqlx::query_scalar(
        "UPDATE job SET cancel_requested = TRUE,
                finished_at = CASE WHEN state = 'queued' THEN $2 ELSE finished_at END,
                state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
         WHERE id = $1 AND state IN ('queued', 'running') RETURNING state")
        .bind(*id).bind(now).fetch_optional(c).await?);
    match state {
        Some(JobState::Running) => Ok(Cancellation::Requested),
        Some(JobState::Queued | JobState::Succeeded | JobState::Failed | JobState::Cancelled) => {
            Ok(Cancellation::AtOnce)
        }
        None => {
            let ended: Option<JobState> = on!(tx, c => sqlx::query_scalar("SELECT state FROM job WHERE id = $1").bind(*id).fetch_optional(c).await?);
            ended.map(Cancellation::AlreadyFinished).ok_or(Error::NotFound(*id))
        }
    }
}

/// Forgets jobs that ended before `time`; returns how many.
pub async fn remove_finished_before(tx: &mut Transaction, time: DateTime<Utc>) -> Result<u64> {
    Ok(on!(tx, c => sqlx::query("DELETE FROM job WHERE finished_at < $1").bind(time).execute(c).await?.rows_affected()))
}

/// True when [`remove_finished_before`] would find something; a read.
pub(crate) async fn is_any_finished_before(db: &Database, time: DateTime<Utc>) -> Result<bool> {
    Ok(
        on!(db, c => sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM job WHERE finished_at < $1)")
        .bind(time).fetch_one(c).await?),
    )
}

/// A row of the table `job`.
#[derive(sqlx::FromRow)]
struct Row {
    id: Id<Job>,
    kind: String,
    payload: Json<Value>,
    state: JobState,
    organisation_id: Option<Uuid>,
    created_by: Option<String>,
    created_at: DateTime<Utc>,
    run_at: DateTime<Utc>,
    attempts: i32,
    progress_done: Option<i64>,
    progress_total: Option<i64>,
    progress_unit: Option<String>,
    result: Option<Json<Value>>,
    error: Option<String>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<Row> for JobStatus {
    fn from(row: Row) -> Self {
        let progress = row.progress_done.map(|done| Progress {
            done: done.unsigned_abs(),
            total: row.progress_total.map(i64::unsigned_abs),
            unit: row.progress_unit.unwrap_or_default(),
        });
        JobStatus {
            id: row.id,
            kind: row.kind,
            state: row.state,
            payload: row.payload.0,
            progress,
            result: row.result.map(|json| json.0),
            error: row.error,
            attempts: row.attempts,
            organisation: row.organisation_id,
            created_by: row.created_by,
            created_at: row.created_at,
            run_at: row.run_at,
            finished_at: row.finished_at,
        }
    }
}
