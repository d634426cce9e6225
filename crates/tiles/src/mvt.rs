//! Mapbox vector tiles, version 2.
//!
//! <https://github.com/mapbox/vector-tile-spec/tree/master/2.1>. One layer;
//! keys and values stand once each in its dictionaries.

use datafusion::arrow::array::Array as _;
use rustc_hash::FxHashMap;

use crate::encoder::{FeatureBatch, PointRows};
use crate::frame::{MVT_EXTENT, TileFrame};
use crate::properties::{FEATURE_BBOX, Number, Property, Texts, Values};
use crate::protobuf::{
    bytes_field, double_field, field_length, length_head, varint, varint_field, varint_length, zigzag, zigzag64,
};
use crate::shape::TileShape;

pub(crate) const CONTENT_TYPE: &str = "application/vnd.mapbox-vector-tile";

const NO_VALUE: u32 = u32::MAX;
const MOVE_TO: u32 = 1;
const LINE_TO: u32 = 2;
const CLOSE_PATH: u64 = 15;

/// Kinds of geometry as the format numbers them.
#[derive(Clone, Copy)]
enum GeometryType {
    Point = 1,
    Line = 2,
    Polygon = 3,
}

/// Builds one layer and the tile around it.
pub(crate) struct MvtEncoder {
    layer: String,
    columns: Vec<Column>,
    bbox_key: Option<u32>,
    keys: Vec<String>,
    features: Vec<u8>,
    values: Dictionary,
    scratch: Scratch,
}

/// Keys and dictionary of one property.
struct Column {
    key: u32,
    numbers: FxHashMap<u64, u32>,
    texts: FxHashMap<Box<str>, u32>,
    booleans: [u32; 2],
}

impl Column {
    fn new(key: u32) -> Self {
        Column {
            key,
            numbers: FxHashMap::default(),
            texts: FxHashMap::default(),
            booleans: [NO_VALUE; 2],
        }
    }
}

/// The layer's values, encoded.
#[derive(Default)]
struct Dictionary {
    bytes: Vec<u8>,
    count: u32,
}

#[derive(Default)]
struct Scratch {
    text: String,
    tags: Vec<u8>,
    geometry: Vec<u8>,
    indices: Vec<u32>,
    codes: Vec<u32>,
}

impl Dictionary {
    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    fn number(&mut self, number: Number) -> u32 {
        let out = &mut self.bytes;
        let mut whole = |field, value| {
            length_head(out, 4, 1 + varint_length(value));
            varint_field(out, field, value);
        };
        match number {
            Number::Unsigned(value) => whole(5, value),
            Number::Signed(value) if value < 0 => whole(6, zigzag64(value)),
            Number::Signed(value) => whole(4, value as u64),
            Number::Float(value) => {
                length_head(out, 4, 9);
                double_field(out, 3, value);
            }
        }
        self.next()
    }

    fn text(&mut self, text: &str) -> u32 {
        length_head(&mut self.bytes, 4, field_length(text.len()));
        bytes_field(&mut self.bytes, 1, text.as_bytes());
        self.next()
    }

    fn boolean(&mut self, value: bool) -> u32 {
        bytes_field(&mut self.bytes, 4, &[7 << 3, u8::from(value)]);
        self.next()
    }
}

impl Column {
    #[inline]
    fn number(&mut self, number: Number, values: &mut Dictionary) -> u32 {
        let bits = match number {
            Number::Signed(value) => value as u64,
            Number::Unsigned(value) => value,
            Number::Float(value) if value.is_nan() => return NO_VALUE,
            Number::Float(value) => value.to_bits(),
        };
        *self.numbers.entry(bits).or_insert_with(|| values.number(number))
    }

    #[inline]
    fn text(&mut self, text: &str, values: &mut Dictionary) -> u32 {
        if let Some(&index) = self.texts.get(text) {
            return index;
        }
        let index = values.text(text);
        self.texts.insert(text.into(), index);
        index
    }

    fn boolean(&mut self, value: bool, values: &mut Dictionary) -> u32 {
        let index = &mut self.booleans[usize::from(value)];
        if *index == NO_VALUE {
            *index = values.boolean(value);
        }
        *index
    }

