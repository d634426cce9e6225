//! A tile as a GeoJSON feature collection.

use std::fmt::Write as _;

use datafusion::arrow::array::Array as _;

use crate::encoder::{FeatureBatch, PointRows};
use crate::frame::TileFrame;
use crate::properties::{FEATURE_BBOX, FEATURE_ID, Number, Property, PropertyKind, Values};
use crate::shape::TileShape;

pub(crate) const CONTENT_TYPE: &str = "application/json";

/// Builds one feature collection.
pub(crate) struct GeoJsonEncoder {
    /// Names as JSON text, with the colon.
    names: Vec<(String, PropertyKind)>,
    out: String,
    text: String,
}

impl GeoJsonEncoder {
    pub(crate) fn new(properties: &[Property]) -> Self {
        let names = properties
            .iter()
            .map(|property| (format!("{}:", quoted(&property.name)), property.kind))
            .collect();
        GeoJsonEncoder {
            names,
            out: r#"{"type":"FeatureCollection","features":["#.to_owned(),
            text: String::new(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.out.len()
    }

    pub(crate) fn push_points(&mut self, frame: &TileFrame, points: &PointRows<'_>, batch: &FeatureBatch<'_>) {
        for &row in points.rows {
            let (x, y) = (points.x[row as usize], points.y[row as usize]);
            self.begin();
            self.out.push_str(r#""type":"Point","coordinates":"#);
            position(&mut self.out, frame.lonlat(x, y));
            self.end(spatial::feature_id::of_point([x, y]), None, row as usize, batch);
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
        self.begin();
        let classes = [
            !shape.points.is_empty(),
            !shape.line_ends.is_empty(),
            !shape.polygon_ends.is_empty(),
        ];
        let is_mixed = classes.iter().filter(|&&class| class).count() > 1;
        let out = &mut self.out;
        if is_mixed {
            out.push_str(r#""type":"GeometryCollection","geometries":[{"#);
        }
        let mut separator = "";
        if classes[0] {
            let kind = if shape.points.len() == 1 { "Point" } else { "MultiPoint" };
            let _ = write!(out, r#""type":"{kind}","coordinates":"#);
            let positions = shape.points.iter().map(|&[x, y]| frame.lonlat(x, y));
            match shape.points.as_slice() {
                &[[x, y]] => position(out, frame.lonlat(x, y)),
                _ => list(out, positions, position),
            }
            separator = "},{";
        }
        let vertices = |out: &mut String, vertices: &[[i32; 2]], is_reversed: bool| {
            let place = |out: &mut String, &vertex: &[i32; 2]| position(out, frame.lonlat_of_grid(vertex));
            if is_reversed {
                list(out, vertices.iter().rev(), place)
            } else {
                list(out, vertices, place)
            }
        };
        if classes[1] {
            out.push_str(separator);
            if shape.line_ends.len() == 1 {
                out.push_str(r#""type":"LineString","coordinates":"#);
                shape.lines().for_each(|line| vertices(out, line, false));
            } else {
                out.push_str(r#""type":"MultiLineString","coordinates":"#);
                list(out, shape.lines(), |out, line| vertices(out, line, false));
            }
            separator = "},{";
        }
        if classes[2] {
            out.push_str(separator);
            // GeoJSON wants outer rings counterclockwise; ours run clockwise.
            let polygon = |out: &mut String, rings: std::ops::Range<usize>| {
                list(out, rings, |out, ring| vertices(out, shape.ring(ring), true));
            };
            if shape.polygon_ends.len() == 1 {
                out.push_str(r#""type":"Polygon","coordinates":"#);
                shape.polygons().for_each(|rings| polygon(out, rings));
            } else {
                out.push_str(r#""type":"MultiPolygon","coordinates":"#);
                list(out, shape.polygons(), polygon);
            }
        }
        if is_mixed {
            out.push_str("}]");
        }
        self.end(feature_id, bbox, row, batch);
    }

    fn begin(&mut self) {
        if self.out.ends_with('}') {
            self.out.push(',');
        }
        self.out.push_str(r#"{"type":"Feature","geometry":{"#);
    }

    fn end(&mut self, feature_id: u64, bbox: Option<&str>, row: usize, batch: &FeatureBatch<'_>) {
        let out = &mut self.out;
        let _ = write!(out, r#"}},"properties":{{"{FEATURE_ID}":{feature_id}"#);
        if let Some(bbox) = bbox {
            let _ = write!(out, r#","{FEATURE_BBOX}":"{bbox}""#);
        }
        for ((name, kind), values) in self.names.iter().zip(&batch.values) {
            out.push(',');
            out.push_str(name);
            match values {
                Values::Numbers(numbers) => match numbers.get(row) {
                    Some(Number::Signed(value)) => drop(write!(out, "{value}")),
                    Some(Number::Unsigned(value)) => drop(write!(out, "{value}")),
                    Some(Number::Float(value)) if value.is_finite() => drop(write!(out, "{value}")),
                    Some(Number::Float(_)) | None => out.push_str("null"),
                },
                Values::Booleans(array) if array.is_valid(row) => drop(write!(out, "{}", array.value(row))),
                Values::Booleans(_) => out.push_str("null"),
                Values::Texts(texts) => match texts.get(row, &mut self.text) {
                    Some(json) if *kind == PropertyKind::Json => out.push_str(json),
                    Some(text) => out.push_str(&quoted(text)),
                    None => out.push_str("null"),
                },
            }
        }
        out.push_str("}}");
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.push_str("]}");
        self.out.into_bytes()
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn position(out: &mut String, [lon, lat]: [f64; 2]) {
    // Writing to a String cannot fail.
    let _ = write!(out, "[{lon},{lat}]");
}

fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, item: impl Fn(&mut String, T)) {
    out.push('[');
    for (index, each) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(out, each);
    }
    out.push(']');
}
