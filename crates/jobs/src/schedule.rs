//! Schedules: jobs that come back by a cron pattern, in UTC, once each time whatever the number of servers.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use croner::Cron;
use database::{Database, on};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::queue::{NewJob, enqueue};

/// A job that comes back.
#[derive(Clone, Debug)]
pub struct Schedule {
    pattern: String,
    cron: Cron,
    kind: &'static str,
    payload: Value,
}

impl Schedule {
    /// A job of `kind` at every time that the cron `pattern` (minute hour day month weekday, UTC) names.
    pub fn new(pattern: &str, kind: &'static str, payload: Value) -> Result<Schedule> {
        let cron = Cron::from_str(pattern).map_err(|error| Error::Pattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Schedule {
            pattern: pattern.to_owned(),
            cron,
            kind,
            payload,
        })
    }

    /// The first time after `time`; none when the pattern names no further one, such as 30 February.
    fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_next_occurrence(&time, false).ok()
    }
}

/// Writes the schedules down at the start of a server. A known one keeps its next time, unless its pattern changed.
pub async fn register(db: &Database, schedules: &[Schedule], now: DateTime<Utc>) -> Result<()> {
    for schedule in schedules {
        let Some(next_at) = schedule.next_after(now) else {
            continue;
        };
        let mut tx = db.begin().await?;
        on!(tx, c => sqlx::query(
            "INSERT INTO job_schedule (name, cron, next_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, next_at = excluded.next_at
             WHERE job_schedule.cron <> excluded.cron")
            .bind(schedule.kind).bind(&schedule.pattern).bind(next_at).execute(c).await?.rows_affected());
        tx.commit().await?;
    }
    Ok(())
}

/// Puts the jobs whose time has come in the queue; returns how many. Each time fires once, because the row moves on by
/// compare-and-set; times missed while no server ran come together as one.
pub async fn fire_due(db: &Database, schedules: &[Schedule], now: DateTime<Utc>) -> Result<usize> {
    let mut fired = 0;
    for schedule in schedules {
        let due: Option<DateTime<Utc>> = on!(db, c => sqlx::query_scalar(
            "SELECT next_at FROM job_schedule WHERE name = $1 AND next_at <= $2")
            .bind(schedule.kind).bind(now).fetch_optional(c).await?);
        let Some(due) = due else { continue };
        let Some(next_at) = schedule.next_after(now) else {
            continue;
        };
        let mut tx = db.begin().await?;
        let moved = on!(tx, c => sqlx::query("UPDATE job_schedule SET next_at = $1 WHERE name = $2 AND next_at = $3")
            .bind(next_at).bind(schedule.kind).bind(due).execute(c).await?.rows_affected());
        if moved == 1 {
            let job = NewJob {
                // One that still waits or runs is enough: a slow job must not pile up.
                dedupe_key: Some(format!("schedule {}", schedule.kind)),
                run_at: Some(now),
                ..NewJob::new(schedule.kind, schedule.payload.clone())
            };
            enqueue(&mut tx, job).await?;
            tx.commit().await?;
            fired += 1;
        }
    }
    Ok(fired)
}
