//! What a tile draws of a table of points in memory.

use datafusion::arrow::buffer::BooleanBuffer;
use resident::Points;
use spatial::level_of_detail;

use crate::frame::TileFrame;
use crate::thinning::{COMPLETE_POINTS, OccupiedCells, highest_level};

/// The rows that a tile draws, and how many lie in it.
pub(crate) struct Selection {
    pub(crate) rows: Vec<u32>,
    pub(crate) total: u64,
}

/// What a tile draws of the rows that match.
pub(crate) fn select(points: &Points, frame: &TileFrame, matches: Option<&BooleanBuffer>) -> Selection {
    let ranges = points.tile(frame.coord());
    let total: usize = match matches {
        None => ranges.iter().map(ExactSizeIterator::len).sum(),
        Some(matches) => ranges
            .iter()
            .map(|range| matches.slice(range.start, range.len()).count_set_bits())
            .sum(),
    };
    let total = total as u64;
    let is_complete = total <= COMPLETE_POINTS;
    // Stored levels stand for all rows, not for those of a condition.
    let highest = match (is_complete, matches) {
        (false, None) => highest_level(frame),
        (true, _) | (false, Some(_)) => None,
    };
    let mut cells = (!is_complete && highest.is_none()).then(|| OccupiedCells::new(frame));
    // Rows stand by their place down to this level: a cell of the grid is a stretch of a run.
    let grid_level = level_of_detail::grid_level(frame.coord().z(), frame.resolution());
    let skips_cells = cells.is_some() && grid_level <= spatial::MAX_ZOOM;
    let mut rows = Vec::with_capacity(if is_complete { total as usize } else { 0 });
    for (run, range) in ranges.iter().enumerate() {
        let (first_level, last_level) = level_of_detail::levels_of(run);
        if highest.is_some_and(|highest| first_level > highest) {
            break;
        }
        let highest = highest.filter(|&highest| highest < last_level);
        let mut keep = |row: usize| {
            let is_kept = match (&mut cells, highest) {
                (Some(cells), _) => cells.is_first(frame, points.x[row], points.y[row]),
                (None, Some(highest)) => points.levels[row] as i8 <= highest,
                (None, None) => true,
            };
            if is_kept {
                rows.push(row as u32);
            }
        };
        match matches {
            None => range.clone().for_each(&mut keep),
            Some(matches) if skips_cells => {
                let mut row = range.start;
                while let Some(offset) = matches.slice(row, range.end - row).set_indices().next() {
                    keep(row + offset);
                    row = after_cell(points, row + offset, range.end, grid_level);
                }
            }
            Some(matches) => {
                let inside = matches.slice(range.start, range.len());
                inside.set_indices().for_each(|offset| keep(range.start + offset));
            }
        }
    }
    Selection { rows, total }
}

/// The first row of a run, after this one and up to `end`, that lies in another cell of the grid. Rows of a cell stand
/// together, few or many: steps double until they leave it.
fn after_cell(points: &Points, row: usize, end: usize, grid_level: u8) -> usize {
    let cell = |row: usize| {
        let bits = 32 - u32::from(grid_level);
        let [x, y] = [points.x[row], points.y[row]].map(|world| world.checked_shr(bits).unwrap_or(0));
        [x, y]
    };
    let here = cell(row);
    let (mut low, mut step) = (row + 1, 1);
    let mut high = loop {
        let next = low + step;
        if next >= end {
            break end;
        }
        if cell(next) != here {
            break next;
        }
        low = next + 1;
        step *= 2;
    };
    while low < high {
        let middle = low + (high - low) / 2;
        if cell(middle) == here {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::BinaryArray;
    use resident::{Keep, PointsBuilder};
    use spatial::{TileCoord, TileResolution};
    use std::collections::HashSet;

    fn points(places: &[[f64; 2]]) -> Points {
        let wkb: Vec<Vec<u8>> = places
            .iter()
            .map(|[lon, lat]| {
                let mut wkb = vec![1, 1, 0, 0, 0];
                wkb.extend(lon.to_le_bytes());
                wkb.extend(lat.to_le_bytes());
                wkb
            })
            .collect();
        let mut builder = PointsBuilder::new(places.len(), false, Keep::Any);
        builder.push(&BinaryArray::from_iter_values(&wkb), None).unwrap();
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
                let selection = select(&points, &frame, None);
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
        let selection = select(&points, &frame, Some(&matches));
        assert_eq!(selection.total, matching.len() as u64);
        let cell = |row: usize| frame.cell(points.x[row], points.y[row]);
        let occupied: HashSet<usize> = matching.iter().map(|&row| cell(row)).collect();
        assert_eq!(selection.rows.len(), occupied.len());
        assert!(selection.rows.iter().all(|&row| matches.value(row as usize)));
    }
}
