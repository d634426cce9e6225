//! A source that was found and checked: something to select from.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use spatial::LonLatBox;
use warehouse::{GeometryKind, Limits, RowStream, Sql, Table, TableName, query_syntax, quote};

use connections::Connection;

use crate::error::{Error, Result};
use crate::expressions;
use crate::field::{Field, FieldType};
use crate::filter_sql::{self, column_of};
use crate::recognition::table_query;
use crate::request::{SourceKind, SourceRequest};
use crate::rows;
use crate::spatial_filter::Area;
use crate::spatial_sql;
use crate::statement::{Selection, subquery};

/// A source of a connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Source(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    connection: Connection,
    request: SourceRequest,
    /// What stands after FROM.
    from: String,
    /// The request's filters, as SQL.
    conditions: Vec<String>,
    /// All columns, in the source's order.
    fields: Vec<Field>,
    table: Option<TableSource>,
    tables_read: Vec<TableName>,
    data_version: i64,
    fingerprint: String,
}

/// A source that is one table and a condition on its columns.
#[derive(Debug, Clone)]
pub struct TableSource {
    pub table: Arc<Table>,
    /// The query's condition and the request's filters together.
    pub condition: Option<Sql>,
}

/// The geometry column that a source is drawn by.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceGeometry {
    pub column: String,
    /// `None` when a query made the geometry without naming a system: longitudes and latitudes are assumed.
    pub crs: Option<String>,
    /// Known for tables.
    pub kind: Option<GeometryKind>,
    /// Around all rows of the table behind it, filters aside. Known for tables.
    pub bounds: Option<LonLatBox>,
}

impl SourceGeometry {
    /// Coordinates are longitudes and latitudes.
    #[must_use]
    pub fn is_lon_lat(&self) -> bool {
        matches!(self.crs.as_deref(), None | Some("EPSG:4326" | "OGC:CRS84"))
    }
}

/// What is known of a source before its filters are looked at.
struct Base {
    from: String,
    fields: Vec<Field>,
    table: Option<TableSource>,
    tables_read: Vec<TableName>,
    data_version: i64,
}

impl Source {
    /// Finds the table or reads the query, and checks that the columns asked for are there.
    pub async fn open(connection: &Connection, request: SourceRequest) -> Result<Source> {
        let mut base = match &request.kind {
            SourceKind::Table(name) => Self::of_table(connection, name).await?,
            SourceKind::Query(text) => {
                Self::of_query(connection, &Sql::new(text.clone()).with(request.parameters.clone())).await?
            }
        };
        let mut conditions: Vec<String> = filter_sql::condition(&request.filters, request.operator, &base.fields)?
            .into_iter()
            .collect();
        if let Some(filter) = &request.spatial_filter {
            conditions.push(spatial_sql::condition(
                &filter.area,
                geometry_field(&filter.column, &base.fields)?,
            ));
        }
        if let Some(aggregation) = &request.aggregation {
            base = Self::aggregated(connection, &request, base, &conditions, aggregation).await?;
            conditions = Vec::new();
        } else {
            check_columns(request.columns.as_deref().unwrap_or_default(), &base.fields)?;
        }
        if let Some(table) = &mut base.table {
            table.condition = both(table.condition.take(), &conditions);
        }
        let fingerprint = fingerprint(connection, &request)?;
        Ok(Source(Arc::new(Parts {
            connection: connection.clone(),
            request,
            from: base.from,
            conditions,
            fields: base.fields,
            table: base.table,
            tables_read: base.tables_read,
            data_version: base.data_version,
            fingerprint,
        })))
    }

