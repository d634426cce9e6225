//! The write transaction that makes a change a snapshot.

use database::Transaction;
use uuid::Uuid;

use crate::catalog::sql::{Dialect, Value, execute, fetch, insert};
use crate::catalog::{Catalog, ChangeMade, changes_to_text};
use crate::error::{Error, Result};
use crate::maintenance::{SMALL_FILE_ROWS, SMALL_FILES_ALLOWED, compact_job};
use crate::name::TableName;

use super::steps::apply;
use super::{Beside, Change, Committed};

/// The snapshot that is being made: what it has handed out and written so far.
pub(super) struct Publishing<'a> {
    pub(super) tx: &'a mut Transaction,
    pub(super) prefix: &'static str,
    /// The table that a conflict is reported for.
    pub(super) name: &'a TableName,
    /// What the change was put together on.
    pub(super) base: i64,
    /// The number of the new snapshot.
    pub(super) snapshot: i64,
    pub(super) next_catalog_id: i64,
    pub(super) next_file_id: i64,
    schema_version: i64,
    changes_schema: bool,
    pub(super) made: Vec<ChangeMade>,
    /// Tables whose columns or name changed: rows inlined from now on are of another form.
    pub(super) reshaped: Vec<i64>,
    /// Ids, names and folders of what the change made, in its order.
    pub(super) schemas: Vec<Made>,
    pub(super) tables: Vec<Made>,
}

/// A schema or table that the change made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) id: i64,
    pub(super) name: String,
    /// Relative to the lake's data path.
    pub(super) path: String,
}

impl Publishing<'_> {
    pub(super) fn catalog_id(&mut self) -> i64 {
        self.next_catalog_id += 1;
        self.next_catalog_id - 1
    }

    pub(super) fn file_id(&mut self) -> i64 {
        self.next_file_id += 1;
        self.next_file_id - 1
    }

    /// Notes something that others must read the schema again for.
    pub(super) fn schema_changed(&mut self, change: ChangeMade) {
        self.changes_schema = true;
        self.made.push(change);
    }

    /// Notes that rows of a table have another form from now on.
    pub(super) fn reshape(&mut self, table: i64) {
        if !self.reshaped.contains(&table) {
            self.reshaped.push(table);
        }
    }

    pub(super) fn conflict(&self) -> Error {
        Error::Conflict(self.name.clone())
    }

    pub(super) async fn execute(&mut self, sql: String, values: Vec<Value>) -> Result<u64> {
        execute(self.tx, sql, values).await
    }

    pub(super) async fn insert(&mut self, table: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Result<()> {
        insert(self.tx, &format!("{}{table}", self.prefix), columns, rows).await
    }

    /// Ends the rows of a table that are in force and match.
    pub(super) async fn end(&mut self, table: &str, condition: &str) -> Result<u64> {
        let sql = format!(
            "UPDATE {}{table} SET end_snapshot = {} WHERE end_snapshot IS NULL AND {condition}",
            self.prefix, self.snapshot
        );
        self.execute(sql, Vec::new()).await
    }
}

/// Publishes a change. [`Error::Busy`] means that the same change may be tried again as it is.
pub(super) async fn publish(
    change: &Change,
    catalog: &Catalog,
    name: &TableName,
    beside: Beside<'_>,
) -> Result<Committed> {
    let mut tx = catalog.database().begin().await?;
    let dialect = Dialect::of_transaction(&tx);
    crate::catalog::lock(&mut tx).await?;
    let prefix = dialect.prefix();
    let newest: Vec<(i64, i64, i64, i64)> = fetch(
        &mut tx,
        format!(
            "SELECT snapshot_id, schema_version, next_catalog_id, next_file_id FROM {prefix}ducklake_snapshot \
             ORDER BY snapshot_id DESC LIMIT 1"
        ),
        &[],
    )
    .await?;
    let Some(&(newest, schema_version, next_catalog_id, next_file_id)) = newest.first() else {
        return Err(Error::Damaged("the catalog has no snapshot".to_owned()));
    };
    let mut publishing = Publishing {
        tx: &mut tx,
        prefix,
        name,
        base: change.base,
        snapshot: newest + 1,
        next_catalog_id,
        next_file_id,
        schema_version,
        changes_schema: false,
        made: Vec::new(),
        reshaped: Vec::new(),
        schemas: Vec::new(),
        tables: Vec::new(),
    };
    for step in &change.steps {
        apply(&mut publishing, step).await?;
    }
    ask_for_compaction(&mut publishing).await?;
    claim_files(&mut publishing, &change.added_paths()).await?;
    let committed = write_snapshot(&mut publishing).await?;
    beside(&mut tx, &committed).await?;
    tx.commit().await?;
    Ok(committed)
}

