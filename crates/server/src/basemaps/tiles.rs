//! Tiles of the world behind the data: from an archive of the administrator, or the one in the binary.

use std::path::Path as FilePath;
use std::sync::Arc;

use ::tiles::basemap::Basemap;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::A_DAY;
use crate::address::Address;
use crate::caching;
use crate::encoding;
use crate::problem::Problem;
use crate::state::Groma;

/// The archive in the binary, when one was baked before it was built.
static WORLD: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/world.rs"));

/// `GET /basemaps/world.json`: the TileJSON of the world's tiles.
pub(crate) async fn tilejson(
    State(groma): State<Groma>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let basemap = groma.basemap().ok_or_else(no_basemap)?;
    let template = format!("{}/basemaps/tiles/{{z}}/{{x}}/{{y}}", address.base());
    let tilejson = basemap.tilejson(&template).await?;
    Ok(caching::json(&headers, &tilejson, A_DAY))
}

/// `GET /basemaps/tiles/{z}/{x}/{y}`: a vector tile; 204 where the world is empty or not drawn that finely.
pub(crate) async fn tile(
    State(groma): State<Groma>,
    headers: HeaderMap,
    Path((z, x, y)): Path<(u8, u32, String)>,
) -> Result<Response<Body>, Problem> {
    let basemap = groma.basemap().ok_or_else(no_basemap)?;
    let y = y.strip_suffix(".pbf").or_else(|| y.strip_suffix(".mvt")).unwrap_or(&y);
    let y = y
        .parse()
        .map_err(|_| Problem::bad_request(format!("'{y}' is not the row of a tile.")))?;
    let coordinates = spatial::TileCoord::new(z, x, y).map_err(|error| Problem::bad_request(error.to_string()))?;
    let Some(tile) = basemap.tile(coordinates).await? else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().insert(header::CACHE_CONTROL, A_DAY);
        return Ok(response);
    };
    let tag = caching::entity_tag(&tile.bytes);
    if caching::is_fresh(&headers, &tag) {
        return Ok(caching::not_modified(tag, A_DAY));
    }
    let (body, is_gzip) = if tile.is_gzip && !encoding::takes_gzip(&headers) {
        (
            encoding::gunzip(&tile.bytes).map_err(|error| Problem::internal(&error))?,
            false,
        )
    } else {
        (tile.bytes, tile.is_gzip)
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/vnd.mapbox-vector-tile"),
    );
    headers.insert(header::CACHE_CONTROL, A_DAY);
    headers.insert(header::ETAG, tag);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if is_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn no_basemap() -> Problem {
    Problem::not_found("This server was built without a basemap.")
        .hint("Build it with 'make build', or put a .pmtiles file into the folder basemaps of the data folder.")
}

/// The basemap that this server shows: the administrator's archive, or the one in the binary.
pub(crate) fn find(folder: Option<&FilePath>) -> Option<Arc<Basemap>> {
    let dropped_in = folder.and_then(|folder| {
        let mut archives: Vec<_> = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "pmtiles"))
            .collect();
        archives.sort();
        archives.into_iter().next()
    });
    let opened = match dropped_in {
        Some(path) => Basemap::open(&path),
        None => Basemap::from_bytes(WORLD?),
    };
    match opened {
        Ok(basemap) => Some(Arc::new(basemap)),
        Err(error) => {
            tracing::error!(%error, "the basemap cannot be opened");
            None
        }
    }
}
