//! Outlines: lines and polygons simplified for low zooms, neighbours alike.
//!
//! Every vertex gets the coarsest copy that still needs it, by Douglas and Peucker, "Algorithms for the reduction
//! of the number of points required to represent a digitized line", 1973. Vertices where outlines meet stay in all
//! copies, and what lies between two of them is judged by its coordinates alone, in one direction: a border that two
//! polygons share is the same in both.

use std::sync::OnceLock;

use datafusion::arrow::array::{Array, BinaryArray};
use rustc_hash::FxHashSet;
use spatial::mercator;

use super::crossings::{Ring, Vertices, untangle};
use crate::wkb::{Coordinates, GeometrySink, InvalidWkb, Pour, Wkb, read};

/// Copies for the levels (zoom and tile resolution together) from 0 on. Deeper tiles hold few outlines.
const LEVELS: usize = 7;

/// How far a copy may stray from the data: a pixel, of 512 a tile side at level 0.
const STRAY: f64 = 1.0 / 512.0;

/// Tables with more vertices are drawn as they are: finding where outlines meet and cross takes 60 bytes a vertex.
const MOST_VERTICES: usize = 1_000_000;

/// A copy that leaves out less than this share of the vertices is not worth its memory.
const WORTH: f64 = 0.25;

/// The vertex is in no copy.
const NO_LEVEL: u8 = u8::MAX;

/// The simplified copies of a table, made when first asked for.
#[derive(Default)]
pub(crate) struct Outlines {
    /// The first copy that holds each vertex, in the order of rows and of vertices in them.
    levels: OnceLock<Option<Box<[u8]>>>,
    copies: [OnceLock<Option<Coarse>>; LEVELS],
}

/// One simplified copy.
pub(crate) struct Coarse {
    /// x and y, little endian.
    coordinates: Vec<u8>,
    parts: Vec<Part>,
    /// Where the parts of each row end.
    row_ends: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Part {
    kind: Kind,
    /// Where it ends in the coordinates, in vertices.
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Point,
    Line,
    Outer,
    Hole,
}

/// The outline of one row.
pub(crate) enum Outline<'a> {
    AsStored(Wkb<'a>),
    Simplified { copy: &'a Coarse, row: usize },
}

impl Pour for Outline<'_> {
    fn pour(&self, sink: &mut impl GeometrySink) -> Result<(), InvalidWkb> {
        match self {
            Outline::AsStored(wkb) => wkb.pour(sink),
            Outline::Simplified { copy, row } => {
                copy.pour(*row, sink);
                Ok(())
            }
        }
    }
}

impl Outlines {
    /// How to draw rows in tiles of this level: zoom plus the correction of the tile resolution.
    pub(crate) fn at(&self, level: i8, stored: &BinaryArray) -> OutlinesAt<'_> {
        let level = usize::try_from(level).unwrap_or(0);
        let copy = self.copies.get(level).and_then(|copy| {
            let levels = self.levels.get_or_init(|| first_levels(stored)).as_deref()?;
            copy.get_or_init(|| Coarse::of(stored, levels, level as u8)).as_ref()
        });
        OutlinesAt { copy }
    }

    pub(crate) fn bytes(&self) -> usize {
        let levels = self
            .levels
            .get()
            .and_then(Option::as_ref)
            .map_or(0, |levels| levels.len());
        let copies: usize = self
            .copies
            .iter()
            .filter_map(|copy| copy.get()?.as_ref())
            .map(Coarse::bytes)
            .sum();
        levels + copies
    }
}

/// The outlines for one level.
pub(crate) struct OutlinesAt<'a> {
    copy: Option<&'a Coarse>,
}

