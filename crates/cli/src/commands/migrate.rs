//! `groma migrate`: brings the metadata to the newest form; `serve` does the same at its start.

use clap::Args;

use crate::configuration::Configuration;
use crate::data_directory::DataDirectory;
use crate::failure::Failure;
use crate::output;
use crate::rooms;

/// Bring the metadata to the newest form.
#[derive(Debug, Args)]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) async fn run(self, configuration: &Configuration) -> Result<(), Failure> {
        let directory = DataDirectory::open(&configuration.data_dir)?;
        let _lock = directory.lock()?;
        let database = rooms::open_database(configuration, &directory).await?;
        database.close().await;
        output::say("the metadata is in its newest form");
        Ok(())
    }
}
