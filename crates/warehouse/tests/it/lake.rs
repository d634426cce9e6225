//! A warehouse of the test's own, on either store, and the texts of its rows.

use std::path::Path;

use access::Actor;
use database::Id;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::FutureExt;
use tempfile::TempDir;
use testing::TestDatabase;
use tokio_util::sync::CancellationToken;
use warehouse::{Limits, Outcome, Sql, TableName, Warehouse, WarehouseOptions};

/// Where the lakes of a process stand when it is not a folder, `s3://bucket`: a test runs others with it.
pub(crate) const BUCKET: &str = "GROMA_TEST_BUCKET";

/// A fresh warehouse: files in a folder, catalog in `database`.
pub(crate) struct Lake {
    pub(crate) warehouse: Warehouse,
    pub(crate) database: TestDatabase,
    folder: TempDir,
}

/// Runs a test on a fresh warehouse with its catalog in SQLite, then with its catalog in PostgreSQL.
pub(crate) async fn on_both_stores(test: impl AsyncFn(&Lake)) {
    for lake in [Lake::on_sqlite().await, Lake::on_postgres().await] {
        let store = lake.database.url().split(':').next().unwrap().to_owned();
        let outcome = std::panic::AssertUnwindSafe(test(&lake)).catch_unwind().await;
        lake.database.remove().await;
        if let Err(panic) = outcome {
            eprintln!("this failed on {store}");
            std::panic::resume_unwind(panic);
        }
    }
}

impl Lake {
    pub(crate) async fn on_sqlite() -> Lake {
        Self::open(TestDatabase::sqlite().await).await
    }

    pub(crate) async fn on_postgres() -> Lake {
        Self::open(TestDatabase::postgres().await).await
    }

    async fn open(database: TestDatabase) -> Lake {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path());
        if let Ok(bucket) = std::env::var(BUCKET) {
            options.storage = format!("{bucket}/{}", uuid::Uuid::now_v7());
        }
        let warehouse = Warehouse::open(database.database().clone(), options).await.unwrap();
        Lake {
            warehouse,
            database,
            folder,
        }
    }

    /// A second warehouse on the same database and folder, as after a restart.
    pub(crate) async fn reopen(&self) -> Warehouse {
        Warehouse::open(self.database.database().clone(), options(self.folder.path()))
            .await
            .unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a statement that changes something and says how many rows it touched.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        match self
            .warehouse
            .execute(&actor(), &Sql::new(sql), &Limits::default())
            .await
        {
            Ok(Outcome::Done { affected }) => affected,
            Ok(Outcome::Rows(rows)) => rows
                .collect()
                .await
                .unwrap()
                .iter()
                .map(|batch| batch.num_rows() as u64)
                .sum(),
            Err(error) => panic!("{sql}: {error}"),
        }
    }

    /// Compacts a table of `public`.
    pub(crate) async fn compact(&self, table: &str) -> warehouse::CompactReport {
        let name = TableName::new("public", table);
        self.warehouse
            .compact_table(&name, &CancellationToken::new(), None)
            .await
            .unwrap()
    }

    /// The rows of a query, each as a text.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let rows = self.warehouse.query(&Sql::new(sql), &Limits::default()).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        texts(&rows.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}")))
    }

    /// A folder for the test's own files.
    pub(crate) fn scratch(&self) -> std::path::PathBuf {
        self.folder.path().join("scratch")
    }

    pub(crate) fn data_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Data files in the folder, relative to it, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.data_folder(), &self.data_folder(), &mut found);
        found.sort();
        found
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}

/// A small warehouse in a folder.
pub(crate) fn options(folder: &Path) -> WarehouseOptions {
    WarehouseOptions {
        storage: folder.join("data").display().to_string(),
        memory_limit_bytes: 256 << 20,
        spill_directory: folder.join("spill"),
        resident_bytes: 0,
    }
}

/// The operator of an organisation.
pub(crate) fn actor() -> Actor {
    Actor::Operator {
        organisation: Id::new(),
    }
}

/// Rows as texts, cell by cell.
pub(crate) fn texts(batches: &[RecordBatch]) -> Vec<String> {
    let format = FormatOptions::new().with_null("∅");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &format).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(cells.join(" | "));
        }
    }
    rows
}

/// The same rows, whatever their order.
#[track_caller]
pub(crate) fn assert_same_rows(mut one: Vec<String>, mut other: Vec<String>) {
    one.sort();
    other.sort();
    if let Some(difference) = one.iter().zip(&other).position(|(one, other)| one != other) {
        panic!("row {difference} differs:\n{}\n{}", one[difference], other[difference]);
    }
    assert_eq!(one.len(), other.len(), "different numbers of rows");
}
