//! `_carto_feature_id`: a number for a geometry, the same wherever it appears.
//!
//! Equal geometries have equal ids in every tile, zoom and widget. Ids are whole
//! numbers below 2^53, so that they survive JSON and 64-bit floats.

use crate::morton;

/// The id of a point by its world coordinates ([`crate::mercator`]): the Morton
/// code of its level-26 quadbin, so that ids find rows by their key and
/// neighbours have similar ids, which compress. Points within the same 60 cm
/// share it.
#[inline]
pub fn of_point(world: [u32; 2]) -> u64 {
    let [x, y] = world.map(|value| value >> 6);
    morton::interleave(x, y)
}

/// The id of any other geometry by its well-known binary.
pub fn of_wkb(wkb: &[u8]) -> u64 {
    let (words, rest) = wkb.as_chunks::<8>();
    let mut hash = wkb.len() as u64;
    for word in words {
        hash = mix(hash ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash ^ u64::from_le_bytes(last)) >> 11
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable
/// pseudorandom number generators", 2014).
#[inline]
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of SplitMix64 with seed 0, as published with it.
    #[test]
    fn the_mixer_is_splitmix64() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(0x9E37_79B9_7F4A_7C15), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn ids_fit_a_float_and_tell_geometries_apart() {
        assert_eq!(of_point([u32::MAX, u32::MAX]), (1 << 52) - 1);
        assert_ne!(of_point([1 << 6, 2 << 6]), of_point([2 << 6, 1 << 6]));
        let key = crate::Quadbin::from_world([77 << 9, 5 << 20], 26);
        assert_eq!(of_point([77 << 9, 5 << 20]), key.morton());
        assert_ne!(of_wkb(&[1, 2, 3]), of_wkb(&[1, 2, 3, 0]));
        assert_eq!(of_wkb(&[7; 93]), of_wkb(&[7; 93]));
        assert_ne!(of_wkb(&[7; 93]), of_wkb(&[7; 92]));
    }
}
