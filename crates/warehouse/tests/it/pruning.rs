//! A spatial condition reads few pages of a big table, whatever SQL stands around it.

use warehouse::{GeometryKind, TableName};

use crate::test_lake::TestLake;

/// Evenly spread points between 0 and 40 degrees east, 40 and 70 degrees north (Roberts' R2 sequence).
async fn points_lake(rows: usize) -> TestLake {
    let lake = TestLake::new().await;
    lake.run(format!(
        "CREATE TABLE points AS SELECT value AS id, value % 7 AS kind, \
         ST_Point(40.0 * (value * 0.7548776662466927 - floor(value * 0.7548776662466927)), \
         40.0 + 30.0 * (value * 0.5698402909980532 - floor(value * 0.5698402909980532))) AS geom \
         FROM generate_series(1, {rows})"
    ))
    .await;
    lake
}

/// What EXPLAIN ANALYZE says of the scan, and the rows that came out of it.
#[derive(Debug)]
struct Read {
    /// Pages left after all pruning, and pages there are in the row groups that were left.
    pages: (u64, u64),
    row_groups: (u64, u64),
    rows: u64,
}

async fn read(lake: &TestLake, query: &str) -> Read {
    let plan = lake.rows(format!("EXPLAIN ANALYZE {query}")).await;
    let text = plan.iter().map(|row| row[1].as_str()).collect::<Vec<_>>().join("\n");
    let scan = text
        .lines()
        .find(|line| line.contains("DataSourceExec"))
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned();
    Read {
        pages: matched(&scan, "page_index_pages_pruned"),
        row_groups: matched(&scan, "row_groups_pruned_statistics"),
        rows: number(&scan, "output_rows="),
    }
}

/// `name=100 total → 3 matched`.
fn matched(scan: &str, name: &str) -> (u64, u64) {
    let Some((_, rest)) = scan.split_once(&format!("{name}=")) else {
        panic!("no {name} in {scan}")
    };
    let (total, rest) = rest.split_once(" total").unwrap_or_else(|| panic!("{name} in {scan}"));
    let matched = rest
        .trim_start_matches([' ', '→'])
        .split(' ')
        .next()
        .unwrap_or_default();
    (count(matched), count(total))
}

fn number(scan: &str, name: &str) -> u64 {
    let (_, rest) = scan.split_once(name).unwrap_or_else(|| panic!("no {name} in {scan}"));
    count(rest.split([',', ']']).next().unwrap_or_default())
}

