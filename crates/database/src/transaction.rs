//! Transactions: a change, its activity line and its jobs stand or fall together.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Postgres, Sqlite};

use crate::error::Result;
use crate::{Database, Store};

/// A transaction on either store. Dropped without [`Transaction::commit`], it leaves no trace.
#[derive(Debug)]
pub enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Database {
    /// Begins a transaction that writes.
    ///
    /// SQLite has one writer at a time: the transaction takes the write lock at its start (BEGIN IMMEDIATE), so that it
    /// never fails half-way, and our own writers queue for it. Keep it short, under 100 ms: other programs that
    /// attached the same file, DuckDB for one, fail at once when it is locked. No file, network or password work inside.
    /// On PostgreSQL the isolation is READ COMMITTED: lock the rows that a decision rests on (`FOR UPDATE`).
    pub async fn begin(&self) -> Result<Transaction> {
        Ok(match self {
            Database::Sqlite(store) => Transaction::Sqlite(store.writer.begin_with("BEGIN IMMEDIATE").await?),
            Database::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that only reads and sees one state of the store, whatever is written meanwhile.
    pub async fn begin_read(&self) -> Result<Transaction> {
        Ok(match self {
            Database::Sqlite(store) => Transaction::Sqlite(store.readers.begin().await?),
            Database::Postgres(pool) => Transaction::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    .await?,
            ),
        })
    }
}

impl Transaction {
    /// True for SQLite, where SQL has to differ.
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Transaction::Sqlite(_))
    }

    /// The connection; used through [`crate::on!`].
    pub fn store(&mut self) -> Store<&mut SqliteConnection, &mut PgConnection> {
        match self {
            Transaction::Sqlite(tx) => Store::Sqlite(tx),
            Transaction::Postgres(tx) => Store::Postgres(tx),
        }
    }

    /// Makes everything in the transaction last. When this returns Ok, it survives a killed process.
    pub async fn commit(self) -> Result<()> {
        Ok(match self {
            Transaction::Sqlite(tx) => tx.commit().await?,
            Transaction::Postgres(tx) => tx.commit().await?,
        })
    }

    /// Undoes everything in the transaction.
    pub async fn rollback(self) -> Result<()> {
        Ok(match self {
            Transaction::Sqlite(tx) => tx.rollback().await?,
            Transaction::Postgres(tx) => tx.rollback().await?,
        })
    }
}
