//! A table of lines, polygons or mixed geometries in memory.
//!
//! Rows stand by level of detail and then in Morton order of their middle, in
//! blocks with a box each, so that a tile looks at few of them.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray, UInt32Array};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::{cast, concat, take};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use spatial::{LonLatBox, level_of_detail, mercator, morton};

use super::outlines::{Outlines, OutlinesAt};
use crate::error::Result;
use crate::frame::TileFrame;
use crate::shape::bounds_of;
use crate::thinning::COMPLETE_SHAPES;

const BLOCK: usize = 64;

/// Geometries of all rows that have one.
pub(crate) struct Shapes {
    pub(crate) wkb: BinaryArray,
    /// `[west, south, east, north]` in degrees, rounded outwards.
    boxes: Vec<[f32; 4]>,
    /// The box of each block of rows.
    blocks: Vec<[f32; 4]>,
    levels: Vec<i8>,
    /// Morton codes of the boxes' middles, in world coordinates.
    middles: Vec<u64>,
    /// The place of each row among the rows as they were read.
    pub(crate) order: UInt32Array,
    /// Some box reaches over ±180 degrees.
    is_beyond_world: bool,
    outlines: Outlines,
}

/// The rows that a tile tries to draw, and how many boxes reach into it.
pub(crate) struct Candidates {
    pub(crate) rows: Vec<u32>,
    /// One row too small to be seen for each 64th of the tile that has such
    /// rows: dots, so that a tile is never empty where something is.
    pub(crate) dots: Vec<u32>,
    pub(crate) total: u64,
    pub(crate) is_complete: bool,
}

/// Collects geometries while a table is read.
#[derive(Default)]
pub(crate) struct ShapesBuilder {
    batches: Vec<ArrayRef>,
}

impl ShapesBuilder {
    pub(crate) fn push(&mut self, geometry: &ArrayRef) -> Result<(), ArrowError> {
        self.batches.push(cast(geometry, &DataType::Binary)?);
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Shapes> {
        let batches: Vec<&dyn Array> = self.batches.iter().map(AsRef::as_ref).collect();
        let all = if batches.is_empty() {
            std::sync::Arc::new(BinaryArray::from_vec(Vec::new()))
        } else {
            concat(&batches).map_err(datafusion::error::DataFusionError::from)?
        };
        drop(self.batches);
        let geometries: &BinaryArray = all.as_binary();
        let mut rows = Vec::with_capacity(geometries.len());
        for (row, wkb) in (0u32..).zip(geometries) {
            if let Some(wkb) = wkb
                && let Some(bounds) = bounds_of(wkb)?
            {
                rows.push((level(&bounds), middle(&bounds), row, bounds));
            }
        }
        rows.sort_unstable_by_key(|&(level, middle, row, _)| (level, middle, row));
        let boxes: Vec<[f32; 4]> = rows.iter().map(|(_, _, _, bounds)| outward(bounds)).collect();
        let blocks = boxes
            .chunks(BLOCK)
            .map(|block| block.iter().copied().reduce(union).unwrap_or_default())
            .collect();
        let order: UInt32Array = rows.iter().map(|&(_, _, row, _)| row).collect::<Vec<u32>>().into();
        let sorted = take(geometries, &order, None).map_err(datafusion::error::DataFusionError::from)?;
        Ok(Shapes {
            wkb: sorted.as_binary().clone(),
            is_beyond_world: boxes.iter().any(|&[west, _, east, _]| west < -180.0 || east > 180.0),
            boxes,
            blocks,
            middles: rows.iter().map(|&(_, middle, ..)| middle).collect(),
            levels: rows.iter().map(|&(level, ..)| level).collect(),
            order,
            outlines: Outlines::default(),
        })
    }
}

/// A point has no size to judge by: it is thinned by its cell instead.
fn level(bounds: &LonLatBox) -> i8 {
    if bounds.width() == 0.0 && bounds.height() == 0.0 {
        return 0;
    }
    let [left, top] = mercator::unit_from_lonlat(bounds.west, bounds.north);
    let [right, bottom] = mercator::unit_from_lonlat(bounds.east, bounds.south);
    level_of_detail::of_extent(right - left, bottom - top)
}

fn middle(bounds: &LonLatBox) -> u64 {
    let [lon, lat] = bounds.center();
    mercator::world_from_lonlat(lon, lat).map_or(0, |[x, y]| morton::interleave(x, y))
}

fn outward(bounds: &LonLatBox) -> [f32; 4] {
    let down = |value: f64| {
        let rounded = value as f32;
        if f64::from(rounded) > value {
            rounded.next_down()
        } else {
            rounded
        }
    };
    let up = |value: f64| -down(-value);
    [down(bounds.west), down(bounds.south), up(bounds.east), up(bounds.north)]
}

fn union(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

impl Shapes {
    pub(crate) fn len(&self) -> usize {
        self.boxes.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.wkb.get_array_memory_size() + self.len() * (16 + 1 + 8 + 4) + self.outlines.bytes()
    }

    /// What a tile draws of each row: simplified where that cannot be seen.
    pub(crate) fn outlines(&self, frame: &TileFrame) -> OutlinesAt<'_> {
        let level = frame.coord().z() as i8 + frame.resolution().correction();
        self.outlines.at(level, &self.wkb)
    }

    /// The rows whose boxes reach into the tile with its buffer.
    pub(crate) fn select(&self, frame: &TileFrame, matches: Option<&BooleanBuffer>) -> Candidates {
        let window = frame.buffered_degrees().map(|side| side as f32);
        let turns: &[f32] = if self.is_beyond_world {
            &[0.0, -360.0, 360.0]
        } else {
            &[0.0]
        };
        let touches = |&[west, south, east, north]: &[f32; 4]| {
            south <= window[3]
                && north >= window[1]
                && turns
                    .iter()
                    .any(|turn| west + turn <= window[2] && east + turn >= window[0])
        };
        let mut rows = Vec::new();
        for (block, bounds) in self.blocks.iter().enumerate() {
            if !touches(bounds) {
                continue;
            }
            let first = block * BLOCK;
            let last = (first + BLOCK).min(self.len());
            rows.extend(
                (first..last)
                    .filter(|&row| touches(&self.boxes[row]))
                    .map(|row| row as u32),
            );
        }
        if let Some(matches) = matches {
            rows.retain(|&row| matches.value(row as usize));
        }
        let total = rows.len() as u64;
        let is_complete = total <= COMPLETE_SHAPES;
        let mut dots = Vec::new();
        if !is_complete {
            let highest = level_of_detail::max_level(frame.coord().z(), frame.resolution());
            // Rows stand by level, so what is drawn comes first.
            let drawn = rows.partition_point(|&row| self.levels[row as usize] <= highest);
            let small = rows.split_off(drawn);
            dots = self.one_of_each_block(frame, small);
        }
        Candidates {
            rows,
            dots,
            total,
            is_complete,
        }
    }

    fn one_of_each_block(&self, frame: &TileFrame, mut rows: Vec<u32>) -> Vec<u32> {
        let mut is_taken = vec![false; 64 * 64];
        rows.retain(|&row| {
            let (x, y) = morton::deinterleave(self.middles[row as usize]);
            // The middle of a row at the edge may lie in the next tile.
            frame.contains([x, y]) && !std::mem::replace(&mut is_taken[frame.block(x, y)], true)
        });
        rows
    }
}