    /// The value of one row.
    fn index(&mut self, column: &Values<'_>, row: usize, scratch: &mut String, values: &mut Dictionary) -> u32 {
        match column {
            Values::Numbers(numbers) => numbers.get(row).map_or(NO_VALUE, |number| self.number(number, values)),
            Values::Booleans(array) => {
                if array.is_valid(row) {
                    self.boolean(array.value(row), values)
                } else {
                    NO_VALUE
                }
            }
            Values::Texts(texts) => match texts.get(row, scratch) {
                Some(text) => self.text(text, values),
                None => NO_VALUE,
            },
        }
    }

    /// The values of many rows, `stride` apart in `out`.
    fn indices(
        &mut self,
        column: &Values<'_>,
        rows: &[u32],
        scratch: (&mut String, &mut Vec<u32>),
        values: &mut Dictionary,
        out: &mut [u32],
        stride: usize,
    ) {
        let (text, codes) = scratch;
        let slots = out.iter_mut().step_by(stride);
        let has_nulls = column_has_nulls(column);
        let dictionary = match column {
            Values::Texts(Texts::Dictionary8(array, texts)) => Some((texts, Keys::Narrow(array.keys().values()))),
            Values::Texts(Texts::Dictionary16(array, texts)) => Some((texts, Keys::Wide(array.keys().values()))),
            Values::Texts(_) | Values::Numbers(_) | Values::Booleans(_) => None,
        };
        match dictionary {
            // A table from the batch's dictionary to the tile's saves hashing.
            Some((texts, keys)) if texts.len() <= rows.len().max(256) && !has_nulls => {
                codes.clear();
                codes.resize(texts.len(), NO_VALUE);
                for (slot, &row) in slots.zip(rows) {
                    let key = match keys {
                        Keys::Narrow(keys) => usize::from(keys[row as usize]),
                        Keys::Wide(keys) => usize::from(keys[row as usize]),
                    };
                    if codes[key] == NO_VALUE {
                        codes[key] = self.text(texts.value(key), values);
                    }
                    *slot = codes[key];
                }
            }
            Some(_) | None => {
                for (slot, &row) in slots.zip(rows) {
                    *slot = self.index(column, row as usize, text, values);
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Keys<'a> {
    Narrow(&'a [u8]),
    Wide(&'a [u16]),
}

fn column_has_nulls(column: &Values<'_>) -> bool {
    match column {
        Values::Texts(Texts::Dictionary8(array, _)) => array.null_count() > 0,
        Values::Texts(Texts::Dictionary16(array, _)) => array.null_count() > 0,
        Values::Texts(_) | Values::Numbers(_) | Values::Booleans(_) => true,
    }
}

impl MvtEncoder {
    pub(crate) fn new(layer: &str, properties: &[Property]) -> Self {
        MvtEncoder {
            layer: layer.to_owned(),
            columns: (0..properties.len() as u32).map(Column::new).collect(),
            bbox_key: None,
            keys: properties.iter().map(|property| property.name.clone()).collect(),
            features: Vec::new(),
            values: Dictionary::default(),
            scratch: Scratch::default(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.features.len() + self.values.bytes.len()
    }

    pub(crate) fn push_points(&mut self, frame: &TileFrame, points: &PointRows<'_>, batch: &FeatureBatch<'_>) {
        let stride = self.columns.len();
        let Scratch {
            text,
            tags,
            geometry,
            indices,
            codes,
        } = &mut self.scratch;
        indices.clear();
        indices.resize(points.rows.len() * stride, NO_VALUE);
        for (place, (column, values)) in self.columns.iter_mut().zip(&batch.values).enumerate() {
            let out = indices.get_mut(place..).unwrap_or_default();
            column.indices(values, points.rows, (text, codes), &mut self.values, out, stride);
        }
        self.features.reserve(points.rows.len() * (24 + 4 * stride));
        for (place, &row) in points.rows.iter().enumerate() {
            let (x, y) = (points.x[row as usize], points.y[row as usize]);
            tags.clear();
            for (column, &index) in self.columns.iter().zip(&indices[place * stride..]) {
                if index != NO_VALUE {
                    varint(tags, u64::from(column.key));
                    varint(tags, u64::from(index));
                }
            }
            geometry.clear();
            let [px, py] = frame.mvt_position(x, y);
            varint(geometry, u64::from(command(MOVE_TO, 1)));
            varint(geometry, u64::from(zigzag(px)));
            varint(geometry, u64::from(zigzag(py)));
            let id = spatial::feature_id::of_point([x, y]);
            feature(&mut self.features, id, tags, GeometryType::Point, geometry);
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
        let Scratch {
            text, tags, geometry, ..
        } = &mut self.scratch;
        tags.clear();
        if let Some(bbox) = bbox {
            let key = *self.bbox_key.get_or_insert_with(|| {
                self.keys.push(FEATURE_BBOX.to_owned());
                self.keys.len() as u32 - 1
            });
            varint(tags, u64::from(key));
            varint(tags, u64::from(self.values.text(bbox)));
        }
        for (column, values) in self.columns.iter_mut().zip(&batch.values) {
            let index = column.index(values, row, text, &mut self.values);
            if index != NO_VALUE {
                varint(tags, u64::from(column.key));
                varint(tags, u64::from(index));
            }
        }
        // A feature has one type of geometry; a mixed collection becomes several.
        if !shape.points.is_empty() {
            geometry.clear();
            let mut cursor = [0, 0];
            varint(geometry, u64::from(command(MOVE_TO, shape.points.len())));
            for &[x, y] in &shape.points {
                step(geometry, &mut cursor, frame.mvt_position(x, y));
            }
            feature(&mut self.features, feature_id, tags, GeometryType::Point, geometry);
        }
        let scale = (MVT_EXTENT / frame.grid_side()) as i32;
        if !shape.line_ends.is_empty() {
            geometry.clear();
            let mut cursor = [0, 0];
            for line in shape.lines() {
                path(geometry, &mut cursor, line, scale);
            }
            feature(&mut self.features, feature_id, tags, GeometryType::Line, geometry);
        }
        if !shape.polygon_ends.is_empty() {
            geometry.clear();
            let mut cursor = [0, 0];
            for ring in shape.polygons().flatten() {
                let ring = shape.ring(ring);
                // Closing is a command, not a vertex.
                path(geometry, &mut cursor, &ring[..ring.len() - 1], scale);
                varint(geometry, CLOSE_PATH);
            }
            feature(&mut self.features, feature_id, tags, GeometryType::Polygon, geometry);
        }
    }

    /// The tile: one layer.
    pub(crate) fn finish(self) -> Vec<u8> {
        let keys: usize = self.keys.iter().map(|key| field_length(key.len())).sum();
        let length = field_length(self.layer.len())
            + self.features.len()
            + keys
            + self.values.bytes.len()
            + 1
            + varint_length(u64::from(MVT_EXTENT))
            + 2;
        let mut out = Vec::with_capacity(field_length(length));
        length_head(&mut out, 3, length);
        bytes_field(&mut out, 1, self.layer.as_bytes());
        out.extend_from_slice(&self.features);
        for key in &self.keys {
            bytes_field(&mut out, 3, key.as_bytes());
        }
        out.extend_from_slice(&self.values.bytes);
        varint_field(&mut out, 5, u64::from(MVT_EXTENT));
        varint_field(&mut out, 15, 2);
        out
    }
}

fn command(id: u32, count: usize) -> u32 {
    id | (count as u32) << 3
}

#[inline]
fn step(out: &mut Vec<u8>, cursor: &mut [i32; 2], to: [i32; 2]) {
    varint(out, u64::from(zigzag(to[0] - cursor[0])));
    varint(out, u64::from(zigzag(to[1] - cursor[1])));
    *cursor = to;
}

fn path(out: &mut Vec<u8>, cursor: &mut [i32; 2], vertices: &[[i32; 2]], scale: i32) {
    let Some((first, rest)) = vertices.split_first() else {
        return;
    };
    let scaled = |&[x, y]: &[i32; 2]| [x * scale, y * scale];
    varint(out, u64::from(command(MOVE_TO, 1)));
    step(out, cursor, scaled(first));
    varint(out, u64::from(command(LINE_TO, rest.len())));
    for vertex in rest {
        step(out, cursor, scaled(vertex));
    }
}

fn feature(out: &mut Vec<u8>, id: u64, tags: &[u8], geometry_type: GeometryType, geometry: &[u8]) {
    let tags_length = if tags.is_empty() { 0 } else { field_length(tags.len()) };
    length_head(
        out,
        2,
        1 + varint_length(id) + tags_length + 2 + field_length(geometry.len()),
    );
    varint_field(out, 1, id);
    if !tags.is_empty() {
        bytes_field(out, 2, tags);
    }
    varint_field(out, 3, geometry_type as u64);
    bytes_field(out, 4, geometry);
}
