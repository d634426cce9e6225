//! Transport: what every request passes on its way in and every answer on its way out.
//!
//! Collapsed slashes, request id, cross-origin headers, JSON for errors that the framework made,
//! caught panics, a time limit, and one log event without a query string.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use futures::FutureExt;
use futures::future::{Either, Ready, ready};

use crate::cors;
use crate::problem::Problem;
use crate::state::Groma;
use crate::v3;

/// Longest time that a request may take before it is stopped.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("other", MatchedPath::as_str);
    let passage = Passage::begin(Instant::now(), request.method(), route);
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match tracing::Instrument::instrument(answer, passage.span.clone()).await {
        Ok(response) => response,
        Err(panic) => passage.span.in_scope(|| after_panic(panic.as_ref())),
    };
    if is_bare_error(&response) {
        response = reworded(response).await;
    }
    passage.end(response)
}

/// One request on its way through.
struct Passage {
    started: Instant,
    id: HeaderValue,
    span: tracing::Span,
}

impl Passage {
    fn begin(started: Instant, method: &Method, route: &str) -> Self {
        let id = request_id();
        let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, route);
        Self { started, id, span }
    }

    /// What every answer carries, and the line in the log.
    fn end(self, mut response: Response<Body>) -> Response<Body> {
        let headers = response.headers_mut();
        cors::allow(headers);
        headers.insert(REQUEST_ID, self.id);
        headers
            .entry(header::X_CONTENT_TYPE_OPTIONS)
            .or_insert(HeaderValue::from_static("nosniff"));
        self.span.in_scope(|| {
            let status = response.status().as_u16();
            let milliseconds = self.started.elapsed().as_secs_f64() * 1000.0;
            if response.status().is_server_error() {
                tracing::warn!(status, milliseconds, "answered");
            } else {
                tracing::debug!(status, milliseconds, "answered");
            }
        });
        response
    }
}

/// Answers cached tiles before the router: it would cost more than they do. Whatever is not answered at once goes on.
#[derive(Clone)]
pub(crate) struct TilesFirst<S> {
    pub(crate) groma: Groma,
    pub(crate) router: S,
}

impl<S> tower::Service<Request> for TilesFirst<S>
where
    S: tower::Service<Request, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response<Body>, Infallible>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.router.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let started = Instant::now();
        // Who panics here panics on the long way too, where it is told.
        let at_once = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let response = v3::tiles::tile_at_once(&self.groma, &request)?;
            Some(Passage::begin(started, request.method(), v3::tiles::ROUTE).end(response))
        }));
        match at_once {
            Ok(Some(response)) => Either::Left(ready(Ok(response))),
            Ok(None) | Err(_) => Either::Right(self.router.call(request)),
        }
    }
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
