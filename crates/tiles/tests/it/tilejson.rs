//! The TileJSON has all that clients read.

use serde_json::{Value, json};
use spatial::TileResolution;
use tiles::{Error, MAX_ZOOM, TileRequest};
use warehouse::Limits;

use crate::world::{World, request, tilers};

#[tokio::test]
async fn every_column_bounds_and_zooms_are_there() {
    let world = World::with_crowd(30_000).await;
    let source = world.source(&[("name", "crowd")]).await;
    let [_, (_, tiler)] = tilers();
    let template = "https://groma.test/v3/maps/carto_dw/table/{z}/{x}/{y}?m=1&formatTiles=binary".to_owned();
    let document = tiler
        .tilejson(&source, TileResolution::Half, template.clone(), &Limits::default())
        .await
        .unwrap();
    let document = serde_json::to_value(document).unwrap();
    assert_eq!(document["tiles"], json!([template]));
    assert_eq!(
        (&document["minzoom"], &document["maxzoom"]),
        (&json!(0), &json!(MAX_ZOOM))
    );
    assert_eq!(document["tileResolution"], json!(0.5));
    assert_eq!(document["tilestats"]["layers"][0]["geometry"], "Point");
    assert_eq!(
        document["tilestats"]["layers"][0]["attributes"],
        json!([
            {"attribute": "id", "type": "Number"},
            {"attribute": "kind", "type": "String"},
            {"attribute": "value", "type": "Number"},
        ])
    );
    assert_eq!(document["tilestats"]["layers"][0]["count"], json!(30_000));
    assert_eq!(document["vector_layers"][0]["id"], "default");
    assert!(document.get("properties_tiles").is_none());
    let bounds: Vec<f64> = serde_json::from_value(document["bounds"].clone()).unwrap();
    assert!(
        bounds[0] < -58.0 && bounds[1] < -34.0 && bounds[2] > 179.0 && bounds[3] > 51.0,
        "{bounds:?}"
    );
    let dropped: Vec<f64> = serde_json::from_value(document["fraction_dropped_per_zoom"].clone()).unwrap();
    assert_eq!(dropped.len(), usize::from(MAX_ZOOM) + 1);
    assert!(
        dropped[0] > 0.9 && dropped[22] == 0.0 && dropped.is_sorted_by(|a, b| a >= b),
        "{dropped:?}"
    );
}

/// What the document says of a zoom is what its tiles say of themselves.
#[tokio::test]
async fn the_dropped_fraction_is_what_the_tiles_leave_out() {
    let world = World::with_crowd(60_000).await;
    let source = world.source(&[("name", "crowd")]).await;
    let [(_, tiler), _] = tilers();
    for resolution in [TileResolution::Half, TileResolution::One] {
        let document = tiler
            .tilejson(&source, resolution, "x/{z}/{x}/{y}".to_owned(), &Limits::default())
            .await
            .unwrap();
        let dropped = document.fraction_dropped_per_zoom.unwrap();
        for z in [0, 1, 2, 4] {
            let (mut shown, mut total) = (0, 0);
            for (x, y) in (0..1u32 << z).flat_map(|x| (0..1u32 << z).map(move |y| (x, y))) {
                let asked = TileRequest {
                    resolution,
                    ..request(z, x, y)
                };
                if let Some(made) = crate::world::tile(&tiler, &source, &asked).await {
                    shown += made.shown;
                    total += made.total;
                }
            }
            assert_eq!(total, 60_000);
            let left_out = 1.0 - shown as f64 / total as f64;
            let said = dropped[usize::from(z)];
            assert!((said - left_out).abs() < 1e-4, "z{z}: {said}, but {left_out}");
        }
    }
}

#[tokio::test]
async fn small_tables_drop_nothing_and_shapes_those_below_a_pixel() {
    let world = World::with_crowd(10_000).await;
    world
        .run(
            "CREATE TABLE squares AS SELECT value AS id,
             ST_SetSRID(ST_Buffer(ST_Point(CAST(value % 60 AS DOUBLE), CAST(value / 60 AS DOUBLE)),
                CASE WHEN value % 10 = 0 THEN 0.6 ELSE 0.001 END), 4326) AS geom
             FROM generate_series(0, 2499) AS t(value)",
        )
        .await;
    let [(_, tiler), _] = tilers();
    for (table, expected) in [("crowd", [0.0, 0.0]), ("squares", [0.9, 0.0])] {
        let source = world.source(&[("name", table)]).await;
        let document = tiler
            .tilejson(
                &source,
                TileResolution::Half,
                "x/{z}/{x}/{y}".to_owned(),
                &Limits::default(),
            )
            .await
            .unwrap();
        let dropped = document.fraction_dropped_per_zoom.unwrap();
        assert_eq!([dropped[0], dropped[22]], expected, "{table}");
    }
}

#[tokio::test]
async fn queries_and_filters_have_their_own_bounds() {
    let world = World::with_geometries(&[
        (Some("POLYGON((0 0, 10 0, 10 10, 0 0))"), "a"),
        (Some("POLYGON((20 20, 30 20, 30 30, 20 20))"), "b"),
    ])
    .await;
    let source = world.source(&[("q", "SELECT * FROM shapes WHERE name = 'b'")]).await;
    let [(_, tiler), _] = tilers();
    let document = tiler
        .tilejson(
            &source,
            TileResolution::One,
            "x/{z}/{x}/{y}?a=b".to_owned(),
            &Limits::default(),
        )
        .await;
    let document = serde_json::to_value(document.unwrap()).unwrap();
    assert_eq!(document["bounds"], json!([20.0, 20.0, 30.0, 30.0]));
    assert_eq!(document["tilestats"]["layers"][0]["geometry"], "Polygon");
    assert_eq!(document["tilestats"]["layers"][0]["count"], Value::Null);
}

#[tokio::test]
async fn a_source_without_geometry_says_what_to_do() {
    let world = World::open().await;
    world.run("CREATE TABLE plain AS SELECT 1 AS id").await;
    let source = world.source(&[("name", "plain")]).await;
    let [(_, tiler), _] = tilers();
    let error = tiler
        .tile(&source, &request(0, 0, 0), tokio_util::sync::CancellationToken::new())
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Source(_)) && error.to_string().contains("not a geometry column"),
        "{error}"
    );
}
