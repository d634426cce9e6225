//! What a table consists of at one snapshot: data files with their statistics, deletions, and rows in the catalog.

use std::collections::HashMap;
use std::sync::Arc;

use database::Transaction;
use datafusion::arrow::array::RecordBatch;
use spatial::LonLatBox;

use crate::error::{Error, Result};
use crate::table::{ColumnRange, DataFile, DeleteFile, KeyRange};
use crate::types::DEFAULT_CRS;

use super::columns;
use super::geometry::GeometryStatistics;
use super::inlined;
use super::lake::{LakeTable, crs_or_default, resolve};
use super::sql::{Dialect, fetch, in_force, list};

/// Length that DuckDB cuts bounds of texts to.
const CUT_TEXT_BYTES: usize = 256;

/// Files and rows of a table at one snapshot.
#[derive(Debug)]
pub(crate) struct Contents {
    /// In file order.
    pub(crate) files: Arc<[DataFile]>,
    /// Rows that stand in the catalog, in the table's present form.
    pub(crate) inlined: Option<RecordBatch>,
    /// File → positions of rows that are deleted in the catalog, ascending.
    pub(crate) inlined_deletes: HashMap<i64, Arc<[u64]>>,
    /// File → how its columns are named, for files that were made elsewhere and have no field ids.
    pub(crate) mappings: HashMap<i64, Arc<NameMapping>>,
}

/// Column names of a file without field ids: name in the file → column id.
pub(crate) type NameMapping = HashMap<String, i64>;

