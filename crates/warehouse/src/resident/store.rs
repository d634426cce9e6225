//! Which tables are in memory: those touched lately, within a budget.

use std::any::TypeId;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::loading::Loaded;
use super::table::estimated_bytes;
use super::{Kept, Places, ResidentTable, Subject};
use crate::error::Result;
use crate::table::Table;
use crate::{Warehouse, error};

/// A table, or a column of one, is read into memory when it is touched this often.
pub(super) const TOUCHES: u32 = 4;

/// A table below this size is read at the first touch by somebody who waits: it costs no more than a tile.
const SMALL_BYTES: u64 = 8 << 20;
const SMALL_ROWS: u64 = 200_000;

/// What a touch gives.
pub enum Touched<P: Places> {
    InMemory(Arc<ResidentTable<P>>),
    /// Not worth it yet, still being read, or too large.
    NotNow,
    /// Its geometries are of another kind.
    Strange,
}

/// Whether to wait for a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// A small table is worth waiting for.
    WaitsForSmall,
    NeverWaits,
}

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
    places: TypeId,
}

impl Key {
    fn of<P: Places>(table: &Table, geometry: &str) -> Self {
        Key {
            table: table.id,
            version: table.version,
            geometry: geometry.to_owned(),
            places: TypeId::of::<P>(),
        }
    }
}

struct Slot {
    touches: u32,
    last_used: u64,
    is_reading: bool,
    content: Arc<OnceCell<Content>>,
}

/// What came of reading a table. It stays, so that nothing is tried again and again.
#[derive(Clone)]
enum Content {
    Table(Arc<dyn Kept>),
    Strange,
    /// Too large, or it cannot be read.
    Nothing,
}

impl Content {
    fn bytes(&self) -> usize {
        match self {
            Content::Table(table) => table.bytes(),
            Content::Strange | Content::Nothing => 0,
        }
    }

    fn touched<P: Places>(&self) -> Touched<P> {
        match self {
            Content::Strange => Touched::Strange,
            Content::Nothing => Touched::NotNow,
            Content::Table(table) => table
                .clone()
                .as_any()
                .downcast()
                .map_or(Touched::NotNow, Touched::InMemory),
        }
    }
}

impl Warehouse {
    /// Touches a table that is laid out by `geometry`; `columns` are those that will be asked for.
    pub async fn resident<P: Places>(
        &self,
        table: &Arc<Table>,
        geometry: &str,
        columns: &[String],
        haste: Haste,
    ) -> Touched<P> {
        let residents = self.residents();
        let estimated = P::estimated_bytes(table) + estimated_bytes(table, columns);
        if estimated as usize > residents.budget_bytes {
            return Touched::NotNow;
        }
        let is_small = haste == Haste::WaitsForSmall && table.bytes <= SMALL_BYTES && table.rows <= SMALL_ROWS;
        let key = Key::of::<P>(table, geometry);
        let (content, is_due) = residents.slots.lock().touch(&key, is_small);
        if let Some(content) = content.get() {
            return content.touched();
        }
        let reading = {
            let subject = Subject {
                table: table.clone(),
                geometry: geometry.to_owned(),
            };
            let (warehouse, residents, columns) = (self.clone(), residents.clone(), columns.to_vec());
            let content = content.clone();
            async move {
                content
                    .get_or_init(|| read::<P>(warehouse, subject, &columns, residents.budget_bytes))
                    .await;
                residents.finished(&key);
            }
        };
        if is_small {
            // A task of its own: others wait for it too, and may outlive this request.
            return match tokio::spawn(reading).await {
                Ok(()) => content.get().map_or(Touched::NotNow, Content::touched),
                Err(_) => Touched::NotNow,
            };
        }
        if is_due {
            tokio::spawn(reading);
        }
        Touched::NotNow
    }

    /// The table, if it is in memory already. This is no touch.
    pub fn resident_already<P: Places>(&self, table: &Table, geometry: &str) -> Option<Arc<ResidentTable<P>>> {
        let key = Key::of::<P>(table, geometry);
        let slots = self.residents().slots.lock();
        match slots.tables.get(&key)?.content.get()?.touched() {
            Touched::InMemory(table) => Some(table),
            Touched::NotNow | Touched::Strange => None,
        }
    }

    /// Forgets what was not used lately until the budget holds: columns are added after a table is read.
    pub(super) fn make_room(&self) {
        let residents = self.residents();
        let mut slots = residents.slots.lock();
        let newest = slots
            .tables
            .iter()
            .max_by_key(|(_, slot)| slot.last_used)
            .map(|(key, _)| key.clone());
        if let Some(newest) = newest {
            slots.make_room(residents.budget_bytes, &newest);
        }
    }
}

fn read<P: Places>(
    warehouse: Warehouse,
    subject: Subject,
    columns: &[String],
    budget_bytes: usize,
) -> impl Future<Output = Content> + Send {
    async move {
        let name = subject.table.name.to_string();
        let loaded: Result<Loaded<ResidentTable<P>>, error::Error> =
            ResidentTable::load(&warehouse, subject, columns, budget_bytes).await;
        match loaded {
            Ok(Loaded::All(table)) => Content::Table(Arc::new(table)),
            Ok(Loaded::Strange) => Content::Strange,
            Ok(Loaded::TooLarge) => {
                tracing::debug!(table = %name, "does not fit into memory");
                Content::Nothing
            }
            Err(error) => {
                tracing::warn!(table = %name, %error, "a table could not be read into memory");
                Content::Nothing
            }
        }
    }
}

impl Residents {
    pub(crate) fn new(budget_bytes: usize) -> Self {
        Residents {
            budget_bytes,
            slots: Mutex::default(),
        }
    }

    fn finished(&self, key: &Key) {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.tables.get_mut(key) {
            slot.is_reading = false;
        }
        // Older versions of a table are asked for no more.
        slots
            .tables
            .retain(|other, _| other.table != key.table || other.version >= key.version);
        slots.make_room(self.budget_bytes, key);
    }
}

impl Slots {
    fn touch(&mut self, key: &Key, is_small: bool) -> (Arc<OnceCell<Content>>, bool) {
        self.clock += 1;
        let clock = self.clock;
        let slot = self.tables.entry(key.clone()).or_insert_with(|| Slot {
            touches: 0,
            last_used: clock,
            is_reading: false,
            content: Arc::default(),
        });
        slot.touches += 1;
        slot.last_used = clock;
        let is_due = !slot.is_reading && !slot.content.initialized() && (is_small || slot.touches >= TOUCHES);
        slot.is_reading |= is_due;
        (slot.content.clone(), is_due)
    }

    fn make_room(&mut self, budget_bytes: usize, keep: &Key) {
        loop {
            let used: usize = self
                .tables
                .values()
                .filter_map(|slot| slot.content.get())
                .map(Content::bytes)
                .sum();
            if used <= budget_bytes {
                return;
            }
            let oldest = self
                .tables
                .iter()
                .filter(|(key, slot)| *key != keep && slot.content.get().is_some_and(|content| content.bytes() > 0))
                .min_by_key(|(_, slot)| slot.last_used)
                .map(|(key, _)| key.clone());
            match oldest {
                Some(key) => drop(self.tables.remove(&key)),
                None => return,
            }
        }
    }
}
