//! Opened sources: what stands behind short tile URLs, kept open between tiles.
//!
//! Opening a source reads the catalog and may plan a query; a tile must not pay for that. A kept source is
//! looked at again when the URL asks for newer data than it has, and after a second in any case.

use std::sync::Arc;
use std::time::{Duration, Instant};

use access::Organisation;
use connections::Connection;
use database::Id;
use moka::sync::Cache;
use sources::Source;
use sources::instantiation::Instantiation;

/// How long changes made by other servers, or by programs that attached the lake, may go unseen.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// After this long a source is opened anew even when its tables did not change: its views may have.
const KEPT_FOR: Duration = Duration::from_secs(10);
const KEPT: u64 = 2_000;

/// How new a source has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// As new as it gets.
    Now,
    /// The version of a URL: data before it will not do.
    AtLeast(Option<i64>),
}

/// A source that was opened, and what its grants are compared with.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) source: Source,
    /// The tables it reads, as `schema.table`.
    pub(crate) reads: Vec<String>,
    opened: Instant,
}

/// A registered source, opened.
#[derive(Debug)]
pub(crate) struct OpenedInstantiation {
    pub(crate) instantiation: Arc<Instantiation>,
    pub(crate) opened: Opened,
}

/// Where a source is found: organisation, connection as the URL calls it, hash.
type Place = (Id<Organisation>, String, String);

/// The sources that are open. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct OpenedSources {
    kept: Cache<Place, (Arc<OpenedInstantiation>, Instant)>,
}

impl Default for OpenedSources {
    fn default() -> Self {
        Self {
            kept: Cache::builder()
                .max_capacity(KEPT)
                .time_to_idle(Duration::from_secs(600))
                .build(),
        }
    }
}

impl OpenedSources {
    /// The source when what is kept is new enough as it stands.
    pub(crate) fn trusted(&self, place: &Place, freshness: Freshness) -> Option<Arc<OpenedInstantiation>> {
        let (opened, looked_at) = self.kept.get(place)?;
        let is_trusted = match freshness {
            Freshness::Now => false,
            Freshness::AtLeast(version) => {
                looked_at.elapsed() < TRUSTED_FOR
                    && version.is_none_or(|version| opened.opened.source.data_version() >= version)
            }
        };
        is_trusted.then_some(opened)
    }

    /// The source at the newest version of its tables, opened anew only when one of them changed.
    pub(crate) async fn current(
        &self,
        place: Place,
        connection: &Connection,
        instantiation: Arc<Instantiation>,
    ) -> Result<Arc<OpenedInstantiation>, sources::Error> {
        let looked_at = Instant::now();
        if let Some((kept, _)) = self.kept.get(&place)
            && kept.opened.opened.elapsed() < KEPT_FOR
            && newest_version(connection, &kept.opened.source).await == Some(kept.opened.source.data_version())
        {
            self.kept.insert(place, (kept.clone(), looked_at));
            return Ok(kept);
        }
        let opened = Opened::of(Source::open(connection, instantiation.request.clone()).await?);
        let opened = Arc::new(OpenedInstantiation { instantiation, opened });
        self.kept.insert(place, (opened.clone(), looked_at));
        Ok(opened)
    }
}

impl Opened {
    pub(crate) fn of(source: Source) -> Self {
        let reads = source.tables_read().iter().map(ToString::to_string).collect();
        Self {
            source,
            reads,
            opened: Instant::now(),
        }
    }
}

/// The newest version among the tables that a source reads; nothing when one of them is gone.
async fn newest_version(connection: &Connection, source: &Source) -> Option<i64> {
    let mut newest = None;
    for name in source.tables_read() {
        let table = connection.warehouse().table(name).await.ok()?;
        newest = newest.max(Some(table.version));
    }
    newest
}
