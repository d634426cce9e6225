//! `groma serve`: opens the data folder, listens, works until it is told to stop.

use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::commands::demo;
use crate::configuration::Configuration;
use crate::data_directory::DataDirectory;
use crate::failure::Failure;
use crate::first_start;
use crate::operator::Operator;
use crate::output;
use crate::rooms::Rooms;
use crate::socket;

/// How long running requests may take to end once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(15);

/// Start the server.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Load the demo tables that are not there yet.
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub(crate) async fn run(self, configuration: &Configuration) -> Result<(), Failure> {
        let directory = DataDirectory::open(&configuration.data_dir)?;
        let lock = directory.lock()?;
        let listener = TcpListener::bind(configuration.listen)
            .await
            .map_err(|error| Failure::Usage(format!("cannot listen on {}: {error}", configuration.listen)))?;
        let rooms = Rooms::open(configuration, &directory, &lock).await?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::fault("cannot listen", error))?;
        let base = configuration.public_url.as_ref().map_or_else(
            || format!("http://{}", reachable(address)),
            |url| url.trim_end_matches('/').to_owned(),
        );

        // Whoever connects finds an owner, or the link to become one.
        first_start::greet(configuration, rooms.groma(), &base).await?;
        let stop = CancellationToken::new();
        let socket =
            socket::listen(&directory.socket()).map_err(|error| Failure::fault("cannot make the socket", error))?;
        let commands = tokio::spawn(server::operator::serve(socket, rooms.groma().clone(), stop.clone()));
        let worker = rooms.start_worker(stop.clone());
        let http = tokio::spawn(server::serve(listener, rooms.groma().clone(), stop.clone()));

        output::data_line(&format!("listening {base}"));
        if self.demo {
            let socket = directory.socket();
            tokio::spawn(async move {
                // A server without demo tables is still a server.
                if let Err(failure) = demo::load(&Operator::Server(socket)).await {
                    output::say(&format!("the demo tables could not be loaded: {failure}"));
                }
            });
        }

        wait_for_a_signal().await?;
        output::say("stopping");
        stop.cancel();
        let drained = tokio::time::timeout(DRAIN, async {
            let _ = http.await;
            let _ = commands.await;
            let _ = worker.await;
        });
        if drained.await.is_err() {
            output::say("some requests did not end in time and were cut off");
        }
        // A socket without a server would only puzzle the next command.
        let _ = std::fs::remove_file(directory.socket());
        rooms.close().await;
        drop(lock);
        Ok(())
    }
}

/// The address to write into a browser: 0.0.0.0 is none.
fn reachable(address: std::net::SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

async fn wait_for_a_signal() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let fault = |error| Failure::fault("cannot wait for signals", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
