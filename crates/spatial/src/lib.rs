//! Tile, quadbin and Web Mercator arithmetic, and vector tiles as bytes: pure, no input or output.
//!
//! Coordinates are always longitude first. "Unit" coordinates are Web Mercator
//! scaled to [0, 1] with y growing southwards; "world" coordinates are the same
//! square as 32-bit integers, 9 mm a step at the equator.

mod bbox;
pub mod feature_id;
pub mod level_of_detail;
pub mod mercator;
pub mod morton;
pub mod mvt;
pub mod protobuf;
mod quadbin;
mod tile;
mod tile_resolution;

pub use bbox::LonLatBox;
pub use quadbin::{InvalidQuadbin, Quadbin};
pub use tile::{MAX_ZOOM, TileCoord, TileOutOfRange};
pub use tile_resolution::{TileResolution, UnknownTileResolution};