impl<'a> OutlinesAt<'a> {
    pub(crate) fn row(&self, row: usize, stored: &'a BinaryArray) -> Outline<'a> {
        match self.copy {
            Some(copy) => Outline::Simplified { copy, row },
            None => Outline::AsStored(Wkb(stored.value(row))),
        }
    }
}

impl Coarse {
    /// `None` when it would leave out hardly anything.
    fn of(stored: &BinaryArray, levels: &[u8], level: u8) -> Option<Coarse> {
        let kept = levels.iter().filter(|&&first| first <= level).count();
        if kept as f64 > levels.len() as f64 * (1.0 - WORTH) {
            return None;
        }
        let mut writer = Writer {
            levels: levels.iter(),
            level,
            copy: Coarse {
                coordinates: Vec::with_capacity(kept * 16),
                parts: Vec::new(),
                row_ends: Vec::with_capacity(stored.len()),
            },
        };
        for wkb in stored.iter() {
            // What is broken was refused when its box was made.
            let _ = read(wkb.unwrap_or_default(), &mut writer);
            let end = writer.copy.parts.len();
            writer.copy.row_ends.push(end);
        }
        Some(writer.copy)
    }

    fn bytes(&self) -> usize {
        self.coordinates.len() + self.parts.len() * size_of::<Part>() + self.row_ends.len() * size_of::<usize>()
    }

    fn pour(&self, row: usize, sink: &mut impl GeometrySink) {
        let first = if row == 0 { 0 } else { self.row_ends[row - 1] };
        let mut start = if first == 0 { 0 } else { self.parts[first - 1].end };
        for part in &self.parts[first..self.row_ends[row]] {
            let coordinates = Coordinates::plain(&self.coordinates[start * 16..part.end * 16]);
            start = part.end;
            match part.kind {
                Kind::Point => coordinates.iter().for_each(|[x, y]| sink.point(x, y)),
                Kind::Line => sink.line(coordinates),
                Kind::Outer => sink.ring(coordinates, true),
                Kind::Hole => sink.ring(coordinates, false),
            }
        }
    }
}

/// Writes the vertices of one level.
struct Writer<'a> {
    levels: std::slice::Iter<'a, u8>,
    level: u8,
    copy: Coarse,
}

impl Writer<'_> {
    fn part(&mut self, kind: Kind, coordinates: impl Iterator<Item = [f64; 2]>) {
        let out = &mut self.copy.coordinates;
        for [x, y] in coordinates {
            if self.levels.next().is_some_and(|&first| first <= self.level) {
                out.extend_from_slice(&x.to_le_bytes());
                out.extend_from_slice(&y.to_le_bytes());
            }
        }
        let end = out.len() / 16;
        self.copy.parts.push(Part { kind, end });
    }
}

impl GeometrySink for Writer<'_> {
    fn point(&mut self, x: f64, y: f64) {
        self.part(Kind::Point, std::iter::once([x, y]));
    }

    fn line(&mut self, coordinates: Coordinates<'_>) {
        self.part(Kind::Line, coordinates.iter());
    }

    /// The vertex that closes a ring is in no copy: whichever is the first one there is put at the end again.
    fn ring(&mut self, coordinates: Coordinates<'_>, is_outer: bool) {
        let start = self.copy.coordinates.len();
        self.part(if is_outer { Kind::Outer } else { Kind::Hole }, coordinates.iter());
        let out = &mut self.copy.coordinates;
        if out.len() > start {
            out.extend_from_within(start..start + 16);
            if let Some(part) = self.copy.parts.last_mut() {
                part.end += 1;
            }
        }
    }
}

