//! The embedded data warehouse: tables in the open DuckLake format, full SQL on them, spatially sorted files.

mod catalog;
mod column_names;
mod commit;
mod engine;
mod error;
mod layout;
mod listing;
mod maintenance;
mod name;
mod provider;
mod query;
pub mod resident;
mod rows;
mod scan;
mod sql;
mod statements;
mod statistics;
mod storage;
mod table;
pub mod types;
mod writer;

use futures::future::BoxFuture;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::Actor;
use database::Database;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::SendableRecordBatchStream;
use moka::sync::Cache;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use catalog::Catalog;
use engine::Engine;
use resident::Residents;
use storage::Storage;
use writer::{Pending, TableWriter};

pub use engine::{ToLonLat, check_crs, is_lonlat};
pub use error::{Error, Result};
pub use maintenance::{CompactReport, FILES_KEPT, MAINTENANCE_SCHEDULE, SNAPSHOTS_KEPT};
pub use name::{CATALOG_NAME, DEFAULT_SCHEMA, TableName, quote};
pub use rows::{Outcome, RowStream};
pub use scan::{Predicate, Scan};
pub use sql::{QuerySyntax, expression_syntax, query_syntax};
pub use statistics::{CategoryCount, ColumnStatistics, HistogramBin};
pub use table::{
    Column, ColumnRange, DataFile, DeleteFile, GeometryInfo, GeometryKind, KeyRange, Table, TableKind, TableSummary,
};

/// The warehouse: cheap to clone, one per process and folder.
#[derive(Clone)]
pub struct Warehouse(Arc<Rooms>);

struct Rooms {
    options: WarehouseOptions,
    catalog: Catalog,
    engine: Arc<Engine>,
    pending: Pending,
    writer: TableWriter,
    /// Table → whose turn it is to rewrite it.
    turns: Mutex<HashMap<i64, Turn>>,
    /// Tables described: table, version, version of the lake's names.
    known_tables: Cache<(i64, i64, i64), Arc<Table>>,
    residents: Arc<Residents>,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

/// Descriptions of tables kept in memory.
const TABLES_KEPT: u64 = 1024;

/// Where tables stand and what queries may use.
#[derive(Debug, Clone)]
pub struct WarehouseOptions {
    /// An absolute folder, or `s3://bucket/prefix`.
    pub storage: String,
    /// Memory that all queries together may use before they spill to disk or fail.
    pub memory_limit_bytes: usize,
    /// Where queries that outgrow memory put intermediate rows.
    pub spill_directory: PathBuf,
    /// Memory for hot tables; 0 reads files every time.
    pub resident_bytes: usize,
}

/// One SQL statement and the values of its placeholders.
#[derive(Debug, Clone, Default)]
pub struct Sql {
    pub text: String,
    pub parameters: Parameters,
}

impl Sql {
    pub fn new(text: impl Into<String>) -> Self {
        Sql {
            text: text.into(),
            parameters: Parameters::None,
        }
    }

    #[must_use]
    pub fn with(mut self, parameters: Parameters) -> Self {
        self.parameters = parameters;
        self
    }
}

impl<T: Into<String>> From<T> for Sql {
    fn from(text: T) -> Self {
        Sql::new(text)
    }
}

/// Values for placeholders: `@name`, `:name`, `$name` by name; `?`, `$1`, `:1` by position.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Parameters {
    #[default]
    None,
    Named(Map<String, Value>),
    Positional(Vec<Value>),
}

/// What one statement may use.
#[derive(Debug, Clone)]
pub struct Limits {
    pub timeout: Duration,
    /// More rows than this end the stream with `Error::TooManyRows`.
    pub max_rows: Option<usize>,
    pub cancel: CancellationToken,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            timeout: Duration::from_secs(60),
            max_rows: None,
            cancel: CancellationToken::new(),
        }
    }
}

/// What a query would return and read, known without running it.
#[derive(Debug, Clone)]
pub struct Described {
    pub schema: SchemaRef,
    /// Tables read, directly or through views, without repetition.
    pub tables: Vec<TableName>,
    /// The newest version among the tables read; it grows when any of them changes.
    pub version: i64,
    pub snapshot: i64,
}

/// What `write_table` does with a table that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// The table must not exist.
    Create,
    /// The table is made anew, whether or not it existed.
    Replace,
    /// The table must exist; columns are matched by name.
    Append,
}

/// Told how many rows were written so far.
pub type WriteProgress = Arc<dyn Fn(u64) + Send + Sync>;

/// How `write_table` stores rows.
#[derive(Clone, Default)]
pub struct WriteOptions {
    /// The column to lay the table out by; the first geometry column when not given.
    pub geometry_column: Option<String>,
    /// The CRS that the rows came in, for the record; the rows themselves carry theirs in the schema.
    pub source_crs: Option<String>,
    pub description: Option<String>,
    pub attribution: Option<String>,
    pub progress: Option<WriteProgress>,
}

#[derive(Debug, Clone)]
pub struct WriteReport {
    pub table: TableName,
    pub rows: u64,
    pub bytes: u64,
    pub files: usize,
    pub snapshot: i64,
}

impl Warehouse {
    /// Opens the warehouse whose catalog stands in `database`: makes what is missing, sweeps what crashed
    /// writers left behind.
    pub fn open(database: Database, options: WarehouseOptions) -> BoxFuture<'static, Result<Self>> {
        Box::pin(async move {
            let storage = Storage::open(&options.storage)?;
            let engine = Engine::start(&options, storage.url(), storage.store().clone()).await?;
            let catalog = Catalog::open(database.clone(), storage.clone()).await?;
            let pending = Pending::open(database, storage.clone()).await?;
            pending.sweep(database::now()).await?;
            let writer = TableWriter::new(storage, pending.clone(), engine.runtime().clone());
            let residents = Arc::new(Residents::new(options.resident_bytes));
            Ok(Warehouse(Arc::new(Rooms {
                options,
                catalog,
                engine: Arc::new(engine),
                pending,
                writer,
                turns: Mutex::new(HashMap::new()),
                known_tables: Cache::new(TABLES_KEPT),
                residents,
            })))
        })
    }

    /// Writes rows into a table in one snapshot: all of them or none.
    pub fn write_table<'a>(
        &'a self,
        actor: &'a Actor,
        name: &'a TableName,
        mode: WriteMode,
        rows: SendableRecordBatchStream,
        options: WriteOptions,
    ) -> BoxFuture<'a, Result<WriteReport>> {
        Box::pin(async move { Box::pin(self.load(actor, name, mode, rows, options)).await })
    }

    /// Drops a table.
    pub fn drop_table<'a>(&'a self, actor: &'a Actor, name: &'a TableName) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { Box::pin(self.drop_one(actor, name)).await })
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &WarehouseOptions {
        &self.0.options
    }

    /// The metadata store that holds its catalog.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.0.catalog.database()
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    pub(crate) fn writer(&self) -> &TableWriter {
        &self.0.writer
    }

    pub(crate) fn pending(&self) -> &Pending {
        &self.0.pending
    }

    /// Waits until no other statement of this server rewrites the table.
    pub(crate) async fn turn_of(&self, table: i64) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = self.0.turns.lock().entry(table).or_default().clone();
        turn.lock_owned().await
    }

    fn residents(&self) -> &Arc<Residents> {
        &self.0.residents
    }

    fn known_tables(&self) -> &Cache<(i64, i64, i64), Arc<Table>> {
        &self.0.known_tables
    }
}
