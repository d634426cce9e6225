//! The worker: takes jobs from the queue and runs them, a few at a time, until it is told to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use database::Database;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::error::Result;
use crate::lease::{self, Claimed, LEASE, Standing};
use crate::queue::is_any_finished_before;
use crate::schedule::{Schedule, fire_due, register};
use crate::{Failure, Handler, Running, remove_finished_before};

/// How often an idle worker looks for jobs.
const POLL: Duration = Duration::from_millis(250);
/// How often a running job's progress is written and its cancellation is looked for.
const BEAT: Duration = Duration::from_secs(1);
/// How often expired leases and due schedules are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(5);
/// How long a job may go on after it was told to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long finished jobs are kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Runs jobs. Several may run at once, in one process and in many.
pub struct Worker {
    db: Database,
    name: String,
    handlers: BTreeMap<&'static str, Arc<dyn Handler>>,
    schedules: Vec<Schedule>,
    slots: usize,
    grace: Duration,
}

impl Worker {
    /// A worker without handlers yet, with two slots and ten seconds for running jobs to end when it is stopped.
    pub fn new(db: Database) -> Worker {
        Worker {
            db,
            name: Uuid::now_v7().to_string(),
            handlers: BTreeMap::new(),
            schedules: Vec::new(),
            slots: 2,
            grace: Duration::from_secs(10),
        }
    }

    /// Runs jobs of `kind` with `handler`.
    pub fn handle(mut self, kind: &'static str, handler: Arc<dyn Handler>) -> Worker {
        self.handlers.insert(kind, handler);
        self
    }

    /// Puts a job of `kind` in the queue at every time the cron `pattern` (UTC) names.
    ///
    /// # Panics
    /// When `pattern` is not a cron pattern: it stands in our code.
    pub fn schedule(mut self, pattern: &'static str, kind: &'static str, payload: Value) -> Worker {
        self.schedules
            .push(Schedule::new(pattern, kind, payload).expect("the pattern stands in our code"));
        self
    }

    /// Runs up to this many jobs at once.
    pub fn slots(mut self, slots: usize) -> Worker {
        self.slots = slots.max(1);
        self
    }

    /// Lets running jobs go on for this long after the worker was told to stop.
    pub fn grace(mut self, grace: Duration) -> Worker {
        self.grace = grace;
        self
    }

