//! What a table of the warehouse is: its columns, geometry, files and versions, as seen at one snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};
use spatial::LonLatBox;

use crate::name::TableName;

/// A table as it stands at one snapshot.
#[derive(Debug, Clone)]
pub struct Table {
    /// The catalog's table id; stays the same through renames.
    pub id: i64,
    pub name: TableName,
    /// The snapshot that this description was read at.
    pub snapshot: i64,
    /// The snapshot of the last change of this table's rows or columns: what caches key on.
    pub version: i64,
    pub columns: Vec<Column>,
    /// The columns as the engine shows them. Geometry fields carry `geoarrow.wkb` and their CRS.
    pub arrow_schema: SchemaRef,
    /// The first geometry column, if the table has one.
    pub geometry: Option<GeometryInfo>,
    pub rows: u64,
    pub bytes: u64,
    /// Newest data files, in file order. Rows inlined into the catalog are not among them.
    pub files: Arc<[DataFile]>,
    pub description: Option<String>,
    pub attribution: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    pub modified_at: Option<DateTime<Utc>>,
    /// The catalog holds rows of this table that stand in no file yet.
    pub has_inlined_rows: bool,
    /// Levels of detail were elected over all rows together, and none was deleted since: the rows of a level stand for
    /// all others.
    pub lod_is_global: bool,
}

impl Table {
    /// The column of this name; names differ by case only when no exact match exists.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name).or_else(|| {
            self.columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(name))
        })
    }
}

/// A column, or a field inside a list, struct or map column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The catalog's column id, which is the Parquet field id too.
    pub id: i64,
    pub name: String,
    /// The catalog's type name: `int64`, `varchar`, `geometry`, `decimal(21,1)`, `list` …
    pub type_name: String,
    /// The type the engine shows.
    pub data_type: DataType,
    pub nullable: bool,
    pub description: Option<String>,
    /// The value of rows written before the column was added, as the catalog's text.
    pub initial_default: Option<String>,
    /// The value of rows that leave the column out, as the catalog's text.
    pub default_value: Option<String>,
    /// `literal`, or `expression` for an SQL expression in `default_value`.
    pub default_is_expression: bool,
    /// The coordinate reference system of a geometry column, such as `EPSG:4326`.
    pub crs: Option<String>,
    /// The fields of a struct, the element of a list, key and value of a map.
    pub children: Vec<Column>,
}

impl Column {
    #[must_use]
    pub fn is_geometry(&self) -> bool {
        crate::types::is_geometry(&self.type_name)
    }
}

/// The geometry column of a table and what is known of its values.
#[derive(Debug, Clone, PartialEq)]
pub struct GeometryInfo {
    pub column: String,
    pub kind: GeometryKind,
    /// `EPSG:4326` unless the table was made otherwise.
    pub crs: String,
    /// Longitudes and latitudes around all rows; absent while nothing is known.
    pub bounds: Option<LonLatBox>,
    /// Every file has our key columns and no row is inlined: scans with keys need no computing.
    pub is_keyed: bool,
}

/// Which geometries a table holds: decides how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GeometryKind {
    /// Single points.
    Points,
    Lines,
    Polygons,
    /// Several dimensions, collections, or not known.
    Mixed,
}

impl GeometryKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GeometryKind::Points => "points",
            GeometryKind::Lines => "lines",
            GeometryKind::Polygons => "polygons",
            GeometryKind::Mixed => "mixed",
        }
    }
}

/// A Parquet file with rows of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    pub id: i64,
    /// Key of the object in the warehouse's store (no leading slash).
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    /// Length of the Parquet footer in bytes, when the writer recorded it.
    pub footer_bytes: Option<u64>,
    /// Row id of the first row; rows count up from it.
    pub row_id_start: Option<i64>,
    pub begin_snapshot: i64,
    /// The newest snapshot whose rows the file holds, when rows of several snapshots were merged into it.
    pub partial_max: Option<i64>,
    /// Column id → statistics.
    pub columns: Arc<HashMap<i64, ColumnRange>>,
    /// Ranges of our key columns; absent when the file was written by somebody else.
    pub keys: Option<KeyRange>,
    /// Longitudes and latitudes around all geometries; absent when unknown.
    pub bounds: Option<LonLatBox>,
    /// Delete files in force at the snapshot.
    pub deletes: Arc<[DeleteFile]>,
    /// The catalog holds deletions of rows of this file that stand in no delete file.
    pub has_inlined_deletes: bool,
    /// Level of detail holds: no row was deleted by anybody since the file was laid out.
    pub has_level_of_detail: bool,
}

/// Statistics of one column in one file, as the catalog's text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnRange {
    pub values: Option<u64>,
    pub nulls: Option<u64>,
    pub min: Option<String>,
    pub max: Option<String>,
    pub has_nan: Option<bool>,
}

/// Ranges of the hidden key columns in one file.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRange {
    /// Smallest and greatest `_qb`; absent when every row lacks one.
    pub qb: Option<(i64, i64)>,
    /// Smallest and greatest `_lod`.
    pub lod: Option<(i8, i8)>,
    /// The file has `_xmin` … `_ymax` (lines, polygons, mixed).
    pub has_bounds: bool,
    /// Rows whose geometry is null or not finite.
    pub rows_without_key: u64,
}

/// A file that lists deleted rows of a data file.
#[derive(Debug, Clone, PartialEq)]
pub struct DeleteFile {
    pub id: i64,
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub footer_bytes: Option<u64>,
    pub begin_snapshot: i64,
    pub partial_max: Option<i64>,
    /// `parquet` or `puffin`.
    pub format: String,
}

/// One line of a listing of tables.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSummary {
    pub name: TableName,
    pub kind: TableKind,
    /// Rows and bytes of a table; absent for views.
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub geometry: Option<GeometryKind>,
    pub description: Option<String>,
    pub attribution: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    pub modified_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableKind {
    Table,
    View,
}
