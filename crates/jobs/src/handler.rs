//! The code that does a kind of job, and what it is given.

use std::sync::{Mutex, PoisonError};

use database::Id;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Job, Progress};

/// Does one kind of job. It may be called twice for the same job; see the crate's documentation.
pub trait Handler: Send + Sync + 'static {
    /// Runs the job; the value is kept as its result.
    fn run<'a>(&'a self, job: &'a Running) -> BoxFuture<'a, Result<Value, Failure>>;
}

impl<F> Handler for F
where
    F: for<'a> Fn(&'a Running) -> BoxFuture<'a, Result<Value, Failure>> + Send + Sync + 'static,
{
    fn run<'a>(&'a self, job: &'a Running) -> BoxFuture<'a, Result<Value, Failure>> {
        self(job)
    }
}

/// Why a job did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may work later: the network, a busy store.
    #[error("{0}")]
    Retry(String),
    /// It will never work: bad input. Said to the person who asked for the job.
    #[error("{0}")]
    Final(String),
    /// The handler stopped because [`Running::cancelled`] fired.
    #[error("cancelled")]
    Cancelled,
}

impl From<database::Error> for Failure {
    fn from(error: database::Error) -> Self {
        Failure::Retry(error.to_string())
    }
}

/// A job that is being run.
#[derive(Debug)]
pub struct Running {
    pub id: Id<Job>,
    pub kind: String,
    pub payload: Value,
    /// 1 at the first attempt.
    pub attempt: i32,
    pub organisation: Option<Uuid>,
    /// Who asked for it, as written by [`crate::NewJob::created_by`].
    pub created_by: Option<String>,
    cancel: CancellationToken,
    /// The newest progress that has not been written yet.
    unwritten: Mutex<Option<Progress>>,
}

impl Running {
    pub(crate) fn new(claimed: crate::lease::Claimed) -> Running {
        Running {
            id: claimed.id,
            kind: claimed.kind,
            payload: claimed.payload,
            attempt: claimed.attempt,
            organisation: claimed.organisation,
            created_by: claimed.created_by,
            cancel: CancellationToken::new(),
            unwritten: Mutex::new(None),
        }
    }

    /// Says how far the job is: `done` of `total` (if known) `unit`s. Call it as often as you like: it is written
    /// about once a second.
    pub async fn progress(&self, done: u64, total: Option<u64>, unit: &str) {
        let progress = Progress {
            done,
            total,
            unit: unit.to_owned(),
        };
        *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }

    /// Fires when the job should stop: someone cancelled it, the server is stopping, or the lease was lost.
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.clone()
    }

    pub(crate) fn take_unwritten_progress(&self) -> Option<Progress> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
