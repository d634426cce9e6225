//! Encoded bytes are what the formats' descriptions say, down to empty classes.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Int64Array, ListArray, StringArray, StringViewArray, UInt8Array,
};
use datafusion::arrow::datatypes::{Field, Int32Type};
use serde_json::{Value, json};
use spatial::{TileCoord, TileResolution, mercator};
use tiles::{FeatureBatch, PointRows, Property, PropertyKind, ShapeReader, TileEncoder, TileFormat, TileFrame};

use crate::decode::{self, Geometry};

fn frame() -> TileFrame {
    TileFrame::new(TileCoord::new(0, 0, 0).unwrap(), TileResolution::Half)
}

fn columns() -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("count", Arc::new(Int64Array::from(vec![Some(7), None, Some(-3)]))),
        ("share", Arc::new(Float32Array::from(vec![0.5, 1.5, f32::NAN]))),
        ("small", Arc::new(UInt8Array::from(vec![0, 200, 255]))),
        (
            "name",
            Arc::new(StringViewArray::from(vec![Some("a \"b\""), None, Some("ü")])),
        ),
        (
            "is_open",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
        ("since", Arc::new(Date32Array::from(vec![Some(0), None, Some(19_782)]))),
        (
            "tags",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
                Some([Some(1), Some(2)]),
                None,
                Some([None, None]),
            ])),
        ),
    ]
}

fn encode(format: TileFormat, places: &[[f64; 2]]) -> Vec<u8> {
    let columns = columns();
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let properties: Vec<Property> = fields
        .iter()
        .map(|field| Property {
            name: field.name().clone(),
            kind: PropertyKind::of(field).unwrap(),
        })
        .collect();
    let world: Vec<[u32; 2]> = places
        .iter()
        .map(|&[lon, lat]| mercator::world_from_lonlat(lon, lat).unwrap())
        .collect();
    let (x, y): (Vec<u32>, Vec<u32>) = world.iter().map(|&[x, y]| (x, y)).unzip();
    let rows: Vec<u32> = (0..places.len() as u32).collect();
    let mut encoder = TileEncoder::new(format, frame(), &properties);
    let batch = FeatureBatch::new(&properties, columns.iter().map(|(_, array)| array).zip(&fields)).unwrap();
    encoder.push_points(
        &PointRows {
            x: &x,
            y: &y,
            rows: &rows,
        },
        &batch,
    );
    encoder.finish().unwrap()
}

const PLACES: [[f64; 2]; 3] = [[0.0, 0.0], [-120.0, 45.0], [150.0, -60.0]];

#[test]
fn every_kind_of_value_reaches_the_client_in_each_format() {
    let binary = decode::carto(&encode(TileFormat::Binary, &PLACES)).features;
    let without_id = |mut properties: std::collections::BTreeMap<String, Value>| {
        properties.remove("_carto_feature_id");
        serde_json::to_value(properties).unwrap()
    };
    let expected = [
        json!({"count": 7.0, "share": 0.5, "small": 0.0, "name": "a \"b\"", "is_open": "true", "since": "1970-01-01", "tags": "[1,2]"}),
        json!({"count": null, "share": 1.5, "small": 200.0, "is_open": "false"}),
        json!({"count": -3.0, "share": null, "small": 255.0, "name": "ü", "since": "2024-02-29", "tags": "[null,null]"}),
    ];
    for (feature, expected) in binary.into_iter().zip(expected) {
        assert_eq!(without_id(feature.properties), expected);
    }
    let mvt = decode::mvt(&encode(TileFormat::Mvt, &PLACES));
    let expected = [
        json!({"count": 7, "share": 0.5, "small": 0, "name": "a \"b\"", "is_open": true, "since": "1970-01-01", "tags": "[1,2]"}),
        json!({"share": 1.5, "small": 200, "is_open": false}),
        json!({"count": -3, "small": 255, "name": "ü", "since": "2024-02-29", "tags": "[null,null]"}),
    ];
    for (feature, expected) in mvt.iter().zip(expected) {
        assert_eq!(serde_json::to_value(&feature.properties).unwrap(), expected);
    }
    // 150 degrees east is at 11/12 of the way.
    assert_eq!(mvt[2].geometry, Geometry::Points(vec![[3754.0, 2906.0]]));
    let geojson: Value = serde_json::from_slice(&encode(TileFormat::GeoJson, &PLACES)).unwrap();
    assert_eq!(
        geojson["features"][0]["properties"],
        json!({"_carto_feature_id": geojson["features"][0]["properties"]["_carto_feature_id"], "count": 7, "share": 0.5,
            "small": 0, "name": "a \"b\"", "is_open": true, "since": "1970-01-01", "tags": [1, 2]})
    );
    assert_eq!(geojson["features"][2]["properties"]["share"], Value::Null);
}

