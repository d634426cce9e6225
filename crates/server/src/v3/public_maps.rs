//! `/v3/maps/public/{map}`: the document that `fetchMap` reads.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};

use crate::address::Address;
use crate::auth::Visitor;
use crate::basemaps;
use crate::caching;
use crate::problem::Problem;
use crate::state::Groma;

/// `GET /v3/maps/public/{map}`
pub(crate) async fn open(
    State(groma): State<Groma>,
    visitor: Visitor,
    address: Address,
    headers: HeaderMap,
    Path(map): Path<String>,
) -> Result<Response<Body>, Problem> {
    let nothing = || {
        let problem = Problem::not_found("There is no such map, or it is not public.");
        if visitor.is_known() {
            problem
        } else {
            problem.hint("If the map is yours, sign in.")
        }
    };
    let id = map.parse().map_err(|_| nothing())?;
    let mut document = match groma.rooms().maps.public_document(visitor.actor(), id).await {
        Err(maps::Error::NotFound) => return Err(nothing()),
        document => document?,
    };
    basemaps::point_to_ours(&mut document.configuration, &address);
    Ok(caching::json(&headers, &document, caching::REVALIDATE))
}
