//! Features stream in as record batches, one encoded tile comes out.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Field;
use spatial::LonLatBox;

use crate::error::Result;
use crate::frame::TileFrame;
use crate::geojson::GeoJsonEncoder;
use crate::mvt::MvtEncoder;
use crate::properties::{Property, Values};
use crate::shape::TileShape;
use crate::vector_tile::VectorTileEncoder;

/// How a tile is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TileFormat {
    /// CARTO's binary vector tile.
    #[default]
    Binary,
    Mvt,
    GeoJson,
}

impl TileFormat {
    /// The word of `formatTiles`.
    pub fn as_str(self) -> &'static str {
        match self {
            TileFormat::Binary => "binary",
            TileFormat::Mvt => "mvt",
            TileFormat::GeoJson => "geojson",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            TileFormat::Binary => crate::vector_tile::CONTENT_TYPE,
            TileFormat::Mvt => crate::mvt::CONTENT_TYPE,
            TileFormat::GeoJson => crate::geojson::CONTENT_TYPE,
        }
    }
}

/// A `formatTiles` that there is no encoder for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("formatTiles {0:?} is not one of binary, mvt, json, geojson")]
pub struct UnknownTileFormat(pub String);

impl std::str::FromStr for TileFormat {
    type Err = UnknownTileFormat;

    fn from_str(text: &str) -> Result<Self, UnknownTileFormat> {
        match text {
            "binary" => Ok(TileFormat::Binary),
            "mvt" => Ok(TileFormat::Mvt),
            "geojson" | "json" => Ok(TileFormat::GeoJson),
            _ => Err(UnknownTileFormat(text.to_owned())),
        }
    }
}

/// Rows of world coordinates: `rows` are places in `x`, `y` and the columns.
pub struct PointRows<'a> {
    pub x: &'a [u32],
    pub y: &'a [u32],
    pub rows: &'a [u32],
}

/// The property columns of one record batch, in the order of the tile's
/// properties.
pub struct FeatureBatch<'a> {
    pub(crate) values: Vec<Values<'a>>,
}

impl<'a> FeatureBatch<'a> {
    /// `columns` are the arrays and fields of `properties`, in their order.
    pub fn new(properties: &[Property], columns: impl IntoIterator<Item = (&'a ArrayRef, &'a Field)>) -> Result<Self> {
        let values = properties
            .iter()
            .zip(columns)
            .map(|(property, (array, field))| Values::of(array, field, property.kind))
            .collect::<Result<_>>()?;
        Ok(FeatureBatch { values })
    }
}

/// Writes one tile. Memory grows with the tile alone: nothing is kept per row
/// but the bytes that go on the wire.
pub struct TileEncoder {
    frame: TileFrame,
    features: u64,
    format: Format,
}

enum Format {
    Vector(Box<VectorTileEncoder>),
    Mvt(MvtEncoder),
    GeoJson(GeoJsonEncoder),
}

impl TileEncoder {
    pub fn new(format: TileFormat, frame: TileFrame, properties: &[Property]) -> Self {
        let format = match format {
            TileFormat::Binary => Format::Vector(Box::new(VectorTileEncoder::new(properties))),
            TileFormat::Mvt => Format::Mvt(MvtEncoder::new("default", properties)),
            TileFormat::GeoJson => Format::GeoJson(GeoJsonEncoder::new(properties)),
        };
        TileEncoder {
            frame,
            features: 0,
            format,
        }
    }

    pub fn frame(&self) -> &TileFrame {
        &self.frame
    }

    /// Adds points, one feature each. All must lie inside the tile.
    pub fn push_points(&mut self, points: &PointRows<'_>, batch: &FeatureBatch<'_>) {
        self.features += points.rows.len() as u64;
        match &mut self.format {
            Format::Vector(encoder) => encoder.push_points(&self.frame, points, batch),
            Format::Mvt(encoder) => encoder.push_points(&self.frame, points, batch),
            Format::GeoJson(encoder) => encoder.push_points(&self.frame, points, batch),
        }
    }

    /// Adds one feature of any geometry. `row` is its place in the columns;
    /// `bbox` becomes the property `_carto_bbox`.
    pub fn push_shape(
        &mut self,
        shape: &TileShape,
        feature_id: u64,
        bbox: Option<LonLatBox>,
        row: usize,
        batch: &FeatureBatch<'_>,
    ) {
        self.features += 1;
        let bbox = bbox.map(|bbox| format!("{},{},{},{}", bbox.west, bbox.south, bbox.east, bbox.north));
        let bbox = bbox.as_deref();
        match &mut self.format {
            Format::Vector(encoder) => encoder.push_shape(&self.frame, shape, feature_id, bbox, row, batch),
            Format::Mvt(encoder) => encoder.push_shape(&self.frame, shape, feature_id, bbox, row, batch),
            Format::GeoJson(encoder) => encoder.push_shape(&self.frame, shape, feature_id, bbox, row, batch),
        }
    }

    /// Features so far.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// About how many bytes the tile has so far.
    pub fn bytes(&self) -> usize {
        match &self.format {
            Format::Vector(encoder) => encoder.bytes(),
            Format::Mvt(encoder) => encoder.bytes(),
            Format::GeoJson(encoder) => encoder.bytes(),
        }
    }

    /// The tile's bytes; `None` when it has no feature.
    pub fn finish(self) -> Option<Vec<u8>> {
        (self.features > 0).then(|| match self.format {
            Format::Vector(encoder) => encoder.finish(),
            Format::Mvt(encoder) => encoder.finish(),
            Format::GeoJson(encoder) => encoder.finish(),
        })
    }
}
