//! Mapbox vector tiles of batches of rows: one layer; keys and values stand once each in its dictionaries.

use datafusion::arrow::array::Array as _;
use rustc_hash::FxHashMap;
use spatial::mvt::{GeometryType, GeometryWriter, LayerWriter, Value, tag};

use crate::encoder::{FeatureBatch, PointRows};
use crate::frame::{MVT_EXTENT, TileFrame};
use crate::properties::{FEATURE_BBOX, Number, Property, Texts, Values};
use crate::shape::TileShape;

pub(crate) const CONTENT_TYPE: &str = "application/vnd.mapbox-vector-tile";

const NO_VALUE: u32 = u32::MAX;

/// Builds one layer and the tile around it.
pub(crate) struct MvtEncoder {
    layer: String,
    columns: Vec<Column>,
    bbox_key: Option<u32>,
    out: LayerWriter,
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

#[derive(Default)]
struct Scratch {
    text: String,
    tags: Vec<u8>,
    geometry: GeometryWriter,
    indices: Vec<u32>,
    codes: Vec<u32>,
}

impl Column {
    #[inline]
    fn number(&mut self, number: Number, out: &mut LayerWriter) -> u32 {
        let bits = match number {
            Number::Signed(value) => value as u64,
            Number::Unsigned(value) => value,
            Number::Float(value) if value.is_nan() => return NO_VALUE,
            Number::Float(value) => value.to_bits(),
        };
        *self.numbers.entry(bits).or_insert_with(|| {
            out.value(match number {
                Number::Signed(value) => Value::Signed(value),
                Number::Unsigned(value) => Value::Unsigned(value),
                Number::Float(value) => Value::Float(value),
            })
        })
    }

    #[inline]
    fn text(&mut self, text: &str, out: &mut LayerWriter) -> u32 {
        if let Some(&index) = self.texts.get(text) {
            return index;
        }
        let index = out.value(Value::Text(text));
        self.texts.insert(text.into(), index);
        index
    }

    fn boolean(&mut self, value: bool, out: &mut LayerWriter) -> u32 {
        let index = &mut self.booleans[usize::from(value)];
        if *index == NO_VALUE {
            *index = out.value(Value::Boolean(value));
        }
        *index
    }

    /// The value of one row.
    fn index(&mut self, column: &Values<'_>, row: usize, scratch: &mut String, out: &mut LayerWriter) -> u32 {
        match column {
            Values::Numbers(numbers) => numbers.get(row).map_or(NO_VALUE, |number| self.number(number, out)),
            Values::Booleans(array) => {
                if array.is_valid(row) {
                    self.boolean(array.value(row), out)
                } else {
                    NO_VALUE
                }
            }
            Values::Texts(texts) => match texts.get(row, scratch) {
                Some(text) => self.text(text, out),
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
        out: &mut LayerWriter,
        indices: &mut [u32],
        stride: usize,
    ) {
        let (text, codes) = scratch;
        let slots = indices.iter_mut().step_by(stride);
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
                        codes[key] = self.text(texts.value(key), out);
                    }
                    *slot = codes[key];
                }
            }
            Some(_) | None => {
                for (slot, &row) in slots.zip(rows) {
                    *slot = self.index(column, row as usize, text, out);
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
        let mut out = LayerWriter::default();
        MvtEncoder {
            layer: layer.to_owned(),
            columns: properties
                .iter()
                .map(|property| Column::new(out.key(&property.name)))
                .collect(),
            bbox_key: None,
            out,
            scratch: Scratch::default(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.out.bytes()
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
            let slots = indices.get_mut(place..).unwrap_or_default();
            column.indices(values, points.rows, (text, codes), &mut self.out, slots, stride);
        }
        self.out.reserve(points.rows.len() * (24 + 4 * stride));
        for (place, &row) in points.rows.iter().enumerate() {
            let (x, y) = (points.x[row as usize], points.y[row as usize]);
            tags.clear();
            for (column, &index) in self.columns.iter().zip(&indices[place * stride..]) {
                if index != NO_VALUE {
                    tag(tags, column.key, index);
                }
            }
            geometry.clear();
            geometry.points(std::iter::once(frame.mvt_position(x, y)));
            let id = spatial::feature_id::of_point([x, y]);
            self.out.feature(Some(id), tags, GeometryType::Point, geometry);
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
            let key = *self.bbox_key.get_or_insert_with(|| self.out.key(FEATURE_BBOX));
            tag(tags, key, self.out.value(Value::Text(bbox)));
        }
        for (column, values) in self.columns.iter_mut().zip(&batch.values) {
            let index = column.index(values, row, text, &mut self.out);
            if index != NO_VALUE {
                tag(tags, column.key, index);
            }
        }
        // A feature has one type of geometry; a mixed collection becomes several.
        let mut feature = |geometry_type, geometry: &GeometryWriter| {
            self.out.feature(Some(feature_id), tags, geometry_type, geometry);
        };
        if !shape.points.is_empty() {
            geometry.clear();
            geometry.points(shape.points.iter().map(|&[x, y]| frame.mvt_position(x, y)));
            feature(GeometryType::Point, geometry);
        }
        let scale = (MVT_EXTENT / frame.grid_side()) as i32;
        let scaled = |&[x, y]: &[i32; 2]| [x * scale, y * scale];
        if !shape.line_ends.is_empty() {
            geometry.clear();
            shape.lines().for_each(|line| geometry.line(line.iter().map(scaled)));
            feature(GeometryType::Line, geometry);
        }
        if !shape.polygon_ends.is_empty() {
            geometry.clear();
            for ring in shape.polygons().flatten() {
                let ring = shape.ring(ring);
                // Closing is a command, not a vertex.
                geometry.ring(ring[..ring.len() - 1].iter().map(scaled));
            }
            feature(GeometryType::Polygon, geometry);
        }
    }

    /// The tile: one layer.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut tile = Vec::new();
        self.out.finish(&self.layer, &mut tile);
        tile
    }
}
