//! Exact coordinates of points: what tells rows at the edge of a window apart, and gives geometries back bit for bit.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray};
use arrow_buffer::{Buffer, OffsetBuffer};

use crate::place::{self, PLAIN_BYTES};

/// Numbers with up to seven decimal digits, a centimetre on the ground, are kept as whole numbers.
const DECIMALS: f64 = 1e7;

/// Which exact coordinates are worth their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All: 8 bytes a row, or 16 when they have many digits.
    Any,
    /// Those of few digits.
    Short,
}

/// x and y of each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Coordinates {
    /// In ten-millionths.
    Short(Vec<[i32; 2]>),
    Long(Vec<[f64; 2]>),
}

impl Coordinates {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Coordinates::Short(Vec::with_capacity(rows))
    }

    /// The next row; false when it cannot be kept.
    #[inline]
    pub(crate) fn push(&mut self, place: [f64; 2], keep: Keep) -> bool {
        match self {
            Coordinates::Short(rows) => match (short(place[0]), short(place[1])) {
                (Some(x), Some(y)) => {
                    rows.push([x, y]);
                    true
                }
                _ if keep == Keep::Short => false,
                _ => {
                    let mut long: Vec<[f64; 2]> = Vec::with_capacity(rows.capacity());
                    long.extend(rows.iter().map(|&[x, y]| [from_short(x), from_short(y)]));
                    long.push(place);
                    *self = Coordinates::Long(long);
                    true
                }
            },
            Coordinates::Long(rows) => {
                rows.push(place);
                true
            }
        }
    }

    #[inline]
    pub fn get(&self, row: usize) -> [f64; 2] {
        match self {
            Coordinates::Short(rows) => rows[row].map(from_short),
            Coordinates::Long(rows) => rows[row],
        }
    }

    /// The rows in another order.
    pub(crate) fn picked(&self, order: &[u32]) -> Self {
        match self {
            Coordinates::Short(rows) => Coordinates::Short(order.iter().map(|&row| rows[row as usize]).collect()),
            Coordinates::Long(rows) => Coordinates::Long(order.iter().map(|&row| rows[row as usize]).collect()),
        }
    }

    pub(crate) fn shrink(&mut self) {
        match self {
            Coordinates::Short(rows) => rows.shrink_to_fit(),
            Coordinates::Long(rows) => rows.shrink_to_fit(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Coordinates::Short(rows) => rows.capacity() * 8,
            Coordinates::Long(rows) => rows.capacity() * 16,
        }
    }

    /// Rows as well-known binary.
    pub fn geometries(&self, rows: &[u32]) -> ArrayRef {
        let mut bytes = Vec::with_capacity(rows.len() * PLAIN_BYTES);
        for &row in rows {
            place::write(self.get(row as usize), &mut bytes);
        }
        let offsets = OffsetBuffer::from_repeated_length(PLAIN_BYTES, rows.len());
        Arc::new(BinaryArray::new(offsets, Buffer::from_vec(bytes), None))
    }
}

#[inline]
fn short(number: f64) -> Option<i32> {
    let whole = (number * DECIMALS).round();
    // A cast saturates, and what does not come back is not short.
    let whole = whole as i32;
    (from_short(whole).to_bits() == number.to_bits()).then_some(whole)
}

#[inline]
fn from_short(whole: i32) -> f64 {
    f64::from(whole) / DECIMALS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(places: &[[f64; 2]], keep: Keep) -> Option<Coordinates> {
        let mut coordinates = Coordinates::with_capacity(places.len());
        places
            .iter()
            .all(|&place| coordinates.push(place, keep))
            .then_some(coordinates)
    }

    #[test]
    fn few_digits_take_half_the_room() {
        let places = [[-3.7037902, 40.4167754], [180.0, -90.0], [0.1, 0.3]];
        assert!(matches!(kept(&places, Keep::Short), Some(Coordinates::Short(_))));
        let odd = [[0.1, 0.3], [1.0 / 3.0, 2.0], [-0.0, 1e-9]];
        assert_eq!(kept(&odd, Keep::Short), None);
        let long = kept(&odd, Keep::Any).unwrap();
        for (row, place) in odd.iter().enumerate() {
            assert_eq!(long.get(row).map(f64::to_bits), place.map(f64::to_bits));
        }
    }

    proptest! {
        #[test]
        fn every_number_comes_back_bit_for_bit(
            whole in prop::collection::vec((-1_800_000_000i32..=1_800_000_000, -900_000_000i32..=900_000_000), 1..20),
            odd in prop::collection::vec((-180.0..=180.0f64, -90.0..=90.0f64), 0..5),
        ) {
            let mut places: Vec<[f64; 2]> = whole
                .iter()
                .map(|(x, y)| [format!("{x}e-7").parse().unwrap(), format!("{y}e-7").parse().unwrap()])
                .collect();
            prop_assert!(matches!(kept(&places, Keep::Short), Some(Coordinates::Short(_))));
            places.extend(odd.iter().map(|&(x, y)| [x, y]));
            let coordinates = kept(&places, Keep::Any).unwrap();
            for (row, place) in places.iter().enumerate() {
                prop_assert_eq!(coordinates.get(row).map(f64::to_bits), place.map(f64::to_bits));
            }
        }
    }
}
