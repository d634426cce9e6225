//! What the person says about a file and its table; everything else is found out.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use warehouse::WriteMode;

use crate::ColumnType;
use crate::error::{Error, Result};

/// Options of an import. All of them may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportOptions {
    /// An existing table is replaced.
    pub overwrite: bool,
    /// Rows are added to an existing table.
    pub append: bool,
    /// The CRS of the coordinates, when the file does not say it: `EPSG:25830`.
    pub crs: Option<String>,
    /// CSV: what stands between values, `,` `;` tab or `|`; found out when not given.
    pub delimiter: Option<char>,
    /// CSV: the first line is a row, not a heading.
    pub no_header: bool,
    /// CSV: the column with WKT, WKB or GeoJSON. An empty name: none, also if one looks like it.
    pub geometry_column: Option<String>,
    /// CSV: the columns with coordinates.
    pub longitude_column: Option<String>,
    pub latitude_column: Option<String>,
    /// The types of columns by their name in the file; rows that do not fit are refused.
    pub types: HashMap<String, ColumnType>,
    /// Shown with the table.
    pub description: Option<String>,
    /// What a map that shows the table must say.
    pub attribution: Option<String>,
}

impl ImportOptions {
    pub(crate) fn write_mode(&self) -> Result<WriteMode> {
        match (self.overwrite, self.append) {
            (true, true) => Err(Error::Option(
                "An import either replaces a table or adds to it, not both".to_owned(),
            )),
            (true, false) => Ok(WriteMode::Replace),
            (false, true) => Ok(WriteMode::Append),
            (false, false) => Ok(WriteMode::Create),
        }
    }

    pub(crate) fn delimiter_byte(&self) -> Result<Option<u8>> {
        self.delimiter
            .map(|delimiter| {
                u8::try_from(delimiter)
                    .ok()
                    .filter(u8::is_ascii)
                    .filter(|b| !matches!(b, b'"' | b'\n' | b'\r'))
                    .ok_or_else(|| Error::Option(format!("'{delimiter}' cannot stand between values")))
            })
            .transpose()
    }
}
