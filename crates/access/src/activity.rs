//! The activity log: who did what to what, and when. Every change writes its line in its own transaction.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use database::{Database, Id, Page, PageRequest, Transaction, on};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::Result;
use crate::{Actor, Organisation};

/// What was done. The names stand in exports and other people's queries: they may be added to, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text")]
pub enum ActivityKind {
    AccountCreated,
    UserCreated,
    UserLogins,
    LoginFailed,
    PasswordChanged,
    TokenCreated,
    TokenDeleted,
    ConnectionCreated,
    ConnectionUpdated,
    ConnectionDeleted,
    ConnectionBookmarkCreated,
    ConnectionBookmarkDeleted,
    SchemaCreated,
    SchemaDeleted,
    TableCreated,
    TableChanged,
    TableDropped,
    ViewCreated,
    ViewDropped,
    ImportStarted,
    ImportCompleted,
    ImportFailed,
    MapCreated,
    MapUpdated,
    MapPublished,
    MapPrivacyChanged,
    MapDuplicated,
    MapDeleted,
}

/// What kind of thing it was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum TargetKind {
    Organisation,
    Person,
    Token,
    Connection,
    Schema,
    Table,
    Import,
    Map,
}

/// What it was done to, with the name that it had then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    pub kind: TargetKind,
    pub id: String,
    pub name: String,
}

impl Target {
    /// A thing by its id and name; a table's id is its `schema.table`.
    pub fn new(kind: TargetKind, id: impl Display, name: &str) -> Target {
        Target {
            kind,
            id: id.to_string(),
            name: name.to_owned(),
        }
    }

    /// A table, by its `schema.table`.
    pub fn table(name: impl Display) -> Target {
        let name = name.to_string();
        Target {
            kind: TargetKind::Table,
            id: name.clone(),
            name,
        }
    }
}

/// A line of the log.
#[derive(Clone, Debug, Serialize)]
pub struct Activity {
    pub id: Id<Activity>,
    pub happened_at: DateTime<Utc>,
    pub kind: ActivityKind,
    /// `person`, `token`, `operator` or `anonymous`.
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    /// The person's or token's name, while there is one.
    pub actor_name: Option<String>,
    pub target: Target,
    pub details: Value,
}

/// Writes a line for the actor's organisation.
pub async fn record(
    tx: &mut Transaction,
    actor: &Actor,
    kind: ActivityKind,
    target: Target,
    details: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    record_for(tx, actor.organisation(), actor, kind, target, details, now).await
}

/// Writes a line for an organisation that the actor is not known to belong to.
pub(crate) async fn record_for(
    tx: &mut Transaction,
    organisation: Option<Id<Organisation>>,
    actor: &Actor,
    kind: ActivityKind,
    target: Target,
    details: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    on!(tx, c => sqlx::query(
        "INSERT INTO activity (id, organisation_id, happened_at, kind, actor_kind, actor_id, target_kind, target_id, target_name, details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(Id::<Activity>::new()).bind(organisation).bind(now).bind(kind).bind(actor.kind()).bind(actor.uuid())
        .bind(target.kind).bind(&target.id).bind(&target.name).bind(Json(&details)).execute(c).await?.rows_affected());
    Ok(())
}

/// The organisation's log, the newest first.
pub async fn list(db: &Database, organisation: Id<Organisation>, request: &PageRequest) -> Result<Page<Activity>> {
    let after: Option<(DateTime<Utc>, Id<Activity>)> = request.key()?;
    let (after_time, after_id) = after.unzip();
    let rows: Vec<Row> = on!(db, c => sqlx::query_as(
        "SELECT a.*, COALESCE(p.name, t.name) AS actor_name FROM activity a
         LEFT JOIN person p ON p.id = a.actor_id LEFT JOIN api_token t ON t.id = a.actor_id
         WHERE a.organisation_id = $1 AND ($2 IS NULL OR (a.happened_at, a.id) < ($2, $3))
         ORDER BY a.happened_at DESC, a.id DESC LIMIT $4")
        .bind(organisation).bind(after_time).bind(after_id).bind(request.rows_to_fetch()).fetch_all(c).await?);
    Ok(Page::from_rows(rows, request, |row| (row.happened_at, row.id)).map(Activity::from))
}

/// A row of the table `activity`, with the actor's name.
#[derive(FromRow)]
struct Row {
    id: Id<Activity>,
    happened_at: DateTime<Utc>,
    kind: ActivityKind,
    actor_kind: String,
    actor_id: Option<Uuid>,
    actor_name: Option<String>,
    target_kind: TargetKind,
    target_id: String,
    target_name: String,
    details: Json<Value>,
}

impl From<Row> for Activity {
    fn from(row: Row) -> Self {
        Activity {
            id: row.id,
            happened_at: row.happened_at,
            kind: row.kind,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            target: Target {
                kind: row.target_kind,
                id: row.target_id,
                name: row.target_name,
            },
            details: row.details.0,
        }
    }
}
