//! `/workspace-api/jobs`: how far a piece of work is, and stopping it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use database::Id;
use serde_json::{Value, json};

use crate::auth::Member;
use crate::problem::Problem;
use crate::state::Groma;

/// `GET jobs/{id}`
pub(crate) async fn open(
    State(groma): State<Groma>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let job = job_of(&groma, &member, &id).await?;
    Ok(Json(json!({
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": job.progress,
        "result": job.result,
        "error": job.error,
        "created_at": job.created_at,
    })))
}

/// `DELETE jobs/{id}`
pub(crate) async fn cancel(
    State(groma): State<Groma>,
    member: Member,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let job = job_of(&groma, &member, &id).await?;
    let mut tx = groma.rooms().database.begin().await?;
    jobs::cancel(&mut tx, &job.id, database::now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A job of the member's own organisation; others are not there.
async fn job_of(groma: &Groma, member: &Member, id: &str) -> Result<jobs::JobStatus, Problem> {
    let nothing = || Problem::not_found("There is no such job.");
    let id: Id<jobs::Job> = id.parse().map_err(|_| nothing())?;
    let job = jobs::get(&groma.rooms().database, &id).await?;
    if job.organisation == Some(member.organisation.uuid()) {
        Ok(job)
    } else {
        Err(nothing())
    }
}
