//! Cross-origin access: any page may call the API with a token; cookies never travel across origins.

use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// What a page of another origin may read from an answer.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Groma-Fraction-Shown, Groma-Features-Shown, Groma-Features-Total, ETag, Retry-After, X-Request-Id, Content-Length, Content-Disposition",
);
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD");
const USUAL_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, accept, cache-control, if-modified-since, if-none-match");
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
/// A day: tiles are preflighted one by one, so the answer is worth keeping (Chromium keeps two hours).
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("86400");

/// The answer to a preflight request on any path: whatever headers it asks for are allowed.
pub(crate) fn preflight<B: Default>(request: &HeaderMap) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let asked = request
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .cloned()
        .unwrap_or(USUAL_HEADERS);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    headers.insert(header::ALLOW, METHODS);
    headers.insert(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    if request.contains_key("access-control-request-private-network") {
        headers.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
    }
    allow(headers);
    response
}

/// Opens an answer to every origin. There is no `Allow-Credentials`: a cookie stays at home.
pub(crate) fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
