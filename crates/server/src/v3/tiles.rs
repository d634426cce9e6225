//! `/v3/maps/{connection}/{kind}/{z}/{x}/{y}`: one tile of a registered source.

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use sources::Parameters;
use spatial::TileCoord;
use tiles::{EncodedTile, TileFormat, TileRequest};
use tokio_util::sync::CancellationToken;

use crate::auth::{Caller, recognise_at_once};
use crate::caching;
use crate::encoding::{self, Encoding};
use crate::opened_sources::{Freshness, OpenedInstantiation};
use crate::parameters::Merged;
use crate::problem::Problem;
use crate::state::Groma;

/// How much of what lies in the tile is in the answer: 1 when nothing was left out.
const FRACTION_SHOWN: HeaderName = HeaderName::from_static("groma-fraction-shown");
const FEATURES_SHOWN: HeaderName = HeaderName::from_static("groma-features-shown");
const FEATURES_TOTAL: HeaderName = HeaderName::from_static("groma-features-total");

/// The route of tiles, as the router and the log know it.
pub(crate) const ROUTE: &str = "/v3/maps/{connection}/{kind}/{z}/{x}/{y}";

/// `GET /v3/maps/{connection}/{kind}/{z}/{x}/{y}?m=<hash>&cache=<version>&formatTiles=binary|mvt|geojson`
pub(crate) async fn tile(
    State(groma): State<Groma>,
    caller: Caller,
    headers: HeaderMap,
    Path((connection, _kind, z, x, y)): Path<(String, String, String, String, String)>,
    Merged(parameters): Merged,
) -> Result<Response<Body>, Problem> {
    let call = Call::read([&z, &x, &y], &parameters, &headers)?;
    let found = groma
        .opened_source(&caller, &connection, &call.hash, call.freshness)
        .await?;
    let wanted = Wanted::by(&caller, &call, &found)?;
    if caching::is_fresh(&headers, &wanted.tag) {
        return Ok(wanted.not_modified());
    }
    let cancel = CancellationToken::new();
    let _guard = cancel.clone().drop_guard();
    let tile = groma
        .rooms()
        .tiler
        .tile_encoded(&found.opened.source, &wanted.request, call.encoding.into(), cancel)
        .await?;
    Ok(wanted.answer(tile))
}

/// The answer when everything that it takes is in memory: token, source and tile. Nothing when [`tile`] has to look
/// something up, or to say what is wrong.
pub(crate) fn tile_at_once(groma: &Groma, request: &Request) -> Option<Response<Body>> {
    if request.method() != Method::GET || !request.body().is_end_stream() {
        return None;
    }
    let (uri, headers) = (request.uri(), request.headers());
    let mut path = uri.path().strip_prefix("/v3/maps/")?.split('/');
    let (connection, _kind) = (path.next()?, path.next()?);
    let coordinates = [path.next()?, path.next()?, path.next()?];
    if path.next().is_some() || connection.contains('%') {
        return None;
    }
    let caller = recognise_at_once(request.method(), uri, headers, groma)?;
    let call = Call::read(coordinates, &Merged::of_url(uri).0, headers).ok()?;
    let found = groma.trusted_source(&caller, connection, &call.hash, call.freshness)?;
    let wanted = Wanted::by(&caller, &call, &found).ok()?;
    if caching::is_fresh(headers, &wanted.tag) {
        return Some(wanted.not_modified());
    }
    let tile = groma
        .rooms()
        .tiler
        .cached(&found.opened.source, &wanted.request, call.encoding.into())?;
    Some(wanted.answer(tile))
}

/// What the URL and the headers of a tile say.
struct Call {
    hash: String,
    version: Option<i64>,
    coord: TileCoord,
    format: TileFormat,
    encoding: Encoding,
    freshness: Freshness,
}

impl Call {
    fn read([z, x, y]: [&str; 3], parameters: &Parameters, headers: &HeaderMap) -> Result<Self, Problem> {
        let version = parameters.integer("cache")?;
        Ok(Self {
            hash: parameters.required_text("m", "the registered source, from the TileJSON")?,
            version,
            coord: coordinates(z, x, y)?,
            format: format(parameters)?,
            encoding: encoding::best(headers),
            freshness: if caching::wants_fresh(headers) {
                Freshness::Now
            } else {
                Freshness::AtLeast(version)
            },
        })
    }
}

/// A tile that the caller may see, and how it may be kept.
struct Wanted {
    request: TileRequest,
    tag: HeaderValue,
    cache_control: HeaderValue,
}

