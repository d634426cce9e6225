//! CARTO's binary vector tile (`application/vnd.carto-vector-tile`).
//!
//! Points, lines and polygons each have flat arrays: positions in degrees, two
//! ids and every numeric property per vertex, text properties per feature.

use datafusion::arrow::array::Array as _;

use crate::encoder::{FeatureBatch, PointRows};
use crate::frame::TileFrame;
use crate::properties::{FEATURE_BBOX, FEATURE_ID, Property, Texts, Values};
use crate::shape::TileShape;
use spatial::protobuf::{bytes_field, field_length, length_head, varint, varint_field, varint_length};

pub(crate) const CONTENT_TYPE: &str = "application/vnd.carto-vector-tile";

/// Builds one tile.
pub(crate) struct VectorTileEncoder {
    properties: Vec<Property>,
    points: Class,
    lines: Class,
    polygons: Class,
    features: u64,
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    text: String,
    message: Vec<u8>,
    numbers: Vec<f64>,
}

/// The arrays of one geometry class. Byte vectors hold what goes on the wire.
#[derive(Default)]
struct Class {
    positions: Vec<u8>,
    vertices: u64,
    /// Start of every path, or of every polygon.
    starts: Vec<u8>,
    /// Start of every ring.
    ring_starts: Vec<u8>,
    global_ids: Vec<u8>,
    feature_ids: Vec<u8>,
    features: u64,
    properties: Vec<u8>,
    /// The feature id, then one array per numeric property.
    numbers: Vec<Vec<u8>>,
}