async fn write_snapshot(publishing: &mut Publishing<'_>) -> Result<Committed> {
    if publishing.changes_schema {
        publishing.schema_version += 1;
    }
    let (snapshot, schema_version) = (publishing.snapshot, publishing.schema_version);
    let reshaped = publishing
        .reshaped
        .iter()
        .map(|table| vec![snapshot.into(), schema_version.into(), (*table).into()])
        .collect();
    publishing
        .insert(
            "ducklake_schema_versions",
            &["begin_snapshot", "schema_version", "table_id"],
            reshaped,
        )
        .await?;
    let row = vec![
        snapshot.into(),
        Value::Time(database::now()),
        schema_version.into(),
        publishing.next_catalog_id.into(),
        publishing.next_file_id.into(),
    ];
    publishing
        .insert(
            "ducklake_snapshot",
            &[
                "snapshot_id",
                "snapshot_time",
                "schema_version",
                "next_catalog_id",
                "next_file_id",
            ],
            vec![row],
        )
        .await?;
    let text = changes_to_text(&publishing.made);
    publishing
        .insert(
            "ducklake_snapshot_changes",
            &["snapshot_id", "changes_made"],
            vec![vec![snapshot.into(), text.into()]],
        )
        .await?;
    Ok(Committed { snapshot })
}

/// Many small inserts make many small files: the one that makes them too many asks for a compaction.
async fn ask_for_compaction(publishing: &mut Publishing<'_>) -> Result<()> {
    let prefix = publishing.prefix;
    let appended: Vec<i64> = publishing
        .made
        .iter()
        .filter_map(|change| {
            if let ChangeMade::InsertedInto(table) = change {
                Some(*table)
            } else {
                None
            }
        })
        .collect();
    for table in appended {
        let small: Vec<(i64,)> = fetch(
            publishing.tx,
            format!(
                "SELECT count(*) FROM {prefix}ducklake_data_file \
                 WHERE table_id = {table} AND end_snapshot IS NULL AND record_count < {SMALL_FILE_ROWS}"
            ),
            &[],
        )
        .await?;
        if small.first().is_some_and(|(count,)| *count >= SMALL_FILES_ALLOWED) {
            jobs::enqueue(publishing.tx, compact_job(table))
                .await
                .map_err(|error| Error::Database(error.to_string()))?;
        }
    }
    Ok(())
}

/// Takes the new files off the list of pending ones. A file that is no longer on it is being removed, because its
/// writer was thought gone.
async fn claim_files(publishing: &mut Publishing<'_>, paths: &[&str]) -> Result<()> {
    for some in paths.chunks(1_000) {
        let marks: Vec<String> = (1..=some.len()).map(|index| format!("${index}")).collect();
        let not_removed = if publishing.tx.is_sqlite() {
            "is_being_removed = 0"
        } else {
            "NOT is_being_removed"
        };
        let claimed = publishing
            .execute(
                format!(
                    "DELETE FROM warehouse_pending_file WHERE {not_removed} AND path IN ({})",
                    marks.join(",")
                ),
                some.iter().map(|path| Value::from(*path)).collect(),
            )
            .await?;
        if claimed != some.len() as u64 {
            return Err(Error::Internal(
                "files of this change were removed before it was complete: the server paused for too long".to_owned(),
            ));
        }
    }
    Ok(())
}

/// A new uuid for the catalog.
pub(super) fn new_uuid() -> Value {
    Value::Uuid(Uuid::now_v7())
}
