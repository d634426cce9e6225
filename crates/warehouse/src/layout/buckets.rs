//! Rows sorted by key become rows sorted by (run of levels of detail, key): one bucket for each run, spilled when large.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Int8Builder, RecordBatch};
use datafusion::arrow::compute::BatchCoalescer;
use datafusion::arrow::datatypes::{Int8Type, Int64Type, SchemaRef};
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::execution::disk_manager::RefCountedTempFile;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use spatial::{Quadbin, level_of_detail};

use crate::engine::error_from_engine;
use crate::error::{Error, Result};

use super::keys::TO_BE_ELECTED;
use super::{LEVEL_COLUMN, QUADBIN_COLUMN};

/// The runs of levels, and one bucket for rows without a place.
const BUCKETS: usize = level_of_detail::RUNS + 1;
/// Rows in a batch that comes out.
const BATCH_ROWS: usize = 8_192;

/// The buckets while they are filled.
pub(crate) struct Buckets {
    schema: SchemaRef,
    runtime: Arc<RuntimeEnv>,
    reservation: MemoryReservation,
    buckets: Vec<Bucket>,
    /// The Morton code of the last point: points arrive sorted by it.
    last_point: Option<u64>,
    rows: u64,
}

struct Bucket {
    coalescer: BatchCoalescer,
    in_memory: Vec<RecordBatch>,
    in_memory_bytes: usize,
    on_disk: Option<Spill>,
}

struct Spill {
    file: RefCountedTempFile,
    writer: StreamWriter<BufWriter<File>>,
}

impl Buckets {
    /// `schema` has the columns `_qb` and `_lod`.
    pub(crate) fn new(schema: SchemaRef, runtime: Arc<RuntimeEnv>) -> Self {
        let reservation = MemoryConsumer::new("level of detail")
            .with_can_spill(true)
            .register(&runtime.memory_pool);
        let buckets = (0..BUCKETS)
            .map(|_| Bucket {
                coalescer: BatchCoalescer::new(schema.clone(), BATCH_ROWS),
                in_memory: Vec::new(),
                in_memory_bytes: 0,
                on_disk: None,
            })
            .collect();
        Buckets {
            schema,
            runtime,
            reservation,
            buckets,
            last_point: None,
            rows: 0,
        }
    }

    /// Rows taken in so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes in rows that follow the earlier ones in the order of `_qb`, and elects the points among them.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let batch = self.elect(batch)?;
        let levels = column::<Int8Type>(&batch, LEVEL_COLUMN)?.clone();
        let mut is_present = [false; BUCKETS];
        for level in &levels {
            is_present[bucket_of(level)] = true;
        }
        for bucket in 0..BUCKETS {
            if !is_present[bucket] {
                continue;
            }
            let members: BooleanArray = levels.iter().map(|level| Some(bucket_of(level) == bucket)).collect();
            self.buckets[bucket]
                .coalescer
                .push_batch_with_filter(batch.clone(), &members)?;
            self.collect_from(bucket)?;
        }
        Ok(())
    }

    /// The level of each point, from the point before it.
    fn elect(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let quadbins = column::<Int64Type>(&batch, QUADBIN_COLUMN)?;
        let given = column::<Int8Type>(&batch, LEVEL_COLUMN)?;
        let mut levels = Int8Builder::with_capacity(batch.num_rows());
        for (quadbin, level) in quadbins.iter().zip(given) {
            levels.append_option(match (quadbin, level) {
                (Some(quadbin), Some(TO_BE_ELECTED)) => {
                    let morton = Quadbin::morton_of_key(quadbin);
                    let level = level_of_detail::of_point(self.last_point, morton);
                    self.last_point = Some(morton);
                    Some(level)
                }
                (Some(_), level) => level,
                (None, _) => None,
            });
        }
        let position = batch.schema().index_of(LEVEL_COLUMN)?;
        let mut columns = batch.columns().to_vec();
        columns[position] = Arc::new(levels.finish()) as ArrayRef;
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    }

    fn collect_from(&mut self, index: usize) -> Result<()> {
        while let Some(batch) = self.buckets[index].coalescer.next_completed_batch() {
            self.keep(index, batch)?;
        }
        Ok(())
    }

    fn keep(&mut self, index: usize, batch: RecordBatch) -> Result<()> {
        if let Some(spill) = &mut self.buckets[index].on_disk {
            spill.writer.write(&batch)?;
            return Ok(());
        }
        let bytes = batch.get_array_memory_size();
        if self.reservation.try_grow(bytes).is_err() {
            self.spill_largest()?;
            if self.reservation.try_grow(bytes).is_err() {
                self.spill(index)?;
            }
        }
        let bucket = &mut self.buckets[index];
        match &mut bucket.on_disk {
            Some(spill) => {
                spill.writer.write(&batch)?;
            }
            None => {
                bucket.in_memory_bytes += bytes;
                bucket.in_memory.push(batch);
            }
        }
        Ok(())
    }

    fn spill_largest(&mut self) -> Result<()> {
        let largest = (0..BUCKETS).max_by_key(|index| self.buckets[*index].in_memory_bytes);
        match largest {
            Some(index) if self.buckets[index].in_memory_bytes > 0 => self.spill(index),
            Some(_) | None => Ok(()),
        }
    }

    /// Moves a bucket to disk, where it stays.
    fn spill(&mut self, index: usize) -> Result<()> {
        let bucket = &mut self.buckets[index];
        if bucket.on_disk.is_none() {
            let file = self
                .runtime
                .disk_manager
                .create_tmp_file("rows of a run of levels of detail")
                .map_err(error_from_engine)?;
            let writer = StreamWriter::try_new_buffered(File::create(file.path())?, &self.schema)?;
            bucket.on_disk = Some(Spill { file, writer });
        }
        if let Some(spill) = &mut bucket.on_disk {
            for batch in bucket.in_memory.drain(..) {
                spill.writer.write(&batch)?;
            }
        }
        self.reservation.shrink(bucket.in_memory_bytes);
        bucket.in_memory_bytes = 0;
        Ok(())
    }

    /// All rows, by run of levels, then key; those without a place last.
    pub(crate) fn into_batches(mut self) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        for index in 0..BUCKETS {
            self.buckets[index].coalescer.finish_buffered_batch()?;
            self.collect_from(index)?;
        }
        let mut readers = Vec::with_capacity(BUCKETS);
        for bucket in self.buckets {
            let on_disk = match bucket.on_disk {
                Some(spill) => {
                    let Spill { file, mut writer } = spill;
                    writer.finish()?;
                    drop(writer);
                    let reader = StreamReader::try_new(BufReader::new(File::open(file.path())?), None)?;
                    Some(SpillReader { reader, _file: file })
                }
                None => None,
            };
            readers.push((bucket.in_memory, on_disk));
        }
        let reservation = self.reservation;
        Ok(readers
            .into_iter()
            .flat_map(|(in_memory, on_disk)| on_disk.into_iter().flatten().chain(in_memory.into_iter().map(Ok)))
            .map(move |batch| {
                // Held until the last batch is out.
                let _ = &reservation;
                batch
            }))
    }
}

