//! The `geo` key of a GeoParquet file (versions 1.0 and 1.1).

use std::collections::HashMap;

use datafusion::arrow::datatypes::Field;
use datafusion::parquet::file::metadata::KeyValue;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

#[derive(Debug, Deserialize)]
pub(super) struct GeoMetadata {
    pub(super) primary_column: String,
    columns: HashMap<String, Column>,
}

#[derive(Debug, Deserialize)]
struct Column {
    encoding: String,
    /// Absent: longitude and latitude. Null: unknown. Otherwise PROJJSON.
    #[serde(default, deserialize_with = "present")]
    crs: Option<Value>,
    covering: Option<Value>,
}

/// Tells `"crs": null` from no `crs` at all.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl GeoMetadata {
    /// `None` for Parquet that is not GeoParquet.
    pub(super) fn of(pairs: Option<&Vec<KeyValue>>) -> Result<Option<Self>> {
        let Some(text) = pairs
            .and_then(|pairs| pairs.iter().find(|pair| pair.key == "geo"))
            .and_then(|pair| pair.value.as_ref())
        else {
            return Ok(None);
        };
        serde_json::from_str(text).map(Some).map_err(|e| Error::Damaged {
            format: "GeoParquet",
            reason: format!("its geo metadata cannot be read: {e}"),
        })
    }

    pub(super) fn check_encoding(&self, column: &str) -> Result<()> {
        match self.columns.get(column).map(|column| column.encoding.as_str()) {
            None | Some("WKB") => Ok(()),
            Some(other) => Err(Error::NotImplemented(format!(
                "GeoParquet with the encoding '{other}'; write the file with the encoding WKB"
            ))),
        }
    }

    /// The CRS of a geometry column, as an authority code or PROJJSON.
    pub(super) fn crs_of(&self, column: &str) -> Option<String> {
        match &self.columns.get(column)?.crs {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(projjson) => Some(code(projjson).unwrap_or_else(|| projjson.to_string())),
        }
    }

    pub(super) fn has_unknown_crs(&self, column: &str) -> bool {
        self.columns
            .get(column)
            .is_some_and(|column| column.crs == Some(Value::Null))
    }

    /// The CRS of a geometry column beside the primary one; `None` for all other columns.
    pub(super) fn crs_of_other(&self, column: &str) -> Option<String> {
        let found = self
            .columns
            .get(column)
            .filter(|found| column != self.primary_column && found.encoding == "WKB")?;
        let _ = found;
        Some(self.crs_of(column).unwrap_or_else(|| "EPSG:4326".to_owned()))
    }

    /// Whether a column holds only the boxes around geometries, which readers use for skipping.
    pub(super) fn is_covering(&self, name: &str) -> bool {
        let names = |column: &Column| -> Option<String> {
            let first = column.covering.as_ref()?.get("bbox")?.as_object()?.values().next()?;
            first.get(0)?.as_str().map(str::to_owned)
        };
        self.columns.values().filter_map(names).any(|covering| covering == name)
    }
}

/// `EPSG:25830` from PROJJSON's `id`.
fn code(projjson: &Value) -> Option<String> {
    let id = projjson.get("id")?;
    let authority = id.get("authority")?.as_str()?;
    let code = match id.get("code")? {
        Value::String(code) => code.clone(),
        number => number.to_string(),
    };
    Some(format!("{authority}:{code}"))
}

/// A CRS as people call it: PROJJSON without a code by its name.
pub(super) fn short_name(crs: &str) -> String {
    let named = serde_json::from_str::<Value>(crs)
        .ok()
        .and_then(|json| json.get("name")?.as_str().map(str::to_owned));
    named.unwrap_or_else(|| crs.to_owned())
}

/// The CRS in the metadata of a GeoArrow field, or of Parquet's own geometry type.
pub(super) fn crs_of_field(field: &Field) -> Option<String> {
    let metadata: Value = serde_json::from_str(field.metadata().get("ARROW:extension:metadata")?).ok()?;
    match metadata.get("crs")? {
        Value::String(name) => Some(name.clone()),
        Value::Null => None,
        projjson => Some(code(projjson).unwrap_or_else(|| projjson.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(crs: &str) -> GeoMetadata {
        let text = format!(
            r#"{{"version": "1.1.0", "primary_column": "g", "columns": {{"g": {{"encoding": "WKB", "geometry_types": []{crs}}}}}}}"#
        );
        GeoMetadata::of(Some(&vec![KeyValue::new("geo".to_owned(), text)]))
            .unwrap()
            .unwrap()
    }

    #[test]
    fn no_crs_means_longitude_and_latitude_and_null_means_unknown() {
        assert_eq!(metadata("").crs_of("g"), None);
        assert!(!metadata("").has_unknown_crs("g"));
        assert!(metadata(r#", "crs": null"#).has_unknown_crs("g"));
        let projjson = r#", "crs": {"type": "ProjectedCRS", "name": "ETRS89 / UTM zone 30N", "id": {"authority": "EPSG", "code": 25830}}"#;
        assert_eq!(metadata(projjson).crs_of("g").as_deref(), Some("EPSG:25830"));
    }

    #[test]
    fn broken_metadata_is_an_error() {
        let broken = vec![KeyValue::new("geo".to_owned(), "{".to_owned())];
        assert!(GeoMetadata::of(Some(&broken)).is_err());
        assert!(GeoMetadata::of(None).unwrap().is_none());
    }
}
