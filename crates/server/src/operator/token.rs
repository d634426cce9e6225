//! `groma token create`: a token of the organisation's owner.

use axum::Json as JsonAnswer;
use axum::extract::State;
use serde_json::{Value, json};

use crate::parameters::Json;
use crate::problem::Problem;
use crate::state::Groma;
use crate::workspace_api::tokens::Wanted;

pub(crate) async fn create(
    State(groma): State<Groma>,
    Json(wanted): Json<Wanted>,
) -> Result<JsonAnswer<Value>, Problem> {
    let organisation = access::organisations::first(&groma.rooms().database).await?.id;
    let actor = super::actor(&groma).await?;
    let token = wanted.checked(&groma, organisation).await?;
    let mut tx = groma.rooms().database.begin().await?;
    let (token, secret) = access::tokens::create(&mut tx, &actor, token, database::now()).await?;
    tx.commit().await?;
    Ok(JsonAnswer(
        json!({"id": token.id, "name": token.name, "token": secret.reveal()}),
    ))
}
