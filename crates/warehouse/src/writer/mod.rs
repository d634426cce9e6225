//! Writing tables: any number of rows become laid-out Parquet files in the storage, in bounded memory.
//!
//! Rows are keyed, sorted by key (spilling to disk when large), given their level of detail by comparing neighbours,
//! gathered by level, and written as files of a few million rows. Nothing of it is visible before a commit names the
//! files.

mod canonical;
mod file;
mod geoparquet;
mod pending;
mod statistics;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionConfig;
use futures::{StreamExt, TryStreamExt};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::WriteProgress;
use crate::catalog::crs_or_default;
use crate::commit::NewFile;
use crate::engine::{ToLonLat, error_from_engine};
use crate::error::{Error, Result};
use crate::layout::{Buckets, Keys, key_fields, sort_by_key};
use crate::storage::Storage;
use crate::table::Column;

pub(crate) use canonical::file_schema;
pub(crate) use pending::{Pending, Uncommitted};

use canonical::canonical;
use file::{Form, OpenFile};

/// Most rows in a file.
pub(crate) const FILE_ROWS: u64 = 4_194_304;
/// A file of this many bytes is closed even when it has fewer rows: large shapes.
const FILE_BYTES: usize = 1 << 30;
/// How many rows go by between two reports of progress.
const ROWS_PER_REPORT: u64 = 65_536;

/// Writes files for tables. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TableWriter {
    storage: Storage,
    pending: Pending,
    runtime: Arc<RuntimeEnv>,
}

/// Which table the rows are for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The folder of the table's files, relative to the lake's data path, with a slash at its end.
    pub(crate) folder: String,
    /// The table's columns, numbered. Rows bring them in this order, in any types that fit.
    pub(crate) columns: Vec<Column>,
}

/// Files that stand in the storage and in no snapshot. Dropped before a commit took them, they are removed.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) files: Vec<NewFile>,
    pub(crate) rows: u64,
    /// Removes the files when it is dropped before the commit.
    _until_commit: Uncommitted,
}

impl Written {
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl TableWriter {
    pub(crate) fn new(storage: Storage, pending: Pending, runtime: Arc<RuntimeEnv>) -> Self {
        TableWriter {
            storage,
            pending,
            runtime,
        }
    }

    /// Writes the rows to files. Dropping the future stops it and leaves nothing.
    pub(crate) async fn write(
        &self,
        target: Target,
        rows: SendableRecordBatchStream,
        progress: Option<WriteProgress>,
    ) -> Result<Written> {
        let cancel = CancellationToken::new();
        let _stops: DropGuard = cancel.clone().drop_guard();
        let writer = self.clone();
        let runtime = tokio::runtime::Handle::current();
        // Sorting and encoding keep a core busy for long: they must not hold up the server's threads.
        tokio::task::spawn_blocking(move || {
            runtime.block_on(async move {
                let writing = writer.write_here(target, rows, progress);
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => Err(Error::Cancelled),
                    written = writing => written,
                }
            })
        })
        .await
        .map_err(|error| Error::Internal(format!("the writer stopped: {error}")))?
    }

    async fn write_here(
        &self,
        target: Target,
        rows: SendableRecordBatchStream,
        progress: Option<WriteProgress>,
    ) -> Result<Written> {
        let schema = file_schema(&target.columns);
        let geometry = target.columns.iter().position(Column::is_geometry);
        let mut form = Form {
            storage: self.storage.clone(),
            schema: schema.clone(),
            geometry,
            has_bounds: false,
            election: Uuid::now_v7(),
            columns: target.columns.clone(),
        };
        let mut files = FileSeries {
            folder: target.folder,
            uncommitted: Uncommitted::new(self.pending.clone()),
            written: Vec::new(),
            rows: 0,
        };
        match geometry {
            None => {
                let columns = target.columns;
                let mut report = Report::new(progress);
                let rows = rows.map(move |batch| {
                    let batch = canonical(&batch.map_err(error_from_engine)?, &columns, &schema)?;
                    report.add(batch.num_rows());
                    Ok(batch)
                });
                files.write(&form, rows, FILE_ROWS).await?;
            }
            Some(position) => {
                let (buckets, has_shapes) = self.lay_out(&target.columns, &schema, position, rows, progress).await?;
                form.has_bounds = has_shapes;
                let total = buckets.rows();
                // Files of about the same size, rather than full ones and a rest.
                let rows_per_file = total.div_ceil(total.div_ceil(FILE_ROWS).max(1));
                files
                    .write(&form, futures::stream::iter(buckets.into_batches()?), rows_per_file)
                    .await?;
            }
        }
        Ok(Written {
            files: files.written,
            rows: files.rows,
            _until_commit: files.uncommitted,
        })
    }

