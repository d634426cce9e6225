//! Statistics of columns.

use serde_json::json;
use warehouse::{Error, Limits, TableName};

use crate::test_lake::TestLake;

#[tokio::test(flavor = "multi_thread")]
async fn columns_tell_their_range_and_distribution() {
    let lake = TestLake::new().await;
    lake.run(
        "CREATE TABLE t AS SELECT value AS n, CASE WHEN value <= 60 THEN 'a' WHEN value <= 90 THEN 'b' END AS letter, \
         value % 2 = 0 AS even, CAST('2026-01-01' AS DATE) + CAST(value AS INT) AS day, ST_Point(value, 0) AS geom \
         FROM generate_series(1, 100)",
    )
    .await;
    let of = async |column: &str| {
        lake.warehouse
            .column_statistics(&TableName::new("public", "t"), column, &Limits::default())
            .await
            .unwrap_or_else(|error| panic!("{column}: {error}"))
    };
    let n = of("n").await;
    assert_eq!(
        (n.kind.as_str(), n.rows, n.nulls, n.avg),
        ("bigint", 100, 0, Some(50.5))
    );
    assert_eq!((n.min, n.max), (Some(json!(1)), Some(json!(100))));
    assert_eq!(n.histogram.len(), 20);
    assert!(n.histogram.iter().all(|bin| bin.count == 5), "{:?}", n.histogram);
    let letter = of("letter").await;
    assert_eq!((letter.nulls, letter.distinct), (10, Some(2)));
    let found: Vec<_> = letter
        .categories
        .iter()
        .map(|one| (one.category.clone(), one.frequency))
        .collect();
    assert_eq!(found, [(json!("a"), 60), (json!("b"), 30)]);
    let even = of("even").await;
    assert_eq!(even.categories.iter().map(|one| one.frequency).sum::<u64>(), 100);
    let day = of("day").await;
    assert_eq!((day.kind.as_str(), day.min), ("timestamp", Some(json!("2026-01-02"))));
    assert_eq!(day.histogram.iter().map(|bin| bin.count).sum::<u64>(), 100);
    assert_eq!(of("geom").await.kind, "geometry");
    let missing = lake
        .warehouse
        .column_statistics(&TableName::new("public", "t"), "m", &Limits::default())
        .await;
    assert!(matches!(missing, Err(Error::ColumnNotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_and_infinite_columns_are_no_trouble() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE t (x DOUBLE, s TEXT)").await;
    let of = async |column: &str| {
        lake.warehouse
            .column_statistics(&TableName::new("public", "t"), column, &Limits::default())
            .await
            .expect("known")
    };
    assert_eq!(of("x").await.rows, 0);
    assert!(of("s").await.categories.is_empty());
    lake.run("INSERT INTO t (x) VALUES (CAST('NaN' AS DOUBLE)), (CAST('Infinity' AS DOUBLE)), (1.5), (1.5)")
        .await;
    let x = of("x").await;
    assert_eq!((x.min, x.max, x.avg), (Some(json!(1.5)), Some(json!(1.5)), Some(1.5)));
}
