//! Mapbox vector tiles, version 2.1, as bytes: one writer for tiles of tables and for the basemap.
//!
//! <https://github.com/mapbox/vector-tile-spec/tree/master/2.1>. A tile is its layers, one after the other. Whoever
//! writes a layer knows its values by number: to give the same value twice only wastes bytes.

use crate::protobuf::{
    bytes_field, double_field, field_length, length_head, varint, varint_field, varint_length, zigzag, zigzag64,
};

/// Positions a side of a tile.
pub const EXTENT: u32 = 4096;

const MOVE_TO: u32 = 1;
const LINE_TO: u32 = 2;
const CLOSE_PATH: u64 = 15;

/// Kinds of geometry as the format numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeometryType {
    Point = 1,
    Line = 2,
    Polygon = 3,
}

/// A property's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Text(&'a str),
    Float(f64),
    Signed(i64),
    Unsigned(u64),
    Boolean(bool),
}

/// One layer that is being written.
#[derive(Debug, Default)]
pub struct LayerWriter {
    /// Fields 2.
    features: Vec<u8>,
    /// Fields 3.
    keys: Vec<u8>,
    key_count: u32,
    /// Fields 4.
    values: Vec<u8>,
    value_count: u32,
}

impl LayerWriter {
    /// Adds a property name; its number stands in tags.
    pub fn key(&mut self, name: &str) -> u32 {
        bytes_field(&mut self.keys, 3, name.as_bytes());
        self.key_count += 1;
        self.key_count - 1
    }

    /// Adds a value; its number stands in tags.
    #[inline]
    pub fn value(&mut self, value: Value<'_>) -> u32 {
        let out = &mut self.values;
        let mut whole = |field, value| {
            length_head(out, 4, 1 + varint_length(value));
            varint_field(out, field, value);
        };
        match value {
            Value::Unsigned(value) => whole(5, value),
            Value::Signed(value) if value < 0 => whole(6, zigzag64(value)),
            Value::Signed(value) => whole(4, value as u64),
            Value::Boolean(value) => whole(7, u64::from(value)),
            Value::Float(value) => {
                length_head(out, 4, 9);
                double_field(out, 3, value);
            }
            Value::Text(text) => {
                length_head(out, 4, field_length(text.len()));
                bytes_field(out, 1, text.as_bytes());
            }
        }
        self.value_count += 1;
        self.value_count - 1
    }

    /// Adds a feature. `tags` are pairs of numbers of keys and values, see [`tag`].
    #[inline]
    pub fn feature(&mut self, id: Option<u64>, tags: &[u8], geometry_type: GeometryType, geometry: &GeometryWriter) {
        let geometry = geometry.bytes.as_slice();
        let id_length = id.map_or(0, |id| 1 + varint_length(id));
        let tags_length = if tags.is_empty() { 0 } else { field_length(tags.len()) };
        let out = &mut self.features;
        length_head(out, 2, id_length + tags_length + 2 + field_length(geometry.len()));
        if let Some(id) = id {
            varint_field(out, 1, id);
        }
        if !tags.is_empty() {
            bytes_field(out, 2, tags);
        }
        varint_field(out, 3, geometry_type as u64);
        bytes_field(out, 4, geometry);
    }

    /// Makes room for features of this many bytes in all.
    pub fn reserve(&mut self, bytes: usize) {
        self.features.reserve(bytes);
    }

    /// About how many bytes the layer has so far.
    pub fn bytes(&self) -> usize {
        self.features.len() + self.values.len()
    }

    /// Appends the layer to a tile.
    pub fn finish(self, name: &str, tile: &mut Vec<u8>) {
        let length = field_length(name.len())
            + self.features.len()
            + self.keys.len()
            + self.values.len()
            + 1
            + varint_length(u64::from(EXTENT))
            + 2;
        tile.reserve(field_length(length));
        length_head(tile, 3, length);
        bytes_field(tile, 1, name.as_bytes());
        tile.extend_from_slice(&self.features);
        tile.extend_from_slice(&self.keys);
        tile.extend_from_slice(&self.values);
        varint_field(tile, 5, u64::from(EXTENT));
        varint_field(tile, 15, 2);
    }
}

/// Adds a property to the tags of a feature.
#[inline]
pub fn tag(tags: &mut Vec<u8>, key: u32, value: u32) {
    varint(tags, u64::from(key));
    varint(tags, u64::from(value));
}

