//! Registered instantiations: what a client asked to draw, under a short hash that stands in tile URLs.
//!
//! The hash is of the content alone, so that every server gives the same one and a URL holds no token. The version of
//! the data is not part of it: it travels as `cache=`.

use std::sync::Arc;
use std::time::Duration;

use access::Organisation;
use chrono::{DateTime, TimeDelta, Utc};
use database::{Database, Id, on};
use futures::future::BoxFuture;
use jobs::{Failure, Handler, Running};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::parameters::Parameters;
use crate::request::SourceRequest;

/// What stands behind a short URL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instantiation {
    /// The connection as its organisation calls it.
    pub connection: String,
    pub request: SourceRequest,
    /// The client's number: 0.25, 0.5, 1, 2 or 4.
    pub tile_resolution: String,
    /// Tiles carry the box of each feature.
    pub feature_bbox: bool,
}

impl Instantiation {
    /// The instantiation that the parameters of `/v3/maps/{connection}/{kind}` ask for.
    pub fn of_map(connection: &str, kind: &str, parameters: &Parameters) -> Result<Self> {
        let tile_resolution = parameters.text("tileResolution")?.unwrap_or_else(|| "0.5".to_owned());
        let tile_resolution: spatial::TileResolution = tile_resolution
            .parse()
            .map_err(|error: spatial::UnknownTileResolution| Error::invalid("tileResolution", error.to_string()))?;
        Ok(Instantiation {
            connection: connection.to_owned(),
            request: SourceRequest::of_map(kind, parameters)?,
            tile_resolution: tile_resolution.as_f64().to_string(),
            feature_bbox: parameters.flag("featureBbox")?,
        })
    }

    /// How fine tiles are.
    #[must_use]
    pub fn resolution(&self) -> spatial::TileResolution {
        self.tile_resolution.parse().unwrap_or_default()
    }
}

/// An instantiation that nobody used for this long is forgotten.
const KEPT_FOR: TimeDelta = TimeDelta::days(90);
/// Uses are written down no more often than this.
const USE_NOTED_EVERY: Duration = Duration::from_secs(3600);
/// Instantiations held in memory.
const CACHED: u64 = 10_000;

/// The kind of the job that forgets unused instantiations.
pub const SWEEP_JOB: &str = "sources.sweep_instantiations";
/// When it runs: every night.
pub const SWEEP_SCHEDULE: &str = "17 3 * * *";

/// The instantiations of this installation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Instantiations {
    database: Database,
    known: Cache<(Id<Organisation>, String), Arc<Instantiation>>,
    /// Hashes whose use was written down within the last hour.
    noted: Cache<String, ()>,
}

impl Instantiations {
    #[must_use]
    pub fn new(database: Database) -> Self {
        Instantiations {
            database,
            known: Cache::new(CACHED),
            noted: Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(USE_NOTED_EVERY)
                .build(),
        }
    }

    /// Keeps an instantiation and gives its hash: 32 hexadecimal digits, the same for the same content.
    pub async fn register(
        &self,
        organisation: Id<Organisation>,
        instantiation: Instantiation,
        now: DateTime<Utc>,
    ) -> Result<String> {
        let document = serde_json::to_string(&instantiation).map_err(|error| Error::Internal(error.to_string()))?;
        let hash = hash_of(organisation, &document);
        if self.noted.contains_key(&hash) && self.known.contains_key(&(organisation, hash.clone())) {
            return Ok(hash);
        }
        let mut tx = self.database.begin().await?;
        on!(tx, c => sqlx::query(
            "INSERT INTO source_instantiation (hash, organisation_id, document, created_at, last_used_at)
             VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (hash) DO UPDATE SET last_used_at = $4",
        )
        .bind(&hash)
        .bind(organisation)
        .bind(&document)
        .bind(now)
        .execute(c)
        .await
        .map(drop))
        .map_err(database::Error::from)?;
        tx.commit().await?;
        self.noted.insert(hash.clone(), ());
        self.known.insert((organisation, hash.clone()), Arc::new(instantiation));
        Ok(hash)
    }

    /// The instantiation under a hash.
    ///
    /// # Errors
    /// The organisation has none under it, or it was forgotten.
    pub async fn load(
        &self,
        organisation: Id<Organisation>,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Instantiation>> {
        let key = (organisation, hash.to_owned());
        let instantiation = match self.known.get(&key) {
            Some(known) => known,
            None => {
                let document: Option<String> = on!(&self.database, c => sqlx::query_scalar(
                    "SELECT document FROM source_instantiation WHERE hash = $1 AND organisation_id = $2",
                )
                .bind(hash)
                .bind(organisation)
                .fetch_optional(c)
                .await)
                .map_err(database::Error::from)?;
                let document = document.ok_or_else(|| Error::UnknownInstantiation { hash: hash.to_owned() })?;
                let read: Instantiation = serde_json::from_str(&document)
                    .map_err(|error| Error::Internal(format!("instantiation {hash} cannot be read: {error}")))?;
                let read = Arc::new(read);
                self.known.insert(key, read.clone());
                read
            }
        };
        if !self.noted.contains_key(hash) {
            self.noted.insert(hash.to_owned(), ());
            self.note_use(hash, now).await?;
        }
        Ok(instantiation)
    }

    async fn note_use(&self, hash: &str, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.database.begin().await?;
        on!(tx, c => sqlx::query("UPDATE source_instantiation SET last_used_at = $1 WHERE hash = $2")
            .bind(now)
            .bind(hash)
            .execute(c)
            .await
            .map(drop))
        .map_err(database::Error::from)?;
        Ok(tx.commit().await?)
    }

    /// Forgets what nobody used for 90 days; gives their number.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<u64> {
        let mut tx = self.database.begin().await?;
        let forgotten = on!(tx, c => sqlx::query("DELETE FROM source_instantiation WHERE last_used_at < $1")
            .bind(now - KEPT_FOR)
            .execute(c)
            .await
            .map(|done| done.rows_affected()))
        .map_err(database::Error::from)?;
        tx.commit().await?;
        if forgotten > 0 {
            self.known.invalidate_all();
        }
        Ok(forgotten)
    }
}

impl Handler for Instantiations {
    fn run<'a>(&'a self, _job: &'a Running) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let forgotten = self
                .sweep(database::now())
                .await
                .map_err(|error| Failure::Retry(error.to_string()))?;
            Ok(json!({ "forgotten": forgotten }))
        })
    }
}

fn hash_of(organisation: Id<Organisation>, document: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(organisation.uuid().as_bytes());
    hash.update(document.as_bytes());
    hex::encode(&hash.finalize()[..16])
}
