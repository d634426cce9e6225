//! `/workspace-api/activity`: who did what.

use axum::Json;
use axum::extract::State;
use database::{Cursor, PageRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Member;
use crate::parameters::Query;
use crate::problem::Problem;
use crate::state::Groma;

/// Which page.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    cursor: Option<Cursor>,
    limit: Option<u32>,
}

/// `GET activity`, the newest first.
pub(crate) async fn list(
    State(groma): State<Groma>,
    member: Member,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Problem> {
    let page = PageRequest::new(wanted.limit, wanted.cursor);
    let page = access::activity::list(&groma.rooms().database, member.organisation, &page).await?;
    Ok(Json(json!(page)))
}
