//! What must still hold at the commit: tables in force, their columns as at the base, touched files untouched since.

use crate::catalog::inlined;
use crate::catalog::sql::{fetch, in_force, list};
use crate::error::{Error, Result};

use super::Replacement;
use super::publish::Publishing;

/// A table as the newest snapshot has it.
#[derive(Debug, Clone)]
pub(super) struct CurrentTable {
    pub(super) schema_id: i64,
    pub(super) name: String,
    pub(super) uuid: String,
    /// As the catalog has it, relative to its schema's folder.
    pub(super) path: Option<String>,
    pub(super) path_is_relative: Option<bool>,
    /// Relative to the lake's data path.
    pub(super) full_path: Option<String>,
}

type TableRow = (
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<bool>,
    Option<String>,
);

impl Publishing<'_> {
    /// The table in its newest form; a conflict when it was dropped since the base.
    pub(super) async fn current_table(&mut self, id: i64) -> Result<CurrentTable> {
        let prefix = self.prefix;
        let rows: Vec<TableRow> = fetch(
            self.tx,
            format!(
                "SELECT t.schema_id, t.table_name, CAST(t.table_uuid AS TEXT), t.path, t.path_is_relative, s.path \
                 FROM {prefix}ducklake_table t JOIN {prefix}ducklake_schema s ON s.schema_id = t.schema_id \
                 WHERE t.table_id = {id} AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL"
            ),
            &[],
        )
        .await?;
        let Some((schema_id, name, uuid, path, path_is_relative, schema_path)) = rows.into_iter().next() else {
            return Err(self.conflict());
        };
        let full_path = match (&path, path_is_relative, schema_path) {
            (Some(path), Some(true) | None, Some(schema_path)) => Some(format!("{schema_path}{path}")),
            _ => None,
        };
        Ok(CurrentTable {
            schema_id,
            name,
            uuid: uuid.unwrap_or_default(),
            path,
            path_is_relative,
            full_path,
        })
    }

    /// A conflict when columns of the table changed since the base: files were written in its old form.
    pub(super) async fn check_columns(&mut self, table: i64) -> Result<()> {
        let (prefix, base) = (self.prefix, self.base);
        let rows: Vec<(i64,)> = fetch(
            self.tx,
            format!(
                "SELECT count(*) FROM {prefix}ducklake_column \
                 WHERE table_id = {table} AND (begin_snapshot > {base} OR end_snapshot > {base})"
            ),
            &[],
        )
        .await?;
        if rows.first().is_some_and(|(changed,)| *changed > 0) {
            Err(self.conflict())
        } else {
            Ok(())
        }
    }

    /// A conflict when the files and rows that give way are no longer what the base showed.
    pub(super) async fn check_replacement(&mut self, table: i64, replacement: &Replacement) -> Result<()> {
        let (prefix, base) = (self.prefix, self.base);
        // Few enough for one statement each: SQL texts may have a million characters.
        for files in replacement.removed_files.chunks(10_000) {
            let ids = list(files);
            let there: Vec<(i64,)> = fetch(
                self.tx,
                format!(
                    "SELECT count(*) FROM {prefix}ducklake_data_file \
                     WHERE table_id = {table} AND end_snapshot IS NULL AND data_file_id IN ({ids})"
                ),
                &[],
            )
            .await?;
            let deleted_from: Vec<(i64,)> = fetch(
                self.tx,
                format!(
                    "SELECT count(*) FROM {prefix}ducklake_delete_file WHERE data_file_id IN ({ids}) \
                     AND (begin_snapshot > {base} OR end_snapshot > {base} OR partial_max > {base})"
                ),
                &[],
            )
            .await?;
            let inlined_deletes = inlined::deletes_since(self.tx, table, &ids, base).await?;
            let are_all_there = there.first().is_some_and(|(count,)| *count == files.len() as i64);
            let is_untouched = deleted_from.first().is_some_and(|(count,)| *count == 0) && inlined_deletes == 0;
            if !are_all_there || !is_untouched {
                return Err(self.conflict());
            }
        }
        if replacement.removes_inlined {
            for inlined in inlined::tables_of(self.tx, table).await? {
                let then: Vec<(i64, i64)> = fetch(
                    self.tx,
                    format!(
                        "SELECT count(*), CAST(coalesce(sum(CASE WHEN i.end_snapshot IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) \
                         FROM {prefix}{} i WHERE {}",
                        inlined.name,
                        in_force("i", base)
                    ),
                    &[],
                )
                .await?;
                if then.first().is_some_and(|(then, now)| then != now) {
                    return Err(self.conflict());
                }
            }
        }
        Ok(())
    }

    /// An error when a table or view of this name is in force.
    pub(super) async fn check_name_is_free(&mut self, schema: i64, name: &str) -> Result<()> {
        let prefix = self.prefix;
        let rows: Vec<(i64,)> = fetch(
            self.tx,
            format!(
                "SELECT (SELECT count(*) FROM {prefix}ducklake_table \
                 WHERE schema_id = {schema} AND end_snapshot IS NULL AND table_name = $1) + \
                 (SELECT count(*) FROM {prefix}ducklake_view \
                 WHERE schema_id = {schema} AND end_snapshot IS NULL AND view_name = $1)"
            ),
            &[name],
        )
        .await?;
        if rows.first().is_some_and(|(count,)| *count > 0) {
            return Err(Error::AlreadyExists {
                what: "A table or view",
                name: name.to_owned(),
            });
        }
        Ok(())
    }

    pub(super) async fn check_schema_is_free(&mut self, name: &str) -> Result<()> {
        let prefix = self.prefix;
        let rows: Vec<(i64,)> = fetch(
            self.tx,
            format!("SELECT count(*) FROM {prefix}ducklake_schema WHERE end_snapshot IS NULL AND schema_name = $1"),
            &[name],
        )
        .await?;
        if rows.first().is_some_and(|(count,)| *count > 0) {
            return Err(Error::AlreadyExists {
                what: "The schema",
                name: name.to_owned(),
            });
        }
        Ok(())
    }

    /// Name and folder of a schema in force; a conflict when it was dropped.
    pub(super) async fn current_schema(&mut self, id: i64) -> Result<(String, String)> {
        let prefix = self.prefix;
        let rows: Vec<(String, Option<String>)> = fetch(
            self.tx,
            format!(
                "SELECT schema_name, path FROM {prefix}ducklake_schema WHERE schema_id = {id} AND end_snapshot IS NULL"
            ),
            &[],
        )
        .await?;
        let Some((name, path)) = rows.into_iter().next() else {
            return Err(self.conflict());
        };
        let path = path.unwrap_or_else(|| format!("{name}/"));
        Ok((name, path))
    }
}
