//! Assets: what people make and share. Rooms above hold the content under the same id; who may do what is decided here.

use chrono::{DateTime, Utc};
use database::{Database, Id, Transaction, on};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::error::{Error, Result};
use crate::{Actor, Organisation, Person};

/// What someone wants to do with an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Read,
    Edit,
    Delete,
    /// Change who sees it.
    Share,
    /// Change what belongs to the organisation's settings.
    Administer,
}

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AssetKind {
    Map,
    Connection,
}

impl AssetKind {
    fn is_anothers(self) -> &'static str {
        match self {
            AssetKind::Map => "the map is another person's",
            AssetKind::Connection => "the connection is another person's",
        }
    }
}

/// Who may see it beside its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Sharing {
    /// Nobody.
    Private,
    /// The people of the organisation.
    Organisation,
    /// Everybody who has the link.
    Public,
}

/// A thing that someone made.
#[derive(Clone, Debug, PartialEq, Serialize, FromRow)]
pub struct Asset {
    pub id: Id<Asset>,
    pub kind: AssetKind,
    #[sqlx(rename = "organisation_id")]
    pub organisation: Id<Organisation>,
    /// None when it belongs to the organisation itself.
    #[sqlx(rename = "owner_id")]
    pub owner: Option<Id<Person>>,
    pub sharing: Sharing,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// True when the actor may do this with the asset: the one rule, on which everything above rests.
pub fn may(actor: &Actor, action: Action, asset: &Asset) -> bool {
    let is_everybodys = asset.sharing == Sharing::Public && action == Action::Read;
    let is_shared = asset.sharing != Sharing::Private && action == Action::Read;
    match actor {
        Actor::Person { id, organisation, .. } => {
            is_everybodys || (*organisation == asset.organisation && (is_shared || asset.owner == Some(*id)))
        }
        Actor::Operator { organisation } => is_everybodys || *organisation == asset.organisation,
        // Tokens reach data by their grants, not the things that people make of it.
        Actor::Token { .. } | Actor::Anonymous => is_everybodys,
    }
}

/// Enters a new asset of the actor in the books; the content stands in the caller's table, under its id. The caller
/// writes the activity line: it knows the name.
pub async fn create(tx: &mut Transaction, actor: &Actor, kind: AssetKind, now: DateTime<Utc>) -> Result<Asset> {
    let Some(organisation) = actor.organisation() else {
        return Err(Error::Forbidden("sign in first"));
    };
    let owner = match actor {
        Actor::Person { id, .. } => Some(*id),
        Actor::Token { owner, .. } => *owner,
        Actor::Operator { .. } | Actor::Anonymous => None,
    };
    let asset = Asset {
        id: Id::new(),
        kind,
        organisation,
        owner,
        sharing: Sharing::Private,
        created_at: now,
        updated_at: now,
    };
    on!(tx, c => sqlx::query(
        "INSERT INTO asset (id, kind, organisation_id, owner_id, sharing, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(asset.id).bind(asset.kind).bind(asset.organisation).bind(asset.owner).bind(asset.sharing)
        .bind(now).bind(now).execute(c).await?.rows_affected());
    Ok(asset)
}

/// The asset, for an actor who may do this with it. Who may not even read it hears the same as if it did not exist.
pub async fn open(db: &Database, actor: &Actor, id: Id<Asset>, action: Action) -> Result<Asset> {
    let found: Option<Asset> =
        on!(db, c => sqlx::query_as("SELECT * FROM asset WHERE id = $1").bind(id).fetch_optional(c).await?);
    judge(actor, found, action)
}

/// The asset, held against other changes until the transaction ends, for an actor who may do this with it.
pub async fn open_to_change(tx: &mut Transaction, actor: &Actor, id: Id<Asset>, action: Action) -> Result<Asset> {
    let sql = if tx.is_sqlite() {
        "SELECT * FROM asset WHERE id = $1"
    } else {
        "SELECT * FROM asset WHERE id = $1 FOR UPDATE"
    };
    let found: Option<Asset> = on!(tx, c => sqlx::query_as(sql).bind(id).fetch_optional(c).await?);
    judge(actor, found, action)
}

/// Says that the content was changed, and by that moves it up in lists.
pub async fn touch(tx: &mut Transaction, id: Id<Asset>, now: DateTime<Utc>) -> Result<()> {
    on!(tx, c => sqlx::query("UPDATE asset SET updated_at = $2 WHERE id = $1").bind(id).bind(now).execute(c).await?.rows_affected());
    Ok(())
}

/// Changes who may see the asset.
pub async fn share(
    tx: &mut Transaction,
    actor: &Actor,
    id: Id<Asset>,
    sharing: Sharing,
    now: DateTime<Utc>,
) -> Result<Asset> {
    let asset = open_to_change(tx, actor, id, Action::Share).await?;
    on!(tx, c => sqlx::query("UPDATE asset SET sharing = $2, updated_at = $3 WHERE id = $1")
        .bind(id).bind(sharing).bind(now).execute(c).await?.rows_affected());
    Ok(Asset {
        sharing,
        updated_at: now,
        ..asset
    })
}

/// Strikes the asset from the books; content that refers to it goes with it.
pub async fn delete(tx: &mut Transaction, actor: &Actor, id: Id<Asset>) -> Result<Asset> {
    let asset = open_to_change(tx, actor, id, Action::Delete).await?;
    on!(tx, c => sqlx::query("DELETE FROM asset WHERE id = $1").bind(id).execute(c).await?.rows_affected());
    Ok(asset)
}

fn judge(actor: &Actor, found: Option<Asset>, action: Action) -> Result<Asset> {
    match found {
        Some(asset) if may(actor, action, &asset) => Ok(asset),
        Some(asset) if may(actor, Action::Read, &asset) => Err(Error::Forbidden(asset.kind.is_anothers())),
        Some(_) | None => Err(Error::NotFound("map or connection")),
    }
}
