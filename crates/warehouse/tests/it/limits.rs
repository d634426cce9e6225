//! What a statement may use: time, rows, memory, and how it is stopped.

use std::time::{Duration, Instant};

use access::Actor;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;
use warehouse::{Error, Limits, Sql};

use crate::test_lake::TestLake;

/// Takes minutes: a cross join of a million rows with itself.
const ENDLESS: &str =
    "SELECT sum(sin(a.value * b.value)) FROM generate_series(1, 1000000) a CROSS JOIN generate_series(1, 1000000) b";

#[tokio::test(flavor = "multi_thread")]
async fn a_query_stops_when_its_time_is_over() {
    let lake = TestLake::new().await;
    let limits = Limits {
        timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let start = Instant::now();
    let outcome = async { lake.warehouse.query(&Sql::new(ENDLESS), &limits).await?.collect().await }.await;
    assert!(matches!(outcome, Err(Error::Timeout { .. })), "{outcome:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_stops_when_it_is_cancelled() {
    let lake = TestLake::new().await;
    let cancel = CancellationToken::new();
    let limits = Limits {
        cancel: cancel.clone(),
        ..Limits::default()
    };
    let rows = lake
        .warehouse
        .query(&Sql::new(ENDLESS), &limits)
        .await
        .expect("it starts");
    let waiting = tokio::spawn(rows.collect());
    cancel.cancel();
    let outcome = waiting.await.expect("it does not panic");
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_runs_out_of_time_leaves_nothing() {
    let lake = TestLake::new().await;
    let limits = Limits {
        timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let sql = Sql::new(format!("CREATE TABLE t AS {ENDLESS}"));
    let outcome = lake.warehouse.execute(&Actor::Anonymous, &sql, &limits).await;
    assert!(matches!(outcome, Err(Error::Timeout { .. })));
    assert!(lake.warehouse.tables("public").await.expect("listed").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_with_too_many_rows_ends_with_an_error() {
    let lake = TestLake::new().await;
    let limits = Limits {
        max_rows: Some(10),
        ..Limits::default()
    };
    let ask = async |text: &str| {
        lake.warehouse
            .query(&Sql::new(text), &limits)
            .await
            .expect("it starts")
            .collect()
            .await
    };
    assert_eq!(
        ask("SELECT * FROM generate_series(1, 10)")
            .await
            .expect("ten are allowed")
            .len(),
        1
    );
    let outcome = ask("SELECT * FROM generate_series(1, 11)").await;
    assert!(matches!(outcome, Err(Error::TooManyRows { limit: 10 })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_larger_than_memory_spills_to_disk() {
    let lake = TestLake::with_memory(24 * 1024 * 1024).await;
    let rows = lake
        .rows(
            "SELECT count(*), min(value), max(value) FROM \
             (SELECT value, row_number() OVER (ORDER BY md5(CAST(value AS TEXT))) AS n FROM generate_series(1, 1000000)) s",
        )
        .await;
    assert_eq!(rows, [["1000000", "1", "1000000"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_spill_says_that_memory_is_short() {
    let lake = TestLake::with_memory(8 * 1024 * 1024).await;
    let error = lake
        .error("SELECT array_agg(md5(CAST(value AS TEXT))) FROM generate_series(1, 1000000)")
        .await;
    assert!(matches!(error, Error::OutOfMemory(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_rows_stops_the_query() {
    let lake = TestLake::new().await;
    let mut rows = lake
        .warehouse
        .query(
            &Sql::new("SELECT value FROM generate_series(1, 100000000)"),
            &Limits::default(),
        )
        .await
        .expect("it starts");
    assert!(rows.next().await.is_some());
    drop(rows);
    assert_eq!(lake.rows("SELECT 1").await, [["1"]]);
}
