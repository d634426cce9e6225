//! The server: HTTP and nothing else.
//!
//! `router` has every URL on one page, `problem` every status. A handler takes four steps: who asks,
//! what they ask for, the room that answers, the answer.

mod address;
mod auth;
mod basemaps;
mod caching;
mod cors;
mod encoding;
mod grants;
mod health;
pub mod openapi;
mod opened_sources;
pub mod operator;
mod pages;
mod parameters;
mod problem;
mod router;
mod state;
mod transport;
mod uploads;
mod v3;
mod workspace_api;

use std::net::SocketAddr;

use axum::ServiceExt;
use axum::extract::Request;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Layer;
use tower::util::MapRequestLayer;

pub use address::{Network, NotANetwork};
pub use state::{Groma, Options, Rooms};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether the web interface is inside this program.
pub fn has_web_interface() -> bool {
    pages::is_built()
}

/// Answers requests until `shutdown`, then lets the running ones end.
pub async fn serve(listener: TcpListener, groma: Groma, shutdown: CancellationToken) -> std::io::Result<()> {
    // Paths are put in order before the router looks at them.
    let service = transport::TilesFirst {
        router: router::router(groma.clone()),
        groma,
    };
    let service = MapRequestLayer::new(transport::collapse_slashes::<axum::body::Body>).layer(service);
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(service);
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}
