//! Opening the store, and the settings that its durability and concurrency rest on.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::error::{Error, Result};
use crate::{Database, SqliteStore};

/// How long a statement waits for another program that writes to the same SQLite file (DuckDB, a backup).
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection before it hears that the store is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Readers are threads in SQLite; more than this many at once gain nothing.
const SQLITE_READERS: u32 = 8;
/// Far below PostgreSQL's default of 100, to leave room for several servers.
const POSTGRES_CONNECTIONS: u32 = 20;

impl Database {
    /// Opens the store at `sqlite:///absolute/path.db` (made when missing) or `postgres://…`.
    pub async fn open(url: &str) -> Result<Database> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => {
                Self::open_sqlite(SqliteConnectOptions::from_str(url).map_err(|error| unusable(url, &error))?).await
            }
            Some("postgres" | "postgresql") => {
                Self::open_postgres(PgConnectOptions::from_str(url).map_err(|error| unusable(url, &error))?).await
            }
            Some(_) | None => Err(Error::Address {
                address: without_password(url),
                reason: "it is neither sqlite: nor postgres:".into(),
            }),
        }
    }

    /// Opens the SQLite file at `path`, made when missing; for paths that would need escaping in an address.
    pub async fn open_file(path: &Path) -> Result<Database> {
        Self::open_sqlite(SqliteConnectOptions::new().filename(path)).await
    }

    async fn open_sqlite(options: SqliteConnectOptions) -> Result<Database> {
        create_private(options.get_filename())?;
        let options = options
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode a commit is a write() to the log before it is acknowledged. NORMAL leaves the fsync to the
            // checkpoint: a killed process loses nothing, because the page cache outlives it; a power cut may lose the last
            // commits but never corrupts the file. FULL would cost one fsync per commit and close that last gap.
            .synchronous(SqliteSynchronous::Normal);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // The one writer stays: reopening it would let the log be checkpointed and removed at odd moments.
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A write through a reader would take the lock behind the writer's back; SQLite refuses it instead.
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        Ok(Database::Sqlite(SqliteStore { readers, writer }))
    }

    async fn open_postgres(options: PgConnectOptions) -> Result<Database> {
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.application_name("groma"))
            .await?;
        Ok(Database::Postgres(pool))
    }
}

/// Makes the file readable by its owner alone before SQLite does it for everybody; its log inherits the mode.
fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Address {
            address: path.display().to_string(),
            reason: error.to_string(),
        }),
    }
}

fn unusable(url: &str, error: &sqlx::Error) -> Error {
    Error::Address {
        address: without_password(url),
        reason: error.to_string(),
    }
}

/// The address with the password blotted out, for messages and logs.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((credentials, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_never_stands_in_a_message() {
        assert_eq!(
            without_password("postgres://groma:s@cret@db/groma"),
            "postgres://groma:***@db/groma"
        );
        assert_eq!(
            without_password("postgres://groma@db/groma"),
            "postgres://groma@db/groma"
        );
        assert_eq!(without_password("sqlite:///var/groma.db"), "sqlite:///var/groma.db");
    }
}
