//! One feature's geometry on its way into a tile: projected, clipped, snapped.

use spatial::{LonLatBox, mercator};

use crate::clip::{Window, clip_line, clip_ring};
use crate::frame::TileFrame;
use crate::wkb::{Coordinates, GeometrySink, InvalidWkb, Pour, Wkb, read};

/// What is left of a feature inside a tile. Used again for the next one.
///
/// Points are world coordinates inside the tile, everything else whole grid
/// steps of the [`TileFrame`], with buffer.
#[derive(Default)]
pub struct TileShape {
    pub(crate) points: Vec<[u32; 2]>,
    pub(crate) line_vertices: Vec<[i32; 2]>,
    /// Where each line ends in `line_vertices`.
    pub(crate) line_ends: Vec<usize>,
    pub(crate) ring_vertices: Vec<[i32; 2]>,
    /// Where each ring ends in `ring_vertices`. Rings are closed; outer rings
    /// run clockwise as seen on the map, holes the other way.
    pub(crate) ring_ends: Vec<usize>,
    /// Where each polygon ends in `ring_ends`; its first ring is the outer one.
    pub(crate) polygon_ends: Vec<usize>,
}

impl TileShape {
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.line_ends.is_empty() && self.polygon_ends.is_empty()
    }

    /// Vertices in all.
    pub fn vertices(&self) -> usize {
        self.points.len() + self.line_vertices.len() + self.ring_vertices.len()
    }

    /// The place of a shape that is one single point.
    pub(crate) fn only_point(&self) -> Option<[u32; 2]> {
        match self.points.as_slice() {
            &[point] if self.line_ends.is_empty() && self.polygon_ends.is_empty() => Some(point),
            _ => None,
        }
    }

    fn clear(&mut self) {
        self.points.clear();
        self.line_vertices.clear();
        self.line_ends.clear();
        self.ring_vertices.clear();
        self.ring_ends.clear();
        self.polygon_ends.clear();
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &[[i32; 2]]> {
        pieces(&self.line_vertices, &self.line_ends)
    }

    /// Polygons as ranges of ring numbers.
    pub(crate) fn polygons(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.polygon_ends.iter().copied());
        starts.zip(&self.polygon_ends).map(|(start, &end)| start..end)
    }

    pub(crate) fn ring(&self, index: usize) -> &[[i32; 2]] {
        let start = if index == 0 { 0 } else { self.ring_ends[index - 1] };
        &self.ring_vertices[start..self.ring_ends[index]]
    }
}

fn pieces<'a>(vertices: &'a [[i32; 2]], ends: &'a [usize]) -> impl Iterator<Item = &'a [[i32; 2]]> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, &end)| &vertices[start..end])
}

/// What became of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is in the [`TileShape`].
    Drawn,
    /// It reaches into the tile but is smaller than a pixel there.
    TooSmall,
    /// Nothing of it lies in the tile, or it is empty or not finite.
    Outside,
}

/// Turns well-known binary into [`TileShape`]s of one tile.
pub struct ShapeReader {
    frame: TileFrame,
    shape: TileShape,
    scratch: Scratch,
    /// Draw features that collapse on the grid as a dot of one step, so that a
    /// tile that drops nothing really drops nothing.
    keep_collapsed: bool,
}

#[derive(Default)]
struct Scratch {
    vertices: Vec<[f64; 2]>,
    clipped: Vec<[f64; 2]>,
    swap: Vec<[f64; 2]>,
    snapped: Vec<[i32; 2]>,
}

impl ShapeReader {
    pub fn new(frame: TileFrame) -> Self {
        ShapeReader {
            frame,
            shape: TileShape::default(),
            scratch: Scratch::default(),
            keep_collapsed: false,
        }
    }

    /// Whether features too small for the grid are drawn as a dot.
    pub fn keep_collapsed(&mut self, keep: bool) {
        self.keep_collapsed = keep;
    }

    pub fn frame(&self) -> &TileFrame {
        &self.frame
    }

    /// The shape of the last feature read.
    pub fn shape(&self) -> &TileShape {
        &self.shape
    }

    /// Reads one geometry in longitude and latitude. Shapes that lie beyond
    /// ±180 degrees appear on the other side of the world too.
    pub fn read(&mut self, wkb: &[u8]) -> Result<Fate, InvalidWkb> {
        self.read_outline(&Wkb(wkb))
    }

