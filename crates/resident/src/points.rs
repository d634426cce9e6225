//! A table of points in memory: a window is a few ranges of rows.
//!
//! Rows stand by run of levels of detail ([`level_of_detail::run_of`]) and then in Morton order, as in files.

use std::ops::Range;

use arrow_array::{Array, BinaryArray, Int8Array, UInt32Array};
use spatial::level_of_detail::{self, RUNS};
use spatial::{Quadbin, TileCoord, mercator, morton};

use crate::coordinates::{Coordinates, Keep};
use crate::place::{self, NotPoints, Place};

const LEVELS: usize = level_of_detail::FULL as usize + 1;

/// Places of all rows that have one.
pub struct Points {
    /// World coordinates.
    pub x: Vec<u32>,
    pub y: Vec<u32>,
    /// The level of detail of each row.
    pub levels: Vec<u8>,
    /// Where each run begins; one more at the end.
    runs: [u32; RUNS + 1],
    /// The place of each row among the rows as they were read; `None` when it is the same.
    order: Option<UInt32Array>,
    pub(crate) coordinates: Option<Coordinates>,
    found: Found,
}

/// What was found besides places.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// Rows read, with and without a place.
    rows: u32,
    /// Rows whose geometry is null.
    nulls: u32,
    /// Some point is not written in the usual way, so that its bytes cannot be given back.
    unusual: bool,
    /// Some point lies beyond ±180° or ±90°: its world coordinates say less than its own.
    beyond_world: bool,
}

/// Collects places while a table is read.
pub struct PointsBuilder {
    x: Vec<u32>,
    y: Vec<u32>,
    /// Rows without a place, in reading order.
    missing: Vec<u32>,
    /// Levels as stored, while they can be trusted.
    stored_levels: Option<Vec<u8>>,
    coordinates: Option<Coordinates>,
    keep: Keep,
    found: Found,
}

impl PointsBuilder {
    /// `trusts_levels`: the levels that rows bring were elected over all rows together.
    pub fn new(rows: usize, trusts_levels: bool, keep: Keep) -> Self {
        PointsBuilder {
            x: Vec::with_capacity(rows),
            y: Vec::with_capacity(rows),
            missing: Vec::new(),
            stored_levels: trusts_levels.then(|| Vec::with_capacity(rows)),
            coordinates: Some(Coordinates::with_capacity(rows)),
            keep,
            found: Found::default(),
        }
    }

    /// Takes in rows of well-known binary, with their stored levels if they have any.
    ///
    /// # Errors
    /// Some geometry is no point.
    pub fn push(&mut self, geometries: &BinaryArray, levels: Option<&Int8Array>) -> Result<(), NotPoints> {
        for (row, wkb) in geometries.iter().enumerate() {
            let level = levels
                .filter(|levels| levels.is_valid(row))
                .map(|levels| levels.value(row));
            match wkb.map(place::place_of).transpose()? {
                None => {
                    self.found.nulls += 1;
                    self.push_place(None, level);
                }
                Some(Place::Empty) => self.push_place(None, level),
                Some(Place::Plain(place)) => self.push_place(Some(place), level),
                Some(Place::Unusual(place)) => {
                    self.found.unusual = true;
                    self.push_place(Some(place), level);
                }
            }
        }
        Ok(())
    }

    /// The next row: its place in degrees and its stored level.
    #[inline]
    fn push_place(&mut self, place: Option<[f64; 2]>, stored_level: Option<i8>) {
        let place = place.and_then(|place| Some((place, mercator::world_from_lonlat(place[0], place[1])?)));
        match place {
            Some(([lon, lat], [x, y])) => {
                self.x.push(x);
                self.y.push(y);
                self.found.beyond_world |= lon.abs() > 180.0 || lat.abs() > 90.0;
                if let Some(coordinates) = &mut self.coordinates
                    && !coordinates.push([lon, lat], self.keep)
                {
                    self.coordinates = None;
                }
                let level = stored_level.filter(|level| (0..=level_of_detail::FULL).contains(level));
                match (&mut self.stored_levels, level) {
                    (Some(levels), Some(level)) => levels.push(level as u8),
                    (levels, _) => *levels = None,
                }
            }
            None => self.missing.push(self.found.rows),
        }
        self.found.rows += 1;
    }

    /// Memory taken so far.
    pub fn bytes(&self) -> usize {
        self.x.len() * 9 + self.coordinates.as_ref().map_or(0, Coordinates::bytes)
    }