/// The first level of every vertex; `None` for tables that are too large.
fn first_levels(stored: &BinaryArray) -> Option<Box<[u8]>> {
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

fn stray(level: u8) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64) -> f64 {
        let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }

    /// A polygon of one ring, which may begin at any of its vertices.
    fn polygon(ring: &[[f64; 2]], begin: usize) -> Vec<u8> {
        let closed = (0..=ring.len()).map(|at| ring[(begin + at) % ring.len()]);
        let mut wkb = vec![1, 3, 0, 0, 0, 1, 0, 0, 0];
        wkb.extend((ring.len() as u32 + 1).to_le_bytes());
        closed.flatten().for_each(|number| wkb.extend(number.to_le_bytes()));
        wkb
    }

    #[derive(Default)]
    struct Rings(Vec<Vec<[f64; 2]>>);

    impl GeometrySink for Rings {
        fn point(&mut self, _: f64, _: f64) {}
        fn line(&mut self, _: Coordinates<'_>) {}
        fn ring(&mut self, coordinates: Coordinates<'_>, _: bool) {
            self.0.push(coordinates.iter().collect());
        }
    }

    fn rings(outlines: &Outlines, level: i8, stored: &BinaryArray, row: usize) -> Vec<Vec<[f64; 2]>> {
        let mut rings = Rings::default();
        outlines
            .at(level, stored)
            .row(row, stored)
            .pour(&mut rings)
            .expect("good bytes");
        rings.0
    }

    /// A ragged way from (0, -40) to (0, 40).
    fn border() -> Vec<[f64; 2]> {
        (0..=800u64)
            .map(|step| [noise(step) * 3.0, step as f64 / 10.0 - 40.0])
            .collect()
    }

    /// Two countries west and east of the border.
    fn neighbours() -> BinaryArray {
        let border = border();
        let west: Vec<[f64; 2]> = border.iter().copied().chain([[-60.0, 40.0], [-60.0, -40.0]]).collect();
        let east: Vec<[f64; 2]> = border
            .iter()
            .rev()
            .copied()
            .chain([[60.0, -40.0], [60.0, 40.0]])
            .collect();
        BinaryArray::from_iter_values([polygon(&west, 333), polygon(&east, 77)])
    }

    fn on_border(ring: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let mut vertices: Vec<[f64; 2]> = ring.iter().copied().filter(|[x, _]| x.abs() < 50.0).collect();
        vertices.sort_by(|a, b| order([a[1], a[0]], [b[1], b[0]]));
        vertices.dedup();
        vertices
    }

    #[test]
    fn a_border_is_the_same_in_both_its_countries_at_every_level() {
        let stored = neighbours();
        let outlines = Outlines::default();
        let mut counts = Vec::new();
        for level in 0..LEVELS as i8 {
            let [west, east] = [0, 1].map(|row| rings(&outlines, level, &stored, row));
            assert_eq!(west[0].first(), west[0].last(), "rings are closed");
            assert_eq!(on_border(&west[0]), on_border(&east[0]), "level {level}");
            counts.push(west[0].len());
        }
        assert!(counts[0] < 300 && counts.is_sorted(), "{counts:?}");
        assert!(outlines.bytes() > 0);
    }

    #[test]
    fn nothing_strays_further_than_a_pixel() {
        let stored = neighbours();
        let outlines = Outlines::default();
        for level in 0..LEVELS as i8 {
            let kept = on_border(&rings(&outlines, level, &stored, 0)[0]);
            let unit = |[lon, lat]: [f64; 2]| mercator::unit_from_lonlat(lon, lat);
            let allowed = stray(level as u8);
            for vertex in border() {
                let distance = kept
                    .windows(2)
                    .map(|pair| distance_to_segment(unit(vertex), unit(pair[0]), unit(pair[1])))
                    .fold(f64::INFINITY, f64::min);
                assert!(distance.sqrt() <= allowed, "level {level}: {vertex:?}");
            }
        }
    }

    #[test]
    fn an_island_is_a_triangle_at_least_and_an_enclave_is_like_its_hole() {
        let island: Vec<[f64; 2]> = (0..90u32)
            .map(|step| f64::from(step * 4).to_radians())
            .map(|angle| [20.0 + 0.01 * angle.cos(), 10.0 + 0.01 * angle.sin()])
            .collect();
        let reversed: Vec<[f64; 2]> = island.iter().rev().copied().collect();
        let stored = BinaryArray::from_iter_values([polygon(&island, 0), polygon(&reversed, 41)]);
        let outlines = Outlines::default();
        let [one, other] = [0, 1].map(|row| rings(&outlines, 0, &stored, row));
        assert_eq!(one[0].len(), 4, "{one:?}");
        assert_eq!(on_border(&one[0]), on_border(&other[0]));
    }

    #[test]
    fn deep_tiles_are_drawn_from_the_data_itself() {
        let stored = neighbours();
        let deep = rings(&Outlines::default(), LEVELS as i8, &stored, 0);
        assert_eq!(deep[0].len(), 801 + 3);
    }
}
