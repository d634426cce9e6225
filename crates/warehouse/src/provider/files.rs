//! Reading files: an execution plan over data files and inlined rows of one table.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::catalog::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::common::ScalarValue;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetAccessPlan, RowGroupAccess,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;

use super::columns::ColumnsById;
use super::hidden::{FILE, Shape, Wanted, and, up_to_snapshot};
use super::index::WithPageIndex;
use crate::catalog::{Catalog, Contents, LakeTable, NameMapping, SNAPSHOT_COLUMN};
use crate::engine::error_from_engine;
use crate::error::{Error, Result};
use crate::table::{Column, ColumnRange, DataFile};
use crate::types;

/// Rows that stand in the catalog belong to this file.
pub(crate) const INLINED: i64 = -1;

/// What to read of a table.
pub(crate) struct FileScan<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) snapshot: i64,
    pub(crate) table: &'a LakeTable,
    pub(crate) contents: &'a Contents,
    /// Names of real and hidden columns, in the order wanted; files that lack a hidden one must not be among `files`.
    pub(crate) columns: Vec<String>,
    pub(crate) files: Vec<&'a DataFile>,
    pub(crate) reads_inlined: bool,
    pub(crate) wanted: Wanted,
    pub(crate) limit: Option<usize>,
    pub(crate) target_partitions: usize,
}

/// Files that can be read by one Parquet source.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    shape: Shape,
    /// Rows of later snapshots must be left out.
    is_merged: bool,
    has_deletes: bool,
    /// The first file of this kind that has a name mapping of its own.
    mapped: Option<i64>,
}

