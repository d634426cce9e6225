//! Transport: what every request passes on its way in and every answer on its way out.
//!
//! Collapsed slashes, request id, cross-origin headers, JSON for errors that the framework made,
//! caught panics, a time limit, and one log event without a query string.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use futures::FutureExt;

use crate::cors;
use crate::problem::Problem;

/// Longest time that a request may take before it is stopped.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Rewrites `//v3///maps` to `/v3/maps`: a base URL that ends in a slash gives such paths.
pub(crate) fn collapse_slashes<B>(mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    if !request.uri().path().contains("//") {
        return request;
    }
    let mut path = String::with_capacity(request.uri().path().len());
    for character in request.uri().path().chars() {
        if character != '/' || !path.ends_with('/') {
            path.push(character);
        }
    }
    if let Some(query) = request.uri().query() {
        path.push('?');
        path.push_str(query);
    }
    if let Ok(uri) = path.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}

/// The outermost layer of every route: see the file's first lines.
pub(crate) async fn every_request(request: Request, next: Next) -> Response<Body> {
    if request.method() == Method::OPTIONS {
        return cors::preflight(request.headers());
    }
    let started = Instant::now();
    let id = request_id();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, route);

    let answer = std::panic::AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match tracing::Instrument::instrument(answer, span.clone()).await {
        Ok(response) => response,
        Err(panic) => span.in_scope(|| after_panic(panic.as_ref())),
    };
    if is_bare_error(&response) {
        response = reworded(response).await;
    }
    let headers = response.headers_mut();
    cors::allow(headers);
    headers.insert("x-request-id", id);
    headers
        .entry(header::X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    span.in_scope(|| {
        let status = response.status().as_u16();
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        if response.status().is_server_error() {
            tracing::warn!(status, milliseconds, "answered");
        } else {
            tracing::debug!(status, milliseconds, "answered");
        }
    });
    response
}

/// Stops a request after [`TIME_LIMIT`]; what it was doing is dropped and thereby cancelled.
pub(crate) async fn limit_time(request: Request, next: Next) -> Response<Body> {
    match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => Problem::timed_out(TIME_LIMIT.as_secs()).into_response(),
    }
}

/// Process-wide and short: enough to find a request in the log.
fn request_id() -> HeaderValue {
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    static STARTED: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since_epoch.map_or(0, |elapsed| elapsed.subsec_nanos() ^ (elapsed.as_secs() as u32))
    });
    HeaderValue::from_str(&format!("{:08x}-{number:x}", *STARTED)).expect("hex digits make a header value")
}

fn after_panic(panic: &(dyn Any + Send)) -> Response<Body> {
    let cause = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(cause, "a request panicked");
    Problem::silent_internal().into_response()
}

/// Whether an error answer was made by the framework, not by [`Problem`].
fn is_bare_error(response: &Response<Body>) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error())
        && !response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

async fn reworded(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let allow = response.headers().get(header::ALLOW).cloned();
    let text = axum::body::to_bytes(response.into_body(), 1024)
        .await
        .unwrap_or_default();
    let said = String::from_utf8_lossy(&text);
    let message = match status {
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take that method.".to_owned(),
        _ if said.trim().is_empty() => status.canonical_reason().unwrap_or("Error").to_owned(),
        _ => said.trim().to_owned(),
    };
    let mut response = Problem::new(status, message).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_slashes_are_one_and_the_query_stays() {
        for (sent, expected) in [
            ("//v3/maps", "/v3/maps"),
            ("/v3//sql///c/query?q=a//b", "/v3/sql/c/query?q=a//b"),
            ("/v3/maps/", "/v3/maps/"),
        ] {
            let request = axum::http::Request::builder().uri(sent).body(()).expect("a request");
            assert_eq!(collapse_slashes(request).uri().to_string(), expected);
        }
    }
}
