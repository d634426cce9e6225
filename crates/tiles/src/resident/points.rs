//! A table of points in memory: a tile is a few binary searches.
//!
//! Rows stand by level of detail and then in Morton order, so that the rows of
//! a tile are one range in each level.

use std::ops::Range;

use datafusion::arrow::array::UInt32Array;
use datafusion::arrow::buffer::BooleanBuffer;
use spatial::{Quadbin, level_of_detail, mercator, morton};

use crate::error::Result;
use crate::frame::TileFrame;
use crate::thinning::{COMPLETE_POINTS, OccupiedCells, highest_level};

const LEVELS: usize = level_of_detail::FULL as usize + 1;

/// Places of all rows that have one.
pub(crate) struct Points {
    pub(crate) x: Vec<u32>,
    pub(crate) y: Vec<u32>,
    /// Where each level of detail begins; one more at the end.
    levels: [u32; LEVELS + 1],
    /// The place of each row among the rows as they were read; `None` when it
    /// is the same.
    pub(crate) order: Option<UInt32Array>,
}

/// The rows that a tile draws, and how many lie in it.
pub(crate) struct Selection {
    pub(crate) rows: Vec<u32>,
    pub(crate) total: u64,
}

/// Collects places while a table is read.
pub(crate) struct PointsBuilder {
    x: Vec<u32>,
    y: Vec<u32>,
    /// Rows without a place, in reading order.
    missing: Vec<u32>,
    /// Levels as stored, while they can be trusted.
    stored_levels: Option<Vec<i8>>,
    read: u32,
}

impl PointsBuilder {
    pub(crate) fn new(rows: usize, trust_levels: bool) -> Self {
        PointsBuilder {
            x: Vec::with_capacity(rows),
            y: Vec::with_capacity(rows),
            missing: Vec::new(),
            stored_levels: trust_levels.then(|| Vec::with_capacity(rows)),
            read: 0,
        }
    }

    /// The next row: its place in degrees and its stored level.
    #[inline]
    pub(crate) fn push(&mut self, place: Option<[f64; 2]>, stored_level: Option<i8>) {
        match place.and_then(|[lon, lat]| mercator::world_from_lonlat(lon, lat)) {
            Some([x, y]) => {
                self.x.push(x);
                self.y.push(y);
                match (&mut self.stored_levels, stored_level) {
                    (Some(levels), Some(level)) => levels.push(level),
                    (levels, None) => *levels = None,
                    (None, Some(_)) => {}
                }
            }
            None => self.missing.push(self.read),
        }
        self.read += 1;
    }

    pub(crate) fn finish(self) -> Points {
        let PointsBuilder {
            mut x,
            mut y,
            missing,
            stored_levels,
            ..
        } = self;
        x.shrink_to_fit();
        y.shrink_to_fit();
        let is_prefix = missing.first().is_none_or(|&first| first as usize >= x.len());
        if let Some(levels) = stored_levels
            && is_prefix
            && is_sorted(&levels, &x, &y)
        {
            let mut starts = [0; LEVELS + 1];
            for (level, start) in starts.iter_mut().enumerate() {
                *start = levels.partition_point(|&each| (each as usize) < level) as u32;
            }
            return Points {
                x,
                y,
                levels: starts,
                order: None,
            };
        }
        sorted(&x, &y, &missing)
    }
}

fn is_sorted(levels: &[i8], x: &[u32], y: &[u32]) -> bool {
    let mut previous = (0i8, 0u64);
    for ((&level, &x), &y) in levels.iter().zip(x).zip(y) {
        let this = (level, key(x, y));
        if this < previous || level > level_of_detail::FULL {
            return false;
        }
        previous = this;
    }
    true
}

/// The level-26 Morton code that tiles are ranges of.
#[inline]
fn key(x: u32, y: u32) -> u64 {
    morton::interleave(x >> 6, y >> 6)
}

/// Orders rows that came in any order, with levels of detail of their own.
fn sorted(x: &[u32], y: &[u32], missing: &[u32]) -> Points {
    let mut rows: Vec<(u64, u32)> = x
        .iter()
        .zip(y)
        .zip(0u32..)
        .map(|((&x, &y), row)| (key(x, y), row))
        .collect();
    rows.sort_unstable();
    let mut previous = None;
    let mut counts = [0u32; LEVELS + 1];
    let levels: Vec<u8> = rows
        .iter()
        .map(|&(code, _)| {
            let level = level_of_detail::of_point(previous.replace(code), code) as u8;
            counts[usize::from(level) + 1] += 1;
            level
        })
        .collect();
    for level in 0..LEVELS {
        counts[level + 1] += counts[level];
    }
    let mut next = counts;
    let mut order = vec![0u32; rows.len()];
    for (&(_, row), &level) in rows.iter().zip(&levels) {
        let place = &mut next[usize::from(level)];
        order[*place as usize] = row;
        *place += 1;
    }
    drop((rows, levels));
    let pick = |values: &[u32]| order.iter().map(|&row| values[row as usize]).collect::<Vec<u32>>();
    let (sorted_x, sorted_y) = (pick(x), pick(y));
    if !missing.is_empty() {
        // From places among the rows that have one to places among all.
        let mut skipped = missing.iter().copied().peekable();
        let mut all = Vec::with_capacity(x.len());
        let mut row = 0;
        while all.len() < x.len() {
            if skipped.next_if_eq(&row).is_none() {
                all.push(row);
            }
            row += 1;
        }
        order.iter_mut().for_each(|place| *place = all[*place as usize]);
    }
    Points {
        x: sorted_x,
        y: sorted_y,
        levels: counts,
        order: Some(UInt32Array::from(order)),
    }
}

