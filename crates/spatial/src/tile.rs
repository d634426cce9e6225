//! Tiles of the Web Mercator pyramid: a `TileCoord` that exists is valid.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{LonLatBox, mercator};

/// The deepest zoom, that of the quadbin keys.
pub const MAX_ZOOM: u8 = 26;

/// Zoom, column from the west and row from the north.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileCoord {
    z: u8,
    x: u32,
    y: u32,
}

/// A tile address outside the pyramid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileOutOfRange {
    #[error("zoom {z} is out of range: tiles exist from zoom 0 to {MAX_ZOOM}")]
    Zoom { z: u8 },
    #[error("tile {z}/{x}/{y} is out of range: at zoom {z}, x and y go from 0 to {}", (1u64 << z) - 1)]
    Position { z: u8, x: u32, y: u32 },
}

impl TileCoord {
    pub fn new(z: u8, x: u32, y: u32) -> Result<Self, TileOutOfRange> {
        if z > MAX_ZOOM {
            return Err(TileOutOfRange::Zoom { z });
        }
        if x >> z != 0 || y >> z != 0 {
            return Err(TileOutOfRange::Position { z, x, y });
        }
        Ok(TileCoord { z, x, y })
    }

    /// The tile at zoom `z` (at most [`MAX_ZOOM`]) that holds a world coordinate.
    pub fn of_world(z: u8, world: [u32; 2]) -> Self {
        let z = z.min(MAX_ZOOM);
        let shift = 32 - u32::from(z);
        // A shift by all 32 bits is the whole world, which Rust will not shift.
        let index = |value: u32| value.checked_shr(shift).unwrap_or(0);
        TileCoord {
            z,
            x: index(world[0]),
            y: index(world[1]),
        }
    }

    pub fn z(&self) -> u8 {
        self.z
    }

    pub fn x(&self) -> u32 {
        self.x
    }

    pub fn y(&self) -> u32 {
        self.y
    }

    /// `[west, north, east, south]` in the unit square: x from left to right,
    /// y from top to bottom.
    pub fn unit_bounds(&self) -> [f64; 4] {
        let side = 1.0 / f64::from(1u32 << self.z);
        [
            f64::from(self.x) * side,
            f64::from(self.y) * side,
            f64::from(self.x + 1) * side,
            f64::from(self.y + 1) * side,
        ]
    }

    /// The tile in degrees.
    pub fn bounds(&self) -> LonLatBox {
        let [left, top, right, bottom] = self.unit_bounds();
        let [west, north] = mercator::lonlat_from_unit(left, top);
        let [east, south] = mercator::lonlat_from_unit(right, bottom);
        LonLatBox::new(west, south, east, north)
    }

    /// The world coordinate of the north-western corner.
    pub fn world_origin(&self) -> [u32; 2] {
        let shift = 32 - u32::from(self.z);
        [
            self.x.checked_shl(shift).unwrap_or(0),
            self.y.checked_shl(shift).unwrap_or(0),
        ]
    }

    /// The tile one zoom up; none above zoom 0.
    pub fn parent(&self) -> Option<TileCoord> {
        self.z.checked_sub(1).map(|z| TileCoord {
            z,
            x: self.x >> 1,
            y: self.y >> 1,
        })
    }

    /// The four tiles one zoom down, in Morton order; none below [`MAX_ZOOM`].
    pub fn children(&self) -> Option<[TileCoord; 4]> {
        (self.z < MAX_ZOOM).then(|| {
            [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(right, down)| TileCoord {
                z: self.z + 1,
                x: self.x * 2 + right,
                y: self.y * 2 + down,
            })
        })
    }
}

impl fmt::Display for TileCoord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.z, self.x, self.y)
    }
}

impl Serialize for TileCoord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tiles_outside_the_pyramid_are_refused_with_the_range() {
        let message = TileCoord::new(3, 8, 0).unwrap_err().to_string();
        assert_eq!(message, "tile 3/8/0 is out of range: at zoom 3, x and y go from 0 to 7");
        assert_eq!(
            TileCoord::new(27, 0, 0).unwrap_err().to_string(),
            "zoom 27 is out of range: tiles exist from zoom 0 to 26"
        );
        assert!(TileCoord::new(0, 0, 1).is_err());
        assert!(TileCoord::new(26, (1 << 26) - 1, 0).is_ok());
    }

    #[test]
    fn the_first_tile_is_the_world_and_quarters_meet_at_the_origin() {
        let world = TileCoord::new(0, 0, 0).unwrap().bounds();
        assert_eq!((world.west, world.east), (-180.0, 180.0));
        assert!((world.north - mercator::MAX_LATITUDE).abs() < 1e-9);
        let south_east = TileCoord::new(1, 1, 1).unwrap().bounds();
        assert!(south_east.west == 0.0 && south_east.north.abs() < 1e-12);
    }

    /// mercantile 1.2: tile(-74, 40.7, 10) = (301, 385), bounds
    /// -74.1796875, 40.713955826286046, -73.828125, 40.97989806962013 of 301/384.
    #[test]
    fn bounds_agree_with_mercantile() {
        let tile = TileCoord::new(10, 301, 384).unwrap();
        let expected = [-74.1796875, 40.713955826286046, -73.828125, 40.97989806962013];
        for (have, want) in tile.bounds().to_array().iter().zip(expected) {
            assert!((have - want).abs() < 1e-9, "{have} {want}");
        }
    }

    fn any_tile() -> impl Strategy<Value = TileCoord> {
        (0u8..=26, any::<u32>(), any::<u32>()).prop_map(|(z, x, y)| TileCoord::of_world(z, [x, y]))
    }

    proptest! {
        #[test]
        fn every_child_knows_its_parent(tile in any_tile()) {
            for child in tile.children().into_iter().flatten() {
                prop_assert_eq!(child.parent(), Some(tile));
            }
        }

        #[test]
        fn the_origin_lies_in_the_tile(tile in any_tile()) {
            prop_assert_eq!(TileCoord::of_world(tile.z(), tile.world_origin()), tile);
            prop_assert_eq!(TileCoord::new(tile.z(), tile.x(), tile.y()), Ok(tile));
        }
    }
}
