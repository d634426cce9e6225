//! The lake at one snapshot: its schemas, tables with their columns, and views.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use database::Transaction;

use crate::error::{Error, Result};
use crate::table::Column;
use crate::types;

use super::geometry::{self, GeometryStatistics};
use super::history::History;
use super::sql::{Dialect, fetch, in_force, list, parse_time};

/// The tag that says in which coordinate reference system a column's geometries are. DuckDB refuses tags of columns but
/// for `comment`: this one stands on the table, as [`of_column`] names it.
pub(crate) const CRS_TAG: &str = "crs";
/// The tag of a table, view or column that describes it; DuckDB's `COMMENT ON` writes it too.
pub(crate) const COMMENT_TAG: &str = "comment";
/// The tag of a table that says whom to thank for its rows.
pub(crate) const ATTRIBUTION_TAG: &str = "attribution";
/// The tag that says in which coordinate reference system a column's geometries came; on the table, like [`CRS_TAG`].
pub(crate) const SOURCE_CRS_TAG: &str = "source_crs";

/// The key, among a table's tags, of a tag about one of its columns.
pub(crate) fn of_column(key: &str, column: i64) -> String {
    format!("{key}:{column}")
}

/// Everything that has a name, at one snapshot.
#[derive(Debug)]
pub(crate) struct Lake {
    pub(crate) snapshot: i64,
    pub(crate) schema_version: i64,
    /// In name order.
    pub(crate) schemas: Vec<LakeSchema>,
    /// By schema, then name.
    pub(crate) tables: Vec<Arc<LakeTable>>,
    pub(crate) views: Vec<Arc<LakeView>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LakeSchema {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// Relative to the lake's data path; ends in a slash.
    pub(crate) path: String,
}

#[derive(Debug)]
pub(crate) struct LakeTable {
    pub(crate) id: i64,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Relative to the lake's data path; ends in a slash.
    pub(crate) path: String,
    /// The snapshot of the last change of rows or columns.
    pub(crate) version: i64,
    pub(crate) columns: Vec<Column>,
    pub(crate) description: Option<String>,
    pub(crate) attribution: Option<String>,
    /// Rows in force: deleted ones are taken off.
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) created_at: Option<DateTime<Utc>>,
    pub(crate) modified_at: Option<DateTime<Utc>>,
    /// Rows that stand in the catalog itself.
    pub(crate) inlined_rows: u64,
    /// Column id → what is known of its geometries.
    pub(crate) geometry: HashMap<i64, GeometryStatistics>,
    pub(crate) keys: TableKeys,
}

impl LakeTable {
    /// The first geometry column: the one that tables are laid out by.
    pub(crate) fn geometry_column(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.is_geometry())
    }
}

/// What our key columns cover of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TableKeys {
    /// Every row stands in a file that has keys.
    pub(crate) is_keyed: bool,
    /// All files elected the representatives of their grid cells together and have lost no row since.
    pub(crate) lod_is_global: bool,
    /// `[west, south, east, north]` around all keyed files.
    pub(crate) bounds: Option<[f64; 4]>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LakeView {
    pub(crate) id: i64,
    pub(crate) schema_id: i64,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `duckdb` for what DuckDB can run too; `{DUCKLAKE_CATALOG}` stands for the name of the lake in `sql`.
    pub(crate) dialect: String,
    pub(crate) sql: String,
    /// As the catalog has it: `"a","b"`, or nothing.
    pub(crate) column_aliases: String,
    pub(crate) description: Option<String>,
    pub(crate) created_at: Option<DateTime<Utc>>,
}

impl Lake {
    pub(crate) fn schema(&self, name: &str) -> Option<&LakeSchema> {
        self.schemas.iter().find(|schema| schema.name == name)
    }

    pub(crate) fn table(&self, schema: &str, name: &str) -> Option<&Arc<LakeTable>> {
        self.tables
            .iter()
            .find(|table| table.name == name && table.schema == schema)
    }

