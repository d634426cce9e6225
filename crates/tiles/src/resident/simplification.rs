//! Which vertices of outlines are needed at which level, neighbours alike.
//!
//! Every vertex gets the coarsest copy that still needs it, by Douglas and Peucker, "Algorithms for the reduction
//! of the number of points required to represent a digitized line", 1973. Vertices where outlines meet stay in all
//! copies, and what lies between two of them is judged by its coordinates alone, in one direction: a border that two
//! polygons share is the same in both.

use datafusion::arrow::array::BinaryArray;
use rustc_hash::FxHashSet;
use spatial::mercator;

use super::crossings::{Ring, Vertices, untangle};
use crate::wkb::{Coordinates, GeometrySink, read};

/// Copies for the levels (zoom and tile resolution together) from 0 on. Deeper tiles hold few outlines.
pub(super) const LEVELS: usize = 7;

/// How far a copy may stray from the data: a pixel, of 512 a tile side at level 0.
const STRAY: f64 = 1.0 / 512.0;

/// Tables with more vertices are drawn as they are: finding where outlines meet and cross takes 60 bytes a vertex.
const MOST_VERTICES: usize = 1_000_000;

/// The vertex is in no copy.
const NO_LEVEL: u8 = u8::MAX;

/// The first level of every vertex; `None` for tables that are too large.
pub(super) fn first_levels(stored: &BinaryArray) -> Option<Box<[u8]>> {
    // Sixteen bytes a vertex at least.
    if stored.value_data().len() / 16 > MOST_VERTICES {
        return None;
    }
    let mut neighbours = Neighbours::default();
    for wkb in stored.iter() {
        let _ = read(wkb.unwrap_or_default(), &mut neighbours);
    }
    let mut judge = Judge {
        meetings: neighbours.meetings(),
        levels: Vec::new(),
        places: Vec::new(),
        rings: Vec::new(),
        thirds: FxHashSet::default(),
        path: Vec::new(),
    };
    for wkb in stored.iter() {
        let _ = read(wkb.unwrap_or_default(), &mut judge);
    }
    let mut levels = judge.levels;
    let names: Vec<u64> = judge.places.iter().copied().map(name).collect();
    for (level, name) in levels.iter_mut().zip(&names) {
        if judge.thirds.contains(name) {
            *level = 0;
        }
    }
    let vertices = Vertices {
        rings: &judge.rings,
        places: &judge.places,
        names: &names,
    };
    for level in 0..LEVELS as u8 {
        untangle(&vertices, &mut levels, level, stray(level));
    }
    Some(levels.into_boxed_slice())
}

/// A vertex as one number. Two vertices with the same one are as good as impossible.
fn name([x, y]: [f64; 2]) -> u64 {
    // Zero has two signs.
    let bits = |value: f64| (value + 0.0).to_bits();
    let mixed =
        bits(x).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ bits(y).rotate_left(29).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ bits(y)
}

/// Who stands beside whom: (vertex, neighbour).
#[derive(Default)]
struct Neighbours(Vec<(u64, u64)>);

impl Neighbours {
    fn path(&mut self, coordinates: Coordinates<'_>) {
        let mut previous = None;
        for vertex in coordinates.iter().map(name) {
            if let Some(previous) = previous
                && previous != vertex
            {
                self.0.extend([(vertex, previous), (previous, vertex)]);
            }
            previous = Some(vertex);
        }
    }

    /// Vertices from which more than two ways lead.
    fn meetings(mut self) -> FxHashSet<u64> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|ways| ways.len() > 2)
            .map(|ways| ways[0].0)
            .collect()
    }
}

impl GeometrySink for Neighbours {
    fn point(&mut self, _: f64, _: f64) {}

    fn line(&mut self, coordinates: Coordinates<'_>) {
        self.path(coordinates);
    }

    fn ring(&mut self, coordinates: Coordinates<'_>, _: bool) {
        self.path(coordinates);
    }
}

/// Finds the first level of each vertex.
struct Judge {
    meetings: FxHashSet<u64>,
    levels: Vec<u8>,
    /// All vertices in the Mercator square.
    places: Vec<[f64; 2]>,
    rings: Vec<Ring>,
    /// Vertices, by the names of their places, that keep a ring from being a line: neighbours need them too.
    thirds: FxHashSet<u64>,
    /// The vertices of a line or ring: as stored, and in the Mercator square.
    path: Vec<([f64; 2], [f64; 2])>,
}

impl GeometrySink for Judge {
    fn point(&mut self, x: f64, y: f64) {
        self.levels.push(0);
        self.places.push(mercator::unit_from_lonlat(x, y));
    }

    fn line(&mut self, coordinates: Coordinates<'_>) {
        let levels = self.begin(coordinates);
        if let Some(last) = levels.len().checked_sub(1) {
            let mut anchors: Vec<usize> = (1..last).filter(|&at| self.is_meeting(at)).collect();
            anchors.insert(0, 0);
            anchors.push(last);
            self.between(&anchors, levels);
        }
    }

