//! Groma's own metadata store: one code base over SQLite (one server) and PostgreSQL (several).
//!
//! ```ignore
//! let maps: Vec<MapRow> = on!(db, c => sqlx::query_as("SELECT * FROM map WHERE organisation_id = $1")
//!     .bind(organisation).fetch_all(c).await?);          // reads: any number at once
//!
//! let mut tx = db.begin().await?;                        // writes: always in a transaction
//! on!(tx, c => sqlx::query("UPDATE map SET title = $1 WHERE id = $2").bind(title).bind(id).execute(c).await?
//!     .rows_affected());
//! tx.commit().await?;
//! ```
//!
//! The same SQL with `$1` placeholders and the same Rust types run on both stores: `Id<T>` and `Uuid`
//! (uuid, BLOB), `DateTime<Utc>` (timestamptz, TEXT), `Json<T>` (jsonb, TEXT), `bool` (boolean, INTEGER),
//! `i64` (bigint, INTEGER), `i32` (integer, INTEGER), `f64` (double precision, REAL).

mod error;
mod id;
mod migrations;
mod open;
mod page;
mod transaction;

pub use error::{Error, Result};
pub use id::Id;
pub use page::{Cursor, Page, PageRequest};
pub use transaction::Transaction;

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

/// The metadata store of this installation. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Database {
    Sqlite(SqliteStore),
    Postgres(PgPool),
}

/// A SQLite file: many readers beside one writer.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    /// Connections that refuse to write.
    readers: SqlitePool,
    /// One connection, so that our own writers queue for it instead of failing with "database is locked".
    writer: SqlitePool,
}

/// One of two things, by the store it belongs to; what [`on!`] matches on.
#[derive(Debug)]
pub enum Store<S, P> {
    Sqlite(S),
    Postgres(P),
}

impl Database {
    /// True for SQLite, where SQL has to differ.
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Database::Sqlite(_))
    }

    /// The pool to read from; used through [`on!`].
    pub fn store(&self) -> Store<&SqlitePool, &PgPool> {
        match self {
            Database::Sqlite(store) => Store::Sqlite(&store.readers),
            Database::Postgres(pool) => Store::Postgres(pool),
        }
    }

    /// Waits for running statements and closes every connection. SQLite folds its log into the file.
    pub async fn close(&self) {
        match self {
            Database::Sqlite(store) => {
                store.readers.close().await;
                store.writer.close().await;
            }
            Database::Postgres(pool) => pool.close().await,
        }
    }
}

/// The time now, in whole microseconds: what both stores can keep, so that what was written equals what is read.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// Runs one expression on either store.
///
/// `$db` is a [`Database`] (then `$c` is a pool to read from; on SQLite it refuses to write) or a
/// [`Transaction`] (then `$c` is its connection), or a reference to either. The expression has the same type on both
/// stores: end a statement without rows with `.execute(c).await?.rows_affected()`.
#[macro_export]
macro_rules! on {
    ($db:expr, $c:ident => $e:expr) => {
        match $db.store() {
            $crate::Store::Sqlite($c) => $e,
            $crate::Store::Postgres($c) => $e,
        }
    };
}
