//! Imports in the background: the job kind `import` and its handler.

use std::path::PathBuf;
use std::sync::Arc;

use access::Actor;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use jobs::{Failure, Handler, NewJob, Running};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use warehouse::{TableName, Warehouse};

use crate::error::Error;
use crate::import::{import, progress_of};
use crate::options::ImportOptions;

/// The kind of job that imports a file.
pub const JOB_KIND: &str = "import";

/// What a job is to do; it travels as the job's payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// The file, on this server.
    pub path: PathBuf,
    /// `schema.table`
    pub table: String,
    #[serde(default)]
    pub options: ImportOptions,
    /// Who asked; the table is made in their name.
    pub actor: Actor,
    pub asked_at: DateTime<Utc>,
    /// Remove the file when the table is there.
    #[serde(default)]
    pub remove_file: bool,
}

/// The job that carries out a request; to be enqueued by the caller in their transaction.
pub fn new_job(request: &Request) -> Result<NewJob, Error> {
    request.options.write_mode()?;
    TableName::parse(&request.table)?;
    let payload = serde_json::to_value(request).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(NewJob {
        organisation: request.actor.organisation().map(database::Id::uuid),
        created_by: request.actor.uuid().map(|id| id.to_string()),
        max_attempts: 3,
        ..NewJob::new(JOB_KIND, payload)
    })
}

/// Handles jobs of the kind [`JOB_KIND`].
pub struct ImportJob {
    warehouse: Warehouse,
}

impl ImportJob {
    #[must_use]
    pub fn new(warehouse: Warehouse) -> Self {
        Self { warehouse }
    }

    async fn carry_out(&self, job: &Running) -> Result<Value, Failure> {
        let request: Request = serde_json::from_value(job.payload.clone())
            .map_err(|e| Failure::Final(format!("the request cannot be read: {e}")))?;
        let table = TableName::parse(&request.table).map_err(|e| Failure::Final(e.to_string()))?;
        let mut options = request.options.clone();
        if job.attempt > 1 && self.is_from_an_earlier_attempt(&table, &request).await {
            options.overwrite = !options.append;
            options.append = false;
        }
        let (told, mut heard) = tokio::sync::watch::channel((0u64, 0u64));
        let progress = progress_of(move |done, total| {
            told.send_replace((done, total));
        });
        let cancel = job.cancelled();
        let work = import(
            &self.warehouse,
            &request.actor,
            &request.path,
            &table,
            &options,
            Some(progress),
            &cancel,
        );
        tokio::pin!(work);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                changed = heard.changed() => {
                    if changed.is_err() {
                        break work.await;
                    }
                    let (done, total) = *heard.borrow_and_update();
                    job.progress(done, Some(total), "bytes").await;
                }
            }
        };
        let report = outcome.map_err(failure)?;
        if request.remove_file
            && let Err(error) = tokio::fs::remove_file(&request.path).await
        {
            tracing::warn!(%error, "an imported file cannot be removed");
        }
        serde_json::to_value(report).map_err(|e| Failure::Final(e.to_string()))
    }

    /// A server that was killed after the table was made runs the job again: the table is then this job's own.
    async fn is_from_an_earlier_attempt(&self, table: &TableName, request: &Request) -> bool {
        let found = self.warehouse.table(table).await;
        found.is_ok_and(|table| table.created_at.is_some_and(|created| created >= request.asked_at))
    }
}

impl Handler for ImportJob {
    fn run<'a>(&'a self, job: &'a Running) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(self.carry_out(job))
    }
}

impl ImportJob {
    /// The kind and handler, as workers are given them.
    #[must_use]
    pub fn registered(warehouse: Warehouse) -> (&'static str, Arc<dyn Handler>) {
        (JOB_KIND, Arc::new(ImportJob::new(warehouse)))
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Cancelled => Failure::Cancelled,
        Error::Warehouse(warehouse::Error::Busy | warehouse::Error::Conflict(_) | warehouse::Error::Storage(_)) => {
            Failure::Retry(error.to_string())
        }
        other => Failure::Final(other.to_string()),
    }
}
