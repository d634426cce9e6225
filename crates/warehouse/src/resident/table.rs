//! One table version in memory: places, the columns asked for so far, answers to conditions.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, UInt32Array};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::DataType;
use futures::TryStreamExt;
use parking_lot::{Mutex, RwLock};
use resident::{ColumnBuilder, ResidentColumn};

use super::loading::{Loaded, Loading};
use super::store::TOUCHES;
use super::{Places, Subject};
use crate::engine::error_from_engine;
use crate::error::{Error, Result};
use crate::scan::Predicate;
use crate::table::{Column, Table};
use crate::{Scan, Sql, Warehouse};

/// Answers to conditions take at most this much memory per table.
const CONDITION_BYTES: u64 = 32 << 20;
/// Rows that a condition is asked of at a time.
const ASKED_ROWS: usize = 1 << 16;
/// How often a column was missed that was found not to fit: it is not tried again.
const UNFIT: u32 = u32::MAX;
/// Exact coordinates may take this much more than was estimated.
const LONG_COORDINATE_BYTES: u64 = 8;

/// A version of a table in memory.
pub struct ResidentTable<P> {
    subject: Subject,
    /// All tables together may take so much.
    budget_bytes: usize,
    /// Rows as read, with and without a place.
    rows_read: usize,
    places: P,
    columns: RwLock<HashMap<String, Arc<ResidentColumn>>>,
    /// How often a column was missed; columns that do not fit are missed for ever.
    missed: Mutex<HashMap<String, u32>>,
    /// One reader at a time adds columns.
    adding: tokio::sync::Mutex<()>,
    conditions: moka::future::Cache<String, Arc<BooleanBuffer>>,
}

/// Columns in the order asked for.
type Columns = Vec<Arc<ResidentColumn>>;

impl<P: Places> ResidentTable<P> {
    /// Reads places and columns in one scan.
    pub(super) async fn load(
        warehouse: &Warehouse,
        subject: Subject,
        columns: &[String],
        budget_bytes: usize,
    ) -> Result<Loaded<Self>> {
        let table = &subject.table;
        let estimated =
            P::estimated_bytes(table) + LONG_COORDINATE_BYTES * table.rows + estimated_bytes(table, columns);
        let is_roomy = estimated as usize <= budget_bytes;
        let loading = Loading::of_table(warehouse, &subject, columns, budget_bytes).await?;
        let (places, builders, rows_read) = match loading.table::<P>(is_roomy).await? {
            Loaded::All(loaded) => loaded,
            Loaded::Strange => return Ok(Loaded::Strange),
            Loaded::TooLarge => return Ok(Loaded::TooLarge),
        };
        let table = ResidentTable {
            subject,
            budget_bytes,
            rows_read,
            places,
            columns: RwLock::default(),
            missed: Mutex::default(),
            adding: tokio::sync::Mutex::new(()),
            conditions: moka::future::Cache::builder()
                .max_capacity(CONDITION_BYTES)
                .weigher(|key: &String, answer: &Arc<BooleanBuffer>| (key.len() + answer.len() / 8 + 64) as u32)
                .build(),
        };
        table.keep(columns, builders)?;
        Ok(Loaded::All(table))
    }

    pub fn places(&self) -> &P {
        &self.places
    }

    /// The column that places are of.
    pub fn geometry(&self) -> &str {
        &self.subject.geometry
    }

    pub fn bytes(&self) -> usize {
        let columns: usize = self.columns.read().values().map(|column| column.bytes()).sum();
        self.places.bytes() + columns + self.conditions.weighted_size() as usize
    }

    /// The columns, if all of them are in memory.
    pub fn columns_already(&self, names: &[String]) -> Option<Columns> {
        let columns = self.columns.read();
        names.iter().map(|name| columns.get(name).cloned()).collect()
    }

    /// The columns, read now if need be; `None` when they do not fit.
    pub async fn columns(&self, warehouse: &Warehouse, names: &[String]) -> Result<Option<Columns>> {
        if let Some(columns) = self.columns_already(names) {
            return Ok(Some(columns));
        }
        self.add(warehouse, names).await?;
        warehouse.make_room();
        Ok(self.columns_already(names))
    }

    /// Notes that columns were missed; those missed often are read in the background.
    pub(crate) fn miss(self: &Arc<Self>, warehouse: &Warehouse, names: &[String]) {
        let due: Vec<String> = {
            let columns = self.columns.read();
            let mut missed = self.missed.lock();
            names
                .iter()
                .filter(|name| !columns.contains_key(*name))
                .filter(|name| {
                    let times = missed.entry((*name).clone()).or_default();
                    *times = times.saturating_add(1);
                    *times == TOUCHES
                })
                .cloned()
                .collect()
        };
        if due.is_empty() {
            return;
        }
        let (table, warehouse) = (self.clone(), warehouse.clone());
        tokio::spawn(async move {
            if let Err(error) = table.columns(&warehouse, &due).await {
                tracing::warn!(table = %table.subject.table.name, %error, "columns could not be read into memory");
            }
        });
    }

