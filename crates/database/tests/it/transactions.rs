//! Transactions: all or nothing, writers queue, errors say what happened.

use database::{Database, Error, on};
use sqlx::ConnectOptions;
use testing::{TestDatabase, on_both_stores};

async fn add(db: &Database, name: &str) -> database::Result<()> {
    let mut tx = db.begin().await?;
    on!(tx, c => sqlx::query("INSERT INTO job_schedule (name, cron, next_at) VALUES ($1, '* * * * *', $2)")
        .bind(name).bind(database::now()).execute(c).await?.rows_affected());
    tx.commit().await
}

async fn count(db: &Database) -> i64 {
    on!(db, c => sqlx::query_scalar("SELECT count(*) FROM job_schedule").fetch_one(c).await.unwrap())
}

#[tokio::test]
async fn a_dropped_transaction_leaves_no_trace() {
    on_both_stores(async |db| {
        let mut tx = db.begin().await.unwrap();
        on!(tx, c => sqlx::query("INSERT INTO job_schedule (name, cron, next_at) VALUES ('a', 'b', $1)")
            .bind(database::now()).execute(c).await.unwrap().rows_affected());
        drop(tx);
        assert_eq!(count(&db).await, 0);
        add(&db, "a").await.unwrap();
        assert_eq!(count(&db).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_second_row_with_the_same_key_is_a_duplicate() {
    on_both_stores(async |db| {
        add(&db, "nightly").await.unwrap();
        assert!(matches!(add(&db, "nightly").await, Err(Error::Duplicate { constraint }) if constraint.starts_with("job_schedule")));
    })
    .await;
}

#[tokio::test]
async fn many_writers_queue_and_none_fails() {
    on_both_stores(async |db| {
        let writers: Vec<_> = (0..50)
            .map(|n| {
                let db = db.clone();
                tokio::spawn(async move { add(&db, &format!("writer {n}")).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(count(&db).await, 50);
    })
    .await;
}

#[tokio::test]
async fn a_reading_transaction_sees_one_state() {
    on_both_stores(async |db| {
        add(&db, "before").await.unwrap();
        let mut read = db.begin_read().await.unwrap();
        let count_inside = "SELECT count(*) FROM job_schedule";
        let first: i64 = on!(read, c => sqlx::query_scalar(count_inside).fetch_one(c).await.unwrap());
        add(&db, "after").await.unwrap();
        let second: i64 = on!(read, c => sqlx::query_scalar(count_inside).fetch_one(c).await.unwrap());
        assert_eq!((first, second), (1, 1));
        assert_eq!(count(&db).await, 2);
    })
    .await;
}

#[tokio::test]
async fn sqlite_refuses_to_write_outside_a_transaction() {
    let store = TestDatabase::sqlite().await;
    let outcome = on!(store.database(), c => sqlx::query("DELETE FROM job_schedule").execute(c).await.map(drop));
    assert!(outcome.unwrap_err().to_string().contains("readonly"));
}

#[tokio::test]
async fn a_locked_file_is_busy_and_not_a_fault() {
    let store = TestDatabase::sqlite().await;
    let _holder = store.database().begin().await.unwrap();
    let options: sqlx::sqlite::SqliteConnectOptions = store.url().parse().unwrap();
    let mut stranger = options
        .busy_timeout(std::time::Duration::from_millis(1))
        .connect()
        .await
        .unwrap();
    let refusal = sqlx::query("BEGIN IMMEDIATE").execute(&mut stranger).await.unwrap_err();
    assert!(Error::from(refusal).is_busy());
}

#[tokio::test]
async fn a_times_microseconds_are_the_same_on_both_stores() {
    on_both_stores(async |db| {
        let now = database::now();
        let mut tx = db.begin().await.unwrap();
        on!(tx, c => sqlx::query("INSERT INTO job_schedule (name, cron, next_at) VALUES ('a', 'b', $1)").bind(now).execute(c).await.unwrap().rows_affected());
        tx.commit().await.unwrap();
        let found: chrono::DateTime<chrono::Utc> =
            on!(db, c => sqlx::query_scalar("SELECT next_at FROM job_schedule WHERE next_at = $1").bind(now).fetch_one(c).await.unwrap());
        assert_eq!(found, now);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_neither_store_is_explained() {
    let refusal = Database::open("mysql://root:secret@host/groma")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("sqlite:///") && !refusal.contains("secret"),
        "{refusal}"
    );
}

#[tokio::test]
async fn data_of_a_newer_version_is_not_touched() {
    on_both_stores(async |db| {
        let mut tx = db.begin().await.unwrap();
        on!(tx, c => sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, $1, 0)")
            .bind(vec![0_u8]).execute(c).await.unwrap().rows_affected());
        tx.commit().await.unwrap();
        assert!(matches!(db.migrate().await, Err(Error::NewerDatabase { version: 9999 })));
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_sqlite_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let store = TestDatabase::sqlite().await;
    let path = store.url().trim_start_matches("sqlite://").to_owned();
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}
