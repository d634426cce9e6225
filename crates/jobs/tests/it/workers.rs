//! Workers: every job is done, once when nothing goes wrong, and none is lost when something does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use database::{Database, Id};
use jobs::lease::{self, LEASE};
use jobs::{Failure, Handler, Job, JobState, JobStatus, NewJob, Running, Worker, cancel, get};
use serde_json::{Value, json};
use testing::on_both_stores;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::queueing::add;

/// Waits until the job is in a state that `is_it` accepts.
async fn wait_for(db: &Database, id: &Id<Job>, is_it: impl Fn(&JobStatus) -> bool) -> JobStatus {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let job = get(db, id).await.unwrap();
        if is_it(&job) {
            return job;
        }
        assert!(tokio::time::Instant::now() < deadline, "still {job:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn handler<F>(run: F) -> Arc<dyn Handler>
where
    F: for<'a> Fn(&'a Running) -> futures::future::BoxFuture<'a, Result<Value, Failure>> + Send + Sync + 'static,
{
    Arc::new(run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_workers_do_four_hundred_jobs_once_each() {
    on_both_stores(async |db| {
        let mut ids = Vec::new();
        let mut tx = db.begin().await.unwrap();
        for n in 0..400 {
            ids.push(jobs::enqueue(&mut tx, NewJob::new("count", json!(n))).await.unwrap());
        }
        tx.commit().await.unwrap();

        // Ten were claimed by a worker that died; its leases have run out.
        let long_ago = database::now() - TimeDelta::hours(1);
        let mut tx = db.begin().await.unwrap();
        database::on!(tx, c => sqlx::query("UPDATE job SET run_at = $1").bind(long_ago).execute(c).await.unwrap().rows_affected());
        tx.commit().await.unwrap();
        for _ in 0..10 {
            lease::claim(&db, "dead", &["count"], long_ago).await.unwrap().unwrap();
        }

        let runs: Arc<Mutex<HashMap<Id<Job>, usize>>> = Arc::default();
        let shutdown = CancellationToken::new();
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let runs = Arc::clone(&runs);
                let count = handler(move |job| {
                    *runs.lock().unwrap().entry(job.id).or_default() += 1;
                    Box::pin(async { Ok(job.payload.clone()) })
                });
                tokio::spawn(Worker::new(db.clone()).slots(4).handle("count", count).run(shutdown.clone()))
            })
            .collect();
        for (n, id) in ids.iter().enumerate() {
            let job = wait_for(&db, id, |job| job.state.is_finished()).await;
            assert_eq!((job.state, job.result), (JobState::Succeeded, Some(json!(n))));
        }
        shutdown.cancel();
        for worker in workers {
            worker.await.unwrap();
        }
        let runs = runs.lock().unwrap();
        assert_eq!(runs.len(), 400);
        assert!(runs.values().all(|times| *times == 1));
    })
    .await;
}

#[tokio::test]
async fn a_job_whose_worker_was_dropped_is_done_by_another() {
    on_both_stores(async |db| {
        let id = add(&db, NewJob::new("slow", json!(null))).await;
        let started = Arc::new(Notify::new());
        let starts = Arc::new(AtomicUsize::new(0));
        let slow = {
            let (started, starts) = (Arc::clone(&started), Arc::clone(&starts));
            handler(move |_| {
                starts.fetch_add(1, Ordering::SeqCst);
                started.notify_one();
                Box::pin(std::future::pending())
            })
        };
        let doomed = tokio::spawn(
            Worker::new(db.clone())
                .handle("slow", slow)
                .run(CancellationToken::new()),
        );
        started.notified().await;
        doomed.abort();
        assert!(doomed.await.unwrap_err().is_cancelled());
        assert_eq!(
            get(&db, &id).await.unwrap().state,
            JobState::Running,
            "nobody released it"
        );

        let later = database::now() + LEASE + TimeDelta::seconds(1);
        assert_eq!(lease::requeue_expired(&db, later).await.unwrap(), 1);
        let second = lease::claim(&db, "second", &["slow"], later).await.unwrap().unwrap();
        assert_eq!((second.id, second.attempt), (id, 2), "a job may run twice");
        assert!(lease::finish(&db, &second, &Ok(json!("done")), later).await.unwrap());
        assert_eq!(get(&db, &id).await.unwrap().result, Some(json!("done")));
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[tokio::test]
async fn a_stopped_worker_lets_a_short_job_end_and_puts_a_long_one_back() {
    on_both_stores(async |db| {
        let (short, long) = (
            add(&db, NewJob::new("short", json!(null))).await,
            add(&db, NewJob::new("long", json!(null))).await,
        );
        let both_started = Arc::new(tokio::sync::Barrier::new(3));
        let may_end = Arc::new(Notify::new());
        let short_handler = {
            let (both_started, may_end) = (Arc::clone(&both_started), Arc::clone(&may_end));
            handler(move |_| {
                let (both_started, may_end) = (Arc::clone(&both_started), Arc::clone(&may_end));
                Box::pin(async move {
                    both_started.wait().await;
                    may_end.notified().await;
                    Ok(json!("in time"))
                })
            })
        };
        let long_handler = {
            let both_started = Arc::clone(&both_started);
            handler(move |job| {
                let both_started = Arc::clone(&both_started);
                Box::pin(async move {
                    both_started.wait().await;
                    job.cancelled().cancelled().await;
                    Err(Failure::Cancelled)
                })
            })
        };
        let shutdown = CancellationToken::new();
        let worker = Worker::new(db.clone())
            .grace(Duration::from_millis(200))
            .handle("short", short_handler)
            .handle("long", long_handler);
        let worker = tokio::spawn(worker.run(shutdown.clone()));
        both_started.wait().await;
        shutdown.cancel();
        may_end.notify_one();
        worker.await.unwrap();
        assert_eq!(get(&db, &short).await.unwrap().result, Some(json!("in time")));
        let long = get(&db, &long).await.unwrap();
        assert_eq!((long.state, long.attempts), (JobState::Queued, 0));
    })
    .await;
}

#[tokio::test]
async fn cancelling_reaches_a_running_job() {
    on_both_stores(async |db| {
        let id = add(&db, NewJob::new("long", json!(null))).await;
        let long = handler(|job| {
            Box::pin(async {
                job.progress(1, Some(2), "files").await;
                job.cancelled().cancelled().await;
                Err(Failure::Cancelled)
            })
        });
        let shutdown = CancellationToken::new();
        let worker = tokio::spawn(Worker::new(db.clone()).handle("long", long).run(shutdown.clone()));
        let seen = wait_for(&db, &id, |job| job.progress.is_some()).await;
        assert_eq!(seen.state, JobState::Running);
        let mut tx = db.begin().await.unwrap();
        cancel(&mut tx, &id, database::now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            wait_for(&db, &id, |job| job.state.is_finished()).await.state,
            JobState::Cancelled
        );
        shutdown.cancel();
        worker.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_panics_is_tried_again_and_the_worker_lives() {
    on_both_stores(async |db| {
        let bad = add(&db, NewJob::new("bad", json!(null))).await;
        let good = add(&db, NewJob::new("good", json!(null))).await;
        let shutdown = CancellationToken::new();
        let worker = Worker::new(db.clone())
            .handle("bad", handler(|_| Box::pin(async { panic!("on purpose") })))
            .handle("good", handler(|_| Box::pin(async { Ok(json!("fine")) })));
        let worker = tokio::spawn(worker.run(shutdown.clone()));
        let bad = wait_for(&db, &bad, |job| job.error.is_some()).await;
        assert_eq!((bad.state, bad.attempts), (JobState::Queued, 1));
        assert!(
            !bad.error.unwrap_or_default().contains("on purpose"),
            "faults are for the log"
        );
        assert_eq!(
            wait_for(&db, &good, |job| job.state.is_finished()).await.result,
            Some(json!("fine"))
        );
        shutdown.cancel();
        worker.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_schedule_of_a_worker_puts_its_job_in_the_queue() {
    on_both_stores(async |db| {
        let ran = Arc::new(Notify::new());
        let sweep = {
            let ran = Arc::clone(&ran);
            handler(move |_| {
                ran.notify_one();
                Box::pin(async { Ok(json!(null)) })
            })
        };
        // As if the server had been away since this moment.
        let schedule = || jobs::Schedule::new("* * * * *", "sweep", json!({})).unwrap();
        jobs::register(&db, &[schedule()], database::now() - TimeDelta::hours(1))
            .await
            .unwrap();
        let shutdown = CancellationToken::new();
        let worker = Worker::new(db.clone())
            .handle("sweep", sweep)
            .schedule("* * * * *", "sweep", json!({}));
        let worker = tokio::spawn(worker.run(shutdown.clone()));
        tokio::time::timeout(Duration::from_secs(60), ran.notified())
            .await
            .unwrap();
        shutdown.cancel();
        worker.await.unwrap();
    })
    .await;
}