#[test]
fn the_two_polygons_of_the_description_have_its_ring_indices() {
    // The first has four holes: rings of 6, 5, 5, 5 and 5 vertices, then rings of 9 and 17.
    let square = |x: f64, y: f64, side: f64| {
        format!(
            "({x} {y},{} {y},{} {},{x} {},{x} {y})",
            x + side,
            x + side,
            y + side,
            y + side
        )
    };
    let zigzag = |count: usize, y: f64| {
        let mut vertices: Vec<String> = (0..count - 2)
            .map(|i| format!("{} {}", i as f64 * 4.0, y + if i % 2 == 0 { 0.0 } else { 5.0 }))
            .collect();
        vertices.push(format!("{} {}", (count - 3) as f64 * 2.0, y + 20.0));
        vertices.push(vertices[0].clone());
        format!("({})", vertices.join(","))
    };
    let first = format!(
        "POLYGON((-100 -40,-50 -45,0 -40,0 40,-100 40,-100 -40),{},{},{},{})",
        square(-90.0, 0.0, 10.0),
        square(-70.0, 0.0, 10.0),
        square(-50.0, 0.0, 10.0),
        square(-30.0, 0.0, 10.0)
    );
    let wkts = [
        first,
        format!("POLYGON({})", zigzag(9, 10.0)),
        format!("POLYGON({})", zigzag(17, -40.0)),
    ];
    let mut encoder = TileEncoder::new(TileFormat::Binary, frame(), &[]);
    let mut reader = ShapeReader::new(frame());
    for wkt in &wkts {
        reader.read(&wkb_of_polygon(wkt)).unwrap();
        encoder.push_shape(reader.shape(), 1, None, 0, &FeatureBatch::new(&[], []).unwrap());
    }
    let tile = encoder.finish().unwrap();
    let polygons = decode::fields(&tile)
        .into_iter()
        .find(|(field, _)| *field == 3)
        .unwrap()
        .1;
    let array = |number: u64| -> Vec<u64> {
        let message = decode::fields(polygons.bytes());
        let array = message.iter().find(|(field, _)| *field == number).unwrap().1.bytes();
        let mut packed = decode::fields(array)[0].1.bytes();
        let mut out = Vec::new();
        while !packed.is_empty() {
            out.push(decode::varint(&mut packed));
        }
        out
    };
    assert_eq!(array(2), [0, 26, 35, 52]);
    assert_eq!(array(5), [0, 6, 11, 16, 21, 26, 35, 52]);
    assert_eq!(decode::carto(&tile).features.len(), 3);
}

#[test]
fn classes_without_features_are_still_there_with_their_arrays() {
    let tile = encode(TileFormat::Binary, &PLACES);
    let classes: Vec<u64> = decode::fields(&tile).iter().map(|(field, _)| *field).collect();
    assert_eq!(classes, [1, 2, 3]);
    let names = ["_carto_feature_id", "count", "share", "small"];
    assert_eq!(decode::carto(&tile).numeric_names, [names, names, names]);
    assert!(
        TileEncoder::new(TileFormat::Binary, frame(), &[]).finish().is_none(),
        "an empty tile is no tile"
    );
}

#[test]
fn texts_of_a_dictionary_are_the_same_as_texts_one_by_one() {
    use datafusion::arrow::array::DictionaryArray;
    use datafusion::arrow::datatypes::UInt8Type;
    let texts = [Some("x"), None, Some("y"), Some("x"), Some("")];
    let plain: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let dictionary: ArrayRef = Arc::new(texts.into_iter().collect::<DictionaryArray<UInt8Type>>());
    let properties = [Property {
        name: "t".to_owned(),
        kind: PropertyKind::Text,
    }];
    let rows: Vec<u32> = (0..5).collect();
    let places = [1u32 << 31, 1 << 30, 1 << 29, 1 << 28, 1 << 27];
    for format in [TileFormat::Binary, TileFormat::Mvt, TileFormat::GeoJson] {
        let tiles = [&plain, &dictionary].map(|array| {
            let field = Field::new("t", array.data_type().clone(), true);
            let mut encoder = TileEncoder::new(format, frame(), &properties);
            let batch = FeatureBatch::new(&properties, [(array, &field)]).unwrap();
            encoder.push_points(
                &PointRows {
                    x: &places,
                    y: &places,
                    rows: &rows,
                },
                &batch,
            );
            encoder.finish().unwrap()
        });
        assert_eq!(tiles[0], tiles[1], "{format:?}");
    }
}

/// Well-known binary of `POLYGON((x y,…),(…))`.
fn wkb_of_polygon(wkt: &str) -> Vec<u8> {
    let rings: Vec<Vec<[f64; 2]>> = wkt
        .trim_start_matches("POLYGON((")
        .trim_end_matches("))")
        .split("),(")
        .map(|ring| {
            ring.split(',')
                .map(|vertex| {
                    let (x, y) = vertex.split_once(' ').unwrap();
                    [x.parse().unwrap(), y.parse().unwrap()]
                })
                .collect()
        })
        .collect();
    let mut out = vec![1, 3, 0, 0, 0];
    out.extend((rings.len() as u32).to_le_bytes());
    for ring in rings {
        out.extend((ring.len() as u32).to_le_bytes());
        ring.iter().flatten().for_each(|value| out.extend(value.to_le_bytes()));
    }
    out
}
