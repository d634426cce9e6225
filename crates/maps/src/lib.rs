//! Maps: documents in CARTO's format, with a draft that people edit and a snapshot that viewers see.
//!
//! Every edit is saved at once, into the draft. Publishing freezes the draft into the snapshot; a public map
//! shows the snapshot to everybody who has its link, and carries a token that reads its sources and nothing else.

pub mod content;
mod document;
mod error;
mod list;
mod store;
mod token;

pub use access::Action;
use access::{ActivityKind, Actor, Asset, AssetKind, Sharing, Target, TargetKind, assets, people};
use chrono::{DateTime, Utc};
pub use content::{Content, DatasetGrant, DatasetSource, Edit};
use database::{Database, Id, Transaction};
pub use document::PublicDocument;
pub use error::{Error, Result};
pub use list::MapSummary;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A map as somebody who may edit it sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    pub id: Id<Map>,
    /// Grows by one with every saved change; whoever saves says which one they changed.
    pub version: i64,
    pub content: Content,
    pub privacy: Privacy,
    pub owner: Option<Owner>,
    pub published_at: Option<DateTime<Utc>>,
    /// The draft differs from what viewers see.
    pub has_unpublished_changes: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Whose map it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owner {
    pub name: String,
    pub email: String,
}

/// Who may look at a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// Its owner.
    Private,
    /// Everybody who has the link.
    Public,
}

impl From<Sharing> for Privacy {
    fn from(sharing: Sharing) -> Self {
        match sharing {
            Sharing::Private | Sharing::Organisation => Self::Private,
            Sharing::Public => Self::Public,
        }
    }
}

impl From<Privacy> for Sharing {
    fn from(privacy: Privacy) -> Self {
        match privacy {
            Privacy::Private => Self::Private,
            Privacy::Public => Self::Public,
        }
    }
}

/// Reads the sources of a dataset as the rooms below know them: which connection, and the name of its table.
///
/// A function of the caller's, because connections are resolved by organisation.
pub type Grants<'a> = &'a (dyn Fn(&DatasetGrant) -> access::Grant + Sync);

/// The maps of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Maps {
    database: Database,
    doorkeeper: access::Doorkeeper,
    key: token::Key,
}

impl Maps {
    /// `key` seals the tokens of public maps: 32 secret bytes that stay the same for an installation.
    pub fn new(database: Database, doorkeeper: access::Doorkeeper, key: [u8; 32]) -> Self {
        Self {
            database,
            doorkeeper,
            key: token::Key(key),
        }
    }

    /// A new map, private, with what is given of its content.
    pub async fn create(&self, actor: &Actor, edit: Edit, now: DateTime<Utc>) -> Result<Map> {
        let content = Content::default().edited(edit)?;
        self.insert(actor, content, ActivityKind::MapCreated, json!({}), now)
            .await
    }

