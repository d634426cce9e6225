//! Cuts features into the tiles of one zoom: simplified once for the whole zoom, then clipped down the quadtree.
//!
//! Coordinates are unit Mercator ([0, 1], y down). Simplifying before clipping keeps neighbouring tiles seamless.

use std::sync::Arc;

use geo::{Coord, LineString, Simplify};

/// What stands in a tile beside a geometry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tag {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

pub(crate) type Line = Vec<[f64; 2]>;

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Point([f64; 2]),
    Lines(Vec<Line>),
    /// Polygons, each a shell followed by its holes; rings are closed.
    Polygons(Vec<Vec<Line>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub layer: &'static str,
    pub shape: Shape,
    pub tags: Arc<[(&'static str, Tag)]>,
    /// The first zoom whose tiles hold the feature.
    pub min_zoom: u8,
}

/// Units a side of a tile.
pub(crate) const EXTENT: f64 = spatial::mvt::EXTENT as f64;
/// How far geometry goes on past the edge of a tile, in tile units.
const BUFFER: f64 = 64.0;
/// Tile units in a pixel of a 512 pixel tile.
const UNITS_PER_PIXEL: f64 = EXTENT / 512.0;

/// The tiles of zoom `z` in which something stands, each with its features.
pub(crate) fn cut(features: &[Feature], z: u8, max_zoom: u8, tile: &mut impl FnMut(u8, u32, u32, Vec<Feature>)) {
    // The last zoom is also drawn enlarged, so it keeps four times the detail. The first ones squeeze fjords into
    // a pixel: simplified as much as the others, their shores would cross and fill askew.
    let tolerance_pixels = match z {
        z if z == max_zoom => 0.15,
        0 | 1 => 0.2,
        _ => 0.6,
    };
    let unit = 1.0 / (f64::from(1u32 << z) * EXTENT);
    let pixel = unit * UNITS_PER_PIXEL;
    let features = features
        .iter()
        .filter(|f| f.min_zoom <= z)
        .filter_map(|f| {
            Some(Feature {
                shape: simplified(&f.shape, tolerance_pixels * pixel, pixel * pixel)?,
                ..f.clone()
            })
        })
        .collect();
    descend(0, 0, 0, z, features, tile);
}

fn descend(
    z: u8,
    x: u32,
    y: u32,
    target: u8,
    features: Vec<Feature>,
    tile: &mut impl FnMut(u8, u32, u32, Vec<Feature>),
) {
    if features.is_empty() {
        return;
    }
    if z == target {
        return tile(z, x, y, features);
    }
    for (cx, cy) in [
        (2 * x, 2 * y),
        (2 * x + 1, 2 * y),
        (2 * x, 2 * y + 1),
        (2 * x + 1, 2 * y + 1),
    ] {
        let window = Window::of_tile(z + 1, cx, cy);
        let inside = features
            .iter()
            .filter_map(|f| {
                Some(Feature {
                    shape: window.clip(&f.shape)?,
                    ..f.clone()
                })
            })
            .collect();
        descend(z + 1, cx, cy, target, inside, tile);
    }
}

fn simplified(shape: &Shape, tolerance: f64, smallest_area: f64) -> Option<Shape> {
    let simple = |line: &Line| -> Line {
        let line = LineString::from(line.iter().map(|[x, y]| Coord { x: *x, y: *y }).collect::<Vec<_>>());
        line.simplify(tolerance).0.into_iter().map(|c| [c.x, c.y]).collect()
    };
    match shape {
        Shape::Point(position) => Some(Shape::Point(*position)),
        Shape::Lines(lines) => {
            let long = |line: &Line| extent(line) >= tolerance;
            let lines: Vec<Line> = lines.iter().filter(|l| long(l)).map(simple).collect();
            (!lines.is_empty()).then_some(Shape::Lines(lines))
        }
        Shape::Polygons(polygons) => {
            let ring = |ring: &Line| {
                let ring = simple(ring);
                (ring.len() >= 4 && area(&ring).abs() >= smallest_area).then_some(ring)
            };
            let polygon = |rings: &Vec<Line>| {
                let mut kept = vec![ring(rings.first()?)?];
                kept.extend(rings[1..].iter().filter_map(ring));
                Some(kept)
            };
            let polygons: Vec<Vec<Line>> = polygons.iter().filter_map(polygon).collect();
            (!polygons.is_empty()).then_some(Shape::Polygons(polygons))
        }
    }
}

/// The longer side of the box around a line.
fn extent(line: &Line) -> f64 {
    let mut corners = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for [x, y] in line {
        corners = [
            corners[0].min(*x),
            corners[1].min(*y),
            corners[2].max(*x),
            corners[3].max(*y),
        ];
    }
    (corners[2] - corners[0]).max(corners[3] - corners[1])
}

/// Twice-signed shoelace area, halved; positive for rings that are clockwise on the screen.
pub(crate) fn area(ring: &Line) -> f64 {
    ring.windows(2)
        .map(|w| w[0][0] * w[1][1] - w[1][0] * w[0][1])
        .sum::<f64>()
        / 2.0
}

/// A rectangle to clip to.
struct Window {
    low: [f64; 2],
    high: [f64; 2],
    /// Without the buffer: a point stands in one tile only, or its label would stand twice.
    tile: [f64; 4],
}

impl Window {
    fn of_tile(z: u8, x: u32, y: u32) -> Self {
        let side = 1.0 / f64::from(1u32 << z);
        let (west, north) = (f64::from(x) * side, f64::from(y) * side);
        let buffer = side * BUFFER / EXTENT;
        Self {
            low: [west - buffer, north - buffer],
            high: [west + side + buffer, north + side + buffer],
            tile: [west, north, west + side, north + side],
        }
    }

    fn clip(&self, shape: &Shape) -> Option<Shape> {
        match shape {
            Shape::Point([x, y]) => {
                let [west, north, east, south] = self.tile;
                ((west..east).contains(x) && (north..south).contains(y)).then_some(Shape::Point([*x, *y]))
            }
            Shape::Lines(lines) => {
                let mut kept = Vec::new();
                for line in lines {
                    match self.place(line) {
                        Place::Inside => kept.push(line.clone()),
                        Place::Outside => {}
                        Place::Across => {
                            let columns = clip_line(line, 0, self.low[0], self.high[0]);
                            kept.extend(
                                columns
                                    .iter()
                                    .flat_map(|part| clip_line(part, 1, self.low[1], self.high[1])),
                            );
                        }
                    }
                }
                (!kept.is_empty()).then_some(Shape::Lines(kept))
            }
            Shape::Polygons(polygons) => {
                let polygon = |rings: &Vec<Line>| {
                    let mut kept = vec![self.clip_ring(rings.first()?)?];
                    kept.extend(rings[1..].iter().filter_map(|ring| self.clip_ring(ring)));
                    Some(kept)
                };
                let kept: Vec<Vec<Line>> = polygons.iter().filter_map(polygon).collect();
                (!kept.is_empty()).then_some(Shape::Polygons(kept))
            }
        }
    }

    fn clip_ring(&self, ring: &Line) -> Option<Line> {
        match self.place(ring) {
            Place::Inside => Some(ring.clone()),
            Place::Outside => None,
            Place::Across => {
                let mut clipped = ring.clone();
                for axis in 0..2 {
                    clipped = clip_half_plane(&clipped, axis, self.low[axis], 1.0);
                    clipped = clip_half_plane(&clipped, axis, self.high[axis], -1.0);
                }
                (clipped.len() >= 4).then_some(clipped)
            }
        }
    }

    fn place(&self, line: &Line) -> Place {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for point in line {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        if (0..2).any(|axis| high[axis] < self.low[axis] || low[axis] > self.high[axis]) {
            Place::Outside
        } else if (0..2).all(|axis| low[axis] >= self.low[axis] && high[axis] <= self.high[axis]) {
            Place::Inside
        } else {
            Place::Across
        }
    }
}

enum Place {
    Inside,
    Across,
    Outside,
}

/// Where the segment from `a` to `b` meets `at` on `axis`.
fn crossing(a: [f64; 2], b: [f64; 2], axis: usize, at: f64) -> [f64; 2] {
    let share = (at - a[axis]) / (b[axis] - a[axis]);
    let mut point = [0.0; 2];
    point[axis] = at;
    point[1 - axis] = a[1 - axis] + share * (b[1 - axis] - a[1 - axis]);
    point
}

/// Sutherland and Hodgman, "Reentrant polygon clipping" (1974), one edge: keeps what lies on the
/// side of `at` to which `sign` points. The ring comes closed and goes closed.
fn clip_half_plane(ring: &Line, axis: usize, at: f64, sign: f64) -> Line {
    let inside = |p: &[f64; 2]| sign * (p[axis] - at) >= 0.0;
    let mut kept = Line::new();
    for pair in ring.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        match (inside(&a), inside(&b)) {
            (true, true) => kept.push(b),
            (true, false) => kept.push(crossing(a, b, axis, at)),
            (false, true) => kept.extend([crossing(a, b, axis, at), b]),
            (false, false) => {}
        }
    }
    if let (Some(first), Some(last)) = (kept.first().copied(), kept.last().copied())
        && first != last
    {
        kept.push(first);
    }
    kept
}

/// The parts of a line between `low` and `high` on `axis`.
fn clip_line(line: &Line, axis: usize, low: f64, high: f64) -> Vec<Line> {
    let mut parts = Vec::new();
    let mut part = Line::new();
    for pair in line.windows(2) {
        let (mut a, mut b) = (pair[0], pair[1]);
        if a[axis].max(b[axis]) < low || a[axis].min(b[axis]) > high {
            finish(&mut part, &mut parts);
            continue;
        }
        let (start, end) = (a, b);
        for bound in [low, high] {
            let outside = |p: [f64; 2]| if bound == low { p[axis] < low } else { p[axis] > high };
            if outside(a) {
                a = crossing(start, end, axis, bound);
            }
            if outside(b) {
                b = crossing(start, end, axis, bound);
            }
        }
        if part.last() != Some(&a) {
            finish(&mut part, &mut parts);
            part.push(a);
        }
        part.push(b);
    }
    finish(&mut part, &mut parts);
    parts
}

fn finish(part: &mut Line, parts: &mut Vec<Line>) {
    let done = std::mem::take(part);
    if done.len() >= 2 {
        parts.push(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_leaves_and_comes_back_is_two_lines() {
        let line = vec![[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [0.0, 1.0]];
        let parts = clip_line(&line, 0, 1.0, 3.0);
        assert_eq!(parts, [vec![[1.0, 0.0], [3.0, 0.0]], vec![[3.0, 1.0], [1.0, 1.0]]]);
        assert_eq!(
            clip_line(&vec![[0.0, 0.0], [4.0, 4.0]], 1, 1.0, 2.0),
            [vec![[1.0, 1.0], [2.0, 2.0]]]
        );
        assert!(clip_line(&line, 0, 5.0, 6.0).is_empty());
    }

    #[test]
    fn a_ring_around_the_window_becomes_the_window() {
        let window = Window {
            low: [1.0, 1.0],
            high: [2.0, 2.0],
            tile: [1.0, 1.0, 2.0, 2.0],
        };
        let ring = vec![[0.0, 0.0], [3.0, 0.0], [3.0, 3.0], [0.0, 3.0], [0.0, 0.0]];
        let clipped = window.clip_ring(&ring).unwrap();
        assert!((area(&clipped) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_tiles_of_a_zoom_hold_the_whole_area() {
        let square = vec![[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9], [0.1, 0.1]];
        let feature = Feature {
            layer: "water",
            shape: Shape::Polygons(vec![vec![square]]),
            tags: Arc::new([]),
            min_zoom: 0,
        };
        let mut tiles = 0;
        cut(&[feature], 2, 2, &mut |_, _, _, features| {
            tiles += 1;
            assert_eq!(features.len(), 1);
        });
        assert_eq!(tiles, 16);
    }
}
