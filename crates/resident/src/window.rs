//! Which rows of a table of points lie in boxes, edges included: the same answer as comparing coordinates one by one.
//!
//! World coordinates decide for all rows but those on the few centimetres along an edge, whose exact coordinates are
//! looked at.

use std::ops::Range;

use spatial::level_of_detail::RUNS;
use spatial::mercator;

use crate::points::Points;

/// Fewer rows than this are looked at one by one.
const ONE_BY_ONE: usize = 48;
/// World steps that rounding may move a coordinate by.
const MARGIN: u32 = 1;

/// Boxes that rows must lie in: any of the boxes of each list.
#[derive(Debug, Clone)]
pub struct Windows {
    all_of: Vec<Vec<Side>>,
}

/// One box.
#[derive(Debug, Clone)]
struct Side {
    /// `[west, south, east, north]` in degrees.
    degrees: [f64; 4],
    /// World coordinates `[left, top, right, bottom]`, ends included, beyond which no row of the box lies.
    outer: [u32; 4],
    /// The same within which every row lies in the box; `None` when there are no such.
    inner: Option<[u32; 4]>,
}

impl Side {
    fn new(degrees: [f64; 4]) -> Self {
        let [west, south, east, north] = degrees;
        let x = |lon: f64| mercator::world_from_unit(lon.clamp(-180.0, 180.0) / 360.0 + 0.5);
        let y = |lat: f64| mercator::world_from_unit(mercator::unit_from_lonlat(0.0, lat)[1]);
        let (left, top, right, bottom) = (x(west), y(north), x(east), y(south));
        let outer = [
            left.saturating_sub(MARGIN),
            top.saturating_sub(MARGIN),
            right.saturating_add(MARGIN),
            bottom.saturating_add(MARGIN),
        ];
        // An edge that no place is beyond leaves nothing open.
        let after = |is_open: bool, step: u32| if is_open { step.checked_add(MARGIN + 1) } else { Some(0) };
        let before = |is_open: bool, step: u32| {
            if is_open {
                step.checked_sub(MARGIN + 1)
            } else {
                Some(u32::MAX)
            }
        };
        let inner = || {
            let inner = [
                after(west > -180.0, left)?,
                after(north < 90.0, top)?,
                before(east < 180.0, right)?,
                before(south > -90.0, bottom)?,
            ];
            (inner[0] <= inner[2] && inner[1] <= inner[3]).then_some(inner)
        };
        Side {
            degrees,
            outer,
            inner: inner(),
        }
    }
}

/// How a square of world coordinates lies to what is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Outside,
    Partly,
    Inside,
}

impl Windows {
    /// Rows that lie in any of the boxes `[west, south, east, north]` of each list. None of them crosses the
    /// antimeridian.
    #[must_use]
    pub fn new(all_of: &[Vec<[f64; 4]>]) -> Self {
        Windows {
            all_of: all_of
                .iter()
                .map(|boxes| boxes.iter().map(|&degrees| Side::new(degrees)).collect())
                .collect(),
        }
    }

    fn relation(&self, [left, top, right, bottom]: [u32; 4]) -> Relation {
        let of_side = |side: &Side| {
            let [west, north, east, south] = side.outer;
            if right < west || left > east || bottom < north || top > south {
                return Relation::Outside;
            }
            match side.inner {
                Some([west, north, east, south])
                    if left >= west && right <= east && top >= north && bottom <= south =>
                {
                    Relation::Inside
                }
                Some(_) | None => Relation::Partly,
            }
        };
        self.all_of
            .iter()
            .map(|any_of| any_of.iter().map(of_side).max().unwrap_or(Relation::Outside))
            .min()
            .unwrap_or(Relation::Inside)
    }

    fn holds(&self, [lon, lat]: [f64; 2]) -> bool {
        self.all_of.iter().all(|any_of| {
            any_of.iter().any(|side| {
                let [west, south, east, north] = side.degrees;
                lon >= west && lon <= east && lat >= south && lat <= north
            })
        })
    }
}

/// Rows in ascending order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    ranges: Vec<Range<u32>>,
    count: usize,
}

impl Rows {
    /// All rows of a table.
    #[must_use]
    pub fn all(rows: usize) -> Self {
        let mut all = Rows::default();
        all.push(0..rows);
        all
    }

