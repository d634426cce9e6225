//! Every model gives the numbers that plain loops over the fixture find.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sources::{Source, SourceRequest};
use warehouse::Limits;
use widgets::Model;

use crate::trees::{Park, Tree, params, trees};

/// The answer of a model over the table and over a query of it, which must be the same.
async fn answer(park: &Park, model: &str, widget: Value, more: &[(&str, &str)]) -> Value {
    let mut answers = Vec::new();
    for source in [
        [("type", "table"), ("source", "park.trees")],
        [
            ("type", "query"),
            ("source", "SELECT * FROM park.trees ORDER BY age LIMIT 1000"),
        ],
    ] {
        let parameters = params(&[&source[..], more].concat()).with("params", widget.clone());
        let source = Source::open(&park.connection, SourceRequest::of_model(&parameters).unwrap())
            .await
            .unwrap();
        let mut answer = widgets::model(Model::parse(model).unwrap(), &source, &parameters, &Limits::default())
            .await
            .unwrap();
        if model == "scatterplot" {
            // Its pairs come in no order.
            answer["rows"].as_array_mut().unwrap().sort_by_key(Value::to_string);
        }
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1], "{model} {widget}");
    answers.remove(0)
}

const OLD: (&str, &str) = ("filters", r#"{"is_old":{"in":{"values":[true]}}}"#);
const ASTANA: (&str, &str) = (
    "spatialFilters",
    r#"{"geom":{"type":"Polygon","coordinates":[[[71.2,51.1],[71.6,51.1],[71.6,51.3],[71.2,51.3],[71.2,51.1]]]}}"#,
);

fn is_in_astana(tree: &Tree) -> bool {
    tree.place
        .is_some_and(|[lon, lat]| (71.2..=71.6).contains(&lon) && (51.1..=51.3).contains(&lat))
}

fn close(answer: &Value, expected: f64) {
    let answer = answer.as_f64().unwrap_or_else(|| panic!("{answer} is no number"));
    assert!(
        (answer - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{answer} is not {expected}"
    );
}

#[tokio::test]
async fn a_formula_is_one_number() {
    let park = Park::open().await;
    let value = async |widget: Value, more: &[(&str, &str)]| {
        answer(&park, "formula", widget, more).await["rows"][0]["value"].clone()
    };
    assert_eq!(value(json!({"column": "*", "operation": "count"}), &[]).await, 600);
    assert_eq!(value(json!({}), &[OLD]).await, 150);
    let heights: Vec<f64> = trees()
        .iter()
        .filter(|tree| is_in_astana(tree))
        .filter_map(|tree| tree.height)
        .collect();
    let sum: f64 = heights.iter().sum();
    close(
        &value(json!({"column": "height", "operation": "sum"}), &[ASTANA]).await,
        sum,
    );
    close(
        &value(json!({"column": "height", "operation": "avg"}), &[ASTANA]).await,
        sum / heights.len() as f64,
    );
    close(
        &value(json!({"column": "height", "operation": "max"}), &[ASTANA]).await,
        heights.iter().copied().fold(f64::MIN, f64::max),
    );
    close(
        &value(json!({"column": "height", "operation": "min"}), &[ASTANA]).await,
        heights.iter().copied().fold(f64::MAX, f64::min),
    );
    // A 64-bit sum is a number, not a string.
    assert!(
        value(json!({"column": "id", "operation": "max"}), &[])
            .await
            .is_number()
    );
    let custom = json!({"column": "*", "operation": "custom", "operationExp": "sum(age) / count(DISTINCT kind)"});
    let ages: i64 = trees().iter().map(|tree| i64::from(tree.age)).sum();
    assert_eq!(value(custom, &[]).await, ages / 5);
    let nothing = ("filters", r#"{"age":{"in":{"values":[]}}}"#);
    assert_eq!(
        value(json!({"column": "height", "operation": "sum"}), &[nothing]).await,
        Value::Null
    );
    assert_eq!(
        value(json!({"column": "height", "operation": "count"}), &[nothing]).await,
        0
    );
}

fn by_kind(of: impl Fn(&[Tree]) -> Value, passes: impl Fn(&Tree) -> bool) -> Vec<(Value, Value)> {
    let mut groups: BTreeMap<Option<&str>, Vec<Tree>> = BTreeMap::new();
    for tree in trees().into_iter().filter(|tree| passes(tree)) {
        groups.entry(tree.kind).or_default().push(tree);
    }
    groups
        .into_iter()
        .map(|(kind, trees)| (json!(kind), of(&trees)))
        .collect()
}

fn rows(pairs: Vec<(Value, Value)>) -> Value {
    pairs
        .into_iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

#[tokio::test]
async fn categories_come_in_the_order_asked_for() {
    let park = Park::open().await;
    let counts = by_kind(|trees| json!(trees.len()), |tree| tree.is_old);
    let sorted = |compare: &dyn Fn(&(Value, Value), &(Value, Value)) -> std::cmp::Ordering| {
        let mut counts = counts.clone();
        counts.sort_by(compare);
        rows(counts)
    };
    let number = |pair: &(Value, Value)| pair.1.as_i64().unwrap();
    // Null comes last.
    let name = |pair: &(Value, Value)| (pair.0.is_null(), pair.0.as_str().unwrap_or_default().to_owned());
    for (order, expected) in [
        (
            None,
            sorted(&|a, b| number(b).cmp(&number(a)).then(name(a).cmp(&name(b)))),
        ),
        (
            Some("frequency_asc"),
            sorted(&|a, b| number(a).cmp(&number(b)).then(name(a).cmp(&name(b)))),
        ),
        (Some("alphabetical_asc"), sorted(&|a, b| name(a).cmp(&name(b)))),
        (
            Some("alphabetical_desc"),
            sorted(&|a, b| name(a).0.cmp(&name(b).0).then(name(b).1.cmp(&name(a).1))),
        ),
    ] {
        let widget = json!({"column": "kind", "operation": "count", "operationColumn": "kind", "orderBy": order});
        assert_eq!(
            answer(&park, "category", widget, &[OLD]).await["rows"],
            expected,
            "{order:?}"
        );
    }
}

#[tokio::test]
async fn categories_beyond_the_threshold_are_put_together() {
    let park = Park::open().await;
    for (operation, expected) in [
        (
            "count",
            (|values: &[f64], rows: usize| if values.is_empty() { 0.0 } else { rows as f64 })
                as fn(&[f64], usize) -> f64,
        ),
        ("sum", |values, _| values.iter().sum()),
        ("avg", |values, _| values.iter().sum::<f64>() / values.len() as f64),
        ("max", |values, _| values.iter().copied().fold(f64::MIN, f64::max)),
        ("min", |values, _| values.iter().copied().fold(f64::MAX, f64::min)),
        ("custom", |values, _| values.iter().sum::<f64>() / 2.0),
    ] {
        let widget = json!({
            "column": "kind", "operation": operation, "operationColumn": "height", "othersThreshold": 2,
            "operationExp": "sum(height) / 2", "orderBy": "frequency_desc",
        });
        let answer = answer(&park, "category", widget, &[ASTANA]).await;
        let shown: Vec<Option<&str>> = answer["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str())
            .collect();
        assert_eq!(shown.len(), 2, "{answer}");
        let rest: Vec<Tree> = trees()
            .into_iter()
            .filter(|tree| is_in_astana(tree) && !shown.contains(&tree.kind))
            .collect();
        let heights: Vec<f64> = rest.iter().filter_map(|tree| tree.height).collect();
        close(&answer["metadata"]["others"], expected(&heights, rest.len()));
    }
    let all = answer(&park, "category", json!({"column": "kind", "othersThreshold": 50}), &[]).await;
    assert!(all.get("metadata").is_none());
}

#[tokio::test]
async fn categories_keep_the_type_of_their_column() {
    let park = Park::open().await;
    let names = async |column: &str| {
        let widget = json!({"column": column, "orderBy": "alphabetical_asc"});
        let answer = answer(
            &park,
            "category",
            widget,
            &[("filters", r#"{"age":{"between":{"values":[[0,2]]}}}"#)],
        )
        .await;
        answer["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("is_old").await, [json!(false), json!(true)]);
    assert_eq!(names("age").await, [json!(0), json!(1), json!(2)]);
    assert!(names("planted").await[0].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_histogram_counts_between_ticks() {
    let park = Park::open().await;
    let ticks = [2.0, 5.0, 10.25, 24.0];
    for (operation, of) in [
        ("count", (|heights| heights.len() as f64) as fn(&[f64]) -> f64),
        ("sum", |heights| heights.iter().sum()),
    ] {
        let widget = json!({"column": "height", "operation": operation, "ticks": ticks});
        let answer = answer(&park, "histogram", widget, &[OLD]).await;
        let mut bins = vec![Vec::new(); ticks.len() + 1];
        for height in trees().iter().filter(|tree| tree.is_old).filter_map(|tree| tree.height) {
            bins[ticks.iter().filter(|tick| height >= **tick).count()].push(height);
        }
        let answered: BTreeMap<u64, f64> = answer["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["tick"].as_u64().unwrap(), row["value"].as_f64().unwrap()))
            .collect();
        let expected: BTreeMap<u64, f64> = (0_u64..)
            .zip(&bins)
            .filter(|(_, bin)| !bin.is_empty())
            .map(|(tick, bin)| (tick, of(bin)))
            .collect();
        assert_eq!(answered, expected);
    }
}

#[tokio::test]
async fn a_range_is_the_least_and_the_greatest() {
    let park = Park::open().await;
    let heights: Vec<f64> = trees()
        .iter()
        .filter(|tree| is_in_astana(tree))
        .filter_map(|tree| tree.height)
        .collect();
    let range = answer(&park, "range", json!({"column": "height"}), &[ASTANA]).await;
    close(
        &range["rows"][0]["min"],
        heights.iter().copied().fold(f64::MAX, f64::min),
    );
    close(
        &range["rows"][0]["max"],
        heights.iter().copied().fold(f64::MIN, f64::max),
    );
    let planted = answer(&park, "range", json!({"column": "planted"}), &[]).await;
    assert_eq!(planted["rows"][0]["min"], "2000-01-01T00:00:00Z");
    park.run(
        "CREATE TABLE park.odd AS SELECT CAST(column1 AS DOUBLE) AS x FROM (VALUES ('NaN'), ('3'), ('4'), (NULL))",
    )
    .await;
    let parameters = params(&[
        ("type", "table"),
        ("source", "park.odd"),
        ("params", r#"{"column":"x"}"#),
    ]);
    let source = Source::open(&park.connection, SourceRequest::of_model(&parameters).unwrap())
        .await
        .unwrap();
    let range = widgets::model(Model::Range, &source, &parameters, &Limits::default())
        .await
        .unwrap();
    assert_eq!(range, json!({"rows": [{"min": 3.0, "max": 4.0}]}));
}

#[tokio::test]
async fn a_scatter_plot_is_of_rows_with_both_values() {
    let park = Park::open().await;
    let widget =
        json!({"xAxisColumn": "height", "yAxisColumn": ["age", "height"], "yAxisJoinOperation": "avg", "limit": 500});
    let answer = answer(&park, "scatterplot", widget, &[ASTANA]).await;
    let mut answered: Vec<[f64; 2]> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| [row["x"].as_f64().unwrap(), row["y"].as_f64().unwrap()])
        .collect();
    let mut expected: Vec<[f64; 2]> = trees()
        .iter()
        .filter(|tree| is_in_astana(tree))
        .filter_map(|tree| tree.height.map(|height| [height, (f64::from(tree.age) + height) / 2.0]))
        .collect();
    answered.sort_by(|a, b| a.partial_cmp(b).unwrap());
    expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(answered, expected);
}

#[tokio::test]
async fn pages_of_a_table_hold_every_row_once() {
    let park = Park::open().await;
    let mut seen = Vec::new();
    for offset in (0..160).step_by(40) {
        let widget = json!({"column": ["id", "kind", "geom"], "sortBy": "age", "sortDirection": "desc", "limit": 40, "offset": offset});
        let answer = answer(&park, "table", widget, &[OLD]).await;
        assert_eq!(answer["metadata"], json!({"total": 150}));
        seen.extend(answer["rows"].as_array().unwrap().iter().cloned());
    }
    let mut expected: Vec<Tree> = trees().into_iter().filter(|tree| tree.is_old).collect();
    expected.sort_by(|a, b| b.age.cmp(&a.age).then(a.id.cmp(&b.id)));
    let expected: Vec<Value> = expected
        .iter()
        .map(|tree| {
            let geometry = tree.place.map(|place| json!({"type": "Point", "coordinates": place}));
            json!({"id": tree.id, "kind": tree.kind, "geom": geometry})
        })
        .collect();
    // Whole degrees are written without a fraction.
    let numbers_alike = |rows: Vec<Value>| {
        rows.into_iter()
            .map(|row| row.to_string().replace(".0,", ",").replace(".0]", "]"))
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers_alike(seen), numbers_alike(expected));
    let first = answer(&park, "table", json!({"column": "KIND"}), &[]).await;
    assert_eq!(first["rows"].as_array().unwrap().len(), 10);
    assert_eq!(
        first["rows"][0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["KIND"]
    );
}

#[tokio::test]
async fn time_steps_begin_in_utc_and_weeks_on_monday() {
    let park = Park::open().await;
    let starts = async |step: &str, multiplier: u32| {
        let widget = json!({"column": "planted", "stepSize": step, "stepMultiplier": multiplier, "operation": "count"});
        let answer = answer(&park, "timeseries", widget, &[]).await;
        let rows = answer["rows"].as_array().unwrap().clone();
        let total: u64 = rows.iter().map(|row| row["value"].as_u64().unwrap()).sum();
        assert_eq!(total, 600, "{step}");
        rows.iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // 600 trees, one every five days from 2000-01-01, a Saturday, to 2008-03-14.
    assert_eq!(
        starts("year", 1).await[..2],
        ["2000-01-01T00:00:00Z", "2001-01-01T00:00:00Z"]
    );
    assert_eq!(
        starts("year", 5).await,
        ["2000-01-01T00:00:00Z", "2005-01-01T00:00:00Z"]
    );
    assert_eq!(starts("month", 1).await.len(), 99);
    assert_eq!(
        starts("month", 3).await[..3],
        ["2000-01-01T00:00:00Z", "2000-04-01T00:00:00Z", "2000-07-01T00:00:00Z"]
    );
    assert_eq!(
        starts("week", 1).await[..2],
        ["1999-12-27T00:00:00Z", "2000-01-03T00:00:00Z"]
    );
    assert_eq!(
        starts("day", 1).await[..2],
        ["2000-01-01T00:00:00Z", "2000-01-06T00:00:00Z"]
    );
    assert_eq!(starts("second", 1).await.len(), 600);
}

#[tokio::test]
async fn a_time_series_splits_by_category() {
    let park = Park::open().await;
    let widget = json!({
        "column": "planted", "stepSize": "year", "operation": "sum", "operationColumn": "age",
        "splitByCategory": "kind", "splitByCategoryLimit": 2,
    });
    let answer = answer(&park, "timeseries", widget, &[OLD]).await;
    let mut counts = by_kind(|trees| json!(trees.len()), |tree| tree.is_old);
    counts.sort_by(|a, b| {
        let name = |pair: &(Value, Value)| pair.0.as_str().unwrap_or("null").to_owned();
        b.1.as_i64().cmp(&a.1.as_i64()).then(name(a).cmp(&name(b)))
    });
    let expected: Vec<String> = counts[..2]
        .iter()
        .map(|(name, _)| name.as_str().unwrap_or("null").to_owned())
        .collect();
    assert_eq!(answer["metadata"]["categories"], json!(expected));
    for row in answer["rows"].as_array().unwrap() {
        let year: i64 = row["name"].as_str().unwrap()[..4].parse().unwrap();
        let ages: i32 = trees()
            .iter()
            .filter(|tree| tree.is_old && tree.kind == row["category"].as_str() && year_of(tree.planted) == year)
            .map(|tree| tree.age)
            .sum();
        assert_eq!(row["value"].as_f64(), Some(f64::from(ages)), "{row}");
    }
}

/// The year of a moment between 2000 and 2100, by counting days.
fn year_of(microseconds: i64) -> i64 {
    let mut days = (microseconds - 946_684_800_000_000) / 86_400_000_000;
    (2000..)
        .find(|year| {
            let length = if year % 4 == 0 { 366 } else { 365 };
            days -= length;
            days < 0
        })
        .unwrap()
}

#[tokio::test]
async fn several_aggregations_are_one_row() {
    let park = Park::open().await;
    let listed = json!({"aggregations": [
        {"column": "age", "operation": "sum", "alias": "ages"},
        {"column": "*", "operation": "count", "alias": "Trees"},
        {"operation": "custom", "operationExp": "count(DISTINCT kind)", "alias": "kinds"},
    ]});
    let ages: i32 = trees().iter().filter(|tree| tree.is_old).map(|tree| tree.age).sum();
    let expected = json!({"rows": [{"ages": ages, "Trees": 150, "kinds": by_kind(|_| Value::Null, |tree| tree.is_old && tree.kind.is_some()).len()}]});
    assert_eq!(answer(&park, "aggregations", listed, &[OLD]).await, expected);
    let text = json!({"aggregations": "sum(age) as ages, count(*) as \"Trees\", count(DISTINCT kind) as kinds"});
    assert_eq!(answer(&park, "aggregations", text, &[OLD]).await, expected);
}

#[tokio::test]
async fn picked_features_come_in_the_order_of_their_ids() {
    let park = Park::open().await;
    let id_of = |tree: &Tree| {
        let [lon, lat] = tree.place.unwrap();
        spatial::feature_id::of_point(spatial::mercator::world_from_lonlat(lon, lat).unwrap())
    };
    let picked: Vec<Tree> = [43, 4, 27].iter().map(|index| trees()[*index].clone()).collect();
    let ids: Vec<String> = picked.iter().map(|tree| id_of(tree).to_string()).collect();
    let widget = json!({"columns": ["id", "_carto_feature_id"], "dataType": "points", "featureIds": ids, "limit": 1000, "tileResolution": 0.5});
    let expected: Vec<Value> = picked
        .iter()
        .map(|tree| json!({"id": tree.id, "_carto_feature_id": id_of(tree)}))
        .collect();
    assert_eq!(answer(&park, "pick", widget, &[]).await["rows"], json!(expected));
    let count = json!({"column": "*", "operation": "count", "featureIds": ids, "geometryType": "points"});
    assert_eq!(answer(&park, "formula", count, &[]).await["rows"][0]["value"], 3);
}
