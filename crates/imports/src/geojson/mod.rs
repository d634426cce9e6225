//! Reads GeoJSON: a FeatureCollection of any size, one feature or geometry, a list of them, or one per line.

mod scan;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use serde_json::{Map, Value};

use crate::Format;
use crate::batches::{Batches, GEOMETRY, Sink};
use crate::columns::{Cell, Guess, ImportedColumn, cell_of_json};
use crate::error::{Error, Result, file_name};
use crate::geometry::{self, Given};
use crate::names::Names;
use crate::options::ImportOptions;
use crate::report::{GeometrySource, Tally};
use crate::survey::{Details, MOST_COLUMNS, SHOWN, Survey};
use crate::watch::Watch;
use scan::{Item, Scanner};

/// A row of the table.
struct Feature {
    properties: Map<String, Value>,
    geometry: Value,
}

/// The name of the column with the features' own ids, in the file's words.
const ID: &str = "id";

pub(crate) fn survey(
    path: &Path,
    options: &ImportOptions,
    most_rows: Option<u64>,
    watch: &mut Watch,
) -> Result<Survey> {
    let mut scanner = open(path)?;
    let mut order: Vec<(String, Guess)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut rows = 0;
    let mut sample = Vec::new();
    let mut crs = None;
    let mut has_heights = false;
    while let Some(item) = scanner.next()? {
        watch.at(scanner.bytes())?;
        let text = match item {
            Item::CollectionEnd(members) => {
                crs = crs.or_else(|| named_crs(&members));
                continue;
            }
            Item::Value(text) => text,
        };
        rows += 1;
        // What is no feature is refused, with its reason, in the second reading.
        if let Ok(feature) = feature_of(&text) {
            for (name, value) in &feature.properties {
                let at = *known.entry(name.clone()).or_insert_with(|| {
                    order.push((name.clone(), Guess::default()));
                    order.len() - 1
                });
                order[at].1.see_json(value);
            }
            if order.len() > MOST_COLUMNS {
                return Err(Error::Damaged {
                    format: "GeoJSON",
                    reason: format!("its features have more than {MOST_COLUMNS} different properties"),
                });
            }
            has_heights |= has_height(&feature.geometry);
            if sample.len() < SHOWN {
                let mut row = feature.properties;
                row.insert(GEOMETRY.to_owned(), feature.geometry);
                sample.push(row);
            }
        }
        if most_rows.is_some_and(|most| rows >= most) {
            break;
        }
    }
    if rows == 0 {
        return Err(Error::Empty(file_name(path)));
    }
    let mut warnings = Vec::new();
    if has_heights {
        warnings.push("Heights (the third coordinate) are left out".to_owned());
    }
    let mut names = Names::default();
    names.take(GEOMETRY, 0);
    let columns = order
        .into_iter()
        .enumerate()
        .map(|(at, (original, guess))| ImportedColumn {
            name: names.take(&original, at + 1),
            column_type: options
                .types
                .get(&original)
                .copied()
                .unwrap_or_else(|| guess.conclusion()),
            original,
        })
        .collect();
    let source_crs = options.crs.clone().or(crs).unwrap_or_else(|| "EPSG:4326".to_owned());
    Ok(Survey {
        format: Format::GeoJson,
        columns,
        geometry: Some(GeometrySource {
            column: GEOMETRY.to_owned(),
            from: Vec::new(),
            source_crs,
        }),
        rows,
        warnings,
        sample,
        details: Details::GeoJson,
    })
}

pub(crate) fn read(
    path: &Path,
    survey: &Survey,
    watch: &mut Watch,
    tally: &mut Tally,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let crs = survey.geometry.as_ref().map(|geometry| geometry.source_crs.as_str());
    let mut forward = |batch| sink(batch);
    let mut batches = Batches::new(&survey.columns, crs, &mut forward)?;
    let mut scanner = open(path)?;
    while let Some(item) = scanner.next()? {
        watch.at(scanner.bytes())?;
        let Item::Value(text) = item else { continue };
        tally.read += 1;
        let row = tally.read;
        let feature = match feature_of(&text) {
            Ok(feature) => feature,
            Err(reason) => {
                tally.refuse(row, reason);
                continue;
            }
        };
        let cells: Result<Vec<Cell>, String> = survey
            .columns
            .iter()
            .map(|column| match feature.properties.get(&column.original) {
                Some(value) => {
                    cell_of_json(value, column.column_type).map_err(|reason| format!("{}: {reason}", column.original))
                }
                None => Ok(Cell::Null),
            })
            .collect();
        match cells {
            Ok(cells) => batches.push(row, cells, given(&feature.geometry), tally)?,
            Err(reason) => tally.refuse(row, reason),
        }
    }
    batches.finish()
}