    #[must_use]
    pub fn finish(mut self) -> Points {
        self.x.shrink_to_fit();
        self.y.shrink_to_fit();
        if let Some(coordinates) = &mut self.coordinates {
            coordinates.shrink();
        }
        let is_prefix = self.missing.first().is_none_or(|&first| first as usize >= self.x.len());
        match self.stored_levels.take() {
            Some(levels) if is_prefix && is_sorted(&levels, &self.x, &self.y) => Points {
                runs: run_starts(&levels),
                x: self.x,
                y: self.y,
                levels,
                order: None,
                coordinates: self.coordinates,
                found: self.found,
            },
            Some(_) | None => self.sorted(),
        }
    }

    /// Orders rows that came in any order, with levels of detail of their own.
    fn sorted(self) -> Points {
        let PointsBuilder {
            x,
            y,
            missing,
            coordinates,
            found,
            ..
        } = self;
        let mut rows: Vec<(u64, u32)> = x
            .iter()
            .zip(&y)
            .zip(0u32..)
            .map(|((&x, &y), row)| (key(x, y), row))
            .collect();
        rows.sort_unstable();
        let mut previous = None;
        let mut elected = Vec::with_capacity(rows.len());
        let mut next = [0u32; RUNS + 1];
        for &(code, _) in &rows {
            let level = level_of_detail::of_point(previous.replace(code), code);
            next[level_of_detail::run_of(level) + 1] += 1;
            elected.push(level as u8);
        }
        for run in 0..RUNS {
            next[run + 1] += next[run];
        }
        let runs = next;
        let mut order = vec![0u32; rows.len()];
        let mut levels = vec![0u8; rows.len()];
        for (&(_, row), &level) in rows.iter().zip(&elected) {
            let place = &mut next[level_of_detail::run_of(level as i8)];
            order[*place as usize] = row;
            levels[*place as usize] = level;
            *place += 1;
        }
        drop((rows, elected));
        let coordinates = coordinates.map(|coordinates| coordinates.picked(&order));
        let pick = |values: &[u32]| order.iter().map(|&row| values[row as usize]).collect::<Vec<u32>>();
        let (sorted_x, sorted_y) = (pick(&x), pick(&y));
        drop((x, y));
        if !missing.is_empty() {
            // From places among the rows that have one to places among all.
            let mut skipped = missing.iter().copied().peekable();
            let mut all = Vec::with_capacity(order.len());
            let mut row = 0;
            while all.len() < order.len() {
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
            levels,
            runs,
            order: Some(UInt32Array::from(order)),
            coordinates,
            found,
        }
    }
}

/// By run, then key.
fn is_sorted(levels: &[u8], x: &[u32], y: &[u32]) -> bool {
    let mut previous = (0, 0u64);
    levels.iter().zip(x).zip(y).all(|((&level, &x), &y)| {
        let this = (level_of_detail::run_of(level as i8), key(x, y));
        let is_after = this >= previous;
        previous = this;
        is_after
    })
}

fn run_starts(levels: &[u8]) -> [u32; RUNS + 1] {
    std::array::from_fn(|run| levels.partition_point(|&level| level_of_detail::run_of(level as i8) < run) as u32)
}

/// The level-26 Morton code that tiles are ranges of.
#[inline]
pub(crate) fn key(x: u32, y: u32) -> u64 {
    morton::interleave(x >> 6, y >> 6)
}

impl Points {
    /// Rows that have a place.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// Rows read, with and without a place.
    pub fn rows_read(&self) -> usize {
        self.found.rows as usize
    }

    /// Rows read that have a geometry.
    pub(crate) fn geometries_read(&self) -> usize {
        (self.found.rows - self.found.nulls) as usize
    }

    /// World coordinates tell what a point's own do, but for the last digits.
    pub(crate) fn is_within_world(&self) -> bool {
        !self.found.beyond_world
    }

    /// What geometries are made from again; `None` when they would not be the same bytes.
    pub fn geometries(&self) -> Option<&Coordinates> {
        self.coordinates.as_ref().filter(|_| !self.found.unusual)
    }

    /// The place of each row among the rows as they were read; `None` when it is the same.
    pub fn order(&self) -> Option<&UInt32Array> {
        self.order.as_ref()
    }

    pub fn bytes(&self) -> usize {
        self.len() * if self.order.is_some() { 13 } else { 9 } + self.coordinates.as_ref().map_or(0, Coordinates::bytes)
    }

    /// The rows of a run.
    pub(crate) fn run(&self, run: usize) -> Range<usize> {
        self.runs[run] as usize..self.runs[run + 1] as usize
    }

