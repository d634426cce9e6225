//! What cannot be answered is said clearly.

use crate::trees::{Park, params};
use sources::{Error, Parameters, Selection, Source, SourceRequest};
use warehouse::Limits;

async fn error(park: &Park, pairs: &[(&str, &str)]) -> Error {
    match park.source(pairs).await {
        Ok(source) => panic!("{pairs:?} became {:?}", source.select(&Selection::default())),
        Err(error) => error,
    }
}

#[tokio::test]
async fn what_is_not_there_is_named_with_what_is() {
    let park = Park::open().await;
    let check = async |pairs: &[(&str, &str)], expected: &str| {
        let error = error(&park, pairs).await;
        let message = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(message.contains(expected), "{message}");
        error
    };
    let unknown_table = check(&[("name", "park.tree")], "park.tree").await;
    assert!(
        matches!(unknown_table, Error::Warehouse(warehouse::Error::TableNotFound { .. })),
        "{unknown_table:?}"
    );
    check(&[("q", "SELECT * FROM park.tree")], "park.tree").await;
    check(&[("q", "SELECT nme FROM park.trees")], "nme").await;
    check(
        &[("name", "park.trees"), ("columns", "kind,nme,hight")],
        "Missing columns: nme, hight. There are: id, kind",
    )
    .await;
    let filtered = check(
        &[("name", "park.trees"), ("filters", r#"{"nme":{"in":{"values":[1]}}}"#)],
        "There is no column nme",
    )
    .await;
    assert_eq!(
        (filtered.to_string().as_str(), filtered.column_name()),
        ("Column not found", Some("nme"))
    );
    let area = r#"{"kind":{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,1]]]}}"#;
    check(
        &[("name", "park.trees"), ("spatialFilters", area)],
        "The geometry column is geom",
    )
    .await;
}

#[tokio::test]
async fn a_wrong_geometry_column_is_told_which_there_are() {
    let park = Park::open().await;
    let source = park
        .source(&[("name", "park.trees"), ("spatialDataColumn", "kind")])
        .await
        .unwrap();
    let message = source.require_geometry().unwrap_err().to_string();
    assert_eq!(
        message,
        "kind is not a geometry column. The geometry column is geom: name it as spatialDataColumn"
    );
    let source = park
        .source(&[("q", "SELECT id, geom AS a, geom AS b FROM park.trees")])
        .await
        .unwrap();
    assert!(
        source
            .require_geometry()
            .unwrap_err()
            .to_string()
            .contains("The geometry columns are a, b")
    );
    let source = park.source(&[("q", "SELECT id FROM park.trees")]).await.unwrap();
    assert!(
        source
            .require_geometry()
            .unwrap_err()
            .to_string()
            .contains("the source has none")
    );
}

#[tokio::test]
async fn only_one_query_is_a_source() {
    let park = Park::open().await;
    for (sql, expected) in [
        ("SELECT 1; SELECT 2", "one SQL statement"),
        ("DROP TABLE park.trees", "DROP TABLE"),
        ("INSERT INTO park.trees SELECT * FROM park.trees", "INSERT"),
        ("SELECT * FROM park.trees) AS a; DROP TABLE park.trees; --", ""),
        ("SELEKT * FROM park.trees", ""),
        ("SELECT * FROM park.trees WHERE", ""),
        ("SELECT * FROM read_parquet('/etc/passwd')", ""),
    ] {
        let message = error(&park, &[("q", sql)]).await.to_string();
        assert!(message.contains(expected), "{sql}: {message}");
    }
    assert_eq!(
        park.source(&[("name", "park.trees")])
            .await
            .unwrap()
            .as_table()
            .unwrap()
            .table
            .rows,
        600
    );
}

#[tokio::test]
async fn a_query_of_a_hundred_kilobytes_is_answered() {
    let park = Park::open().await;
    let list: Vec<String> = (0..20_000).map(|id| id.to_string()).collect();
    let sql = format!("SELECT * FROM park.trees WHERE id IN ({})", list.join(", "));
    assert!(sql.len() > 100_000);
    let body = serde_json::json!({ "q": sql, "filters": {"kind": {"in": {"values": ["oak"]}}} });
    let serde_json::Value::Object(body) = body else {
        unreachable!()
    };
    let request = SourceRequest::of_map("query", &Parameters::new([], body)).unwrap();
    let source = Source::open(&park.connection, request).await.unwrap();
    let rows = source
        .objects(&Selection::of(["count(*) AS n"]), &Limits::default())
        .await
        .unwrap();
    let expected = crate::trees::trees()
        .iter()
        .filter(|tree| tree.id < 20_000 && tree.kind == Some("oak"))
        .count();
    assert_eq!(rows[0]["n"], expected);
}

#[tokio::test]
async fn a_missing_value_of_a_placeholder_is_named() {
    let park = Park::open().await;
    let message = error(&park, &[("q", "SELECT * FROM park.trees WHERE age > @age")])
        .await
        .to_string();
    assert!(message.contains("@age"), "{message}");
    let request = SourceRequest::of_map("query", &params(&[("q", "SELECT 1"), ("queryParameters", "{broken")]));
    assert!(
        request
            .unwrap_err()
            .to_string()
            .starts_with("Parameter queryParameters: is not JSON")
    );
}
