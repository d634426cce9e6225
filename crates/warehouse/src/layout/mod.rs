//! The order of rows in files: spatially sorted, with the rows that stand for the others at low zooms first.
//!
//! Each row gets a key, `_qb`, the level-26 quadbin of its point or of the centre of its box, and a level of detail,
//! `_lod`, the zoom from which on it is drawn when a tile is too full. Files are sorted by (run of `_lod`, `_qb`), a run
//! being a few levels: a tile is one range of `_qb` in each of the few runs, and a low zoom reads the head of the first
//! file.

mod buckets;
mod keys;
mod sort;
mod wkb;

pub(crate) use buckets::Buckets;
pub(crate) use keys::{GeometryScan, Keys};
pub(crate) use sort::sort_by_key;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};

use crate::types::FIELD_ID;

/// Level-26 quadbin of a row; null when it has no place.
pub(crate) const QUADBIN_COLUMN: &str = "_qb";
/// Level of detail of a row; null when it has no place.
pub(crate) const LEVEL_COLUMN: &str = "_lod";
/// Sides of a row's box in degrees, rounded outward; only in files that hold more than points.
pub(crate) const BOUNDS_COLUMNS: [&str; 4] = ["_xmin", "_ymin", "_xmax", "_ymax"];

/// Field id of the first hidden column; the others follow. No column of a table ever gets so high a number, so that
/// other readers of the format leave them out. They must have one: DuckDB takes a column without a number for one that
/// it misses, and reads nested columns of such a file as null (both tried with 1.5.5).
const FIRST_FIELD_ID: usize = 2_147_480_001;

/// The hidden columns of a file, behind the real ones.
pub(crate) fn key_fields(has_bounds: bool) -> Vec<Arc<Field>> {
    let mut columns = vec![(QUADBIN_COLUMN, DataType::Int64), (LEVEL_COLUMN, DataType::Int8)];
    if has_bounds {
        columns.extend(BOUNDS_COLUMNS.map(|name| (name, DataType::Float32)));
    }
    columns
        .into_iter()
        .enumerate()
        .map(|(index, (name, data_type))| {
            let id = [(FIELD_ID.to_owned(), (FIRST_FIELD_ID + index).to_string())];
            Arc::new(Field::new(name, data_type, true).with_metadata(id.into()))
        })
        .collect()
}
