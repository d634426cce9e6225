//! Reading columns of a table into memory, within a limit.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int8Type};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::TryStreamExt;
use resident::ColumnBuilder;

use super::{Fit, Places, PlacesBuilder, Subject};
use crate::engine::error_from_engine;
use crate::error::Result;
use crate::{Scan, Warehouse};

/// Batches between two looks at the memory taken.
const CHECKED_EVERY: usize = 32;

/// What came of reading.
pub(super) enum Loaded<T> {
    All(T),
    /// Geometries of another kind than was announced.
    Strange,
    /// More than the limit.
    TooLarge,
}

/// A running scan that fills columns, in file order.
pub(super) struct Loading {
    stream: SendableRecordBatchStream,
    builders: Vec<ColumnBuilder>,
    /// Position of the first column among those read.
    first: usize,
    has_levels: bool,
    rows: usize,
    most_bytes: usize,
}

impl Loading {
    /// Reads columns alone.
    pub(super) async fn of_columns(
        warehouse: &Warehouse,
        subject: &Subject,
        columns: &[String],
        most_bytes: usize,
    ) -> Result<Self> {
        Loading::start(warehouse, subject, None, columns, most_bytes).await
    }

    /// Reads geometries and columns.
    pub(super) async fn of_table(
        warehouse: &Warehouse,
        subject: &Subject,
        columns: &[String],
        most_bytes: usize,
    ) -> Result<Self> {
        Loading::start(warehouse, subject, Some(&subject.geometry), columns, most_bytes).await
    }

    async fn start(
        warehouse: &Warehouse,
        subject: &Subject,
        geometry: Option<&String>,
        columns: &[String],
        most_bytes: usize,
    ) -> Result<Self> {
        let table = &subject.table;
        let is_keyed = table
            .geometry
            .as_ref()
            .is_some_and(|info| info.is_keyed && Some(&info.column) == geometry);
        let has_levels = is_keyed && table.lod_is_global;
        let wanted: Vec<String> = geometry.into_iter().chain(columns).cloned().collect();
        let stream = warehouse
            .scan(Scan {
                with_keys: has_levels,
                ..Scan::of(table.clone(), wanted)
            })
            .await?;
        let schema = stream.schema();
        let first = usize::from(geometry.is_some());
        Ok(Loading {
            builders: (first..first + columns.len())
                .map(|position| ColumnBuilder::new(schema.field(position)))
                .collect(),
            stream,
            first,
            has_levels,
            rows: table.rows as usize,
            most_bytes,
        })
    }

    fn keep(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        for (builder, array) in self.builders.iter_mut().zip(&arrays[self.first..]) {
            builder.push(array)?;
        }
        Ok(())
    }

    /// Looked at now and then: adding up is not free.
    fn is_too_large(&self, batch: usize, others: usize) -> bool {
        batch.is_multiple_of(CHECKED_EVERY)
            && self.builders.iter().map(ColumnBuilder::bytes).sum::<usize>() + others > self.most_bytes
    }

    /// Places, columns and the number of rows read.
    pub(super) async fn table<P: Places>(mut self, is_roomy: bool) -> Result<Loaded<(P, Vec<ColumnBuilder>, usize)>> {
        let mut places = P::Builder::start(self.rows, self.has_levels, is_roomy);
        let (mut rows, mut batches) = (0, 0);
        while let Some(batch) = self.stream.try_next().await.map_err(error_from_engine)? {
            rows += batch.num_rows();
            batches += 1;
            let geometry = cast(batch.column(0), &DataType::Binary)?;
            let levels = batch
                .column_by_name("_lod")
                .and_then(|column| column.as_primitive_opt::<Int8Type>());
            if places.push(&geometry, levels)? == Fit::Strange {
                return Ok(Loaded::Strange);
            }
            self.keep(batch.columns())?;
            if self.is_too_large(batches, places.bytes()) {
                return Ok(Loaded::TooLarge);
            }
        }
        if self.is_too_large(0, places.bytes()) {
            return Ok(Loaded::TooLarge);
        }
        Ok(Loaded::All((places.finish()?, self.builders, rows)))
    }

    /// Columns and the number of rows read.
    pub(super) async fn columns(mut self) -> Result<Loaded<(Vec<ColumnBuilder>, usize)>> {
        let (mut rows, mut batches) = (0, 0);
        while let Some(batch) = self.stream.try_next().await.map_err(error_from_engine)? {
            rows += batch.num_rows();
            batches += 1;
            self.keep(batch.columns())?;
            if self.is_too_large(batches, 0) {
                return Ok(Loaded::TooLarge);
            }
        }
        if self.is_too_large(0, 0) {
            return Ok(Loaded::TooLarge);
        }
        Ok(Loaded::All((self.builders, rows)))
    }
}
