//! How many rows of a table each zoom leaves out: counted once for each version of the table.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int8Type, Int64Type};
use futures::TryStreamExt;
use rustc_hash::FxHashMap;
use spatial::level_of_detail::{FULL, max_level, of_point};
use spatial::{Quadbin, TileResolution};
use warehouse::{GeometryKind, Scan, Table, Warehouse};

use crate::error::Result;
use crate::thinning::{COMPLETE_POINTS, COMPLETE_SHAPES};
use crate::tilejson::MAX_ZOOM;

/// A document that waits longer than this for the count goes without; the next one has it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Points are counted in cells of this level. In tiles of this zoom and above the count is exact, and below it is
/// never too low.
const CELL_LEVEL: u8 = 9;

/// Keys have this many levels.
const KEY_LEVEL: u8 = 26;

/// Points without levels of detail that hold for the whole table have them worked out, up to this many.
const MOST_SORTED: u64 = 2_000_000;

const LEVELS: usize = FULL as usize + 1;

/// Rows by level of detail.
type Levels = [u32; LEVELS];

/// Counts by table and version. `None`: too many rows to count without levels.
pub(crate) struct Counts(moka::future::Cache<(i64, i64), Option<Arc<Count>>>);

impl Default for Counts {
    fn default() -> Self {
        // A count of points takes 80 bytes for each of its cells.
        Counts(moka::future::Cache::new(50))
    }
}

/// Where the rows of a table are, and at which zoom they appear.
enum Count {
    /// No tile ever leaves anything out.
    Complete,
    Points {
        /// By the Morton code of the cell.
        cells: FxHashMap<u32, Levels>,
        /// Rows that share their finest cell with others, by the code of their tile of the deepest zoom.
        crowds: FxHashMap<u64, u64>,
    },
    Shapes(Levels),
}

impl Counts {
    /// For each zoom the share of rows that thinned tiles leave out; `None` when that is not known in time.
    pub(crate) async fn dropped_per_zoom(
        &self,
        warehouse: &Warehouse,
        table: &Arc<Table>,
        kind: GeometryKind,
        resolution: TileResolution,
    ) -> Result<Option<Vec<f64>>> {
        let (cache, warehouse, table) = (self.0.clone(), warehouse.clone(), table.clone());
        // A task of its own goes on when nobody waits for it any more.
        let counting = tokio::spawn(async move {
            let count = async {
                Count::of(&warehouse, &table, kind)
                    .await
                    .map(|count| count.map(Arc::new))
            };
            cache.try_get_with((table.id, table.version), count).await
        });
        match tokio::time::timeout(PATIENCE, counting).await {
            Ok(Ok(Ok(count))) => Ok(count.map(|count| count.dropped_per_zoom(resolution))),
            Ok(Ok(Err(error))) => Err(crate::Error::Shared(error)),
            Ok(Err(_)) => Err(crate::Error::Cancelled),
            Err(_elapsed) => Ok(None),
        }
    }
}

impl Count {
    async fn of(warehouse: &Warehouse, table: &Arc<Table>, kind: GeometryKind) -> Result<Option<Count>> {
        let is_points = kind == GeometryKind::Points;
        let complete = if is_points { COMPLETE_POINTS } else { COMPLETE_SHAPES };
        if table.rows <= complete {
            return Ok(Some(Count::Complete));
        }
        let has_levels = !is_points || table.lod_is_global;
        if !has_levels && table.rows > MOST_SORTED {
            return Ok(None);
        }
        let columns: [String; 0] = [];
        let mut stream = warehouse
            .scan(Scan {
                with_keys: true,
                ..Scan::of(table.clone(), columns)
            })
            .await?;
        let mut counter = Counter::default();
        let mut codes = Vec::new();
        while let Some(batch) = stream.try_next().await? {
            for (code, level) in keys(&batch) {
                if has_levels {
                    counter.add(code, level);
                } else {
                    codes.push(code);
                }
            }
        }
        codes.sort_unstable();
        let mut previous = None;
        for code in codes {
            counter.add(code, of_point(previous, code));
            previous = Some(code);
        }
        Ok(Some(if is_points {
            Count::Points {
                cells: counter.cells,
                crowds: counter.crowds,
            }
        } else {
            Count::Shapes(sum(counter.cells.values()))
        }))
    }

    fn dropped_per_zoom(&self, resolution: TileResolution) -> Vec<f64> {
        let rows = match self {
            Count::Complete => 0,
            Count::Points { cells, .. } => rows(&sum(cells.values())),
            Count::Shapes(levels) => rows(levels),
        };
        (0..=MAX_ZOOM)
            .map(|z| {
                let dropped = match self {
                    Count::Complete => 0,
                    Count::Points { cells, crowds } => dropped_points(cells, crowds, z, resolution),
                    Count::Shapes(levels) => above(levels, max_level(z, resolution)),
                };
                // Four digits say it.
                (dropped as f64 / rows.max(1) as f64 * 1e4).round() / 1e4
            })
            .collect()
    }
}