impl Points {
    pub(crate) fn len(&self) -> usize {
        self.x.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.x.len() * if self.order.is_some() { 12 } else { 8 }
    }

    /// How many rows stand at each level of detail.
    #[cfg(test)]
    pub(crate) fn level_counts(&self) -> [u64; LEVELS] {
        std::array::from_fn(|level| u64::from(self.levels[level + 1] - self.levels[level]))
    }

    /// A condition's answers in reading order, put into resident order.
    pub(crate) fn reordered(&self, matches: &BooleanBuffer) -> BooleanBuffer {
        match &self.order {
            Some(order) => BooleanBuffer::collect_bool(order.len(), |row| matches.value(order.value(row) as usize)),
            None => matches.slice(0, self.len()),
        }
    }

    /// The rows inside a tile: one range for each level of detail.
    fn ranges(&self, frame: &TileFrame) -> [Range<usize>; LEVELS] {
        let keys = Quadbin::key_range(frame.coord());
        let (first, last) = (
            Quadbin::morton_of_key(*keys.start()),
            Quadbin::morton_of_key(*keys.end()),
        );
        std::array::from_fn(|level| {
            let (start, end) = (self.levels[level] as usize, self.levels[level + 1] as usize);
            let from = self.partition_point(start..end, first);
            let until = match last.checked_add(1) {
                Some(after) => self.partition_point(from..end, after),
                None => end,
            };
            from..until
        })
    }

