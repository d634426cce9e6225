//! Outlines: lines and polygons simplified for low zooms, neighbours alike.

use std::sync::OnceLock;

use datafusion::arrow::array::{Array, BinaryArray};

use super::simplification::{LEVELS, first_levels};
use crate::wkb::{Coordinates, GeometrySink, InvalidWkb, Pour, Wkb, read};

/// A copy that leaves out less than this share of the vertices is not worth its memory.
const WORTH: f64 = 0.25;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resident::simplification::{distance_to_segment, order, stray};
    use spatial::mercator;

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
