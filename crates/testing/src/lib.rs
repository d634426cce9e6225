//! What tests share: a fresh database of either kind, and a driver that runs a test on both.
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_map_that_was_saved_can_be_opened() {
//!     on_both_stores(async |db| {
//!         …
//!     })
//!     .await;
//! }
//! ```

mod postgres;

use std::panic::AssertUnwindSafe;

use database::Database;
use futures::FutureExt;
use tempfile::TempDir;

/// A migrated database that is the test's own.
#[derive(Debug)]
pub struct TestDatabase {
    database: Database,
    url: String,
    /// Holds the SQLite file; removed with the value.
    folder: Option<TempDir>,
}

impl TestDatabase {
    /// A new SQLite file in a folder of its own.
    pub async fn sqlite() -> TestDatabase {
        let folder = tempfile::tempdir().expect("the temporary folder can be written to");
        let url = format!("sqlite://{}", folder.path().join("groma.db").display());
        Self::open(url, Some(folder)).await
    }

    /// A new database on the PostgreSQL server that the tests of this machine share.
    pub async fn postgres() -> TestDatabase {
        Self::open(postgres::create_database().await, None).await
    }

    async fn open(url: String, folder: Option<TempDir>) -> TestDatabase {
        let database = Database::open(&url).await.expect("a fresh database opens");
        database
            .migrate()
            .await
            .expect("a fresh database takes every migration");
        TestDatabase { database, url, folder }
    }

    /// The open database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The address to give to a process that opens the database itself.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes the database and removes it. Not called after a panic elsewhere: a left-over goes with the server.
    pub async fn remove(self) {
        self.database.close().await;
        if self.folder.is_none() {
            postgres::drop_database(&self.url).await;
        }
    }
}

/// Runs one test on a fresh SQLite database and then on a fresh PostgreSQL database.
pub async fn on_both_stores(test: impl AsyncFn(Database)) {
    for (name, test_database) in [
        ("SQLite", TestDatabase::sqlite().await),
        ("PostgreSQL", TestDatabase::postgres().await),
    ] {
        let outcome = AssertUnwindSafe(test(test_database.database().clone()))
            .catch_unwind()
            .await;
        test_database.remove().await;
        if let Err(panic) = outcome {
            eprintln!("this failed on {name}");
            std::panic::resume_unwind(panic);
        }
    }
}
