//! Reading below SQL: keys, windows, levels of detail, conditions.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float32Type, Int8Type, Int64Type};
use futures::TryStreamExt;
use spatial::{LonLatBox, Quadbin, level_of_detail};
use warehouse::{Error, Scan, Sql, Table, TableName};

use crate::test_lake::TestLake;

async fn points() -> (TestLake, Arc<Table>) {
    let lake = TestLake::new().await;
    lake.run(
        "CREATE TABLE points AS SELECT value AS id, value % 3 AS kind, \
         ST_Point(-179.0 + (value * 7919 % 358000) / 1000.0, -80.0 + (value * 104729 % 160000) / 1000.0) AS geom \
         FROM generate_series(0, 49999)",
    )
    .await;
    let table = lake
        .warehouse
        .table(&TableName::new("public", "points"))
        .await
        .expect("it is there");
    (lake, table)
}

async fn read(lake: &TestLake, scan: Scan) -> Vec<RecordBatch> {
    lake.warehouse
        .scan(scan)
        .await
        .expect("it starts")
        .try_collect()
        .await
        .expect("it is read")
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

fn ids(batches: &[RecordBatch]) -> Vec<i64> {
    let mut ids: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_with_their_keys_in_file_order() {
    let (lake, table) = points().await;
    let batches = read(
        &lake,
        Scan {
            with_keys: true,
            ..Scan::of(table, ["id", "geom"])
        },
    )
    .await;
    assert_eq!(rows(&batches), 50_000);
    let names: Vec<String> = batches[0]
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(names, ["id", "geom", "_qb", "_lod"]);
    let mut last = (0, i64::MIN);
    for batch in &batches {
        let geometries = batch.column(1).as_binary::<i32>();
        let keys = batch.column(2).as_primitive::<Int64Type>();
        let levels = batch.column(3).as_primitive::<Int8Type>();
        for row in 0..batch.num_rows() {
            let wkb = geometries.value(row);
            let number = |at: usize| f64::from_le_bytes(wkb[at..at + 8].try_into().expect("eight bytes"));
            let key = Quadbin::from_lonlat(number(5), number(13), 26)
                .expect("finite")
                .as_i64();
            assert_eq!(keys.value(row), key);
            let place = (level_of_detail::run_of(levels.value(row)), key);
            assert!(place >= last, "rows are sorted by run of levels and key");
            last = place;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_gives_all_its_rows_also_from_rows_without_keys() {
    let (lake, table) = points().await;
    let window = LonLatBox {
        west: 10.0,
        south: 40.0,
        east: 30.0,
        north: 55.0,
    };
    let inside = "ST_X(geom) BETWEEN 10 AND 30 AND ST_Y(geom) BETWEEN 40 AND 55";
    let expected: Vec<i64> = lake
        .rows(format!("SELECT id FROM points WHERE {inside} ORDER BY id"))
        .await
        .iter()
        .map(|row| row[0].parse().expect("a number"))
        .collect();
    let scan = Scan {
        window: Some(window),
        with_keys: true,
        condition: Some(Sql::new(inside)),
        ..Scan::of(table, ["id"])
    };
    let batches = read(&lake, scan.clone()).await;
    assert_eq!(ids(&batches), expected);
    assert_eq!(
        batches[0].schema().fields().len(),
        3,
        "columns of the condition do not show"
    );
    let both = read(
        &lake,
        Scan {
            target_partitions: 4,
            ..scan
        },
    )
    .await;
    assert_eq!(ids(&both), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_range_of_keys_is_one_tile() {
    let (lake, table) = points().await;
    let tile = spatial::TileCoord::new(3, 4, 2).expect("a tile");
    let range = Quadbin::key_range(tile);
    let batches = read(
        &lake,
        Scan {
            key_range: Some((*range.start(), *range.end())),
            ..Scan::of(table, ["id"])
        },
    )
    .await;
    let bounds = tile.bounds();
    let counted = lake
        .rows(format!(
            "SELECT count(*) FROM points WHERE ST_X(geom) >= {} AND ST_X(geom) < {} AND ST_Y(geom) > {} AND ST_Y(geom) <= {}",
            bounds.west, bounds.east, bounds.south, bounds.north
        ))
        .await;
    assert_eq!(rows(&batches).to_string(), counted[0][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_of_detail_leave_rows_out() {
    let (lake, table) = points().await;
    assert!(table.lod_is_global);
    let coarse = read(
        &lake,
        Scan {
            max_lod: Some(0),
            ..Scan::of(table.clone(), ["id"])
        },
    )
    .await;
    let fine = read(
        &lake,
        Scan {
            min_lod: Some(1),
            ..Scan::of(table, ["id"])
        },
    )
    .await;
    assert!(rows(&coarse) > 0);
    assert_eq!(rows(&coarse) + rows(&fine), 50_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn shapes_come_with_their_boxes() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE shapes (id BIGINT, geom GEOMETRY)").await;
    lake.run("INSERT INTO shapes VALUES (1, 'LINESTRING(1 2, 3 5)'), (2, 'POINT(10 20)'), (3, NULL)")
        .await;
    let table = lake
        .warehouse
        .table(&TableName::new("public", "shapes"))
        .await
        .expect("it is there");
    let batches = read(
        &lake,
        Scan {
            with_keys: true,
            ..Scan::of(table.clone(), ["id"])
        },
    )
    .await;
    assert_eq!(rows(&batches), 3);
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("rows");
    assert_eq!(batch.schema().fields().len(), 7);
    let window = LonLatBox {
        west: 0.0,
        south: 0.0,
        east: 4.0,
        north: 6.0,
    };
    let batches = read(
        &lake,
        Scan {
            window: Some(window),
            with_keys: true,
            ..Scan::of(table, ["id"])
        },
    )
    .await;
    assert_eq!(ids(&batches), [1]);
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("rows");
    let west = batch
        .column_by_name("_xmin")
        .expect("a box")
        .as_primitive::<Float32Type>();
    assert!((west.value(0) - 1.0).abs() < 1e-5);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_can_be_asked_of_batches() {
    let (lake, table) = points().await;
    let predicate = lake
        .warehouse
        .predicate(&table, &Sql::new("kind = 1 AND id < 100"))
        .expect("it is a condition");
    assert_eq!(predicate.columns, ["id", "kind"]);
    let batches = read(&lake, Scan::of(table.clone(), ["kind", "geom", "id"])).await;
    let mut hits = 0;
    for batch in &batches {
        hits += predicate.evaluate(batch).expect("it is asked").true_count();
    }
    assert_eq!(hits, 33);
    let wrong = |text: &str| lake.warehouse.predicate(&table, &Sql::new(text)).expect_err(text);
    assert!(matches!(wrong("nothing = 1"), Error::ColumnNotFound { .. }));
    assert!(matches!(wrong("id + 1"), Error::Invalid(_)));
    assert!(matches!(wrong("id = 1; DROP TABLE points"), Error::Syntax { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_columns_and_tables_without_geometry_are_refused() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE plain AS SELECT 1 AS id").await;
    let table = lake
        .warehouse
        .table(&TableName::new("public", "plain"))
        .await
        .expect("it is there");
    let scan = Scan::of(table.clone(), ["nothing"]);
    assert!(matches!(
        lake.warehouse.scan(scan).await.err(),
        Some(Error::ColumnNotFound { .. })
    ));
    let scan = Scan {
        with_keys: true,
        ..Scan::of(table.clone(), ["id"])
    };
    assert!(matches!(lake.warehouse.scan(scan).await.err(), Some(Error::Invalid(_))));
    assert_eq!(rows(&read(&lake, Scan::of(table, ["id"])).await), 1);
}

/// Nobody wrote `public.points.` in these statements.
#[tokio::test]
async fn columns_that_nobody_named_are_called_as_the_statement_reads() {
    let (lake, _) = points().await;
    for (sql, names) in [
        ("SELECT min(id), count(*) FROM points", vec!["min(id)", "count(*)"]),
        (
            "SELECT min(p.id) AS low, max(p.id) FROM points p",
            vec!["low", "max(id)"],
        ),
        (
            "SELECT max(a.id), max(b.id) FROM points a JOIN points b ON a.id = b.id",
            vec!["max(a.id)", "max(b.id)"],
        ),
        (
            "SELECT kind, avg(id) FROM points GROUP BY kind ORDER BY avg(id)",
            vec!["kind", "avg(id)"],
        ),
    ] {
        let rows = lake
            .warehouse
            .query(&Sql::new(sql), &warehouse::Limits::default())
            .await;
        let schema = rows.expect("it runs").schema();
        let found: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(found, names, "{sql}");
    }
    lake.run("CREATE TABLE totals AS SELECT kind, sum(id) FROM points GROUP BY kind")
        .await;
    lake.run("CREATE VIEW means AS SELECT kind, avg(id) FROM points GROUP BY kind")
        .await;
    assert_eq!(lake.rows("SELECT count(\"sum(id)\") FROM totals").await, [["3"]]);
    assert_eq!(lake.rows("SELECT count(\"avg(id)\") FROM means").await, [["3"]]);
}
