//! One Parquet file: how it is encoded, what it says of itself, and its statistics.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::parquet::arrow::AsyncArrowWriter;
use datafusion::parquet::arrow::async_writer::ParquetObjectWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use uuid::Uuid;

use crate::catalog::crs_or_default;
use crate::commit::{FileKeys, NewFile};
use crate::engine::ToLonLat;
use crate::error::{Error, Result};
use crate::layout::{BOUNDS_COLUMNS, GeometryScan, LEVEL_COLUMN, QUADBIN_COLUMN, key_fields};
use crate::storage::Storage;
use crate::table::{Column, KeyRange};

use super::geoparquet;
use super::statistics::{NanScan, column_statistics};

/// Rows in a row group.
const ROW_GROUP_ROWS: usize = 131_072;
/// Rows in a page: what a read of a few rows must decode.
const PAGE_ROWS: usize = 2_048;
/// Different values of a column in a row group are gathered in a dictionary up to so many bytes: whoever reads a few rows
/// reads all of it.
const DICTIONARY_BYTES: usize = 64 << 10;
/// Files of fewer rows need no Bloom filter: they are read whole.
const ROWS_FOR_BLOOM_FILTER: u64 = 20_000;
/// Bytes of text kept as a bound in the statistics.
const STATISTICS_BYTES: usize = 128;

/// What all files of one write have in common.
pub(super) struct Form {
    pub(super) storage: Storage,
    pub(super) columns: Vec<Column>,
    /// The real columns as files hold them.
    pub(super) schema: SchemaRef,
    /// Position of the column that rows are laid out by.
    pub(super) geometry: Option<usize>,
    /// Some row is no point: files have boxes.
    pub(super) has_bounds: bool,
    pub(super) election: Uuid,
}

impl Form {
    /// The columns of the files, with the hidden ones.
    fn file_schema(&self) -> SchemaRef {
        if self.geometry.is_none() {
            return self.schema.clone();
        }
        let mut fields = self.schema.fields().to_vec();
        fields.extend(key_fields(self.has_bounds));
        Arc::new(Schema::new(fields))
    }
}

/// A file that is being written.
pub(super) struct OpenFile<'a> {
    form: &'a Form,
    to_lonlat: Option<ToLonLat>,
    path: String,
    schema: SchemaRef,
    writer: AsyncArrowWriter<ParquetObjectWriter>,
    rows: u64,
    /// One for each geometry column.
    scans: HashMap<usize, GeometryScan>,
    nans: NanScan,
    keys: KeyScan,
}

/// Ranges of the keys written so far.
#[derive(Default)]
struct KeyScan {
    qb: Option<(i64, i64)>,
    lod: Option<(i8, i8)>,
    rows_without_key: u64,
}

impl<'a> OpenFile<'a> {
    /// `path` is relative to the lake's data path; `rows` is how many are expected.
    pub(super) fn create(form: &'a Form, path: String, rows: u64) -> Result<Self> {
        let schema = form.file_schema();
        let to_lonlat = match form.geometry {
            Some(position) => Some(ToLonLat::from_crs(crs_or_default(&form.columns[position]))?),
            None => None,
        };
        let sink = ParquetObjectWriter::new(form.storage.store().clone(), form.storage.key(&path)?);
        let writer = AsyncArrowWriter::try_new(sink, schema.clone(), Some(properties(form, rows)?))?;
        let scans = form
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.is_geometry())
            .map(|(position, _)| (position, GeometryScan::new()))
            .collect();
        let nans = NanScan::of(&form.schema);
        Ok(OpenFile {
            form,
            to_lonlat,
            path,
            schema,
            writer,
            rows: 0,
            scans,
            nans,
            keys: KeyScan::default(),
        })
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes written and still in memory.
    pub(super) fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Writes rows: the real columns, and behind them `_qb` and `_lod` when the table has a geometry.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let mut arrays: Vec<ArrayRef> = batch.columns().to_vec();
        self.nans.add(&arrays[..self.form.columns.len()]);
        let mut bounds = None;
        for (position, scan) in &mut self.scans {
            let geometries: &BinaryArray = arrays[*position].as_binary();
            let is_laid_out_by = Some(*position) == self.form.geometry;
            let own;
            let to_lonlat = match &self.to_lonlat {
                Some(to_lonlat) if is_laid_out_by => to_lonlat,
                _ => {
                    own = ToLonLat::from_crs(crate::types::DEFAULT_CRS)?;
                    &own
                }
            };
            let columns = scan.add(geometries, to_lonlat, is_laid_out_by && self.form.has_bounds);
            bounds = bounds.or(columns);
        }
        if self.form.geometry.is_some() {
            self.keys.add(batch)?;
        }
        if let Some(bounds) = bounds {
            arrays.extend(bounds.map(|side| Arc::new(side) as ArrayRef));
        }
        let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        self.writer.write(&batch).await?;
        Ok(())
    }

    /// Completes the file: it stands in the storage and survives a power cut.
    pub(super) async fn finish(mut self) -> Result<NewFile> {
        let form = self.form;
        let described: Vec<_> = form
            .columns
            .iter()
            .enumerate()
            .filter_map(|(position, column)| Some((column, self.scans.get(&position)?)))
            .collect();
        if let Some(text) = geoparquet::metadata(&described, form.geometry.map(|position| &form.columns[position])) {
            self.writer
                .append_key_value_metadata(KeyValue::new("geo".to_owned(), text));
        }
        let metadata = self.writer.finish().await?;
        let bytes = self.writer.bytes_written() as u64;
        drop(self.writer);
        form.storage.make_durable(&self.path).await?;
        let footer_bytes = footer_length(&form.storage, &self.path, bytes).await?;
        let columns = column_statistics(&metadata, &form.columns, &self.scans, &self.nans)?;
        let keys = form.geometry.map(|position| FileKeys {
            column: form.columns[position].id,
            range: KeyRange {
                qb: self.keys.qb,
                lod: self.keys.lod,
                has_bounds: form.has_bounds,
                rows_without_key: self.keys.rows_without_key,
            },
            bounds: self.scans.get(&position).and_then(GeometryScan::lonlat_bounds),
            election: form.election,
        });
        Ok(NewFile {
            path: self.path,
            rows: self.rows,
            bytes,
            footer_bytes,
            columns,
            keys,
        })
    }
}

