//! Boxes in longitude and latitude, also over the antimeridian.

use serde::{Deserialize, Serialize};

/// A box in degrees. `west > east` means that it crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LonLatBox {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl LonLatBox {
    /// The whole world.
    pub const WORLD: LonLatBox = LonLatBox::new(-180.0, -90.0, 180.0, 90.0);

    pub const fn new(west: f64, south: f64, east: f64, north: f64) -> Self {
        LonLatBox {
            west,
            south,
            east,
            north,
        }
    }

    /// The box of one point.
    pub const fn of_point(lon: f64, lat: f64) -> Self {
        LonLatBox::new(lon, lat, lon, lat)
    }

    /// `[west, south, east, north]`, the order of TileJSON and GeoJSON.
    pub const fn to_array(self) -> [f64; 4] {
        [self.west, self.south, self.east, self.north]
    }

    /// All four sides are numbers and south is not above north.
    pub fn is_valid(&self) -> bool {
        self.to_array().iter().all(|side| side.is_finite()) && self.south <= self.north
    }

    pub fn crosses_antimeridian(&self) -> bool {
        self.west > self.east
    }

    /// One box, or the eastern-hemisphere and the western-hemisphere part of a
    /// box that crosses the antimeridian. None of the parts crosses it.
    pub fn parts(&self) -> impl Iterator<Item = LonLatBox> + use<> {
        let (first, second) = if self.crosses_antimeridian() {
            (
                LonLatBox { east: 180.0, ..*self },
                Some(LonLatBox { west: -180.0, ..*self }),
            )
        } else {
            (*self, None)
        };
        std::iter::once(first).chain(second)
    }

    /// Degrees of longitude covered.
    pub fn width(&self) -> f64 {
        if self.crosses_antimeridian() {
            self.east - self.west + 360.0
        } else {
            self.east - self.west
        }
    }

    /// Degrees of latitude covered.
    pub fn height(&self) -> f64 {
        self.north - self.south
    }

    /// `[longitude, latitude]` of the middle, longitude within ±180.
    pub fn center(&self) -> [f64; 2] {
        let lon = self.west + self.width() / 2.0;
        let lon = if lon > 180.0 { lon - 360.0 } else { lon };
        [lon, (self.south + self.north) / 2.0]
    }

    /// Edges belong to the box.
    pub fn contains_point(&self, lon: f64, lat: f64) -> bool {
        let in_longitude = if self.crosses_antimeridian() {
            lon >= self.west || lon <= self.east
        } else {
            lon >= self.west && lon <= self.east
        };
        in_longitude && lat >= self.south && lat <= self.north
    }

    /// Whether `other` lies inside; edges may touch.
    pub fn contains_box(&self, other: &LonLatBox) -> bool {
        other.parts().all(|inner| {
            self.parts().any(|outer| {
                inner.west >= outer.west
                    && inner.east <= outer.east
                    && inner.south >= outer.south
                    && inner.north <= outer.north
            })
        })
    }

    /// Whether the boxes share a point; touching counts.
    pub fn intersects(&self, other: &LonLatBox) -> bool {
        self.south <= other.north
            && self.north >= other.south
            && self.parts().any(|mine| {
                other
                    .parts()
                    .any(|theirs| mine.west <= theirs.east && mine.east >= theirs.west)
            })
    }

    /// The smallest box around both. With boxes on both sides of the
    /// antimeridian it goes whichever way round is shorter.
    pub fn union(&self, other: &LonLatBox) -> LonLatBox {
        let south = self.south.min(other.south);
        let north = self.north.max(other.north);
        if !self.crosses_antimeridian() && !other.crosses_antimeridian() {
            let plain = LonLatBox::new(self.west.min(other.west), south, self.east.max(other.east), north);
            return plain;
        }
        let candidates = [(self.west, other.east), (other.west, self.east)];
        candidates
            .into_iter()
            .map(|(west, east)| LonLatBox::new(west, south, east, north))
            .chain([
                LonLatBox { south, north, ..*self },
                LonLatBox { south, north, ..*other },
            ])
            .filter(|candidate| candidate.contains_box(self) && candidate.contains_box(other))
            .min_by(|a, b| a.width().total_cmp(&b.width()))
            .unwrap_or(LonLatBox::new(-180.0, south, 180.0, north))
    }

    /// Grows the box to hold a point; never turns it over the antimeridian.
    pub fn expand(&mut self, lon: f64, lat: f64) {
        self.west = self.west.min(lon);
        self.east = self.east.max(lon);
        self.south = self.south.min(lat);
        self.north = self.north.max(lat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIJI: LonLatBox = LonLatBox::new(177.0, -19.0, -179.0, -16.0);

    #[test]
    fn a_box_over_the_antimeridian_has_two_parts() {
        let parts: Vec<_> = FIJI.parts().map(LonLatBox::to_array).collect();
        assert_eq!(parts, [[177.0, -19.0, 180.0, -16.0], [-180.0, -19.0, -179.0, -16.0]]);
        assert_eq!(FIJI.width(), 4.0);
        assert_eq!(FIJI.center(), [179.0, -17.5]);
        assert_eq!(LonLatBox::WORLD.parts().count(), 1);
    }

    #[test]
    fn points_on_both_sides_of_the_antimeridian_are_inside() {
        assert!(FIJI.contains_point(178.0, -17.0));
        assert!(FIJI.contains_point(-179.5, -17.0));
        assert!(!FIJI.contains_point(0.0, -17.0));
        assert!(!FIJI.contains_point(178.0, -20.0));
    }

    #[test]
    fn boxes_meet_across_the_antimeridian() {
        assert!(FIJI.intersects(&LonLatBox::new(-180.0, -18.0, -170.0, -17.0)));
        assert!(FIJI.intersects(&LonLatBox::new(179.0, -18.0, -178.0, -17.0)));
        assert!(!FIJI.intersects(&LonLatBox::new(-170.0, -18.0, 170.0, -17.0)));
    }

    #[test]
    fn a_union_goes_the_shorter_way_round() {
        let east = LonLatBox::new(-178.0, -18.0, -175.0, -15.0);
        assert_eq!(FIJI.union(&east).to_array(), [177.0, -19.0, -175.0, -15.0]);
        assert_eq!(east.union(&FIJI).to_array(), [177.0, -19.0, -175.0, -15.0]);
    }

    fn any_box() -> impl Strategy<Value = LonLatBox> {
        (-180.0..180.0f64, -90.0..0.0f64, -180.0..180.0f64, 0.0..90.0f64)
            .prop_map(|(west, south, east, north)| LonLatBox::new(west, south, east, north))
    }

    proptest! {
        #[test]
        fn a_union_holds_both(a in any_box(), b in any_box()) {
            let union = a.union(&b);
            prop_assert!(union.contains_box(&a) && union.contains_box(&b), "{:?}", union);
        }

        #[test]
        fn meeting_is_mutual(a in any_box(), b in any_box()) {
            prop_assert_eq!(a.intersects(&b), b.intersects(&a));
        }

        #[test]
        fn a_box_holds_its_own_centre(a in any_box()) {
            let [lon, lat] = a.center();
            prop_assert!(a.contains_point(lon, lat));
        }
    }
}
