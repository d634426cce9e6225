//! Quadbin: a tile address in one 64-bit number.
//!
//! Layout (CARTO, "quadbin" specification): bit 62 set, mode 1 in bits 59–61,
//! the level in bits 52–56, the Morton code of x and y left-aligned in the low
//! 52 bits, all bits below it set. Numbers of one level sort in Morton order,
//! so that the level-26 cells inside a tile are one range of integers.

use std::{fmt, ops::RangeInclusive};

use crate::{MAX_ZOOM, TileCoord, mercator, morton};

const HEADER: u64 = 0x4000_0000_0000_0000 | (1 << 59);
const LEVEL_SHIFT: u32 = 52;
const CELL_BITS: u64 = (1 << LEVEL_SHIFT) - 1;

/// A valid quadbin cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quadbin(u64);

/// A number that is no quadbin cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a quadbin cell")]
pub struct InvalidQuadbin(pub u64);

impl Quadbin {
    pub fn from_tile(tile: TileCoord) -> Self {
        Quadbin::from_cell(tile.z(), morton::interleave(tile.x(), tile.y()))
    }

    /// The cell that holds a point in degrees; `None` when a coordinate is not
    /// finite. Latitudes are clamped to the Mercator square, longitudes wrapped,
    /// exactly 180 belongs to the easternmost cell. `level` is at most 26.
    pub fn from_lonlat(lon: f64, lat: f64, level: u8) -> Option<Self> {
        mercator::world_from_lonlat(lon, lat).map(|world| Quadbin::from_world(world, level))
    }

    /// The cell that holds a world coordinate. `level` is at most 26.
    #[inline]
    pub fn from_world([x, y]: [u32; 2], level: u8) -> Self {
        let level = level.min(MAX_ZOOM);
        let code = morton::interleave(x, y);
        let shift = 64 - 2 * u32::from(level);
        Quadbin::from_cell(level, code.checked_shr(shift).unwrap_or(0))
    }

    #[inline]
    fn from_cell(level: u8, code: u64) -> Self {
        let unused = LEVEL_SHIFT - 2 * u32::from(level);
        Quadbin(HEADER | (u64::from(level) << LEVEL_SHIFT) | (code << unused) | (CELL_BITS >> (2 * u32::from(level))))
    }

    /// The Morton code of the cell's x and y, `2 * level` bits.
    #[inline]
    pub fn morton(self) -> u64 {
        (self.0 & CELL_BITS) >> (LEVEL_SHIFT - 2 * u32::from(self.level()))
    }

    /// The Morton code of a level-26 key column value, unchecked.
    #[inline]
    pub fn morton_of_key(key: i64) -> u64 {
        key as u64 & CELL_BITS
    }

    pub fn tile(self) -> TileCoord {
        let (x, y) = morton::deinterleave(self.morton());
        TileCoord::new(self.level(), x, y).expect("a quadbin holds a valid tile")
    }

    pub fn level(self) -> u8 {
        ((self.0 >> LEVEL_SHIFT) & 0x1F) as u8
    }

    /// As the key columns store it; the sign bit is never set.
    pub fn as_i64(self) -> i64 {
        self.0 as i64
    }

    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The level-26 quadbins inside a tile: exactly one range.
    pub fn key_range(tile: TileCoord) -> RangeInclusive<i64> {
        let bits = 2 * u32::from(MAX_ZOOM - tile.z());
        let first = morton::interleave(tile.x(), tile.y()) << bits;
        let last = first + ((1u64 << bits) - 1);
        let key = |code| Quadbin::from_cell(MAX_ZOOM, code).as_i64();
        key(first)..=key(last)
    }
}

impl TryFrom<u64> for Quadbin {
    type Error = InvalidQuadbin;

    fn try_from(value: u64) -> Result<Self, InvalidQuadbin> {
        let level = (value >> LEVEL_SHIFT) & 0x1F;
        let is_header_right = value >> 57 == HEADER >> 57;
        if !is_header_right || level > u64::from(MAX_ZOOM) {
            return Err(InvalidQuadbin(value));
        }
        let footer = CELL_BITS >> (2 * level);
        if value & footer != footer {
            return Err(InvalidQuadbin(value));
        }
        Ok(Quadbin(value))
    }
}

impl TryFrom<i64> for Quadbin {
    type Error = InvalidQuadbin;

    fn try_from(value: i64) -> Result<Self, InvalidQuadbin> {
        Quadbin::try_from(value as u64)
    }
}

impl fmt::Display for Quadbin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers of CARTO's own quadbin 0.2.2 (PyPI) and its README.
    #[test]
    fn cells_are_those_of_the_published_library() {
        let cell = |lon, lat, level| Quadbin::from_lonlat(lon, lat, level).unwrap().as_u64();
        assert_eq!(cell(-74.0, 40.7, 10), 5_234_172_688_246_767_615);
        assert_eq!(cell(-3.7038, 40.4168, 4), 5_207_251_884_775_047_167);
        assert_eq!(cell(0.0, 0.0, 0), 5_192_650_370_358_181_887);
        let tile = TileCoord::new(4, 9, 8).unwrap();
        assert_eq!(Quadbin::from_tile(tile).as_u64(), 5_209_574_053_332_910_079);
    }

    #[test]
    fn numbers_that_are_no_cells_are_refused() {
        assert!(Quadbin::try_from(0u64).is_err());
        assert!(Quadbin::try_from(-1i64).is_err());
        assert!(Quadbin::try_from(5_209_574_053_332_910_078u64).is_err());
        assert!(Quadbin::try_from(5_209_574_053_332_910_079u64).is_ok());
    }

    #[test]
    fn points_without_a_place_have_no_cell() {
        assert_eq!(Quadbin::from_lonlat(f64::NAN, 0.0, 26), None);
        assert_eq!(Quadbin::from_lonlat(0.0, f64::NEG_INFINITY, 26), None);
    }

    proptest! {
        #[test]
        fn tiles_survive_the_round_trip(z in 0u8..=26, x: u32, y: u32) {
            let tile = TileCoord::of_world(z, [x, y]);
            let cell = Quadbin::from_tile(tile);
            prop_assert_eq!(cell.tile(), tile);
            prop_assert_eq!(Quadbin::try_from(cell.as_i64()), Ok(cell));
        }

        #[test]
        fn a_tile_holds_exactly_the_keys_of_its_range(z in 0u8..=26, at: [u32; 2], point: [u32; 2]) {
            let tile = TileCoord::of_world(z, at);
            let key = Quadbin::from_world(point, 26).as_i64();
            prop_assert_eq!(
                Quadbin::key_range(tile).contains(&key),
                TileCoord::of_world(z, point) == tile
            );
        }
    }
}