    fn ring(&mut self, coordinates: Coordinates<'_>, _: bool) {
        let mut levels = self.begin(coordinates);
        let last = match levels.len() {
            0 => return,
            // A ring that is not closed is taken for closed.
            length if self.path[0].0 == self.path[length - 1].0 => length - 1,
            length => length,
        };
        let first = self.levels.len();
        self.rings.push(Ring { first, length: last });
        if last < 4 {
            levels[..last].fill(0);
            return self.levels.extend(levels);
        }
        let mut anchors: Vec<usize> = (0..last).filter(|&at| self.is_meeting(at)).collect();
        if anchors.len() < 2 {
            let first = match anchors.as_slice() {
                [only] => *only,
                _ => self.least(last),
            };
            let second = self.farthest(last, |at| distance_to(self.path[at].1, self.path[first].1));
            anchors = vec![first, second];
        }
        if let [first, second] = *anchors.as_slice() {
            let third = self.farthest(last, |at| {
                distance_to_line(self.path[at].1, self.path[first].1, self.path[second].1)
            });
            self.thirds.insert(name(self.path[third].1));
        }
        anchors.sort_unstable();
        anchors.dedup();
        self.around(&anchors, last, levels);
    }
}

impl Judge {
    /// Takes a path up; all of its vertices are in no copy yet.
    fn begin(&mut self, coordinates: Coordinates<'_>) -> Vec<u8> {
        self.path.clear();
        self.path.extend(
            coordinates
                .iter()
                .map(|place| (place, mercator::unit_from_lonlat(place[0], place[1]))),
        );
        self.places.extend(self.path.iter().map(|(_, place)| place));
        vec![NO_LEVEL; self.path.len()]
    }

    fn is_meeting(&self, at: usize) -> bool {
        self.meetings.contains(&name(self.path[at].0))
    }

    /// The vertex of a ring that comes first by its coordinates.
    fn least(&self, last: usize) -> usize {
        let place = |at: &usize| self.path[*at].0;
        (0..last).min_by(|a, b| order(place(a), place(b))).unwrap_or_default()
    }

    /// The vertex of a ring where `far` is greatest; of several, the first by its coordinates.
    fn farthest(&self, last: usize, far: impl Fn(usize) -> f64) -> usize {
        (0..last)
            .max_by(|&a, &b| {
                far(a)
                    .total_cmp(&far(b))
                    .then_with(|| order(self.path[b].0, self.path[a].0))
            })
            .unwrap_or_default()
    }

    /// Judges an open path between its anchors.
    fn between(&mut self, anchors: &[usize], mut levels: Vec<u8>) {
        for pair in anchors.windows(2) {
            let section: Vec<usize> = (pair[0]..=pair[1]).collect();
            self.section(section, &mut levels);
        }
        anchors.iter().for_each(|&anchor| levels[anchor] = 0);
        self.levels.extend(levels);
    }

    /// Judges a ring of `last` vertices between its anchors.
    fn around(&mut self, anchors: &[usize], last: usize, mut levels: Vec<u8>) {
        for (place, &start) in anchors.iter().enumerate() {
            let end = anchors[(place + 1) % anchors.len()];
            let end = if end <= start { end + last } else { end };
            let section: Vec<usize> = (start..=end).map(|at| at % last).collect();
            self.section(section, &mut levels);
        }
        anchors.iter().for_each(|&anchor| levels[anchor] = 0);
        self.levels.extend(levels);
    }

    /// Judges what lies between two anchors, in the same direction whoever asks.
    fn section(&self, mut section: Vec<usize>, levels: &mut [u8]) {
        let place = |at: usize| self.path[at].0;
        let (Some(&first), Some(&last)) = (section.first(), section.last()) else {
            return;
        };
        let forwards = order(place(first), place(last)).then_with(|| {
            let before_last = section[section.len().saturating_sub(2)];
            order(place(section[section.len().min(2) - 1]), place(before_last))
        });
        if forwards.is_gt() {
            section.reverse();
        }
        let mut open = vec![(0, section.len() - 1, 0u8)];
        while let Some((start, end, least)) = open.pop() {
            if end - start < 2 {
                continue;
            }
            let at = |place: usize| self.path[section[place]].1;
            let mut far = (start, -1.0);
            for place in start + 1..end {
                let distance = distance_to_segment(at(place), at(start), at(end));
                if distance > far.1 {
                    far = (place, distance);
                }
            }
            // A vertex is in no coarser copy than those it was measured against.
            if let Some(level) = level_of(far.1).map(|level| level.max(least)) {
                levels[section[far.0]] = level;
                open.extend([(start, far.0, level), (far.0, end, level)]);
            }
        }
    }
}

/// The coarsest level at which straying this far, squared, in the Mercator square, would be seen.
fn level_of(squared: f64) -> Option<u8> {
    (0..LEVELS as u8).find(|&level| squared > stray(level) * stray(level))
}

pub(super) fn stray(level: u8) -> f64 {
    STRAY / f64::from(1u32 << level)
}

pub(super) fn order(a: [f64; 2], b: [f64; 2]) -> std::cmp::Ordering {
    a[0].total_cmp(&b[0]).then_with(|| a[1].total_cmp(&b[1]))
}

fn distance_to([x, y]: [f64; 2], [ax, ay]: [f64; 2]) -> f64 {
    (x - ax) * (x - ax) + (y - ay) * (y - ay)
}

/// The squared distance to the endless line through two places.
fn distance_to_line(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let length = distance_to(a, b);
    if length == 0.0 {
        return distance_to(p, a);
    }
    let cross = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
    cross * cross / length
}

/// The squared distance to the way between two places.
pub(super) fn distance_to_segment(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let length = distance_to(a, b);
    if length == 0.0 {
        return distance_to(p, a);
    }
    let share = ((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1])) / length;
    let share = share.clamp(0.0, 1.0);
    distance_to(p, [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])])
}
