//! What can go wrong with the metadata store.

use sqlx::error::ErrorKind;
use sqlx::migrate::MigrateError;

/// Result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with the metadata store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one that we can open.
    #[error(
        "the database address `{address}` is not usable: {reason}; give sqlite:///absolute/path.db or postgres://user:password@host/database"
    )]
    Address { address: String, reason: String },
    /// A unique constraint refused the row. `constraint` is PostgreSQL's name of it or SQLite's `table.column` list.
    #[error("already there ({constraint})")]
    Duplicate { constraint: String },
    /// A row that is referred to is missing, or still referred to.
    #[error("another record depends on this one ({constraint})")]
    Reference { constraint: String },
    /// Another writer holds the store; the same work may be tried again.
    #[error("the database is busy; try again")]
    Busy,
    /// The store does not answer.
    #[error("the database does not answer: {0}")]
    Unreachable(#[source] sqlx::Error),
    /// The data was written by a version of Groma that is newer than this one.
    #[error(
        "the database was migrated to version {version} by a newer Groma; start that version, or restore the backup made before the upgrade"
    )]
    NewerDatabase { version: i64 },
    /// A migration failed; nothing of it was kept.
    #[error("the database could not be migrated: {0}")]
    Migration(#[source] MigrateError),
    /// A page cursor that this list did not give out.
    #[error("the page cursor is not one that this list gave out; start again from the first page")]
    Cursor,
    /// Anything else the store says: a fault of ours.
    #[error("database error: {0}")]
    Other(#[source] sqlx::Error),
}

impl Error {
    /// True when a unique constraint refused the row.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Error::Duplicate { .. })
    }

    /// True when the same transaction may succeed if it is tried again from its start.
    pub fn is_busy(&self) -> bool {
        matches!(self, Error::Busy)
    }
}

/// SQLSTATEs after which PostgreSQL's manual says to run the whole transaction again
/// (serialization failure, deadlock), and "lock not available".
const POSTGRES_TRY_AGAIN: [&str; 3] = ["40001", "40P01", "55P03"];

/// SQLite's primary result codes SQLITE_BUSY and SQLITE_LOCKED; extended codes keep them in the low byte.
const SQLITE_TRY_AGAIN: [i32; 2] = [5, 6];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => {
                let constraint = || {
                    let text = refusal.message();
                    match refusal.constraint() {
                        Some(name) => name.to_owned(),
                        None => text.rsplit_once(": ").map_or(text, |(_, columns)| columns).to_owned(),
                    }
                };
                match refusal.kind() {
                    ErrorKind::UniqueViolation => {
                        return Error::Duplicate {
                            constraint: constraint(),
                        };
                    }
                    ErrorKind::ForeignKeyViolation => {
                        return Error::Reference {
                            constraint: constraint(),
                        };
                    }
                    // ErrorKind belongs to sqlx and grows; the rest is told apart by code below.
                    _ => {}
                }
                let code = refusal.code().unwrap_or_default();
                let is_sqlite = refusal.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some();
                let try_again = if is_sqlite {
                    code.parse::<i32>()
                        .is_ok_and(|code| SQLITE_TRY_AGAIN.contains(&(code & 0xff)))
                } else {
                    POSTGRES_TRY_AGAIN.contains(&code.as_ref())
                };
                if try_again { Error::Busy } else { Error::Other(error) }
            }
            sqlx::Error::PoolTimedOut => Error::Busy,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Error::Unreachable(error)
            }
            // sqlx's enum is open and grows: whatever else it says is a fault of ours.
            _ => Error::Other(error),
        }
    }
}

impl From<MigrateError> for Error {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Error::NewerDatabase { version },
            MigrateError::Execute(error) => Error::from(error),
            // MigrateError belongs to sqlx and grows.
            error => Error::Migration(error),
        }
    }
}