    async fn of_table(connection: &Connection, name: &TableName) -> Result<Base> {
        match connection.warehouse().table(name).await {
            Ok(table) => Ok(Base {
                from: name.to_sql(),
                fields: Field::all_of(&table.arrow_schema),
                tables_read: vec![table.name.clone()],
                data_version: table.version,
                table: Some(TableSource { table, condition: None }),
            }),
            Err(not_found @ warehouse::Error::TableNotFound { .. }) => {
                // It may be a view.
                match connection
                    .warehouse()
                    .describe(&Sql::new(format!("SELECT * FROM {}", name.to_sql())))
                    .await
                {
                    Ok(described) => Ok(Base {
                        from: name.to_sql(),
                        fields: Field::all_of(&described.schema),
                        table: None,
                        tables_read: described.tables,
                        data_version: described.version,
                    }),
                    Err(warehouse::Error::TableNotFound { .. }) => Err(not_found.into()),
                    Err(other) => Err(other.into()),
                }
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn of_query(connection: &Connection, sql: &Sql) -> Result<Base> {
        let syntax = query_syntax(sql)?;
        if let Some(query) = table_query(&syntax)
            && let Ok(table) = connection.warehouse().table(&query.table).await
            && query
                .columns
                .iter()
                .flatten()
                .all(|name| table.columns.iter().any(|column| column.name == *name))
        {
            let condition = query.condition.map(Sql::new);
            if let Some(condition) = &condition {
                connection.warehouse().predicate(&table, condition)?;
            }
            let all = Field::all_of(&table.arrow_schema);
            let fields = match &query.columns {
                None => all,
                Some(names) => names
                    .iter()
                    .filter_map(|name| all.iter().find(|field| field.name == *name))
                    .cloned()
                    .collect(),
            };
            return Ok(Base {
                from: subquery(&syntax.text),
                fields,
                tables_read: vec![table.name.clone()],
                data_version: table.version,
                table: Some(TableSource { table, condition }),
            });
        }
        let described = connection.warehouse().describe(sql).await?;
        Ok(Base {
            from: subquery(&syntax.text),
            fields: Field::all_of(&described.schema),
            table: None,
            tables_read: described.tables,
            data_version: described.version,
        })
    }

    /// One row for each distinct geometry, with the aggregations of the rows that share it.
    async fn aggregated(
        connection: &Connection,
        request: &SourceRequest,
        base: Base,
        conditions: &[String],
        aggregation: &str,
    ) -> Result<Base> {
        let geometry = quote(&geometry_field(&request.spatial_data_column, &base.fields)?.name);
        let mut items = vec![geometry.clone()];
        items.extend(expressions::items("aggregationExp", aggregation, &request.parameters)?);
        let text = Selection {
            items,
            ..Selection::default()
        }
        .grouped_by(geometry)
        .to_sql(&base.from, conditions);
        let described = connection
            .warehouse()
            .describe(&Sql::new(text.clone()).with(request.parameters.clone()))
            .await?;
        Ok(Base {
            from: subquery(&text),
            fields: Field::all_of(&described.schema),
            table: None,
            ..base
        })
    }

    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.0.connection
    }

    #[must_use]
    pub fn request(&self) -> &SourceRequest {
        &self.0.request
    }

    /// The columns asked for, in the source's order, and the geometry column.
    #[must_use]
    pub fn schema(&self) -> Vec<Field> {
        let Some(wanted) = self
            .0
            .request
            .columns
            .as_ref()
            .filter(|_| self.0.request.aggregation.is_none())
        else {
            return self.0.fields.clone();
        };
        let wanted: Vec<&str> = wanted
            .iter()
            .filter_map(|name| column_of(name, &self.0.fields).ok())
            .map(|field| field.name.as_str())
            .collect();
        let geometry = self.geometry().map(|geometry| geometry.column);
        self.0
            .fields
            .iter()
            .filter(|field| wanted.contains(&field.name.as_str()) || geometry.as_deref() == Some(field.name.as_str()))
            .cloned()
            .collect()
    }

    /// All columns of the source, whichever were asked for.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.0.fields
    }

    /// The column of this name.
    pub fn field(&self, name: &str) -> Result<&Field> {
        column_of(name, &self.0.fields)
    }

    /// The geometry column named by the request, if the source has it.
    #[must_use]
    pub fn geometry(&self) -> Option<SourceGeometry> {
        self.require_geometry().ok()
    }

    /// The geometry column named by the request.
    ///
    /// # Errors
    /// The source has no such geometry column; the message names those it has.
    pub fn require_geometry(&self) -> Result<SourceGeometry> {
        let field = geometry_field(&self.0.request.spatial_data_column, &self.0.fields)?;
        let of_table = self
            .0
            .table
            .as_ref()
            .and_then(|source| source.table.geometry.as_ref())
            .filter(|geometry| geometry.column == field.name);
        Ok(SourceGeometry {
            column: field.name.clone(),
            crs: field.crs.clone(),
            kind: of_table.map(|geometry| geometry.kind),
            bounds: of_table.and_then(|geometry| geometry.bounds),
        })
    }

    /// Tables read, directly or through views: what a token's grants are checked against.
    #[must_use]
    pub fn tables_read(&self) -> &[TableName] {
        &self.0.tables_read
    }

    /// The text of a query source, as it was sent.
    #[must_use]
    pub fn query_text(&self) -> Option<&str> {
        match &self.0.request.kind {
            SourceKind::Query(text) => Some(text),
            SourceKind::Table(_) => None,
        }
    }

    /// A number that grows when any of the tables read changes.
    #[must_use]
    pub fn data_version(&self) -> i64 {
        self.0.data_version
    }

    /// 32 hexadecimal digits that are the same for the same request on the same connection.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The table behind the source and its condition, when it is no more than that.
    #[must_use]
    pub fn as_table(&self) -> Option<&TableSource> {
        self.0.table.as_ref()
    }

    /// The request has filters or a query with a condition: fewer rows than the table may be left.
    #[must_use]
    pub fn is_whole_table(&self) -> bool {
        self.0.table.as_ref().is_some_and(|table| table.condition.is_none())
    }

    /// The SQL of a selection from the source, its filters included.
    #[must_use]
    pub fn select(&self, selection: &Selection) -> Sql {
        Sql::new(selection.to_sql(&self.0.from, &self.0.conditions)).with(self.0.request.parameters.clone())
    }

    /// The condition that the source's geometry touches a box in degrees.
    pub fn touches(&self, window: &LonLatBox) -> Result<String> {
        let geometry = geometry_field(&self.0.request.spatial_data_column, &self.0.fields)?;
        Ok(spatial_sql::condition(&Area::Boxes(window.parts().collect()), geometry))
    }

    /// Runs a selection.
    pub async fn run(&self, selection: &Selection, limits: &Limits) -> Result<RowStream> {
        Ok(self
            .0
            .connection
            .warehouse()
            .query(&self.select(selection), limits)
            .await?)
    }

    /// Runs a selection whose result is small.
    pub async fn batches(&self, selection: &Selection, limits: &Limits) -> Result<Vec<RecordBatch>> {
        Ok(self.run(selection, limits).await?.try_collect().await?)
    }

    /// Runs a selection whose result is small; rows are JSON objects.
    pub async fn objects(&self, selection: &Selection, limits: &Limits) -> Result<Vec<Value>> {
        let stream = self.run(selection, limits).await?;
        let schema = stream.schema();
        Ok(rows::objects(&schema, &stream.try_collect::<Vec<_>>().await?))
    }

    /// A box in degrees around the rows; `None` when there are none with a geometry.
    pub async fn extent(&self, limits: &Limits) -> Result<Option<LonLatBox>> {
        let geometry = self.require_geometry()?;
        if let (true, Some(bounds)) = (self.is_whole_table(), geometry.bounds) {
            return Ok(Some(bounds));
        }
        let column = quote(&geometry.column);
        let column = if geometry.is_lon_lat() {
            column
        } else {
            format!("ST_Transform({column}, 'EPSG:4326')")
        };
        // Coordinates that are not numbers would make the whole box so.
        let side = |aggregate: &str, function: &str| {
            let value = format!("{function}({column})");
            format!(
                "{aggregate}({value}) FILTER (WHERE {}) AS {function}",
                is_finite(&value)
            )
        };
        let selection = Selection::of([
            side("min", "ST_XMin"),
            side("min", "ST_YMin"),
            side("max", "ST_XMax"),
            side("max", "ST_YMax"),
        ]);
        let rows = self.objects(&selection, limits).await?;
        let sides: Option<Vec<f64>> = rows
            .first()
            .and_then(Value::as_object)
            .and_then(|row| row.values().map(Value::as_f64).collect());
        Ok(match sides.as_deref() {
            Some(&[west, south, east, north]) => Some(LonLatBox::new(west, south, east, north)),
            _ => None,
        })
    }

    /// Which geometries the source holds, judged by its table or its first thousand rows.
    pub async fn geometry_kind(&self, limits: &Limits) -> Result<GeometryKind> {
        const SAMPLE: u64 = 1000;
        let geometry = self.require_geometry()?;
        if let Some(kind) = geometry.kind {
            return Ok(kind);
        }
        let column = quote(&geometry.column);
        let sample = self.select(
            &Selection::of([column.clone()])
                .only(format!("{column} IS NOT NULL"))
                .limited_to(SAMPLE),
        );
        let text = Selection::of([format!(
            "DISTINCT ST_Dimension({column}) AS dimension, ST_NumGeometries({column}) > 1 AS is_multiple"
        )])
        .to_sql(&subquery(&sample.text), &[]);
        let stream = self
            .0
            .connection
            .warehouse()
            .query(&Sql::new(text).with(sample.parameters), limits)
            .await?;
        let schema = stream.schema();
        let rows = rows::objects(&schema, &stream.try_collect::<Vec<_>>().await?);
        let mut kinds = rows
            .iter()
            .map(|row| match (row["dimension"].as_i64(), &row["is_multiple"]) {
                (Some(0), Value::Bool(false)) => GeometryKind::Points,
                (Some(1), _) => GeometryKind::Lines,
                (Some(2), _) => GeometryKind::Polygons,
                _ => GeometryKind::Mixed,
            });
        let first = kinds.next().unwrap_or(GeometryKind::Mixed);
        Ok(if kinds.all(|kind| kind == first) {
            first
        } else {
            GeometryKind::Mixed
        })
    }
}

/// The condition that a number is neither NaN nor infinite: NaN sorts above every number.
#[must_use]
pub fn is_finite(expression: &str) -> String {
    format!("abs({expression}) <= {:e}", f64::MAX)
}

/// The geometry column of this name.
fn geometry_field<'a>(name: &str, fields: &'a [Field]) -> Result<&'a Field> {
    column_of(name, fields)
        .ok()
        .filter(|field| field.field_type == FieldType::Geometry)
        .ok_or_else(|| Error::NoGeometryColumn {
            column: name.to_owned(),
            geometry_columns: fields
                .iter()
                .filter(|field| field.field_type == FieldType::Geometry)
                .map(|field| field.name.clone())
                .collect(),
        })
}

fn check_columns(wanted: &[String], fields: &[Field]) -> Result<()> {
    let missing: Vec<String> = wanted
        .iter()
        .filter(|name| column_of(name, fields).is_err())
        .cloned()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::MissingColumns {
        missing,
        available: fields.iter().map(|field| field.name.clone()).collect(),
    })
}

fn both(of_query: Option<Sql>, of_request: &[String]) -> Option<Sql> {
    let parts: Vec<String> = of_query
        .into_iter()
        .map(|sql| format!("({})", sql.text))
        .chain(of_request.iter().cloned())
        .collect();
    (!parts.is_empty()).then(|| Sql::new(parts.join(" AND ")))
}

fn fingerprint(connection: &Connection, request: &SourceRequest) -> Result<String> {
    let request = serde_json::to_vec(request).map_err(|error| Error::Internal(error.to_string()))?;
    let mut hash = Sha256::new();
    hash.update(connection.organisation.uuid().as_bytes());
    hash.update(connection.id.as_bytes());
    hash.update(&request);
    Ok(hex::encode(&hash.finalize()[..16]))
}
