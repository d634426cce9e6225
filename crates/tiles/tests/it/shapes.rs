//! Tiles of lines, polygons and mixed geometries: cut, snapped, and honest about what is too small.

use serde_json::Value;
use tiles::{COMPLETE_SHAPES, TileFormat, TileRequest};

use crate::decode::{self, Feature, Geometry};
use crate::world::{World, request, tile, tilers};

fn named<'a>(features: &'a [Feature], name: &str) -> Vec<&'a Feature> {
    features
        .iter()
        .filter(|feature| feature.properties["name"].as_str() == Some(name))
        .collect()
}

fn area(ring: &[[f64; 2]]) -> f64 {
    ring.windows(2)
        .map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1])
        .sum::<f64>()
        / 2.0
}

#[tokio::test]
async fn polygons_with_holes_multi_parts_and_collections_keep_their_structure() {
    let world = World::with_geometries(&[
        (
            Some("POLYGON((0 0, 40 0, 40 40, 0 40, 0 0),(10 10, 10 20, 20 20, 20 10, 10 10))"),
            "hole",
        ),
        (
            Some("MULTIPOLYGON(((50 0, 60 0, 60 10, 50 10, 50 0)),((70 0, 80 0, 80 10, 70 10, 70 0)))"),
            "two",
        ),
        (
            Some("MULTILINESTRING((-10 -10, -20 -20, -30 -10),(-40 -40, -50 -50))"),
            "lines",
        ),
        (
            Some(
                "GEOMETRYCOLLECTION(POINT(-5 5), LINESTRING(-10 5, -20 15), POLYGON((-30 30, -20 30, -20 40, -30 30)))",
            ),
            "all",
        ),
        (Some("MULTIPOINT((100 10),(110 20))"), "points"),
    ])
    .await;
    let source = world.source(&[("name", "shapes")]).await;
    for (name, tiler) in tilers() {
        let binary = decode::carto(&tile(&tiler, &source, &request(0, 0, 0)).await.unwrap().body).features;
        let hole = &named(&binary, "hole")[0].geometry;
        let Geometry::Polygons(polygons) = hole else {
            panic!("{hole:?}")
        };
        assert_eq!((polygons.len(), polygons[0].len()), (1, 2), "{name}");
        assert!(
            area(&polygons[0][0]).signum() != area(&polygons[0][1]).signum(),
            "holes run the other way"
        );
        assert!(
            (area(&polygons[0][0]).abs() - 1600.0).abs() < 40.0 && (area(&polygons[0][1]).abs() - 100.0).abs() < 10.0
        );
        let Geometry::Polygons(two) = &named(&binary, "two")[0].geometry else {
            panic!()
        };
        assert_eq!(two.len(), 2);
        let Geometry::Lines(lines) = &named(&binary, "lines")[0].geometry else {
            panic!()
        };
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
        let kinds: Vec<&Geometry> = named(&binary, "all")
            .into_iter()
            .map(|feature| &feature.geometry)
            .collect();
        assert!(
            matches!(
                kinds[..],
                [Geometry::Points(_), Geometry::Lines(_), Geometry::Polygons(_)]
            ),
            "{kinds:?}"
        );
        let Geometry::Points(points) = &named(&binary, "points")[0].geometry else {
            panic!()
        };
        assert_eq!(points.len(), 2);
        assert_eq!(named(&binary, "all")[0].properties["id"], Value::from(3.0));

        let mvt = TileRequest {
            format: TileFormat::Mvt,
            ..request(0, 0, 0)
        };
        let features = decode::mvt(&tile(&tiler, &source, &mvt).await.unwrap().body);
        let Geometry::Polygons(polygons) = &named(&features, "hole")[0].geometry else {
            panic!()
        };
        assert_eq!((polygons.len(), polygons[0].len()), (1, 2));
        let Geometry::Polygons(two) = &named(&features, "two")[0].geometry else {
            panic!()
        };
        assert_eq!(two.len(), 2);
        assert_eq!(named(&features, "all").len(), 3);

        let geojson = TileRequest {
            format: TileFormat::GeoJson,
            ..request(0, 0, 0)
        };
        let document: Value = serde_json::from_slice(&tile(&tiler, &source, &geojson).await.unwrap().body).unwrap();
        let mut kinds: Vec<&str> = document["features"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["geometry"]["type"].as_str().unwrap())
            .collect();
        kinds.sort_unstable();
        assert_eq!(
            kinds,
            [
                "GeometryCollection",
                "MultiLineString",
                "MultiPoint",
                "MultiPolygon",
                "Polygon"
            ]
        );
    }
}

