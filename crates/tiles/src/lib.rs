//! Map tiles: rows of any source encoded for CARTO's and MapLibre's clients, thinned honestly, cached compressed.

pub mod basemap;
mod cache;
mod clip;
mod dropped;
mod encoder;
mod error;
mod frame;
mod geojson;
mod moment;
mod mvt;
mod overview;
mod properties;
mod resident;
mod shape;
mod stream;
mod thinning;
mod tilejson;
mod tiler;
mod vector_tile;
mod wkb;

pub use cache::{EncodedTile, Encoding};
pub use encoder::{FeatureBatch, PointRows, TileEncoder, TileFormat, UnknownTileFormat};
pub use error::{Error, Result};
pub use frame::TileFrame;
pub use properties::{FEATURE_BBOX, FEATURE_ID, Property, PropertyKind};
pub use shape::{Fate, ShapeReader, TileShape, bounds_of, feature_id};
pub use thinning::{COMPLETE_POINTS, COMPLETE_SHAPES, MOST_VERTICES};
pub use tilejson::{Attribute, LayerStats, MAX_ZOOM, TileJson, TileStats, VectorLayer};
pub use tiler::{Tile, TileRequest, Tiler, TilerOptions};
pub use wkb::InvalidWkb;
