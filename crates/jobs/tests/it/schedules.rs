//! Schedules: once each time, whatever the number of servers and however long they were away.

use chrono::{DateTime, TimeDelta, Utc};
use database::{Database, PageRequest};
use jobs::{Error, Filter, Schedule, fire_due, list, register};
use serde_json::json;
use testing::on_both_stores;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn nightly() -> Vec<Schedule> {
    vec![Schedule::new("30 3 * * *", "sweep", json!({"days": 90})).unwrap()]
}

async fn jobs_in_queue(db: &Database) -> usize {
    list(db, &Filter::default(), &PageRequest::default())
        .await
        .unwrap()
        .items
        .len()
}

/// Ends every queued job, as a worker would.
async fn run_all(db: &Database, now: DateTime<Utc>) {
    while let Some(job) = jobs::lease::claim(db, "w", &["sweep"], now).await.unwrap() {
        jobs::lease::finish(db, &job, &Ok(json!(null)), now).await.unwrap();
    }
}

#[tokio::test]
async fn a_schedule_fires_at_its_time_and_not_before() {
    on_both_stores(async |db| {
        register(&db, &nightly(), at("2026-03-01T12:00:00Z")).await.unwrap();
        assert_eq!(fire_due(&db, &nightly(), at("2026-03-02T03:29:59Z")).await.unwrap(), 0);
        assert_eq!(fire_due(&db, &nightly(), at("2026-03-02T03:30:00Z")).await.unwrap(), 1);
        assert_eq!(fire_due(&db, &nightly(), at("2026-03-02T03:30:05Z")).await.unwrap(), 0);
        let job = list(&db, &Filter::default(), &PageRequest::default())
            .await
            .unwrap()
            .items
            .remove(0);
        assert_eq!((job.kind.as_str(), job.payload), ("sweep", json!({"days": 90})));
    })
    .await;
}

#[tokio::test]
async fn two_servers_that_look_at_once_fire_it_once() {
    on_both_stores(async |db| {
        register(&db, &nightly(), at("2026-03-01T12:00:00Z")).await.unwrap();
        for day in 2..12 {
            let now = at("2026-03-01T03:30:01Z") + TimeDelta::days(day - 1);
            let servers: Vec<_> = (0..2)
                .map(|_| {
                    let db = db.clone();
                    tokio::spawn(async move { fire_due(&db, &nightly(), now).await.unwrap() })
                })
                .collect();
            let mut fired = 0;
            for server in servers {
                fired += server.await.unwrap();
            }
            assert_eq!(fired, 1, "on day {day}");
            run_all(&db, database::now() + TimeDelta::days(365)).await;
        }
        assert_eq!(jobs_in_queue(&db).await, 10);
    })
    .await;
}

#[tokio::test]
async fn times_missed_while_no_server_ran_come_together_as_one() {
    on_both_stores(async |db| {
        register(&db, &nightly(), at("2026-03-01T12:00:00Z")).await.unwrap();
        // A week later the server starts again; it knows the schedule already.
        let back = at("2026-03-08T12:00:00Z");
        register(&db, &nightly(), back).await.unwrap();
        assert_eq!(fire_due(&db, &nightly(), back).await.unwrap(), 1);
        assert_eq!(fire_due(&db, &nightly(), back).await.unwrap(), 0);
        assert_eq!(fire_due(&db, &nightly(), at("2026-03-09T03:30:00Z")).await.unwrap(), 1);
        assert_eq!(
            jobs_in_queue(&db).await,
            1,
            "the first still waits, so that the second is the same job"
        );
    })
    .await;
}

#[tokio::test]
async fn a_changed_pattern_takes_effect_at_the_next_start() {
    on_both_stores(async |db| {
        register(&db, &nightly(), at("2026-03-01T12:00:00Z")).await.unwrap();
        let hourly = vec![Schedule::new("0 * * * *", "sweep", json!({})).unwrap()];
        register(&db, &hourly, at("2026-03-01T12:30:00Z")).await.unwrap();
        assert_eq!(fire_due(&db, &hourly, at("2026-03-01T13:00:00Z")).await.unwrap(), 1);
    })
    .await;
}

#[test]
fn a_pattern_that_is_none_is_explained() {
    let refusal = Schedule::new("every night", "sweep", json!({})).unwrap_err();
    assert!(
        matches!(&refusal, Error::Pattern { pattern, .. } if pattern == "every night"),
        "{refusal}"
    );
}
