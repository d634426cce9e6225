//! Hot tables in memory give the same answers as files, and EXPLAIN says which of the two it was.

use std::time::Duration;

use crate::test_lake::TestLake;

/// Touches after which a table is read into memory, and some more.
const TOUCHES: usize = 6;

async fn hot_lake() -> TestLake {
    TestLake::with_resident_tables(256 << 20).await
}

async fn plan(lake: &TestLake, query: &str) -> String {
    let rows = lake.rows(format!("EXPLAIN {query}")).await;
    rows.into_iter()
        .map(|row| row[1].clone())
        .collect::<Vec<_>>()
        .join("\n")
}

async fn is_from_memory(lake: &TestLake, query: &str) -> bool {
    plan(lake, query).await.contains("ResidentScanExec")
}

/// Asks until the answer comes from memory: tables and columns are read in the background.
async fn warm(lake: &TestLake, query: &str) {
    for _ in 0..TOUCHES {
        lake.rows(query).await;
    }
    for _ in 0..600 {
        if is_from_memory(lake, query).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{query} never came from memory:\n{}", plan(lake, query).await);
}

async fn sorted(lake: &TestLake, query: &str) -> Vec<Vec<String>> {
    let mut rows = lake.rows(query).await;
    rows.sort();
    rows
}

fn rectangle(west: f64, south: f64, east: f64, north: f64) -> String {
    format!("POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))")
}

fn touches(west: f64, south: f64, east: f64, north: f64) -> String {
    format!(
        "ST_Intersects(geom, ST_GeomFromText('{}', 4326))",
        rectangle(west, south, east, north)
    )
}

/// Every type that columns can have, places on whole degrees so that edges of boxes run through many of them.
const MANY_TYPES: &str = "CREATE TABLE places AS SELECT value AS id, \
    CAST(value % 7 - 3 AS SMALLINT) AS small, \
    CAST(value * 100003 AS BIGINT) - 5000000000 AS big, \
    CASE WHEN value % 11 = 0 THEN NULL ELSE value % 200 END AS sometimes, \
    value * 0.1 AS share, \
    CASE WHEN value % 5 = 0 THEN CAST('NaN' AS DOUBLE) ELSE CAST(value AS DOUBLE) END AS odd, \
    CASE WHEN value % 13 = 0 THEN NULL ELSE concat('kind ', value % 9) END AS kind, \
    concat('a rather long name of place number ', value) AS name, \
    value % 2 = 0 AS is_even, \
    CAST(to_timestamp_seconds(1767225600 + (value % 365) * 86400) AS DATE) AS day, \
    to_timestamp_micros(1700000000000000 + value * 1234567) AS seen, \
    CAST(value AS DECIMAL(12, 3)) AS price, \
    make_array(value, value + 1) AS pair, \
    ST_Point(CAST(value % 361 AS DOUBLE) - 180.0, CAST((value * 7) % 181 AS DOUBLE) - 90.0) AS geom \
    FROM generate_series(0, 19999)";

#[tokio::test(flavor = "multi_thread")]
async fn memory_gives_the_rows_that_files_give() {
    let (hot, cold) = (hot_lake().await, TestLake::new().await);
    for lake in [&hot, &cold] {
        lake.run(MANY_TYPES).await;
        lake.run("CREATE VIEW seen AS SELECT id, kind, share * 2 AS twice, geom FROM places WHERE small > 0")
            .await;
    }
    let columns = [
        "id",
        "small",
        "big",
        "sometimes",
        "share",
        "odd",
        "kind",
        "name",
        "is_even",
        "day",
        "seen",
        "price",
    ];
    // Asked for a few at a time: a look at all columns brings nothing into memory.
    for few in columns.chunks(4) {
        warm(
            &hot,
            &format!(
                "SELECT {} FROM places WHERE {}",
                few.join(", "),
                touches(0.0, 0.0, 1.0, 1.0)
            ),
        )
        .await;
    }
    warm(&hot, "SELECT pair FROM places").await;
    let boxes = [
        touches(-10.0, -20.0, 30.0, 45.0),
        touches(10.0, 10.0, 10.5, 10.5),
        touches(-180.0, -90.0, 180.0, 90.0),
        touches(170.0, -90.0, 180.0, 90.0),
        touches(200.0, 0.0, 220.0, 10.0),
        format!(
            "({} OR {})",
            touches(170.0, -30.0, 180.0, 30.0),
            touches(-180.0, -30.0, -170.0, 30.0)
        ),
        format!(
            "{} AND {}",
            touches(-50.0, -50.0, 20.0, 20.0),
            touches(0.0, 0.0, 50.0, 50.0)
        ),
        format!(
            "ST_Intersects(ST_GeomFromText('{}', 4326), geom)",
            rectangle(5.0, 5.0, 6.0, 6.0)
        ),
        "ST_Within(geom, ST_GeomFromText('POLYGON((0 0, 40 0, 20 40, 0 0))', 4326))".to_owned(),
        "ST_DWithin(geom, ST_GeomFromText('POINT(10 10)', 4326), 5.0)".to_owned(),
        "geom IS NOT NULL".to_owned(),
        "sometimes > 100".to_owned(),
        "true".to_owned(),
    ];
    for window in &boxes {
        for query in [
            format!("SELECT id, small, big, sometimes, share, odd FROM places WHERE {window}"),
            format!("SELECT id, kind, name, is_even, day, seen, price FROM places WHERE {window}"),
            format!("SELECT id, pair, geom FROM places WHERE {window}"),
            format!("SELECT count(*), sum(big), min(name), max(seen), round(avg(share), 6) FROM places WHERE {window}"),
            format!("SELECT kind, count(*), sum(price) FROM places WHERE {window} AND is_even GROUP BY kind"),
            format!("SELECT id FROM places WHERE {window} AND kind = 'kind 3' AND day < '2026-03-01'"),
            format!("SELECT ST_X(geom), ST_Y(geom), id FROM places WHERE {window} AND sometimes IS NULL"),
            format!(
                "SELECT a.id, b.kind FROM places a JOIN places b ON a.id = b.id + 1 WHERE {}",
                window.replace("geom", "a.geom").replace("sometimes", "a.sometimes")
            ),
        ] {
            assert!(is_from_memory(&hot, &query).await, "{query}");
            assert_eq!(sorted(&hot, &query).await, sorted(&cold, &query).await, "{query}");
        }
    }
    for window in &boxes[..6] {
        let query = format!("SELECT count(*), round(sum(twice), 3) FROM seen WHERE {window}");
        assert!(is_from_memory(&hot, &query).await, "{query}");
        assert_eq!(hot.rows(&query).await, cold.rows(&query).await, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_follows_changes_and_leaves_other_moments_to_files() {
    let lake = hot_lake().await;
    lake.run("CREATE TABLE trees AS SELECT value AS id, ST_Point(value % 100, value % 50) AS geom FROM generate_series(1, 5000)")
        .await;
    let here = touches(0.0, 0.0, 10.0, 10.0);
    let count = format!("SELECT count(*), sum(id) FROM trees WHERE {here}");
    warm(&lake, &count).await;
    let version = lake.rows("SELECT max(id) FROM trees").await;
    assert_eq!(version, [["5000"]]);
    let before = lake.rows(&count).await;
    let snapshot = lake
        .warehouse
        .table(&warehouse::TableName::new("public", "trees"))
        .await
        .expect("it is there")
        .snapshot;
    for change in [
        "INSERT INTO trees VALUES (6000, ST_Point(5, 5)), (6001, NULL), (6002, ST_Point(10, 10))",
        "UPDATE trees SET id = id + 1 WHERE id = 6000",
        "DELETE FROM trees WHERE id < 100",
        "INSERT INTO trees SELECT id + 10000, geom FROM trees WHERE id > 4990",
    ] {
        lake.run(change).await;
        let now = lake.rows(&count).await;
        assert_ne!(now, before, "{change}");
        let by_coordinates = "SELECT count(*), sum(id) FROM trees \
            WHERE ST_X(geom) BETWEEN 0 AND 10 AND ST_Y(geom) BETWEEN 0 AND 10";
        assert_eq!(now, lake.rows(by_coordinates).await, "{change}");
        warm(&lake, &count).await;
        assert_eq!(now, lake.rows(&count).await, "{change}");
        let past = count.replace("FROM trees", &format!("FROM trees AT (VERSION => {snapshot})"));
        assert!(!is_from_memory(&lake, &past).await);
        assert_eq!(before, lake.rows(&past).await, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_place_are_not_lost() {
    let (hot, cold) = (hot_lake().await, TestLake::new().await);
    for lake in [&hot, &cold] {
        lake.run("CREATE TABLE odd AS SELECT 1 AS id, ST_Point(1.0, 1.0) AS geom")
            .await;
        for row in [
            "2, NULL",
            "3, ST_GeomFromText('POINT EMPTY')",
            "4, ST_Point(CAST('NaN' AS DOUBLE), 2.0)",
            "5, ST_Point(2.0, 2.0)",
        ] {
            lake.run(format!("INSERT INTO odd VALUES ({row})")).await;
        }
    }
    warm(
        &hot,
        &format!("SELECT id FROM odd WHERE {}", touches(0.0, 0.0, 5.0, 5.0)),
    )
    .await;
    for condition in [
        "true".to_owned(),
        "geom IS NOT NULL".to_owned(),
        "geom IS NULL".to_owned(),
        touches(0.0, 0.0, 5.0, 5.0),
        touches(-180.0, -90.0, 180.0, 90.0),
        format!("NOT {}", touches(0.0, 0.0, 1.5, 1.5)),
    ] {
        for columns in ["id", "count(*)", "id, geom"] {
            let query = format!("SELECT {columns} FROM odd WHERE {condition}");
            assert_eq!(sorted(&hot, &query).await, sorted(&cold, &query).await, "{query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_beyond_the_world_and_with_heights_are_told_apart() {
    let (hot, cold) = (hot_lake().await, TestLake::new().await);
    for lake in [&hot, &cold] {
        lake.run("CREATE TABLE beyond AS SELECT value AS id, ST_Point(170.0 + value, 88.0 + value) AS geom FROM generate_series(0, 30)")
            .await;
        lake.run("CREATE TABLE high AS SELECT value AS id, ST_PointZ(value, value, value * 10.0) AS geom FROM generate_series(0, 30)")
            .await;
    }
    for table in ["beyond", "high"] {
        for window in [
            touches(-180.0, -90.0, -170.0, 90.0),
            touches(175.0, 80.0, 190.0, 95.0),
            touches(190.0, 80.0, 200.0, 200.0),
            touches(0.0, 0.0, 10.0, 10.0),
        ] {
            for columns in ["id", "id, ST_AsText(geom)"] {
                let query = format!("SELECT {columns} FROM {table} WHERE {window}");
                let expected = sorted(&cold, &query).await;
                for _ in 0..TOUCHES {
                    assert_eq!(sorted(&hot, &query).await, expected, "{query}");
                }
            }
        }
    }
    warm(
        &hot,
        &format!("SELECT id FROM high WHERE {}", touches(0.0, 0.0, 10.0, 10.0)),
    )
    .await;
    // Heights are not in memory.
    assert!(
        !is_from_memory(
            &hot,
            &format!("SELECT geom FROM high WHERE {}", touches(0.0, 0.0, 10.0, 10.0))
        )
        .await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_stays_in_files() {
    let lake = TestLake::with_resident_tables(1 << 20).await;
    lake.run("CREATE TABLE many AS SELECT value AS id, ST_Point(value % 100, value % 50) AS geom FROM generate_series(1, 200000)")
        .await;
    let query = format!("SELECT sum(id) FROM many WHERE {}", touches(0.0, 0.0, 10.0, 10.0));
    for _ in 0..TOUCHES {
        assert_eq!(lake.rows(&query).await.len(), 1);
        assert!(!is_from_memory(&lake, &query).await);
    }
    lake.run(
        "CREATE TABLE few AS SELECT value AS id, repeat(cast(value as varchar), 100) AS text, \
        ST_Point(value % 100, value % 50) AS geom FROM generate_series(1, 20000)",
    )
    .await;
    warm(
        &lake,
        &format!("SELECT sum(id) FROM few WHERE {}", touches(0.0, 0.0, 10.0, 10.0)),
    )
    .await;
    // Eight megabytes of texts do not.
    let texts = format!("SELECT max(text) FROM few WHERE {}", touches(0.0, 0.0, 10.0, 10.0));
    for _ in 0..TOUCHES {
        assert_eq!(lake.rows(&texts).await.len(), 1);
        tokio::task::yield_now().await;
        assert!(!is_from_memory(&lake, &texts).await);
    }
}
