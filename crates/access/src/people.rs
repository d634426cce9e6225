//! People: the accounts of an organisation.

use chrono::{DateTime, Utc};
use database::{Database, Id, Transaction, on};
use serde::Serialize;
use serde_json::json;
use sqlx::FromRow;

use crate::error::{Error, Result};
use crate::{ActivityKind, Actor, NewOwner, Organisation, PasswordHash, Target, TargetKind, activity};

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Serialize, FromRow)]
pub struct Person {
    pub id: Id<Person>,
    #[sqlx(rename = "organisation_id")]
    pub organisation: Id<Organisation>,
    pub email: String,
    pub name: String,
    /// The one who made the organisation, or to whom it was handed over.
    pub is_owner: bool,
    pub created_at: DateTime<Utc>,
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

/// The person with this id.
pub async fn get(db: &Database, id: Id<Person>) -> Result<Person> {
    let row: Option<Person> =
        on!(db, c => sqlx::query_as("SELECT * FROM person WHERE id = $1").bind(id).fetch_optional(c).await?);
    row.ok_or(Error::NotFound("person"))
}

/// The person who owns the organisation.
pub async fn owner(db: &Database, organisation: Id<Organisation>) -> Result<Person> {
    let row: Option<Person> = on!(db, c => sqlx::query_as("SELECT * FROM person WHERE organisation_id = $1 AND is_owner")
        .bind(organisation).fetch_optional(c).await?);
    row.ok_or(Error::NotSetUp)
}

/// Gives a person a new password and ends all their sessions: whoever knew the old one is out.
pub async fn change_password(
    tx: &mut Transaction,
    actor: &Actor,
    id: Id<Person>,
    password: &PasswordHash,
    now: DateTime<Utc>,
) -> Result<()> {
    match actor {
        Actor::Person { id: own, .. } if *own == id => {}
        Actor::Operator { .. } => {}
        Actor::Person { .. } | Actor::Token { .. } | Actor::Anonymous => {
            return Err(Error::Forbidden("the password is another person's"));
        }
    }
    let name: Option<String> = on!(tx, c => sqlx::query_scalar(
        "UPDATE person SET password_hash = $1 WHERE id = $2 AND organisation_id = $3 RETURNING name")
        .bind(&password.0).bind(id).bind(actor.organisation()).fetch_optional(c).await?);
    let name = name.ok_or(Error::NotFound("person"))?;
    on!(tx, c => sqlx::query("DELETE FROM session WHERE person_id = $1").bind(id).execute(c).await?.rows_affected());
    activity::record(
        tx,
        actor,
        ActivityKind::PasswordChanged,
        Target::new(TargetKind::Person, id, &name),
        json!({}),
        now,
    )
    .await
}

pub(crate) async fn create_owner(
    tx: &mut Transaction,
    organisation: &Organisation,
    owner: NewOwner,
    now: DateTime<Utc>,
) -> Result<Person> {
    let name = owner.name.trim();
    let person = Person {
        id: Id::new(),
        organisation: organisation.id,
        name: if name.is_empty() {
            owner.email.local_part().to_owned()
        } else {
            name.to_owned()
        },
        email: owner.email.to_string(),
        is_owner: true,
        created_at: now,
        last_sign_in_at: None,
    };
    let inserted = on!(tx, c => sqlx::query(
        "INSERT INTO person (id, organisation_id, email, name, password_hash, is_owner, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(person.id).bind(person.organisation).bind(&person.email).bind(&person.name).bind(&owner.password.0)
        .bind(person.is_owner).bind(now).execute(c).await.map(|done| done.rows_affected()));
    match inserted.map_err(database::Error::from) {
        Ok(_) => Ok(person),
        Err(error) if error.is_duplicate() => Err(Error::EmailTaken { email: person.email }),
        Err(error) => Err(error.into()),
    }
}
