//! `groma openapi`: writes the API's documents as files.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::output;

/// Write the OpenAPI documents.
#[derive(Debug, Args)]
pub(crate) struct Openapi {
    /// The folder to write them to.
    #[arg(long, default_value = "openapi")]
    out: PathBuf,
}

impl Openapi {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let fault = |error: std::io::Error| Failure::fault(&format!("cannot write to {}", self.out.display()), error);
        std::fs::create_dir_all(&self.out).map_err(fault)?;
        for (name, document) in server::openapi::documents() {
            let text =
                serde_json::to_string_pretty(&document).map_err(|error| Failure::fault("the document", error))?;
            std::fs::write(self.out.join(&name), format!("{text}\n")).map_err(fault)?;
            output::say(&format!("wrote {}", self.out.join(&name).display()));
        }
        Ok(())
    }
}