#[tokio::test]
async fn shapes_are_cut_to_the_tile_and_stay_joined_at_its_edge() {
    let world = World::with_geometries(&[
        (Some("POLYGON((-50 -50, 50 -50, 50 50, -50 50, -50 -50))"), "square"),
        (Some("LINESTRING(-50 10, 50 10)"), "line"),
    ])
    .await;
    let source = world.source(&[("name", "shapes")]).await;
    for (_, tiler) in tilers() {
        let features = decode::carto(&tile(&tiler, &source, &request(2, 2, 1)).await.unwrap().body).features;
        let Geometry::Polygons(polygons) = &named(&features, "square")[0].geometry else {
            panic!()
        };
        // The tile is 0 to 90 degrees wide; a 64th of it is buffer.
        let buffer = 90.0 / 64.0;
        let lons: Vec<f64> = polygons[0][0].iter().map(|vertex| vertex[0]).collect();
        let (low, high) = (
            lons.iter().copied().fold(f64::MAX, f64::min),
            lons.iter().copied().fold(f64::MIN, f64::max),
        );
        assert!((low + buffer).abs() < 0.1 && (high - 50.0).abs() < 0.1, "{low} {high}");
        let Geometry::Lines(lines) = &named(&features, "line")[0].geometry else {
            panic!()
        };
        assert!((lines[0][0][0] + buffer).abs() < 0.1 && (lines[0][1][0] - 50.0).abs() < 0.1);
        assert!(
            tile(&tiler, &source, &request(2, 0, 0)).await.is_none(),
            "nothing lies there"
        );
    }
}

