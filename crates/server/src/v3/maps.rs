//! `/v3/maps/{connection}/{kind}`: registers a source and hands out its TileJSON.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};
use sources::instantiation::Instantiation;
use sources::{Parameters, Source, SourceKind};
use spatial::TileResolution;
use tiles::TileJson;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::auth::Caller;
use crate::caching;
use crate::opened_sources::{Freshness, Opened};
use crate::parameters::Merged;
use crate::problem::Problem;
use crate::state::Groma;
use crate::transport::TIME_LIMIT;

/// `GET|POST /v3/maps/{connection}/{kind}`: step one answers with the URL of step two, which is this same
/// address with `m=<hash>&format=tilejson`.
pub(crate) async fn instantiate(
    State(groma): State<Groma>,
    caller: Caller,
    address: Address,
    headers: HeaderMap,
    Path((connection, kind)): Path<(String, String)>,
    Merged(parameters): Merged,
) -> Result<Response<Body>, Problem> {
    let format = parameters.text("format")?;
    match (parameters.text("m")?, format.as_deref()) {
        (Some(hash), None | Some("tilejson")) => {
            let found = groma.opened_source(&caller, &connection, &hash, Freshness::Now).await?;
            caller.may_read(access::Api::Maps, &found.opened)?;
            let (source, resolution) = (&found.opened.source, found.instantiation.resolution());
            let place = Place {
                address: &address,
                connection: &connection,
                hash: &hash,
            };
            let tilejson = tilejson(&groma, &place, source, resolution, &parameters).await?;
            Ok(caching::json(&headers, &tilejson, caching::REVALIDATE))
        }
        (_, Some(format)) if format != "tilejson" => Err(Problem::not_implemented(format!(
            "The format '{format}' is not there yet; ask for tilejson, or read rows through /v3/sql."
        ))),
        (_, format) => {
            let found = groma.connection(&caller, &connection).await?;
            let instantiation = Instantiation::of_map(&connection, &kind, &parameters)?;
            let source = Source::open(&found, instantiation.request.clone()).await?;
            source.require_geometry()?;
            let opened = Opened::of(source);
            caller.may_read(access::Api::Maps, &opened)?;
            let resolution = instantiation.resolution();
            let instantiations = &groma.rooms().instantiations;
            let hash = instantiations
                .register(found.organisation, instantiation, database::now())
                .await?;
            let place = Place {
                address: &address,
                connection: &connection,
                hash: &hash,
            };
            if format.is_some() {
                let tilejson = tilejson(&groma, &place, &opened.source, resolution, &parameters).await?;
                return Ok(caching::json(&headers, &tilejson, caching::REVALIDATE));
            }
            Ok(caching::json(
                &headers,
                &instantiated(&place, &opened.source),
                caching::REVALIDATE,
            ))
        }
    }
}

/// Where a registered source is reached.
struct Place<'a> {
    address: &'a Address,
    connection: &'a str,
    hash: &'a str,
}

impl Place<'_> {
    /// Short, absolute, without token or SQL; a different URL for every source and every version of its data.
    fn url(&self, source: &Source, rest: &str) -> String {
        let kind = match source.request().kind {
            SourceKind::Table(_) => "table",
            SourceKind::Query(_) => "query",
        };
        let Self {
            address,
            connection,
            hash,
        } = self;
        let base = address.base();
        format!(
            "{base}/v3/maps/{connection}/{kind}{rest}?m={hash}&cache={}",
            source.data_version()
        )
    }
}

/// What step one tells: columns, size, and where the TileJSON is.
fn instantiated(place: &Place<'_>, source: &Source) -> Value {
    let url = format!("{}&format=tilejson", place.url(source, ""));
    let mut answer = json!({"schema": source.schema(), "tilejson": {"url": [url]}});
    if let Some(table) = source.as_table().filter(|_| source.is_whole_table()) {
        answer["nrows"] = table.table.rows.into();
        answer["size"] = table.table.bytes.into();
    }
    answer
}

async fn tilejson(
    groma: &Groma,
    place: &Place<'_>,
    source: &Source,
    resolution: TileResolution,
    parameters: &Parameters,
) -> Result<TileJson, Problem> {
    let format = parameters.text("formatTiles")?.unwrap_or_else(|| "binary".to_owned());
    if !["binary", "mvt", "geojson", "json"].contains(&format.as_str()) {
        return Err(Problem::bad_request(format!(
            "formatTiles must be binary, mvt or geojson, not '{format}'."
        )));
    }
    let cancel = CancellationToken::new();
    let _guard = cancel.clone().drop_guard();
    let limits = source.connection().limits(TIME_LIMIT, None, cancel);
    let template = format!("{}&formatTiles={format}", place.url(source, "/{z}/{x}/{y}"));
    Ok(groma
        .rooms()
        .tiler
        .tilejson(source, resolution, template, &limits)
        .await?)
}
