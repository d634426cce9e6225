//! Sessions: a person signs in with a password and is known by a cookie from then on.

use chrono::{DateTime, TimeDelta, Utc};
use database::{Database, Id, Transaction, on};
use serde::Serialize;
use serde_json::json;
use sqlx::FromRow;

use crate::error::{Error, Result};
use crate::secret::{self, Secret};
use crate::{ActivityKind, Actor, Email, Organisation, Person, Target, TargetKind, activity, passwords};

/// A session ends when it was not used for this long.
pub const IDLE_LIMIT: TimeDelta = TimeDelta::days(14);
/// A session ends this long after the sign-in, however much it is used.
pub const LONGEST: TimeDelta = TimeDelta::days(90);
/// How exactly `last_seen_at` is kept: writing it at every request would be a write per request.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(10);

/// A signed-in browser.
#[derive(Clone, Debug, PartialEq, Serialize, FromRow)]
pub struct Session {
    pub id: Id<Session>,
    #[sqlx(rename = "person_id")]
    pub person: Id<Person>,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A session and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedIn {
    pub session: Session,
    pub person: Person,
}

impl SignedIn {
    /// The one who asks with this session.
    pub fn actor(&self) -> Actor {
        Actor::Person {
            id: self.person.id,
            organisation: self.person.organisation,
            session: self.session.id,
        }
    }
}

/// Signs a person in; gives the session and the secret for the cookie. An unknown e-mail address takes as long as a
/// wrong password and gets the same answer. Count attempts before calling this.
pub async fn sign_in(db: &Database, email: &str, password: &str, now: DateTime<Utc>) -> Result<(Session, Secret)> {
    let email = email
        .parse::<Email>()
        .map(|email| email.to_string())
        .unwrap_or_default();
    let found: Option<Account> = on!(db, c => sqlx::query_as("SELECT id, organisation_id, name, password_hash FROM person WHERE email = $1")
        .bind(&email).fetch_optional(c).await?);
    let hash = found.as_ref().and_then(|account| account.password_hash.clone());
    let is_right = passwords::verify(password, hash).await?;
    let person = match found {
        Some(account) if is_right => account.id,
        other => {
            record_failure(db, other, now).await?;
            return Err(Error::WrongCredentials);
        }
    };
    let mut tx = db.begin().await?;
    let signed_in = start(&mut tx, person, now).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Starts a session for a person who has proven who they are, such as the one who just claimed the installation.
pub async fn start(tx: &mut Transaction, person: Id<Person>, now: DateTime<Utc>) -> Result<(Session, Secret)> {
    let person: Option<Person> = on!(tx, c => sqlx::query_as("UPDATE person SET last_sign_in_at = $2 WHERE id = $1 RETURNING *")
        .bind(person).bind(now).fetch_optional(c).await?);
    let person = person.ok_or(Error::NotFound("person"))?;
    let secret = Secret::random("");
    let session = Session {
        id: Id::new(),
        person: person.id,
        created_at: now,
        last_seen_at: now,
        expires_at: now + IDLE_LIMIT,
    };
    on!(tx, c => sqlx::query(
        "INSERT INTO session (id, person_id, secret_hash, created_at, last_seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(session.id).bind(session.person).bind(secret.hash().as_slice()).bind(session.created_at)
        .bind(session.last_seen_at).bind(session.expires_at).execute(c).await?.rows_affected());
    on!(tx, c => sqlx::query("DELETE FROM session WHERE expires_at <= $1").bind(now).execute(c).await?.rows_affected());
    let signed_in = SignedIn { session, person };
    let target = Target::new(TargetKind::Person, signed_in.person.id, &signed_in.person.name);
    activity::record(
        tx,
        &signed_in.actor(),
        ActivityKind::UserLogins,
        target,
        json!({"method": "password"}),
        now,
    )
    .await?;
    Ok((signed_in.session, secret))
}

/// Whose session this is; none when the secret is unknown or the session has ended. Using it keeps it alive.
pub async fn authenticate(db: &Database, secret: &str, now: DateTime<Utc>) -> Result<Option<SignedIn>> {
    let Some(mut signed_in) = find(db, secret, now).await? else {
        return Ok(None);
    };
    if now - signed_in.session.last_seen_at >= SEEN_EVERY {
        let session = &mut signed_in.session;
        session.last_seen_at = now;
        session.expires_at = (now + IDLE_LIMIT).min(session.created_at + LONGEST);
        let mut tx = db.begin().await?;
        on!(tx, c => sqlx::query("UPDATE session SET last_seen_at = $2, expires_at = $3 WHERE id = $1")
            .bind(session.id).bind(session.last_seen_at).bind(session.expires_at).execute(c).await?.rows_affected());
        tx.commit().await?;
    }
    Ok(Some(signed_in))
}

async fn find(db: &Database, secret: &str, now: DateTime<Utc>) -> Result<Option<SignedIn>> {
    let session: Option<Session> = on!(db, c => sqlx::query_as(
        "SELECT id, person_id, created_at, last_seen_at, expires_at FROM session WHERE secret_hash = $1 AND expires_at > $2")
        .bind(secret::hash(secret).as_slice()).bind(now).fetch_optional(c).await?);
    let Some(session) = session else { return Ok(None) };
    let person: Option<Person> = on!(db, c => sqlx::query_as("SELECT * FROM person WHERE id = $1").bind(session.person).fetch_optional(c).await?);
    Ok(person.map(|person| SignedIn { session, person }))
}

/// Ends the session with this secret; says which one it was.
pub async fn sign_out(tx: &mut Transaction, secret: &str) -> Result<Option<Id<Session>>> {
    Ok(
        on!(tx, c => sqlx::query_scalar("DELETE FROM session WHERE secret_hash = $1 RETURNING id")
        .bind(secret::hash(secret).as_slice()).fetch_optional(c).await?),
    )
}

/// The sessions of a person that have not ended, the newest first.
pub async fn list(db: &Database, person: Id<Person>, now: DateTime<Utc>) -> Result<Vec<Session>> {
    Ok(on!(db, c => sqlx::query_as(
        "SELECT id, person_id, created_at, last_seen_at, expires_at FROM session
         WHERE person_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id DESC")
        .bind(person).bind(now).fetch_all(c).await?))
}

/// Ends one of the person's own sessions.
pub async fn end(tx: &mut Transaction, actor: &Actor, id: Id<Session>) -> Result<()> {
    let ended = on!(tx, c => sqlx::query("DELETE FROM session WHERE id = $1 AND person_id = $2")
        .bind(id).bind(actor.person()).execute(c).await?.rows_affected());
    if ended == 1 {
        Ok(())
    } else {
        Err(Error::NotFound("session"))
    }
}

/// What signing in needs to know of a person.
#[derive(FromRow)]
struct Account {
    id: Id<Person>,
    organisation_id: Id<Organisation>,
    name: String,
    password_hash: Option<String>,
}

/// Writes down that someone failed to sign in. For an unknown account it does the same work, so that time tells nothing;
/// the address that was tried is not kept, because people type passwords there.
async fn record_failure(db: &Database, account: Option<Account>, now: DateTime<Utc>) -> Result<()> {
    let mut tx = db.begin().await?;
    let first: Option<Id<Organisation>> = on!(tx, c => sqlx::query_scalar("SELECT id FROM organisation ORDER BY created_at, id LIMIT 1").fetch_optional(c).await?);
    let (organisation, target) = match account {
        Some(account) => (
            Some(account.organisation_id),
            Target::new(TargetKind::Person, account.id, &account.name),
        ),
        None => (first, Target::new(TargetKind::Person, "", "an unknown account")),
    };
    activity::record_for(
        &mut tx,
        organisation,
        &Actor::Anonymous,
        ActivityKind::LoginFailed,
        target,
        json!({}),
        now,
    )
    .await?;
    Ok(tx.commit().await?)
}
