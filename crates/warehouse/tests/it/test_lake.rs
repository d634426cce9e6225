//! A warehouse of the test's own, in a temporary folder, and rows as texts.

use std::path::Path;
use std::time::Duration;

use access::Actor;
use database::Database;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use tempfile::TempDir;
use warehouse::{Limits, Outcome, Sql, Warehouse, WarehouseOptions};

pub(crate) struct TestLake {
    pub(crate) warehouse: Warehouse,
    /// Holds the database file, the data and what spills; removed with the value.
    _folder: TempDir,
}

impl TestLake {
    /// An empty lake whose catalog is a SQLite file.
    pub(crate) async fn new() -> TestLake {
        Self::with_memory(512 * 1024 * 1024).await
    }

    pub(crate) async fn with_memory(memory_limit_bytes: usize) -> TestLake {
        let folder = tempfile::tempdir().expect("the temporary folder can be written to");
        let data = folder.path().join("lake");
        Self::open(folder, data.to_str().expect("UTF-8").to_owned(), memory_limit_bytes, 0).await
    }

    /// An empty lake that keeps hot tables in memory.
    pub(crate) async fn with_resident_tables(resident_bytes: usize) -> TestLake {
        let folder = tempfile::tempdir().expect("the temporary folder can be written to");
        let data = folder.path().join("lake");
        let data = data.to_str().expect("UTF-8").to_owned();
        Self::open(folder, data, 512 * 1024 * 1024, resident_bytes).await
    }

    /// An empty lake whose files stand at `storage`.
    pub(crate) async fn on_storage(storage: String) -> TestLake {
        let folder = tempfile::tempdir().expect("the temporary folder can be written to");
        Self::open(folder, storage, 512 * 1024 * 1024, 0).await
    }

    async fn open(folder: TempDir, storage: String, memory_limit_bytes: usize, resident_bytes: usize) -> TestLake {
        let database = database_in(folder.path()).await;
        let options = WarehouseOptions {
            storage,
            memory_limit_bytes,
            spill_directory: folder.path().join("spill"),
            resident_bytes,
        };
        let warehouse = Warehouse::open(database, options).await.expect("an empty lake opens");
        TestLake {
            warehouse,
            _folder: folder,
        }
    }

    /// Runs a statement; the number of rows it changed.
    pub(crate) async fn run(&self, sql: impl Into<Sql>) -> u64 {
        let sql = sql.into();
        let limits = Limits {
            timeout: Duration::from_secs(900),
            ..Limits::default()
        };
        // Large tables on a busy machine.
        match self.warehouse.execute(&Actor::Anonymous, &sql, &limits).await {
            Ok(Outcome::Done { affected }) => affected,
            Ok(Outcome::Rows(rows)) => {
                rows.collect()
                    .await
                    .unwrap_or_else(|error| panic!("{}: {error}", sql.text));
                0
            }
            Err(error) => panic!("{}: {error}", sql.text),
        }
    }

    /// The rows of a query as texts.
    pub(crate) async fn rows(&self, sql: impl Into<Sql>) -> Vec<Vec<String>> {
        let sql = sql.into();
        self.try_rows(&sql)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", sql.text))
    }

    pub(crate) async fn try_rows(&self, sql: &Sql) -> warehouse::Result<Vec<Vec<String>>> {
        let rows = self.warehouse.query(sql, &Limits::default()).await?;
        Ok(texts(&rows.collect().await?))
    }

    /// The message of a statement that must fail.
    pub(crate) async fn error(&self, sql: impl Into<Sql>) -> warehouse::Error {
        let sql = sql.into();
        match self
            .warehouse
            .execute(&Actor::Anonymous, &sql, &Limits::default())
            .await
        {
            Ok(Outcome::Done { affected }) => panic!("{} changed {affected} rows", sql.text),
            Ok(Outcome::Rows(rows)) => match rows.collect().await {
                Ok(rows) => panic!("{} gave {:?}", sql.text, texts(&rows)),
                Err(error) => error,
            },
            Err(error) => error,
        }
    }
}

async fn database_in(folder: &Path) -> Database {
    let url = format!("sqlite://{}", folder.join("groma.db").display());
    let database = Database::open(&url).await.expect("a fresh database opens");
    database
        .migrate()
        .await
        .expect("a fresh database takes every migration");
    database
}

pub(crate) fn texts(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL").with_display_error(true);
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("every type can be shown"))
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    rows
}
