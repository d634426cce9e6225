//! `/workspace-api/sign-in`, `sign-out`, `me`: a person comes, goes, and is known in between.

use access::{SignedIn, organisations, sessions};
use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::Address;
use crate::auth::{Member, cookie, same_site};
use crate::parameters::Json;
use crate::problem::Problem;
use crate::state::Groma;

/// Who wants in.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    email: String,
    password: String,
}

/// A JSON answer that sets the cookie.
pub(crate) type WithCookie = ([(HeaderName, HeaderValue); 1], JsonAnswer<Value>);

/// `POST sign-in`
pub(crate) async fn sign_in(
    State(groma): State<Groma>,
    address: Address,
    headers: HeaderMap,
    Json(credentials): Json<Credentials>,
) -> Result<WithCookie, Problem> {
    refuse_foreign_page(&headers, &address)?;
    groma.throttle().attempt(&credentials.email, address.client())?;
    let db = &groma.rooms().database;
    let now = database::now();
    let (_, secret) = sessions::sign_in(db, &credentials.email, &credentials.password, now).await?;
    welcome(&groma, &address, secret.reveal()).await
}

/// `POST sign-out`
pub(crate) async fn sign_out(
    State(groma): State<Groma>,
    address: Address,
    member: Member,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1]), Problem> {
    groma.doorkeeper().sign_out(&member.secret).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&address))]))
}

/// `GET me`
pub(crate) async fn me(
    State(groma): State<Groma>,
    address: Address,
    member: Member,
) -> Result<JsonAnswer<Value>, Problem> {
    describe(&groma, &address, &member.signed_in, &member.secret)
        .await
        .map(JsonAnswer)
}

/// Hands the new session over as a cookie, and says who it is.
pub(crate) async fn welcome(groma: &Groma, address: &Address, secret: &str) -> Result<WithCookie, Problem> {
    let signed_in = sessions::authenticate(&groma.rooms().database, secret, database::now())
        .await?
        .ok_or_else(Problem::token_invalid)?;
    let answer = describe(groma, address, &signed_in, secret).await?;
    let cookie = cookie::set(address, secret, sessions::LONGEST.num_seconds());
    Ok(([(header::SET_COOKIE, cookie)], JsonAnswer(answer)))
}

async fn describe(groma: &Groma, address: &Address, signed_in: &SignedIn, secret: &str) -> Result<Value, Problem> {
    let person = &signed_in.person;
    let organisation = organisations::get(&groma.rooms().database, person.organisation).await?;
    Ok(json!({
        "person": {"id": person.id, "name": person.name, "email": person.email},
        "organisation": {"id": organisation.id, "name": organisation.name},
        "csrf": cookie::csrf_value(secret),
        "api_base_url": address.base(),
        "version": crate::VERSION,
    }))
}

/// Nobody else's page may sign somebody in, into an account of its own choice.
pub(crate) fn refuse_foreign_page(headers: &HeaderMap, address: &Address) -> Result<(), Problem> {
    match same_site::claim(headers, address) {
        same_site::Claim::Foreign => Err(Problem::forbidden(
            "Signing in works from this server's own pages only.",
        )),
        same_site::Claim::Ours | same_site::Claim::Unsaid => Ok(()),
    }
}
