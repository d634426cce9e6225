//! The open format: DuckDB reads what we wrote, and we read what DuckDB wrote.

use warehouse::{GeometryKind, TableName};

use crate::lake::{Lake, assert_same_rows, on_both_stores};

/// Both read the same rows of a table; geometries as WKB, UUIDs as text.
async fn assert_agree(lake: &Lake, table: &str, columns: &str) {
    let ours = lake.rows(&format!("SELECT {columns} FROM {table}")).await;
    let theirs = lake.duckdb_rows(&format!("SELECT {columns} FROM lake.{table}"));
    assert!(!ours.is_empty(), "{table} has no rows");
    assert_same_rows(ours, theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_reads_what_we_wrote() {
    on_both_stores(async |lake| {
        lake.execute("CREATE TABLE places (id BIGINT NOT NULL, name VARCHAR, height DOUBLE, geom GEOMETRY)")
            .await;
        lake.execute(
            "INSERT INTO places VALUES (1, 'one', 1.5, ST_Point(71.4, 51.1)), (2, NULL, NULL, NULL), \
             (3, 'three', -2.25, ST_Point(-3.7, 40.4))",
        )
        .await;
        lake.execute("INSERT INTO places VALUES (4, 'a line', 0, ST_GeomFromText('LINESTRING(1 2, 3 4)'))")
            .await;
        lake.execute("UPDATE places SET name = 'uno' WHERE id = 1").await;
        lake.execute("DELETE FROM places WHERE id = 3").await;
        lake.execute("ALTER TABLE places ADD COLUMN note VARCHAR DEFAULT 'old'")
            .await;
        lake.execute("INSERT INTO places VALUES (5, 'five', 5, ST_Point(5, 5), 'new')")
            .await;
        lake.execute("ALTER TABLE places RENAME COLUMN height TO metres").await;
        lake.execute("CREATE VIEW tall AS SELECT id, name FROM places WHERE metres > 1")
            .await;
        assert_agree(lake, "public.places", "id, name, metres, ST_AsWKB(geom), note").await;
        assert_agree(lake, "public.tall", "*").await;
        let columns = lake.duckdb(&[
            "SELECT * FROM lake.public.places LIMIT 0",
            "DESCRIBE lake.public.places",
        ]);
        let names: Vec<_> = columns[1].iter().map(|row| row[0].clone().unwrap()).collect();
        assert_eq!(names, ["id", "name", "metres", "geom", "note"]);
    })
    .await;
}

/// A column of every type that we write, and extreme values of each.
const OUR_COLUMNS: &str = "id INT NOT NULL, txt TEXT, js JSON, flag BOOLEAN, i8 TINYINT, i16 SMALLINT, i32 INT, i64 BIGINT, \
    f32 REAL, f64 DOUBLE, dec DECIMAL(21, 3), big DECIMAL(38, 2), d DATE, tm TIME, ts TIMESTAMP, ts_s TIMESTAMP_S, \
    ts_ms TIMESTAMP_MS, ts_ns TIMESTAMP_NS, tz TIMESTAMPTZ, bin BYTEA, u UUID, geom GEOMETRY, l INT[], \
    st STRUCT<a INT, b TEXT>, ls STRUCT<x INT>[]";
const OUR_VALUES: &str = r#"(1, 'héllo ''quoted'' “x”', '{"a": [1, null]}', true, -128, -32768, -2147483648,
    -9223372036854775808, 1.5, 1e300, '123456789012345678.125', '-123456789012345678901234567890.25', '2026-01-31',
    '12:34:56.789', '2026-01-31 12:34:56.123456', '2026-01-31 12:34:56', '2026-01-31 12:34:56.123',
    '2026-01-31 12:34:56.123456789', '2026-01-31T12:34:56+05:00', X'00ff10', '6ccd780c-baba-1026-9564-5b8c656024db',
    'POLYGON((0 0, 4 0, 4 3, 0 3, 0 0))', [1, NULL, 3], STRUCT(1 AS a, 'x' AS b), [STRUCT(5 AS x)]),
    (2, '', 'null', false, 127, 32767, 2147483647, 9223372036854775807, -0.25, -1e-300, '-0.001', '0.01', '0001-01-01',
    '00:00:00', '1900-01-01', '1969-12-31 23:59:59', '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.999999999',
    '2026-06-30T00:00:00Z', X'', '00000000-0000-0000-0000-000000000000', 'POINT Z (1 2 3)', [],
    STRUCT(NULL AS a, '' AS b), [])"#;

/// One value of every type that DuckDB writes and we read.
const DUCKDB_VALUES: &str = r#"true b, 1::tinyint i8, 2::smallint i16, 3::int i32, 4::bigint i64, 1::utinyint u8,
    2::usmallint u16, 3::uinteger u32, 4::ubigint u64, 1.5::float f, 2.5::double d, 'nan'::double nn,
    '-inf'::double inf, 1.25::decimal(9,2) de, 12345678901234567890.25::decimal(30,2) de2, 'x''y' v,
    '\x00b\xff'::blob bl, date '2020-01-02' da, time '01:02:03.456' t,
    timestamp '2020-01-02 03:04:05.678' ts, timestamptz '2020-01-02 03:04:05+00' tz,
    timestamp_s '2020-01-02 03:04:05' tss, timestamp_ms '2020-01-02 03:04:05' tsm,
    timestamp_ns '2020-01-02 03:04:05.123456789' tsn, '{"a":1}'::json j, [1,2,null] l,
    {'a': 1, 'b': 'x, q'} s, ['a,b', null, 'NULL', ''] lv, map{'k': 1} m"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_type_means_the_same_to_duckdb() {
    on_both_stores(async |lake| {
        // Written by us, read by DuckDB.
        lake.execute(&format!("CREATE TABLE ours ({OUR_COLUMNS})")).await;
        lake.execute(&format!("INSERT INTO ours VALUES {OUR_VALUES}")).await;
        lake.execute("INSERT INTO ours (id) VALUES (3)").await;
        lake.execute("CREATE TABLE copied AS SELECT * FROM ours").await;
        for table in ["ours", "copied"] {
            let ours = lake
                .rows(&format!("SELECT * EXCLUDE (u, geom), u, ST_AsWKB(geom) FROM {table}"))
                .await;
            let theirs = lake.duckdb_rows(&format!(
                "SELECT * EXCLUDE (u, geom), u::VARCHAR, ST_AsWKB(geom) FROM lake.public.{table}"
            ));
            assert_eq!(ours.len(), 3);
            assert_same_rows(ours, theirs);
        }

        // Written by DuckDB, into the catalog and as a file, read by us.
        lake.duckdb(&[
            &format!("CREATE TABLE lake.public.inlined AS SELECT {DUCKDB_VALUES}"),
            "INSERT INTO lake.public.inlined (b) VALUES (NULL)",
            &format!("CREATE TABLE lake.public.filed AS SELECT {DUCKDB_VALUES} FROM range(20)"),
        ]);
        assert_agree(lake, "public.filed", "*").await;
        assert_agree(lake, "public.inlined", "*").await;
        // Inlined in SQLite, DuckDB reads its own text back without the quotes. We give what was written.
        lake.duckdb(&["CREATE TABLE lake.public.quoted AS SELECT {'a': 1, 'b': 'x ''q'''} s"]);
        assert_eq!(lake.rows("SELECT s['b'] FROM quoted").await, ["x 'q'"]);
        lake.duckdb(&[
            "CREATE TABLE lake.public.uuids (i BIGINT, u UUID DEFAULT '00000000-0000-0000-0000-000000000001')",
            "INSERT INTO lake.public.uuids (i) VALUES (1)",
            "INSERT INTO lake.public.uuids (i) SELECT 1 FROM range(20)",
        ]);
        let ours = lake.rows("SELECT i, u FROM uuids").await;
        assert_same_rows(ours, lake.duckdb_rows("SELECT i, u::VARCHAR FROM lake.public.uuids"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn we_read_what_duckdb_did_to_its_tables() {
    on_both_stores(async |lake| {
        lake.duckdb(&[
            "CREATE TABLE lake.public.t (id BIGINT NOT NULL, name VARCHAR DEFAULT 'dd', v DOUBLE)",
            "INSERT INTO lake.public.t VALUES (1, 'a', 0.5), (2, 'b', NULL)",
            "INSERT INTO lake.public.t SELECT i, 'n' || i, i / 2 FROM range(100, 1100) r(i)",
            "INSERT INTO lake.public.t SELECT i, 'n' || i, i / 2 FROM range(5000, 5005) r(i)",
            // Inlined deletes, a delete file, an update of a row that is in a file.
            "DELETE FROM lake.public.t WHERE id IN (1, 105, 106)",
            "DELETE FROM lake.public.t WHERE id BETWEEN 200 AND 400",
            "UPDATE lake.public.t SET name = 'zz' WHERE id = 500",
        ]);
        assert_agree(lake, "public.t", "*").await;
        let before = lake.rows("SELECT * FROM t").await;
        let version = lake.duckdb(&["SELECT max(snapshot_id) FROM lake.snapshots()"])[0][0][0]
            .clone()
            .unwrap();
        lake.duckdb(&[
            "ALTER TABLE lake.public.t ADD COLUMN extra INT DEFAULT 7",
            "INSERT INTO lake.public.t VALUES (9, 'new', 1, 8)",
            "ALTER TABLE lake.public.t RENAME COLUMN name TO title",
            "ALTER TABLE lake.public.t ALTER extra SET DATA TYPE BIGINT",
            "COMMENT ON COLUMN lake.public.t.id IS 'the number'",
            "CREATE VIEW lake.public.w(a, b) AS SELECT id, title FROM lake.public.t WHERE id > 3",
        ]);
        assert_agree(lake, "public.t", "*").await;
        assert_agree(lake, "public.w", "*").await;
        // DuckDB moves inlined rows to a file that says of each row which snapshot it is of.
        lake.duckdb(&["CALL ducklake_flush_inlined_data('lake')"]);
        assert_agree(lake, "public.t", "*").await;
        let then = lake.rows(&format!("SELECT * FROM t AT (VERSION => {version})")).await;
        assert_same_rows(then, before);
        lake.duckdb(&[
            "ALTER TABLE lake.public.t DROP COLUMN v",
            "CALL ducklake_merge_adjacent_files('lake')",
        ]);
        assert_agree(lake, "public.t", "*").await;

        // Our own changes on top, and DuckDB's on top of those.
        lake.execute("UPDATE t SET title = 'ours' WHERE id = 501").await;
        lake.execute("DELETE FROM t WHERE id = 502").await;
        lake.duckdb(&[
            "DELETE FROM lake.public.t WHERE id = 503",
            "INSERT INTO lake.public.t VALUES (10, 'x', 1)",
        ]);
        assert_agree(lake, "public.t", "*").await;
        let report = lake.compact("t").await;
        assert_eq!(report.files_after, 1);
        assert_agree(lake, "public.t", "*").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn geometries_of_duckdb_are_laid_out_by_compaction() {
    on_both_stores(async |lake| {
        lake.duckdb(&[
            "CREATE TABLE lake.public.g AS SELECT i id, ST_Point(i / 10 - 100, i / 100) geom FROM range(3000) r(i)",
            "INSERT INTO lake.public.g VALUES (-1, NULL), (-2, ST_GeomFromText('POLYGON((0 0, 1 0, 1 1, 0 0))'))",
            "DELETE FROM lake.public.g WHERE id = 7",
        ]);
        assert_agree(lake, "public.g", "id, ST_AsWKB(geom)").await;
        let name = TableName::new("public", "g");
        let geometry = lake.warehouse.table(&name).await.unwrap().geometry.clone().unwrap();
        assert!(!geometry.is_keyed);
        assert_eq!(geometry.kind, GeometryKind::Mixed);
        let before = lake.rows("SELECT id, ST_AsText(geom) FROM g").await;
        lake.compact("g").await;
        let table = lake.warehouse.table(&name).await.unwrap();
        assert_eq!((table.files.len(), table.rows), (1, 3001));
        assert!(table.geometry.clone().unwrap().is_keyed);
        assert_same_rows(lake.rows("SELECT id, ST_AsText(geom) FROM g").await, before);
        assert_agree(lake, "public.g", "id, ST_AsWKB(geom)").await;
    })
    .await;
}
