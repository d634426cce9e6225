//! Features of the basemap on their way into a vector tile: rounded, wound, written by the writer of all our tiles.

use std::collections::HashMap;

use spatial::mvt::{GeometryType, GeometryWriter, LayerWriter, Value, tag};

use super::pyramid::{EXTENT, Feature, Line, Shape, Tag, area};

/// The layers of a tile in the order of their first features; `None` when nothing is left after rounding.
pub(crate) fn vector_tile(z: u8, x: u32, y: u32, features: &[Feature]) -> Option<Vec<u8>> {
    let mut layers: Vec<(&'static str, Layer)> = Vec::new();
    let mut geometry = GeometryWriter::default();
    for feature in features {
        let Some(geometry_type) = Placed { z, x, y }.write(&feature.shape, &mut geometry) else {
            continue;
        };
        let at = layers
            .iter()
            .position(|(name, _)| *name == feature.layer)
            .unwrap_or_else(|| {
                layers.push((feature.layer, Layer::default()));
                layers.len() - 1
            });
        layers[at].1.push(geometry_type, &geometry, &feature.tags);
    }
    let mut tile = Vec::new();
    for (name, layer) in layers {
        layer.out.finish(name, &mut tile);
    }
    (!tile.is_empty()).then_some(tile)
}

#[derive(Default)]
struct Layer {
    out: LayerWriter,
    keys: HashMap<&'static str, u32>,
    values: HashMap<Tag, u32>,
}

impl Layer {
    fn push(&mut self, geometry_type: GeometryType, geometry: &GeometryWriter, tags: &[(&'static str, Tag)]) {
        let mut numbers = Vec::with_capacity(tags.len() * 2);
        for (key, value) in tags {
            let key = *self.keys.entry(*key).or_insert_with(|| self.out.key(key));
            let value = match self.values.get(value) {
                Some(&known) => known,
                None => {
                    let new = self.out.value(match value {
                        Tag::Text(text) => Value::Text(text),
                        Tag::Integer(number) => Value::Signed(*number),
                        Tag::Boolean(claim) => Value::Boolean(*claim),
                    });
                    self.values.insert(value.clone(), new);
                    new
                }
            };
            tag(&mut numbers, key, value);
        }
        self.out.feature(None, &numbers, geometry_type, geometry);
    }
}

/// The tile that unit Mercator coordinates are rounded into.
struct Placed {
    z: u8,
    x: u32,
    y: u32,
}

impl Placed {
    /// Writes what is left of a shape; `None` when rounding leaves nothing.
    fn write(&self, shape: &Shape, geometry: &mut GeometryWriter) -> Option<GeometryType> {
        geometry.clear();
        let geometry_type = match shape {
            Shape::Point(position) => {
                geometry.points(std::iter::once(self.round(*position)));
                GeometryType::Point
            }
            Shape::Lines(lines) => {
                for line in lines {
                    let line = self.rounded(line);
                    if line.len() >= 2 {
                        geometry.line(line.into_iter());
                    }
                }
                GeometryType::Line
            }
            Shape::Polygons(polygons) => {
                for polygon in polygons {
                    for (at, ring) in polygon.iter().enumerate() {
                        if !self.ring(ring, at == 0, geometry) && at == 0 {
                            break;
                        }
                    }
                }
                GeometryType::Polygon
            }
        };
        (!geometry.is_empty()).then_some(geometry_type)
    }

    /// Shells are clockwise on the screen (positive area), holes the other way round; a ring that
    /// rounding has flattened is left out.
    fn ring(&self, ring: &Line, is_shell: bool, geometry: &mut GeometryWriter) -> bool {
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
        geometry.ring(rounded.into_iter());
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
