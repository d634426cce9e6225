//! Forgetting old snapshots, and removing the files that only they named.

use chrono::{DateTime, Utc};
use database::Transaction;

use crate::Warehouse;
use crate::catalog::inlined;
use crate::catalog::sql::{Dialect, Value, execute, fetch, insert, list, parse_time};
use crate::error::Result;

use super::{FILES_KEPT, SNAPSHOTS_KEPT};

/// Files handled in one transaction: it holds up other writers.
const FILES_AT_ONCE: i64 = 500;

/// What expiry did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct ExpireReport {
    pub(crate) snapshots: u64,
    /// Files put on the list of files to remove.
    pub(crate) files_scheduled: u64,
    /// Files removed from the storage.
    pub(crate) files_removed: u64,
}

impl Warehouse {
    /// Forgets snapshots that are older than [`SNAPSHOTS_KEPT`] at `now`, and removes files that nobody can reach.
    pub(crate) async fn expire(&self, now: DateTime<Utc>) -> Result<ExpireReport> {
        let mut report = ExpireReport::default();
        let Some((oldest_kept, expired)) = self.oldest_kept(now - SNAPSHOTS_KEPT).await? else {
            report.files_removed = self.remove_scheduled(now - FILES_KEPT).await?;
            return Ok(report);
        };
        report.snapshots = expired;
        loop {
            let (_turn, mut tx) = self.turn().await?;
            let scheduled = schedule_files(&mut tx, oldest_kept, now).await?;
            tx.commit().await?;
            report.files_scheduled += scheduled;
            if scheduled == 0 {
                break;
            }
        }
        let (turn, mut tx) = self.turn().await?;
        forget(&mut tx, oldest_kept).await?;
        tx.commit().await?;
        drop(turn);
        report.files_removed = self.remove_scheduled(now - FILES_KEPT).await?;
        tracing::info!(?report, "forgot old snapshots");
        Ok(report)
    }

    /// A short transaction on the catalog while no commit of ours is under way.
    async fn turn(&self) -> Result<(tokio::sync::MutexGuard<'_, ()>, Transaction)> {
        let turn = self.catalog().commit_turn().await;
        let mut tx = self.database().begin().await?;
        crate::catalog::lock(&mut tx).await?;
        Ok((turn, tx))
    }

    /// The oldest snapshot that stays, and how many go; none when all stay.
    async fn oldest_kept(&self, time: DateTime<Utc>) -> Result<Option<(i64, u64)>> {
        let prefix = self.catalog().dialect().prefix();
        let mut tx = self.database().begin_read().await?;
        let snapshots: Vec<(i64, Option<String>)> = fetch(
            &mut tx,
            format!(
                "SELECT snapshot_id, CAST(snapshot_time AS TEXT) FROM {prefix}ducklake_snapshot ORDER BY snapshot_id"
            ),
            &[],
        )
        .await?;
        tx.commit().await?;
        let is_old = |text: &Option<String>| text.as_deref().and_then(parse_time).is_some_and(|then| then < time);
        let newest = snapshots.len().saturating_sub(1);
        let kept = snapshots
            .iter()
            .position(|(_, text)| !is_old(text))
            .unwrap_or(newest)
            .min(newest);
        Ok((kept > 0).then(|| (snapshots[kept].0, kept as u64)))
    }

