//! What a client asks to select from: a table or a query, its parameters, columns and filters.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use warehouse::TableName;

use crate::error::{Error, Result};
use crate::filters::{Filters, LogicalOperator};
use crate::parameters::{Parameters, shortened};
use crate::spatial_filter::SpatialFilter;

/// The geometry column of sources that name none.
pub const DEFAULT_SPATIAL_DATA_COLUMN: &str = "geom";

/// A source as it was asked for. It does not say yet whether there is such a thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceRequest {
    pub kind: SourceKind,
    #[serde(with = "query_parameters")]
    pub parameters: warehouse::Parameters,
    /// Columns wanted; all when absent.
    pub columns: Option<Vec<String>>,
    pub filters: Filters,
    pub operator: LogicalOperator,
    pub spatial_filter: Option<SpatialFilter>,
    pub spatial_data_column: String,
    pub spatial_data_type: SpatialDataType,
    /// Aggregations with aliases, evaluated for each distinct geometry.
    pub aggregation: Option<String>,
}

/// A table, or a query that stands for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    Table(TableName),
    Query(String),
}

/// How rows are placed in space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpatialDataType {
    /// By a geometry column.
    Geo,
    /// By a column of H3 cells.
    H3,
    /// By a column of quadbin cells.
    Quadbin,
    /// By points in time.
    Trajectory,
}

impl SpatialDataType {
    fn parse(text: &str) -> Result<Self> {
        match text {
            "geo" => Ok(SpatialDataType::Geo),
            "h3" | "h3int" => Ok(SpatialDataType::H3),
            "quadbin" => Ok(SpatialDataType::Quadbin),
            "trajectory" => Ok(SpatialDataType::Trajectory),
            other => Err(Error::invalid(
                "spatialDataType",
                format!("must be geo, h3, quadbin or trajectory, not {}", shortened(other)),
            )),
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SpatialDataType::Geo => "geo",
            SpatialDataType::H3 => "h3",
            SpatialDataType::Quadbin => "quadbin",
            SpatialDataType::Trajectory => "trajectory",
        }
    }
}

/// Names that mean a column of H3 cells where older clients write `geo_column`.
const H3_NAMES: [&str; 5] = ["h3", "hex", "h3id", "hex_id", "h3hex"];

impl SourceRequest {
    /// A table with everything in it.
    #[must_use]
    pub fn table(name: TableName) -> Self {
        Self::of(SourceKind::Table(name))
    }

    /// A query with everything in it.
    #[must_use]
    pub fn query(sql: impl Into<String>) -> Self {
        Self::of(SourceKind::Query(sql.into()))
    }

    fn of(kind: SourceKind) -> Self {
        SourceRequest {
            kind,
            parameters: warehouse::Parameters::None,
            columns: None,
            filters: Filters::default(),
            operator: LogicalOperator::And,
            spatial_filter: None,
            spatial_data_column: DEFAULT_SPATIAL_DATA_COLUMN.to_owned(),
            spatial_data_type: SpatialDataType::Geo,
            aggregation: None,
        }
    }

    /// The request of `/v3/maps/{connection}/{kind}`.
    pub fn of_map(kind: &str, parameters: &Parameters) -> Result<Self> {
        let kind = match kind {
            "table" => table_kind(&parameters.required_text("name", "the table, such as demo.cities")?)?,
            "query" => query_kind(&parameters.required_text("q", "an SQL query")?)?,
            "tileset" | "raster" | "boundary" => {
                return Err(Error::NotImplemented(format!(
                    "{kind} sources; table and query sources are there"
                )));
            }
            other => {
                return Err(Error::invalid(
                    "kind",
                    format!("must be table or query, not {}", shortened(other)),
                ));
            }
        };
        let request = Self::with_filters(kind, parameters)?;
        match request.spatial_data_type {
            SpatialDataType::Geo => Ok(request),
            other => Err(Error::NotImplemented(format!(
                "sources with spatialDataType {}; those with geo are there",
                other.as_str()
            ))),
        }
    }

    /// The request of `/v3/sql/{connection}/model/{model}`.
    pub fn of_model(parameters: &Parameters) -> Result<Self> {
        let source = parameters.required_text("source", "a table or an SQL query")?;
        let kind = match parameters.required_text("type", "table or query")?.as_str() {
            "table" => table_kind(&source)?,
            "query" => query_kind(&source)?,
            other => {
                return Err(Error::NotImplemented(format!(
                    "models of {other} sources; table and query are there"
                )));
            }
        };
        Self::with_filters(kind, parameters)
    }

