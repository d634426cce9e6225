//! Statistics of columns, for scales and extents.

use serde_json::{Value, json};
use sources::{Source, SourceRequest};
use warehouse::Limits;

use crate::trees::{Park, params, trees};

async fn stats(park: &Park, column: &str, more: &[(&str, &str)]) -> Value {
    let table = SourceRequest::of_stats(Some("park.trees"), &params(more)).unwrap();
    let query = params(&[&[("q", "SELECT * FROM park.trees ORDER BY age")], more].concat());
    let query = SourceRequest::of_stats(None, &query).unwrap();
    let mut answers = Vec::new();
    for request in [table, query] {
        let source = Source::open(&park.connection, request).await.unwrap();
        answers.push(
            widgets::stats::column(&source, column, &Limits::default())
                .await
                .unwrap(),
        );
    }
    assert_eq!(answers[0], answers[1], "{column}");
    answers.remove(0)
}

#[tokio::test]
async fn numbers_have_a_range_and_quantiles() {
    let park = Park::open().await;
    let answer = stats(&park, "height", &[("client", "x"), ("v", "3.4")]).await;
    let mut heights: Vec<f64> = trees().iter().filter_map(|tree| tree.height).collect();
    heights.sort_by(f64::total_cmp);
    let sum: f64 = heights.iter().sum();
    assert_eq!(
        (&answer["attribute"], &answer["type"]),
        (&json!("height"), &json!("Number"))
    );
    assert_eq!(answer["min"].as_f64(), heights.first().copied());
    assert_eq!(answer["max"].as_f64(), heights.last().copied());
    assert_eq!(answer["sum"].as_f64(), Some(sum));
    assert_eq!(answer["avg"].as_f64(), Some(sum / heights.len() as f64));
    let quantiles = answer["quantiles"].as_object().unwrap();
    assert_eq!(quantiles.len(), 18);
    for (classes, breaks) in quantiles {
        let breaks: Vec<f64> = breaks
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_f64().unwrap())
            .collect();
        let classes: usize = classes.parse().unwrap();
        assert_eq!(breaks.len(), classes + 1);
        for (index, number) in breaks.iter().enumerate() {
            // At least this share of values is not above the break, and not much more is below it.
            let share = index as f64 / classes as f64 * (heights.len() - 1) as f64;
            let not_above = heights.iter().filter(|height| *height <= number).count() as f64;
            let below = heights.iter().filter(|height| *height < number).count() as f64;
            assert!(below <= share.ceil() && share <= not_above, "{classes} {index}");
        }
    }
}

#[tokio::test]
async fn texts_have_categories_and_times_a_range() {
    let park = Park::open().await;
    let kinds = stats(&park, "kind", &[]).await;
    assert_eq!(kinds["type"], "String");
    let frequencies: Vec<(Option<&str>, u64)> = kinds["categories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|category| (category["category"].as_str(), category["frequency"].as_u64().unwrap()))
        .collect();
    assert!(frequencies.is_sorted_by(|a, b| a.1 >= b.1));
    for (kind, frequency) in &frequencies {
        assert_eq!(
            *frequency,
            trees().iter().filter(|tree| tree.kind == *kind).count() as u64
        );
    }
    assert_eq!(frequencies.iter().map(|(_, frequency)| frequency).sum::<u64>(), 600);
    let old = stats(&park, "is_old", &[]).await;
    assert_eq!(
        old["categories"],
        json!([{"category": false, "frequency": 450}, {"category": true, "frequency": 150}])
    );
    assert_eq!(old["type"], "Boolean");
    let planted = stats(&park, "planted", &[]).await;
    assert_eq!(
        (&planted["type"], &planted["min"]),
        (&json!("Timestamp"), &json!("2000-01-01T00:00:00Z"))
    );
}

#[tokio::test]
async fn a_geometry_has_an_extent() {
    let park = Park::open().await;
    let filters = r#"{"kind":{"in":{"values":["oak"]}}}"#;
    let answer = stats(&park, "geom", &[("filters", filters), ("spatialDataType", "geo")]).await;
    let mut expected = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for [lon, lat] in trees()
        .iter()
        .filter(|tree| tree.kind == Some("oak"))
        .filter_map(|tree| tree.place)
    {
        expected = [
            expected[0].min(lon),
            expected[1].min(lat),
            expected[2].max(lon),
            expected[3].max(lat),
        ];
    }
    let [xmin, ymin, xmax, ymax] = expected;
    assert_eq!(
        answer,
        json!({"extent": {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}})
    );
    let whole = stats(&park, "geom", &[]).await;
    assert_eq!(
        [&whole["extent"]["xmin"], &whole["extent"]["xmax"]].map(|side| side.as_f64().map(f64::round)),
        [Some(-180.0), Some(180.0)]
    );
}
