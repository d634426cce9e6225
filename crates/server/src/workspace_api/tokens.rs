//! `/workspace-api/tokens`: API access tokens of the person who is signed in.

use access::{ApiToken, Grant, GrantedSource, NewToken, Organisation, tokens};
use axum::Json as JsonAnswer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use database::Id;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Member;
use crate::grants;
use crate::parameters::Json;
use crate::problem::Problem;
use crate::state::Groma;

/// A token as it is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    name: String,
    #[serde(alias = "allowed_apis")]
    apis: Vec<String>,
    grants: Vec<WantedGrant>,
    #[serde(default)]
    referers: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WantedGrant {
    #[serde(alias = "connection_name")]
    connection: String,
    source: String,
}

impl Wanted {
    /// Checks every part of it, with names as the rest of the server knows them.
    pub(crate) async fn checked(self, groma: &Groma, organisation: Id<Organisation>) -> Result<NewToken, Problem> {
        if self.grants.is_empty() {
            return Err(Problem::bad_request(
                "A token without a grant opens nothing. Add a table, a query, or '*'.",
            ));
        }
        let mut checked = Vec::new();
        for grant in self.grants {
            checked.push(grants::checked(groma, organisation, &grant.connection, &grant.source).await?);
        }
        Ok(NewToken {
            name: self.name,
            apis: self
                .apis
                .iter()
                .map(|api| api.parse())
                .collect::<Result<_, access::Error>>()?,
            grants: checked,
            referers: self
                .referers
                .iter()
                .map(|referer| referer.parse())
                .collect::<Result<_, access::Error>>()?,
        })
    }
}

/// `GET tokens`
pub(crate) async fn list(State(groma): State<Groma>, member: Member) -> Result<JsonAnswer<Value>, Problem> {
    let tokens = tokens::list(&groma.rooms().database, &member.actor).await?;
    Ok(JsonAnswer(
        json!({"items": tokens.iter().map(describe).collect::<Vec<_>>()}),
    ))
}

/// `POST tokens`: the answer holds the secret, this once.
pub(crate) async fn create(
    State(groma): State<Groma>,
    member: Member,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, JsonAnswer<Value>), Problem> {
    let token = wanted.checked(&groma, member.organisation).await?;
    let mut tx = groma.rooms().database.begin().await?;
    let (token, secret) = tokens::create(&mut tx, &member.actor, token, database::now()).await?;
    tx.commit().await?;
    let mut answer = describe(&token);
    answer["secret"] = secret.reveal().into();
    Ok((StatusCode::CREATED, JsonAnswer(answer)))
}

/// `DELETE tokens/{id}`: from now on, it opens nothing.
pub(crate) async fn delete(
    State(groma): State<Groma>,
    member: Member,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found("There is no such token."))?;
    groma
        .doorkeeper()
        .delete_token(&member.actor, id, database::now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn describe(token: &ApiToken) -> Value {
    let grants: Vec<Value> = token
        .grants
        .iter()
        .map(|Grant { connection, source }| json!({"connection": connection, "source": GrantedSource::as_text(source)}))
        .collect();
    json!({
        "id": token.id,
        "name": token.name,
        "hint": token.hint,
        "apis": token.apis,
        "grants": grants,
        "referers": token.referers,
        "created_at": token.created_at,
    })
}