    async fn add(&self, warehouse: &Warehouse, names: &[String]) -> Result<()> {
        let _turn = self.adding.lock().await;
        let missing: Vec<String> = {
            let columns = self.columns.read();
            names
                .iter()
                .filter(|name| !columns.contains_key(*name))
                .cloned()
                .collect()
        };
        let room = self.budget_bytes.saturating_sub(self.bytes());
        let is_unfit = |name: &String| self.missed.lock().get(name) == Some(&UNFIT);
        if missing.is_empty()
            || missing.iter().any(is_unfit)
            || estimated_bytes(&self.subject.table, &missing) as usize > room
        {
            return Ok(());
        }
        let loading = Loading::of_columns(warehouse, &self.subject, &missing, room).await?;
        let Loaded::All((builders, rows)) = loading.columns().await? else {
            let mut missed = self.missed.lock();
            missed.extend(missing.into_iter().map(|name| (name, UNFIT)));
            return Ok(());
        };
        if rows != self.rows_read {
            return Err(self.changed());
        }
        self.keep(&missing, builders)
    }

    fn changed(&self) -> Error {
        Error::Conflict(self.subject.table.name.clone())
    }

    fn keep(&self, names: &[String], builders: Vec<ColumnBuilder>) -> Result<()> {
        for (name, builder) in names.iter().zip(builders) {
            let column = builder.finish(self.places.order(), self.places.len())?;
            self.columns.write().insert(name.clone(), Arc::new(column));
        }
        Ok(())
    }

    /// Which rows in memory a condition holds for, asked once.
    pub async fn matches(&self, warehouse: &Warehouse, condition: &Sql) -> Result<Arc<BooleanBuffer>> {
        let key = format!("{}\0{:?}", condition.text, condition.parameters);
        let asking = self.ask(warehouse, condition);
        self.conditions
            .try_get_with(key, asking)
            .await
            .map_err(|error: Arc<Error>| {
                Arc::try_unwrap(error).unwrap_or_else(|shared| Error::Execution(shared.to_string()))
            })
    }

    async fn ask(&self, warehouse: &Warehouse, condition: &Sql) -> Result<Arc<BooleanBuffer>> {
        let predicate = warehouse.predicate(&self.subject.table, condition)?;
        let answers = match self.columns_already(&predicate.columns) {
            Some(columns) if !columns.is_empty() => self.ask_memory(&predicate, &columns).await?,
            Some(_) | None => self.ask_files(warehouse, &predicate).await?,
        };
        Ok(Arc::new(answers))
    }

    async fn ask_memory(&self, predicate: &Predicate, columns: &Columns) -> Result<BooleanBuffer> {
        let mut answers = BooleanBufferBuilder::new(self.places.len());
        let mut start = 0;
        while start < self.places.len() {
            let end = self.places.len().min(start + ASKED_ROWS);
            let rows = UInt32Array::from_iter_values(start as u32..end as u32);
            let fields = predicate.schema.fields();
            let arrays: Vec<ArrayRef> = columns
                .iter()
                .zip(fields)
                .map(|(column, field)| column.rows(&rows, field.data_type()))
                .collect::<Result<_, _>>()?;
            let batch = RecordBatch::try_new(predicate.schema.clone(), arrays)?;
            append(&mut answers, &predicate.evaluate(&batch)?);
            start = end;
            // Others want the thread too.
            tokio::task::yield_now().await;
        }
        Ok(answers.finish())
    }

    async fn ask_files(&self, warehouse: &Warehouse, predicate: &Predicate) -> Result<BooleanBuffer> {
        // A condition without columns still needs to know how many rows there are.
        let columns = if predicate.columns.is_empty() {
            vec![self.subject.geometry.clone()]
        } else {
            predicate.columns.clone()
        };
        let scan = Scan::of(self.subject.table.clone(), columns);
        let mut stream = warehouse.scan(scan).await?;
        let mut answers = BooleanBufferBuilder::new(self.rows_read);
        while let Some(batch) = stream.try_next().await.map_err(error_from_engine)? {
            append(&mut answers, &predicate.evaluate(&batch)?);
        }
        let answers = answers.finish();
        if answers.len() != self.rows_read {
            return Err(self.changed());
        }
        Ok(match self.places.order() {
            Some(order) => BooleanBuffer::collect_bool(order.len(), |row| answers.value(order.value(row) as usize)),
            None => answers.slice(0, self.places.len()),
        })
    }
}

/// Null counts as no.
fn append(answers: &mut BooleanBufferBuilder, more: &BooleanArray) {
    use datafusion::arrow::array::Array;
    match more.nulls() {
        Some(nulls) => answers.append_buffer(&(more.values() & nulls.inner())),
        None => answers.append_buffer(more.values()),
    }
}

/// What columns will about take, before they are read.
pub(super) fn estimated_bytes(table: &Table, columns: &[String]) -> u64 {
    columns
        .iter()
        .filter_map(|name| table.column(name))
        .map(|column| estimated_width(table, column) * table.rows)
        .sum()
}

/// Bytes of a value: texts mostly repeat, and whole numbers are kept as narrow as they are.
fn estimated_width(table: &Table, column: &Column) -> u64 {
    match column.data_type.primitive_width() {
        None => 2,
        Some(8) if column.data_type == DataType::Int64 => {
            let number = |text: &Option<String>| text.as_deref()?.parse::<i64>().ok();
            let ends: Option<Vec<[i64; 2]>> = table
                .files
                .iter()
                .map(|file| {
                    let range = file.columns.get(&column.id)?;
                    Some([number(&range.min)?, number(&range.max)?])
                })
                .collect();
            match ends {
                Some(ends) if ends.iter().flatten().all(|end| u32::try_from(*end).is_ok()) => 4,
                Some(_) | None => 8,
            }
        }
        Some(width) => width.min(16) as u64,
    }
}
