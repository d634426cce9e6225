//! Placeholders and their values, on rows.

use serde_json::{Value, json};
use warehouse::{Parameters, Sql};

use crate::test_lake::TestLake;

fn sql(text: &str, parameters: Value) -> Sql {
    Sql::new(text).with(match parameters {
        Value::Object(named) => Parameters::Named(named),
        Value::Array(positional) => Parameters::Positional(positional),
        _ => Parameters::None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn values_reach_the_rows_in_every_style() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a', 1.5), (2, 'b', 2.5), (3, 'it''s', 3.5)) v(id, name, x)")
        .await;
    let check = async |text: &str, parameters: Value, expected: &[&str]| {
        let rows = lake.rows(sql(text, parameters)).await;
        let found: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(found, expected, "{text}");
    };
    check("SELECT id FROM t WHERE id = @id", json!({"id": 2}), &["2"]).await;
    check("SELECT id FROM t WHERE id = :id", json!({"id": 2}), &["2"]).await;
    check("SELECT id FROM t WHERE id = $id", json!({"id": 2}), &["2"]).await;
    check("SELECT id FROM t WHERE id = $1 AND name = $2", json!([2, "b"]), &["2"]).await;
    check("SELECT id FROM t WHERE id = :1 AND name = :2", json!([2, "b"]), &["2"]).await;
    check("SELECT id FROM t WHERE id = ? AND name = ?", json!([2, "b"]), &["2"]).await;
    check(
        "SELECT id FROM t WHERE name IN UNNEST(@names) ORDER BY 1",
        json!({"names": ["a", "it's"]}),
        &["1", "3"],
    )
    .await;
    check(
        "SELECT id FROM t WHERE id IN UNNEST(@ids) ORDER BY 1",
        json!({"ids": [1, 3]}),
        &["1", "3"],
    )
    .await;
    check("SELECT id FROM t WHERE id IN UNNEST(@ids)", json!({"ids": []}), &[]).await;
    check(
        "SELECT id FROM t WHERE id NOT IN UNNEST(@ids) ORDER BY 1",
        json!({"ids": []}),
        &["1", "2", "3"],
    )
    .await;
    check(
        "SELECT id FROM t WHERE x > @x ORDER BY id LIMIT @n",
        json!({"x": 1.7, "n": 1}),
        &["2"],
    )
    .await;
    check(
        "SELECT id FROM t WHERE x BETWEEN @a AND @b",
        json!({"a": -1, "b": 2}),
        &["1"],
    )
    .await;
    check("SELECT CAST(@d AS DATE)", json!({"d": "2026-01-31"}), &["2026-01-31"]).await;
    check("SELECT @x IS NULL", json!({"x": null}), &["true"]).await;
    check("SELECT '@id ? :id', @id", json!({"id": 7}), &["@id ? :id"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_cannot_change_the_statement() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE t AS SELECT 1 AS id, 'a' AS name").await;
    for value in [
        "a' OR '1' = '1",
        "a'; DROP TABLE t; --",
        "\\' OR 1 = 1 --",
        "a\\",
        "\"",
        "`",
        "$1 @x ?",
    ] {
        let rows = lake
            .rows(sql("SELECT id FROM t WHERE name = @name", json!({ "name": value })))
            .await;
        assert!(rows.is_empty(), "{value}");
        let back = lake.rows(sql("SELECT @name", json!({ "name": value }))).await;
        assert_eq!(back, [[value]]);
    }
    assert_eq!(lake.rows("SELECT count(*) FROM t").await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_take_values_too() {
    let lake = TestLake::new().await;
    lake.run("CREATE TABLE t (id INT, name TEXT)").await;
    assert_eq!(
        lake.run(sql("INSERT INTO t VALUES (@id, @name)", json!({"id": 1, "name": "x"})))
            .await,
        1
    );
    assert_eq!(
        lake.run(sql("UPDATE t SET name = ? WHERE id = ?", json!(["y", 1])))
            .await,
        1
    );
    assert_eq!(lake.rows("SELECT * FROM t").await, [["1", "y"]]);
    assert_eq!(lake.run(sql("DELETE FROM t WHERE name = $1", json!(["y"]))).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_value_is_named() {
    let lake = TestLake::new().await;
    let message = lake.error("SELECT @year").await.to_string();
    assert!(message.contains("@year"), "{message}");
    let message = lake.error(sql("SELECT ?, ?", json!([1]))).await.to_string();
    assert!(message.contains("number 2"), "{message}");
}
