//! Logging: events with fields on standard error; data keeps standard output for itself.

use tracing_subscriber::EnvFilter;

use crate::configuration::Configuration;
use crate::failure::Failure;

/// Starts logging as the settings say.
pub(crate) fn start(configuration: &Configuration) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&configuration.log)
        .map_err(|error| Failure::Usage(format!("the setting log is wrong: {error}")))?;
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(true);
    let started = if configuration.log_json {
        logging.json().try_init()
    } else {
        logging.compact().try_init()
    };
    started.map_err(|error| Failure::fault("cannot start logging", error))
}
