//! API access tokens: how applications are known, and what they may reach.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use database::{Database, Id, Transaction, on};
use serde::Serialize;
use serde_json::json;
use sqlx::FromRow;
use sqlx::types::Json;

use crate::error::{Error, Result};
use crate::secret::{self, Secret};
use crate::{
    ActivityKind, Actor, Api, ApiSet, Asset, Grant, Organisation, Person, Referer, Target, TargetKind, activity,
    grants, referers,
};

/// What the secrets of our tokens begin with, so that scanners of leaked secrets recognise them.
pub const PREFIX: &str = "gro_";

/// A token, without its secret: that is shown once, when the token is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiToken {
    pub id: Id<ApiToken>,
    pub organisation: Id<Organisation>,
    /// Who made it and alone sees it; none for the token of a public map.
    pub owner: Option<Id<Person>>,
    pub name: String,
    /// The secret's last characters.
    pub hint: String,
    pub apis: ApiSet,
    pub grants: Arc<[Grant]>,
    /// Where it may be used from; anywhere when empty.
    pub referers: Arc<[Referer]>,
    /// The asset that it lets strangers read, if it is the token of one.
    pub asset: Option<Id<Asset>>,
    pub created_at: DateTime<Utc>,
}

/// A token to be made.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    /// Unique among its owner's tokens.
    pub name: String,
    pub apis: ApiSet,
    pub grants: Vec<Grant>,
    pub referers: Vec<Referer>,
}

impl ApiToken {
    /// True when the token allows to use this API for something that reads these tables of the connection (`schema.table`,
    /// all that a query's plan reads), or runs this very query.
    pub fn may_use(&self, api: Api, connection: &str, reads: &[String], query: Option<&str>) -> bool {
        self.apis.contains(api) && grants::allow(&self.grants, connection, reads, query)
    }

    /// True when a request with these headers comes from a page where the token may be used.
    pub fn may_be_used_from(&self, origin: Option<&str>, referer: Option<&str>) -> bool {
        referers::allow(&self.referers, origin, referer)
    }

    /// The one who asks with this token.
    pub fn actor(&self) -> Actor {
        Actor::Token {
            id: self.id,
            organisation: self.organisation,
            owner: self.owner,
            apis: self.apis,
            grants: Arc::clone(&self.grants),
        }
    }
}

/// Makes a token for a person, or, made by the operator, for the organisation's owner. The secret is shown this once.
pub async fn create(
    tx: &mut Transaction,
    actor: &Actor,
    token: NewToken,
    now: DateTime<Utc>,
) -> Result<(ApiToken, Secret)> {
    let name = token.name.trim().to_owned();
    if name.is_empty() {
        return Err(Error::Empty("the token's name"));
    }
    let (owner, organisation) = match actor {
        Actor::Person { id, organisation, .. } => (*id, *organisation),
        Actor::Operator { organisation } => {
            let owner: Option<Id<Person>> = on!(tx, c => sqlx::query_scalar("SELECT id FROM person WHERE organisation_id = $1 AND is_owner")
                .bind(*organisation).fetch_optional(c).await?);
            (owner.ok_or(Error::NotSetUp)?, *organisation)
        }
        Actor::Token { .. } => return Err(Error::Forbidden("a token cannot make tokens; sign in")),
        Actor::Anonymous => return Err(Error::Forbidden("sign in to make tokens")),
    };
    // Looked at first, because a refused row would spoil the transaction on PostgreSQL. The index decides a race.
    let is_taken: bool = on!(tx, c => sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM api_token WHERE owner_id = $1 AND name = $2)")
        .bind(owner).bind(&name).fetch_one(c).await?);
    if is_taken {
        return Err(Error::TokenNameTaken { name });
    }
    let secret = Secret::random(PREFIX);
    let token = ApiToken {
        id: Id::new(),
        organisation,
        owner: Some(owner),
        hint: hint(&secret),
        name,
        apis: token.apis,
        grants: token.grants.into(),
        referers: token.referers.into(),
        asset: None,
        created_at: now,
    };
    insert(tx, &token, &secret).await?;
    activity::record(
        tx,
        actor,
        ActivityKind::TokenCreated,
        target(&token),
        details(&token),
        now,
    )
    .await?;
    Ok((token, secret))
}

/// Gives an asset the token by which strangers read what it shows, in place of the one it had. The secret comes from the
/// caller, who has to be able to hand it out again and again.
pub async fn set_for_asset(
    tx: &mut Transaction,
    asset: &Asset,
    secret: &Secret,
    token: NewToken,
    now: DateTime<Utc>,
) -> Result<ApiToken> {
    remove_for_asset(tx, asset.id).await?;
    let token = ApiToken {
        id: Id::new(),
        organisation: asset.organisation,
        owner: None,
        hint: hint(secret),
        name: token.name,
        apis: token.apis,
        grants: token.grants.into(),
        referers: token.referers.into(),
        asset: Some(asset.id),
        created_at: now,
    };
    insert(tx, &token, secret).await?;
    Ok(token)
}

