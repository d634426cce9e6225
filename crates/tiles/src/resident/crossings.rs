//! Crossings: where simplified rings would run across themselves, and the vertices that keep them from it.
//!
//! The shores of a fjord narrower than a pixel cross when they are straightened, and renderers fill such a ring askew.

use rustc_hash::FxHashSet;

use super::simplification::{distance_to_segment, order};

/// A ring: its first vertex, and how many it has without the one that closes it.
#[derive(Clone, Copy)]
pub(super) struct Ring {
    pub(super) first: usize,
    pub(super) length: usize,
}

/// A ring is straightened out at most this often; what still crosses then crosses in the data.
const ROUNDS: usize = 8;

/// Vertices that came back are brought to the neighbours at most this often.
const PASSES: usize = 4;

/// Cells of the search grid are this many pixels wide: segments of a copy are a few pixels long.
const PIXELS_PER_CELL: f64 = 8.0;

/// Segments over more cells than this are not looked at: ways across half the world, too straight to tangle.
const MOST_CELLS: i64 = 4096;

/// Up to this many segments are compared each with each.
const FEW: usize = 48;

/// All rings of a table, vertex by vertex.
pub(super) struct Vertices<'a> {
    pub(super) rings: &'a [Ring],
    /// In the Mercator square.
    pub(super) places: &'a [[f64; 2]],
    /// The same for the vertices of neighbours in one place.
    pub(super) names: &'a [u64],
}

/// A straight way of a copy, from one kept vertex of a ring to the next. `to` may lie beyond the ring's end, and then
/// begins again.
#[derive(Clone, Copy)]
struct Segment {
    from: usize,
    to: usize,
}

/// Takes vertices into the copy of a level until none of its rings crosses itself. Neighbours take the same ones.
pub(super) fn untangle(vertices: &Vertices<'_>, levels: &mut [u8], level: u8, pixel: f64) {
    let mut dirty: Vec<Ring> = vertices.rings.to_vec();
    for _ in 0..PASSES {
        let mut restored = FxHashSet::default();
        for ring in &dirty {
            untangle_ring(*ring, vertices, levels, level, pixel, &mut restored);
        }
        if restored.is_empty() {
            return;
        }
        dirty.clear();
        for ring in vertices.rings {
            let mut is_touched = false;
            for vertex in ring.first..ring.first + ring.length {
                if levels[vertex] > level && restored.contains(&vertices.names[vertex]) {
                    levels[vertex] = level;
                    is_touched = true;
                }
            }
            if is_touched {
                dirty.push(*ring);
            }
        }
    }
}

fn untangle_ring(
    ring: Ring,
    vertices: &Vertices<'_>,
    levels: &mut [u8],
    level: u8,
    pixel: f64,
    restored: &mut FxHashSet<u64>,
) {
    let way = Way {
        ring,
        places: vertices.places,
    };
    for _ in 0..ROUNDS {
        let kept: Vec<usize> = (0..ring.length)
            .filter(|place| levels[ring.first + place] <= level)
            .collect();
        if kept.len() < 4 || kept.len() == ring.length {
            return;
        }
        let ends = kept.iter().copied().skip(1).chain([kept[0] + ring.length]);
        let segments: Vec<Segment> = kept.iter().zip(ends).map(|(&from, to)| Segment { from, to }).collect();
        let mut needed = Vec::new();
        way.each_crossing(&segments, pixel * PIXELS_PER_CELL, |a, b| {
            needed.extend(way.farthest(a));
            needed.extend(way.farthest(b));
        });
        if needed.is_empty() {
            return;
        }
        for vertex in needed {
            levels[vertex] = level;
            restored.insert(vertices.names[vertex]);
        }
    }
}

/// A ring with the places of its vertices.
struct Way<'a> {
    ring: Ring,
    places: &'a [[f64; 2]],
}