struct SpillReader {
    reader: StreamReader<BufReader<File>>,
    /// Removed from disk when dropped.
    _file: RefCountedTempFile,
}

impl Iterator for SpillReader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader.next().map(|batch| batch.map_err(Error::from))
    }
}

fn bucket_of(level: Option<i8>) -> usize {
    match level {
        Some(level) => level_of_detail::run_of(level),
        None => BUCKETS - 1,
    }
}

fn column<'a, T: datafusion::arrow::datatypes::ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a datafusion::arrow::array::PrimitiveArray<T>> {
    batch
        .column_by_name(name)
        .and_then(|array| array.as_primitive_opt::<T>())
        .ok_or_else(|| Error::Internal(format!("rows to lay out have no {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::key_fields;
    use datafusion::arrow::array::{Int8Array, Int64Array};
    use datafusion::arrow::datatypes::Schema;
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use std::collections::HashSet;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(key_fields(false)))
    }

    /// Points spread unevenly, sorted by key.
    fn sorted_keys(count: u32) -> Vec<i64> {
        let mut keys: Vec<i64> = (0..count)
            .map(|index| {
                let (x, y) = (
                    f64::from(index.wrapping_mul(2_654_435_761) % 3_600),
                    f64::from(index % 1_700),
                );
                Quadbin::from_lonlat(x / 10.0 - 180.0, y / 10.0 - 85.0, 26)
                    .unwrap()
                    .as_i64()
            })
            .collect();
        keys.sort_unstable();
        keys
    }

    fn lay_out(keys: &[i64], memory: usize) -> Vec<(Option<i8>, Option<i64>)> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
            .build_arc()
            .unwrap();
        let mut buckets = Buckets::new(schema(), runtime);
        for chunk in keys.chunks(1_000) {
            let quadbins = Int64Array::from(chunk.to_vec());
            let levels = Int8Array::from(vec![TO_BE_ELECTED; chunk.len()]);
            buckets
                .push(RecordBatch::try_new(schema(), vec![Arc::new(quadbins), Arc::new(levels)]).unwrap())
                .unwrap();
        }
        let mut rows = Vec::new();
        for batch in buckets.into_batches().unwrap() {
            let batch = batch.unwrap();
            let quadbins = column::<Int64Type>(&batch, QUADBIN_COLUMN).unwrap();
            let levels = column::<Int8Type>(&batch, LEVEL_COLUMN).unwrap();
            rows.extend(levels.iter().zip(quadbins));
        }
        rows
    }

    #[test]
    fn every_occupied_cell_has_one_row_of_its_level() {
        let keys = sorted_keys(20_000);
        let rows = lay_out(&keys, 64 << 20);
        assert_eq!(rows.len(), keys.len());
        for zoom in 0..=18u8 {
            let cell = |key: i64| Quadbin::morton_of_key(key) >> (2 * (26 - u32::from(zoom) - 8));
            let occupied: HashSet<u64> = keys.iter().map(|key| cell(*key)).collect();
            let drawn: Vec<u64> = rows
                .iter()
                .filter(|(level, _)| level.unwrap() <= zoom as i8)
                .map(|(_, key)| cell(key.unwrap()))
                .collect();
            assert_eq!(drawn.len(), occupied.len(), "zoom {zoom}");
        }
    }

    #[test]
    fn what_does_not_fit_in_memory_comes_back_from_disk_in_the_same_order() {
        let keys = sorted_keys(20_000);
        let in_memory = lay_out(&keys, 64 << 20);
        let place = |&(level, key): &(Option<i8>, Option<i64>)| (level.map(level_of_detail::run_of), key);
        assert!(in_memory.is_sorted_by_key(place));
        assert_eq!(lay_out(&keys, 1), in_memory);
    }
}