    pub(crate) fn table_by_id(&self, id: i64) -> Option<&Arc<LakeTable>> {
        self.tables.iter().find(|table| table.id == id)
    }

    pub(crate) fn view(&self, schema: &str, name: &str) -> Option<&Arc<LakeView>> {
        self.views
            .iter()
            .find(|view| view.name == name && view.schema == schema)
    }
}

type SchemaRow = (i64, String, Option<String>, Option<bool>);
type TableRow = (i64, i64, i64, String, Option<String>, Option<bool>);
type ViewRow = (i64, i64, i64, String, String, String, Option<String>);
type SumRow = (i64, i64, i64, i64);
type KeyRow = (i64, i64, i64, Option<f64>, Option<f64>, Option<f64>, Option<f64>);

/// Reads the lake at a snapshot. The transaction sees one state of the catalog.
pub(super) async fn load(tx: &mut Transaction, snapshot: i64, data_path: &str, history: &History) -> Result<Lake> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let versions: Vec<(i64,)> = fetch(
        tx,
        format!("SELECT schema_version FROM {prefix}ducklake_snapshot WHERE snapshot_id = {snapshot}"),
        &[],
    )
    .await?;
    let [(schema_version,)] = versions[..] else {
        return Err(Error::NoSuchSnapshot(format!(
            "there is no snapshot {snapshot}, or it has expired"
        )));
    };

    let schema_rows: Vec<SchemaRow> = fetch(
        tx,
        format!(
            "SELECT schema_id, schema_name, path, path_is_relative FROM {prefix}ducklake_schema s WHERE {}",
            in_force("s", snapshot)
        ),
        &[],
    )
    .await?;
    let mut schemas = Vec::new();
    for (id, name, path, is_relative) in schema_rows {
        let path = resolve("", path, is_relative, &name, data_path)?;
        schemas.push(LakeSchema { id, name, path });
    }
    schemas.sort_by(|one, other| one.name.cmp(&other.name));

    let tables = load_tables(tx, snapshot, data_path, history, &schemas).await?;
    let views = load_views(tx, snapshot, &schemas).await?;
    Ok(Lake {
        snapshot,
        schema_version,
        schemas,
        tables,
        views,
    })
}