/// The geometry of one feature that is being written, in positions of the tile.
#[derive(Debug, Default)]
pub struct GeometryWriter {
    bytes: Vec<u8>,
    cursor: [i32; 2],
}

impl GeometryWriter {
    /// Begins the next feature.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.cursor = [0, 0];
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All points of the feature.
    #[inline]
    pub fn points(&mut self, points: impl ExactSizeIterator<Item = [i32; 2]>) {
        self.command(MOVE_TO, points.len());
        points.for_each(|point| self.step(point));
    }

    /// One line of at least two vertices.
    pub fn line(&mut self, mut vertices: impl ExactSizeIterator<Item = [i32; 2]>) {
        let Some(first) = vertices.next() else { return };
        self.command(MOVE_TO, 1);
        self.step(first);
        self.command(LINE_TO, vertices.len());
        vertices.for_each(|vertex| self.step(vertex));
    }

    /// One ring, whose first vertex is not repeated: outer rings run clockwise on the screen, holes the other way.
    pub fn ring(&mut self, vertices: impl ExactSizeIterator<Item = [i32; 2]>) {
        self.line(vertices);
        varint(&mut self.bytes, CLOSE_PATH);
    }

    #[inline]
    fn command(&mut self, id: u32, count: usize) {
        varint(&mut self.bytes, u64::from(id | (count as u32) << 3));
    }

    #[inline]
    fn step(&mut self, to: [i32; 2]) {
        varint(&mut self.bytes, u64::from(zigzag(to[0] - self.cursor[0])));
        varint(&mut self.bytes, u64::from(zigzag(to[1] - self.cursor[1])));
        self.cursor = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification, section 4.3.5.
    #[test]
    fn geometries_are_written_as_the_specification_says() {
        let mut geometry = GeometryWriter::default();
        geometry.points([[25, 17]].into_iter());
        assert_eq!(geometry.bytes, [9, 50, 34]);
        geometry.clear();
        geometry.points([[5, 7], [3, 2]].into_iter());
        assert_eq!(geometry.bytes, [17, 10, 14, 3, 9]);
        geometry.clear();
        geometry.line([[2, 2], [2, 10], [10, 10]].into_iter());
        geometry.line([[1, 1], [3, 5]].into_iter());
        assert_eq!(geometry.bytes, [9, 4, 4, 18, 0, 16, 16, 0, 9, 17, 17, 10, 4, 8]);
        geometry.clear();
        geometry.ring([[3, 6], [8, 12], [20, 34]].into_iter());
        assert_eq!(geometry.bytes, [9, 6, 12, 18, 10, 12, 24, 44, 15]);
    }

    /// Written out by hand from the message definitions of the specification.
    #[test]
    fn a_layer_has_its_name_features_keys_values_extent_and_version() {
        let mut layer = LayerWriter::default();
        let mut geometry = GeometryWriter::default();
        geometry.points([[25, 17]].into_iter());
        let mut tags = Vec::new();
        tag(&mut tags, layer.key("hello"), layer.value(Value::Text("world")));
        layer.feature(Some(1), &tags, GeometryType::Point, &geometry);
        let mut tile = Vec::new();
        layer.finish("points", &mut tile);
        let expected = [
            &[0x1a, 44, 0x0a, 6][..],
            b"points",
            &[0x12, 13, 0x08, 1, 0x12, 2, 0, 0, 0x18, 1, 0x22, 3, 9, 50, 34],
            &[0x1a, 5],
            b"hello",
            &[0x22, 7, 0x0a, 5],
            b"world",
            &[0x28, 0x80, 0x20, 0x78, 2],
        ];
        assert_eq!(tile, expected.concat());
    }

    #[test]
    fn values_take_the_smallest_type_that_holds_them() {
        for (value, expected) in [
            (Value::Unsigned(300), &[0x22, 3, 0x28, 0xac, 2][..]),
            (Value::Signed(-2), &[0x22, 2, 0x30, 3]),
            (Value::Signed(2), &[0x22, 2, 0x20, 2]),
            (Value::Boolean(true), &[0x22, 2, 0x38, 1]),
            (Value::Float(1.0), &[0x22, 9, 0x19, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        ] {
            let mut layer = LayerWriter::default();
            assert_eq!(layer.value(value), 0);
            assert_eq!(layer.values, expected, "{value:?}");
        }
    }
}