fn given(geometry: &Value) -> Result<Given, String> {
    geometry::from_geojson(geometry)
}

fn open(path: &Path) -> Result<Scanner<File>> {
    Ok(Scanner::new(File::open(path).map_err(|e| Error::unreadable(path, e))?))
}

/// A feature from its text; a bare geometry is a feature without properties.
fn feature_of(text: &[u8]) -> Result<Feature, String> {
    let value: Value = serde_json::from_slice(text).map_err(|error| not_json(text, &error))?;
    let Value::Object(mut object) = value else {
        return Err("is not a feature".to_owned());
    };
    match object.get("type").and_then(Value::as_str) {
        Some("Feature") => {
            let geometry = object.remove("geometry").unwrap_or(Value::Null);
            let mut properties = match object.remove("properties") {
                Some(Value::Object(properties)) => properties,
                Some(Value::Null) | None => Map::new(),
                Some(_) => return Err("its properties are not an object".to_owned()),
            };
            if let Some(id) = object.remove(ID).filter(|_| !properties.contains_key(ID)) {
                properties.insert(ID.to_owned(), id);
            }
            Ok(Feature { properties, geometry })
        }
        Some("Topology") => Err("is TopoJSON, which cannot be imported; turn it into GeoJSON first".to_owned()),
        Some(
            "Point" | "MultiPoint" | "LineString" | "MultiLineString" | "Polygon" | "MultiPolygon"
            | "GeometryCollection",
        ) => Ok(Feature {
            properties: Map::new(),
            geometry: Value::Object(object),
        }),
        Some(other) => Err(format!("is of type '{other}', not Feature")),
        None => Err("has no type; it should be Feature".to_owned()),
    }
}

fn not_json(text: &[u8], error: &serde_json::Error) -> String {
    let holds = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    if holds(b"NaN") || holds(b"Infinity") {
        return format!("is not valid JSON: NaN and Infinity are no JSON numbers ({error})");
    }
    format!("is not valid JSON: {error}")
}

/// The CRS of the 2008 GeoJSON, which many programs still write: `urn:ogc:def:crs:EPSG::25830`.
fn named_crs(members: &HashMap<String, Vec<u8>>) -> Option<String> {
    let crs: Value = serde_json::from_slice(members.get("crs")?).ok()?;
    let name = crs.get("properties")?.get("name")?.as_str()?;
    let parts: Vec<&str> = name.split(':').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        // urn:ogc:def:crs:OGC:1.3:CRS84
        [.., "CRS84"] => Some("EPSG:4326".to_owned()),
        [.., code] if name.to_ascii_uppercase().contains("EPSG") && code.bytes().all(|b| b.is_ascii_digit()) => {
            Some(format!("EPSG:{code}"))
        }
        _ => Some(name.to_owned()),
    }
}

/// Whether the first position has three coordinates.
fn has_height(geometry: &Value) -> bool {
    let mut value = geometry.get("coordinates");
    while let Some(Value::Array(inner)) = value {
        match inner.first() {
            Some(Value::Number(_)) => return inner.len() > 2,
            first => value = first,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_crs_member_is_understood() {
        for (name, expected) in [
            ("urn:ogc:def:crs:EPSG::25830", "EPSG:25830"),
            ("EPSG:3857", "EPSG:3857"),
            ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ] {
            let crs = serde_json::json!({"type": "name", "properties": {"name": name}}).to_string();
            let members = HashMap::from([("crs".to_owned(), crs.into_bytes())]);
            assert_eq!(named_crs(&members).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_feature_is_refused_with_a_reason() {
        let reason = |text: &str| feature_of(text.as_bytes()).err().unwrap();
        assert!(reason("{\"type\":\"Feature\",\"geometry\":{\"coordinates\":[NaN,1]}}").contains("NaN"));
        assert!(reason("{\"type\":\"Topology\"}").contains("TopoJSON"));
        assert!(reason("{}").contains("no type"));
        assert!(reason("[1]").contains("not a feature"));
        let deep = format!(
            "{{\"type\":\"Feature\",\"properties\":{{\"a\":{}{}}}}}",
            "[".repeat(500),
            "]".repeat(500)
        );
        assert!(reason(&deep).contains("not valid JSON"));
    }
}
