//! Compaction: the same rows in fewer, laid-out files.

use futures::future::BoxFuture;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Contents, LakeTable};
use crate::commit::{Change, Reason, Replacement, name_of, nothing};
use crate::engine::error_from_engine;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::provider::{FileScan, Wanted};
use crate::table::DataFile;
use crate::writer::{FILE_ROWS, Target};
use crate::{Warehouse, WriteProgress};

use super::SMALL_FILE_ROWS;

/// How often a compaction starts again when others changed its files meanwhile.
const ATTEMPTS: u32 = 5;
/// A file is merged with smaller ones that have together at least this part of its rows.
const WORTHWHILE_PART: u64 = 8;
/// A table beyond one file's size is only written anew when this part of it gains.
const GAINING_PART: u64 = 10;

/// How much a compaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Merges what costs little: after inserts.
    Light,
    /// Leaves the table as if it had been loaded at once, unless that means writing a very large one for little.
    Full,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct CompactReport {
    pub files_before: usize,
    pub files_after: usize,
    /// Rows that were written anew; 0 when there was nothing to do.
    pub rows: u64,
}

impl Warehouse {
    /// Merges the files of a table into laid-out ones. The rows stay the same.
    pub fn compact_table<'a>(
        &'a self,
        name: &'a TableName,
        cancel: &'a CancellationToken,
        progress: Option<WriteProgress>,
    ) -> BoxFuture<'a, Result<CompactReport>> {
        Box::pin(async move {
            let lake = self.catalog().lake(self.catalog().current().await?).await?;
            let table = lake
                .table(&name.schema, &name.table)
                .ok_or_else(|| Error::TableNotFound {
                    name: name.to_string(),
                    near: Vec::new(),
                })?;
            self.compact(table.id, Effort::Full, cancel, progress).await
        })
    }

    /// The same by the table's id; a table that is gone needs nothing.
    pub(crate) async fn compact(
        &self,
        table_id: i64,
        effort: Effort,
        cancel: &CancellationToken,
        progress: Option<WriteProgress>,
    ) -> Result<CompactReport> {
        let mut attempt = 1;
        loop {
            let compacting = self.compact_once(table_id, effort, progress.clone());
            let outcome = tokio::select! {
                () = cancel.cancelled() => Err(Error::Cancelled),
                outcome = compacting => outcome,
            };
            match outcome {
                Err(Error::Conflict(_)) if attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn compact_once(
        &self,
        table_id: i64,
        effort: Effort,
        progress: Option<WriteProgress>,
    ) -> Result<CompactReport> {
        let catalog = self.catalog();
        let snapshot = catalog.current().await?;
        let lake = catalog.lake(snapshot).await?;
        let Some(table) = lake.table_by_id(table_id) else {
            return Ok(CompactReport::default());
        };
        let contents = catalog.contents(snapshot, table).await?;
        let files_before = contents.files.len();
        let nothing_to_do = CompactReport {
            files_before,
            files_after: files_before,
            rows: 0,
        };
        let Some(choice) = choose(table, &contents, effort) else {
            return Ok(nothing_to_do);
        };

        let rows = self.rows_of(snapshot, table, &contents, &choice).await?;
        let target = Target {
            folder: table.path.clone(),
            columns: table.columns.clone(),
        };
        let written = self.writer().write(target, rows, progress).await?;
        let expected = self.expected_rows(snapshot, table, &contents, &choice).await?;
        if written.rows != expected {
            return Err(Error::Internal(format!(
                "a compaction of {} read {} rows of {expected}: nothing was changed",
                name_of(table),
                written.rows
            )));
        }
        let report = CompactReport {
            files_before,
            files_after: files_before - choice.files.len() + written.files.len(),
            rows: written.rows,
        };
        let mut change = Change::on(snapshot);
        change.replace(
            table.id,
            Reason::SameRows,
            Replacement {
                removed_files: choice.files.iter().map(|file| file.id).collect(),
                removes_inlined: choice.inlined,
                added: written.files.clone(),
            },
        );
        // An UPDATE or DELETE that is under way goes first: it is the compaction that starts again.
        let _turn = self.turn_of(table.id).await;
        change.commit(catalog, &name_of(table), &nothing).await?;
        tracing::debug!(table = %name_of(table), ?report, "compacted");
        Ok(report)
    }

    /// The rows that the choice holds, file by file.
    async fn rows_of(
        &self,
        snapshot: i64,
        table: &LakeTable,
        contents: &Contents,
        choice: &Choice<'_>,
    ) -> Result<SendableRecordBatchStream> {
        let session = self.engine().template();
        let plan = FileScan {
            catalog: self.catalog(),
            snapshot,
            table,
            contents,
            columns: table.columns.iter().map(|column| column.name.clone()).collect(),
            files: choice.files.clone(),
            reads_inlined: choice.inlined,
            wanted: Wanted::default(),
            limit: None,
            target_partitions: 1,
        }
        .plan(session)
        .await?;
        one_after_another(plan, session.task_ctx())
    }

    /// How many rows the choice holds by the catalog's count.
    async fn expected_rows(
        &self,
        snapshot: i64,
        table: &LakeTable,
        contents: &Contents,
        choice: &Choice<'_>,
    ) -> Result<u64> {
        let mut rows = 0;
        for file in &choice.files {
            let deleted = self.catalog().deleted_positions(snapshot, table, file).await?;
            rows += file.rows - (deleted.len() as u64).min(file.rows);
        }
        if choice.inlined {
            rows += contents.inlined.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        }
        Ok(rows)
    }
}

/// The partitions of a plan in order: tables without geometries keep the order of their rows.
fn one_after_another(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
    let schema: SchemaRef = plan.schema();
    let mut streams = Vec::new();
    for partition in 0..plan.properties().output_partitioning().partition_count() {
        streams.push(plan.execute(partition, context.clone()).map_err(error_from_engine)?);
    }
    let rows = futures::stream::iter(streams).flatten();
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

/// What a compaction writes anew.
struct Choice<'a> {
    files: Vec<&'a DataFile>,
    inlined: bool,
}

fn choose<'a>(table: &LakeTable, contents: &'a Contents, effort: Effort) -> Option<Choice<'a>> {
    let has_geometry = table.geometry_column().is_some();
    let inlined_rows = contents.inlined.as_ref().map_or(0, |rows| rows.num_rows() as u64);
    let inlined = inlined_rows > 0;
    let gains = |file: &DataFile| {
        file.rows < SMALL_FILE_ROWS
            || !file.deletes.is_empty()
            || file.has_inlined_deletes
            || (has_geometry && file.keys.is_none())
    };
    let mut by_size: Vec<&DataFile> = contents.files.iter().collect();
    by_size.sort_by_key(|file| file.rows);
    let total: u64 = by_size.iter().map(|file| file.rows).sum::<u64>() + inlined_rows;
    let gaining: u64 = by_size
        .iter()
        .filter(|file| gains(file))
        .map(|file| file.rows)
        .sum::<u64>()
        + inlined_rows;

    if effort == Effort::Full && (total <= FILE_ROWS || gaining * GAINING_PART >= total) {
        let is_small = by_size.len() as u64 <= total.div_ceil(FILE_ROWS).max(1);
        let is_clean = !inlined && by_size.iter().all(|file| !gains(file) || file.rows == total);
        let is_one_election = !has_geometry || table.keys.lod_is_global;
        let are_deleted = by_size
            .iter()
            .any(|file| !file.deletes.is_empty() || file.has_inlined_deletes);
        if is_small && is_clean && is_one_election && !are_deleted {
            return None;
        }
        return Some(Choice {
            files: contents.files.iter().collect(),
            inlined,
        });
    }

    let mut files = Vec::new();
    let mut rows = inlined_rows;
    for file in by_size {
        let is_near = file.rows <= rows * WORTHWHILE_PART && file.rows < FILE_ROWS / 2;
        if gains(file) || is_near {
            files.push(file);
            rows += file.rows;
        }
    }
    let is_dirty =
        |file: &DataFile| !file.deletes.is_empty() || file.has_inlined_deletes || (has_geometry && file.keys.is_none());
    let is_worthwhile = inlined || files.len() > 1 || files.iter().any(|file| is_dirty(file));
    is_worthwhile.then(|| {
        // In their old order: rows of tables without geometries keep theirs.
        let chosen = contents
            .files
            .iter()
            .filter(|file| files.iter().any(|chosen| chosen.id == file.id))
            .collect();
        Choice { files: chosen, inlined }
    })
}