/// Points that the tiles of a zoom leave out.
fn dropped_points(
    cells: &FxHashMap<u32, Levels>,
    crowds: &FxHashMap<u64, u64>,
    z: u8,
    resolution: TileResolution,
) -> u64 {
    let highest = max_level(z, resolution);
    if highest >= FULL {
        // Half of what a tile may hold is assumed to be somebody else's.
        return by_tile(crowds, MAX_ZOOM - z.min(MAX_ZOOM), |sum, count| *sum += count)
            .into_values()
            .filter(|&count| count > COMPLETE_POINTS / 2)
            .sum();
    }
    let cells: FxHashMap<u64, Levels> = cells.iter().map(|(&code, levels)| (u64::from(code), *levels)).collect();
    by_tile(&cells, CELL_LEVEL.saturating_sub(z), |sum, levels: &Levels| {
        sum.iter_mut().zip(levels).for_each(|(sum, level)| *sum += level);
    })
    .into_values()
    .filter(|levels| rows(levels) > COMPLETE_POINTS)
    .map(|levels| above(&levels, highest))
    .sum()
}

/// Sums up what lies in the same tile so many levels further up.
fn by_tile<T: Default>(cells: &FxHashMap<u64, T>, levels_up: u8, mut add: impl FnMut(&mut T, &T)) -> FxHashMap<u64, T> {
    let mut tiles: FxHashMap<u64, T> = FxHashMap::default();
    for (code, value) in cells {
        add(tiles.entry(code >> (2 * levels_up)).or_default(), value);
    }
    tiles
}

#[derive(Default)]
struct Counter {
    cells: FxHashMap<u32, Levels>,
    crowds: FxHashMap<u64, u64>,
}

impl Counter {
    fn add(&mut self, code: u64, level: i8) {
        let cell = (code >> (2 * (KEY_LEVEL - CELL_LEVEL))) as u32;
        let level = level.clamp(0, FULL);
        self.cells.entry(cell).or_insert([0; LEVELS])[level as usize] += 1;
        if level == FULL {
            *self.crowds.entry(code >> (2 * (KEY_LEVEL - MAX_ZOOM))).or_default() += 1;
        }
    }
}

/// The Morton code and level of detail of each row that has a place.
fn keys(batch: &RecordBatch) -> impl Iterator<Item = (u64, i8)> + '_ {
    let codes = batch
        .column_by_name("_qb")
        .and_then(|column| column.as_primitive_opt::<Int64Type>());
    let levels = batch
        .column_by_name("_lod")
        .and_then(|column| column.as_primitive_opt::<Int8Type>());
    codes
        .zip(levels)
        .into_iter()
        .flat_map(|(codes, levels)| codes.iter().zip(levels))
        .filter_map(|(code, level)| Some((Quadbin::morton_of_key(code?), level.unwrap_or(0))))
}

fn rows(levels: &Levels) -> u64 {
    levels.iter().map(|&count| u64::from(count)).sum()
}

/// Rows that only appear beyond a level.
fn above(levels: &Levels, highest: i8) -> u64 {
    levels
        .iter()
        .skip(usize::try_from(highest + 1).unwrap_or(0))
        .map(|&count| u64::from(count))
        .sum()
}

fn sum<'a>(cells: impl Iterator<Item = &'a Levels>) -> Levels {
    cells.fold([0; LEVELS], |mut sum, levels| {
        sum.iter_mut().zip(levels).for_each(|(sum, level)| *sum += level);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` rows in one spot, another in each of 300 cells of level 14 beside it, one far away.
    fn crowd(count: u64) -> Count {
        let mut counter = Counter::default();
        let mut codes = vec![0; count as usize];
        codes.extend((1..=300u64).map(|cell| cell << (2 * (KEY_LEVEL - 14))));
        codes.push((1 << (2 * u32::from(KEY_LEVEL))) - 1);
        let mut previous = None;
        for code in codes {
            counter.add(code, of_point(previous, code));
            previous = Some(code);
        }
        Count::Points {
            cells: counter.cells,
            crowds: counter.crowds,
        }
    }

    #[test]
    fn tiles_within_the_budget_leave_nothing_out() {
        let dropped = crowd(5_000).dropped_per_zoom(TileResolution::Half);
        assert_eq!(dropped, vec![0.0; usize::from(MAX_ZOOM) + 1]);
    }

    #[test]
    fn what_is_left_out_is_what_shares_a_cell_with_others() {
        let rows = 20_000.0 + 301.0;
        let dropped = crowd(20_000).dropped_per_zoom(TileResolution::Half);
        // At zoom 0 the cells are those of level 8: 301 cells of level 14 lie in one of them.
        assert_eq!(dropped[0], ((rows - 2.0) / rows * 1e4_f64).round() / 1e4);
        // At zoom 6 they are those of level 14: one row of the spot is drawn, and all others.
        assert_eq!(dropped[6], ((rows - 302.0) / rows * 1e4_f64).round() / 1e4);
        // However near one looks, they stay in one spot.
        assert_eq!(dropped[22], dropped[6]);
        assert!(dropped.is_sorted_by(|a, b| a >= b), "{dropped:?}");
        let coarse = crowd(20_000).dropped_per_zoom(TileResolution::Quarter);
        assert_eq!(coarse[7], dropped[6]);
    }
}
