//! Router: every URL of the server, on one page.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::state::Groma;
use crate::{basemaps, health, openapi, pages, transport, v3, workspace_api};

/// Every route, with what all of them share around it.
pub(crate) fn router(groma: Groma) -> Router {
    let compression = || CompressionLayer::new().quality(CompressionLevel::Fastest);
    // CARTO's clients switch from GET to POST when a URL gets long, so both mean the same everywhere.
    let documents = Router::new()
        .route("/v3/maps/public/{map}", both(v3::public_maps::open))
        .route("/v3/maps/{connection}/{kind}", both(v3::maps::instantiate))
        .route("/v3/sql/{connection}/query", both(v3::sql::query))
        .route("/v3/sql/{connection}/model/{model}", both(v3::models::run))
        .route("/v3/stats/{connection}/{column}", both(v3::stats::of_query))
        .route("/v3/stats/{connection}/{table}/{column}", both(v3::stats::of_table))
        .merge(workspace())
        .layer(from_fn(transport::limit_time))
        .layer(compression());
    // Tiles come compressed from their cache.
    let tiles = Router::new()
        .route("/v3/maps/{connection}/{kind}/{z}/{x}/{y}", both(v3::tiles::tile))
        .layer(from_fn(transport::limit_time));
    let basemaps = Router::new()
        .route("/basemaps/styles.json", get(basemaps::styles))
        .route("/basemaps/gl/{style}/style.json", get(basemaps::style))
        .route("/basemaps/world.json", get(basemaps::tilejson))
        .route("/basemaps/tiles/{z}/{x}/{y}", get(basemaps::tile))
        .route("/basemaps/fonts/{stack}/{range}", get(basemaps::glyphs))
        .route("/basemaps/sprites/{name}", get(basemaps::sprite));
    // A big file takes as long as it takes, and is counted as it comes.
    let uploads = Router::new().route("/workspace-api/imports/uploads", post(workspace_api::imports::upload));
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/openapi/{document}", get(openapi::document))
        .merge(documents)
        .merge(tiles)
        .merge(basemaps)
        .merge(uploads)
        .fallback(pages::page)
        .layer(from_fn(transport::every_request))
        .with_state(groma)
}

/// What our own web interface asks.
fn workspace() -> Router<Groma> {
    use workspace_api::{activity, bookmarks, connections, imports, jobs, maps, setup, sign_in, tables, tokens};
    let routes = Router::new()
        .route("/setup", get(setup::state))
        .route("/setup/claim", post(setup::claim))
        .route("/sign-in", post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/me", get(sign_in::me))
        .route("/connections", get(connections::list))
        .route("/connections/{connection}/schemas", get(connections::schemas))
        .route("/connections/{connection}/tables", get(tables::list))
        .route(
            "/connections/{connection}/tables/{table}",
            get(tables::open).delete(tables::delete),
        )
        .route(
            "/connections/{connection}/tables/{table}/columns/{column}/statistics",
            get(tables::statistics),
        )
        .route("/bookmarks", get(bookmarks::list))
        .route(
            "/bookmarks/{connection}/{table}",
            put(bookmarks::add).delete(bookmarks::remove),
        )
        .route("/imports", post(imports::start))
        .route("/imports/uploads/{upload}/preview", get(imports::preview))
        .route("/jobs/{job}", get(jobs::open).delete(jobs::cancel))
        .route("/maps", get(maps::list).post(maps::create))
        .route(
            "/maps/{map}",
            get(maps::open).merge(patch(maps::update)).merge(delete(maps::delete)),
        )
        .route("/maps/{map}/publish", post(maps::publish))
        .route("/maps/{map}/privacy", post(maps::set_privacy))
        .route("/maps/{map}/duplicate", post(maps::duplicate))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{token}", delete(tokens::delete))
        .route("/activity", get(activity::list));
    Router::new().nest("/workspace-api", routes)
}

/// GET and POST with the same meaning.
fn both<H, T>(handler: H) -> MethodRouter<Groma>
where
    H: axum::handler::Handler<T, Groma>,
    T: 'static,
{
    get(handler.clone()).post(handler)
}
