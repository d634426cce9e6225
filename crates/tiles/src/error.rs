//! What can go wrong with a tile, in words for the person who asked for it.

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source has no geometry to draw.
    #[error("{0} has no geometry column to draw: select one, or use it as a table")]
    NoGeometry(String),

    #[error("Column not found: {column_name}. The source has: {}", available.join(", "))]
    ColumnNotFound {
        column_name: String,
        available: Vec<String>,
    },

    /// A property whose values cannot be written into a tile.
    #[error("property {name} cannot be drawn: {reason}")]
    Property { name: String, reason: String },

    /// A geometry value that is no geometry.
    #[error("the geometry column holds a value that is not well-known binary: {0}")]
    Geometry(#[from] crate::wkb::InvalidWkb),

    /// The tile would be so large that no client could show it.
    #[error(
        "tile {coord} would hold more than {limit} vertices even after thinning: add a filter, \
         ask for fewer columns or zoom in"
    )]
    TooLarge { coord: spatial::TileCoord, limit: usize },

    /// Nobody waits for this tile any more.
    #[error("the request was cancelled")]
    Cancelled,

    /// A tile that several requests waited for failed with this message.
    #[error("{0}")]
    Shared(std::sync::Arc<Error>),

    /// The same for what was asked of a source.
    #[error("{0}")]
    SharedSource(std::sync::Arc<sources::Error>),

    /// A PMTiles archive that cannot be read.
    #[error("the basemap {name} cannot be read: {reason}")]
    Basemap { name: String, reason: String },

    #[error(transparent)]
    Source(#[from] sources::Error),

    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),

    /// The engine failed below SQL.
    #[error("reading the table failed: {0}")]
    Engine(#[from] datafusion::error::DataFusionError),
}
