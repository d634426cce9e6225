//! `/workspace-api/bookmarks`: tables that a person wants to find again.

use access::bookmarks;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use warehouse::TableName;

use crate::auth::{self, Member};
use crate::problem::Problem;
use crate::state::Groma;

/// `GET bookmarks`
pub(crate) async fn list(State(groma): State<Groma>, member: Member) -> Result<Json<Value>, Problem> {
    let connections = groma.rooms().connections.list(member.organisation).await?;
    let items: Vec<Value> = bookmarks::list(&groma.rooms().database, &member.actor)
        .await?
        .iter()
        .filter_map(|bookmark| {
            let connection = connections
                .iter()
                .find(|connection| connection.id == bookmark.connection)?;
            Some(json!({
                "connection": auth::canonical(connection),
                "table": bookmark.table,
                "created_at": bookmark.created_at,
            }))
        })
        .collect();
    Ok(Json(json!({"items": items})))
}

/// `PUT bookmarks/{connection}/{schema.table}`
pub(crate) async fn add(
    State(groma): State<Groma>,
    member: Member,
    Path((connection, table)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let connection = groma.connection_of(member.organisation, &connection).await?;
    let name = TableName::parse(&table)?.to_string();
    let mut tx = groma.rooms().database.begin().await?;
    bookmarks::add(&mut tx, &member.actor, connection.id, &name, database::now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE bookmarks/{connection}/{schema.table}`
pub(crate) async fn remove(
    State(groma): State<Groma>,
    member: Member,
    Path((connection, table)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let connection = groma.connection_of(member.organisation, &connection).await?;
    let name = TableName::parse(&table)?.to_string();
    let mut tx = groma.rooms().database.begin().await?;
    bookmarks::remove(&mut tx, &member.actor, connection.id, &name, database::now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
