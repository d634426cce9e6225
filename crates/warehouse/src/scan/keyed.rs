//! Keys computed while reading, for rows that stand in no file with keys.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float32Array, Int8Array, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;
use spatial::LonLatBox;

use crate::engine::ToLonLat;
use crate::error::{Error, Result};
use crate::layout::{BOUNDS_COLUMNS, GeometryScan, Keys, LEVEL_COLUMN, QUADBIN_COLUMN};

/// What to compute, and which rows to keep by it.
pub(super) struct Keying {
    pub(super) geometry: String,
    pub(super) crs: String,
    /// The columns to show: real ones and, if wanted, keys.
    pub(super) schema: SchemaRef,
    pub(super) windows: Option<Vec<LonLatBox>>,
    pub(super) key_range: Option<(i64, i64)>,
    pub(super) min_lod: Option<i8>,
    pub(super) max_lod: Option<i8>,
}

/// Rows with their keys, those outside left out.
pub(super) fn with_keys(rows: SendableRecordBatchStream, keying: Keying) -> SendableRecordBatchStream {
    let schema = keying.schema.clone();
    let keyed = rows.and_then(move |batch| {
        let keyed = keying
            .keyed(&batch)
            .map_err(|error| DataFusionError::External(Box::new(error)));
        futures::future::ready(keyed)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, keyed))
}

impl Keying {
    fn keyed(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let to_lonlat = ToLonLat::from_crs(&self.crs)?;
        let geometries = batch
            .column_by_name(&self.geometry)
            .and_then(|column| column.as_binary_opt::<i32>())
            .ok_or_else(|| Error::Internal("geometries that are not WKB".to_owned()))?;
        let keys = Keys::of(geometries, &to_lonlat);
        let boxes = GeometryScan::new()
            .add(geometries, &to_lonlat, true)
            .ok_or_else(|| Error::Internal("boxes that were not computed".to_owned()))?;
        // Points that were not compared with others are in every level.
        let levels: Int8Array = keys
            .levels
            .iter()
            .map(|level| level.map(|level| level.max(0)))
            .collect();
        let kept: BooleanArray = (0..batch.num_rows())
            .map(|row| {
                Some(
                    self.keeps_key(keys.quadbins.is_valid(row).then(|| keys.quadbins.value(row)))
                        && self.keeps_level(levels.is_valid(row).then(|| levels.value(row)))
                        && self.keeps_box(row, &boxes),
                )
            })
            .collect();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for field in self.schema.fields() {
            let name = field.name().as_str();
            columns.push(match BOUNDS_COLUMNS.iter().position(|side| *side == name) {
                Some(side) => Arc::new(boxes[side].clone()),
                None if name == QUADBIN_COLUMN => Arc::new(keys.quadbins.clone()),
                None if name == LEVEL_COLUMN => Arc::new(levels.clone()),
                None => batch
                    .column_by_name(name)
                    .cloned()
                    .ok_or_else(|| Error::Internal(format!("the column {name} was not read")))?,
            });
        }
        let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let keyed = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        Ok(filter_record_batch(&keyed, &kept)?)
    }

    fn keeps_key(&self, key: Option<i64>) -> bool {
        match (self.key_range, key) {
            (None, _) => true,
            (Some((least, most)), Some(key)) => (least..=most).contains(&key),
            (Some(_), None) => false,
        }
    }

    fn keeps_level(&self, level: Option<i8>) -> bool {
        if self.min_lod.is_none() && self.max_lod.is_none() {
            return true;
        }
        level.is_some_and(|level| {
            self.min_lod.is_none_or(|least| level >= least) && self.max_lod.is_none_or(|most| level <= most)
        })
    }

    fn keeps_box(&self, row: usize, [west, south, east, north]: &[Float32Array; 4]) -> bool {
        let Some(windows) = &self.windows else { return true };
        if west.is_null(row) {
            return false;
        }
        let [west, south, east, north] = [west, south, east, north].map(|side| f64::from(side.value(row)));
        windows
            .iter()
            .any(|window| west <= window.east && east >= window.west && south <= window.north && north >= window.south)
    }
}