    /// As [`ShapeReader::read`], of an outline that may be simplified.
    pub(crate) fn read_outline(&mut self, outline: &impl Pour) -> Result<Fate, InvalidWkb> {
        self.shape.clear();
        let mut builder = self.builder(0.0);
        outline.pour(&mut builder)?;
        let mut summary = builder.finish();
        if !summary.is_finite {
            self.shape.clear();
            return Ok(Fate::Outside);
        }
        for turn in [-360.0, 360.0] {
            let moved = (summary.bounds.west + turn, summary.bounds.east + turn);
            if moved.0 <= 180.0 && moved.1 >= -180.0 && (summary.bounds.east > 180.0 || summary.bounds.west < -180.0) {
                let mut builder = self.builder(turn);
                outline.pour(&mut builder)?;
                summary.touches |= builder.finish().touches;
            }
        }
        Ok(match (self.shape.is_empty(), summary.touches) {
            (false, _) => Fate::Drawn,
            (true, true) => Fate::TooSmall,
            (true, false) => Fate::Outside,
        })
    }

    fn builder(&mut self, turn_degrees: f64) -> Builder<'_> {
        let degrees = self.frame.buffered_degrees();
        // What an earlier turn drew stays as it is.
        let rings_before = self.shape.ring_ends.len();
        Builder {
            window: Window::around(f64::from(self.frame.grid_side()), self.frame.grid_buffer()),
            degrees,
            turn_degrees,
            frame: &self.frame,
            shape: &mut self.shape,
            scratch: &mut self.scratch,
            keep_collapsed: self.keep_collapsed,
            is_outer_kept: false,
            rings_before,
            collapsed_at: None,
            bounds: LonLatBox::new(f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY),
            is_finite: true,
            touches: false,
        }
    }
}

/// The id of a geometry, the same in every tile: `_carto_feature_id`.
pub fn feature_id(wkb: &[u8]) -> u64 {
    match crate::wkb::point(wkb).and_then(|[lon, lat]| mercator::world_from_lonlat(lon, lat)) {
        Some(world) => spatial::feature_id::of_point(world),
        None => spatial::feature_id::of_wkb(wkb),
    }
}

/// The box of a geometry in degrees as stored; `None` when it is empty or has a
/// coordinate that is not finite.
pub fn bounds_of(wkb: &[u8]) -> Result<Option<LonLatBox>, InvalidWkb> {
    struct Bounds(LonLatBox, bool);
    impl GeometrySink for Bounds {
        fn point(&mut self, x: f64, y: f64) {
            self.1 &= x.is_finite() && y.is_finite();
            self.0.expand(x, y);
        }
        fn line(&mut self, coordinates: Coordinates<'_>) {
            coordinates.iter().for_each(|[x, y]| self.point(x, y));
        }
        fn ring(&mut self, coordinates: Coordinates<'_>, is_outer: bool) {
            if is_outer {
                self.line(coordinates);
            }
        }
    }
    let empty = LonLatBox::new(f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    let mut bounds = Bounds(empty, true);
    read(wkb, &mut bounds)?;
    Ok((bounds.1 && bounds.0.is_valid()).then_some(bounds.0))
}

struct Summary {
    bounds: LonLatBox,
    is_finite: bool,
    touches: bool,
}

struct Builder<'a> {
    window: Window,
    /// The window in degrees.
    degrees: [f64; 4],
    turn_degrees: f64,
    frame: &'a TileFrame,
    shape: &'a mut TileShape,
    scratch: &'a mut Scratch,
    keep_collapsed: bool,
    is_outer_kept: bool,
    /// Rings of finished polygons.
    rings_before: usize,
    /// Where something smaller than the grid was dropped.
    collapsed_at: Option<[i32; 2]>,
    bounds: LonLatBox,
    is_finite: bool,
    touches: bool,
}