    /// Runs jobs until `shutdown` fires; then takes no more, gives the running ones their grace, and puts back
    /// what is not done.
    pub async fn run(self, shutdown: CancellationToken) {
        let worker = Arc::new(self);
        let stop_jobs = CancellationToken::new();
        let mut jobs = JoinSet::new();
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut housekeeping_at = Instant::now();
        if let Err(error) = register(&worker.db, &worker.schedules, database::now()).await {
            tracing::error!(%error, "schedules could not be written down");
        }
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = poll.tick() => {}
                Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
            }
            if housekeeping_at <= Instant::now() {
                housekeeping_at = Instant::now() + HOUSEKEEPING;
                if let Err(error) = worker.keep_house(database::now()).await {
                    tracing::warn!(%error, "the queue could not be tidied; trying again");
                }
            }
            while jobs.len() < worker.slots && !shutdown.is_cancelled() {
                match worker.claim(database::now()).await {
                    Ok(Some(job)) => jobs.spawn(Arc::clone(&worker).work(job, stop_jobs.clone())),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, "the queue could not be read; trying again");
                        break;
                    }
                };
            }
        }
        let deadline = Instant::now() + worker.grace;
        while !jobs.is_empty() {
            tokio::select! {
                _ = jobs.join_next() => {}
                () = sleep_until(deadline), if !stop_jobs.is_cancelled() => stop_jobs.cancel(),
            }
        }
    }

    async fn keep_house(&self, now: DateTime<Utc>) -> Result<()> {
        let requeued = lease::requeue_expired(&self.db, now).await?;
        if requeued > 0 {
            tracing::warn!(requeued, "jobs of a worker that died were taken back");
        }
        fire_due(&self.db, &self.schedules, now).await?;
        // Looked for first, so that an idle server takes no write lock.
        if is_any_finished_before(&self.db, now - KEPT).await? {
            let mut tx = self.db.begin().await?;
            remove_finished_before(&mut tx, now - KEPT).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn claim(&self, now: DateTime<Utc>) -> Result<Option<Claimed>> {
        let kinds: Vec<&str> = self.handlers.keys().copied().collect();
        if !lease::is_any_due(&self.db, &kinds, now).await? {
            return Ok(None);
        }
        lease::claim(&self.db, &self.name, &kinds, now).await
    }

    /// Runs one job to its end, with signs of life.
    async fn work(self: Arc<Self>, job: Claimed, stop: CancellationToken) {
        let Some(handler) = self.handlers.get(job.kind.as_str()).cloned() else {
            return;
        };
        let running = Arc::new(Running::new(job.clone()));
        let mut task = AbortOnDropHandle::new(tokio::spawn({
            let running = Arc::clone(&running);
            async move { handler.run(&running).await }
        }));
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut extend_at = Instant::now() + LEASE / 3;
        let mut give_up_at = None;
        let outcome = loop {
            tokio::select! {
                ended = &mut task => break Some(match ended {
                    Ok(outcome) => outcome,
                    Err(error) if error.is_panic() => Err(Failure::Retry("the job hit a fault in Groma; see the server's log".into())),
                    Err(_) => Err(Failure::Cancelled),
                }),
                _ = beat.tick() => {
                    let is_extension_due = extend_at <= Instant::now();
                    if is_extension_due {
                        extend_at = Instant::now() + LEASE / 3;
                    }
                    self.beat(&job, &running, is_extension_due).await;
                }
                () = stop.cancelled(), if give_up_at.is_none() => {
                    running.cancelled().cancel();
                    give_up_at = Some(Instant::now() + LAST_WORDS);
                }
                () = sleep_until(give_up_at.unwrap_or_else(Instant::now)), if give_up_at.is_some() => break None,
            }
        };
        // Stop the handler, if it has not ended, before anybody else may take the job.
        drop(task);
        if let Err(error) = self.end(&job, &running, outcome, stop.is_cancelled()).await {
            tracing::warn!(job = %job.id, kind = job.kind, %error, "the job's end could not be written; it will run again");
        }
    }

    /// A sign of life: writes progress, extends the lease when that is due, and passes on a cancellation.
    async fn beat(&self, job: &Claimed, running: &Running, is_extension_due: bool) {
        let standing = async {
            if let Some(progress) = running.take_unwritten_progress() {
                lease::write_progress(&self.db, job, &progress).await?;
            }
            if is_extension_due && !lease::extend(&self.db, job, database::now()).await? {
                return Ok(Standing::Lost);
            }
            lease::standing(&self.db, job).await
        };
        match standing.await {
            Ok(Standing::Ours) => {}
            Ok(Standing::CancelRequested) => running.cancelled().cancel(),
            Ok(Standing::Lost) => {
                tracing::warn!(job = %job.id, kind = job.kind, "the lease of a job was lost; stopping it here");
                running.cancelled().cancel();
            }
            Err(error) => tracing::warn!(job = %job.id, kind = job.kind, %error, "no sign of life could be written"),
        }
    }

    /// Writes how the job ended. `outcome` is none when the handler was cut off.
    async fn end(
        &self,
        job: &Claimed,
        running: &Running,
        outcome: Option<Result<Value, Failure>>,
        is_stopping: bool,
    ) -> Result<()> {
        let was_cancelled = lease::standing(&self.db, job).await? == Standing::CancelRequested;
        match outcome {
            None | Some(Err(Failure::Cancelled)) if is_stopping && !was_cancelled => {
                tracing::info!(job = %job.id, kind = job.kind, "the job goes back to the queue, because the server stops");
                lease::release(&self.db, job).await
            }
            None => lease::finish(&self.db, job, &Err(Failure::Cancelled), database::now())
                .await
                .map(drop),
            Some(outcome) => {
                if let Some(progress) = running.take_unwritten_progress() {
                    lease::write_progress(&self.db, job, &progress).await?;
                }
                match &outcome {
                    Ok(_) => tracing::info!(job = %job.id, kind = job.kind, attempt = job.attempt, "the job succeeded"),
                    Err(failure) => {
                        tracing::warn!(job = %job.id, kind = job.kind, attempt = job.attempt, %failure, "the job did not succeed")
                    }
                }
                lease::finish(&self.db, job, &outcome, database::now()).await.map(drop)
            }
        }
    }
}