    /// How many rows stand at each level of detail.
    pub fn level_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; LEVELS];
        for &level in &self.levels {
            counts[usize::from(level)] += 1;
        }
        counts
    }

    /// The rows inside a tile: one range for each run.
    pub fn tile(&self, coord: TileCoord) -> [Range<usize>; RUNS] {
        let keys = Quadbin::key_range(coord);
        let first = Quadbin::morton_of_key(*keys.start());
        let after = Quadbin::morton_of_key(*keys.end()) + 1;
        std::array::from_fn(|run| {
            let rows = self.run(run);
            let from = self.first_at(rows.clone(), first);
            from..self.first_at(from..rows.end, after)
        })
    }

    /// The first row of the range whose key is at least `code`.
    pub(crate) fn first_at(&self, range: Range<usize>, code: u64) -> usize {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(places: &[Option<[f64; 2]>]) -> Points {
        let mut builder = PointsBuilder::new(places.len(), false, Keep::Any);
        places.iter().for_each(|&place| builder.push_place(place, None));
        builder.finish()
    }

    /// Deterministic places crowded around a few centres.
    fn crowded(count: u32) -> Vec<Option<[f64; 2]>> {
        (0..count)
            .map(|i| {
                let noise = |salt: u32| {
                    f64::from(i.wrapping_mul(2_654_435_761).wrapping_add(salt).wrapping_mul(40_503) >> 8)
                        / f64::from(1 << 24)
                };
                let spread = 0.02 * f64::from(1 + i % 7);
                Some([-3.7 + f64::from(i % 5) + noise(1) * spread, 40.4 + noise(99) * spread])
            })
            .collect()
    }

    #[test]
    fn rows_without_a_place_are_left_out_and_the_order_still_finds_the_others() {
        let points = points(&[
            None,
            Some([10.0, 10.0]),
            Some([f64::NAN, 1.0]),
            Some([-10.0, 10.0]),
            None,
        ]);
        assert_eq!(points.order().unwrap().values().to_vec(), [3, 1]);
        assert_eq!(
            mercator::world_from_lonlat(-10.0, 10.0),
            Some([points.x[0], points.y[0]])
        );
        assert_eq!((points.len(), points.rows_read()), (2, 5));
        let places: Vec<[f64; 2]> = (0..2).map(|row| points.geometries().unwrap().get(row)).collect();
        assert_eq!(places, [[-10.0, 10.0], [10.0, 10.0]]);
    }

    #[test]
    fn rows_that_come_sorted_keep_their_order() {
        let source = points(&crowded(500));
        assert!(
            source.levels.windows(2).any(|pair| pair[0] > pair[1]),
            "runs hold several levels"
        );
        let mut builder = PointsBuilder::new(501, true, Keep::Any);
        for row in 0..source.len() {
            let place = source.geometries().unwrap().get(row);
            builder.push_place(Some(place), Some(source.levels[row] as i8));
        }
        builder.push_place(None, None);
        let same = builder.finish();
        assert!(same.order().is_none());
        assert_eq!((same.x, same.y, same.levels), (source.x, source.y, source.levels));
        assert_eq!(same.runs, source.runs);
    }

    #[test]
    fn what_lies_beyond_the_world_or_is_written_unusually_is_noticed() {
        assert!(points(&[Some([180.0, -90.0])]).is_within_world());
        assert!(!points(&[Some([180.1, 0.0])]).is_within_world());
        assert!(!points(&[Some([0.0, 95.0])]).is_within_world());
        let mut builder = PointsBuilder::new(1, false, Keep::Any);
        let big_endian: [u8; 21] = [0, 0, 0, 0, 1, 63, 248, 0, 0, 0, 0, 0, 0, 192, 0, 0, 0, 0, 0, 0, 0];
        builder.push(&BinaryArray::from_vec(vec![&big_endian]), None).unwrap();
        assert!(builder.finish().geometries().is_none());
    }

    proptest! {
        #[test]
        fn every_point_is_in_exactly_one_tile_of_each_zoom(
            places in prop::collection::vec((-180.0..=180.0f64, -90.0..=90.0f64), 1..60)
        ) {
            let places: Vec<Option<[f64; 2]>> = places.into_iter().map(|(lon, lat)| Some([lon, lat])).collect();
            let points = points(&places);
            for z in 0..3u8 {
                let mut rows = 0;
                for x in 0..1 << z {
                    for y in 0..1 << z {
                        let coord = TileCoord::new(z, x, y).unwrap();
                        rows += points.tile(coord).iter().map(ExactSizeIterator::len).sum::<usize>();
                    }
                }
                prop_assert_eq!(rows, places.len(), "zoom {}", z);
            }
        }
    }
}