impl Builder<'_> {
    /// Reads vertices into grid coordinates, leaving out those that share an
    /// outside with both neighbours: they cannot change what is seen and most
    /// of a large shape is never projected. False when nothing can be inside.
    fn project(&mut self, coordinates: Coordinates<'_>) -> bool {
        let [west, south, east, north] = self.degrees;
        let out: &mut Vec<[f64; 2]> = &mut self.scratch.vertices;
        out.clear();
        let outcode = |lon: f64, lat: f64| {
            u8::from(lon < west) | u8::from(lon > east) << 1 | u8::from(lat < south) << 2 | u8::from(lat > north) << 3
        };
        let frame = self.frame;
        let keep = |out: &mut Vec<[f64; 2]>, [lon, lat]: [f64; 2]| {
            out.push(frame.grid_from_unit(mercator::unit_from_lonlat(lon, lat)));
        };
        let mut last_kept = 0u8;
        let mut held: Option<([f64; 2], u8)> = None;
        let mut shared = 0xFu8;
        for [lon, lat] in coordinates.iter() {
            self.is_finite &= lon.is_finite() && lat.is_finite();
            self.bounds.expand(lon, lat);
            let lon = lon + self.turn_degrees;
            let code = outcode(lon, lat);
            shared &= code;
            if let Some((vertex, vertex_code)) = held
                && (last_kept & vertex_code & code == 0 || out.is_empty())
            {
                keep(out, vertex);
                last_kept = vertex_code;
            }
            held = Some(([lon, lat], code));
        }
        if let Some((vertex, _)) = held {
            keep(out, vertex);
        }
        self.is_finite && shared == 0 && !out.is_empty()
    }

    fn end_polygon(&mut self) {
        if self.shape.ring_ends.len() > self.rings_before {
            self.rings_before = self.shape.ring_ends.len();
            self.shape.polygon_ends.push(self.rings_before);
        }
    }

    fn finish(mut self) -> Summary {
        self.end_polygon();
        if let Some([x, y]) = self.collapsed_at
            && self.keep_collapsed
            && self.shape.is_empty()
        {
            // All parts are smaller than a step: a dot stands for them.
            self.shape
                .ring_vertices
                .extend([[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]);
            self.shape.ring_ends.push(self.shape.ring_vertices.len());
            self.shape.polygon_ends.push(self.shape.ring_ends.len());
        }
        Summary {
            bounds: self.bounds,
            is_finite: self.is_finite,
            touches: self.touches,
        }
    }
}

impl GeometrySink for Builder<'_> {
    fn point(&mut self, x: f64, y: f64) {
        self.bounds.expand(x, y);
        // World coordinates wrap by themselves: a turn would double the point.
        if self.turn_degrees != 0.0 {
            return;
        }
        match mercator::world_from_lonlat(x, y) {
            Some(world) if self.frame.contains(world) => self.shape.points.push(world),
            Some(_) => {}
            None => self.is_finite = false,
        }
    }

    fn line(&mut self, coordinates: Coordinates<'_>) {
        if !self.project(coordinates) {
            return;
        }
        let Scratch {
            vertices,
            clipped,
            snapped,
            ..
        } = &mut *self.scratch;
        let (shape, touches, collapsed_at) = (&mut *self.shape, &mut self.touches, &mut self.collapsed_at);
        let keep_collapsed = self.keep_collapsed;
        clip_line(vertices, &self.window, clipped, |piece| {
            *touches = true;
            snap(piece, snapped);
            match snapped.as_slice() {
                [] => {}
                // A line shorter than a grid step.
                &[[x, y]] => {
                    if keep_collapsed && shape.is_empty() && collapsed_at.is_none() {
                        shape.line_vertices.extend([[x, y], [x + 1, y]]);
                        shape.line_ends.push(shape.line_vertices.len());
                    }
                }
                vertices => {
                    shape.line_vertices.extend_from_slice(vertices);
                    shape.line_ends.push(shape.line_vertices.len());
                }
            }
        });
    }

    fn ring(&mut self, coordinates: Coordinates<'_>, is_outer: bool) {
        if is_outer {
            self.end_polygon();
            self.is_outer_kept = false;
        } else if !self.is_outer_kept {
            return;
        }
        if !self.project(coordinates) {
            return;
        }
        let Scratch {
            vertices,
            clipped,
            swap,
            snapped,
        } = &mut *self.scratch;
        let ring = clip_ring(vertices, &self.window, clipped, swap);
        if ring.is_empty() {
            return;
        }
        self.touches |= is_outer;
        snap_ring(ring, snapped);
        let area = doubled_area(snapped);
        if snapped.len() < 3 || area == 0 {
            if is_outer && self.collapsed_at.is_none() {
                self.collapsed_at = snapped.first().copied();
            }
            return;
        }
        let out = &mut self.shape.ring_vertices;
        let first = out.len();
        out.extend_from_slice(snapped);
        // With y downwards a positive area runs clockwise on the map.
        if (area > 0) != is_outer {
            out[first..].reverse();
        }
        let start = out[first];
        out.push(start);
        self.shape.ring_ends.push(out.len());
        self.is_outer_kept |= is_outer;
    }
}

