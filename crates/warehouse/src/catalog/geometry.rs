//! What the catalog knows of a column's geometries: their box and types, kept as JSON in `extra_stats`.

use std::collections::HashMap;

use database::Transaction;
use serde_json::{Value, json};

use crate::error::Result;
use crate::table::GeometryKind;

use super::sql::{Dialect, fetch};

/// The box around geometries, in their own coordinate reference system, and the types among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GeometryStatistics {
    /// `[xmin, ymin, xmax, ymax]`; absent when there is no finite coordinate.
    pub(crate) bounds: Option<[f64; 4]>,
    /// DuckDB's names: `point`, `multipolygon_z` …, sorted, each once.
    pub(crate) types: Vec<String>,
}

impl GeometryStatistics {
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let side = |name: &str| json["bbox"][name].as_f64().filter(|number| number.is_finite());
        let bounds = match (side("xmin"), side("ymin"), side("xmax"), side("ymax")) {
            (Some(xmin), Some(ymin), Some(xmax), Some(ymax)) => Some([xmin, ymin, xmax, ymax]),
            _ => None,
        };
        let types = json["types"]
            .as_array()?
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        Some(GeometryStatistics { bounds, types })
    }

    pub(crate) fn to_text(&self) -> String {
        let side = |index: usize| self.bounds.map(|bounds| bounds[index]);
        json!({
            "bbox": {
                "xmin": side(0), "xmax": side(2), "ymin": side(1), "ymax": side(3),
                "zmin": null, "zmax": null, "mmin": null, "mmax": null
            },
            "types": self.types,
        })
        .to_string()
    }

    pub(crate) fn merge(&mut self, other: &GeometryStatistics) {
        self.bounds = match (self.bounds, other.bounds) {
            (Some(mine), Some(theirs)) => Some([
                mine[0].min(theirs[0]),
                mine[1].min(theirs[1]),
                mine[2].max(theirs[2]),
                mine[3].max(theirs[3]),
            ]),
            (one, other) => one.or(other),
        };
        self.types.extend(other.types.iter().cloned());
        self.types.sort();
        self.types.dedup();
    }

    /// How a table with these types is drawn; absent while it has no geometry.
    pub(crate) fn kind(&self) -> Option<GeometryKind> {
        let mut kinds = self
            .types
            .iter()
            .map(|name| match name.split('_').next().unwrap_or(name) {
                "point" => GeometryKind::Points,
                "linestring" | "multilinestring" => GeometryKind::Lines,
                "polygon" | "multipolygon" => GeometryKind::Polygons,
                _ => GeometryKind::Mixed,
            });
        let first = kinds.next()?;
        Some(if kinds.all(|kind| kind == first) {
            first
        } else {
            GeometryKind::Mixed
        })
    }
}

/// Table → column → statistics over all files.
pub(super) async fn load(tx: &mut Transaction) -> Result<HashMap<i64, HashMap<i64, GeometryStatistics>>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64, i64, String)> = fetch(
        tx,
        format!(
            "SELECT table_id, column_id, extra_stats FROM {prefix}ducklake_table_column_stats \
             WHERE extra_stats IS NOT NULL"
        ),
        &[],
    )
    .await?;
    let mut tables: HashMap<i64, HashMap<i64, GeometryStatistics>> = HashMap::new();
    for (table, column, text) in rows {
        if let Some(statistics) = GeometryStatistics::from_text(&text) {
            tables.entry(table).or_default().insert(column, statistics);
        }
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duckdb_statistics_are_read_and_survive_a_merge() {
        let text = r#"{"bbox": {"xmin": 1.000000, "xmax": 3.000000, "ymin": 2.000000, "ymax": 4.000000, "zmin": null, "zmax": null, "mmin": null, "mmax": null}, "types": ["linestring"]}"#;
        let mut lines = GeometryStatistics::from_text(text).unwrap();
        assert_eq!(lines.bounds, Some([1.0, 2.0, 3.0, 4.0]));
        assert_eq!(lines.kind(), Some(GeometryKind::Lines));
        assert_eq!(GeometryStatistics::from_text(&lines.to_text()).unwrap(), lines);
        lines.merge(&GeometryStatistics {
            bounds: None,
            types: vec!["multilinestring_z".to_owned()],
        });
        assert_eq!(lines.kind(), Some(GeometryKind::Lines));
        lines.merge(&GeometryStatistics {
            bounds: Some([9.0, 9.0, 9.0, 9.0]),
            types: vec!["point".to_owned()],
        });
        assert_eq!(lines.kind(), Some(GeometryKind::Mixed));
        assert_eq!(lines.bounds, Some([1.0, 2.0, 9.0, 9.0]));
        assert_eq!(GeometryStatistics::default().kind(), None);
    }
}
