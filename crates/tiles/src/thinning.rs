//! When a tile is complete, and what is left of it otherwise.
//!
//! A tile is complete up to a number of features that any client draws with
//! ease. Beyond it, points keep the first row of every grid cell, lines and
//! polygons those of a pixel or more. How many were there is always told.

use spatial::{TileCoord, level_of_detail};

use crate::error::{Error, Result};
use crate::frame::TileFrame;

/// A tile with at most this many points has them all.
pub const COMPLETE_POINTS: u64 = 10_000;

/// A tile with at most this many lines, polygons or collections has them all.
pub const COMPLETE_SHAPES: u64 = 2_000;

/// A tile with more vertices than this is refused: no browser draws it.
pub const MOST_VERTICES: usize = 3_000_000;

/// The grid cells of one tile that have their point.
pub(crate) struct OccupiedCells {
    cells: Vec<u64>,
}

impl OccupiedCells {
    pub(crate) fn new(frame: &TileFrame) -> Self {
        OccupiedCells {
            cells: vec![0; frame.cells().div_ceil(64)],
        }
    }

    /// Whether this is the first point of its cell.
    #[inline]
    pub(crate) fn is_first(&mut self, frame: &TileFrame, x: u32, y: u32) -> bool {
        let cell = frame.cell(x, y);
        let bit = 1u64 << (cell % 64);
        let word = &mut self.cells[cell / 64];
        let is_first = *word & bit == 0;
        *word |= bit;
        is_first
    }
}

/// The highest level of detail that a thinned tile draws, when stored levels
/// are as fine as its grid; `None` deeper down, where rows are thinned by cell.
pub(crate) fn highest_level(frame: &TileFrame) -> Option<i8> {
    let level = level_of_detail::max_level(frame.coord().z(), frame.resolution());
    (level < level_of_detail::FULL).then_some(level)
}

pub(crate) fn check_size(coord: TileCoord, vertices: usize) -> Result<()> {
    if vertices > MOST_VERTICES {
        Err(Error::TooLarge {
            coord,
            limit: MOST_VERTICES,
        })
    } else {
        Ok(())
    }
}
