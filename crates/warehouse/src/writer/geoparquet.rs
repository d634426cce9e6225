//! GeoParquet 1.1 metadata: which columns are geometries, of what types, where, and in which CRS.

use serde_json::{Map, Value, json};

use crate::catalog::crs_or_default;
use crate::engine::{is_lonlat, projjson_of};
use crate::layout::GeometryScan;
use crate::table::Column;

/// The `geo` key of a file with these geometry columns; `None` when there is none.
pub(super) fn metadata(columns: &[(&Column, &GeometryScan)], primary: Option<&Column>) -> Option<String> {
    let primary = primary.or(columns.first().map(|(column, _)| *column))?;
    let mut described = Map::new();
    for (column, scan) in columns {
        let mut about = Map::new();
        about.insert("encoding".to_owned(), json!("WKB"));
        about.insert("geometry_types".to_owned(), json!(geometry_types(scan)));
        if let Some(crs) = crs(column) {
            about.insert("crs".to_owned(), crs);
        }
        if let Some(bounds) = scan.bounds() {
            about.insert("bbox".to_owned(), json!(bounds));
        }
        described.insert(column.name.clone(), Value::Object(about));
    }
    Some(json!({ "version": "1.1.0", "primary_column": primary.name, "columns": described }).to_string())
}

/// An empty list means that the types are not known: so it is too when the format has no name for one (M).
fn geometry_types(scan: &GeometryScan) -> Vec<String> {
    let types = scan.geoparquet_types();
    if types.iter().any(|name| name.ends_with('M')) {
        Vec::new()
    } else {
        types
    }
}

/// Longitude and latitude need no word: that is what a missing CRS means. Null means that nobody knows.
fn crs(column: &Column) -> Option<Value> {
    let crs = crs_or_default(column);
    if is_lonlat(crs) {
        return None;
    }
    Some(projjson_of(crs).unwrap_or(Value::Null))
}