#[tokio::test]
async fn shapes_over_the_antimeridian_are_on_both_sides_of_the_world() {
    let world = World::with_geometries(&[
        (Some("POLYGON((170 -10, 190 -10, 190 10, 170 10, 170 -10))"), "beyond"),
        (Some("MULTIPOLYGON(((170 20, 180 20, 180 30, 170 30, 170 20)),((-180 20, -170 20, -170 30, -180 30, -180 20)))"), "cut"),
        (Some("POINT(0 0)"), "between"),
    ])
    .await;
    let source = world.source(&[("name", "shapes")]).await;
    for (name, tiler) in tilers() {
        for (x, expected) in [(0, [-180.0, -170.0]), (3, [170.0, 180.0])] {
            for y in [1, 2] {
                let made = tile(&tiler, &source, &request(2, x, y)).await.unwrap();
                let features = decode::carto(&made.body).features;
                let Geometry::Polygons(polygons) = &named(&features, "beyond")[0].geometry else {
                    panic!()
                };
                let lons = polygons.iter().flatten().flatten().map(|vertex| vertex[0]);
                let inside = lons
                    .filter(|lon| (expected[0] - 1.5..=expected[1] + 1.5).contains(lon))
                    .count();
                assert!(inside >= 4, "{name} {x}/{y}: {polygons:?}");
                assert_eq!(named(&features, "cut").len(), usize::from(y == 1), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_tile_with_few_shapes_draws_even_the_smallest() {
    let world = World::with_geometries(&[
        (
            Some("POLYGON((10 10, 10.001 10, 10.001 10.001, 10 10.001, 10 10))"),
            "tiny",
        ),
        (Some("LINESTRING(20 20, 20.0001 20.0001)"), "short"),
        (Some("POLYGON((30 30, 40 30, 40 40, 30 30))"), "large"),
    ])
    .await;
    let source = world.source(&[("name", "shapes")]).await;
    for (name, tiler) in tilers() {
        let made = tile(&tiler, &source, &request(0, 0, 0)).await.unwrap();
        assert_eq!((made.shown, made.total), (3, 3), "{name}");
        let features = decode::carto(&made.body).features;
        let Geometry::Polygons(tiny) = &named(&features, "tiny")[0].geometry else {
            panic!()
        };
        assert!((tiny[0][0][0][0] - 10.0).abs() < 0.7);
    }
}

#[tokio::test]
async fn a_full_tile_leaves_out_what_is_smaller_than_a_pixel_and_says_so() {
    let world = World::open().await;
    let count = COMPLETE_SHAPES + 500;
    world
        .run(&format!(
            "CREATE TABLE squares AS SELECT value AS id,
             ST_SetSRID(ST_Buffer(ST_Point(CAST(value % 60 AS DOUBLE), CAST(value / 60 AS DOUBLE)),
                CASE WHEN value % 10 = 0 THEN 0.6 ELSE 0.001 END), 4326) AS geom
             FROM generate_series(0, {}) AS t(value)",
            count - 1
        ))
        .await;
    let source = world.source(&[("name", "squares")]).await;
    for (name, tiler) in tilers() {
        let made = tile(&tiler, &source, &request(0, 0, 0)).await.unwrap();
        assert_eq!(made.total, count, "{name}");
        let drawn = decode::carto(&made.body).features.len() as u64;
        assert_eq!(made.shown, drawn);
        assert!(drawn >= count / 10 && drawn < count, "{name}: {drawn}");
        // Deeper there are few, so all are there.
        let made = tile(&tiler, &source, &request(5, 16, 15)).await.unwrap();
        assert_eq!(made.shown, made.total, "{name}");
    }
}

#[tokio::test]
async fn the_box_of_the_whole_feature_comes_along_when_asked_for() {
    let world = World::with_geometries(&[(Some("POLYGON((-50 -50, 50 -50, 50 50, -50 50, -50 -50))"), "square")]).await;
    let source = world.source(&[("name", "shapes")]).await;
    for (_, tiler) in tilers() {
        let asked = TileRequest {
            feature_bbox: true,
            ..request(4, 8, 8)
        };
        let features = decode::carto(&tile(&tiler, &source, &asked).await.unwrap().body).features;
        assert_eq!(features[0].properties["_carto_bbox"], "-50,-50,50,50");
        let features = decode::carto(&tile(&tiler, &source, &request(4, 8, 8)).await.unwrap().body).features;
        assert!(!features[0].properties.contains_key("_carto_bbox"));
    }
}

#[tokio::test]
async fn the_same_geometry_has_the_same_id_in_every_tile() {
    let world = World::with_geometries(&[
        (Some("POLYGON((-50 -50, 50 -50, 50 50, -50 50, -50 -50))"), "a"),
        (Some("POLYGON((-50 -50, 50 -50, 50 50, -50 50, -50 -50))"), "twin"),
        (Some("POLYGON((-50 -50, 50 -50, 50 51, -50 50, -50 -50))"), "other"),
    ])
    .await;
    let source = world.source(&[("name", "shapes")]).await;
    let mut ids = std::collections::HashMap::<String, Vec<u64>>::new();
    for (_, tiler) in tilers() {
        for (z, x, y) in [(0, 0, 0), (2, 1, 1), (5, 17, 14)] {
            for feature in decode::carto(&tile(&tiler, &source, &request(z, x, y)).await.unwrap().body).features {
                let id = feature.properties["_carto_feature_id"].as_f64().unwrap();
                ids.entry(feature.properties["name"].as_str().unwrap().to_owned())
                    .or_default()
                    .push(id as u64);
            }
        }
    }
    ids.values_mut().for_each(Vec::dedup);
    assert!(
        ids.values().all(|ids| ids.len() == 1) && ids["a"] == ids["twin"] && ids["a"] != ids["other"],
        "{ids:?}"
    );
}

#[tokio::test]
async fn other_reference_systems_are_drawn_where_they_belong() {
    let world = World::open().await;
    world
        .run("CREATE TABLE metres AS SELECT 1 AS id, ST_SetSRID(ST_Point(1113194.908, 1118889.975), 3857) AS geom")
        .await;
    let source = world.source(&[("name", "metres")]).await;
    for (name, tiler) in tilers() {
        let features = decode::carto(&tile(&tiler, &source, &request(0, 0, 0)).await.unwrap().body).features;
        let Geometry::Points(points) = &features[0].geometry else {
            panic!()
        };
        assert!(
            (points[0][0] - 10.0).abs() < 0.1 && (points[0][1] - 10.0).abs() < 0.1,
            "{name} {points:?}"
        );
    }
}

#[tokio::test]
async fn a_tile_is_never_empty_where_everything_is_too_small() {
    let world = World::open().await;
    let count = COMPLETE_SHAPES + 500;
    world
        .run(&format!(
            "CREATE TABLE huts AS SELECT value AS id,
             ST_SetSRID(ST_Buffer(ST_Point(71.4 + CAST(value AS DOUBLE) / 1e6, 51.1), 0.00001), 4326) AS geom
             FROM generate_series(0, {}) AS t(value)",
            count - 1
        ))
        .await;
    let source = world.source(&[("name", "huts")]).await;
    for (name, tiler) in tilers() {
        let made = tile(&tiler, &source, &request(0, 0, 0)).await.unwrap();
        assert!(
            made.shown >= 1 && made.total == count,
            "{name}: {} of {}",
            made.shown,
            made.total
        );
    }
}

#[tokio::test]
async fn a_group_of_islands_smaller_than_a_pixel_each_is_still_there() {
    let islands = "MULTIPOLYGON(((10 10, 10.001 10, 10.001 10.001, 10 10)),((40 10, 40.001 10, 40.001 10.001, 40 10)))";
    let world = World::with_geometries(&[(Some(islands), "islands")]).await;
    let source = world.source(&[("name", "shapes")]).await;
    for (name, tiler) in tilers() {
        let made = tile(&tiler, &source, &request(0, 0, 0)).await.unwrap();
        assert_eq!((made.shown, made.total), (1, 1), "{name}");
    }
}

/// A ragged border from (0, -60) to (0, 60), and the countries west and east of it.
fn neighbours() -> [String; 2] {
    let border: Vec<[f64; 2]> = (0..=1200u32)
        .map(|step| {
            let ragged = f64::from(step.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 - 0.5;
            [ragged * 4.0, f64::from(step) / 10.0 - 60.0]
        })
        .collect();
    let polygon = |vertices: Vec<[f64; 2]>| {
        let texts: Vec<String> = vertices
            .iter()
            .chain(vertices.first())
            .map(|[x, y]| format!("{x} {y}"))
            .collect();
        format!("POLYGON(({}))", texts.join(", "))
    };
    let west = border.iter().copied().chain([[-80.0, 60.0], [-80.0, -60.0]]).collect();
    let east = border
        .iter()
        .rev()
        .copied()
        .chain([[80.0, -60.0], [80.0, 60.0]])
        .collect();
    [polygon(west), polygon(east)]
}

#[tokio::test]
async fn neighbours_keep_one_border_when_low_zooms_simplify_it() {
    let [west, east] = neighbours();
    let world = World::with_geometries(&[(Some(&west), "west"), (Some(&east), "east")]).await;
    let source = world.source(&[("name", "shapes")]).await;
    let [(_, from_files), (_, from_memory)] = tilers();
    for z in 0..=3 {
        let ring = |features: &[Feature], name: &str| {
            let Geometry::Polygons(polygons) = &named(features, name)[0].geometry else {
                panic!()
            };
            polygons[0][0].clone()
        };
        let middle = (1u32 << z) / 2;
        let asked = request(z, middle, middle);
        let exact = decode::carto(&tile(&from_files, &source, &asked).await.unwrap().body).features;
        let simple = decode::carto(&tile(&from_memory, &source, &asked).await.unwrap().body).features;
        let inside = spatial::TileCoord::new(z, middle, middle).unwrap().bounds();
        let on_border = |name: &str| {
            let mut vertices: Vec<[i64; 2]> = ring(&simple, name)
                .iter()
                // Beyond the tile's edges the cut is made in each country for itself.
                .filter(|[x, y]| *x > inside.west && x.abs() < 3.0 && *y > inside.south.max(-59.0) && *y < 59.0)
                .map(|place| place.map(|degrees| (degrees * 1e6).round() as i64))
                .collect();
            vertices.sort_by_key(|[x, y]| [*y, *x]);
            vertices.dedup();
            vertices
        };
        assert!(on_border("west").len() > 4, "z{z}");
        assert_eq!(on_border("west"), on_border("east"), "z{z}");
        for name in ["west", "east"] {
            let (before, after) = (ring(&exact, name), ring(&simple, name));
            assert!(after.len() <= before.len(), "z{z} {name}");
            assert!(
                (area(&before) - area(&after)).abs() < 0.02 * area(&before).abs(),
                "z{z} {name}"
            );
        }
    }
    let asked = request(0, 0, 0);
    let exact = tile(&from_files, &source, &asked).await.unwrap().body.len();
    let simple = tile(&from_memory, &source, &asked).await.unwrap().body.len();
    assert!(simple * 2 < exact, "{simple} of {exact} bytes");
}
