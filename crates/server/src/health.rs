//! Health: whether the process lives, and whether it can answer questions.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::problem::Problem;
use crate::state::Groma;

/// The process answers.
pub(crate) async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok", "version": crate::VERSION}))
}

/// The metadata store and the warehouse answer too.
pub(crate) async fn readyz(State(groma): State<Groma>) -> Response {
    match groma.rooms().warehouse.schemas().await {
        Ok(_) => Json(json!({"status": "ready", "version": crate::VERSION})).into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The server is not ready: its tables cannot be read.",
            )
            .hint("The server's log has the cause.")
            .into_response()
        }
    }
}