    /// The request of `/v3/stats/{connection}/{table}/{column}`, or `/v3/stats/{connection}/{column}` with `q`.
    pub fn of_stats(table: Option<&str>, parameters: &Parameters) -> Result<Self> {
        let kind = match table {
            Some(table) => table_kind(table)?,
            None => query_kind(&parameters.required_text("q", "an SQL query")?)?,
        };
        Self::with_filters(kind, parameters)
    }

    fn with_filters(kind: SourceKind, parameters: &Parameters) -> Result<Self> {
        let (spatial_data_type, spatial_data_column) = spatial_data(parameters)?;
        Ok(SourceRequest {
            parameters: parameters.query_parameters()?,
            columns: parameters.names("columns")?,
            filters: Filters::parse(parameters.json("filters")?.as_ref())?,
            operator: LogicalOperator::parse(parameters.text("filtersLogicalOperator")?.as_deref())?,
            spatial_filter: spatial_filter(parameters, spatial_data_type)?,
            spatial_data_column,
            spatial_data_type,
            aggregation: parameters.text("aggregationExp")?,
            ..Self::of(kind)
        })
    }
}

fn table_kind(name: &str) -> Result<SourceKind> {
    Ok(SourceKind::Table(TableName::parse(name)?))
}

fn query_kind(sql: &str) -> Result<SourceKind> {
    let is_bare_name = !sql.trim().is_empty()
        && sql
            .trim()
            .chars()
            .all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '.'));
    if is_bare_name {
        return Err(Error::NotImplemented(format!(
            "named sources; {} would be one: send an SQL query, or the table as name",
            shortened(sql.trim())
        )));
    }
    Ok(SourceKind::Query(sql.to_owned()))
}

/// Type and column, from the current parameters or from `geo_column` of clients before 3.3.
fn spatial_data(parameters: &Parameters) -> Result<(SpatialDataType, String)> {
    if let Some(geo_column) = parameters.text("geo_column")? {
        if parameters.version()?.is_some_and(|version| version >= (3, 3)) {
            return Err(Error::invalid(
                "geo_column",
                "is of versions before 3.3: send spatialDataColumn and spatialDataType",
            ));
        }
        return Ok(of_geo_column(&geo_column));
    }
    let given = parameters.text("spatialDataType")?;
    let column = parameters.text("spatialDataColumn")?;
    // CARTO for React writes the column of models as maps do: `h3:column`.
    if let (None, Some(column)) = (&given, &column)
        && column.contains(':')
    {
        return Ok(of_geo_column(column));
    }
    let spatial_data_type = given
        .as_deref()
        .map_or(Ok(SpatialDataType::Geo), SpatialDataType::parse)?;
    Ok((
        spatial_data_type,
        column.unwrap_or_else(|| DEFAULT_SPATIAL_DATA_COLUMN.to_owned()),
    ))
}

fn of_geo_column(text: &str) -> (SpatialDataType, String) {
    let (prefix, column) = text.split_once(':').unwrap_or((text, text));
    let prefix_lowercase = prefix.to_ascii_lowercase();
    if H3_NAMES.contains(&prefix_lowercase.as_str()) {
        (SpatialDataType::H3, column.to_owned())
    } else if prefix_lowercase == "quadbin" {
        (SpatialDataType::Quadbin, column.to_owned())
    } else {
        (SpatialDataType::Geo, column.to_owned())
    }
}

fn spatial_filter(parameters: &Parameters, spatial_data_type: SpatialDataType) -> Result<Option<SpatialFilter>> {
    let filter = SpatialFilter::parse(parameters.json("spatialFilters")?.as_ref())?;
    match spatial_data_type {
        SpatialDataType::Geo | SpatialDataType::Trajectory => Ok(filter),
        SpatialDataType::H3 | SpatialDataType::Quadbin if filter.is_some() => Err(Error::NotImplemented(format!(
            "spatial filters on {} cells; those on a geometry column are there",
            spatial_data_type.as_str()
        ))),
        SpatialDataType::H3 | SpatialDataType::Quadbin => Ok(None),
    }
}

/// Values of placeholders as the JSON they came as.
mod query_parameters {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        parameters: &warehouse::Parameters,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match parameters {
            warehouse::Parameters::None => serializer.serialize_none(),
            warehouse::Parameters::Named(named) => named.serialize(serializer),
            warehouse::Parameters::Positional(positional) => positional.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<warehouse::Parameters, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Object(named) => warehouse::Parameters::Named(named),
            Value::Array(positional) => warehouse::Parameters::Positional(positional),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => warehouse::Parameters::None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::from_url(
            pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
        )
    }

