//! Pages: the web interface, embedded in the binary; any page address answers with its shell.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use moka::sync::Cache;
use rust_embed::RustEmbed;
use std::sync::LazyLock;

use crate::caching;
use crate::encoding::{self, Encoding};
use crate::problem::Problem;
use crate::state::Groma;

/// The built web interface. Missing while only the server is built: then pages say so.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Web;

/// Addresses that belong to programs: nobody gets an HTML page there.
const API_PREFIXES: [&str; 5] = ["/v3/", "/workspace-api/", "/basemaps/", "/assets/", "/mcp/"];

/// Whether the web interface is inside this binary.
pub(crate) fn is_built() -> bool {
    Web::get("index.html").is_some()
}

/// Whatever no route took: a file of the web interface, its shell for a page address, or 404 in JSON.
pub(crate) async fn page(State(groma): State<Groma>, method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let path = uri.path();
    if !matches!(method, Method::GET | Method::HEAD) {
        return nothing_here(&method, path).into_response();
    }
    let name = path.trim_start_matches('/');
    if name != "index.html"
        && let Some(file) = Web::get(name)
    {
        let cache_control = if name.starts_with("assets/") {
            caching::IMMUTABLE
        } else {
            caching::REVALIDATE
        };
        return answer(&headers, name, &file, cache_control).await;
    }
    let is_api = API_PREFIXES
        .iter()
        .any(|prefix| path.starts_with(prefix) || path == prefix.trim_end_matches('/'));
    let accepts_html = headers.get(header::ACCEPT).is_none_or(|value| {
        value
            .to_str()
            .is_ok_and(|accept| accept.contains("text/html") || accept.contains("*/*"))
    });
    if is_api || !accepts_html {
        return nothing_here(&method, path).into_response();
    }
    let Some(index) = Web::get("index.html") else {
        return Problem::new(
            StatusCode::NOT_FOUND,
            "This server was built without the web interface.",
        )
        .hint("Build it with 'make build', or use the API.")
        .into_response();
    };
    let mut response = answer(&headers, "index.html", &index, caching::REVALIDATE).await;
    let may_be_framed = path.starts_with("/map/");
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        groma.content_security_policy(may_be_framed),
    );
    response
        .headers_mut()
        .insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn nothing_here(method: &Method, path: &str) -> Problem {
    Problem::not_found(format!("There is nothing at {method} {path}.")).code("no_such_address")
}

/// The policy that the whole interface runs under. `other_hosts` are those of a basemap that the
/// configuration names; nothing else outside this server is ever asked.
pub(crate) fn content_security_policy(other_hosts: &[String], may_be_framed: bool) -> HeaderValue {
    let others: String = other_hosts.iter().map(|host| format!(" {host}")).collect();
    let frames = if may_be_framed { "" } else { "; frame-ancestors 'self'" };
    let policy = format!(
        "default-src 'self'; img-src 'self' data: blob:{others}; style-src 'self' 'unsafe-inline'; \
         worker-src 'self'; font-src 'self' data:; connect-src 'self'{others}; object-src 'none'; base-uri 'none'; form-action 'self'{frames}"
    );
    HeaderValue::from_str(&policy).expect("hosts of URLs are plain text")
}

/// A file of the interface, compressed once per encoding and then kept.
async fn answer(
    request: &HeaderMap,
    name: &str,
    file: &rust_embed::EmbeddedFile,
    cache_control: HeaderValue,
) -> Response<Body> {
    let hash = hex::encode(&file.metadata.sha256_hash()[..12]);
    let tag = HeaderValue::from_str(&format!("W/\"{hash}\"")).expect("hex digits make a header value");
    if caching::is_fresh(request, &tag) {
        return caching::not_modified(tag, cache_control);
    }
    let content_type = content_type(name);
    let encoding = if encoding::is_worth_it(content_type) {
        encoding::best(request)
    } else {
        Encoding::Identity
    };
    let body = match file.data.clone() {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let body = compressed(hash, body, encoding).await;
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, cache_control);
    headers.insert(header::ETAG, tag);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(name) = encoding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

async fn compressed(hash: String, body: Bytes, encoding: Encoding) -> Bytes {
    static KEPT: LazyLock<Cache<(String, Encoding), Bytes>> = LazyLock::new(|| Cache::new(2_000));
    if encoding == Encoding::Identity {
        return body;
    }
    if let Some(kept) = KEPT.get(&(hash.clone(), encoding)) {
        return kept;
    }
    let work = body.clone();
    let made = tokio::task::spawn_blocking(move || encoding::compress(&work, encoding)).await;
    let made = made.unwrap_or(body);
    KEPT.insert((hash, encoding), made.clone());
    made
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