#[derive(sqlx::FromRow)]
struct FileRow {
    data_file_id: i64,
    begin_snapshot: i64,
    path: String,
    path_is_relative: Option<bool>,
    file_format: Option<String>,
    record_count: Option<i64>,
    file_size_bytes: Option<i64>,
    footer_size: Option<i64>,
    row_id_start: Option<i64>,
    encryption_key: Option<String>,
    mapping_id: Option<i64>,
    partial_max: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct DeleteRow {
    delete_file_id: i64,
    begin_snapshot: i64,
    data_file_id: i64,
    path: String,
    path_is_relative: Option<bool>,
    format: Option<String>,
    delete_count: Option<i64>,
    file_size_bytes: Option<i64>,
    footer_size: Option<i64>,
    encryption_key: Option<String>,
    partial_max: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct StatisticsRow {
    data_file_id: i64,
    column_id: i64,
    value_count: Option<i64>,
    null_count: Option<i64>,
    min_value: Option<String>,
    max_value: Option<String>,
    contains_nan: Option<bool>,
    extra_stats: Option<String>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    data_file_id: i64,
    qb_min: Option<i64>,
    qb_max: Option<i64>,
    lod_min: Option<i64>,
    lod_max: Option<i64>,
    west: Option<f64>,
    south: Option<f64>,
    east: Option<f64>,
    north: Option<f64>,
    rows_without_key: i64,
    has_bounds: bool,
    column_id: i64,
}

/// Reads what a table consists of. The transaction sees one state of the catalog.
pub(super) async fn load(tx: &mut Transaction, snapshot: i64, table: &LakeTable, data_path: &str) -> Result<Contents> {
    columns::check_readable(&table.columns)?;
    let prefix = Dialect::of_transaction(tx).prefix();
    let id = table.id;
    let rows: Vec<FileRow> = fetch(
        tx,
        format!(
            "SELECT data_file_id, begin_snapshot, path, path_is_relative, file_format, record_count, \
             file_size_bytes, footer_size, row_id_start, encryption_key, mapping_id, partial_max \
             FROM {prefix}ducklake_data_file f WHERE table_id = {id} AND {} ORDER BY file_order, data_file_id",
            in_force("f", snapshot)
        ),
        &[],
    )
    .await?;
    let (mut ranges, boxes) = load_statistics(tx, snapshot, table).await?;
    let mut keys = load_keys(tx, table).await?;
    let mut deletes = load_delete_files(tx, snapshot, table, data_path).await?;
    let inlined_deletes = inlined::deletes_of(tx, snapshot, id).await?;
    let mappings = load_mappings(tx, &rows).await?;

    let mut files = Vec::with_capacity(rows.len());
    for row in rows {
        if row.encryption_key.is_some() {
            return Err(encrypted(&row.path));
        }
        if row.file_format.as_deref().is_some_and(|format| format != "parquet") {
            return Err(Error::NotImplemented(format!(
                "data files of the format {:?}",
                row.file_format
            )));
        }
        let (range, key_box) = match keys.remove(&row.data_file_id) {
            Some((range, bounds)) => (Some(range), bounds),
            None => (None, None),
        };
        let deletes: Arc<[DeleteFile]> = deletes.remove(&row.data_file_id).unwrap_or_default().into();
        let has_inlined_deletes = inlined_deletes.contains_key(&row.data_file_id);
        files.push(DataFile {
            id: row.data_file_id,
            path: resolve(&table.path, Some(row.path), row.path_is_relative, "", data_path)?,
            rows: unsigned(row.record_count),
            bytes: unsigned(row.file_size_bytes),
            footer_bytes: row.footer_size.map(|size| unsigned(Some(size))),
            row_id_start: row.row_id_start,
            begin_snapshot: row.begin_snapshot,
            partial_max: row.partial_max,
            columns: Arc::new(ranges.remove(&row.data_file_id).unwrap_or_default()),
            has_level_of_detail: range.is_some() && deletes.is_empty() && !has_inlined_deletes,
            keys: range,
            bounds: key_box.or_else(|| boxes.get(&row.data_file_id).copied()),
            deletes,
            has_inlined_deletes,
        });
    }
    let inlined = match table.inlined_rows {
        0 => None,
        _ => inlined::rows_of(tx, snapshot, id, &table.columns).await?,
    };
    Ok(Contents {
        files: files.into(),
        inlined,
        inlined_deletes,
        mappings,
    })
}

type Ranges = HashMap<i64, HashMap<i64, ColumnRange>>;

/// File → column → range, and file → box of the geometries where they are longitudes and latitudes.
async fn load_statistics(
    tx: &mut Transaction,
    snapshot: i64,
    table: &LakeTable,
) -> Result<(Ranges, HashMap<i64, LonLatBox>)> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<StatisticsRow> = fetch(
        tx,
        format!(
            "SELECT s.data_file_id, s.column_id, s.value_count, s.null_count, s.min_value, s.max_value, \
             s.contains_nan, s.extra_stats FROM {prefix}ducklake_file_column_stats s \
             JOIN {prefix}ducklake_data_file f ON f.data_file_id = s.data_file_id \
             WHERE s.table_id = {} AND {}",
            table.id,
            in_force("f", snapshot)
        ),
        &[],
    )
    .await?;
    let geometry = table.geometry_column();
    let is_lonlat = geometry.is_some_and(|column| crs_or_default(column) == DEFAULT_CRS);
    let mut ranges = Ranges::new();
    let mut boxes = HashMap::new();
    for row in rows {
        if is_lonlat
            && geometry.is_some_and(|column| column.id == row.column_id)
            && let Some(statistics) = row.extra_stats.as_deref().and_then(GeometryStatistics::from_text)
            && let Some([west, south, east, north]) = statistics.bounds
        {
            boxes.insert(
                row.data_file_id,
                LonLatBox {
                    west,
                    south,
                    east,
                    north,
                },
            );
        }
        ranges.entry(row.data_file_id).or_default().insert(
            row.column_id,
            ColumnRange {
                values: row.value_count.map(|count| unsigned(Some(count))),
                nulls: row.null_count.map(|count| unsigned(Some(count))),
                min: row.min_value,
                // DuckDB cuts long texts: what is left is no upper bound.
                max: row.max_value.filter(|text| text.len() < CUT_TEXT_BYTES),
                has_nan: row.contains_nan,
            },
        );
    }
    Ok((ranges, boxes))
}

async fn load_keys(tx: &mut Transaction, table: &LakeTable) -> Result<HashMap<i64, (KeyRange, Option<LonLatBox>)>> {
    let Some(geometry) = table.geometry_column() else {
        return Ok(HashMap::new());
    };
    let rows: Vec<KeyRow> = fetch(
        tx,
        format!(
            "SELECT data_file_id, qb_min, qb_max, lod_min, lod_max, west, south, east, north, rows_without_key, \
             has_bounds, column_id FROM warehouse_file_keys WHERE table_id = {}",
            table.id
        ),
        &[],
    )
    .await?;
    let level = |number: i64| i8::try_from(number).unwrap_or(spatial::level_of_detail::FULL);
    Ok(rows
        .into_iter()
        // Keys of a column that is no longer the one to lay out by say nothing.
        .filter(|row| row.column_id == geometry.id)
        .map(|row| {
            let bounds = match (row.west, row.south, row.east, row.north) {
                (Some(west), Some(south), Some(east), Some(north)) => Some(LonLatBox {
                    west,
                    south,
                    east,
                    north,
                }),
                _ => None,
            };
            let range = KeyRange {
                qb: row.qb_min.zip(row.qb_max),
                lod: row.lod_min.map(level).zip(row.lod_max.map(level)),
                has_bounds: row.has_bounds,
                rows_without_key: unsigned(Some(row.rows_without_key)),
            };
            (row.data_file_id, (range, bounds))
        })
        .collect())
}

/// Data file → delete files in force.
async fn load_delete_files(
    tx: &mut Transaction,
    snapshot: i64,
    table: &LakeTable,
    data_path: &str,
) -> Result<HashMap<i64, Vec<DeleteFile>>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<DeleteRow> = fetch(
        tx,
        format!(
            "SELECT delete_file_id, begin_snapshot, data_file_id, path, path_is_relative, format, delete_count, \
             file_size_bytes, footer_size, encryption_key, partial_max \
             FROM {prefix}ducklake_delete_file d WHERE table_id = {} AND {} ORDER BY delete_file_id",
            table.id,
            in_force("d", snapshot)
        ),
        &[],
    )
    .await?;
    let mut files: HashMap<i64, Vec<DeleteFile>> = HashMap::new();
    for row in rows {
        if row.encryption_key.is_some() {
            return Err(encrypted(&row.path));
        }
        files.entry(row.data_file_id).or_default().push(DeleteFile {
            id: row.delete_file_id,
            path: resolve(&table.path, Some(row.path), row.path_is_relative, "", data_path)?,
            rows: unsigned(row.delete_count),
            bytes: unsigned(row.file_size_bytes),
            footer_bytes: row.footer_size.map(|size| unsigned(Some(size))),
            begin_snapshot: row.begin_snapshot,
            partial_max: row.partial_max,
            format: row.format.unwrap_or_else(|| "parquet".to_owned()),
        });
    }
    Ok(files)
}

async fn load_mappings(tx: &mut Transaction, files: &[FileRow]) -> Result<HashMap<i64, Arc<NameMapping>>> {
    let mut ids: Vec<i64> = files.iter().filter_map(|file| file.mapping_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    ids.sort_unstable();
    ids.dedup();
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64, String, Option<i64>)> = fetch(
        tx,
        format!(
            "SELECT mapping_id, source_name, target_field_id FROM {prefix}ducklake_name_mapping \
             WHERE mapping_id IN ({}) AND parent_column IS NULL",
            list(&ids)
        ),
        &[],
    )
    .await?;
    let mut mappings: HashMap<i64, NameMapping> = HashMap::new();
    for (mapping, name, field) in rows {
        if let Some(field) = field {
            mappings.entry(mapping).or_default().insert(name, field);
        }
    }
    let mappings: HashMap<i64, Arc<NameMapping>> =
        mappings.into_iter().map(|(id, names)| (id, Arc::new(names))).collect();
    Ok(files
        .iter()
        .filter_map(|file| Some((file.data_file_id, mappings.get(&file.mapping_id?)?.clone())))
        .collect())
}

fn encrypted(path: &str) -> Error {
    Error::NotImplemented(format!("encrypted files ({path})"))
}

fn unsigned(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}
