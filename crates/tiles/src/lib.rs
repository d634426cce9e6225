//! Map tiles: rows of any source encoded for CARTO's and MapLibre's clients, thinned honestly, cached compressed.

mod clip;
mod encoder;
mod error;
mod frame;
mod geojson;
mod moment;
mod mvt;
mod properties;
mod protobuf;
mod shape;
mod vector_tile;
mod wkb;

pub use encoder::{FeatureBatch, PointRows, TileEncoder, TileFormat, UnknownTileFormat};
pub use error::{Error, Result};
pub use frame::TileFrame;
pub use properties::{FEATURE_BBOX, FEATURE_ID, Property, PropertyKind};
pub use shape::{Fate, ShapeReader, TileShape, bounds_of};
pub use wkb::InvalidWkb;
