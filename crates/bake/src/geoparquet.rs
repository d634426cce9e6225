//! Writes a demo table as one GeoParquet 1.1 file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::WriterProperties;
use geo::{BoundingRect, Coord, Geometry};
use serde_json::json;

use crate::Error;

/// The columns of a table, in order, and one geometry per row (longitude, latitude; degrees).
#[derive(Default)]
pub(crate) struct Table {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
    geometry: Vec<Geometry<f64>>,
}

impl Table {
    pub(crate) fn new(geometry: Vec<Geometry<f64>>) -> Self {
        Self {
            geometry,
            ..Self::default()
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.geometry.len()
    }

    pub(crate) fn text<T: AsRef<str>>(self, name: &str, values: impl Iterator<Item = Option<T>>) -> Self {
        let values: StringArray = values.collect();
        self.column(name, Arc::new(values))
    }

    pub(crate) fn integer(self, name: &str, values: impl Iterator<Item = Option<i64>>) -> Self {
        let values: Int64Array = values.collect();
        self.column(name, Arc::new(values))
    }

    pub(crate) fn small_integer(self, name: &str, values: impl Iterator<Item = Option<i32>>) -> Self {
        let values: Int32Array = values.collect();
        self.column(name, Arc::new(values))
    }

    pub(crate) fn number(self, name: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        let values: Float64Array = values.collect();
        self.column(name, Arc::new(values))
    }

    pub(crate) fn boolean(self, name: &str, values: impl Iterator<Item = Option<bool>>) -> Self {
        let values: BooleanArray = values.collect();
        self.column(name, Arc::new(values))
    }

    /// Milliseconds since 1970, UTC.
    pub(crate) fn timestamp(self, name: &str, values: impl Iterator<Item = Option<i64>>) -> Self {
        let values: TimestampMillisecondArray = values.collect();
        self.column(name, Arc::new(values.with_timezone("UTC")))
    }

    fn column(mut self, name: &str, array: ArrayRef) -> Self {
        assert_eq!(
            array.len(),
            self.geometry.len(),
            "column {name} has a value per geometry"
        );
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
        self
    }

    pub(crate) fn write(mut self, path: &Path) -> Result<(), Error> {
        let parquet = |e: &dyn std::fmt::Display| Error::Write {
            path: path.to_owned(),
            reason: e.to_string(),
        };
        let wkb = self
            .geometry
            .iter()
            .map(well_known_binary)
            .collect::<Result<Vec<_>, _>>()?;
        let geometry = BinaryArray::from_iter_values(&wkb);
        self.fields.push(Field::new("geom", DataType::Binary, true));
        self.arrays.push(Arc::new(geometry));
        let schema = Arc::new(Schema::new(self.fields));
        let batch = RecordBatch::try_new(schema.clone(), self.arrays).map_err(|e| parquet(&e))?;
        let level = ZstdLevel::try_new(19).expect("19 is a level of zstd");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("groma".to_owned())
            .set_key_value_metadata(Some(vec![KeyValue::new(
                "geo".to_owned(),
                geo_metadata(&self.geometry),
            )]))
            .build();
        let file = File::create(path).map_err(|e| parquet(&e))?;
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|e| parquet(&e))?;
        writer.write(&batch).map_err(|e| parquet(&e))?;
        writer.close().map_err(|e| parquet(&e))?;
        Ok(())
    }
}

/// The `geo` key of GeoParquet 1.1; without `crs` a column is in OGC:CRS84 (longitude, latitude).
fn geo_metadata(geometries: &[Geometry<f64>]) -> String {
    let mut kinds: Vec<&str> = geometries.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut corners: Option<[f64; 4]> = None;
    for rect in geometries.iter().filter_map(BoundingRect::bounding_rect) {
        let (Coord { x: west, y: south }, Coord { x: east, y: north }) = (rect.min(), rect.max());
        corners = Some(match corners {
            None => [west, south, east, north],
            Some([w, s, e, n]) => [w.min(west), s.min(south), e.max(east), n.max(north)],
        });
    }
    json!({
        "version": "1.1.0",
        "primary_column": "geom",
        "columns": {"geom": {"encoding": "WKB", "geometry_types": kinds, "bbox": corners}}
    })
    .to_string()
}

fn kind(geometry: &Geometry<f64>) -> &'static str {
    match geometry {
        Geometry::Point(_) => "Point",
        Geometry::Line(_) | Geometry::LineString(_) => "LineString",
        Geometry::Polygon(_) | Geometry::Rect(_) | Geometry::Triangle(_) => "Polygon",
        Geometry::MultiPoint(_) => "MultiPoint",
        Geometry::MultiLineString(_) => "MultiLineString",
        Geometry::MultiPolygon(_) => "MultiPolygon",
        Geometry::GeometryCollection(_) => "GeometryCollection",
    }
}

fn well_known_binary(geometry: &Geometry<f64>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    wkb::writer::write_geometry(&mut bytes, geometry, &wkb::writer::WriteOptions::default())
        .map_err(|e| Error::Geometry(e.to_string()))?;
    Ok(bytes)
}

/// The place of a row along a Z-order curve: rows that lie together are stored together and pack better.
pub(crate) fn along_the_curve(position: Coord<f64>) -> u64 {
    let [x, y] = spatial::mercator::unit_from_lonlat(position.x, position.y);
    let cell = |v: f64| (v * f64::from(u32::MAX)) as u32;
    spatial::morton::interleave(cell(x), cell(y))
}