impl KeyScan {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let missing = || Error::Internal("rows of a table with geometries have no keys".to_owned());
        let quadbins = batch.column_by_name(QUADBIN_COLUMN).ok_or_else(missing)?;
        let levels = batch.column_by_name(LEVEL_COLUMN).ok_or_else(missing)?;
        for quadbin in quadbins.as_primitive::<datafusion::arrow::datatypes::Int64Type>() {
            match quadbin {
                None => self.rows_without_key += 1,
                Some(key) => {
                    self.qb = Some(self.qb.map_or((key, key), |(min, max)| (min.min(key), max.max(key))));
                }
            }
        }
        for level in levels
            .as_primitive::<datafusion::arrow::datatypes::Int8Type>()
            .iter()
            .flatten()
        {
            self.lod = Some(
                self.lod
                    .map_or((level, level), |(min, max)| (min.min(level), max.max(level))),
            );
        }
        Ok(())
    }
}

fn properties(form: &Form, rows: u64) -> Result<WriterProperties> {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(concat!("Groma ", env!("CARGO_PKG_VERSION")).to_owned());
    for column in &form.columns {
        let path = ColumnPath::from(column.name.as_str());
        if column.is_geometry() {
            // Bounds of bytes mean nothing; nulls are counted all the same.
            builder = builder
                .set_column_statistics_enabled(path.clone(), EnabledStatistics::Chunk)
                .set_column_dictionary_enabled(path, false);
        } else if column.type_name.starts_with("float") {
            builder = builder.set_column_dictionary_enabled(path, false);
        } else if is_identifier(column) {
            // All values are different: a dictionary would hold them all.
            builder = builder.set_column_dictionary_enabled(path.clone(), false);
            if rows >= ROWS_FOR_BLOOM_FILTER {
                builder = builder
                    .set_column_bloom_filter_enabled(path.clone(), true)
                    .set_column_bloom_filter_ndv(path, rows.min(ROW_GROUP_ROWS as u64));
            }
        }
    }
    if form.geometry.is_some() {
        let key = ColumnPath::from(QUADBIN_COLUMN);
        builder = builder
            .set_column_dictionary_enabled(key.clone(), false)
            .set_column_encoding(key, Encoding::DELTA_BINARY_PACKED);
        for name in BOUNDS_COLUMNS.iter().filter(|_| form.has_bounds) {
            builder = builder.set_column_dictionary_enabled(ColumnPath::from(*name), false);
        }
    }
    Ok(builder.build())
}

/// Columns that rows are looked up by.
fn is_identifier(column: &Column) -> bool {
    let name = column.name.to_ascii_lowercase();
    let is_named_so = matches!(
        name.as_str(),
        "id" | "uuid" | "guid" | "geoid" | "fid" | "cartodb_id" | "osm_id"
    ) || name.ends_with("_id");
    is_named_so && column.children.is_empty()
}

/// Length of the Parquet footer, which stands before the last eight bytes of the file.
async fn footer_length(storage: &Storage, path: &str, bytes: u64) -> Result<u64> {
    use object_store::ObjectStoreExt;
    let tail = storage
        .store()
        .get_range(&storage.key(path)?, bytes.saturating_sub(8)..bytes)
        .await?;
    let length = tail
        .first_chunk::<4>()
        .ok_or_else(|| Error::Damaged(format!("{path} was cut short")))?;
    Ok(u64::from(u32::from_le_bytes(*length)))
}
