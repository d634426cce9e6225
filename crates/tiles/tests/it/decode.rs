//! Decoders written from the formats' descriptions, strict where clients crash, independent of the encoders.

use std::collections::BTreeMap;

use serde_json::Value;

/// One protobuf field.
#[derive(Debug, Clone)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(&self) -> &'a [u8] {
        match self {
            Field::Bytes(bytes) => bytes,
            other => panic!("expected bytes, found {other:?}"),
        }
    }

    pub(crate) fn varint(&self) -> u64 {
        match self {
            Field::Varint(value) => *value,
            other => panic!("expected a varint, found {other:?}"),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).expect("texts are UTF-8")
    }
}

pub(crate) fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

/// The fields of a message, in order.
pub(crate) fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut bytes)),
            1 => {
                let (head, rest) = bytes.split_at(8);
                bytes = rest;
                Field::Fixed64(head.try_into().unwrap())
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (head, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(head)
            }
            other => panic!("wire type {other} is not in these formats"),
        };
        out.push((tag >> 3, field));
    }
    out
}

fn all<'a>(message: &[(u64, Field<'a>)], number: u64) -> Vec<Field<'a>> {
    message
        .iter()
        .filter(|(field, _)| *field == number)
        .map(|(_, field)| field.clone())
        .collect()
}

fn one<'a>(message: &[(u64, Field<'a>)], number: u64) -> Field<'a> {
    let found = all(message, number);
    assert_eq!(found.len(), 1, "field {number} stands {} times", found.len());
    found[0].clone()
}

fn packed_varints(mut bytes: &[u8]) -> Vec<u64> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        out.push(varint(&mut bytes));
    }
    out
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    assert_eq!(bytes.len() % 8, 0);
    bytes
        .chunks(8)
        .map(|eight| f64::from_le_bytes(eight.try_into().unwrap()))
        .collect()
}

/// A feature of a decoded tile.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Feature {
    pub geometry: Geometry,
    pub properties: BTreeMap<String, Value>,
    /// Its number across the tile.
    pub global_id: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Geometry {
    Points(Vec<[f64; 2]>),
    Lines(Vec<Vec<[f64; 2]>>),
    /// Polygons with their rings, the outer one first.
    Polygons(Vec<Vec<Vec<[f64; 2]>>>),
}

/// A CARTO vector tile.
#[derive(Debug)]
pub(crate) struct CartoTile {
    pub features: Vec<Feature>,
    /// The names of numeric properties of points, lines and polygons.
    pub numeric_names: [Vec<String>; 3],
}

fn array<'a>(message: &[(u64, Field<'a>)], field: u64, size: u64) -> &'a [u8] {
    let inner = fields(one(message, field).bytes());
    assert_eq!(one(&inner, 2).varint(), size, "size of array {field}");
    one(&inner, 1).bytes()
}

/// Decodes `application/vnd.carto-vector-tile`, checking what loaders.gl relies on.
pub(crate) fn carto(tile: &[u8]) -> CartoTile {
    let tile = fields(tile);
    let mut features = Vec::new();
    // positions, starts, global ids, feature ids, ring starts, properties, numbers
    let classes: [(u64, [u64; 7]); 3] = [
        (1, [1, 0, 2, 3, 0, 4, 5]),
        (2, [1, 2, 3, 4, 0, 5, 6]),
        (3, [1, 2, 3, 4, 5, 7, 8]),
    ];
    let numeric_names = classes.map(|(class, numbers)| {
        let message = fields(one(&tile, class).bytes());
        let [positions, starts, globals, ids, ring_starts, texts, numeric] = numbers;
        let positions = doubles(array(&message, positions, 2));
        let vertices: Vec<[f64; 2]> = positions.chunks(2).map(|pair| [pair[0], pair[1]]).collect();
        let globals = packed_varints(array(&message, globals, 1));
        let ids = packed_varints(array(&message, ids, 1));
        assert_eq!(
            (globals.len(), ids.len()),
            (vertices.len(), vertices.len()),
            "one id per vertex"
        );
        let columns: Vec<(String, Vec<f64>)> = all(&message, numeric)
            .iter()
            .map(|entry| {
                let entry = fields(entry.bytes());
                let values = doubles(one(&fields(one(&entry, 2).bytes()), 1).bytes());
                assert_eq!(values.len(), vertices.len(), "one number per vertex");
                (one(&entry, 1).text(), values)
            })
            .collect();
        let texts: Vec<BTreeMap<String, Value>> = all(&message, texts)
            .iter()
            .map(|properties| {
                let pairs = fields(properties.bytes());
                pairs
                    .iter()
                    .map(|(_, pair)| {
                        let pair = fields(pair.bytes());
                        (one(&pair, 1).text(), Value::from(one(&pair, 2).text()))
                    })
                    .collect()
            })
            .collect();
        let starts_of = |field: u64| -> Vec<usize> {
            let starts = packed_varints(array(&message, field, 1));
            assert_eq!(*starts.last().unwrap() as usize, vertices.len(), "the end stands last");
            starts.into_iter().map(|start| start as usize).collect()
        };
        let pieces =
            |starts: &[usize]| -> Vec<(usize, usize)> { starts.windows(2).map(|pair| (pair[0], pair[1])).collect() };
        let mut class_features: Vec<Feature> = Vec::new();
        let mut add = |first_vertex: usize, piece: Geometry| {
            let id = ids[first_vertex] as usize;
            if id < class_features.len() {
                assert_eq!(id + 1, class_features.len(), "vertices of a feature stand together");
                match (&mut class_features[id].geometry, piece) {
                    (Geometry::Points(all), Geometry::Points(more)) => all.extend(more),
                    (Geometry::Lines(all), Geometry::Lines(more)) => all.extend(more),
                    (Geometry::Polygons(all), Geometry::Polygons(more)) => all.extend(more),
                    _ => unreachable!("one class has one kind"),
                }
                return;
            }
            assert_eq!(id, class_features.len(), "feature ids count up");
            let mut properties = texts[id].clone();
            for (name, values) in &columns {
                let value = values[first_vertex];
                properties.insert(
                    name.clone(),
                    if value.is_nan() {
                        Value::Null
                    } else {
                        Value::from(value)
                    },
                );
            }
            class_features.push(Feature {
                geometry: piece,
                properties,
                global_id: globals[first_vertex],
            });
        };
        match class {
            1 => (0..vertices.len()).for_each(|vertex| add(vertex, Geometry::Points(vec![vertices[vertex]]))),
            2 => {
                for (start, end) in pieces(&starts_of(starts)) {
                    assert!(end - start >= 2, "a path has two vertices");
                    add(start, Geometry::Lines(vec![vertices[start..end].to_vec()]));
                }
            }
            _ => {
                let rings = starts_of(ring_starts);
                for (start, end) in pieces(&starts_of(starts)) {
                    // The client looks the end up among the rings.
                    let first = rings
                        .iter()
                        .position(|&ring| ring == start)
                        .expect("a polygon starts with a ring");
                    let last = rings
                        .iter()
                        .position(|&ring| ring == end)
                        .expect("a polygon ends with a ring");
                    let rings = pieces(&rings[first..=last])
                        .into_iter()
                        .map(|(start, end)| {
                            let ring = vertices[start..end].to_vec();
                            assert!(
                                ring.len() >= 4 && ring.first() == ring.last(),
                                "rings are closed: {ring:?}"
                            );
                            ring
                        })
                        .collect();
                    add(start, Geometry::Polygons(vec![rings]));
                }
            }
        }
        assert_eq!(class_features.len(), texts.len(), "one message of texts per feature");
        features.extend(class_features);
        columns.into_iter().map(|(name, _)| name).collect()
    });
    let mut globals: Vec<u64> = features.iter().map(|feature| feature.global_id).collect();
    globals.sort_unstable();
    assert_eq!(
        globals,
        (0..features.len() as u64).collect::<Vec<_>>(),
        "global ids number the tile"
    );
    CartoTile {
        features,
        numeric_names,
    }
}