    /// The first row of the range whose key is at least `code`.
    fn partition_point(&self, range: Range<usize>, code: u64) -> usize {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if key(self.x[middle], self.y[middle]) < code {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// What a tile draws of the rows that match.
    pub(crate) fn select(&self, frame: &TileFrame, matches: Option<&BooleanBuffer>) -> Selection {
        let ranges = self.ranges(frame);
        let total: usize = match matches {
            None => ranges.iter().map(ExactSizeIterator::len).sum(),
            Some(matches) => ranges
                .iter()
                .map(|range| matches.slice(range.start, range.len()).count_set_bits())
                .sum(),
        };
        let total = total as u64;
        let is_complete = total <= COMPLETE_POINTS;
        let drawn_levels = match (is_complete, matches, highest_level(frame)) {
            (false, None, Some(level)) => level as usize + 1,
            _ => LEVELS,
        };
        let mut rows = Vec::new();
        let mut cells =
            (!is_complete && (matches.is_some() || drawn_levels == LEVELS)).then(|| OccupiedCells::new(frame));
        for range in &ranges[..drawn_levels] {
            let mut keep = |row: usize| {
                let is_kept = match &mut cells {
                    Some(cells) => cells.is_first(frame, self.x[row], self.y[row]),
                    None => true,
                };
                if is_kept {
                    rows.push(row as u32);
                }
            };
            match matches {
                None => range.clone().for_each(&mut keep),
                Some(matches) => {
                    let inside = matches.slice(range.start, range.len());
                    inside.set_indices().for_each(|offset| keep(range.start + offset));
                }
            }
        }
        Selection { rows, total }
    }

    /// How many rows lie in a tile.
    #[cfg(test)]
    fn count(&self, frame: &TileFrame) -> u64 {
        self.ranges(frame).iter().map(|range| range.len() as u64).sum()
    }
}

/// Points were announced, something else was found.
#[derive(Debug)]
pub(crate) struct NotPoints;

/// Places of one batch of well-known binary, null and empty as `None`.
pub(crate) fn place(wkb: Option<&[u8]>) -> Result<Option<[f64; 2]>, NotPoints> {
    match wkb {
        None => Ok(None),
        Some(wkb) => match crate::wkb::point(wkb) {
            Some(place) => Ok(Some(place)),
            // An empty point has no place; anything else is no point.
            None if is_empty(wkb) => Ok(None),
            None => Err(NotPoints),
        },
    }
}

fn is_empty(wkb: &[u8]) -> bool {
    matches!(crate::shape::bounds_of(wkb), Ok(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spatial::{TileCoord, TileResolution};
    use std::collections::HashSet;

    fn points(places: &[[f64; 2]]) -> Points {
        let mut builder = PointsBuilder::new(places.len(), false);
        places.iter().for_each(|&place| builder.push(Some(place), None));
        builder.finish()
    }

    fn frame(z: u8, world: [u32; 2], resolution: TileResolution) -> TileFrame {
        TileFrame::new(TileCoord::of_world(z, world), resolution)
    }

    /// Deterministic places crowded around a few centres.
    fn crowded(count: u32) -> Vec<[f64; 2]> {
        (0..count)
            .map(|i| {
                let noise = |salt: u32| {
                    f64::from(i.wrapping_mul(2_654_435_761).wrapping_add(salt).wrapping_mul(40_503) >> 8)
                        / f64::from(1 << 24)
                };
                let spread = 0.02 * f64::from(1 + i % 7);
                [-3.7 + f64::from(i % 5) + noise(1) * spread, 40.4 + noise(99) * spread]
            })
            .collect()
    }

    #[test]
    fn thinned_tiles_draw_one_point_of_each_occupied_cell() {
        let points = points(&crowded(60_000));
        for resolution in [TileResolution::Half, TileResolution::One, TileResolution::Quarter] {
            for z in 1..9 {
                let frame = frame(z, [points.x[0], points.y[0]], resolution);
                let inside: Vec<usize> = (0..points.len())
                    .filter(|&row| frame.contains([points.x[row], points.y[row]]))
                    .collect();
                let selection = points.select(&frame, None);
                assert_eq!(selection.total, inside.len() as u64);
                if selection.total <= COMPLETE_POINTS {
                    assert_eq!(selection.rows.len(), inside.len());
                    continue;
                }
                let cell = |row: usize| frame.cell(points.x[row], points.y[row]);
                let occupied: HashSet<usize> = inside.iter().map(|&row| cell(row)).collect();
                let drawn: HashSet<usize> = selection.rows.iter().map(|&row| cell(row as usize)).collect();
                assert_eq!(drawn, occupied, "{z} {resolution:?}");
                assert_eq!(selection.rows.len(), occupied.len(), "{z} {resolution:?}");
            }
        }
    }

    #[test]
    fn filtered_tiles_draw_one_matching_point_of_each_cell() {
        let points = points(&crowded(60_000));
        let matches = BooleanBuffer::collect_bool(points.len(), |row| !row.is_multiple_of(3));
        let frame = frame(2, [points.x[0], points.y[0]], TileResolution::Half);
        let matching: Vec<usize> = (0..points.len())
            .filter(|&row| matches.value(row) && frame.contains([points.x[row], points.y[row]]))
            .collect();
        let selection = points.select(&frame, Some(&matches));
        assert_eq!(selection.total, matching.len() as u64);
        let cell = |row: usize| frame.cell(points.x[row], points.y[row]);
        let occupied: HashSet<usize> = matching.iter().map(|&row| cell(row)).collect();
        assert_eq!(selection.rows.len(), occupied.len());
        assert!(selection.rows.iter().all(|&row| matches.value(row as usize)));
    }

    #[test]
    fn rows_without_a_place_are_left_out_and_the_order_still_finds_the_others() {
        let mut builder = PointsBuilder::new(5, false);
        let places = [
            None,
            Some([10.0, 10.0]),
            Some([f64::NAN, 1.0]),
            Some([-10.0, 10.0]),
            None,
        ];
        places.iter().for_each(|&place| builder.push(place, None));
        let points = builder.finish();
        let order: Vec<u32> = points.order.as_ref().unwrap().values().to_vec();
        assert_eq!(order, [3, 1]);
        assert_eq!(
            mercator::world_from_lonlat(-10.0, 10.0),
            Some([points.x[0], points.y[0]])
        );
    }

    #[test]
    fn rows_that_come_sorted_keep_their_order() {
        let source = points(&crowded(500));
        let counts = source.level_counts();
        let levels = (0i8..)
            .zip(counts)
            .flat_map(|(level, count)| std::iter::repeat_n(level, count as usize));
        let mut builder = PointsBuilder::new(500, true);
        for (row, level) in levels.enumerate() {
            let unit = [source.x[row], source.y[row]].map(mercator::unit_from_world);
            builder.push(Some(mercator::lonlat_from_unit(unit[0], unit[1])), Some(level));
        }
        builder.push(None, None);
        let same = builder.finish();
        // A row without a level ends the trust, one without a place does not.
        assert_eq!((same.x, same.y), (source.x, source.y));
    }

    proptest! {
        #[test]
        fn every_point_is_in_exactly_one_tile_of_each_zoom(
            places in prop::collection::vec((-180.0..=180.0f64, -90.0..=90.0f64), 1..60)
        ) {
            let places: Vec<[f64; 2]> = places.into_iter().map(|(lon, lat)| [lon, lat]).collect();
            let points = points(&places);
            for z in 0..4u8 {
                let side = 1u32 << z;
                let tiles = (0..side).flat_map(|x| (0..side).map(move |y| TileCoord::new(z, x, y).unwrap()));
                let sum: u64 = tiles.map(|coord| points.count(&TileFrame::new(coord, TileResolution::Half))).sum();
                prop_assert_eq!(sum, places.len() as u64);
            }
        }
    }
}
