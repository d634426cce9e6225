//! Operator: what the commands of this program ask a running server, over the Unix socket in the data folder.
//!
//! Whoever reaches the socket owns the data folder, so nobody is asked for a password; the activity log
//! says `operator`. The same router answers a command that opened the folder itself.

mod import;
mod query;
mod token;

use access::Actor;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::middleware::from_fn;
use axum::routing::post;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::problem::Problem;
use crate::state::Groma;
use crate::transport;

fn router(groma: Groma) -> Router {
    Router::new()
        .route("/token", post(token::create))
        .route("/query", post(query::run))
        .route("/import", post(import::run))
        .route("/demo", post(import::demo))
        .layer(from_fn(transport::every_request))
        .with_state(groma)
}

/// Answers commands on the socket until `shutdown`.
pub async fn serve(listener: UnixListener, groma: Groma, shutdown: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router(groma))
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

/// Answers one question of a command that opened the data folder itself.
pub async fn answer(groma: &Groma, question: Request<Body>) -> Response<Body> {
    match router(groma.clone()).oneshot(question).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The operator acts for the organisation of this installation; for none, before somebody claimed it.
async fn actor(groma: &Groma) -> Result<Actor, Problem> {
    let organisation = match access::organisations::first(&groma.rooms().database).await {
        Ok(organisation) => organisation.id,
        Err(access::Error::NotSetUp) => database::Id::from_uuid(uuid::Uuid::nil()),
        Err(error) => return Err(error.into()),
    };
    Ok(Actor::Operator { organisation })
}

/// A body of one JSON value a line. An error in the middle is the last line, `{"problem": …}`.
fn lines(values: impl futures::Stream<Item = Result<serde_json::Value, Problem>> + Send + 'static) -> Response<Body> {
    use futures::StreamExt;
    let lines = values.map(|value| {
        let value = value.unwrap_or_else(|problem| serde_json::json!({"problem": problem.body()}));
        Ok::<_, std::convert::Infallible>(format!("{value}\n"))
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(
        axum::http::header::CONTENT_TYPE,
        axum::http::HeaderValue::from_static("application/x-ndjson"),
    );
    response
}