    fn push(&mut self, rows: Range<usize>) {
        if rows.is_empty() {
            return;
        }
        self.count += rows.len();
        let rows = rows.start as u32..rows.end as u32;
        match self.ranges.last_mut() {
            Some(last) if last.end == rows.start => last.end = rows.end,
            Some(_) | None => self.ranges.push(rows),
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first so many rows.
    #[must_use]
    pub fn first(mut self, most: usize) -> Self {
        let mut left = most;
        for range in &mut self.ranges {
            range.end = range
                .end
                .min(range.start.saturating_add(u32::try_from(left).unwrap_or(u32::MAX)));
            left -= range.len();
        }
        self.ranges.retain(|range| !range.is_empty());
        self.count = self.count.min(most);
        self
    }

    /// The rows in batches of at most so many.
    pub fn batches(self, most: usize) -> impl Iterator<Item = Vec<u32>> + Send {
        let mut ranges = self.ranges.into_iter();
        let mut open: Range<u32> = 0..0;
        std::iter::from_fn(move || {
            let mut batch = Vec::with_capacity(most);
            while batch.len() < most {
                if open.is_empty() {
                    match ranges.next() {
                        Some(next) => open = next,
                        None => break,
                    }
                }
                let room = (most - batch.len()) as u32;
                let end = open.end.min(open.start.saturating_add(room));
                batch.extend(open.start..end);
                open.start = end;
            }
            (!batch.is_empty()).then_some(batch)
        })
    }

    /// The rows in about as many parts, one after another, each of at least `least` rows.
    #[must_use]
    pub fn parts(self, most: usize, least: usize) -> Vec<Rows> {
        let parts = (self.count / least.max(1)).clamp(1, most.max(1));
        let share = self.count.div_ceil(parts).max(1);
        let mut all = vec![Rows::default()];
        for range in self.ranges {
            let mut range = range.start as usize..range.end as usize;
            while !range.is_empty() {
                let part = all.last_mut().expect("there is always one");
                if part.count == share {
                    all.push(Rows::default());
                    continue;
                }
                let end = range.end.min(range.start + share - part.count);
                part.push(range.start..end);
                range.start = end;
            }
        }
        all
    }
}

impl Points {
    /// The rows that lie in the windows; `None` when the exact coordinates that it takes are not in memory.
    #[must_use]
    pub fn rows_in(&self, windows: &Windows) -> Option<Rows> {
        if !self.is_within_world() {
            return None;
        }
        let mut search = Search {
            points: self,
            windows,
            found: Rows::default(),
        };
        for run in 0..RUNS {
            search.visit(self.run(run), 0, 0, 0)?;
        }
        Some(search.found)
    }

    /// The rows that have a geometry; `None` when some of them have no place and are not in memory.
    #[must_use]
    pub fn rows_with_geometry(&self) -> Option<Rows> {
        (self.geometries_read() == self.len()).then(|| Rows::all(self.len()))
    }

    /// All rows; `None` when some have no place and are not in memory.
    #[must_use]
    pub fn all_rows(&self) -> Option<Rows> {
        (self.rows_read() == self.len()).then(|| Rows::all(self.len()))
    }
}

struct Search<'a> {
    points: &'a Points,
    windows: &'a Windows,
    found: Rows,
}

impl Search<'_> {
    /// Looks at rows of one run that all lie in the tile.
    fn visit(&mut self, rows: Range<usize>, level: u32, x: u32, y: u32) -> Option<()> {
        if rows.is_empty() {
            return Some(());
        }
        let last = u32::MAX.checked_shr(level).unwrap_or(0);
        let at = |number: u32| number.checked_shl(32 - level).unwrap_or(0);
        let (left, top) = (at(x), at(y));
        match self.windows.relation([left, top, left | last, top | last]) {
            Relation::Outside => Some(()),
            Relation::Inside => {
                self.found.push(rows);
                Some(())
            }
            Relation::Partly if rows.len() <= ONE_BY_ONE || level == 26 => self.one_by_one(rows),
            Relation::Partly => {
                let mut start = rows.start;
                for child in 0..4u32 {
                    let (x, y) = (2 * x + (child & 1), 2 * y + (child >> 1));
                    let end = if child == 3 {
                        rows.end
                    } else {
                        let after = spatial::morton::interleave(x, y) + 1;
                        self.points.first_at(start..rows.end, after << (2 * (25 - level)))
                    };
                    self.visit(start..end, level + 1, x, y)?;
                    start = end;
                }
                Some(())
            }
        }
    }

