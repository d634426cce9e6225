//! `/v3/sql/{connection}/model/{model}`: the numbers behind a widget.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};
use sources::{Source, SourceRequest};
use tokio_util::sync::CancellationToken;
use widgets::Model;

use crate::auth::Caller;
use crate::caching;
use crate::opened_sources::Opened;
use crate::parameters::Merged;
use crate::problem::Problem;
use crate::state::Groma;
use crate::transport::TIME_LIMIT;

/// `GET|POST /v3/sql/{connection}/model/{model}`
pub(crate) async fn run(
    State(groma): State<Groma>,
    caller: Caller,
    headers: HeaderMap,
    Path((connection, model)): Path<(String, String)>,
    Merged(parameters): Merged,
) -> Result<Response<Body>, Problem> {
    let model = Model::parse(&model)?;
    let connection = groma.connection(&caller, &connection).await?;
    let source = Source::open(&connection, SourceRequest::of_model(&parameters)?).await?;
    let opened = Arc::new(Opened::of(source));
    caller.may_read(access::Api::Sql, &opened)?;
    let cancel = CancellationToken::new();
    let _guard = cancel.clone().drop_guard();
    let limits = connection.limits(TIME_LIMIT, None, cancel);
    let answer = widgets::model(model, &opened.source, &parameters, &limits).await?;
    Ok(caching::json(&headers, &answer, caching::REVALIDATE))
}
