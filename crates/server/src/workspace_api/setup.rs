//! `/workspace-api/setup`: whether somebody owns this installation, and claiming it with the one-time link.

use access::{NewOrganisation, NewOwner, organisations, passwords, sessions};
use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::Address;
use crate::parameters::Json;
use crate::problem::Problem;
use crate::state::Groma;
use crate::workspace_api::sign_in::{WithCookie, refuse_foreign_page, welcome};

/// `GET setup`
pub(crate) async fn state(State(groma): State<Groma>) -> Result<JsonAnswer<Value>, Problem> {
    let is_set_up = organisations::is_set_up(&groma.rooms().database).await?;
    let state = if is_set_up { "ready" } else { "unclaimed" };
    Ok(JsonAnswer(json!({"state": state, "version": crate::VERSION})))
}

/// Who claims the installation, with the secret of the link.
#[derive(Deserialize)]
pub(crate) struct Claim {
    claim: String,
    organisation: String,
    name: String,
    email: String,
    password: String,
}

/// `POST setup/claim`
pub(crate) async fn claim(
    State(groma): State<Groma>,
    address: Address,
    headers: HeaderMap,
    Json(claim): Json<Claim>,
) -> Result<WithCookie, Problem> {
    refuse_foreign_page(&headers, &address)?;
    groma.throttle().attempt("claim", address.client())?;
    let db = &groma.rooms().database;
    let now = database::now();
    if !organisations::is_claim_valid(db, &claim.claim, now).await? {
        return Err(access::Error::ClaimLink.into());
    }
    let owner = NewOwner {
        name: claim.name,
        email: claim.email.parse()?,
        // Before the transaction: hashing takes a while.
        password: passwords::hash(&claim.password).await?,
    };
    let organisation = NewOrganisation {
        name: claim.organisation,
    };
    let mut tx = db.begin().await?;
    let (_, person) = organisations::claim(&mut tx, &claim.claim, organisation, owner, now).await?;
    let (_, secret) = sessions::start(&mut tx, person.id, now).await?;
    tx.commit().await?;
    welcome(&groma, &address, secret.reveal()).await
}