async fn load_tables(
    tx: &mut Transaction,
    snapshot: i64,
    data_path: &str,
    history: &History,
    schemas: &[LakeSchema],
) -> Result<Vec<Arc<LakeTable>>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let table_rows: Vec<TableRow> = fetch(
        tx,
        format!(
            "SELECT table_id, begin_snapshot, schema_id, table_name, path, path_is_relative \
             FROM {prefix}ducklake_table t WHERE {}",
            in_force("t", snapshot)
        ),
        &[],
    )
    .await?;
    let mut columns = super::columns::load(tx, snapshot).await?;
    let mut tags = load_tags(tx, snapshot).await?;
    let sums = load_sums(tx, snapshot).await?;
    let deleted = load_deleted(tx, snapshot).await?;
    let inlined = super::inlined::count(tx, snapshot).await?;
    let inlined_deletes = super::inlined::count_deletes(tx, snapshot).await?;
    let keys = load_keys(tx, snapshot).await?;
    let mut geometries = geometry::load(tx).await?;
    let created: HashMap<i64, i64> = fetch::<(i64, i64)>(
        tx,
        format!("SELECT table_id, min(begin_snapshot) FROM {prefix}ducklake_table GROUP BY table_id"),
        &[],
    )
    .await?
    .into_iter()
    .collect();
    let column_changes = super::columns::last_changes(tx, snapshot).await?;
    let mut wanted_times: Vec<i64> = Vec::new();
    let mut drafts = Vec::new();
    for (id, begin_snapshot, schema_id, name, path, is_relative) in table_rows {
        let Some(schema) = schemas.iter().find(|schema| schema.id == schema_id) else {
            continue;
        };
        let version = history
            .last_change(id, snapshot)
            .unwrap_or(0)
            .max(begin_snapshot)
            .max(column_changes.get(&id).copied().unwrap_or(0));
        wanted_times.extend([version, created.get(&id).copied().unwrap_or(begin_snapshot)]);
        drafts.push((id, schema, name, path, is_relative, version, begin_snapshot));
    }
    let times = load_times(tx, &wanted_times).await?;
    let mut tables = Vec::with_capacity(drafts.len());
    for (id, schema, name, path, is_relative, version, begin_snapshot) in drafts {
        let path = resolve(&schema.path, path, is_relative, &name, data_path)?;
        let mut tags = tags.remove(&id).unwrap_or_default();
        let (_, rows_in_files, bytes, files) = sums.get(&id).copied().unwrap_or_default();
        let inlined_rows = inlined.get(&id).copied().unwrap_or(0);
        let removed = deleted.get(&id).copied().unwrap_or(0) + inlined_deletes.get(&id).copied().unwrap_or(0);
        let rows = (rows_in_files - removed).max(0) + inlined_rows;
        let (keyed_files, elections, bounds) = keys.get(&id).cloned().unwrap_or((0, 0, None));
        let is_keyed = keyed_files == files && inlined_rows == 0;
        tables.push(Arc::new(LakeTable {
            id,
            schema: schema.name.clone(),
            name,
            path,
            version,
            columns: columns.remove(&id).unwrap_or_default(),
            description: tags.remove(COMMENT_TAG),
            attribution: tags.remove(ATTRIBUTION_TAG),
            rows: unsigned(rows),
            bytes: unsigned(bytes),
            files: unsigned(files),
            created_at: times.get(created.get(&id).unwrap_or(&begin_snapshot)).copied(),
            modified_at: times.get(&version).copied(),
            inlined_rows: unsigned(inlined_rows),
            geometry: geometries.remove(&id).unwrap_or_default(),
            keys: TableKeys {
                is_keyed,
                lod_is_global: is_keyed && elections <= 1 && removed == 0,
                bounds,
            },
        }));
    }
    tables.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
    Ok(tables)
}

async fn load_views(tx: &mut Transaction, snapshot: i64, schemas: &[LakeSchema]) -> Result<Vec<Arc<LakeView>>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<ViewRow> = fetch(
        tx,
        format!(
            "SELECT view_id, begin_snapshot, schema_id, view_name, dialect, \"sql\", column_aliases \
             FROM {prefix}ducklake_view v WHERE {}",
            in_force("v", snapshot)
        ),
        &[],
    )
    .await?;
    let mut tags = load_tags(tx, snapshot).await?;
    let times = load_times(tx, &rows.iter().map(|row| row.1).collect::<Vec<_>>()).await?;
    let mut views: Vec<Arc<LakeView>> = rows
        .into_iter()
        .filter_map(|(id, begin, schema_id, name, dialect, sql, column_aliases)| {
            let schema = schemas.iter().find(|schema| schema.id == schema_id)?;
            Some(Arc::new(LakeView {
                id,
                schema_id,
                schema: schema.name.clone(),
                name,
                dialect,
                sql,
                column_aliases: column_aliases.unwrap_or_default(),
                description: tags.remove(&id).and_then(|mut tags| tags.remove(COMMENT_TAG)),
                created_at: times.get(&begin).copied(),
            }))
        })
        .collect();
    views.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
    Ok(views)
}

async fn load_tags(tx: &mut Transaction, snapshot: i64) -> Result<HashMap<i64, HashMap<String, String>>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64, String, Option<String>)> = fetch(
        tx,
        format!(
            "SELECT object_id, \"key\", \"value\" FROM {prefix}ducklake_tag t WHERE {}",
            in_force("t", snapshot)
        ),
        &[],
    )
    .await?;
    let mut tags: HashMap<i64, HashMap<String, String>> = HashMap::new();
    for (object, key, value) in rows {
        if let Some(value) = value {
            tags.entry(object).or_default().insert(key, value);
        }
    }
    Ok(tags)
}