impl FileScan<'_> {
    /// The plan; its columns are those asked for, with the metadata of geometry and JSON columns.
    pub(crate) async fn plan(&self, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let mut kinds: BTreeMap<Kind, Vec<&DataFile>> = BTreeMap::new();
        for file in &self.files {
            if !self.wanted.may_hold(file) {
                continue;
            }
            let kind = Kind {
                shape: Shape::of(file),
                is_merged: file.partial_max.is_some_and(|newest| newest > self.snapshot),
                has_deletes: !file.deletes.is_empty() || file.has_inlined_deletes,
                mapped: self.contents.mappings.contains_key(&file.id).then_some(file.id),
            };
            kinds.entry(kind).or_default().push(file);
        }
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        for (kind, files) in &kinds {
            plans.push(self.parquet(session, kind, files).await?);
        }
        if self.reads_inlined
            && let Some(rows) = &self.contents.inlined
        {
            plans.push(self.inlined(rows)?);
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(self.schema()?))),
            1 => Ok(plans.swap_remove(0)),
            _ => UnionExec::try_new(plans).map_err(error_from_engine),
        }
    }

    fn schema(&self) -> Result<SchemaRef> {
        let all = full_schema(&self.table.columns, Shape::Boxes, false);
        let mut fields = Vec::with_capacity(self.columns.len());
        for name in &self.columns {
            fields.push(if name == FILE {
                file_field()
            } else {
                all.field_with_name(name)?.clone()
            });
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    async fn parquet(&self, session: &dyn Session, kind: &Kind, files: &[&DataFile]) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = full_schema(&self.table.columns, kind.shape, kind.is_merged);
        let mut condition = self.wanted.condition(kind.shape, &schema).map_err(error_from_engine)?;
        if kind.is_merged {
            let shown = up_to_snapshot(self.snapshot, &schema).map_err(error_from_engine)?;
            condition = Some(condition.map_or(shown.clone(), |condition| and(condition, shown)));
        }
        let store = self.catalog.storage().store().clone();
        let metadata_cache = session.runtime_env().cache_manager.get_file_metadata_cache();
        let mut options = TableParquetOptions::new();
        options.global = session.config_options().execution.parquet.clone();
        let table_schema = TableSchema::new(schema, vec![Arc::new(file_field())]);
        let positions = self.positions(&table_schema)?;
        let mut source = ParquetSource::new(table_schema.clone())
            .with_table_parquet_options(options)
            .with_pushdown_filters(true)
            .with_reorder_filters(true)
            .with_enable_page_index(true);
        let readers = CachedParquetFileReaderFactory::new(store.clone(), metadata_cache);
        source = match condition {
            Some(condition) => source
                .with_predicate(condition)
                .with_parquet_file_reader_factory(Arc::new(WithPageIndex(readers))),
            None => source.with_parquet_file_reader_factory(Arc::new(readers)),
        };
        let mut readable = Vec::with_capacity(files.len());
        for file in files {
            readable.push(self.partitioned_file(session, file, &table_schema).await?);
        }
        let mapping: Option<Arc<NameMapping>> = kind.mapped.and_then(|file| self.contents.mappings.get(&file).cloned());
        let config = FileScanConfigBuilder::new(self.catalog.storage().url().clone(), Arc::new(source))
            .with_file_groups(groups(readable, self.target_partitions))
            .with_projection_indices(Some(positions))
            .map_err(error_from_engine)?
            // The reader forgets deleted rows when it stops early at a limit: keeping order keeps it from that.
            .with_preserve_order(kind.has_deletes)
            .with_limit(if kind.has_deletes { None } else { self.limit })
            .with_expr_adapter(Some(Arc::new(ColumnsById::new(
                self.table.columns.clone().into(),
                mapping,
            ))))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn positions(&self, schema: &TableSchema) -> Result<Vec<usize>> {
        self.columns
            .iter()
            .map(|name| schema.table_schema().index_of(name).map_err(Error::from))
            .collect()
    }

    async fn partitioned_file(
        &self,
        session: &dyn Session,
        file: &DataFile,
        schema: &TableSchema,
    ) -> Result<PartitionedFile> {
        let key = self.catalog.storage().key(&file.path)?;
        let mut readable = PartitionedFile::new(key.to_string(), file.bytes)
            .with_partition_values(vec![ScalarValue::Int64(Some(file.id))])
            .with_statistics(Arc::new(statistics_of(file, &self.table.columns, schema.file_schema())));
        readable.object_meta.location = key;
        if let Some(footer) = file.footer_bytes.and_then(|bytes| usize::try_from(bytes).ok()) {
            // The footer and the eight bytes after it.
            readable = readable.with_metadata_size_hint(footer + 8);
        }
        let deleted = self.catalog.deleted_positions(self.snapshot, self.table, file).await?;
        if !deleted.is_empty() {
            let access = self.access_without(session, &readable, &deleted).await?;
            readable = readable.with_extension(access);
        }
        Ok(readable)
    }

    /// Which rows of each row group are left.
    async fn access_without(
        &self,
        session: &dyn Session,
        file: &PartitionedFile,
        deleted: &[u64],
    ) -> Result<ParquetAccessPlan> {
        let metadata = DFParquetMetadata::new(self.catalog.storage().store().as_ref(), &file.object_meta)
            .with_metadata_size_hint(file.metadata_size_hint)
            .with_file_metadata_cache(Some(session.runtime_env().cache_manager.get_file_metadata_cache()))
            .fetch_metadata()
            .await
            .map_err(error_from_engine)?;
        let mut first = 0u64;
        let mut accesses = Vec::with_capacity(metadata.num_row_groups());
        for group in metadata.row_groups() {
            let rows = u64::try_from(group.num_rows()).unwrap_or(0);
            let here = &deleted
                [deleted.partition_point(|row| *row < first)..deleted.partition_point(|row| *row < first + rows)];
            accesses.push(access_of(here, first, rows));
            first += rows;
        }
        Ok(ParquetAccessPlan::new(accesses))
    }

    /// Rows of the catalog, in the columns asked for. Windows and levels are left to whoever asks: there are few.
    fn inlined(&self, rows: &RecordBatch) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema()?;
        let mut arrays = Vec::with_capacity(self.columns.len());
        for name in &self.columns {
            arrays.push(if name == FILE {
                Arc::new(Int64Array::from(vec![INLINED; rows.num_rows()]))
            } else {
                rows.column_by_name(name)
                    .cloned()
                    .ok_or_else(|| Error::Internal(format!("rows of the catalog lack the column {name}")))?
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?;
        Ok(MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None).map_err(error_from_engine)?)
    }
}

/// The table's columns, then the hidden ones.
fn full_schema(columns: &[Column], shape: Shape, is_merged: bool) -> SchemaRef {
    let mut fields: Vec<Field> = columns.iter().map(types::field_of).collect();
    fields.extend(shape.fields());
    if is_merged {
        fields.push(Field::new(SNAPSHOT_COLUMN, DataType::Int64, true));
    }
    Arc::new(Schema::new(fields))
}

fn file_field() -> Field {
    Field::new(FILE, DataType::Int64, false)
}

/// Files in order, cut into at most so many groups of about as many bytes.
fn groups(files: Vec<PartitionedFile>, target_partitions: usize) -> Vec<FileGroup> {
    let all: u64 = files.iter().map(|file| file.object_meta.size).sum();
    let share = all.div_ceil(target_partitions.max(1) as u64).max(1);
    let mut groups: Vec<Vec<PartitionedFile>> = Vec::new();
    let mut before = 0;
    let mut last = None;
    for file in files {
        let group = before / share;
        before += file.object_meta.size;
        if last != Some(group) {
            groups.push(Vec::new());
            last = Some(group);
        }
        if let Some(open) = groups.last_mut() {
            open.push(file);
        }
    }
    groups.into_iter().map(FileGroup::new).collect()
}

fn access_of(deleted: &[u64], first: u64, rows: u64) -> RowGroupAccess {
    if deleted.is_empty() {
        return RowGroupAccess::Scan;
    }
    if deleted.len() as u64 == rows {
        return RowGroupAccess::Skip;
    }
    let mut selectors = Vec::new();
    let mut next = first;
    for row in deleted {
        push(&mut selectors, false, row - next);
        push(&mut selectors, true, 1);
        next = row + 1;
    }
    push(&mut selectors, false, first + rows - next);
    RowGroupAccess::Selection(RowSelection::from(selectors))
}

fn push(selectors: &mut Vec<RowSelector>, skips: bool, rows: u64) {
    let rows = usize::try_from(rows).expect("a row group has fewer rows than memory has addresses");
    if rows > 0 {
        selectors.push(if skips {
            RowSelector::skip(rows)
        } else {
            RowSelector::select(rows)
        });
    }
}

/// The catalog's statistics, for leaving files out. Nothing may be answered from them: rows may be deleted, texts cut.
fn statistics_of(file: &DataFile, columns: &[Column], schema: &Schema) -> Statistics {
    let is_whole = file.deletes.is_empty() && !file.has_inlined_deletes && file.partial_max.is_none();
    let rows = usize::try_from(file.rows).unwrap_or(usize::MAX);
    let column_statistics = schema
        .fields()
        .iter()
        .map(|field| {
            columns
                .iter()
                .find(|column| column.name == *field.name())
                .and_then(|column| file.columns.get(&column.id))
                .map_or_else(ColumnStatistics::new_unknown, |range| range_of(range, field))
        })
        .collect();
    Statistics {
        num_rows: if is_whole {
            Precision::Exact(rows)
        } else {
            Precision::Inexact(rows)
        },
        total_byte_size: Precision::Absent,
        column_statistics,
    }
}

fn range_of(range: &ColumnRange, field: &Field) -> ColumnStatistics {
    let mut statistics = ColumnStatistics::new_unknown();
    // NaN stands above every number but outside min and max.
    let is_ordered = !field.data_type().is_floating() || range.has_nan == Some(false);
    if is_ordered && !types::is_geometry_field(field) {
        let value = |text: &Option<String>| {
            let value = ScalarValue::try_from_string(text.clone()?, field.data_type()).ok()?;
            (!value.is_null()).then_some(Precision::Inexact(value))
        };
        if let (Some(min), Some(max)) = (value(&range.min), value(&range.max)) {
            statistics.min_value = min;
            statistics.max_value = max;
        }
    }
    if let Some(nulls) = range.nulls {
        statistics.null_count = Precision::Inexact(usize::try_from(nulls).unwrap_or(usize::MAX));
    }
    statistics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleted_rows_are_skipped_one_by_one() {
        assert_eq!(access_of(&[], 100, 10), RowGroupAccess::Scan);
        assert_eq!(
            access_of(&(100..110).collect::<Vec<_>>(), 100, 10),
            RowGroupAccess::Skip
        );
        let left = RowSelection::from(vec![
            RowSelector::skip(1),
            RowSelector::select(3),
            RowSelector::skip(2),
            RowSelector::select(4),
        ]);
        assert_eq!(access_of(&[100, 104, 105], 100, 10), RowGroupAccess::Selection(left));
    }
}