    /// A copy of a map, private and the actor's own.
    pub async fn duplicate(
        &self,
        actor: &Actor,
        id: Id<Map>,
        title: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Map> {
        let original = self.open(actor, id, Action::Read).await?;
        let title = title.unwrap_or_else(|| format!("{} (copy)", original.content.title));
        let content = original.content.edited(Edit {
            title: Some(title),
            ..Edit::default()
        })?;
        self.insert(
            actor,
            content,
            ActivityKind::MapDuplicated,
            json!({"original": id}),
            now,
        )
        .await
    }

    async fn insert(
        &self,
        actor: &Actor,
        content: Content,
        kind: ActivityKind,
        details: Value,
        now: DateTime<Utc>,
    ) -> Result<Map> {
        let mut tx = self.database.begin().await?;
        let asset = assets::create(&mut tx, actor, AssetKind::Map, now).await?;
        store::insert(&mut tx, map_id(asset.id), &content).await?;
        record(&mut tx, actor, kind, map_id(asset.id), &content.title, details, now).await?;
        tx.commit().await?;
        self.open(actor, map_id(asset.id), Action::Read).await
    }

    /// The map, for an actor who may do this with it.
    pub async fn open(&self, actor: &Actor, id: Id<Map>, action: Action) -> Result<Map> {
        let asset = assets::open(&self.database, actor, asset_id(id), action).await?;
        self.read(asset).await
    }

    /// Saves a change to the draft. Fails with the newer map when somebody saved since `version`.
    pub async fn update(
        &self,
        actor: &Actor,
        id: Id<Map>,
        version: i64,
        edit: Edit,
        now: DateTime<Utc>,
    ) -> Result<Map> {
        let before = self.open(actor, id, Action::Edit).await?;
        if before.version != version {
            return Err(Error::Conflict(Box::new(before)));
        }
        let content = before.content.edited(edit)?;
        let mut tx = self.database.begin().await?;
        assets::open_to_change(&mut tx, actor, asset_id(id), Action::Edit).await?;
        if !store::save_draft(&mut tx, id, version, &content).await? {
            tx.rollback().await?;
            return Err(Error::Conflict(Box::new(self.open(actor, id, Action::Edit).await?)));
        }
        assets::touch(&mut tx, asset_id(id), now).await?;
        record(
            &mut tx,
            actor,
            ActivityKind::MapUpdated,
            id,
            &content.title,
            json!({"version": version + 1}),
            now,
        )
        .await?;
        tx.commit().await?;
        self.open(actor, id, Action::Read).await
    }

    /// Freezes the draft into what viewers see. A second time without a change in between does nothing.
    pub async fn publish(&self, actor: &Actor, id: Id<Map>, grants: Grants<'_>, now: DateTime<Utc>) -> Result<Map> {
        let mut tx = self.database.begin().await?;
        let asset = assets::open_to_change(&mut tx, actor, asset_id(id), Action::Edit).await?;
        let row = store::load_to_change(&mut tx, id).await?.ok_or(Error::NotFound)?;
        if row.published_version == Some(row.version) {
            tx.rollback().await?;
            return self.open(actor, id, Action::Read).await;
        }
        let content = row.draft()?;
        if !content.is_shareable() {
            return Err(Error::NothingToShare);
        }
        store::publish(&mut tx, id, now).await?;
        let forgotten = match asset.sharing {
            Sharing::Public => self.renew_token(&mut tx, &asset, &content, grants, now).await?,
            Sharing::Private | Sharing::Organisation => None,
        };
        record(
            &mut tx,
            actor,
            ActivityKind::MapPublished,
            id,
            &content.title,
            json!({"version": row.version}),
            now,
        )
        .await?;
        tx.commit().await?;
        self.forget(forgotten);
        self.open(actor, id, Action::Read).await
    }

    /// Shows the map to everybody who has its link, or to nobody any more. Showing it publishes it first.
    pub async fn set_privacy(
        &self,
        actor: &Actor,
        id: Id<Map>,
        privacy: Privacy,
        grants: Grants<'_>,
        now: DateTime<Utc>,
    ) -> Result<Map> {
        let mut tx = self.database.begin().await?;
        let before = assets::open_to_change(&mut tx, actor, asset_id(id), Action::Share).await?;
        let row = store::load_to_change(&mut tx, id).await?.ok_or(Error::NotFound)?;
        if Privacy::from(before.sharing) == privacy {
            tx.rollback().await?;
            return self.open(actor, id, Action::Read).await;
        }
        let asset = assets::share(&mut tx, actor, asset_id(id), privacy.into(), now).await?;
        let forgotten = match privacy {
            Privacy::Public => {
                let shown = match row.published()? {
                    Some(published) => published,
                    None => {
                        store::publish(&mut tx, id, now).await?;
                        row.draft()?
                    }
                };
                if !shown.is_shareable() {
                    return Err(Error::NothingToShare);
                }
                self.renew_token(&mut tx, &asset, &shown, grants, now).await?
            }
            Privacy::Private => access::tokens::remove_for_asset(&mut tx, asset.id).await?,
        };
        let details = json!({"privacy": privacy});
        record(
            &mut tx,
            actor,
            ActivityKind::MapPrivacyChanged,
            id,
            &row.title,
            details,
            now,
        )
        .await?;
        tx.commit().await?;
        self.forget(forgotten);
        self.open(actor, id, Action::Read).await
    }

    /// Deletes the map, and with it its link and its token.
    pub async fn delete(&self, actor: &Actor, id: Id<Map>, now: DateTime<Utc>) -> Result<()> {
        let map = self.open(actor, id, Action::Delete).await?;
        let mut tx = self.database.begin().await?;
        let forgotten = access::tokens::remove_for_asset(&mut tx, asset_id(id)).await?;
        assets::delete(&mut tx, actor, asset_id(id)).await?;
        record(
            &mut tx,
            actor,
            ActivityKind::MapDeleted,
            id,
            &map.content.title,
            json!({}),
            now,
        )
        .await?;
        tx.commit().await?;
        self.forget(forgotten);
        Ok(())
    }

    async fn read(&self, asset: Asset) -> Result<Map> {
        let id = map_id(asset.id);
        let row = store::load(&self.database, id).await?.ok_or(Error::NotFound)?;
        let owner = match asset.owner {
            Some(person) => people::get(&self.database, person).await.map(|person| {
                Some(Owner {
                    name: person.name,
                    email: person.email,
                })
            })?,
            None => None,
        };
        Ok(Map {
            id,
            version: row.version,
            content: row.draft()?,
            privacy: asset.sharing.into(),
            owner,
            published_at: row.published_at,
            has_unpublished_changes: row.published_version.is_some_and(|published| published != row.version),
            created_at: asset.created_at,
            updated_at: asset.updated_at,
        })
    }

    fn forget(&self, token: Option<Id<access::ApiToken>>) {
        if let Some(token) = token {
            self.doorkeeper.forget_token(token);
        }
    }
}

async fn record(
    tx: &mut Transaction,
    actor: &Actor,
    kind: ActivityKind,
    id: Id<Map>,
    title: &str,
    details: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let target = Target::new(TargetKind::Map, id, title);
    Ok(access::activity::record(tx, actor, kind, target, details, now).await?)
}

/// A map and its asset share their id.
fn asset_id(id: Id<Map>) -> Id<Asset> {
    Id::from_uuid(id.uuid())
}

fn map_id(id: Id<Asset>) -> Id<Map> {
    Id::from_uuid(id.uuid())
}
