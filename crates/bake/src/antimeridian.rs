//! Cuts polygons at the antimeridian (RFC 7946 §3.1.9): topologies run straight over it.

use geo::{BooleanOps, BoundingRect, Coord, LineString, MapCoords, MultiPolygon, Polygon, Rect};

/// The parts of a polygon (degrees) within ±180°. Two neighbouring vertices lie at most half the world apart, so a
/// longer step is one over the antimeridian; a ring that goes once around the world holds a pole.
pub(crate) fn cut(polygon: Polygon<f64>) -> Vec<Polygon<f64>> {
    let (exterior, holes) = polygon.into_inner();
    let exterior = unrolled(&exterior);
    let Some(bounds) = exterior.bounding_rect() else {
        return Vec::new();
    };
    let holes = holes.iter().map(|hole| beside(unrolled(hole), &bounds)).collect();
    let polygon = Polygon::new(exterior, holes);
    if bounds.min().x >= -180.0 && bounds.max().x <= 180.0 {
        return vec![polygon];
    }
    [-360.0, 0.0, 360.0]
        .into_iter()
        .flat_map(|turn| {
            let world = Rect::new((turn - 180.0, -90.0), (turn + 180.0, 90.0)).to_polygon();
            let MultiPolygon(parts) = polygon.intersection(&world);
            // The intersection works on a grid: what lies on the edge may come back a hair beside it.
            let home = move |Coord { x, y }: Coord<f64>| Coord {
                x: (x - turn).clamp(-180.0, 180.0),
                y,
            };
            parts.into_iter().map(move |part| part.map_coords(home))
        })
        .collect()
}

/// The ring with longitudes that go on over ±180°; around a pole, closed along it.
fn unrolled(ring: &LineString<f64>) -> LineString<f64> {
    let mut turn = 0.0;
    let mut previous: Option<f64> = None;
    let mut places: Vec<Coord<f64>> = Vec::with_capacity(ring.0.len());
    for place in &ring.0 {
        match previous.map(|previous| place.x - previous) {
            Some(step) if step > 180.0 => turn -= 360.0,
            Some(step) if step < -180.0 => turn += 360.0,
            _ => {}
        }
        previous = Some(place.x);
        places.push(Coord {
            x: place.x + turn,
            y: place.y,
        });
    }
    if let (Some(first), Some(last)) = (places.first().copied(), places.last().copied())
        && (last.x - first.x).abs() > 180.0
    {
        let pole = if first.y < 0.0 { -90.0 } else { 90.0 };
        places.extend([Coord { x: last.x, y: pole }, Coord { x: first.x, y: pole }, first]);
    }
    LineString(places)
}

/// A hole moved by whole turns to where its polygon is.
fn beside(hole: LineString<f64>, bounds: &Rect<f64>) -> LineString<f64> {
    let middle = bounds.center().x;
    let turns = hole
        .bounding_rect()
        .map_or(0.0, |around| ((middle - around.center().x) / 360.0).round());
    hole.map_coords(|Coord { x, y }| Coord {
        x: x + 360.0 * turns,
        y,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area, polygon};

    fn spans(parts: &[Polygon<f64>]) -> Vec<[f64; 2]> {
        let mut spans: Vec<[f64; 2]> = parts
            .iter()
            .map(|part| {
                let bounds = part.bounding_rect().unwrap();
                [bounds.min().x, bounds.max().x]
            })
            .collect();
        spans.sort_by(|one, other| one[0].total_cmp(&other[0]));
        spans
    }

    #[test]
    fn a_polygon_over_the_antimeridian_becomes_one_on_each_side() {
        let over = polygon![(x: 170.0, y: 0.0), (x: -170.0, y: 0.0), (x: -170.0, y: 10.0), (x: 170.0, y: 10.0)];
        let parts = cut(over);
        assert_eq!(spans(&parts), [[-180.0, -170.0], [170.0, 180.0]]);
        let area: f64 = parts.iter().map(Area::unsigned_area).sum();
        assert!((area - 200.0).abs() < 1e-6, "{area}");
    }

    #[test]
    fn a_ring_around_a_pole_reaches_it() {
        let cap = polygon![(x: -180.0, y: -80.0), (x: -90.0, y: -80.0), (x: 0.0, y: -80.0), (x: 90.0, y: -80.0), (x: 180.0, y: -80.0), (x: -180.0, y: -80.0)];
        let parts = cut(cap);
        assert_eq!(spans(&parts), [[-180.0, 180.0]]);
        let area: f64 = parts.iter().map(Area::unsigned_area).sum();
        assert!((area - 3600.0).abs() < 1e-6, "{area}");
    }

    #[test]
    fn a_polygon_elsewhere_stays_as_it_is() {
        let square = polygon![(x: 1.0, y: 1.0), (x: 2.0, y: 1.0), (x: 2.0, y: 2.0), (x: 1.0, y: 2.0)];
        assert_eq!(cut(square.clone()), [square]);
    }
}
