//! What can go wrong with the queue itself; what goes wrong in a job is its [`crate::Failure`].

use database::Id;

use crate::Job;

/// Result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with the queue itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no job {0}; finished jobs are kept for 30 days")]
    NotFound(Id<Job>),
    #[error("`{pattern}` is not a cron pattern: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Error::Database(error.into())
    }
}
