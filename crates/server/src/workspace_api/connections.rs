//! `/workspace-api/connections`: which warehouses there are, and their schemas.

use axum::Json;
use axum::extract::{Path, State};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::auth::Member;
use crate::problem::Problem;
use crate::state::Groma;

/// `GET connections`
pub(crate) async fn list(State(groma): State<Groma>, member: Member) -> Result<Json<Value>, Problem> {
    let connections = groma.rooms().connections.list(member.organisation).await?;
    let items: Vec<Value> = connections
        .iter()
        .map(|connection| {
            json!({
                "id": connection.id,
                "name": connection.name,
                "aliases": connection.aliases(),
                "provider": connection.provider,
            })
        })
        .collect();
    Ok(Json(json!({"items": items})))
}

/// `GET connections/{connection}/schemas`
pub(crate) async fn schemas(
    State(groma): State<Groma>,
    member: Member,
    Path(connection): Path<String>,
) -> Result<Json<Value>, Problem> {
    let connection = groma.connection_of(member.organisation, &connection).await?;
    let warehouse = connection.warehouse();
    let schemas = warehouse.schemas().await?;
    let counts = try_join_all(
        schemas
            .iter()
            .map(|schema| async { warehouse.tables(schema).await.map(|tables| tables.len()) }),
    )
    .await?;
    let items: Vec<Value> = schemas
        .iter()
        .zip(counts)
        .map(|(name, tables)| json!({"name": name, "tables": tables}))
        .collect();
    Ok(Json(json!({"items": items})))
}
