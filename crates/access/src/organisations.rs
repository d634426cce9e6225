//! Organisations, and how the first one comes to be: claimed by a link or created unattended.

use chrono::{DateTime, TimeDelta, Utc};
use database::{Database, Id, Transaction, on};
use serde::Serialize;
use serde_json::json;
use sqlx::FromRow;

use crate::error::{Error, Result};
use crate::people::{self, Person};
use crate::secret::{self, Secret};
use crate::{ActivityKind, Actor, Email, PasswordHash, Target, TargetKind, activity, passwords};

/// How long a claim link holds. Every start of a server that has no organisation yet makes a new one.
pub const CLAIM_LINK_LASTS: TimeDelta = TimeDelta::hours(24);

/// An organisation: whose people and things these are.
#[derive(Clone, Debug, PartialEq, Serialize, FromRow)]
pub struct Organisation {
    pub id: Id<Organisation>,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

/// The organisation to be made.
#[derive(Clone, Debug)]
pub struct NewOrganisation {
    pub name: String,
}

/// Its first person, who owns it.
#[derive(Clone, Debug)]
pub struct NewOwner {
    pub name: String,
    pub email: Email,
    pub password: PasswordHash,
}

/// True when there is an organisation to sign in to.
pub async fn is_set_up(db: &Database) -> Result<bool> {
    Ok(on!(db, c => sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM organisation)").fetch_one(c).await?))
}

/// The organisation of this installation: the only one, or the oldest.
pub async fn first(db: &Database) -> Result<Organisation> {
    let row: Option<Organisation> = on!(db, c => sqlx::query_as("SELECT * FROM organisation ORDER BY created_at, id LIMIT 1").fetch_optional(c).await?);
    row.ok_or(Error::NotSetUp)
}

/// The organisation with this id.
pub async fn get(db: &Database, id: Id<Organisation>) -> Result<Organisation> {
    let row: Option<Organisation> =
        on!(db, c => sqlx::query_as("SELECT * FROM organisation WHERE id = $1").bind(id).fetch_optional(c).await?);
    row.ok_or(Error::NotFound("organisation"))
}

/// Makes a fresh claim link while there is no organisation; links made before stop working.
pub async fn issue_claim(tx: &mut Transaction, now: DateTime<Utc>) -> Result<Secret> {
    refuse_if_set_up(tx).await?;
    let secret = Secret::random("");
    on!(tx, c => sqlx::query(
        "INSERT INTO claim_link (number, secret_hash, expires_at) VALUES (1, $1, $2)
         ON CONFLICT (number) DO UPDATE SET secret_hash = excluded.secret_hash, expires_at = excluded.expires_at")
        .bind(secret.hash().as_slice()).bind(now + CLAIM_LINK_LASTS).execute(c).await?.rows_affected());
    Ok(secret)
}

/// True when this claim link still works.
pub async fn is_claim_valid(db: &Database, claim: &str, now: DateTime<Utc>) -> Result<bool> {
    Ok(on!(db, c => sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM claim_link WHERE secret_hash = $1 AND expires_at > $2)")
        .bind(secret::hash(claim).as_slice()).bind(now).fetch_one(c).await?))
}

/// Makes the organisation and its owner for whoever holds the claim link. The link works once.
pub async fn claim(
    tx: &mut Transaction,
    claim: &str,
    organisation: NewOrganisation,
    owner: NewOwner,
    now: DateTime<Utc>,
) -> Result<(Organisation, Person)> {
    let used = on!(tx, c => sqlx::query("DELETE FROM claim_link WHERE secret_hash = $1 AND expires_at > $2")
        .bind(secret::hash(claim).as_slice()).bind(now).execute(c).await?.rows_affected());
    if used == 0 {
        return Err(Error::ClaimLink);
    }
    create_with_owner(tx, organisation, owner, now).await
}

/// Makes the organisation and its owner from an e-mail address and a password, for installations that nobody attends.
/// Does nothing when there is an organisation already.
pub async fn set_up_unattended(
    db: &Database,
    email: &str,
    password: &str,
    now: DateTime<Utc>,
) -> Result<Option<Organisation>> {
    if is_set_up(db).await? {
        return Ok(None);
    }
    let email: Email = email.parse()?;
    let owner = NewOwner {
        name: email.local_part().to_owned(),
        password: passwords::hash(password).await?,
        email,
    };
    let mut tx = db.begin().await?;
    match create_with_owner(
        &mut tx,
        NewOrganisation {
            name: "My organisation".into(),
        },
        owner,
        now,
    )
    .await
    {
        Ok((organisation, _)) => {
            tx.commit().await?;
            Ok(Some(organisation))
        }
        // Another server was faster.
        Err(Error::AlreadySetUp) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the first organisation and its owner.
pub async fn create_with_owner(
    tx: &mut Transaction,
    organisation: NewOrganisation,
    owner: NewOwner,
    now: DateTime<Utc>,
) -> Result<(Organisation, Person)> {
    let name = organisation.name.trim().to_owned();
    if name.is_empty() {
        return Err(Error::Empty("the organisation's name"));
    }
    refuse_if_set_up(tx).await?;
    let organisation = Organisation {
        id: Id::new(),
        name,
        created_at: now,
    };
    on!(tx, c => sqlx::query("INSERT INTO organisation (id, name, created_at) VALUES ($1, $2, $3)")
        .bind(organisation.id).bind(&organisation.name).bind(now).execute(c).await?.rows_affected());
    on!(tx, c => sqlx::query("DELETE FROM claim_link").execute(c).await?.rows_affected());
    let person = people::create_owner(tx, &organisation, owner, now).await?;
    let actor = Actor::Operator {
        organisation: organisation.id,
    };
    let made = Target::new(TargetKind::Organisation, organisation.id, &organisation.name);
    activity::record(tx, &actor, ActivityKind::AccountCreated, made, json!({}), now).await?;
    let person_made = Target::new(TargetKind::Person, person.id, &person.name);
    activity::record(
        tx,
        &actor,
        ActivityKind::UserCreated,
        person_made,
        json!({"is_owner": true}),
        now,
    )
    .await?;
    Ok((organisation, person))
}

/// Fails when there is an organisation; holds off other servers that are about to make one.
async fn refuse_if_set_up(tx: &mut Transaction) -> Result<()> {
    if !tx.is_sqlite() {
        on!(tx, c => sqlx::query("LOCK TABLE organisation IN SHARE ROW EXCLUSIVE MODE").execute(c).await?.rows_affected());
    }
    let is_set_up: bool =
        on!(tx, c => sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM organisation)").fetch_one(c).await?);
    if is_set_up { Err(Error::AlreadySetUp) } else { Ok(()) }
}