/// Rounds vertices to whole grid steps and leaves out those that fall on their
/// predecessor or onto a straight horizontal or vertical run. The same vertex
/// gives the same step in every feature and tile, so neighbours stay joined.
fn snap(vertices: &[[f64; 2]], out: &mut Vec<[i32; 2]>) {
    out.clear();
    for &[x, y] in vertices {
        let step = [x.round() as i32, y.round() as i32];
        match out.as_slice() {
            [.., last] if *last == step => {}
            [.., before, last] if is_between(*before, *last, step) => {
                let end = out.len() - 1;
                out[end] = step;
            }
            _ => out.push(step),
        }
    }
}

/// As [`snap`] for an open ring, and without spikes: ways out and back over the same steps, which have no area.
fn snap_ring(vertices: &[[f64; 2]], out: &mut Vec<[i32; 2]>) {
    out.clear();
    for &[x, y] in vertices {
        push_corner(out, [x.round() as i32, y.round() as i32]);
    }
    // The same around the place where the ring begins.
    while let [first, second, .., last] = *out.as_slice() {
        if last == first || is_straight(out[out.len() - 2], last, first) {
            out.pop();
        } else if is_straight(last, first, second) {
            out.remove(0);
        } else {
            break;
        }
    }
}

/// Adds a vertex; those before it that lie on one line with their neighbours, on the way or beyond it, go.
fn push_corner(out: &mut Vec<[i32; 2]>, step: [i32; 2]) {
    loop {
        match *out.as_slice() {
            [.., last] if last == step => return,
            [.., before, last] if is_straight(before, last, step) => out.pop(),
            _ => break,
        };
    }
    out.push(step);
}

/// Whether three steps lie on one line.
fn is_straight(a: [i32; 2], b: [i32; 2], c: [i32; 2]) -> bool {
    let (ax, ay) = (i64::from(b[0] - a[0]), i64::from(b[1] - a[1]));
    let (bx, by) = (i64::from(c[0] - b[0]), i64::from(c[1] - b[1]));
    ax * by == ay * bx
}

/// Whether `middle` lies on the straight way from `start` to `end`.
fn is_between(start: [i32; 2], middle: [i32; 2], end: [i32; 2]) -> bool {
    let (ax, ay) = (i64::from(middle[0] - start[0]), i64::from(middle[1] - start[1]));
    let (bx, by) = (i64::from(end[0] - middle[0]), i64::from(end[1] - middle[1]));
    ax * by == ay * bx && ax * bx + ay * by > 0
}

fn doubled_area(ring: &[[i32; 2]]) -> i64 {
    let Some(&last) = ring.last() else {
        return 0;
    };
    let mut previous = last;
    let mut sum = 0;
    for &vertex in ring {
        sum += i64::from(previous[0]) * i64::from(vertex[1]) - i64::from(vertex[0]) * i64::from(previous[1]);
        previous = vertex;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_on_the_grid_has_corners_only_and_no_spikes() {
        let check = |ring: &[[f64; 2]], expected: &[[i32; 2]]| {
            let mut out = Vec::new();
            snap_ring(ring, &mut out);
            assert_eq!(out, expected, "{ring:?}");
        };
        let square = [[0, 0], [9, 0], [9, 9], [0, 9]];
        check(&[[0.2, 0.1], [4.0, 0.0], [9.0, 0.4], [9.0, 9.0], [0.0, 9.0]], &square);
        // A spike on a side, one at a corner, and one where the ring begins.
        check(
            &[
                [0.0, 0.0],
                [5.0, 0.0],
                [5.0, -7.0],
                [5.0, 0.0],
                [9.0, 0.0],
                [9.0, 9.0],
                [0.0, 9.0],
            ],
            &square,
        );
        check(
            &[[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [9.0, 12.0], [9.0, 9.0], [0.0, 9.0]],
            &square,
        );
        check(
            &[[-3.0, 0.0], [0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 9.0], [0.0, 0.0]],
            &[[9, 0], [9, 9], [0, 9], [0, 0]],
        );
        // All of it is a way out and back.
        check(&[[0.0, 0.0], [5.0, 3.0], [5.1, 3.2], [0.0, 0.0]], &[[0, 0]]);
    }
}