/// `1.23 K` and `4.00 M` are how large counts are shown.
fn count(text: &str) -> u64 {
    let text = text.trim();
    let (digits, factor) = match text.split_once(' ') {
        Some((digits, "K")) => (digits, 1e3),
        Some((digits, "M")) => (digits, 1e6),
        Some((digits, _)) => (digits, 1.0),
        None => (text, 1.0),
    };
    (digits.parse::<f64>().unwrap_or_else(|error| panic!("{text}: {error}")) * factor) as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_window_reads_at_most_two_percent_of_the_pages() {
    const ROWS: usize = 6_000_000;
    let lake = points_lake(ROWS).await;
    lake.run("CREATE VIEW seen AS SELECT id, kind, geom FROM points WHERE kind < 5")
        .await;
    // About a tile of zoom 12.
    let window = "POLYGON((13.3 52.4, 13.388 52.4, 13.388 52.454, 13.3 52.454, 13.3 52.4))";
    let condition = format!("ST_Intersects(geom, ST_GeomFromText('{window}'))");
    let pages = (ROWS as u64).div_ceil(2_048);
    for query in [
        format!("SELECT * FROM points WHERE {condition}"),
        format!("SELECT * FROM (SELECT * FROM points) source WHERE {condition}"),
        format!("SELECT * FROM (SELECT id, geom FROM points WHERE kind = 3 ORDER BY id) source WHERE {condition}"),
        format!("SELECT * FROM seen WHERE {condition}"),
        format!("WITH source AS (SELECT *, id * 2 AS double FROM points) SELECT * FROM source WHERE {condition}"),
        format!("SELECT * FROM points WHERE ST_Within(geom, ST_GeomFromText('{window}')) AND kind = 1"),
        "SELECT * FROM points WHERE ST_DWithin(geom, ST_Point(13.34, 52.42), 0.05)".to_owned(),
    ] {
        let read = read(&lake, &query).await;
        assert!(read.pages.0 * 50 <= pages, "{query}: {read:?} of {pages} pages");
        assert!(read.rows < 2_000, "{query}: {read:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pruned_and_unpruned_queries_give_the_same_rows() {
    let lake = points_lake(500_000).await;
    for (west, south, east, north) in [
        (13.3, 52.4, 14.4, 53.5),
        (-180.0, -60.0, -179.0, 60.0),
        (179.0, -10.0, 185.0, 10.0),
        (-200.0, -5.0, -178.0, 5.0),
        (0.0, 59.9, 360.0, 90.0),
    ] {
        let window = format!(
            "ST_GeomFromText('POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))')"
        );
        let pruned = lake
            .rows(format!(
                "SELECT count(*), sum(id) FROM points WHERE ST_Intersects(geom, {window})"
            ))
            .await;
        let plain = lake
            .rows(format!(
                "SELECT count(*), sum(id) FROM points WHERE ST_X(geom) BETWEEN {west} AND {east} AND ST_Y(geom) BETWEEN {south} AND {north}"
            ))
            .await;
        assert_eq!(pruned, plain, "{west} {south} {east} {north}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shapes_are_pruned_by_their_boxes() {
    let lake = TestLake::new().await;
    lake.run(
        "CREATE TABLE squares AS SELECT value AS id, \
         ST_Buffer(ST_Point(-170.0 + 340.0 * ((value * 7919) % 300000) / 300000.0, -60.0 + 120.0 * ((value * 104729) % 300000) / 300000.0), 0.01, 'quad_segs=1') AS geom \
         FROM generate_series(0, 299999)",
    )
    .await;
    let table = lake
        .warehouse
        .table(&TableName::new("public", "squares"))
        .await
        .expect("it is there");
    assert_eq!(
        table.geometry.as_ref().map(|geometry| geometry.kind),
        Some(GeometryKind::Polygons)
    );
    let condition =
        "ST_Intersects(geom, ST_GeomFromText('POLYGON((13.3 52.3, 13.8 52.3, 13.8 52.8, 13.3 52.8, 13.3 52.3))'))";
    let read = read(&lake, &format!("SELECT id FROM squares WHERE {condition}")).await;
    let pages = 300_000u64.div_ceil(2_048);
    assert!(read.pages.0 * 5 <= pages, "{read:?} of {pages}");
    let pruned = lake
        .rows(format!("SELECT count(*), sum(id) FROM squares WHERE {condition}"))
        .await;
    let plain = lake
        .rows(format!(
            "SELECT count(*), sum(id) FROM squares WHERE ({condition}) IS TRUE OR 1 = 2"
        ))
        .await;
    assert_eq!(pruned, plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_another_crs_is_pruned_too() {
    let lake = TestLake::new().await;
    lake.run(
        "CREATE TABLE mercator AS SELECT value AS id, ST_SetSRID(ST_Point(-19000000.0 + value * 38.0, -8000000.0 + (value * 7919) % 16000000), 3857) AS geom \
         FROM generate_series(0, 999999)",
    )
    .await;
    let condition = "ST_Intersects(geom, ST_SetSRID(ST_GeomFromText('POLYGON((1000000 6000000, 1100000 6000000, 1100000 6100000, 1000000 6100000, 1000000 6000000))'), 3857))";
    let found = read(&lake, &format!("SELECT id FROM mercator WHERE {condition}")).await;
    assert!(found.pages.0 * 5 <= 1_000_000u64.div_ceil(2_048), "{found:?}");
    let pruned = lake
        .rows(format!("SELECT count(*), sum(id) FROM mercator WHERE {condition}"))
        .await;
    let plain = lake
        .rows("SELECT count(*), sum(id) FROM mercator WHERE ST_X(geom) BETWEEN 1000000 AND 1100000 AND ST_Y(geom) BETWEEN 6000000 AND 6100000")
        .await;
    assert_eq!(pruned, plain);
    assert_ne!(pruned[0][0], "0");
}