    #[test]
    fn the_url_of_a_client_is_a_request() {
        let request = SourceRequest::of_map(
            "query",
            &parameters(&[
                ("q", "SELECT * FROM t WHERE year = @year"),
                ("queryParameters", r#"{"year":2001}"#),
                ("spatialDataColumn", "place"),
                ("spatialDataType", "geo"),
                ("columns", "name,pop"),
                ("filters", r#"{"pop":{"between":{"values":[[0,5]]}}}"#),
                ("tileResolution", "0.5"),
                ("client", "deck-gl-carto"),
                ("v", "3.4"),
            ]),
        )
        .unwrap();
        assert_eq!(
            request.kind,
            SourceKind::Query("SELECT * FROM t WHERE year = @year".to_owned())
        );
        assert_eq!(request.spatial_data_column, "place");
        assert_eq!(
            request.columns.as_deref(),
            Some(&["name".to_owned(), "pop".to_owned()][..])
        );
        assert_eq!(request.filters.0.len(), 1);
    }

    #[test]
    fn the_url_of_a_widget_is_a_request() {
        let request = SourceRequest::of_model(&parameters(&[
            ("type", "table"),
            ("source", "`carto-demo-data.demo_tables.populated_places`"),
            ("params", r#"{"column":"*","operation":"count"}"#),
            ("queryParameters", ""),
            ("filters", "undefined"),
            ("filtersLogicalOperator", "undefined"),
        ]))
        .unwrap();
        assert_eq!(
            request,
            SourceRequest::table(TableName::new("demo", "populated_places"))
        );
        let request = SourceRequest::of_model(&parameters(&[
            ("type", "query"),
            ("source", "SELECT 1"),
            ("filtersLogicalOperator", "OR"),
        ]))
        .unwrap();
        assert_eq!(request.operator, LogicalOperator::Or);
    }

    #[test]
    fn older_clients_write_geo_column() {
        let check = |pairs: &[(&str, &str)], expected: (SpatialDataType, &str)| {
            let (spatial_data_type, column) = spatial_data(&parameters(pairs)).unwrap();
            assert_eq!((spatial_data_type, column.as_str()), expected, "{pairs:?}");
        };
        check(
            &[("geo_column", "the_geom"), ("v", "3.2")],
            (SpatialDataType::Geo, "the_geom"),
        );
        check(&[("geo_column", "h3:cell")], (SpatialDataType::H3, "cell"));
        check(&[("geo_column", "hex_id")], (SpatialDataType::H3, "hex_id"));
        check(&[("geo_column", "quadbin:cell")], (SpatialDataType::Quadbin, "cell"));
        check(&[("spatialDataColumn", "h3:cell")], (SpatialDataType::H3, "cell"));
        check(
            &[("spatialDataType", "h3int"), ("spatialDataColumn", "cell")],
            (SpatialDataType::H3, "cell"),
        );
        check(&[], (SpatialDataType::Geo, "geom"));
        let error = spatial_data(&parameters(&[("geo_column", "geom"), ("v", "3.3")]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("geo_column"), "{error}");
    }

    #[test]
    fn what_is_not_there_yet_is_named() {
        let error = |kind: &str, pairs: &[(&str, &str)]| {
            SourceRequest::of_map(kind, &parameters(pairs)).unwrap_err().to_string()
        };
        assert_eq!(
            error("raster", &[("name", "t")]),
            "Not implemented: raster sources; table and query sources are there"
        );
        assert!(error("table", &[("name", "t"), ("spatialDataType", "quadbin")]).contains("spatialDataType quadbin"));
        assert!(error("query", &[("q", "public_example_accidents")]).contains("named sources"));
        assert!(error("table", &[]).starts_with("Parameter name is missing"));
        assert!(error("query", &[]).starts_with("Parameter q is missing"));
        assert!(error("table", &[("name", "a b")]).contains("not a table name"));
        assert!(error("cube", &[]).contains("must be table or query"));
    }

    #[test]
    fn a_request_survives_being_written_down() {
        let mut before = SourceRequest::query("SELECT * FROM t WHERE a IN UNNEST(@a)");
        before.parameters = warehouse::Parameters::Named([("a".to_owned(), json!([1, "x"]))].into_iter().collect());
        before.filters = Filters::parse(Some(&json!({
            "a": {"in": {"values": [null, true, 1.5, "x"]}, "closed_open": {"values": [[null, 3]]}},
            "b": {"stringSearch": {"values": ["é"], "params": {"mustStart": true}}},
        })))
        .unwrap();
        before.spatial_filter = SpatialFilter::parse(Some(
            &json!({"geom": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 1]]]}}),
        ))
        .unwrap();
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<SourceRequest>(&text).unwrap(), before);
    }
}
