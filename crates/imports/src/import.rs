//! The import itself: survey, read, write; and the preview, which is the survey of the first rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::Actor;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warehouse::{TableName, Warehouse, WriteMode, WriteOptions};

use crate::batches::{Sink, schema_of};
use crate::error::{Error, Result};
use crate::options::ImportOptions;
use crate::report::{Report, Tally};
use crate::survey::{Details, PREVIEWED, Preview, Survey};
use crate::watch::{ImportProgress, Watch, length_within_limit};
use crate::{Format, csv, detect, geojson, geoparquet};

/// The largest file that can be imported.
pub const MOST_BYTES: u64 = 5_000_000_000;

/// Batches that may wait between the reader and the writer.
const WAITING: usize = 2;

/// What an import of the file would make of it, told from its first rows.
pub async fn preview(path: &Path, options: &ImportOptions) -> Result<Preview> {
    let (path, options) = (path.to_owned(), options.clone());
    let survey = away(move || {
        length_within_limit(&path, MOST_BYTES)?;
        survey(&path, &options, Some(PREVIEWED), &mut Watch::nobody())
    });
    Ok(survey.await?.into())
}

/// Imports a file into a table, whole or not at all.
pub async fn import(
    warehouse: &Warehouse,
    actor: &Actor,
    path: &Path,
    table: &TableName,
    options: &ImportOptions,
    progress: Option<ImportProgress>,
    cancel: &CancellationToken,
) -> Result<Report> {
    let mode = options.write_mode()?;
    refuse_taken_name(warehouse, table, mode).await?;
    let length = length_within_limit(path, MOST_BYTES)?;
    let survey = {
        let (path, options) = (path.to_owned(), options.clone());
        let mut watch = Watch::of_reading(1, length, progress.clone(), cancel.clone());
        away(move || survey(&path, &options, None, &mut watch)).await?
    };
    let watch = Watch::of_reading(2, length, progress, cancel.clone());
    let schema = schema(&survey);
    let has_geometry = survey.geometry.is_some();
    let source_crs = survey.geometry.as_ref().map(|geometry| geometry.source_crs.clone());
    let (rows, reading) = stream(path.to_owned(), survey, schema, length, watch);
    let write = WriteOptions {
        geometry_column: has_geometry.then(|| crate::batches::GEOMETRY.to_owned()),
        source_crs,
        description: options.description.clone(),
        attribution: options.attribution.clone(),
        progress: None,
    };
    let written = warehouse.write_table(actor, table, mode, rows, write).await;
    // What went wrong with the file is the better reason than that the writer got no more rows.
    let (survey, tally) = match (reading.await.map_err(broken)?, written) {
        (Ok(done), Ok(_)) => done,
        (Err(Stopped::Failed(error)), _) => return Err(error),
        (Ok(_) | Err(Stopped::Unwanted), Err(error)) => return Err(error.into()),
        (Err(Stopped::Unwanted), Ok(_)) => return Err(Error::Internal("the writer did not take all rows".to_owned())),
    };
    Ok(report(table, survey, tally))
}

/// Says early what writing would say after a long reading.
async fn refuse_taken_name(warehouse: &Warehouse, table: &TableName, mode: WriteMode) -> Result<()> {
    match (mode, warehouse.table(table).await) {
        (WriteMode::Create, Ok(_)) => Err(warehouse::Error::AlreadyExists {
            what: "Table",
            name: table.to_string(),
        }
        .into()),
        (WriteMode::Append, Err(error)) => Err(error.into()),
        (WriteMode::Create | WriteMode::Replace, Err(_)) | (WriteMode::Replace | WriteMode::Append, Ok(_)) => Ok(()),
    }
}

fn report(table: &TableName, survey: Survey, tally: Tally) -> Report {
    Report {
        table: table.to_string(),
        format: survey.format,
        read: tally.read,
        written: tally.written,
        repaired: tally.repaired,
        without_geometry: tally.without_geometry,
        refused_count: tally.refused_count,
        refused: tally.refused,
        repairs: tally.repairs,
        columns: survey.columns,
        geometry: survey.geometry,
        warnings: survey.warnings,
    }
}

