//! Many writers, many small inserts, compaction, old snapshots: no row is lost and files stay few.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use database::on;
use tokio_util::sync::CancellationToken;
use warehouse::{Limits, Sql, TableName};

use crate::lake::{Lake, actor, on_both_stores};

fn name(table: &str) -> TableName {
    TableName::new("public", table)
}

/// Files of a table that are in force.
async fn files_of(lake: &Lake, table: &str) -> usize {
    lake.warehouse.table(&name(table)).await.unwrap().files.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_lose_nothing_while_compaction_runs() {
    on_both_stores(async |lake| {
        lake.execute("CREATE TABLE events (writer BIGINT, number BIGINT, geom GEOMETRY)")
            .await;
        let is_over = Arc::new(AtomicBool::new(false));
        let compaction = tokio::spawn({
            let (warehouse, is_over) = (lake.warehouse.clone(), is_over.clone());
            async move {
                let mut rounds = 0;
                while !is_over.load(Ordering::Relaxed) {
                    warehouse
                        .compact_table(&name("events"), &CancellationToken::new(), None)
                        .await
                        .unwrap();
                    rounds += 1;
                }
                rounds
            }
        });
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let warehouse = lake.warehouse.clone();
                tokio::spawn(async move {
                    for number in 0..50 {
                        let sql =
                            format!("INSERT INTO events VALUES ({writer}, {number}, ST_Point({writer}, {number}))");
                        warehouse
                            .execute(&actor(), &Sql::new(sql), &Limits::default())
                            .await
                            .unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(compaction.await.unwrap() > 1, "compaction ran at the same time");
        let sql =
            "SELECT writer, count(*), count(DISTINCT number), sum(number) FROM events GROUP BY writer ORDER BY writer";
        let expected: Vec<String> = (0..8).map(|writer| format!("{writer} | 50 | 50 | 1225")).collect();
        assert_eq!(lake.rows(sql).await, expected);
        assert_eq!(lake.duckdb_rows("SELECT count(*) FROM lake.public.events"), ["400"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_inserts_become_one_file() {
    let lake = Lake::on_sqlite().await;
    lake.execute("CREATE TABLE events (number BIGINT, geom GEOMETRY)").await;
    for number in 0..1_000 {
        let sql = format!(
            "INSERT INTO events VALUES ({number}, ST_Point({}, {}))",
            number % 360 - 180,
            number % 170 - 85
        );
        lake.execute(&sql).await;
    }
    let waiting: i64 = on!(lake.database.database(), c => sqlx::query_scalar(
        "SELECT count(*) FROM job WHERE kind = 'warehouse.compact' AND state = 'queued'").fetch_one(c).await.unwrap());
    assert_eq!(waiting, 1, "many small files ask for a compaction, once");
    assert_eq!(files_of(&lake, "events").await, 1_000);

    let report = lake.compact("events").await;
    assert_eq!(
        (report.files_before, report.files_after, report.rows),
        (1_000, 1, 1_000)
    );
    assert_eq!(files_of(&lake, "events").await, 1);
    assert_eq!(
        lake.rows("SELECT count(*), count(DISTINCT number), sum(number) FROM events")
            .await,
        ["1000 | 1000 | 499500"]
    );
    let geometry = lake
        .warehouse
        .table(&name("events"))
        .await
        .unwrap()
        .geometry
        .clone()
        .unwrap();
    assert!(geometry.is_keyed);

    let again = lake.compact("events").await;
    assert_eq!(again.rows, 0, "what is compact is left alone");
    lake.database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_snapshots_are_forgotten_and_their_files_removed() {
    on_both_stores(async |lake| {
        lake.execute("CREATE TABLE events AS SELECT value AS number FROM generate_series(1, 1000)")
            .await;
        lake.execute("CREATE TABLE dropped AS SELECT 1 AS number").await;
        lake.execute("DROP TABLE dropped").await;
        lake.execute("DELETE FROM events WHERE number > 500").await;
        lake.execute("INSERT INTO events VALUES (-1)").await;
        lake.compact("events").await;
        assert!(
            lake.files().len() >= 4,
            "time travel needs the old files: {:?}",
            lake.files()
        );

        let now = database::now();
        lake.warehouse.maintain(now + TimeDelta::days(29)).await.unwrap();
        assert!(lake.files().len() >= 4, "nothing is forgotten before its time");
        lake.warehouse.maintain(now + TimeDelta::days(31)).await.unwrap();
        assert!(lake.files().len() >= 4, "queries that still read end in peace");
        lake.warehouse.maintain(now + TimeDelta::days(33)).await.unwrap();
        assert_eq!(lake.files().len(), 1);
        let sql = "SELECT count(*), min(number), max(number) FROM";
        assert_eq!(lake.rows(&format!("{sql} events")).await, ["501 | -1 | 500"]);
        assert_eq!(
            lake.duckdb_rows(&format!("{sql} lake.public.events")),
            ["501 | -1 | 500"]
        );
        lake.execute("INSERT INTO events VALUES (501)").await;
        assert_eq!(
            lake.duckdb_rows(&format!("{sql} lake.public.events")),
            ["502 | -1 | 501"]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_folder_is_found_again() {
    let lake = Lake::on_sqlite().await;
    lake.execute("CREATE TABLE events AS SELECT value AS number FROM generate_series(1, 100)")
        .await;
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("data");
    std::fs::rename(lake.data_folder(), &moved).unwrap();
    let options = crate::lake::options(elsewhere.path());
    let warehouse = warehouse::Warehouse::open(lake.database.database().clone(), options)
        .await
        .unwrap();
    let rows = warehouse
        .query(&Sql::new("SELECT count(*) FROM events"), &Limits::default())
        .await
        .unwrap();
    assert_eq!(crate::lake::texts(&rows.collect().await.unwrap()), ["100"]);
    assert_eq!(lake.duckdb_rows("SELECT count(*) FROM lake.public.events"), ["100"]);
    lake.database.remove().await;
}