/// Table → rows, bytes and number of its files.
async fn load_sums(tx: &mut Transaction, snapshot: i64) -> Result<HashMap<i64, SumRow>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<SumRow> = fetch(
        tx,
        format!(
            "SELECT table_id, CAST(sum(record_count) AS BIGINT), CAST(sum(file_size_bytes) AS BIGINT), count(*) \
             FROM {prefix}ducklake_data_file f WHERE {} GROUP BY table_id",
            in_force("f", snapshot)
        ),
        &[],
    )
    .await?;
    Ok(rows.into_iter().map(|row| (row.0, row)).collect())
}

async fn load_deleted(tx: &mut Transaction, snapshot: i64) -> Result<HashMap<i64, i64>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64, i64)> = fetch(
        tx,
        format!(
            "SELECT d.table_id, CAST(sum(d.delete_count) AS BIGINT) FROM {prefix}ducklake_delete_file d \
             JOIN {prefix}ducklake_data_file f ON f.data_file_id = d.data_file_id \
             WHERE {} AND {} GROUP BY d.table_id",
            in_force("d", snapshot),
            in_force("f", snapshot)
        ),
        &[],
    )
    .await?;
    Ok(rows.into_iter().collect())
}

/// Table → how many of its files have keys, of how many elections, and the box around them.
async fn load_keys(tx: &mut Transaction, snapshot: i64) -> Result<HashMap<i64, (i64, i64, Option<[f64; 4]>)>> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<KeyRow> = fetch(
        tx,
        format!(
            "SELECT k.table_id, count(*), count(DISTINCT k.election), min(k.west), min(k.south), max(k.east), \
             max(k.north) FROM warehouse_file_keys k \
             JOIN {prefix}ducklake_data_file f ON f.data_file_id = k.data_file_id WHERE {} GROUP BY k.table_id",
            in_force("f", snapshot)
        ),
        &[],
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|(table, files, elections, west, south, east, north)| {
            let bounds = match (west, south, east, north) {
                (Some(west), Some(south), Some(east), Some(north)) => Some([west, south, east, north]),
                _ => None,
            };
            (table, (files, elections, bounds))
        })
        .collect())
}

async fn load_times(tx: &mut Transaction, snapshots: &[i64]) -> Result<BTreeMap<i64, DateTime<Utc>>> {
    if snapshots.is_empty() {
        return Ok(BTreeMap::new());
    }
    let prefix = Dialect::of_transaction(tx).prefix();
    let rows: Vec<(i64, Option<String>)> = fetch(
        tx,
        format!(
            "SELECT snapshot_id, CAST(snapshot_time AS TEXT) FROM {prefix}ducklake_snapshot \
             WHERE snapshot_id IN ({})",
            list(snapshots)
        ),
        &[],
    )
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, text)| Some((id, parse_time(&text?)?)))
        .collect())
}

/// A path of the catalog, relative to the lake's data path.
pub(super) fn resolve(
    parent: &str,
    path: Option<String>,
    is_relative: Option<bool>,
    name: &str,
    data_path: &str,
) -> Result<String> {
    let path = path.unwrap_or_else(|| format!("{name}/"));
    if is_relative.unwrap_or(true) {
        return Ok(format!("{parent}{path}"));
    }
    path.strip_prefix(data_path).map(str::to_owned).ok_or_else(|| {
        Error::NotAllowed(format!(
            "'{path}' in the catalog is outside the warehouse's storage '{data_path}'"
        ))
    })
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The CRS that geometries of a column are in when nobody says.
pub(crate) fn crs_or_default(column: &Column) -> &str {
    column.crs.as_deref().unwrap_or(types::DEFAULT_CRS)
}
