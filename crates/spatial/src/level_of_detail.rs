//! Level of detail: from which zoom on a row is drawn when a tile is too full.
//!
//! The one rule that the writer stores in `_lod` and the tiler reads by.

use crate::TileResolution;

/// A thinned tile has 2^8 grid cells a side at tileResolution 0.5.
pub const GRID_LEVELS_PER_TILE: u8 = 8;

/// Rows that share their level-26 cell with an earlier row: drawn when nothing
/// is thinned.
pub const FULL: i8 = 19;

/// The deepest level of detail of a line or polygon.
pub const DEEPEST_EXTENT: i8 = 18;

/// The finest cell level that world coordinates can tell apart.
const FINEST_GRID_LEVEL: i16 = 32;

/// The last level of each run: rows of one run stand together, in Morton order.
///
/// Files and memory keep rows by run and not by level, because a small window
/// looks into every run. Levels of low zooms stand apart, so that a tile of the
/// world reads little else than what it draws.
const RUN_ENDS: [i8; 5] = [2, 4, 6, 8, FULL];

/// Runs that rows are kept in.
pub const RUNS: usize = RUN_ENDS.len();

/// The run that rows of a level stand in.
#[inline]
pub fn run_of(level: i8) -> usize {
    RUN_ENDS[..RUNS - 1].iter().filter(|&&end| level > end).count()
}

/// The levels of a run, both ends included.
pub fn levels_of(run: usize) -> (i8, i8) {
    (
        run.checked_sub(1).map_or(0, |before| RUN_ENDS[before] + 1),
        RUN_ENDS[run],
    )
}

/// The level of the grid cells that a thinned tile keeps one point of.
pub fn grid_level(z: u8, tile_resolution: TileResolution) -> u8 {
    let level = i16::from(z) + i16::from(GRID_LEVELS_PER_TILE) + i16::from(tile_resolution.correction());
    level.clamp(0, FINEST_GRID_LEVEL) as u8
}

/// The highest `_lod` that a thinned tile draws.
pub fn max_level(z: u8, tile_resolution: TileResolution) -> i8 {
    let level = i16::from(z) + i16::from(tile_resolution.correction());
    level.clamp(0, i16::from(FULL)) as i8
}

/// The level of detail of a point, from the level-26 Morton codes
/// ([`Quadbin::morton`](crate::Quadbin::morton)) of rows sorted by them: of the
/// row before it (`None` for the first row) and its own.
///
/// The first row of a cell in that order stands for the cell, on every level,
/// so that a thinned tile at zoom z draws exactly the rows up to level z.
#[inline]
pub fn of_point(previous_morton: Option<u64>, morton: u64) -> i8 {
    let Some(previous) = previous_morton else {
        return 0;
    };
    let different_bits = 64 - (previous ^ morton).leading_zeros();
    // 26 levels of two bits: how many leading pairs both rows share.
    let shared_levels = 26 - different_bits.div_ceil(2) as i8;
    (shared_levels + 1 - GRID_LEVELS_PER_TILE as i8).clamp(0, FULL)
}

/// The level of detail of a line, polygon or collection: the smallest zoom at
/// which the longer side of its box is at least one pixel, 1/512 of a tile.
/// Width and height in unit coordinates.
pub fn of_extent(width: f64, height: f64) -> i8 {
    let longer = width.max(height);
    if longer.is_nan() || longer <= 0.0 {
        return DEEPEST_EXTENT;
    }
    let zoom = (-longer.log2() - 9.0).ceil();
    zoom.clamp(0.0, f64::from(DEEPEST_EXTENT)) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Quadbin, morton};
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn the_grid_follows_the_tile_resolution() {
        let level = |text: &str| grid_level(5, text.parse().unwrap());
        let levels: Vec<u8> = ["0.25", "0.5", "1", "2", "4"].map(level).to_vec();
        assert_eq!(levels, [12, 13, 14, 15, 16]);
        assert_eq!(max_level(5, TileResolution::Half), 5);
        assert_eq!(max_level(0, TileResolution::Quarter), 0);
        assert_eq!(max_level(20, TileResolution::Four), FULL);
    }

    #[test]
    fn every_level_is_in_one_run() {
        for run in 0..RUNS {
            let (first, last) = levels_of(run);
            assert!((first..=last).all(|level| run_of(level) == run));
        }
        assert_eq!(levels_of(0).0, 0);
        assert_eq!(levels_of(RUNS - 1).1, FULL);
        assert!((1..RUNS).all(|run| levels_of(run).0 == levels_of(run - 1).1 + 1));
    }

    #[test]
    fn a_shape_appears_when_it_is_a_pixel_wide() {
        assert_eq!(of_extent(1.0, 0.0), 0);
        assert_eq!(of_extent(1.0 / 512.0, 0.0), 0);
        assert_eq!(of_extent(0.0, 1.0 / 513.0), 1);
        assert_eq!(of_extent(1.0 / 1024.0, 1.0 / 2048.0), 1);
        assert_eq!(of_extent(0.0, 0.0), DEEPEST_EXTENT);
        assert_eq!(of_extent(f64::NAN, 0.0), DEEPEST_EXTENT);
    }

    #[test]
    fn rows_in_the_same_finest_cell_are_only_drawn_in_full() {
        assert_eq!(of_point(None, 77), 0);
        assert_eq!(of_point(Some(77), 77), FULL);
        assert_eq!(of_point(Some(0b00), 0b11), 18);
    }

    proptest! {
        /// Brute force: at each zoom, one row of each occupied cell and no more.
        #[test]
        fn each_zoom_draws_one_row_of_each_cell(
            points in prop::collection::vec((0u32..5000, 0u32..5000, 0u32..14), 1..200)
        ) {
            let mut codes: Vec<u64> = points
                .iter()
                .map(|&(x, y, spread)| {
                    let world = [x << spread << 4, y << spread << 4];
                    Quadbin::from_world(world, 26).morton()
                })
                .collect();
            codes.sort_unstable();
            let levels: Vec<i8> = (0..codes.len())
                .map(|i| of_point(i.checked_sub(1).map(|p| codes[p]), codes[i]))
                .collect();
            for zoom in 0..=18u8 {
                let cell = |code: u64| code >> (2 * (26 - grid_level(zoom, TileResolution::Half)));
                let occupied: HashSet<u64> = codes.iter().map(|&code| cell(code)).collect();
                let drawn: Vec<u64> = codes
                    .iter()
                    .zip(&levels)
                    .filter(|&(_, &level)| level <= zoom as i8)
                    .map(|(&code, _)| cell(code))
                    .collect();
                prop_assert_eq!(drawn.len(), occupied.len(), "zoom {}", zoom);
                prop_assert_eq!(drawn.into_iter().collect::<HashSet<_>>(), occupied);
            }
            let (x, y) = morton::deinterleave(codes[0]);
            prop_assert!(x < 1 << 26 && y < 1 << 26);
        }
    }
}
