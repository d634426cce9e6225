//! Cutting lines and rings to a rectangle.

/// The rectangle that is kept, in grid steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    low: f64,
    high: f64,
}

impl Window {
    /// A tile of `side` steps with a buffer on all sides.
    pub(crate) fn around(side: f64, buffer: f64) -> Self {
        Window {
            low: -buffer,
            high: side + buffer,
        }
    }

    fn contains(&self, [x, y]: [f64; 2]) -> bool {
        x >= self.low && x <= self.high && y >= self.low && y <= self.high
    }

    fn sides(&self) -> [Side; 4] {
        let Window { low, high } = *self;
        [(0, low, false), (0, high, true), (1, low, false), (1, high, true)].map(|(axis, at, is_upper)| Side {
            axis,
            at,
            is_upper,
        })
    }
}

#[derive(Clone, Copy)]
struct Side {
    axis: usize,
    at: f64,
    is_upper: bool,
}

impl Side {
    fn is_inside(&self, vertex: [f64; 2]) -> bool {
        if self.is_upper {
            vertex[self.axis] <= self.at
        } else {
            vertex[self.axis] >= self.at
        }
    }

    fn crossing(&self, a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
        let share = (self.at - a[self.axis]) / (b[self.axis] - a[self.axis]);
        let other = 1 - self.axis;
        let mut crossing = [self.at; 2];
        crossing[other] = a[other] + share * (b[other] - a[other]);
        crossing
    }
}

/// A ring cut to the window, open (the first vertex is not repeated at the
/// end). Sutherland and Hodgman, "Reentrant polygon clipping", 1974: parts that
/// fall apart stay joined along the window's edge, which lies in the buffer.
pub(crate) fn clip_ring<'a>(
    ring: &'a [[f64; 2]],
    window: &Window,
    out: &'a mut Vec<[f64; 2]>,
    swap: &'a mut Vec<[f64; 2]>,
) -> &'a [[f64; 2]] {
    let ring = match ring {
        [first, inner @ .., last] if first == last => &ring[..=inner.len()],
        _ => ring,
    };
    if ring.iter().all(|&vertex| window.contains(vertex)) {
        return ring;
    }
    out.clear();
    out.extend_from_slice(ring);
    for side in window.sides() {
        swap.clear();
        if let Some(&last) = out.last() {
            let mut previous = last;
            for &vertex in out.iter() {
                match (side.is_inside(previous), side.is_inside(vertex)) {
                    (true, true) => swap.push(vertex),
                    (true, false) => swap.push(side.crossing(previous, vertex)),
                    (false, true) => swap.extend([side.crossing(previous, vertex), vertex]),
                    (false, false) => {}
                }
                previous = vertex;
            }
        }
        std::mem::swap(out, swap);
    }
    out
}

/// The pieces of a line inside the window, one call each. Every segment is cut
/// by its parameters (Liang and Barsky, "A new concept and method for line
/// clipping", 1984).
pub(crate) fn clip_line(
    line: &[[f64; 2]],
    window: &Window,
    out: &mut Vec<[f64; 2]>,
    mut piece: impl FnMut(&[[f64; 2]]),
) {
    if line.iter().all(|&vertex| window.contains(vertex)) {
        return piece(line);
    }
    out.clear();
    for pair in line.windows(2) {
        let [a, b] = [pair[0], pair[1]];
        let Some((enter, leave)) = inside_share(a, b, window) else {
            continue;
        };
        let at = |share: f64| [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
        if out.is_empty() {
            out.push(at(enter));
        }
        if leave < 1.0 {
            out.push(at(leave));
            piece(out);
            out.clear();
        } else {
            out.push(b);
        }
    }
    if out.len() > 1 {
        piece(out);
    }
}

/// Which part of a segment is inside, as shares of its length.
fn inside_share(a: [f64; 2], b: [f64; 2], window: &Window) -> Option<(f64, f64)> {
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    for axis in 0..2 {
        let delta = b[axis] - a[axis];
        for (step, distance) in [(-delta, a[axis] - window.low), (delta, window.high - a[axis])] {
            if step == 0.0 {
                if distance < 0.0 {
                    return None;
                }
            } else if step < 0.0 {
                enter = enter.max(distance / step);
            } else {
                leave = leave.min(distance / step);
            }
        }
    }
    (enter <= leave).then_some((enter, leave))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { low: 0.0, high: 10.0 };

    fn ring(vertices: &[[f64; 2]]) -> Vec<[f64; 2]> {
        clip_ring(vertices, &WINDOW, &mut Vec::new(), &mut Vec::new()).to_vec()
    }

    fn line(vertices: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
        let mut pieces = Vec::new();
        clip_line(vertices, &WINDOW, &mut Vec::new(), |piece| pieces.push(piece.to_vec()));
        pieces
    }

    #[test]
    fn a_ring_inside_comes_back_open_and_unchanged() {
        let square = [[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 1.0]];
        assert_eq!(ring(&square), &square[..3]);
    }

    #[test]
    fn a_ring_around_the_window_becomes_the_window() {
        let mut corners = ring(&[[-5.0, -5.0], [20.0, -5.0], [20.0, 20.0], [-5.0, 20.0], [-5.0, -5.0]]);
        corners.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(corners, [[0.0, 0.0], [0.0, 10.0], [10.0, 0.0], [10.0, 10.0]]);
    }

    #[test]
    fn a_ring_outside_vanishes() {
        assert!(ring(&[[11.0, 1.0], [12.0, 1.0], [12.0, 2.0]]).is_empty());
    }

    #[test]
    fn a_line_through_the_window_is_cut_at_both_edges() {
        assert_eq!(line(&[[-5.0, 5.0], [15.0, 5.0]]), [[[0.0, 5.0], [10.0, 5.0]]]);
    }

    #[test]
    fn a_line_that_leaves_and_returns_has_two_pieces() {
        let pieces = line(&[[5.0, 5.0], [15.0, 5.0], [15.0, 6.0], [5.0, 6.0]]);
        assert_eq!(pieces, [vec![[5.0, 5.0], [10.0, 5.0]], vec![[10.0, 6.0], [5.0, 6.0]]]);
    }

    #[test]
    fn a_line_that_passes_a_corner_outside_is_gone() {
        assert!(line(&[[-5.0, 8.0], [3.0, 16.0]]).is_empty());
    }
}
