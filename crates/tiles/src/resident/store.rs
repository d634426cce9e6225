//! Which tables are in memory: those touched lately, within a budget.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use warehouse::{Column, Table, Warehouse};

use super::table::ResidentTable;
use crate::error::Result;

/// A table is read into memory when it is touched this often.
const TOUCHES: u32 = 4;

/// A table below this size is read at the first touch: it costs no more than
/// a tile.
const SMALL_BYTES: u64 = 8 << 20;
const SMALL_ROWS: u64 = 200_000;

/// The tables in memory.
pub(crate) struct Residents {
    budget_bytes: usize,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    tables: HashMap<Key, Slot>,
    clock: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    table: i64,
    version: i64,
    geometry: String,
}

struct Slot {
    touches: u32,
    last_used: u64,
    is_reading: bool,
    resident: Arc<OnceCell<Arc<ResidentTable>>>,
}

impl Residents {
    pub(crate) fn new(budget_bytes: usize) -> Self {
        Residents {
            budget_bytes,
            slots: Mutex::default(),
        }
    }

    /// The table in memory; `None` while it is not worth it or still being
    /// read. `columns` are those that will be asked for.
    pub(crate) async fn touch(
        self: &Arc<Self>,
        warehouse: &Warehouse,
        table: &Arc<Table>,
        geometry: &str,
        columns: &[String],
    ) -> Result<Option<Arc<ResidentTable>>> {
        if estimated_bytes(table, columns) > self.budget_bytes {
            return Ok(None);
        }
        let is_small = table.bytes <= SMALL_BYTES && table.rows <= SMALL_ROWS;
        let key = Key {
            table: table.id,
            version: table.version,
            geometry: geometry.to_owned(),
        };
        let (cell, is_due) = self.slots.lock().touch(&key, is_small);
        if let Some(resident) = cell.get() {
            return Ok(Some(resident.clone()));
        }
        let reading = {
            let (warehouse, table) = (warehouse.clone(), table.clone());
            let (geometry, columns) = (geometry.to_owned(), columns.to_vec());
            let (residents, key) = (self.clone(), key.clone());
            async move {
                let read = || async {
                    ResidentTable::load(&warehouse, &table, &geometry, &columns)
                        .await
                        .map(Arc::new)
                };
                let result = cell.get_or_try_init(read).await.cloned();
                residents.finished(&key);
                result
            }
        };
        if is_small {
            // A task of its own: others wait for it too, and may outlive this request.
            return match tokio::spawn(reading).await {
                Ok(result) => result.map(Some),
                Err(_) => Err(crate::Error::Cancelled),
            };
        }
        if is_due {
            tokio::spawn(async move {
                if let Err(error) = reading.await {
                    tracing::warn!(%error, "a table could not be read into memory");
                }
            });
        }
        Ok(None)
    }

    /// The table, if it is in memory already.
    pub(crate) fn peek(&self, table: &Table, geometry: &str) -> Option<Arc<ResidentTable>> {
        let key = Key {
            table: table.id,
            version: table.version,
            geometry: geometry.to_owned(),
        };
        self.slots.lock().tables.get(&key)?.resident.get().cloned()
    }

    fn finished(&self, key: &Key) {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.tables.get_mut(key) {
            slot.is_reading = false;
        }
        // Older versions of a table are asked for no more.
        slots.tables.retain(|other, _| {
            other.table != key.table || other.geometry != key.geometry || other.version >= key.version
        });
        slots.make_room(self.budget_bytes, key);
    }

    /// Forgets what was not used lately until the budget holds: columns are
    /// added after a table is read, so this is asked now and then.
    pub(crate) fn make_room(&self) {
        let mut slots = self.slots.lock();
        let newest = slots
            .tables
            .iter()
            .max_by_key(|(_, slot)| slot.last_used)
            .map(|(key, _)| key.clone());
        if let Some(newest) = newest {
            slots.make_room(self.budget_bytes, &newest);
        }
    }
}

impl Slots {
    fn touch(&mut self, key: &Key, is_small: bool) -> (Arc<OnceCell<Arc<ResidentTable>>>, bool) {
        self.clock += 1;
        let clock = self.clock;
        let slot = self.tables.entry(key.clone()).or_insert_with(|| Slot {
            touches: 0,
            last_used: clock,
            is_reading: false,
            resident: Arc::default(),
        });
        slot.touches += 1;
        slot.last_used = clock;
        let is_due = !slot.is_reading && !slot.resident.initialized() && (is_small || slot.touches >= TOUCHES);
        slot.is_reading |= is_due;
        (slot.resident.clone(), is_due)
    }

    fn make_room(&mut self, budget_bytes: usize, keep: &Key) {
        loop {
            let used: usize = self
                .tables
                .values()
                .filter_map(|slot| slot.resident.get())
                .map(|resident| resident.bytes())
                .sum();
            if used <= budget_bytes {
                return;
            }
            let oldest = self
                .tables
                .iter()
                .filter(|(key, slot)| *key != keep && slot.resident.initialized())
                .min_by_key(|(_, slot)| slot.last_used)
                .map(|(key, _)| key.clone());
            match oldest {
                Some(key) => drop(self.tables.remove(&key)),
                None => return,
            }
        }
    }
}

/// What a table will about take, before it is read.
fn estimated_bytes(table: &Table, columns: &[String]) -> usize {
    let is_points = table
        .geometry
        .as_ref()
        .is_some_and(|info| info.kind == warehouse::GeometryKind::Points);
    let geometry = if is_points { 12 * table.rows } else { table.bytes * 3 };
    let width = |column: &&Column| column.data_type.primitive_width().unwrap_or(4).min(8) as u64;
    let columns: u64 = columns
        .iter()
        .filter_map(|name| table.column(name))
        .map(|column| width(&column))
        .sum();
    (geometry + columns * table.rows) as usize
}