/// Why a reading ended before the file did.
enum Stopped {
    Failed(Error),
    /// The writer does not want more rows: it failed, and says why itself.
    Unwanted,
}

type Reading = tokio::task::JoinHandle<Result<(Survey, Tally), Stopped>>;

/// The rows of the file as a stream, read by a thread of its own.
fn stream(
    path: PathBuf,
    survey: Survey,
    schema: SchemaRef,
    length: u64,
    mut watch: Watch,
) -> (SendableRecordBatchStream, Reading) {
    let (sender, receiver) = mpsc::channel::<Result<RecordBatch, DataFusionError>>(WAITING);
    let reading = tokio::task::spawn_blocking(move || {
        let mut tally = Tally::default();
        let is_wanted = std::cell::Cell::new(true);
        let mut sink = |batch: RecordBatch| -> Result<()> {
            sender.blocking_send(Ok(batch)).map_err(|_| {
                is_wanted.set(false);
                Error::Cancelled
            })
        };
        // A hostile file may hit a fault in a decoder; it must not take the server with it.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            read(&path, &survey, length, &mut watch, &mut tally, &mut sink).and_then(|()| some_are_written(&tally))
        }))
        .unwrap_or_else(|_| Err(damaged(survey.format)));
        match outcome {
            Ok(()) => Ok((survey, tally)),
            Err(_) if !is_wanted.get() => Err(Stopped::Unwanted),
            Err(error) => {
                let said = DataFusionError::Execution(error.to_string());
                let _ = sender.blocking_send(Err(said));
                Err(Stopped::Failed(error))
            }
        }
    });
    let rows = futures::stream::unfold(receiver, |mut receiver| async move {
        let batch = receiver.recv().await?;
        Some((batch, receiver))
    });
    (Box::pin(RecordBatchStreamAdapter::new(schema, rows)), reading)
}

fn some_are_written(tally: &Tally) -> Result<()> {
    match tally.refused.first() {
        Some(first) if tally.written == 0 => Err(Error::NothingUsable {
            read: tally.read,
            row: first.row,
            reason: first.reason.clone(),
        }),
        _ => Ok(()),
    }
}

fn survey(path: &Path, options: &ImportOptions, most_rows: Option<u64>, watch: &mut Watch) -> Result<Survey> {
    let format = detect(path)?;
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match format {
        Format::Csv => csv::survey(path, options, most_rows, watch),
        Format::GeoJson => geojson::survey(path, options, most_rows, watch),
        Format::GeoParquet => geoparquet::survey(path, options),
    }))
    .unwrap_or_else(|_| Err(damaged(format)))
}

fn read(
    path: &Path,
    survey: &Survey,
    length: u64,
    watch: &mut Watch,
    tally: &mut Tally,
    sink: &mut Sink<'_>,
) -> Result<()> {
    match &survey.details {
        Details::Csv(layout) => csv::read(path, survey, layout, watch, tally, sink),
        Details::GeoJson => geojson::read(path, survey, watch, tally, sink),
        Details::GeoParquet(layout) => geoparquet::read(path, survey, layout, length, watch, tally, sink),
    }
}

fn schema(survey: &Survey) -> SchemaRef {
    match &survey.details {
        Details::Csv(_) | Details::GeoJson => schema_of(&survey.columns, survey.geometry.is_some()),
        Details::GeoParquet(layout) => layout.schema(),
    }
}

fn damaged(format: Format) -> Error {
    Error::Damaged {
        format: format.name(),
        reason: "it cannot be decoded".to_owned(),
    }
}

/// Runs what reads files on a thread that may wait.
async fn away<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

fn broken(error: tokio::task::JoinError) -> Error {
    Error::Internal(error.to_string())
}

/// So that callers can share one closure between readings.
pub(crate) fn progress_of(told: impl Fn(u64, u64) + Send + Sync + 'static) -> ImportProgress {
    Arc::new(told)
}

#[cfg(test)]
mod tests;