    /// Keys, sorts and elects all rows. Says too whether some row is something else than a point.
    async fn lay_out(
        &self,
        columns: &[Column],
        schema: &SchemaRef,
        geometry: usize,
        rows: SendableRecordBatchStream,
        progress: Option<WriteProgress>,
    ) -> Result<(Buckets, bool)> {
        let has_shapes = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let keyed = keyed_rows(columns, schema, geometry, rows, progress, has_shapes.clone())?;
        let keyed_schema = keyed.schema();
        let mut sorted = sort_by_key(keyed, self.context())?;
        let mut buckets = Buckets::new(keyed_schema, self.runtime.clone());
        while let Some(batch) = sorted.try_next().await.map_err(error_from_engine)? {
            buckets.push(batch)?;
        }
        Ok((buckets, has_shapes.load(std::sync::atomic::Ordering::Relaxed)))
    }

    fn context(&self) -> Arc<TaskContext> {
        let limit = match self.runtime.memory_pool.memory_limit() {
            datafusion::execution::memory_pool::MemoryLimit::Finite(bytes) => bytes,
            _ => usize::MAX,
        };
        let mut config = SessionConfig::new();
        let settings = config.options_mut();
        // Sorts must be able to start inside small limits.
        settings.execution.sort_spill_reservation_bytes =
            settings.execution.sort_spill_reservation_bytes.min(limit / 16);
        Arc::new(
            TaskContext::default()
                .with_session_config(config)
                .with_runtime(self.runtime.clone()),
        )
    }
}

/// The rows as files hold them, with `_qb` and the levels that one row can tell.
fn keyed_rows(
    columns: &[Column],
    schema: &SchemaRef,
    geometry: usize,
    rows: SendableRecordBatchStream,
    progress: Option<WriteProgress>,
    has_shapes: Arc<std::sync::atomic::AtomicBool>,
) -> Result<SendableRecordBatchStream> {
    let crs = crs_or_default(&columns[geometry]).to_owned();
    // Unknown CRS: told before anything is read.
    ToLonLat::from_crs(&crs)?;
    let mut fields = schema.fields().to_vec();
    fields.extend(key_fields(false));
    let keyed_schema = Arc::new(Schema::new(fields));
    let (columns, schema, out_schema) = (columns.to_vec(), schema.clone(), keyed_schema.clone());
    let mut report = Report::new(progress);
    let keyed = rows.map(move |batch| {
        let batch =
            canonical(&batch?, &columns, &schema).map_err(|error| DataFusionError::External(Box::new(error)))?;
        // A projection belongs to its thread, the stream may wander between threads.
        let to_lonlat = ToLonLat::from_crs(&crs).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let keys = Keys::of(batch.column(geometry).as_binary(), &to_lonlat);
        has_shapes.fetch_or(keys.has_shapes, std::sync::atomic::Ordering::Relaxed);
        report.add(batch.num_rows());
        let mut arrays = batch.columns().to_vec();
        arrays.extend([Arc::new(keys.quadbins) as ArrayRef, Arc::new(keys.levels) as ArrayRef]);
        Ok(RecordBatch::try_new(out_schema.clone(), arrays)?)
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(keyed_schema, keyed)))
}

/// Files that follow one another in the order of the rows.
struct FileSeries {
    folder: String,
    uncommitted: Uncommitted,
    written: Vec<NewFile>,
    rows: u64,
}

impl FileSeries {
    async fn write(
        &mut self,
        form: &Form,
        rows: impl futures::Stream<Item = Result<RecordBatch>>,
        rows_per_file: u64,
    ) -> Result<()> {
        let mut rows = std::pin::pin!(rows);
        let mut open: Option<OpenFile<'_>> = None;
        while let Some(batch) = rows.try_next().await? {
            let mut batch = batch;
            while batch.num_rows() > 0 {
                let mut file = match open.take() {
                    Some(file) => file,
                    None => self.open(form, rows_per_file).await?,
                };
                let room = usize::try_from(rows_per_file - file.rows())
                    .unwrap_or(usize::MAX)
                    .min(batch.num_rows());
                file.write(&batch.slice(0, room)).await?;
                batch = batch.slice(room, batch.num_rows() - room);
                if file.rows() >= rows_per_file || file.bytes() >= FILE_BYTES {
                    self.close(file).await?;
                } else {
                    open = Some(file);
                }
            }
        }
        if let Some(file) = open {
            self.close(file).await?;
        }
        Ok(())
    }

    async fn open<'a>(&mut self, form: &'a Form, rows: u64) -> Result<OpenFile<'a>> {
        let path = format!("{}ducklake-{}.parquet", self.folder, Uuid::now_v7());
        self.uncommitted.register(&path).await?;
        OpenFile::create(form, path, rows)
    }

    async fn close(&mut self, file: OpenFile<'_>) -> Result<()> {
        let file = file.finish().await?;
        self.rows += file.rows;
        self.written.push(file);
        Ok(())
    }
}

/// Tells how many rows went by, now and then.
struct Report {
    progress: Option<WriteProgress>,
    rows: u64,
    told: u64,
}

impl Report {
    fn new(progress: Option<WriteProgress>) -> Self {
        Report {
            progress,
            rows: 0,
            told: 0,
        }
    }

    fn add(&mut self, rows: usize) {
        self.rows += rows as u64;
        if let Some(progress) = &self.progress
            && self.rows - self.told >= ROWS_PER_REPORT
        {
            self.told = self.rows;
            progress(self.rows);
        }
    }
}
