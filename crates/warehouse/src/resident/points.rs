//! Tables of points in memory.

use datafusion::arrow::array::{ArrayRef, AsArray, Int8Array, UInt32Array};
use resident::{Keep, NotPoints, Points, PointsBuilder};

use super::{Fit, Places, PlacesBuilder};
use crate::error::Result;
use crate::table::Table;

/// World coordinates, level of detail and short coordinates of a row.
const ROW_BYTES: u64 = 17;

impl Places for Points {
    type Builder = PointsBuilder;

    fn estimated_bytes(table: &Table) -> u64 {
        ROW_BYTES * table.rows
    }

    fn len(&self) -> usize {
        Points::len(self)
    }

    fn bytes(&self) -> usize {
        Points::bytes(self)
    }

    fn order(&self) -> Option<&UInt32Array> {
        Points::order(self)
    }
}

impl PlacesBuilder for PointsBuilder {
    type Places = Points;

    fn start(rows: usize, trusts_levels: bool, is_roomy: bool) -> Self {
        let keep = if is_roomy { Keep::Any } else { Keep::Short };
        PointsBuilder::new(rows, trusts_levels, keep)
    }

    fn push(&mut self, geometries: &ArrayRef, levels: Option<&Int8Array>) -> Result<Fit> {
        Ok(match PointsBuilder::push(self, geometries.as_binary(), levels) {
            Ok(()) => Fit::Fits,
            Err(NotPoints) => Fit::Strange,
        })
    }

    fn bytes(&self) -> usize {
        PointsBuilder::bytes(self)
    }

    fn finish(self) -> Result<Points> {
        Ok(PointsBuilder::finish(self))
    }
}
