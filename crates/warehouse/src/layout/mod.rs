//! The order of rows in files: spatially sorted, with the rows that stand for the others at low zooms first.
//!
//! Each row gets a key, `_qb`, the level-26 quadbin of its point or of the centre of its box, and a level of detail,
//! `_lod`, the zoom from which on it is drawn when a tile is too full. Files are sorted by (`_lod`, `_qb`): one range of
//! `_qb` is one tile, and a low zoom reads the head of the first file.

mod buckets;
mod keys;
mod sort;
mod wkb;

pub(crate) use buckets::Buckets;
pub(crate) use keys::{GeometryScan, Keys};
pub(crate) use sort::sort_by_key;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};

/// Level-26 quadbin of a row; null when it has no place.
pub(crate) const QUADBIN_COLUMN: &str = "_qb";
/// Level of detail of a row; null when it has no place.
pub(crate) const LEVEL_COLUMN: &str = "_lod";
/// Sides of a row's box in degrees, rounded outward; only in files that hold more than points.
pub(crate) const BOUNDS_COLUMNS: [&str; 4] = ["_xmin", "_ymin", "_xmax", "_ymax"];

/// The hidden columns of a file, behind the real ones. None has a field id: other readers do not see them.
pub(crate) fn key_fields(has_bounds: bool) -> Vec<Arc<Field>> {
    let mut fields = vec![
        Arc::new(Field::new(QUADBIN_COLUMN, DataType::Int64, true)),
        Arc::new(Field::new(LEVEL_COLUMN, DataType::Int8, true)),
    ];
    if has_bounds {
        fields.extend(
            BOUNDS_COLUMNS
                .iter()
                .map(|name| Arc::new(Field::new(*name, DataType::Float32, true))),
        );
    }
    fields
}
