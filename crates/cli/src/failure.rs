//! Failure: how a command ends when it does not work: one sentence on standard error and an exit code.

use std::process::ExitCode;

use hyper::StatusCode;
use serde_json::Value;

use crate::configuration::ConfigurationError;
use crate::data_directory::DataDirectoryError;
use crate::output;

/// What stops a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The settings, the arguments or the data folder cannot be used: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// What was asked for was refused, with the reason: exit code 1.
    #[error("{message}")]
    Refused { message: String, hint: Option<String> },
    /// The program or the machine failed: exit code 3.
    #[error("{0}")]
    Fault(String),
}

impl Failure {
    /// A refusal that came as a JSON error.
    pub(crate) fn refused(status: StatusCode, answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        Self::Refused {
            message: text("error").unwrap_or_else(|| format!("the server answered {status}")),
            hint: text("hint"),
        }
    }

    /// The other side of the socket went away or talks nonsense.
    pub(crate) fn connection(error: impl std::fmt::Display) -> Self {
        Self::Fault(format!("lost the connection to the server: {error}"))
    }

    /// Something below failed.
    pub(crate) fn fault(doing: &str, error: impl std::fmt::Display) -> Self {
        Self::Fault(format!("{doing}: {error}"))
    }

    /// Tells the person and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        output::say(&format!("groma: {self}"));
        match self {
            Self::Refused { hint, .. } => {
                if let Some(hint) = hint {
                    output::say(&format!("  {hint}"));
                }
                ExitCode::from(1)
            }
            Self::Usage(_) => ExitCode::from(2),
            Self::Fault(_) => ExitCode::from(3),
        }
    }
}

impl From<ConfigurationError> for Failure {
    fn from(error: ConfigurationError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<DataDirectoryError> for Failure {
    fn from(error: DataDirectoryError) -> Self {
        match error {
            DataDirectoryError::Unusable(..)
            | DataDirectoryError::Held { .. }
            | DataDirectoryError::OpenKey(_)
            | DataDirectoryError::BadKey(_) => Self::Usage(error.to_string()),
        }
    }
}
