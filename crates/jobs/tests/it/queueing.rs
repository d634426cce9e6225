//! Asking for jobs, looking at them, cancelling them.

use std::collections::HashSet;

use chrono::TimeDelta;
use database::{Database, Id, PageRequest};
use jobs::{Cancellation, Error, Filter, Job, JobState, NewJob, cancel, enqueue, get, list, remove_finished_before};
use serde_json::json;
use testing::on_both_stores;
use uuid::Uuid;

pub(crate) async fn add(db: &Database, job: NewJob) -> Id<Job> {
    let mut tx = db.begin().await.unwrap();
    let id = enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_job_waits_with_what_it_was_given() {
    on_both_stores(async |db| {
        let organisation = Uuid::now_v7();
        let new = NewJob {
            organisation: Some(organisation),
            created_by: Some("person 7".into()),
            ..NewJob::new("import", json!({"file": "cities.csv"}))
        };
        let job = get(&db, &add(&db, new).await).await.unwrap();
        assert_eq!(
            (job.kind.as_str(), job.state, job.attempts),
            ("import", JobState::Queued, 0)
        );
        assert_eq!(job.payload, json!({"file": "cities.csv"}));
        assert_eq!(
            (job.organisation, job.created_by.as_deref()),
            (Some(organisation), Some("person 7"))
        );
        assert!(job.progress.is_none() && job.result.is_none() && job.error.is_none() && job.finished_at.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_job_of_a_change_that_was_undone_does_not_exist() {
    on_both_stores(async |db| {
        let mut tx = db.begin().await.unwrap();
        let id = enqueue(&mut tx, NewJob::new("import", json!({}))).await.unwrap();
        tx.rollback().await.unwrap();
        assert!(matches!(get(&db, &id).await, Err(Error::NotFound(missing)) if missing == id));
    })
    .await;
}

#[tokio::test]
async fn the_same_key_gives_the_same_job_until_it_has_ended() {
    on_both_stores(async |db| {
        let compaction = || NewJob {
            dedupe_key: Some("table 4".into()),
            ..NewJob::new("compact", json!({}))
        };
        let first = add(&db, compaction()).await;
        assert_eq!(add(&db, compaction()).await, first);
        let other = NewJob {
            dedupe_key: Some("table 4".into()),
            ..NewJob::new("import", json!({}))
        };
        assert_ne!(add(&db, other).await, first);
        let mut tx = db.begin().await.unwrap();
        cancel(&mut tx, &first, database::now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_ne!(add(&db, compaction()).await, first);
    })
    .await;
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once_and_only_once() {
    on_both_stores(async |db| {
        let id = add(&db, NewJob::new("import", json!({}))).await;
        let now = database::now();
        let mut tx = db.begin().await.unwrap();
        assert_eq!(cancel(&mut tx, &id, now).await.unwrap(), Cancellation::AtOnce);
        assert_eq!(
            cancel(&mut tx, &id, now).await.unwrap(),
            Cancellation::AlreadyFinished(JobState::Cancelled)
        );
        assert!(matches!(
            cancel(&mut tx, &Id::new(), now).await,
            Err(Error::NotFound(_))
        ));
        tx.commit().await.unwrap();
        let job = get(&db, &id).await.unwrap();
        assert_eq!((job.state, job.finished_at), (JobState::Cancelled, Some(now)));
    })
    .await;
}

#[tokio::test]
async fn lists_are_paged_newest_first_and_filtered() {
    on_both_stores(async |db| {
        let ours = Uuid::now_v7();
        for n in 0..7 {
            add(
                &db,
                NewJob {
                    organisation: Some(ours),
                    ..NewJob::new("import", json!(n))
                },
            )
            .await;
            add(
                &db,
                NewJob {
                    organisation: Some(Uuid::now_v7()),
                    ..NewJob::new("compact", json!(n))
                },
            )
            .await;
        }
        let filter = Filter {
            organisation: Some(ours),
            kind: Some("import".into()),
            state: Some(JobState::Queued),
        };
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = list(&db, &filter, &PageRequest::new(Some(3), after)).await.unwrap();
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 7);
        assert!(seen.is_sorted_by_key(|job| std::cmp::Reverse(job.created_at)));
        assert_eq!(seen.iter().map(|job| job.id).collect::<HashSet<_>>().len(), 7);
        let all = list(&db, &Filter::default(), &PageRequest::default()).await.unwrap();
        assert_eq!((all.items.len(), all.next), (14, None));
    })
    .await;
}

#[tokio::test]
async fn jobs_that_ended_long_ago_are_forgotten() {
    on_both_stores(async |db| {
        let (ended, waiting) = (
            add(&db, NewJob::new("a", json!({}))).await,
            add(&db, NewJob::new("b", json!({}))).await,
        );
        let now = database::now();
        let mut tx = db.begin().await.unwrap();
        cancel(&mut tx, &ended, now).await.unwrap();
        assert_eq!(remove_finished_before(&mut tx, now).await.unwrap(), 0);
        assert_eq!(
            remove_finished_before(&mut tx, now + TimeDelta::seconds(1))
                .await
                .unwrap(),
            1
        );
        tx.commit().await.unwrap();
        assert!(matches!(get(&db, &ended).await, Err(Error::NotFound(_))));
        assert!(get(&db, &waiting).await.is_ok());
    })
    .await;
}
