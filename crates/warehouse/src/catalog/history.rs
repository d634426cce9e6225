//! Which snapshots changed which table: what data versions and caches rest on, whoever wrote.

use std::collections::HashMap;

use database::Transaction;

use crate::error::Result;

use super::changes;
use super::sql::{Dialect, fetch};

/// The changes of all snapshots up to one.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// Snapshots up to this one are in here.
    read_to: i64,
    /// Table → snapshots that changed it, ascending.
    changes: HashMap<i64, Vec<i64>>,
}

impl History {
    pub(super) fn starting() -> Self {
        History {
            read_to: -1,
            changes: HashMap::new(),
        }
    }

    pub(super) fn reaches(&self, snapshot: i64) -> bool {
        self.read_to >= snapshot
    }

    /// Adds what newer snapshots changed.
    pub(super) async fn read_on(&mut self, tx: &mut Transaction) -> Result<()> {
        let prefix = Dialect::of_transaction(tx).prefix();
        let rows: Vec<(i64, Option<String>)> = fetch(
            tx,
            format!(
                "SELECT snapshot_id, changes_made FROM {prefix}ducklake_snapshot_changes \
                 WHERE snapshot_id > {} ORDER BY snapshot_id",
                self.read_to
            ),
            &[],
        )
        .await?;
        for (snapshot, text) in rows {
            for table in changes::from_text(&text.unwrap_or_default())
                .iter()
                .filter_map(|change| change.table_id())
            {
                let snapshots = self.changes.entry(table).or_default();
                if snapshots.last() != Some(&snapshot) {
                    snapshots.push(snapshot);
                }
            }
            self.read_to = snapshot;
        }
        Ok(())
    }

    /// The last snapshot up to `snapshot` that changed a table.
    pub(super) fn last_change(&self, table: i64, snapshot: i64) -> Option<i64> {
        let snapshots = self.changes.get(&table)?;
        let after = snapshots.partition_point(|change| *change <= snapshot);
        after.checked_sub(1).map(|position| snapshots[position])
    }
}
