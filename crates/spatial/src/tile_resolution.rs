//! `tileResolution`: how fine the grid of a tile is.

use std::str::FromStr;

/// The grid of a tile has 1024 × this many steps a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TileResolution {
    Quarter,
    #[default]
    Half,
    One,
    Two,
    Four,
}

/// A tile resolution that clients do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tileResolution {0:?} is not one of 0.25, 0.5, 1, 2, 4")]
pub struct UnknownTileResolution(pub String);

impl TileResolution {
    /// Steps along one side of a tile: 256, 512, 1024, 2048 or 4096.
    pub fn grid_side(self) -> u32 {
        1 << (9 + self.correction())
    }

    /// Levels that the grid is finer (or coarser) than at the default of 0.5.
    pub fn correction(self) -> i8 {
        match self {
            TileResolution::Quarter => -1,
            TileResolution::Half => 0,
            TileResolution::One => 1,
            TileResolution::Two => 2,
            TileResolution::Four => 3,
        }
    }

    /// The number clients write.
    pub fn as_f64(self) -> f64 {
        f64::from(self.grid_side()) / 1024.0
    }
}

impl FromStr for TileResolution {
    type Err = UnknownTileResolution;

    fn from_str(text: &str) -> Result<Self, UnknownTileResolution> {
        let number: f64 = text
            .trim()
            .parse()
            .map_err(|_| UnknownTileResolution(text.to_owned()))?;
        use TileResolution::{Four, Half, One, Quarter, Two};
        [Quarter, Half, One, Two, Four]
            .into_iter()
            .find(|resolution| resolution.as_f64() == number)
            .ok_or_else(|| UnknownTileResolution(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_numbers_of_the_clients_are_understood() {
        let sides: Vec<u32> = ["0.25", "0.5", "1", "2.0", " 4 "]
            .iter()
            .map(|text| text.parse::<TileResolution>().unwrap().grid_side())
            .collect();
        assert_eq!(sides, [256, 512, 1024, 2048, 4096]);
        assert_eq!(
            "3".parse::<TileResolution>().unwrap_err().to_string(),
            "tileResolution \"3\" is not one of 0.25, 0.5, 1, 2, 4"
        );
    }
}
