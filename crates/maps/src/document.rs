//! The document of a map for people who look at it: what CARTO's `fetchMap` reads.

use access::{Actor, Sharing, assets};
use chrono::{DateTime, SecondsFormat, Utc};
use database::Id;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::{Action, Map, Maps, asset_id, store};

/// What a viewer gets.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicDocument {
    pub id: Id<Map>,
    pub title: String,
    pub description: String,
    #[serde(serialize_with = "iso_8601")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "iso_8601")]
    pub updated_at: DateTime<Utc>,
    /// Reads the map's sources; none for a private map, whose reader has a key of their own.
    pub token: Option<String>,
    pub datasets: Vec<Value>,
    #[serde(rename = "keplerMapConfig")]
    pub configuration: Value,
}

fn iso_8601<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl Maps {
    /// The document of a map: the published snapshot of a public one, for anybody; the draft of a private one,
    /// for people who may read it. A private map and one that is not there answer strangers alike.
    pub async fn public_document(&self, actor: &Actor, id: Id<Map>) -> Result<PublicDocument> {
        let asset = assets::open(&self.database, actor, asset_id(id), Action::Read)
            .await
            .map_err(|error| match error {
                access::Error::NotFound(_) | access::Error::Forbidden(_) => Error::NotFound,
                other => other.into(),
            })?;
        let row = store::load(&self.database, id).await?.ok_or(Error::NotFound)?;
        let (content, token) = match asset.sharing {
            Sharing::Public => {
                let published = row.published()?.ok_or(Error::NotFound)?;
                (published, Some(self.token_secret(id).reveal().to_owned()))
            }
            Sharing::Private | Sharing::Organisation => (row.draft()?, None),
        };
        Ok(PublicDocument {
            id,
            title: content.title,
            description: content.description,
            created_at: asset.created_at,
            updated_at: row.published_at.unwrap_or(asset.updated_at),
            token,
            datasets: content.datasets,
            configuration: content.configuration,
        })
    }
}
