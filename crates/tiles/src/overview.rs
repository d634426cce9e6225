//! How many rows lie where: exact totals of tiles that draw only some of them.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use rustc_hash::FxHashMap;
use spatial::{Quadbin, TileCoord, morton};
use warehouse::{Scan, Warehouse};

use crate::error::Result;

/// Rows are counted in cells of this level, so totals are known up to this zoom.
pub(crate) const LEVEL: u8 = 12;

/// Counts of one table version under one condition.
pub(crate) struct Overview {
    /// Morton codes of occupied cells, ascending.
    cells: Vec<u32>,
    /// Rows in all cells before each, and in all cells at the end.
    before: Vec<u64>,
}

impl Overview {
    /// Counts the keys that a scan gives; columns are not read.
    pub(crate) async fn count(warehouse: &Warehouse, scan: Scan) -> Result<Overview> {
        let columns: [String; 0] = [];
        let scan = Scan {
            with_keys: true,
            condition: scan.condition,
            ..Scan::of(scan.table, columns)
        };
        let mut stream = warehouse.scan(scan).await?;
        let mut counts: FxHashMap<u32, u64> = FxHashMap::default();
        while let Some(batch) = stream.try_next().await? {
            let Some(keys) = batch
                .column_by_name("_qb")
                .and_then(|column| column.as_primitive_opt::<Int64Type>())
            else {
                continue;
            };
            // Rows are sorted, so the same cell comes many times in a row.
            let mut run = (u32::MAX, 0);
            for key in keys.iter().flatten() {
                let cell = (Quadbin::morton_of_key(key) >> (2 * (26 - LEVEL))) as u32;
                if cell != run.0 {
                    *counts.entry(run.0).or_default() += run.1;
                    run = (cell, 0);
                }
                run.1 += 1;
            }
            *counts.entry(run.0).or_default() += run.1;
        }
        Ok(Overview::of(counts))
    }

    fn of(mut counts: FxHashMap<u32, u64>) -> Overview {
        counts.retain(|_, count| *count > 0);
        let mut cells: Vec<u32> = counts.keys().copied().collect();
        cells.sort_unstable();
        let mut before = vec![0];
        before.extend(cells.iter().scan(0, |sum, cell| {
            *sum += counts[cell];
            Some(*sum)
        }));
        Overview { cells, before }
    }

    /// Rows in a tile of zoom [`LEVEL`] or above.
    pub(crate) fn total(&self, coord: TileCoord) -> u64 {
        let bits = 2 * u32::from(LEVEL.saturating_sub(coord.z()));
        let first = morton::interleave(coord.x(), coord.y()) << bits;
        let last = first + (1u64 << bits);
        let place = |code: u64| self.cells.partition_point(|&cell| u64::from(cell) < code);
        self.before[place(last)] - self.before[place(first)]
    }

    pub(crate) fn bytes(&self) -> usize {
        self.cells.len() * 12
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_of_tiles_are_sums_of_their_cells() {
        let cell = |x: u32, y: u32| morton::interleave(x, y) as u32;
        let overview = Overview::of(FxHashMap::from_iter([
            (cell(0, 0), 3),
            (cell(4095, 4095), 5),
            (cell(1, 0), 2),
            (7, 0),
        ]));
        let total = |z, x, y| overview.total(TileCoord::new(z, x, y).unwrap());
        assert_eq!(total(0, 0, 0), 10);
        assert_eq!(total(1, 0, 0), 5);
        assert_eq!(total(1, 1, 1), 5);
        assert_eq!(total(1, 1, 0), 0);
        assert_eq!(total(12, 0, 0), 3);
        assert_eq!(total(12, 1, 0), 2);
        assert_eq!(total(11, 0, 0), 5);
    }
}
