//! Tiles of points hold the right rows, from files and from memory, whole or thinned.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};
use spatial::{TileCoord, TileResolution, mercator};
use tiles::{COMPLETE_POINTS, TileFormat, TileRequest};

use crate::decode::{self, Geometry};
use crate::world::{Row, World, crowd, request, tile, tilers};

const ROWS: usize = 60_000;

fn tile_of(z: u8, place: [f64; 2]) -> TileCoord {
    TileCoord::of_world(z, mercator::world_from_lonlat(place[0], place[1]).unwrap())
}

fn properties(row: &Row) -> Vec<(&'static str, Value)> {
    vec![
        ("id", json!(row.id as f64)),
        ("value", row.value.map_or(Value::Null, Value::from)),
    ]
}

#[tokio::test]
async fn tiles_of_an_unthinned_zoom_hold_every_row_once_with_all_its_values() {
    let world = World::with_crowd(ROWS).await;
    let rows = crowd(ROWS);
    let z = 14;
    let coords: BTreeSet<TileCoord> = rows.iter().map(|row| tile_of(z, row.place)).collect();
    for (name, tiler) in tilers() {
        for parameters in [
            [("name", "crowd")],
            [("q", "SELECT * FROM crowd")],
            [("q", "SELECT * FROM crowd LIMIT 100000")],
        ] {
            let source = world.source(&parameters).await;
            let mut seen = HashMap::new();
            // SQL costs a statement per tile, so a part will do there.
            let some = if source.as_table().is_some() { coords.len() } else { 12 };
            for &coord in coords.iter().take(some) {
                let made = tile(
                    &tiler,
                    &source,
                    &TileRequest {
                        coord,
                        ..request(0, 0, 0)
                    },
                )
                .await
                .unwrap();
                let expected = rows.iter().filter(|row| tile_of(z, row.place) == coord).count() as u64;
                assert_eq!(
                    (made.shown, made.total),
                    (expected, expected),
                    "{name} {parameters:?} {coord}"
                );
                let decoded = decode::carto(&made.body);
                assert_eq!(decoded.numeric_names[0], ["_carto_feature_id", "id", "value"]);
                for feature in decoded.features {
                    let id = feature.properties["id"].as_f64().unwrap() as i64;
                    assert!(seen.insert(id, feature).is_none(), "row {id} is there twice");
                }
            }
            let expected = rows
                .iter()
                .filter(|row| coords.iter().take(some).any(|&c| c == tile_of(z, row.place)))
                .count();
            assert_eq!(seen.len(), expected, "{name} {parameters:?}");
            for row in &rows {
                let Some(feature) = seen.get(&row.id) else { continue };
                for (key, value) in properties(row) {
                    assert_eq!(feature.properties[key], value, "{key} of {}", row.id);
                }
                assert_eq!(feature.properties.get("kind").and_then(Value::as_str), row.kind);
                let Geometry::Points(places) = &feature.geometry else {
                    panic!("points are points")
                };
                // A sixteenth of a pixel at this zoom.
                let step = 360.0 / 512.0 / f64::from(1u32 << z) / 16.0;
                let [lon, lat] = places[0];
                assert!((lon - row.place[0]).abs() <= step && (lat - row.place[1]).abs() <= step);
            }
        }
    }
}

#[tokio::test]
async fn thinned_tiles_draw_one_point_of_each_cell_and_tell_how_many_there_were() {
    let world = World::with_crowd(ROWS).await;
    let rows = crowd(ROWS);
    let filters = json!({"kind": {"in": {"values": ["cafe"]}}}).to_string();
    type Passes = fn(&Row) -> bool;
    let sources: [(&[(&str, &str)], Passes); 4] = [
        (&[("name", "crowd")], |_| true),
        (&[("name", "crowd"), ("filters", &filters)], |row| {
            row.kind == Some("cafe")
        }),
        (&[("q", "SELECT id, geom FROM crowd WHERE value > 50")], |row| {
            row.value.is_some_and(|value| value > 50.0)
        }),
        (
            &[("q", "SELECT id, geom FROM crowd WHERE value > 50 LIMIT 1000000")],
            |row| row.value.is_some_and(|value| value > 50.0),
        ),
    ];
    for (name, tiler) in tilers() {
        for (parameters, passes) in sources {
            let source = world.source(parameters).await;
            for (z, resolution) in [
                (0, TileResolution::Half),
                (2, TileResolution::One),
                (9, TileResolution::Half),
            ] {
                let coord = tile_of(z, [71.4, 51.1]);
                let made = tile(
                    &tiler,
                    &source,
                    &TileRequest {
                        coord,
                        resolution,
                        ..request(0, 0, 0)
                    },
                )
                .await
                .unwrap();
                let inside: Vec<&Row> = rows
                    .iter()
                    .filter(|row| passes(row) && tile_of(z, row.place) == coord)
                    .collect();
                assert_eq!(made.total, inside.len() as u64, "{name} {parameters:?} {coord}");
                let levels = z + 8 + resolution.correction() as u8;
                let cell = |row: &Row| tile_of(levels, row.place);
                let occupied: HashSet<TileCoord> = inside.iter().map(|row| cell(row)).collect();
                let by_id: HashMap<i64, &Row> = inside.iter().map(|row| (row.id, *row)).collect();
                let drawn: Vec<TileCoord> = decode::carto(&made.body)
                    .features
                    .iter()
                    .map(|feature| cell(by_id[&(feature.properties["id"].as_f64().unwrap() as i64)]))
                    .collect();
                assert_eq!(made.shown, drawn.len() as u64);
                if made.total <= COMPLETE_POINTS {
                    assert_eq!(made.shown, made.total, "{name} {parameters:?} {coord}");
                } else {
                    assert_eq!(drawn.len(), occupied.len(), "{name} {parameters:?} {coord}");
                    assert_eq!(drawn.into_iter().collect::<HashSet<_>>(), occupied);
                }
            }
        }
    }
}

