//! Morton (Z-order) codes: the bits of x and y interleaved, x in the even places.

/// Interleaves x (even bits) and y (odd bits).
#[inline]
pub fn interleave(x: u32, y: u32) -> u64 {
    spread(x) | (spread(y) << 1)
}

/// The inverse of [`interleave`].
#[inline]
pub fn deinterleave(morton: u64) -> (u32, u32) {
    (gather(morton), gather(morton >> 1))
}

/// Moves bit i to bit 2i ("Interleave bits by Binary Magic Numbers", S. E. Anderson).
#[inline]
fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    bits = (bits | (bits << 16)) & 0x0000_FFFF_0000_FFFF;
    bits = (bits | (bits << 8)) & 0x00FF_00FF_00FF_00FF;
    bits = (bits | (bits << 4)) & 0x0F0F_0F0F_0F0F_0F0F;
    bits = (bits | (bits << 2)) & 0x3333_3333_3333_3333;
    (bits | (bits << 1)) & 0x5555_5555_5555_5555
}

/// Moves bit 2i to bit i and forgets the odd bits.
#[inline]
fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | (bits >> 1)) & 0x3333_3333_3333_3333;
    bits = (bits | (bits >> 2)) & 0x0F0F_0F0F_0F0F_0F0F;
    bits = (bits | (bits >> 4)) & 0x00FF_00FF_00FF_00FF;
    bits = (bits | (bits >> 8)) & 0x0000_FFFF_0000_FFFF;
    (bits | (bits >> 16)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn x_takes_the_even_bits() {
        assert_eq!(interleave(0b11, 0), 0b0101);
        assert_eq!(interleave(0, 0b11), 0b1010);
        assert_eq!(interleave(u32::MAX, u32::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn codes_survive_the_round_trip(x: u32, y: u32) {
            prop_assert_eq!(deinterleave(interleave(x, y)), (x, y));
        }

        #[test]
        fn points_of_a_cell_share_their_leading_bits(x: u32, y: u32, level in 1u32..32) {
            let low = interleave(x >> (32 - level), y >> (32 - level));
            prop_assert_eq!(interleave(x, y) >> (64 - 2 * level), low);
        }
    }
}