impl VectorTileEncoder {
    pub(crate) fn new(properties: &[Property]) -> Self {
        let class = || Class {
            numbers: vec![Vec::new(); 1 + properties.iter().filter(|property| property.kind.is_number()).count()],
            ..Class::default()
        };
        VectorTileEncoder {
            properties: properties.to_vec(),
            points: class(),
            lines: class(),
            polygons: class(),
            features: 0,
            scratch: Scratch::default(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        [&self.points, &self.lines, &self.polygons]
            .iter()
            .map(|class| class.positions.len() * 2 + class.properties.len())
            .sum()
    }

    pub(crate) fn push_points(&mut self, frame: &TileFrame, points: &PointRows<'_>, batch: &FeatureBatch<'_>) {
        let class = &mut self.points;
        let count = points.rows.len();
        class.positions.reserve(count * 16);
        class.numbers[0].reserve(count * 8);
        for &row in points.rows {
            let (x, y) = (points.x[row as usize], points.y[row as usize]);
            let [lon, lat] = frame.lonlat(x, y);
            class.positions.extend_from_slice(&lon.to_le_bytes());
            class.positions.extend_from_slice(&lat.to_le_bytes());
            let id = spatial::feature_id::of_point([x, y]) as f64;
            class.numbers[0].extend_from_slice(&id.to_le_bytes());
        }
        class.vertices += count as u64;
        for _ in 0..count {
            varint(&mut class.feature_ids, class.features);
            varint(&mut class.global_ids, self.features);
            class.features += 1;
            self.features += 1;
        }
        let mut numeric = 1;
        let mut texts: Vec<TextColumn<'_, '_>> = Vec::new();
        for (property, values) in self.properties.iter().zip(&batch.values) {
            match values {
                Values::Numbers(numbers) => {
                    numbers.gather(points.rows, &mut class.numbers[numeric]);
                    numeric += 1;
                }
                Values::Booleans(_) | Values::Texts(_) => texts.push(TextColumn::new(&property.name, values, count)),
            }
        }
        for &row in points.rows {
            let Scratch { text, message, .. } = &mut self.scratch;
            message.clear();
            for column in &texts {
                column.write(row as usize, text, message);
            }
            bytes_field(&mut class.properties, 4, message);
        }
    }

    pub(crate) fn push_shape(
        &mut self,
        frame: &TileFrame,
        shape: &TileShape,
        feature_id: u64,
        bbox: Option<&str>,
        row: usize,
        batch: &FeatureBatch<'_>,
    ) {
        let Scratch { text, message, numbers } = &mut self.scratch;
        message.clear();
        numbers.clear();
        numbers.push(feature_id as f64);
        if let Some(bbox) = bbox {
            key_value(message, FEATURE_BBOX, bbox);
        }
        for (property, values) in self.properties.iter().zip(&batch.values) {
            match values {
                Values::Numbers(column) => {
                    numbers.push(column.get(row).map_or(f64::NAN, |number| number.as_f64()));
                }
                Values::Booleans(_) | Values::Texts(_) => {
                    TextColumn::new(&property.name, values, 0).write(row, text, message);
                }
            }
        }
        let mut features = self.features;
        if !shape.points.is_empty() {
            for &[x, y] in &shape.points {
                self.points.position(frame.lonlat(x, y));
            }
            self.points
                .end_feature(shape.points.len(), &mut features, numbers, message, 4);
        }
        if !shape.line_ends.is_empty() {
            let class = &mut self.lines;
            for line in shape.lines() {
                class.start_path();
                line.iter()
                    .for_each(|&vertex| class.position(frame.lonlat_of_grid(vertex)));
            }
            class.end_feature(shape.line_vertices.len(), &mut features, numbers, message, 5);
        }
        if !shape.polygon_ends.is_empty() {
            let class = &mut self.polygons;
            for polygon in shape.polygons() {
                class.start_path();
                for ring in polygon {
                    class.start_ring();
                    shape
                        .ring(ring)
                        .iter()
                        .for_each(|&vertex| class.position(frame.lonlat_of_grid(vertex)));
                }
            }
            class.end_feature(shape.ring_vertices.len(), &mut features, numbers, message, 7);
        }
        self.features = features;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        for class in [&mut self.lines, &mut self.polygons] {
            varint(&mut class.starts, class.vertices);
            varint(&mut class.ring_starts, class.vertices);
        }
        let numeric: Vec<&str> = std::iter::once(FEATURE_ID)
            .chain(
                self.properties
                    .iter()
                    .filter(|p| p.kind.is_number())
                    .map(|p| p.name.as_str()),
            )
            .collect();
        // Field numbers as in the format's description; numbers start at `numeric_field`.
        let points = Message {
            arrays: vec![(2, &self.points.global_ids), (3, &self.points.feature_ids)],
            class: &self.points,
            numeric_field: 5,
        };
        let lines = Message {
            arrays: vec![
                (2, &self.lines.starts),
                (3, &self.lines.global_ids),
                (4, &self.lines.feature_ids),
            ],
            class: &self.lines,
            numeric_field: 6,
        };
        let polygons = Message {
            arrays: vec![
                (2, &self.polygons.starts),
                (3, &self.polygons.global_ids),
                (4, &self.polygons.feature_ids),
                (5, &self.polygons.ring_starts),
            ],
            class: &self.polygons,
            numeric_field: 8,
        };
        let messages = [points, lines, polygons];
        let lengths = messages.each_ref().map(|message| message.length(&numeric));
        let mut out = Vec::with_capacity(lengths.iter().map(|&length| field_length(length)).sum());
        for (field, (message, length)) in (1..).zip(messages.iter().zip(lengths)) {
            length_head(&mut out, field, length);
            message.write(&numeric, &mut out);
        }
        out
    }
}

impl Class {
    fn start_path(&mut self) {
        varint(&mut self.starts, self.positions.len() as u64 / 16);
    }

    fn start_ring(&mut self) {
        varint(&mut self.ring_starts, self.positions.len() as u64 / 16);
    }

    fn position(&mut self, [lon, lat]: [f64; 2]) {
        self.positions.extend_from_slice(&lon.to_le_bytes());
        self.positions.extend_from_slice(&lat.to_le_bytes());
    }

    fn end_feature(
        &mut self,
        vertices: usize,
        global_id: &mut u64,
        numbers: &[f64],
        properties: &[u8],
        properties_field: u32,
    ) {
        self.vertices += vertices as u64;
        for _ in 0..vertices {
            varint(&mut self.feature_ids, self.features);
            varint(&mut self.global_ids, *global_id);
        }
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            let bytes = number.to_le_bytes();
            column.extend(std::iter::repeat_n(bytes, vertices).flatten());
        }
        bytes_field(&mut self.properties, properties_field, properties);
        self.features += 1;
        *global_id += 1;
    }
}

/// Points, Lines or Polygons as it goes on the wire.
struct Message<'a> {
    arrays: Vec<(u32, &'a Vec<u8>)>,
    class: &'a Class,
    numeric_field: u32,
}

impl Message<'_> {
    fn length(&self, numeric: &[&str]) -> usize {
        let arrays: usize = self
            .arrays
            .iter()
            .map(|(_, array)| field_length(array_length(array)))
            .sum();
        let numbers: usize = numeric
            .iter()
            .zip(&self.class.numbers)
            .map(|(name, values)| field_length(entry_length(name, values)))
            .sum();
        field_length(array_length(&self.class.positions)) + arrays + self.class.properties.len() + numbers
    }