    fn one_by_one(&mut self, rows: Range<usize>) -> Option<()> {
        for row in rows {
            let (x, y) = (self.points.x[row], self.points.y[row]);
            let is_in = match self.windows.relation([x, y, x, y]) {
                Relation::Outside => false,
                Relation::Inside => true,
                Relation::Partly => self.windows.holds(self.points.coordinates.as_ref()?.get(row)),
            };
            if is_in {
                self.found.push(row..row + 1);
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keep, PointsBuilder};
    use arrow_array::BinaryArray;
    use proptest::prelude::*;

    fn points(places: &[[f64; 2]], keep: Keep) -> Points {
        let mut builder = PointsBuilder::new(places.len(), false, keep);
        let mut wkb = Vec::new();
        for &place in places {
            wkb.clear();
            crate::place::write(place, &mut wkb);
            builder.push(&BinaryArray::from_vec(vec![&wkb]), None).unwrap();
        }
        builder.finish()
    }

    /// Rows found, by their place among those pushed.
    fn found(points: &Points, all_of: &[Vec<[f64; 4]>]) -> Vec<u32> {
        let rows = points.rows_in(&Windows::new(all_of)).unwrap();
        let count = rows.len();
        let mut rows: Vec<u32> = rows.batches(7).flatten().collect();
        assert_eq!(rows.len(), count);
        assert!(rows.is_sorted());
        let order = points.order().unwrap();
        rows.iter_mut().for_each(|row| *row = order.value(*row as usize));
        rows.sort_unstable();
        rows
    }

    #[test]
    fn edges_belong_to_the_window_to_the_last_digit() {
        let places = [
            [10.0, 50.0],
            [10.0_f64.next_down(), 50.0],
            [10.0, 50.0_f64.next_down()],
            [20.0, 60.0],
            [20.0_f64.next_up(), 60.0],
            [20.0, 60.0_f64.next_up()],
            [15.0, 55.0],
        ];
        let points = points(&places, Keep::Any);
        assert_eq!(found(&points, &[vec![[10.0, 50.0, 20.0, 60.0]]]), [0, 3, 6]);
        assert_eq!(found(&points, &[vec![[10.0, 50.0, 10.0, 50.0]]]), [0]);
        assert_eq!(found(&points, &[vec![]]), [0u32; 0]);
        assert_eq!(found(&points, &[]), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn without_exact_coordinates_only_clear_cases_are_answered() {
        let places = [[1.0 / 3.0, 2.0 / 3.0], [5.0, 5.0]];
        let points = points(&places, Keep::Short);
        let rows = |sides: [f64; 4]| points.rows_in(&Windows::new(&[vec![sides]]));
        assert_eq!(rows([0.0, 0.0, 1.0, 1.0]).map(|rows| rows.len()), Some(1));
        assert_eq!(rows([1.0 / 3.0, 0.0, 1.0, 1.0]), None);
    }

    #[test]
    fn the_ends_of_the_world_are_inside() {
        let places = [
            [-180.0, 90.0],
            [180.0, -90.0],
            [180.0, 89.0],
            [-180.0, -86.0],
            [0.0, 0.0],
        ];
        let points = points(&places, Keep::Any);
        assert_eq!(found(&points, &[vec![[-180.0, -90.0, 180.0, 90.0]]]), [0, 1, 2, 3, 4]);
        assert_eq!(found(&points, &[vec![[170.0, -90.0, 180.0, 90.0]]]), [1, 2]);
        assert_eq!(found(&points, &[vec![[-180.0, -90.0, -170.0, 90.0]]]), [0, 3]);
        assert_eq!(found(&points, &[vec![[-180.0, -85.9, 180.0, 88.9]]]), [4]);
        assert_eq!(
            found(&points, &[vec![[190.0, -90.0, 200.0, 90.0], [180.0, 0.0, 360.0, 89.0]]]),
            [2]
        );
    }

    #[test]
    fn rows_are_cut_into_parts_and_batches() {
        let rows = Rows::all(1000);
        let parts = rows.clone().parts(4, 100);
        assert_eq!(parts.iter().map(Rows::len).collect::<Vec<_>>(), [250; 4]);
        assert_eq!(rows.clone().parts(4, 10_000).len(), 1);
        assert_eq!(Rows::default().parts(4, 1), [Rows::default()]);
        let joined: Vec<u32> = parts.into_iter().flat_map(|part| part.batches(64)).flatten().collect();
        assert_eq!(joined, (0..1000).collect::<Vec<u32>>());
        assert_eq!(rows.first(3).batches(2).collect::<Vec<_>>(), [vec![0, 1], vec![2]]);
    }

    proptest! {
        #[test]
        fn windows_find_what_comparing_finds(
            places in prop::collection::vec((-1800i32..=1800, -900i32..=900), 1..400),
            boxes in prop::collection::vec((-1800i32..=1800, -900i32..=900, 0i32..400, 0i32..400), 1..4),
            also in prop::option::of((-1800i32..=1800, -900i32..=900, 0i32..2000, 0i32..2000)),
        ) {
            let degrees = |tenths: i32| f64::from(tenths) / 10.0;
            let places: Vec<[f64; 2]> = places.iter().map(|&(x, y)| [degrees(x), degrees(y)]).collect();
            let sides = |&(x, y, width, height): &(i32, i32, i32, i32)| {
                [degrees(x), degrees(y), degrees((x + width).min(1800)), degrees((y + height).min(900))]
            };
            let mut all_of = vec![boxes.iter().map(sides).collect::<Vec<_>>()];
            all_of.extend(also.iter().map(|also| vec![sides(also)]));
            let points = points(&places, Keep::Short);
            let expected: Vec<u32> = (0u32..)
                .zip(&places)
                .filter(|(_, [x, y])| {
                    all_of.iter().all(|boxes| {
                        boxes.iter().any(|[west, south, east, north]| {
                            x >= west && x <= east && y >= south && y <= north
                        })
                    })
                })
                .map(|(row, _)| row)
                .collect();
            prop_assert_eq!(found(&points, &all_of), expected);
        }
    }
}
