//! Decodes Mapbox vector tiles (specification 2.1) into longitude and latitude.

use std::collections::HashMap;

use geo::{Area, Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

/// A feature of any layer: its geometry (longitude, latitude; degrees) and its tags as text.
pub(crate) struct Feature {
    pub geometry: Geometry<f64>,
    pub tags: HashMap<String, String>,
}

/// The features of the tile `z/x/y`; `None` if the bytes are no vector tile.
pub(crate) fn decode(bytes: &[u8], z: u8, x: u32, y: u32) -> Option<Vec<Feature>> {
    let mut features = Vec::new();
    let mut tile = Message(bytes);
    while let Some((field, value)) = tile.next()? {
        if let (3, Value::Bytes(layer)) = (field, value) {
            decode_layer(layer, z, x, y, &mut features)?;
        }
    }
    Some(features)
}

fn decode_layer(bytes: &[u8], z: u8, x: u32, y: u32, features: &mut Vec<Feature>) -> Option<()> {
    let (mut keys, mut values, mut raw, mut extent) = (Vec::new(), Vec::new(), Vec::new(), 4096u64);
    let mut layer = Message(bytes);
    while let Some((field, value)) = layer.next()? {
        match (field, value) {
            (2, Value::Bytes(feature)) => raw.push(feature),
            (3, Value::Bytes(key)) => keys.push(String::from_utf8_lossy(key).into_owned()),
            (4, Value::Bytes(value)) => values.push(decode_value(value)?),
            (5, Value::Number(size)) => extent = size,
            _ => {}
        }
    }
    let tiles = f64::from(1u32 << z);
    let place = |px: i64, py: i64| {
        let unit = |tile: u32, pixel: i64| (f64::from(tile) + pixel as f64 / extent as f64) / tiles;
        let [lon, lat] = spatial::mercator::lonlat_from_unit(unit(x, px), unit(y, py));
        Coord { x: lon, y: lat }
    };
    for feature in raw {
        let (mut kind, mut tags, mut geometry) = (0, Vec::new(), Vec::new());
        let mut feature = Message(feature);
        while let Some((field, value)) = feature.next()? {
            match (field, value) {
                (2, Value::Bytes(packed)) => tags = packed_numbers(packed)?,
                (3, Value::Number(number)) => kind = number,
                (4, Value::Bytes(packed)) => geometry = packed_numbers(packed)?,
                _ => {}
            }
        }
        let tags = tags
            .chunks_exact(2)
            .map(|pair| {
                Some((
                    keys.get(pair[0] as usize)?.clone(),
                    values.get(pair[1] as usize)?.clone(),
                ))
            })
            .collect::<Option<_>>()?;
        let parts = decode_commands(&geometry)?;
        let parts = parts
            .into_iter()
            .map(|part| part.into_iter().map(|(px, py)| place(px, py)).collect::<Vec<_>>());
        let geometry = match kind {
            1 => {
                let points: Vec<Point<f64>> = parts.flatten().map(Point::from).collect();
                if let [only] = points.as_slice() {
                    (*only).into()
                } else {
                    MultiPoint(points).into()
                }
            }
            2 => MultiLineString(parts.map(LineString).collect()).into(),
            3 => polygons(parts.collect()).into(),
            _ => continue,
        };
        features.push(Feature { geometry, tags });
    }
    Some(())
}

/// MVT says that a ring wound clockwise on the screen begins a polygon; the others are its holes.
fn polygons(rings: Vec<Vec<Coord<f64>>>) -> MultiPolygon<f64> {
    let mut polygons: Vec<Polygon<f64>> = Vec::new();
    for ring in rings.into_iter().filter(|r| r.len() >= 3) {
        let ring = Polygon::new(LineString(ring), Vec::new());
        // Latitude grows upwards, so that a ring clockwise on the screen has a negative area.
        match polygons.last_mut() {
            Some(around) if ring.signed_area() > 0.0 => around.interiors_push(ring.exterior().clone()),
            _ => polygons.push(ring),
        }
    }
    MultiPolygon(polygons)
}

/// Parts of a geometry in tile units: every MoveTo begins one.
fn decode_commands(commands: &[u64]) -> Option<Vec<Vec<(i64, i64)>>> {
    let mut parts: Vec<Vec<(i64, i64)>> = Vec::new();
    let (mut x, mut y) = (0i64, 0i64);
    let mut commands = commands.iter();
    while let Some(command) = commands.next() {
        match (command & 7, command >> 3) {
            (kind @ (1 | 2), count) => {
                for _ in 0..count {
                    x += signed(*commands.next()?);
                    y += signed(*commands.next()?);
                    if kind == 1 {
                        parts.push(Vec::new());
                    }
                    parts.last_mut()?.push((x, y));
                }
            }
            (7, _) => {
                let part = parts.last_mut()?;
                let first = *part.first()?;
                part.push(first);
            }
            _ => return None,
        }
    }
    Some(parts)
}

fn decode_value(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut message = Message(bytes);
    while let Some((field, value)) = message.next()? {
        text = match (field, value) {
            (1, Value::Bytes(value)) => String::from_utf8_lossy(value).into_owned(),
            (2, Value::Fixed32(bits)) => f32::from_bits(bits).to_string(),
            (3, Value::Fixed64(bits)) => f64::from_bits(bits).to_string(),
            (4 | 5, Value::Number(number)) => number.to_string(),
            (6, Value::Number(number)) => signed(number).to_string(),
            (7, Value::Number(number)) => (number != 0).to_string(),
            _ => continue,
        };
    }
    Some(text)
}

fn signed(zigzag: u64) -> i64 {
    (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
}

fn packed_numbers(mut bytes: &[u8]) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() {
        numbers.push(varint(&mut bytes)?);
    }
    Some(numbers)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

enum Value<'a> {
    Number(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

/// A protocol buffer message, field by field.
struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// The next field; `Some(None)` at the end, `None` if the bytes are broken.
    #[expect(
        clippy::should_implement_trait,
        clippy::option_option,
        reason = "an end and a fault differ"
    )]
    fn next(&mut self) -> Option<Option<(u64, Value<'a>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = varint(&mut self.0)?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some(Some((key >> 3, value)))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_the_specification_are_understood() {
        // The examples of the specification, section 4.3.5: a line of three points, a polygon.
        assert_eq!(
            decode_commands(&[9, 4, 4, 18, 0, 16, 16, 0]),
            Some(vec![vec![(2, 2), (2, 10), (10, 10)]])
        );
        assert_eq!(
            decode_commands(&[9, 6, 12, 18, 10, 12, 24, 44, 15]),
            Some(vec![vec![(3, 6), (8, 12), (20, 34), (3, 6)]])
        );
    }

    #[test]
    fn broken_bytes_are_no_tile() {
        assert!(decode(&[0x1a, 0xff, 0x01], 0, 0, 0).is_none());
    }
}
