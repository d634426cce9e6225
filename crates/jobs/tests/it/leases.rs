//! Claims, lost leases, retries: the rules that let a job outlive its worker.

use chrono::TimeDelta;
use database::Database;
use jobs::lease::{self, Claimed, LEASE, Standing};
use jobs::{Cancellation, Failure, JobState, NewJob, Progress, cancel, get};
use serde_json::json;
use testing::on_both_stores;

use super::queueing::add;

async fn claim(db: &Database, worker: &str, now: chrono::DateTime<chrono::Utc>) -> Option<Claimed> {
    lease::claim(db, worker, &["import"], now).await.unwrap()
}

#[tokio::test]
async fn a_claimed_job_is_nobody_elses_until_its_lease_runs_out() {
    on_both_stores(async |db| {
        let id = add(&db, NewJob::new("import", json!(1))).await;
        let start = database::now();
        let first = claim(&db, "first", start).await.unwrap();
        assert_eq!((first.id, first.attempt), (id, 1));
        assert!(claim(&db, "second", start).await.is_none());
        let before = start + LEASE - TimeDelta::seconds(1);
        assert_eq!(lease::requeue_expired(&db, before).await.unwrap(), 0);

        // The first worker is never heard of again.
        let after = start + LEASE + TimeDelta::seconds(1);
        assert_eq!(lease::requeue_expired(&db, after).await.unwrap(), 1);
        let second = claim(&db, "second", after).await.unwrap();
        assert_eq!((second.id, second.attempt), (id, 2));

        // Or it comes back: what it says about the job changes nothing.
        assert_eq!(lease::standing(&db, &first).await.unwrap(), Standing::Lost);
        assert!(!lease::extend(&db, &first, after).await.unwrap());
        assert!(!lease::finish(&db, &first, &Ok(json!("late")), after).await.unwrap());
        assert!(lease::finish(&db, &second, &Ok(json!("done")), after).await.unwrap());
        let job = get(&db, &id).await.unwrap();
        assert_eq!(
            (job.state, job.result, job.attempts),
            (JobState::Succeeded, Some(json!("done")), 2)
        );
    })
    .await;
}

#[tokio::test]
async fn a_heartbeat_keeps_the_lease() {
    on_both_stores(async |db| {
        add(&db, NewJob::new("import", json!(1))).await;
        let start = database::now();
        let job = claim(&db, "w", start).await.unwrap();
        let later = start + LEASE - TimeDelta::seconds(1);
        assert!(lease::extend(&db, &job, later).await.unwrap());
        assert_eq!(
            lease::requeue_expired(&db, start + LEASE + TimeDelta::seconds(1))
                .await
                .unwrap(),
            0
        );
        assert_eq!(
            lease::requeue_expired(&db, later + LEASE + TimeDelta::seconds(1))
                .await
                .unwrap(),
            1
        );
    })
    .await;
}

