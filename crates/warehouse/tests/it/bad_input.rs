//! Bad input gets a clear answer: what, where, what to do.

use warehouse::{Error, Limits, Sql, TableName};

use crate::test_lake::TestLake;

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_are_told_with_near_ones() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE trees (id INT, species TEXT, \"Height\" INT)")
        .await;
    match lake.error("SELECT * FROM tres").await {
        Error::TableNotFound { name, near } => {
            assert_eq!((name.as_str(), near), ("public.tres", vec!["public.trees".to_owned()]))
        }
        other => panic!("{other:?}"),
    }
    match lake.error("SELECT * FROM parks.trees").await {
        Error::TableNotFound { near, .. } => assert_eq!(near, ["public.trees"]),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        lake.error("SELECT * FROM pubic.x").await,
        Error::SchemaNotFound { .. }
    ));
    match lake.error("SELECT specie FROM trees").await {
        Error::ColumnNotFound { column_name, near } => {
            assert_eq!((column_name.as_str(), near), ("specie", vec!["species".to_owned()]))
        }
        other => panic!("{other:?}"),
    }
    match lake.error("SELECT height FROM trees").await {
        Error::ColumnNotFound { near, .. } => assert_eq!(near, ["\"Height\""]),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        lake.error("SELECT st_intersect(1, 2)").await,
        Error::FunctionNotFound { .. }
    ));
    assert!(matches!(
        lake.warehouse.table(&TableName::new("public", "no")).await,
        Err(Error::TableNotFound { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_query_does_not_write() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE t (a INT)").await;
    for text in [
        "INSERT INTO t VALUES (1)",
        "DELETE FROM t",
        "UPDATE t SET a = 1",
        "DROP TABLE t",
        "CREATE TABLE u AS SELECT 1 AS a",
        "TRUNCATE TABLE t",
        "CREATE SCHEMA s",
    ] {
        let error = lake
            .warehouse
            .query(&Sql::new(text), &Limits::default())
            .await
            .expect_err(text);
        assert!(matches!(error, Error::ReadOnly { .. }), "{text}: {error:?}");
    }
    for text in [
        "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
        "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
        "SELECT 1 INTO u",
    ] {
        assert!(
            lake.warehouse.query(&Sql::new(text), &Limits::default()).await.is_err(),
            "{text}"
        );
    }
    let outcome = lake
        .warehouse
        .query(&Sql::new("SELECT 1; DROP TABLE t"), &Limits::default())
        .await;
    assert!(matches!(outcome, Err(Error::StatementCount { found: 2 })));
    assert_eq!(lake.rows("SELECT count(*) FROM t").await, [["0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_does_not_reach_the_machine() {
    let lake = TestLake::new().await;
    for text in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM '/tmp/x.parquet'",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM parquet_scan('/x')",
        "SELECT * FROM sd_random_geometry('{}')",
        "SELECT * FROM sd_read('/etc/passwd')",
        "SELECT RS_FromPath('/etc/passwd')",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/groma-test-copy.csv'",
        "COPY t FROM '/etc/passwd'",
        "SET datafusion.execution.batch_size = 1",
        "ATTACH 'x' AS y",
        "LOAD 'x'",
        "PREPARE p AS SELECT 1",
    ] {
        let error = lake.error(text).await;
        assert!(!matches!(error, Error::Internal(_)), "{text}: {error:?}");
    }
    assert!(!std::path::Path::new("/tmp/groma-test-copy.csv").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_a_hundred_kilobytes_is_answered() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE t AS SELECT value AS id FROM generate_series(1, 100)")
        .await;
    let conditions: Vec<String> = (0..9_000).map(|number| format!("id = {number}")).collect();
    let text = format!("SELECT count(*) FROM t WHERE {}", conditions.join(" OR "));
    assert!(text.len() > 100_000);
    assert_eq!(lake.rows(text).await, [["100"]]);
    let list: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    assert_eq!(
        lake.rows(format!("SELECT count(*) FROM t WHERE id IN ({})", list.join(",")))
            .await,
        [["100"]]
    );
    let text = format!("SELECT length('{}')", "x".repeat(100_000));
    assert_eq!(lake.rows(text).await, [["100000"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_nesting_is_answered_or_refused() {
    let lake = TestLake::new().await;
    for depth in [50, 200, 1_000, 10_000] {
        let nested = format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
        let sums = format!("SELECT 1{}", " + 1".repeat(depth));
        let calls = format!("SELECT {}1{}", "abs(".repeat(depth), ")".repeat(depth));
        let queries = format!("{}SELECT 1{}", "SELECT * FROM (".repeat(depth), ")".repeat(depth));
        for text in [nested, sums, calls, queries] {
            let _ = lake.try_rows(&Sql::new(text)).await;
        }
    }
    assert_eq!(lake.rows("SELECT 1").await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_geometries_are_stored_and_found_where_they_are() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE odd (id INT, geom GEOMETRY)").await;
    lake.run(
        "INSERT INTO odd VALUES \
         (1, NULL), (2, 'POINT EMPTY'), (3, 'POLYGON EMPTY'), \
         (4, 'POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (4 4, 6 4, 6 6, 4 6, 4 4))'), \
         (5, 'POLYGON((170 0, 190 0, 190 10, 170 10, 170 0))'), \
         (6, 'GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(2 2, 3 3))'), \
         (7, ST_Point(CAST('NaN' AS DOUBLE), 1)), (8, ST_Point(CAST('Infinity' AS DOUBLE), 1)), \
         (9, 'POINT(5 5)'), (10, 'POINT Z (1 2 3)')",
    )
    .await;
    let inside = async |window: &str| {
        let rows = lake
            .rows(format!(
                "SELECT id FROM odd WHERE ST_Intersects(geom, ST_GeomFromText('{window}')) ORDER BY id"
            ))
            .await;
        rows.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        inside("POLYGON((0.5 0.5, 1.5 0.5, 1.5 2.5, 0.5 2.5, 0.5 0.5))").await,
        "4 6 10"
    );
    assert_eq!(
        inside("POLYGON((4.5 4.5, 5.5 4.5, 5.5 5.5, 4.5 5.5, 4.5 4.5))").await,
        "9"
    );
    assert_eq!(inside("POLYGON((185 1, 186 1, 186 2, 185 2, 185 1))").await, "5");
    assert_eq!(lake.rows("SELECT count(*), count(geom) FROM odd").await, [["10", "9"]]);
    assert_eq!(lake.rows("SELECT id FROM odd WHERE geom IS NULL").await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_answers_like_any_other() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE empty (id INT, geom GEOMETRY)").await;
    assert!(lake.rows("SELECT * FROM empty").await.is_empty());
    assert_eq!(lake.rows("SELECT count(*) FROM empty").await, [["0"]]);
    assert!(
        lake.rows("SELECT * FROM empty WHERE ST_Intersects(geom, ST_Point(1, 2))")
            .await
            .is_empty()
    );
    assert_eq!(lake.run("DELETE FROM empty WHERE id = 1").await, 0);
    assert_eq!(lake.run("UPDATE empty SET id = 2").await, 0);
    let table = lake
        .warehouse
        .table(&TableName::new("public", "empty"))
        .await
        .expect("it is there");
    assert_eq!(table.rows, 0);
    assert!(table.geometry.is_some());
}
