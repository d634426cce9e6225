//! State: the rooms behind the handlers and the settings in front of them, shared by every request.

use std::path::PathBuf;
use std::sync::Arc;

use access::Organisation;
use axum::http::HeaderValue;
use connections::Connection;
use database::Id;
use sources::instantiation::Instantiations;
use tiles::Tiler;
use tiles::basemap::Basemap;
use url::Url;

use crate::address::Network;
use crate::auth::Caller;
use crate::auth::throttle::Throttle;
use crate::basemaps;
use crate::opened_sources::{Freshness, OpenedInstantiation, OpenedSources};
use crate::pages;
use crate::problem::Problem;
use crate::uploads::Uploads;

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct Groma(Arc<Inner>);

struct Inner {
    options: Options,
    rooms: Rooms,
    throttle: Throttle,
    opened: OpenedSources,
    uploads: Uploads,
    basemap: Option<Arc<Basemap>>,
}

/// The rooms that the server stands on, opened by whoever starts it.
pub struct Rooms {
    pub database: database::Database,
    pub warehouse: warehouse::Warehouse,
    pub doorkeeper: access::Doorkeeper,
    pub connections: connections::Connections,
    pub instantiations: Instantiations,
    pub tiler: Tiler,
    pub maps: maps::Maps,
}

/// How the server shows itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// The URL under which people reach us; the Host header when unset.
    pub public_url: Option<Url>,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// Where uploaded files wait for their import.
    pub uploads_directory: PathBuf,
    /// Longest upload, in bytes.
    pub upload_limit_bytes: u64,
    /// Where `*.pmtiles` of the administrator lie, which replace the built-in basemap.
    pub basemaps_directory: Option<PathBuf>,
    /// A MapLibre style of the administrator, used instead of the built-in ones.
    pub basemap_style_url: Option<Url>,
}

impl Groma {
    /// Puts the rooms behind the handlers.
    pub fn new(rooms: Rooms, options: Options) -> Self {
        let uploads = Uploads::new(options.uploads_directory.clone(), options.upload_limit_bytes);
        let basemap = basemaps::find(options.basemaps_directory.as_deref());
        Self(Arc::new(Inner {
            options,
            rooms,
            throttle: Throttle::default(),
            opened: OpenedSources::default(),
            uploads,
            basemap,
        }))
    }

    /// The settings.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The rooms.
    pub fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }

    /// The counter of sign-in attempts.
    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    /// Who recognises tokens and sessions.
    pub(crate) fn doorkeeper(&self) -> &access::Doorkeeper {
        &self.0.rooms.doorkeeper
    }

    /// Files that wait for their import.
    pub(crate) fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    /// The tiles behind the data, when there are any.
    pub(crate) fn basemap(&self) -> Option<Arc<Basemap>> {
        self.0.basemap.clone()
    }

    /// The connection that the caller's organisation calls so.
    pub(crate) async fn connection(&self, caller: &Caller, name: &str) -> Result<Connection, Problem> {
        self.connection_of(caller.organisation(), name).await
    }

    /// The connection that an organisation calls so.
    pub(crate) async fn connection_of(
        &self,
        organisation: Id<Organisation>,
        name: &str,
    ) -> Result<Connection, Problem> {
        Ok(self.0.rooms.connections.resolve(organisation, name).await?)
    }

    /// The source behind a short URL, when what is kept of it is new enough. Whether the caller may read it is asked
    /// afterwards.
    pub(crate) fn trusted_source(
        &self,
        caller: &Caller,
        connection: &str,
        hash: &str,
        freshness: Freshness,
    ) -> Option<Arc<OpenedInstantiation>> {
        let place = (caller.organisation(), connection.to_owned(), hash.to_owned());
        self.0.opened.trusted(&place, freshness)
    }

    /// The source behind a short URL. Whether the caller may read it is asked afterwards.
    pub(crate) async fn opened_source(
        &self,
        caller: &Caller,
        connection: &str,
        hash: &str,
        freshness: Freshness,
    ) -> Result<Arc<OpenedInstantiation>, Problem> {
        let organisation = caller.organisation();
        let place = (organisation, connection.to_owned(), hash.to_owned());
        if let Some(opened) = self.0.opened.trusted(&place, freshness) {
            return Ok(opened);
        }
        let connection = self.connection(caller, connection).await?;
        let instantiation = self
            .0
            .rooms
            .instantiations
            .load(organisation, hash, database::now())
            .await?;
        Ok(self.0.opened.current(place, &connection, instantiation).await?)
    }

    /// The policy that pages run under.
    pub(crate) fn content_security_policy(&self, may_be_framed: bool) -> HeaderValue {
        let basemap = self.options().basemap_style_url.as_ref();
        let hosts: Vec<String> = basemap
            .map(|url| url.origin().ascii_serialization())
            .into_iter()
            .collect();
        pages::content_security_policy(&hosts, may_be_framed)
    }
}
