//! The table `map`.

use chrono::{DateTime, Utc};
use database::{Database, Id, Transaction, on};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::error::{Error, Result};
use crate::{Content, Map};

/// A row of the table.
#[derive(FromRow)]
pub(crate) struct Row {
    pub(crate) id: Id<Map>,
    pub(crate) version: i64,
    pub(crate) title: String,
    draft: Json<serde_json::Value>,
    published: Option<Json<serde_json::Value>>,
    pub(crate) published_at: Option<DateTime<Utc>>,
    pub(crate) published_version: Option<i64>,
}

impl Row {
    /// What people edit.
    pub(crate) fn draft(&self) -> Result<Content> {
        self.content(&self.draft)
    }

    /// What viewers see, once it was published.
    pub(crate) fn published(&self) -> Result<Option<Content>> {
        self.published
            .as_ref()
            .map(|published| self.content(published))
            .transpose()
    }

    fn content(&self, json: &Json<serde_json::Value>) -> Result<Content> {
        serde_json::from_value(json.0.clone()).map_err(|error| Error::Damaged(format!("{}: {error}", self.id)))
    }
}

pub(crate) async fn load(db: &Database, id: Id<Map>) -> Result<Option<Row>> {
    Ok(
        on!(db, c => sqlx::query_as("SELECT * FROM map WHERE id = $1").bind(id).fetch_optional(c).await)
            .map_err(database::Error::from)?,
    )
}

/// The row as it stands in this transaction; its asset is held already.
pub(crate) async fn load_to_change(tx: &mut Transaction, id: Id<Map>) -> Result<Option<Row>> {
    Ok(
        on!(tx, c => sqlx::query_as("SELECT * FROM map WHERE id = $1").bind(id).fetch_optional(c).await)
            .map_err(database::Error::from)?,
    )
}

pub(crate) async fn insert(tx: &mut Transaction, id: Id<Map>, content: &Content) -> Result<()> {
    on!(tx, c => sqlx::query("INSERT INTO map (id, version, title, draft) VALUES ($1, 1, $2, $3)")
        .bind(id).bind(&content.title).bind(Json(content)).execute(c).await.map(drop))
    .map_err(database::Error::from)?;
    Ok(())
}

/// Saves the draft when it still is at `version`; says whether it was.
pub(crate) async fn save_draft(tx: &mut Transaction, id: Id<Map>, version: i64, content: &Content) -> Result<bool> {
    let saved = on!(tx, c => sqlx::query("UPDATE map SET version = version + 1, title = $3, draft = $4 WHERE id = $1 AND version = $2")
        .bind(id).bind(version).bind(&content.title).bind(Json(content)).execute(c).await.map(|done| done.rows_affected()))
    .map_err(database::Error::from)?;
    Ok(saved == 1)
}

/// Makes the draft what viewers see.
pub(crate) async fn publish(tx: &mut Transaction, id: Id<Map>, now: DateTime<Utc>) -> Result<()> {
    on!(tx, c => sqlx::query("UPDATE map SET published = draft, published_at = $2, published_version = version WHERE id = $1")
        .bind(id).bind(now).execute(c).await.map(drop))
    .map_err(database::Error::from)?;
    Ok(())
}