#[tokio::test]
async fn mvt_and_geojson_tiles_hold_the_same_rows() {
    let world = World::with_crowd(3_000).await;
    let source = world.source(&[("name", "crowd"), ("columns", "id,kind")]).await;
    for (name, tiler) in tilers() {
        let made = async |format| {
            tile(
                &tiler,
                &source,
                &TileRequest {
                    format,
                    ..request(3, 5, 2)
                },
            )
            .await
            .unwrap()
        };
        let binary = decode::carto(&made(TileFormat::Binary).await.body).features;
        let mvt = decode::mvt(&made(TileFormat::Mvt).await.body);
        let geojson: Value = serde_json::from_slice(&made(TileFormat::GeoJson).await.body).unwrap();
        let mut ids = [
            binary
                .iter()
                .map(|feature| feature.properties["id"].as_f64().unwrap() as i64)
                .collect::<Vec<_>>(),
            mvt.iter()
                .map(|feature| feature.properties["id"].as_i64().unwrap())
                .collect(),
            geojson["features"]
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f["properties"]["id"].as_i64().unwrap())
                .collect(),
        ];
        ids.iter_mut().for_each(|ids| ids.sort_unstable());
        assert!(ids[0].len() > 500 && ids[0] == ids[1] && ids[0] == ids[2], "{name}");
        let kinds = |texts: Vec<Option<&str>>| {
            let mut texts: Vec<Option<String>> = texts.into_iter().map(|text| text.map(str::to_owned)).collect();
            texts.sort();
            texts
        };
        let of_binary = kinds(
            binary
                .iter()
                .map(|f| f.properties.get("kind").and_then(Value::as_str))
                .collect(),
        );
        let of_mvt = kinds(
            mvt.iter()
                .map(|f| f.properties.get("kind").and_then(Value::as_str))
                .collect(),
        );
        let of_geojson = kinds(
            geojson["features"]
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f["properties"]["kind"].as_str())
                .collect(),
        );
        assert!(of_binary == of_mvt && of_binary == of_geojson, "{name}");
        for feature in &mvt {
            let Geometry::Points(places) = &feature.geometry else {
                panic!("points are points")
            };
            assert!(places.iter().flatten().all(|&unit| (0.0..4096.0).contains(&unit)));
        }
    }
}

#[tokio::test]
async fn rows_without_a_place_are_nowhere() {
    let world = World::with_geometries(&[
        (Some("POINT(10 10)"), "here"),
        (None, "null"),
        (Some("POINT EMPTY"), "empty"),
        (Some("POINT(-180 89)"), "far north west"),
        (Some("POINT(180 -89)"), "far south east"),
    ])
    .await;
    let source = world.source(&[("name", "shapes")]).await;
    for (name, tiler) in tilers() {
        let made = tile(&tiler, &source, &request(0, 0, 0)).await.unwrap();
        assert_eq!((made.shown, made.total), (3, 3), "{name}");
        let names = async |z, x, y| -> Vec<String> {
            let Some(made) = tile(&tiler, &source, &request(z, x, y)).await else {
                return Vec::new();
            };
            let features = decode::carto(&made.body).features;
            features
                .iter()
                .map(|feature| feature.properties["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(1, 1, 0).await, ["here"], "{name}");
        assert_eq!(names(1, 0, 0).await, ["far north west"], "{name}");
        assert_eq!(names(1, 1, 1).await, ["far south east"], "{name}");
        assert!(names(1, 0, 1).await.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn an_empty_table_has_no_tiles() {
    let world = World::with_geometries(&[(Some("POINT(1 1)"), "gone")]).await;
    world.run("DELETE FROM shapes").await;
    let source = world.source(&[("name", "shapes")]).await;
    for (name, tiler) in tilers() {
        assert!(tile(&tiler, &source, &request(0, 0, 0)).await.is_none(), "{name}");
    }
}
