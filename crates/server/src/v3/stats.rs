//! `/v3/stats/{connection}[/{table}]/{column}`: what a column holds, for colour scales and extents.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};
use sources::{Parameters, Source, SourceRequest};
use tokio_util::sync::CancellationToken;

use crate::auth::Caller;
use crate::caching;
use crate::opened_sources::Opened;
use crate::parameters::Merged;
use crate::problem::Problem;
use crate::state::Groma;
use crate::transport::TIME_LIMIT;

/// `GET|POST /v3/stats/{connection}/{table}/{column}`
pub(crate) async fn of_table(
    State(groma): State<Groma>,
    caller: Caller,
    headers: HeaderMap,
    Path((connection, table, column)): Path<(String, String, String)>,
    Merged(parameters): Merged,
) -> Result<Response<Body>, Problem> {
    answer(
        &groma,
        &caller,
        &headers,
        &connection,
        Some(&table),
        &column,
        &parameters,
    )
    .await
}

/// `GET|POST /v3/stats/{connection}/{column}?q=…`
pub(crate) async fn of_query(
    State(groma): State<Groma>,
    caller: Caller,
    headers: HeaderMap,
    Path((connection, column)): Path<(String, String)>,
    Merged(parameters): Merged,
) -> Result<Response<Body>, Problem> {
    answer(&groma, &caller, &headers, &connection, None, &column, &parameters).await
}

async fn answer(
    groma: &Groma,
    caller: &Caller,
    headers: &HeaderMap,
    connection: &str,
    table: Option<&str>,
    column: &str,
    parameters: &Parameters,
) -> Result<Response<Body>, Problem> {
    let connection = groma.connection(caller, connection).await?;
    let source = Source::open(&connection, SourceRequest::of_stats(table, parameters)?).await?;
    let opened = Opened::of(source);
    // A map's layers ask for these with the map's token, widgets with one for SQL: either will do.
    caller
        .may_read(access::Api::Sql, &opened)
        .or_else(|_| caller.may_read(access::Api::Maps, &opened))?;
    let cancel = CancellationToken::new();
    let _guard = cancel.clone().drop_guard();
    let limits = connection.limits(TIME_LIMIT, None, cancel);
    let answer = widgets::stats::column(&opened.source, column, &limits).await?;
    Ok(caching::json(headers, &answer, caching::REVALIDATE))
}