impl Way<'_> {
    fn vertex(&self, place: usize) -> usize {
        self.ring.first + place % self.ring.length
    }

    fn ends(&self, segment: Segment) -> [[f64; 2]; 2] {
        [segment.from, segment.to].map(|place| self.places[self.vertex(place)])
    }

    /// Pairs of segments that cross, of which one at least leaves vertices out; some pairs more than once.
    fn each_crossing(&self, segments: &[Segment], cell: f64, mut each: impl FnMut(Segment, Segment)) {
        let mut compare = |a: Segment, b: Segment| {
            let leaves_out = |segment: Segment| segment.to - segment.from > 1;
            if (leaves_out(a) || leaves_out(b)) && cross(self.ends(a), self.ends(b)) {
                each(a, b);
            }
        };
        if segments.len() <= FEW {
            for (place, &a) in segments.iter().enumerate() {
                segments[place + 1..].iter().for_each(|&b| compare(a, b));
            }
            return;
        }
        let cell_of = |value: f64| (value / cell).floor() as i64;
        let mut entries: Vec<([i64; 2], u32)> = Vec::with_capacity(segments.len() * 2);
        for (number, &segment) in segments.iter().enumerate() {
            for_each_cell(self.ends(segment), cell_of, |at| entries.push((at, number as u32)));
        }
        entries.sort_unstable();
        for members in entries.chunk_by(|a, b| a.0 == b.0) {
            for (place, &(_, a)) in members.iter().enumerate() {
                for &(_, b) in &members[place + 1..] {
                    compare(segments[a as usize], segments[b as usize]);
                }
            }
        }
    }

    /// The left-out vertex farthest from a segment; the same for both rings of a shared border.
    fn farthest(&self, segment: Segment) -> Option<usize> {
        let [a, b] = self.ends(segment);
        let [a, b] = if order(a, b).is_gt() { [b, a] } else { [a, b] };
        let far = |vertex: usize| distance_to_segment(self.places[vertex], a, b);
        (segment.from + 1..segment.to)
            .map(|place| self.vertex(place))
            .max_by(|&v, &w| {
                far(v)
                    .total_cmp(&far(w))
                    .then_with(|| order(self.places[w], self.places[v]))
            })
    }
}

/// The cells of the box around a segment.
fn for_each_cell([a, b]: [[f64; 2]; 2], cell_of: impl Fn(f64) -> i64, mut each: impl FnMut([i64; 2])) {
    let columns = (cell_of(a[0].min(b[0])), cell_of(a[0].max(b[0])));
    let rows = (cell_of(a[1].min(b[1])), cell_of(a[1].max(b[1])));
    if (columns.1 - columns.0 + 1) * (rows.1 - rows.0 + 1) > MOST_CELLS {
        return;
    }
    for column in columns.0..=columns.1 {
        for row in rows.0..=rows.1 {
            each([column, row]);
        }
    }
}

/// Whether the insides of two segments cross.
fn cross([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> bool {
    let side = |p: [f64; 2], q: [f64; 2], r: [f64; 2]| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    let shares_an_end = a == c || a == d || b == c || b == d;
    !shares_an_end && side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_that_touch_do_not_cross() {
        let ways = |a, b, c, d| cross([a, b], [c, d]);
        assert!(ways([0.0, 0.0], [2.0, 2.0], [0.0, 2.0], [2.0, 0.0]));
        assert!(!ways([0.0, 0.0], [2.0, 2.0], [2.0, 2.0], [3.0, 0.0]));
        assert!(!ways([0.0, 0.0], [2.0, 0.0], [1.0, 0.0], [1.0, 5.0]));
        assert!(!ways([0.0, 0.0], [2.0, 0.0], [0.0, 0.0], [2.0, 0.0]));
    }

    #[test]
    fn a_vertex_comes_back_where_a_ring_would_cross_itself_and_in_its_neighbour_too() {
        // A bay, and a tongue of land within it: without [2, 1] the shore runs straight across the tongue.
        let land = [
            [0.0, 0.0],
            [4.0, 0.0],
            [2.0, 1.0],
            [0.0, 4.0],
            [-2.0, 4.0],
            [2.4, 6.0],
            [2.2, 1.5],
            [-4.0, 6.0],
        ];
        let sea = [[4.0, 0.0], [2.0, 1.0], [0.0, 4.0], [9.0, 9.0]];
        let rings = [Ring { first: 0, length: 8 }, Ring { first: 8, length: 4 }];
        let places: Vec<[f64; 2]> = land.into_iter().chain(sea).collect();
        let names: Vec<u64> = places.iter().map(|[x, y]| (x * 100.0 + y) as i64 as u64).collect();
        let vertices = Vertices {
            rings: &rings,
            places: &places,
            names: &names,
        };
        let mut levels = vec![0; 12];
        (levels[2], levels[9]) = (9, 9);
        untangle(&vertices, &mut levels, 0, 1.0);
        assert_eq!(levels, vec![0; 12]);
        // Where the tongue ends before the shore nothing crosses.
        let mut shorter = places.clone();
        shorter[6] = [2.2, 3.5];
        let vertices = Vertices {
            places: &shorter,
            ..vertices
        };
        (levels[2], levels[9]) = (9, 9);
        untangle(&vertices, &mut levels, 0, 1.0);
        assert_eq!((levels[2], levels[9]), (9, 9));
    }
}
