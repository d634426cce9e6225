//! What an import did: how many rows, which were refused and why, what was changed on the way.

use serde::{Deserialize, Serialize};

use crate::{Format, ImportedColumn};

/// Refused rows that are listed one by one; the rest is counted.
const LISTED: usize = 1000;

/// What became of the rows of a file. `read` = `written` + `refused_count`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub table: String,
    pub format: Format,
    pub read: u64,
    pub written: u64,
    /// Rows whose geometry was changed to make it usable; they are among the written ones.
    pub repaired: u64,
    /// Written rows that have no geometry, in a table that has a geometry column.
    pub without_geometry: u64,
    pub refused_count: u64,
    /// The first refused rows.
    pub refused: Vec<RowNote>,
    /// The first repaired rows.
    pub repairs: Vec<RowNote>,
    /// Under which names and types the columns of the file were written.
    pub columns: Vec<ImportedColumn>,
    pub geometry: Option<GeometrySource>,
    pub warnings: Vec<String>,
}

/// A row of the file and what is to be said of it. Rows count from 1, without a header line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowNote {
    pub row: u64,
    pub reason: String,
}

/// Where the geometry comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeometrySource {
    /// The column of the table.
    pub column: String,
    /// The columns of the file, for example `lon` and `lat`; none for GeoJSON.
    pub from: Vec<String>,
    /// The CRS of the file's coordinates; the table's are `EPSG:4326`.
    pub source_crs: String,
}

/// The counting of a running import.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) read: u64,
    pub(crate) written: u64,
    pub(crate) repaired: u64,
    pub(crate) without_geometry: u64,
    pub(crate) refused_count: u64,
    pub(crate) refused: Vec<RowNote>,
    pub(crate) repairs: Vec<RowNote>,
}

impl Tally {
    pub(crate) fn refuse(&mut self, row: u64, reason: impl Into<String>) {
        self.refused_count += 1;
        if self.refused.len() < LISTED {
            self.refused.push(RowNote {
                row,
                reason: reason.into(),
            });
        }
    }

    pub(crate) fn repair(&mut self, row: u64, reason: impl Into<String>) {
        self.repaired += 1;
        if self.repairs.len() < LISTED {
            self.repairs.push(RowNote {
                row,
                reason: reason.into(),
            });
        }
    }
}
