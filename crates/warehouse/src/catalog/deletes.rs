//! Which rows of a data file are deleted: positions from delete files and from the catalog.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::parquet::arrow::ParquetRecordBatchStreamBuilder;
use datafusion::parquet::arrow::async_reader::ParquetObjectReader;
use futures::TryStreamExt;

use crate::error::{Error, Result};
use crate::storage::Storage;
use crate::table::{DataFile, DeleteFile};

use super::contents::Contents;

/// The column of files that merge rows of several snapshots: the snapshot that each row is of.
pub(crate) const SNAPSHOT_COLUMN: &str = "_ducklake_internal_snapshot_id";

/// The positions of the deleted rows of a file at a snapshot, ascending, each once.
pub(super) async fn positions(
    storage: &Storage,
    contents: &Contents,
    file: &DataFile,
    snapshot: i64,
) -> Result<Vec<u64>> {
    let mut positions = Vec::new();
    for delete_file in file.deletes.iter() {
        read(storage, delete_file, snapshot, &mut positions).await?;
    }
    if let Some(inlined) = contents.inlined_deletes.get(&file.id) {
        positions.extend_from_slice(inlined);
    }
    positions.sort_unstable();
    positions.dedup();
    Ok(positions)
}

async fn read(storage: &Storage, file: &DeleteFile, snapshot: i64, positions: &mut Vec<u64>) -> Result<()> {
    if file.format != "parquet" {
        return Err(Error::NotImplemented(format!(
            "delete files of the format {}; in DuckDB, set the lake's option write_deletion_vectors to false",
            file.format
        )));
    }
    let reader = ParquetObjectReader::new(storage.store().clone(), storage.key(&file.path)?);
    let mut batches = ParquetRecordBatchStreamBuilder::new(reader).await?.build()?;
    while let Some(batch) = batches.try_next().await? {
        let damaged = || Error::Damaged(format!("the delete file '{}' has no positions", file.path));
        let column = cast(batch.column_by_name("pos").ok_or_else(damaged)?, &DataType::Int64)?;
        let column = column.as_primitive::<Int64Type>();
        let snapshots = match batch.column_by_name(SNAPSHOT_COLUMN) {
            Some(array) => Some(cast(array, &DataType::Int64)?),
            None => None,
        };
        let snapshots = snapshots.as_ref().map(|array| array.as_primitive::<Int64Type>());
        for row in 0..column.len() {
            // Deletions of several snapshots may be merged into one file: those of later ones are not in force.
            if snapshots.is_some_and(|snapshots| snapshots.value(row) > snapshot) {
                continue;
            }
            positions.push(u64::try_from(column.value(row)).map_err(|_| damaged())?);
        }
    }
    Ok(())
}