    /// Removes files that have been on the list since before `time`.
    async fn remove_scheduled(&self, time: DateTime<Utc>) -> Result<u64> {
        let prefix = self.catalog().dialect().prefix();
        let mut tx = self.database().begin_read().await?;
        let listed: Vec<(i64, String, Option<bool>, Option<String>)> = fetch(
            &mut tx,
            format!(
                "SELECT data_file_id, path, path_is_relative, CAST(schedule_start AS TEXT) \
                 FROM {prefix}ducklake_files_scheduled_for_deletion"
            ),
            &[],
        )
        .await?;
        tx.commit().await?;
        let mut removed = 0;
        for (_, path, is_relative, since) in listed {
            if since.as_deref().and_then(parse_time).is_none_or(|since| since >= time) {
                continue;
            }
            let storage = self.catalog().storage();
            match is_relative.unwrap_or(true) {
                true => storage.remove(&path).await?,
                false => storage.remove(storage.relative(&path)?).await?,
            }
            let sql = format!("DELETE FROM {prefix}ducklake_files_scheduled_for_deletion WHERE path = $1");
            let (_turn, mut tx) = self.turn().await?;
            execute(&mut tx, sql, vec![Value::from(path)]).await?;
            tx.commit().await?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Moves files that ended before the oldest snapshot that stays to the list of files to remove; says how many.
async fn schedule_files(tx: &mut Transaction, oldest_kept: i64, now: DateTime<Utc>) -> Result<u64> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let mut scheduled = Vec::new();
    let mut count = 0;
    for (table, id) in [
        ("ducklake_data_file", "data_file_id"),
        ("ducklake_delete_file", "delete_file_id"),
    ] {
        let rows: Vec<(i64, String, Option<bool>, Option<String>)> = fetch(
            tx,
            format!(
                "SELECT f.{id}, f.path, f.path_is_relative, \
                 (SELECT s.path || t.path FROM {prefix}ducklake_table t \
                  JOIN {prefix}ducklake_schema s ON s.schema_id = t.schema_id \
                  WHERE t.table_id = f.table_id LIMIT 1) \
                 FROM {prefix}{table} f WHERE f.end_snapshot <= {oldest_kept} LIMIT {FILES_AT_ONCE}"
            ),
            &[],
        )
        .await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
        count += ids.len() as u64;
        if ids.is_empty() {
            continue;
        }
        for (id, path, is_relative, folder) in rows {
            let is_relative = is_relative.unwrap_or(true);
            let path = match folder {
                Some(folder) if is_relative => format!("{folder}{path}"),
                _ => path,
            };
            scheduled.push(vec![id.into(), path.into(), is_relative.into(), Value::Time(now)]);
        }
        let ids = list(&ids);
        execute(
            tx,
            format!("DELETE FROM {prefix}{table} WHERE {id} IN ({ids})"),
            Vec::new(),
        )
        .await?;
        if table == "ducklake_data_file" {
            for statistics in [
                format!("{prefix}ducklake_file_column_stats"),
                format!("{prefix}ducklake_file_variant_stats"),
                format!("{prefix}ducklake_file_partition_value"),
                "warehouse_file_keys".to_owned(),
            ] {
                execute(
                    tx,
                    format!("DELETE FROM {statistics} WHERE data_file_id IN ({ids})"),
                    Vec::new(),
                )
                .await?;
            }
        }
    }
    insert(
        tx,
        &format!("{prefix}ducklake_files_scheduled_for_deletion"),
        &["data_file_id", "path", "path_is_relative", "schedule_start"],
        scheduled,
    )
    .await?;
    Ok(count)
}

/// Forgets the snapshots before one, and everything that had ended by then.
async fn forget(tx: &mut Transaction, oldest_kept: i64) -> Result<()> {
    let prefix = Dialect::of_transaction(tx).prefix();
    let gone: Vec<(i64,)> = fetch(
        tx,
        format!(
            "SELECT table_id FROM {prefix}ducklake_table GROUP BY table_id \
             HAVING max(coalesce(end_snapshot, 9223372036854775807)) <= {oldest_kept}"
        ),
        &[],
    )
    .await?;
    for (table,) in gone {
        // Columns that ended stay as long as their table: rows that were inlined in an older form are read by them.
        for of_table in [
            "ducklake_column",
            "ducklake_column_tag",
            "ducklake_table_stats",
            "ducklake_table_column_stats",
            "ducklake_schema_versions",
        ] {
            execute(
                tx,
                format!("DELETE FROM {prefix}{of_table} WHERE table_id = {table}"),
                Vec::new(),
            )
            .await?;
        }
        for inlined in inlined::tables_of(tx, table).await? {
            execute(tx, format!("DROP TABLE {prefix}{}", inlined.name), Vec::new()).await?;
        }
        let sql = format!("DELETE FROM {prefix}ducklake_inlined_data_tables WHERE table_id = {table}");
        execute(tx, sql, Vec::new()).await?;
    }
    for ended in [
        "ducklake_table",
        "ducklake_view",
        "ducklake_schema",
        "ducklake_tag",
        "ducklake_column_tag",
    ] {
        execute(
            tx,
            format!("DELETE FROM {prefix}{ended} WHERE end_snapshot <= {oldest_kept}"),
            Vec::new(),
        )
        .await?;
    }
    let tables: Vec<(i64,)> = fetch(
        tx,
        format!("SELECT DISTINCT table_id FROM {prefix}ducklake_inlined_data_tables"),
        &[],
    )
    .await?;
    for (table,) in tables {
        for inlined in inlined::tables_of(tx, table).await? {
            let sql = format!(
                "DELETE FROM {prefix}{} WHERE end_snapshot <= {oldest_kept}",
                inlined.name
            );
            execute(tx, sql, Vec::new()).await?;
        }
    }
    for snapshots in ["ducklake_snapshot_changes", "ducklake_snapshot"] {
        execute(
            tx,
            format!("DELETE FROM {prefix}{snapshots} WHERE snapshot_id < {oldest_kept}"),
            Vec::new(),
        )
        .await?;
    }
    Ok(())
}
