//! The embedded data warehouse: tables in the open DuckLake format, full SQL on them, spatially sorted files.

mod catalog;
mod commit;
mod error;
mod name;
mod rows;
mod sql;
mod storage;
mod table;
pub mod types;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::Actor;
use database::Database;
use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::{PhysicalExpr, SendableRecordBatchStream};
use serde_json::{Map, Value};
use spatial::LonLatBox;
use tokio_util::sync::CancellationToken;

pub use error::{Error, Result};
pub use name::{CATALOG_NAME, DEFAULT_SCHEMA, TableName, quote};
pub use rows::{Outcome, RowStream};
pub use sql::{QuerySyntax, expression_syntax, query_syntax};
pub use table::{
    Column, ColumnRange, DataFile, DeleteFile, GeometryInfo, GeometryKind, KeyRange, Table, TableKind, TableSummary,
};

/// The warehouse: cheap to clone, one per process and folder.
#[derive(Clone)]
pub struct Warehouse(Arc<Rooms>);

struct Rooms {
    database: Database,
    options: WarehouseOptions,
}

/// Where tables stand and what queries may use.
#[derive(Debug, Clone)]
pub struct WarehouseOptions {
    /// An absolute folder, or `s3://bucket/prefix`.
    pub storage: String,
    /// Memory that all queries together may use before they spill to disk or fail.
    pub memory_limit_bytes: usize,
    /// Where queries that outgrow memory put intermediate rows.
    pub spill_directory: PathBuf,
}

/// One SQL statement and the values of its placeholders.
#[derive(Debug, Clone, Default)]
pub struct Sql {
    pub text: String,
    pub parameters: Parameters,
}

impl Sql {
    pub fn new(text: impl Into<String>) -> Self {
        Sql { text: text.into(), parameters: Parameters::None }
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
        Limits { timeout: Duration::from_secs(60), max_rows: None, cancel: CancellationToken::new() }
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

/// A read of one table below SQL.
#[derive(Debug, Clone)]
pub struct Scan {
    pub table: Arc<Table>,
    /// Real columns wanted, in this order.
    pub columns: Vec<String>,
    /// Adds `_qb` (Int64) and `_lod` (Int8), and for anything but points `_xmin _ymin _xmax _ymax` (Float32).
    pub with_keys: bool,
    /// Only rows whose bounding box touches this box.
    pub window: Option<LonLatBox>,
    /// Only rows whose level of detail is at least / at most this.
    pub min_lod: Option<i8>,
    pub max_lod: Option<i8>,
    /// An SQL condition on the table's columns.
    pub condition: Option<Sql>,
    /// 1 keeps file order.
    pub target_partitions: usize,
}

/// A condition that can be asked of record batches.
#[derive(Debug, Clone)]
pub struct Predicate {
    /// Over `schema`, the columns below in that order.
    pub expr: Arc<dyn PhysicalExpr>,
    /// Columns it reads.
    pub columns: Vec<String>,
    pub schema: SchemaRef,
}

impl Predicate {
    /// Which rows it holds for (null counts as no). The batch must have the columns, by name, in any order.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let _ = batch;
        Err(Error::NotImplemented("conditions on record batches".to_owned()))
    }
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

/// What is known of one column's values.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ColumnStatistics {
    pub attribute: String,
    /// `number`, `bigint`, `string`, `boolean`, `timestamp`, `geometry`, `object`, `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    pub rows: u64,
    pub nulls: u64,
    pub distinct: Option<u64>,
    pub min: Option<Value>,
    pub max: Option<Value>,
    pub avg: Option<f64>,
    pub histogram: Vec<HistogramBin>,
    pub categories: Vec<CategoryCount>,
}

/// Values from `from` (inclusive) to `to` (exclusive but for the last bin).
#[derive(Debug, Clone, serde::Serialize)]
pub struct HistogramBin {
    pub from: f64,
    pub to: f64,
    pub count: u64,
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct CategoryCount {
    pub category: Value,
    pub frequency: u64,
}

impl Warehouse {
    /// Opens the warehouse whose catalog stands in `database`: makes what is missing, sweeps what crashed
    /// writers left behind.
    pub async fn open(database: Database, options: WarehouseOptions) -> Result<Self> {
        Ok(Warehouse(Arc::new(Rooms { database, options })))
    }

    /// Schemas in name order. DuckLake's `main` is hidden while it is empty.
    pub async fn schemas(&self) -> Result<Vec<String>> {
        Err(not_yet("schemas"))
    }

    /// Tables and views of a schema in name order.
    pub async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        Err(not_yet(schema))
    }

    /// A table at the current snapshot. Costs at most one small catalog query.
    pub async fn table(&self, name: &TableName) -> Result<Arc<Table>> {
        Err(not_yet(&name.table))
    }

    /// Runs a query: SELECT, WITH, VALUES, EXPLAIN, SHOW, DESCRIBE. Anything that writes is refused.
    pub async fn query(&self, sql: &Sql, limits: &Limits) -> Result<RowStream> {
        let _ = limits;
        Err(not_yet(&sql.text))
    }

    /// Runs any one statement on behalf of `actor`.
    pub async fn execute(&self, actor: &Actor, sql: &Sql, limits: &Limits) -> Result<Outcome> {
        let _ = (actor, limits);
        Err(not_yet(&sql.text))
    }

    /// What a query returns and reads, without running it.
    pub async fn describe(&self, sql: &Sql) -> Result<Described> {
        Err(not_yet(&sql.text))
    }

    /// Reads a table below SQL, with its keys.
    pub async fn scan(&self, scan: Scan) -> Result<SendableRecordBatchStream> {
        Err(not_yet(&scan.table.name.table))
    }

    /// An SQL condition on a table's columns, ready to be asked of batches.
    pub fn predicate(&self, table: &Table, condition: &Sql) -> Result<Predicate> {
        let _ = table;
        Err(not_yet(&condition.text))
    }

    /// Nulls, range and distribution of a column.
    pub async fn column_statistics(
        &self,
        table: &TableName,
        column: &str,
        limits: &Limits,
    ) -> Result<ColumnStatistics> {
        let _ = (table, limits);
        Err(not_yet(column))
    }

    /// Writes rows into a table in one snapshot: all of them or none.
    pub async fn write_table(
        &self,
        actor: &Actor,
        name: &TableName,
        mode: WriteMode,
        rows: SendableRecordBatchStream,
        options: WriteOptions,
    ) -> Result<WriteReport> {
        let _ = (actor, mode, rows, options);
        Err(not_yet(&name.table))
    }

    /// Drops a table.
    pub async fn drop_table(&self, actor: &Actor, name: &TableName) -> Result<()> {
        let _ = actor;
        Err(not_yet(&name.table))
    }

    /// The options it was opened with.
    #[must_use]
    pub fn options(&self) -> &WarehouseOptions {
        &self.0.options
    }

    /// The metadata store that holds its catalog.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.database
    }
}

fn not_yet(what: &str) -> Error {
    Error::NotImplemented(what.to_owned())
}
