//! Writes the features of a tile as a Mapbox vector tile (specification 2.1).

use std::collections::HashMap;

use super::pyramid::{EXTENT, Feature, Line, Shape, Tag, area};

/// The layers of a tile in the order of their first features; `None` when nothing is left after rounding.
pub(crate) fn vector_tile(z: u8, x: u32, y: u32, features: &[Feature]) -> Option<Vec<u8>> {
    let mut layers: Vec<(&'static str, Layer)> = Vec::new();
    for feature in features {
        let Some((kind, commands)) = Placed { z, x, y }.commands(&feature.shape) else {
            continue;
        };
        let at = layers
            .iter()
            .position(|(name, _)| *name == feature.layer)
            .unwrap_or_else(|| {
                layers.push((feature.layer, Layer::default()));
                layers.len() - 1
            });
        layers[at].1.push(kind, &commands, &feature.tags);
    }
    let mut tile = Vec::new();
    for (name, layer) in &layers {
        bytes_field(&mut tile, 3, &layer.encode(name));
    }
    (!tile.is_empty()).then_some(tile)
}

#[derive(Default)]
struct Layer {
    features: Vec<Vec<u8>>,
    keys: Vec<&'static str>,
    values: Vec<Tag>,
    value_ids: HashMap<Tag, usize>,
}

impl Layer {
    fn push(&mut self, kind: u64, commands: &[u32], tags: &[(&'static str, Tag)]) {
        let mut ids = Vec::with_capacity(tags.len() * 2);
        for (key, value) in tags {
            let key_id = self.keys.iter().position(|k| k == key).unwrap_or_else(|| {
                self.keys.push(key);
                self.keys.len() - 1
            });
            let next = self.values.len();
            let value_id = *self.value_ids.entry(value.clone()).or_insert(next);
            if value_id == next {
                self.values.push(value.clone());
            }
            ids.extend([key_id as u32, value_id as u32]);
        }
        let mut feature = Vec::new();
        packed_field(&mut feature, 2, &ids);
        number_field(&mut feature, 3, kind);
        packed_field(&mut feature, 4, commands);
        self.features.push(feature);
    }

    fn encode(&self, name: &str) -> Vec<u8> {
        let mut layer = Vec::new();
        number_field(&mut layer, 15, 2);
        bytes_field(&mut layer, 1, name.as_bytes());
        for feature in &self.features {
            bytes_field(&mut layer, 2, feature);
        }
        for key in &self.keys {
            bytes_field(&mut layer, 3, key.as_bytes());
        }
        for value in &self.values {
            let mut encoded = Vec::new();
            match value {
                Tag::Text(text) => bytes_field(&mut encoded, 1, text.as_bytes()),
                Tag::Integer(number) => number_field(&mut encoded, 6, u64::from(zigzag(*number))),
                Tag::Boolean(claim) => number_field(&mut encoded, 7, u64::from(*claim)),
            }
            bytes_field(&mut layer, 4, &encoded);
        }
        number_field(&mut layer, 5, EXTENT as u64);
        layer
    }
}

/// The tile that unit Mercator coordinates are rounded into.
struct Placed {
    z: u8,
    x: u32,
    y: u32,
}

impl Placed {
    /// The geometry type of the specification and its commands.
    fn commands(&self, shape: &Shape) -> Option<(u64, Vec<u32>)> {
        let mut pen = Pen::default();
        match shape {
            Shape::Point(position) => {
                pen.begin(1);
                pen.go(self.round(*position));
                Some((1, pen.commands))
            }
            Shape::Lines(lines) => {
                for line in lines {
                    let line = self.rounded(line);
                    if line.len() >= 2 {
                        pen.line(&line);
                    }
                }
                (!pen.commands.is_empty()).then_some((2, pen.commands))
            }
            Shape::Polygons(polygons) => {
                for polygon in polygons {
                    for (at, ring) in polygon.iter().enumerate() {
                        if !self.ring(ring, at == 0, &mut pen) && at == 0 {
                            break;
                        }
                    }
                }
                (!pen.commands.is_empty()).then_some((3, pen.commands))
            }
        }
    }

    /// Shells are clockwise on the screen (positive area), holes the other way round; a ring that
    /// rounding has flattened is left out.
    fn ring(&self, ring: &Line, is_shell: bool, pen: &mut Pen) -> bool {
        let mut rounded = self.rounded(ring);
        rounded.pop();
        if rounded.len() < 3 {
            return false;
        }
        let mut closed: Line = rounded.iter().map(|[x, y]| [f64::from(*x), f64::from(*y)]).collect();
        closed.push(closed[0]);
        let area = area(&closed);
        if area == 0.0 {
            return false;
        }
        if (area > 0.0) != is_shell {
            rounded.reverse();
        }
        pen.line(&rounded);
        pen.commands.push(15);
        true
    }

    /// Positions in tile units, without repetitions.
    fn rounded(&self, line: &Line) -> Vec<[i32; 2]> {
        let mut rounded: Vec<[i32; 2]> = line.iter().map(|p| self.round(*p)).collect();
        rounded.dedup();
        rounded
    }

    fn round(&self, [ux, uy]: [f64; 2]) -> [i32; 2] {
        let tiles = f64::from(1u32 << self.z);
        let within = |unit: f64, tile: u32| ((unit * tiles - f64::from(tile)) * EXTENT).round() as i32;
        [within(ux, self.x), within(uy, self.y)]
    }
}

#[derive(Default)]
struct Pen {
    commands: Vec<u32>,
    at: [i32; 2],
}

impl Pen {
    fn line(&mut self, line: &[[i32; 2]]) {
        self.begin(1);
        self.go(line[0]);
        self.commands.push(2 | ((line.len() as u32 - 1) << 3));
        for point in &line[1..] {
            self.go(*point);
        }
    }

    /// MoveTo, `count` times.
    fn begin(&mut self, count: u32) {
        self.commands.push(1 | (count << 3));
    }

    fn go(&mut self, [x, y]: [i32; 2]) {
        let step = [zigzag(i64::from(x - self.at[0])), zigzag(i64::from(y - self.at[1]))];
        self.commands.extend(step);
        self.at = [x, y];
    }
}

fn zigzag(number: i64) -> u32 {
    ((number << 1) ^ (number >> 63)) as u32
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn number_field(out: &mut Vec<u8>, field: u64, number: u64) {
    varint(out, field << 3);
    varint(out, number);
}

fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn packed_field(out: &mut Vec<u8>, field: u64, numbers: &[u32]) {
    let mut packed = Vec::with_capacity(numbers.len());
    for number in numbers {
        varint(&mut packed, u64::from(*number));
    }
    bytes_field(out, field, &packed);
}