/// The one layer of a Mapbox vector tile; positions in tile units.
pub(crate) fn mvt(tile: &[u8]) -> Vec<Feature> {
    let layer = fields(one(&fields(tile), 3).bytes());
    assert_eq!(
        (one(&layer, 1).text().as_str(), one(&layer, 15).varint()),
        ("default", 2)
    );
    assert_eq!(one(&layer, 5).varint(), 4096);
    let keys: Vec<String> = all(&layer, 3).iter().map(Field::text).collect();
    let values: Vec<Value> = all(&layer, 4)
        .iter()
        .map(|value| match fields(value.bytes()).as_slice() {
            [(1, text)] => Value::from(text.text()),
            [(3, Field::Fixed64(bytes))] => Value::from(f64::from_le_bytes(*bytes)),
            [(4 | 5, number)] => Value::from(number.varint()),
            [(6, number)] => {
                let coded = number.varint();
                Value::from((coded >> 1) as i64 ^ -((coded & 1) as i64))
            }
            [(7, boolean)] => Value::from(boolean.varint() == 1),
            other => panic!("a value has one field: {other:?}"),
        })
        .collect();
    all(&layer, 2)
        .iter()
        .zip(0..)
        .map(|(feature, global_id)| {
            let feature = fields(feature.bytes());
            let tags = all(&feature, 2)
                .first()
                .map(|tags| packed_varints(tags.bytes()))
                .unwrap_or_default();
            let properties = tags
                .chunks(2)
                .map(|pair| (keys[pair[0] as usize].clone(), values[pair[1] as usize].clone()))
                .collect();
            let commands = packed_varints(one(&feature, 4).bytes());
            let geometry = mvt_geometry(one(&feature, 3).varint(), &commands);
            Feature {
                geometry,
                properties,
                global_id,
            }
        })
        .collect()
}

fn mvt_geometry(kind: u64, commands: &[u64]) -> Geometry {
    let (mut x, mut y) = (0i64, 0i64);
    let mut paths: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut rest = commands.iter().copied();
    while let Some(command) = rest.next() {
        let (id, count) = (command & 7, command >> 3);
        for _ in 0..count {
            if id == 7 {
                let path = paths.last_mut().unwrap();
                let first = path[0];
                path.push(first);
                continue;
            }
            let mut delta = || {
                let coded = rest.next().unwrap();
                (coded >> 1) as i64 ^ -((coded & 1) as i64)
            };
            x += delta();
            y += delta();
            if id == 1 {
                paths.push(Vec::new());
            }
            paths.last_mut().unwrap().push([x as f64, y as f64]);
        }
    }
    match kind {
        1 => Geometry::Points(paths.concat()),
        2 => Geometry::Lines(paths),
        3 => {
            let mut polygons: Vec<Vec<Vec<[f64; 2]>>> = Vec::new();
            for ring in paths {
                let area: f64 = ring
                    .windows(2)
                    .map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1])
                    .sum();
                assert_ne!(area, 0.0, "no ring is flat");
                // Outer rings have a positive area in tile units.
                if area > 0.0 {
                    polygons.push(vec![ring]);
                } else {
                    polygons.last_mut().expect("an outer ring comes first").push(ring);
                }
            }
            Geometry::Polygons(polygons)
        }
        other => panic!("geometry type {other}"),
    }
}