/// Takes the token of an asset away; says which one it was, for [`crate::Doorkeeper::forget_token`].
pub async fn remove_for_asset(tx: &mut Transaction, asset: Id<Asset>) -> Result<Option<Id<ApiToken>>> {
    Ok(
        on!(tx, c => sqlx::query_scalar("DELETE FROM api_token WHERE asset_id = $1 RETURNING id").bind(asset).fetch_optional(c).await?),
    )
}

/// The actor's own tokens, by name; all that have an owner, for the operator.
pub async fn list(db: &Database, actor: &Actor) -> Result<Vec<ApiToken>> {
    let Some(organisation) = actor.organisation() else {
        return Err(Error::Forbidden("sign in to see your tokens"));
    };
    let only_of = match actor {
        Actor::Person { id, .. } => Some(*id),
        Actor::Operator { .. } => None,
        Actor::Token { .. } | Actor::Anonymous => return Err(Error::Forbidden("sign in to see your tokens")),
    };
    let rows: Vec<Row> = on!(db, c => sqlx::query_as(
        "SELECT * FROM api_token WHERE organisation_id = $1 AND owner_id IS NOT NULL AND ($2 IS NULL OR owner_id = $2) ORDER BY name, id")
        .bind(organisation).bind(only_of).fetch_all(c).await?);
    Ok(rows.into_iter().map(ApiToken::from).collect())
}

/// Deletes a token of the actor's own; anyone's, for the operator. [`crate::Doorkeeper::delete_token`] is the one to call
/// where tokens are also recognised, because it forgets the token at once.
pub async fn delete(tx: &mut Transaction, actor: &Actor, id: Id<ApiToken>, now: DateTime<Utc>) -> Result<()> {
    let only_of = match actor {
        Actor::Person { id, .. } => Some(*id),
        Actor::Operator { .. } => None,
        Actor::Token { .. } | Actor::Anonymous => return Err(Error::Forbidden("sign in to delete your tokens")),
    };
    let row: Option<Row> = on!(tx, c => sqlx::query_as(
        "DELETE FROM api_token WHERE id = $1 AND organisation_id = $2 AND owner_id IS NOT NULL AND ($3 IS NULL OR owner_id = $3) RETURNING *")
        .bind(id).bind(actor.organisation()).bind(only_of).fetch_optional(c).await?);
    let token = ApiToken::from(row.ok_or(Error::NotFound("token"))?);
    activity::record(
        tx,
        actor,
        ActivityKind::TokenDeleted,
        target(&token),
        details(&token),
        now,
    )
    .await
}

/// The token with this secret; none when there is no such token (any more).
pub async fn authenticate(db: &Database, secret: &str) -> Result<Option<ApiToken>> {
    let row: Option<Row> = on!(db, c => sqlx::query_as("SELECT * FROM api_token WHERE secret_hash = $1")
        .bind(secret::hash(secret).as_slice()).fetch_optional(c).await?);
    Ok(row.map(ApiToken::from))
}

fn hint(secret: &Secret) -> String {
    let characters = secret.reveal().chars().count();
    secret.reveal().chars().skip(characters.saturating_sub(4)).collect()
}

fn target(token: &ApiToken) -> Target {
    Target::new(TargetKind::Token, token.id, &token.name)
}

fn details(token: &ApiToken) -> serde_json::Value {
    json!({ "apis": token.apis, "grants": token.grants, "referers": token.referers })
}

async fn insert(tx: &mut Transaction, token: &ApiToken, secret: &Secret) -> Result<()> {
    let inserted = on!(tx, c => sqlx::query(
        "INSERT INTO api_token (id, organisation_id, owner_id, name, secret_hash, hint, apis, grants, referers, asset_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
        .bind(token.id).bind(token.organisation).bind(token.owner).bind(&token.name).bind(secret.hash().as_slice())
        .bind(&token.hint).bind(Json(token.apis)).bind(Json(&token.grants)).bind(Json(&token.referers))
        .bind(token.asset).bind(token.created_at).execute(c).await.map(|done| done.rows_affected()));
    match inserted.map_err(database::Error::from) {
        Ok(_) => Ok(()),
        Err(error) if error.is_duplicate() => Err(Error::TokenNameTaken {
            name: token.name.clone(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// A row of the table `api_token`.
#[derive(FromRow)]
struct Row {
    id: Id<ApiToken>,
    organisation_id: Id<Organisation>,
    owner_id: Option<Id<Person>>,
    name: String,
    hint: String,
    apis: Json<ApiSet>,
    grants: Json<Vec<Grant>>,
    referers: Json<Vec<Referer>>,
    asset_id: Option<Id<Asset>>,
    created_at: DateTime<Utc>,
}

impl From<Row> for ApiToken {
    fn from(row: Row) -> Self {
        ApiToken {
            id: row.id,
            organisation: row.organisation_id,
            owner: row.owner_id,
            name: row.name,
            hint: row.hint,
            apis: row.apis.0,
            grants: row.grants.0.into(),
            referers: row.referers.0.into(),
            asset: row.asset_id,
            created_at: row.created_at,
        }
    }
}