impl Wanted {
    fn by(caller: &Caller, call: &Call, found: &OpenedInstantiation) -> Result<Self, Problem> {
        caller.may_read(access::Api::Maps, &found.opened)?;
        let (source, instantiation) = (&found.opened.source, &found.instantiation);
        let is_current = call.version == Some(source.data_version());
        Ok(Self {
            request: TileRequest {
                coord: call.coord,
                format: call.format,
                resolution: instantiation.resolution(),
                columns: source.request().columns.clone(),
                feature_bbox: instantiation.feature_bbox,
            },
            tag: entity_tag(source.data_version(), call.encoding),
            cache_control: if is_current {
                caching::VERSIONED
            } else {
                caching::REVALIDATE
            },
        })
    }

    fn not_modified(self) -> Response<Body> {
        caching::not_modified(self.tag, self.cache_control)
    }

    fn answer(self, tile: Option<EncodedTile>) -> Response<Body> {
        let mut response = match tile {
            None => empty(),
            Some(tile) => {
                let mut response = if tile.body.is_empty() {
                    empty()
                } else {
                    whole(tile.body, tile.content_type)
                };
                let headers = response.headers_mut();
                if let Some(name) = tile.encoding.name() {
                    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
                }
                headers.insert(FRACTION_SHOWN, fraction(tile.shown, tile.total));
                headers.insert(FEATURES_SHOWN, HeaderValue::from(tile.shown));
                headers.insert(FEATURES_TOTAL, HeaderValue::from(tile.total));
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, self.cache_control);
        headers.insert(header::ETAG, self.tag);
        headers.insert(header::VARY, caching::VARY);
        response
    }
}

/// The encoding of the tile's features, as the URL states it.
fn format(parameters: &Parameters) -> Result<TileFormat, Problem> {
    match parameters.text("formatTiles")?.as_deref() {
        None | Some("binary") => Ok(TileFormat::Binary),
        Some("mvt") => Ok(TileFormat::Mvt),
        Some("geojson" | "json") => Ok(TileFormat::GeoJson),
        Some(other) => Err(Problem::bad_request(format!(
            "formatTiles must be binary, mvt or geojson, not '{other}'."
        ))),
    }
}

/// Coordinates out of the path; `y` may carry nothing else.
fn coordinates(z: &str, x: &str, y: &str) -> Result<TileCoord, Problem> {
    let (Ok(z), Ok(x), Ok(y)) = (z.parse::<u8>(), x.parse::<u32>(), y.parse::<u32>()) else {
        return Err(Problem::bad_request(format!(
            "'{z}/{x}/{y}' is not a tile: zoom, column and row are whole numbers."
        )));
    };
    TileCoord::new(z, x, y).map_err(|error| Problem::bad_request(error.to_string()))
}

/// The URL names everything else that the bytes depend on.
fn entity_tag(version: i64, encoding: Encoding) -> HeaderValue {
    let tag = format!("\"{version:x}-{}-{}\"", encoding.name().unwrap_or("id"), crate::VERSION);
    HeaderValue::from_str(&tag).expect("digits, letters and quotes make a header value")
}

fn whole(body: Bytes, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    // Room for all headers of a tile.
    response.headers_mut().reserve(16);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Nothing to draw: clients take 204 for that, and a body without bytes for a fault.
fn empty() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
        .headers_mut()
        .insert(FRACTION_SHOWN, HeaderValue::from_static("1"));
    response
}

/// `shown / total` with four digits; exactly 1 only when everything is there.
fn fraction(shown: u64, total: u64) -> HeaderValue {
    if shown >= total {
        return HeaderValue::from_static("1");
    }
    let fraction = (shown as f64 / total as f64).min(0.9999);
    HeaderValue::from_str(&format!("{fraction:.4}")).expect("digits make a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_means_everything_and_less_never_says_one() {
        for (shown, total, expected) in [
            (5, 5, "1"),
            (432, 10_000, "0.0432"),
            (999_999, 1_000_000, "0.9999"),
            (0, 10, "0.0000"),
        ] {
            assert_eq!(fraction(shown, total).to_str().expect("text"), expected);
        }
    }

    #[test]
    fn tiles_outside_the_world_are_refused_with_words() {
        for (z, x, y) in [
            ("1", "2", "0"),
            ("99", "0", "0"),
            ("1", "-1", "0"),
            ("a", "b", "c"),
            ("1", "0", "0.mvt"),
        ] {
            assert_eq!(
                coordinates(z, x, y).expect_err("refused").status().as_u16(),
                400,
                "{z}/{x}/{y}"
            );
        }
        assert!(coordinates("1", "1", "1").is_ok());
    }
}
