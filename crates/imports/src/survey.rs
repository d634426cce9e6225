//! What a file holds, found out before a single row is written: columns, types, geometry, number of rows.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::columns::ImportedColumn;
use crate::report::GeometrySource;
use crate::{Format, csv, geoparquet};

/// Most columns that a file may have.
pub(crate) const MOST_COLUMNS: usize = 2000;
/// Rows that a preview looks at, and those that it shows.
pub(crate) const PREVIEWED: u64 = 1000;
pub(crate) const SHOWN: usize = 20;

/// The findings of the first reading.
pub(crate) struct Survey {
    pub(crate) format: Format,
    pub(crate) columns: Vec<ImportedColumn>,
    pub(crate) geometry: Option<GeometrySource>,
    pub(crate) rows: u64,
    pub(crate) warnings: Vec<String>,
    pub(crate) sample: Vec<Map<String, Value>>,
    pub(crate) details: Details,
}

/// What only the format's own reader understands.
pub(crate) enum Details {
    Csv(csv::Layout),
    GeoJson,
    GeoParquet(geoparquet::Layout),
}

/// What the import of a file would make of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    pub format: Format,
    pub columns: Vec<ImportedColumn>,
    pub geometry: Option<GeometrySource>,
    /// The CRS of the file's coordinates.
    pub crs: Option<String>,
    /// The first rows, by the names that columns have in the file.
    pub rows: Vec<Map<String, Value>>,
    pub warnings: Vec<String>,
}

impl From<Survey> for Preview {
    fn from(survey: Survey) -> Self {
        Preview {
            format: survey.format,
            columns: survey.columns,
            crs: survey.geometry.as_ref().map(|geometry| geometry.source_crs.clone()),
            geometry: survey.geometry,
            rows: survey.sample,
            warnings: survey.warnings,
        }
    }
}