    fn write(&self, numeric: &[&str], out: &mut Vec<u8>) {
        array(out, 1, &self.class.positions, 2);
        for &(field, values) in &self.arrays {
            array(out, field, values, 1);
        }
        out.extend_from_slice(&self.class.properties);
        for (name, values) in numeric.iter().zip(&self.class.numbers) {
            length_head(out, self.numeric_field, entry_length(name, values));
            bytes_field(out, 1, name.as_bytes());
            length_head(out, 2, field_length(values.len()));
            bytes_field(out, 1, values);
        }
    }
}

fn array_length(values: &[u8]) -> usize {
    field_length(values.len()) + 1 + varint_length(2)
}

/// A `Doubles` or `Ints` message: the packed values and how many make one item.
fn array(out: &mut Vec<u8>, field: u32, values: &[u8], size: u64) {
    length_head(out, field, array_length(values));
    bytes_field(out, 1, values);
    varint_field(out, 2, size);
}

fn entry_length(name: &str, values: &[u8]) -> usize {
    field_length(name.len()) + field_length(field_length(values.len()))
}

fn key_value(out: &mut Vec<u8>, key: &str, value: &str) {
    length_head(out, 1, field_length(key.len()) + field_length(value.len()));
    bytes_field(out, 1, key.as_bytes());
    bytes_field(out, 2, value.as_bytes());
}

/// A column that is written as text. Values of small dictionaries are encoded
/// once per batch.
struct TextColumn<'v, 'a> {
    name: &'v str,
    values: &'v Values<'a>,
    encoded: Vec<Vec<u8>>,
}

impl<'v, 'a> TextColumn<'v, 'a> {
    fn new(name: &'v str, values: &'v Values<'a>, rows: usize) -> Self {
        let texts = match values {
            Values::Texts(Texts::Dictionary8(_, texts)) => Some(*texts),
            Values::Texts(Texts::Dictionary16(_, texts)) => Some(*texts),
            Values::Texts(_) | Values::Booleans(_) | Values::Numbers(_) => None,
        };
        let encoded = texts
            .filter(|texts| texts.len() <= rows)
            .map(|texts| {
                let entry = |text: Option<&str>| {
                    let mut out = Vec::new();
                    key_value(&mut out, name, text.unwrap_or_default());
                    out
                };
                texts.iter().map(entry).collect()
            })
            .unwrap_or_default();
        TextColumn { name, values, encoded }
    }

    #[inline]
    fn write(&self, row: usize, scratch: &mut String, out: &mut Vec<u8>) {
        if !self.encoded.is_empty() {
            let key = match &self.values {
                Values::Texts(Texts::Dictionary8(array, _)) => array.key(row),
                Values::Texts(Texts::Dictionary16(array, _)) => array.key(row),
                Values::Texts(_) | Values::Booleans(_) | Values::Numbers(_) => None,
            };
            if let Some(key) = key {
                out.extend_from_slice(&self.encoded[key]);
            }
            return;
        }
        match self.values {
            Values::Booleans(array) => {
                if array.is_valid(row) {
                    key_value(out, self.name, if array.value(row) { "true" } else { "false" });
                }
            }
            Values::Texts(texts) => {
                if let Some(text) = texts.get(row, scratch) {
                    key_value(out, self.name, text);
                }
            }
            Values::Numbers(_) => {}
        }
    }
}