#[tokio::test]
async fn a_job_is_not_claimed_before_its_time_nor_by_a_worker_of_other_kinds() {
    on_both_stores(async |db| {
        let now = database::now();
        add(
            &db,
            NewJob {
                run_at: Some(now + TimeDelta::hours(1)),
                ..NewJob::new("import", json!(1))
            },
        )
        .await;
        add(&db, NewJob::new("compact", json!(1))).await;
        assert!(claim(&db, "w", now).await.is_none());
        assert!(lease::claim(&db, "w", &[], now).await.unwrap().is_none());
        assert!(claim(&db, "w", now + TimeDelta::hours(1)).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn the_job_that_has_waited_longest_comes_first() {
    on_both_stores(async |db| {
        let now = database::now();
        let late = add(
            &db,
            NewJob {
                run_at: Some(now - TimeDelta::seconds(1)),
                ..NewJob::new("import", json!(1))
            },
        )
        .await;
        let early = add(
            &db,
            NewJob {
                run_at: Some(now - TimeDelta::hours(1)),
                ..NewJob::new("import", json!(2))
            },
        )
        .await;
        assert_eq!(claim(&db, "w", now).await.unwrap().id, early);
        assert_eq!(claim(&db, "w", now).await.unwrap().id, late);
    })
    .await;
}

#[tokio::test]
async fn a_retry_waits_longer_each_time_and_the_last_one_fails() {
    on_both_stores(async |db| {
        let id = add(
            &db,
            NewJob {
                max_attempts: 3,
                ..NewJob::new("import", json!(1))
            },
        )
        .await;
        let mut now = database::now();
        for (attempt, shortest, longest) in [(1, 2.5, 5.0), (2, 5.0, 10.0)] {
            let claimed = claim(&db, "w", now).await.unwrap();
            assert_eq!(claimed.attempt, attempt);
            lease::finish(&db, &claimed, &Err(Failure::Retry("no network".into())), now)
                .await
                .unwrap();
            let job = get(&db, &id).await.unwrap();
            assert_eq!(
                (job.state, job.error.as_deref()),
                (JobState::Queued, Some("no network"))
            );
            let wait = (job.run_at - now).as_seconds_f64();
            assert!(wait >= shortest && wait <= longest, "attempt {attempt} waited {wait} s");
            assert!(claim(&db, "w", now).await.is_none());
            now = job.run_at;
        }
        let last = claim(&db, "w", now).await.unwrap();
        lease::finish(&db, &last, &Err(Failure::Retry("no network".into())), now)
            .await
            .unwrap();
        let job = get(&db, &id).await.unwrap();
        assert_eq!((job.state, job.finished_at), (JobState::Failed, Some(now)));
    })
    .await;
}

#[tokio::test]
async fn bad_input_is_not_tried_again() {
    on_both_stores(async |db| {
        let id = add(&db, NewJob::new("import", json!(1))).await;
        let now = database::now();
        let job = claim(&db, "w", now).await.unwrap();
        lease::finish(&db, &job, &Err(Failure::Final("row 7 has 3 fields".into())), now)
            .await
            .unwrap();
        let job = get(&db, &id).await.unwrap();
        assert_eq!(
            (job.state, job.error.as_deref()),
            (JobState::Failed, Some("row 7 has 3 fields"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_job_that_kills_its_workers_ends_as_failed() {
    on_both_stores(async |db| {
        let id = add(
            &db,
            NewJob {
                max_attempts: 2,
                ..NewJob::new("import", json!(1))
            },
        )
        .await;
        let mut now = database::now();
        for _ in 0..2 {
            claim(&db, "w", now).await.unwrap();
            now = now + LEASE + TimeDelta::seconds(1);
            lease::requeue_expired(&db, now).await.unwrap();
        }
        assert!(claim(&db, "w", now).await.is_none());
        let job = get(&db, &id).await.unwrap();
        assert_eq!(
            (job.state, job.attempts, job.finished_at),
            (JobState::Failed, 2, Some(now))
        );
    })
    .await;
}

#[tokio::test]
async fn a_running_job_hears_that_it_is_cancelled_and_is_not_tried_again() {
    on_both_stores(async |db| {
        let id = add(&db, NewJob::new("import", json!(1))).await;
        let now = database::now();
        let job = claim(&db, "w", now).await.unwrap();
        assert_eq!(lease::standing(&db, &job).await.unwrap(), Standing::Ours);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(cancel(&mut tx, &id, now).await.unwrap(), Cancellation::Requested);
        tx.commit().await.unwrap();
        assert_eq!(lease::standing(&db, &job).await.unwrap(), Standing::CancelRequested);
        lease::finish(&db, &job, &Err(Failure::Retry("interrupted".into())), now)
            .await
            .unwrap();
        assert_eq!(get(&db, &id).await.unwrap().state, JobState::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn a_released_job_has_not_used_an_attempt() {
    on_both_stores(async |db| {
        let id = add(&db, NewJob::new("import", json!(1))).await;
        let now = database::now();
        let job = claim(&db, "w", now).await.unwrap();
        lease::release(&db, &job).await.unwrap();
        let released = get(&db, &id).await.unwrap();
        assert_eq!((released.state, released.attempts), (JobState::Queued, 0));
        assert_eq!(claim(&db, "w", now).await.unwrap().attempt, 1);
    })
    .await;
}

#[tokio::test]
async fn progress_is_seen_and_starts_anew_with_the_next_attempt() {
    on_both_stores(async |db| {
        let id = add(&db, NewJob::new("import", json!(1))).await;
        let now = database::now();
        let job = claim(&db, "w", now).await.unwrap();
        let progress = Progress {
            done: 5,
            total: Some(20),
            unit: "rows".into(),
        };
        lease::write_progress(&db, &job, &progress).await.unwrap();
        assert_eq!(get(&db, &id).await.unwrap().progress, Some(progress));
        lease::release(&db, &job).await.unwrap();
        claim(&db, "w", now).await.unwrap();
        assert_eq!(get(&db, &id).await.unwrap().progress, None);
    })
    .await;
}
