//! What a widget cannot answer is said clearly.

use serde_json::{Value, json};
use sources::{Source, SourceRequest};
use warehouse::Limits;
use widgets::Model;

use crate::trees::{Park, params};

#[tokio::test]
async fn each_mistake_is_named() {
    let park = Park::open().await;
    let check = async |model: &str, widget: Value, expected: &str| {
        let parameters = params(&[("type", "table"), ("source", "park.trees")]).with("params", widget.clone());
        let source = Source::open(&park.connection, SourceRequest::of_model(&parameters).unwrap())
            .await
            .unwrap();
        let answer = match Model::parse(model) {
            Ok(model) => widgets::model(model, &source, &parameters, &Limits::default()).await,
            Err(error) => Err(error),
        };
        let message = answer.expect_err(&format!("{model} {widget}")).to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(
        "pie",
        json!({}),
        "There is no model pie; there are aggregations, category",
    )
    .await;
    check(
        "formula",
        json!({"column": "nme", "operation": "sum"}),
        "Column not found",
    )
    .await;
    check(
        "formula",
        json!({"column": "kind", "operation": "sum"}),
        "kind is of type string: sum needs a number column",
    )
    .await;
    check("formula", json!({"column": "age", "operation": "median"}), "not median").await;
    check(
        "formula",
        json!({"operation": "custom"}),
        "Parameter operationExp is missing",
    )
    .await;
    check(
        "formula",
        json!({"operation": "custom", "operationExp": "(SELECT count(*) FROM secret)"}),
        "subquery",
    )
    .await;
    check("formula", json!({"operation": "avg"}), "Parameter column is missing").await;
    check("category", json!({}), "Parameter column is missing").await;
    check("category", json!({"column": "geom"}), "needs a column of texts").await;
    check("category", json!({"column": "kind", "orderBy": "random"}), "not random").await;
    check("histogram", json!({"column": "height"}), "Parameter ticks is missing").await;
    check(
        "histogram",
        json!({"column": "kind", "ticks": [1]}),
        "needs a number column",
    )
    .await;
    check(
        "table",
        json!({"column": ["kind"], "sortBy": "geom"}),
        "geom is of type geometry",
    )
    .await;
    check(
        "table",
        json!({"column": ["kind"], "limit": -1}),
        "must not be negative",
    )
    .await;
    check(
        "timeseries",
        json!({"column": "planted", "stepSize": "decade"}),
        "not decade",
    )
    .await;
    check(
        "timeseries",
        json!({"column": "is_old", "stepSize": "year"}),
        "needs a date or timestamp column",
    )
    .await;
    check("aggregations", json!({"aggregations": []}), "is empty").await;
    check("pick", json!({"columns": ["id"]}), "Parameter featureIds is missing").await;
    check(
        "pick",
        json!({"columns": ["id"], "featureIds": ["x"]}),
        "must be a list of ids",
    )
    .await;
}
