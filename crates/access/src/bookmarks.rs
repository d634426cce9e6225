//! Bookmarks: tables that a person keeps at hand.

use chrono::{DateTime, Utc};
use database::{Database, Id, Transaction, on};
use serde::Serialize;
use serde_json::json;
use sqlx::FromRow;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::{ActivityKind, Actor, Person, Target, activity};

/// A table that a person keeps at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct Bookmark {
    #[sqlx(rename = "connection_id")]
    pub connection: Uuid,
    /// `schema.table`.
    #[sqlx(rename = "table_name")]
    pub table: String,
    pub created_at: DateTime<Utc>,
}

/// The person's bookmarks, the newest first.
pub async fn list(db: &Database, actor: &Actor) -> Result<Vec<Bookmark>> {
    let person = person(actor)?;
    Ok(on!(db, c => sqlx::query_as(
        "SELECT connection_id, table_name, created_at FROM table_bookmark WHERE person_id = $1 ORDER BY created_at DESC, table_name")
        .bind(person).fetch_all(c).await?))
}

/// Bookmarks a table; a second time changes nothing.
pub async fn add(tx: &mut Transaction, actor: &Actor, connection: Uuid, table: &str, now: DateTime<Utc>) -> Result<()> {
    let added = on!(tx, c => sqlx::query(
        "INSERT INTO table_bookmark (person_id, connection_id, table_name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
        .bind(person(actor)?).bind(connection).bind(table).bind(now).execute(c).await?.rows_affected());
    if added == 1 {
        let details = json!({ "connectionId": connection });
        activity::record(
            tx,
            actor,
            ActivityKind::ConnectionBookmarkCreated,
            Target::table(table),
            details,
            now,
        )
        .await?;
    }
    Ok(())
}

/// Takes a bookmark away; where there is none nothing changes.
pub async fn remove(
    tx: &mut Transaction,
    actor: &Actor,
    connection: Uuid,
    table: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let removed = on!(tx, c => sqlx::query("DELETE FROM table_bookmark WHERE person_id = $1 AND connection_id = $2 AND table_name = $3")
        .bind(person(actor)?).bind(connection).bind(table).execute(c).await?.rows_affected());
    if removed == 1 {
        let details = json!({ "connectionId": connection });
        activity::record(
            tx,
            actor,
            ActivityKind::ConnectionBookmarkDeleted,
            Target::table(table),
            details,
            now,
        )
        .await?;
    }
    Ok(())
}

fn person(actor: &Actor) -> Result<Id<Person>> {
    actor
        .person()
        .ok_or(Error::Forbidden("only people keep bookmarks; sign in"))
}
