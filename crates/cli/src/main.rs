//! `groma`: the one program. Each command is a file of `commands/`.

mod commands;
mod configuration;
mod data_directory;
mod failure;
mod first_start;
mod logging;
mod operator;
mod output;
mod rooms;
mod socket;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::configuration::{Configuration, Flags};
use crate::failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Maps, tables and SQL on your own machine.
#[derive(Debug, Parser)]
#[command(name = "groma", version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server.
    Serve(commands::serve::Serve),
    /// API access tokens.
    #[command(subcommand)]
    Token(commands::token::Token),
    /// Load a file into a table.
    Import(commands::import::Import),
    /// Run one SQL statement.
    Query(commands::query::Query),
    /// Load the demo tables.
    Demo(commands::demo::Demo),
    /// Bring the metadata to the newest form.
    Migrate(commands::migrate::Migrate),
    /// Check whether everything is in order.
    Doctor(commands::doctor::Doctor),
    /// Write the OpenAPI documents.
    Openapi(commands::openapi::Openapi),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let configuration = Configuration::read(&arguments.flags)?;
    logging::start(&configuration)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("groma")
        // Query plans nest deeply; the default of 2 MB is little for them.
        .thread_stack_size(8 * 1024 * 1024)
        .build()
        .map_err(|error| Failure::fault("cannot start the runtime", error))?;
    let outcome = runtime.block_on(async {
        match arguments.command {
            Command::Serve(serve) => serve.run(&configuration).await,
            Command::Token(token) => token.run(&configuration).await,
            Command::Import(import) => import.run(&configuration).await,
            Command::Query(query) => query.run(&configuration).await,
            Command::Demo(demo) => demo.run(&configuration).await,
            Command::Migrate(migrate) => migrate.run(&configuration).await,
            Command::Doctor(doctor) => doctor.run(&configuration).await,
            Command::Openapi(openapi) => openapi.run(),
        }
    });
    // Blocking work that was cancelled may still run; nobody waits for it.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}
