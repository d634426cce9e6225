//! `/workspace-api/connections/{connection}/tables`: finding tables, looking at one, dropping one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sources::FieldType;
use tokio_util::sync::CancellationToken;
use warehouse::{TableKind, TableName, TableSummary};

use crate::auth::Member;
use crate::parameters::Query;
use crate::problem::Problem;
use crate::state::Groma;
use crate::transport::TIME_LIMIT;

/// Tables on a page.
const PAGE: usize = 100;

/// Which tables are asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    schema: Option<String>,
    search: Option<String>,
    cursor: Option<String>,
}

/// `GET tables?schema=&search=&cursor=`, in the order of their names.
pub(crate) async fn list(
    State(groma): State<Groma>,
    member: Member,
    Path(connection): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let connection = groma.connection_of(member.organisation, &connection).await?;
    let warehouse = connection.warehouse();
    let schemas = match wanted.schema.filter(|schema| !schema.is_empty()) {
        Some(schema) => vec![schema],
        None => warehouse.schemas().await?,
    };
    let search = wanted.search.unwrap_or_default().to_lowercase();
    let after = wanted.cursor.unwrap_or_default();
    let mut found = Vec::new();
    for schema in schemas {
        let tables = warehouse.tables(&schema).await?;
        found.extend(tables.into_iter().filter(|table| {
            let name = table.name.to_string();
            name > after && name.to_lowercase().contains(&search)
        }));
    }
    found.sort_by_key(|table| table.name.to_string());
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = if has_more {
        found.last().map(|table| table.name.to_string())
    } else {
        None
    };
    let bookmarks = access::bookmarks::list(&groma.rooms().database, &member.actor).await?;
    let items: Vec<Value> = found
        .iter()
        .map(|table| {
            summary(
                table,
                bookmarks
                    .iter()
                    .any(|bookmark| bookmark.table == table.name.to_string()),
            )
        })
        .collect();
    Ok(Json(json!({"items": items, "next": next})))
}

fn summary(table: &TableSummary, is_bookmarked: bool) -> Value {
    json!({
        "name": table.name.to_string(),
        "schema": table.name.schema,
        "table": table.name.table,
        "kind": table.kind,
        "rows": table.rows,
        "bytes": table.bytes,
        "geometry_type": table.geometry.map(warehouse::GeometryKind::as_str),
        "updated_at": table.modified_at,
        "bookmarked": is_bookmarked,
        "attribution": table.attribution,
    })
}

/// `GET tables/{schema.table}`
pub(crate) async fn open(
    State(groma): State<Groma>,
    member: Member,
    Path((connection, name)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let connection = groma.connection_of(member.organisation, &connection).await?;
    let name = TableName::parse(&name)?;
    let table = connection.warehouse().table(&name).await?;
    let columns: Vec<Value> = table
        .columns
        .iter()
        .zip(table.arrow_schema.fields())
        .map(|(column, field)| {
            json!({
                "name": column.name,
                "type": FieldType::of(field),
                "data_type": column.type_name,
                "nullable": column.nullable,
                "description": column.description,
            })
        })
        .collect();
    let geometry = table.geometry.as_ref().map(|geometry| {
        json!({
            "column": geometry.column,
            "type": geometry.kind.as_str(),
            "crs": geometry.crs,
            "bounds": geometry.bounds.map(|bounds| [bounds.west, bounds.south, bounds.east, bounds.north]),
        })
    });
    Ok(Json(json!({
        "name": table.name.to_string(),
        "kind": TableKind::Table,
        "rows": table.rows,
        "bytes": table.bytes,
        "version": table.version,
        "created_at": table.created_at,
        "updated_at": table.modified_at,
        "attribution": table.attribution,
        "description": table.description,
        "geometry": geometry,
        "columns": columns,
    })))
}

/// `DELETE tables/{schema.table}`
pub(crate) async fn delete(
    State(groma): State<Groma>,
    member: Member,
    Path((connection, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let connection = groma.connection_of(member.organisation, &connection).await?;
    connection
        .warehouse()
        .drop_table(&member.actor, &TableName::parse(&name)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET tables/{schema.table}/columns/{column}/statistics`
pub(crate) async fn statistics(
    State(groma): State<Groma>,
    member: Member,
    Path((connection, name, column)): Path<(String, String, String)>,
) -> Result<Json<warehouse::ColumnStatistics>, Problem> {
    let connection = groma.connection_of(member.organisation, &connection).await?;
    let cancel = CancellationToken::new();
    let _guard = cancel.clone().drop_guard();
    let limits = connection.limits(TIME_LIMIT, None, cancel);
    let name = TableName::parse(&name)?;
    Ok(Json(
        connection
            .warehouse()
            .column_statistics(&name, &column, &limits)
            .await?,
    ))
}
