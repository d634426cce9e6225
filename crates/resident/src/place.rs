//! Points as well-known binary: where they are, and whether they lie in a box.

use arrow_array::{Array, BinaryArray, BooleanArray};
use arrow_buffer::BooleanBuffer;

/// Points were announced, something else was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPoints;

/// Little endian, a point, two dimensions: how nearly all points are written.
const PLAIN_HEADER: [u8; 5] = [1, 1, 0, 0, 0];
pub(crate) const PLAIN_BYTES: usize = 21;

const EWKB_SRID: u32 = 0x2000_0000;
const EWKB_FLAGS: u32 = 0xE000_0000;

/// What a geometry says of its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// A point, x and y, written in the usual way.
    Plain([f64; 2]),
    /// A point with more coordinates or written otherwise.
    Unusual([f64; 2]),
    /// Something else without any coordinate.
    Empty,
}

/// x and y of a point that is written in the usual way.
#[inline]
pub(crate) fn plain(wkb: &[u8]) -> Option<[f64; 2]> {
    let wkb: &[u8; PLAIN_BYTES] = wkb.try_into().ok()?;
    let (header, numbers) = wkb.split_at(PLAIN_HEADER.len());
    (header == PLAIN_HEADER).then(|| {
        let number = |at: usize| f64::from_le_bytes(numbers[at..at + 8].try_into().expect("eight bytes"));
        [number(0), number(8)]
    })
}

/// The same of any geometry.
#[inline]
pub(crate) fn place_of(wkb: &[u8]) -> Result<Place, NotPoints> {
    match plain(wkb) {
        Some(place) => Ok(Place::Plain(place)),
        None => unusual(wkb).ok_or(NotPoints),
    }
}

#[cold]
fn unusual(wkb: &[u8]) -> Option<Place> {
    let is_little_endian = match wkb.first()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let whole = |at: usize| {
        let bytes: [u8; 4] = wkb.get(at..at + 4)?.try_into().ok()?;
        Some(if is_little_endian {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    let number = |at: usize| {
        let bytes: [u8; 8] = wkb.get(at..at + 8)?.try_into().ok()?;
        Some(if is_little_endian {
            f64::from_le_bytes(bytes)
        } else {
            f64::from_be_bytes(bytes)
        })
    };
    let code = whole(1)?;
    let start = if code & EWKB_SRID == 0 { 5 } else { 9 };
    match (code & !EWKB_FLAGS) % 1000 {
        1 => Some(Place::Unusual([number(start)?, number(start + 8)?])),
        2..=7 => (whole(start)? == 0).then_some(Place::Empty),
        _ => None,
    }
}

/// Which points touch any of the boxes `[xmin, ymin, xmax, ymax]`, edges included; null for null.
///
/// # Errors
/// Some geometry is no point.
pub fn touches_boxes(geometries: &BinaryArray, boxes: &[[f64; 4]]) -> Result<BooleanArray, NotPoints> {
    let mut strange = false;
    let holds = |[x, y]: [f64; 2]| {
        boxes
            .iter()
            .any(|&[xmin, ymin, xmax, ymax]| x >= xmin && x <= xmax && y >= ymin && y <= ymax)
    };
    let nulls = geometries.nulls();
    let answers = BooleanBuffer::collect_bool(geometries.len(), |row| {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return false;
        }
        match place_of(geometries.value(row)) {
            Ok(Place::Plain(place) | Place::Unusual(place)) => holds(place),
            Ok(Place::Empty) => false,
            Err(NotPoints) => {
                strange = true;
                false
            }
        }
    });
    if strange {
        return Err(NotPoints);
    }
    Ok(BooleanArray::new(answers, nulls.cloned()))
}

/// Writes a point in the usual way.
pub(crate) fn write(place: [f64; 2], out: &mut Vec<u8>) {
    out.extend_from_slice(&PLAIN_HEADER);
    for number in place {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        (0..hexadecimal.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn points_are_read_in_every_way_that_they_are_written() {
        let check = |hexadecimal: &str, expected: Result<Place, NotPoints>| {
            assert_eq!(place_of(&bytes(hexadecimal)), expected, "{hexadecimal}");
        };
        let here = [1.5, -2.0];
        check("0101000000000000000000f83f00000000000000c0", Ok(Place::Plain(here)));
        check("00000000013ff8000000000000c000000000000000", Ok(Place::Unusual(here)));
        // Z by thousands, Z by flag, and with an SRID.
        check(
            "01e9030000000000000000f83f00000000000000c00000000000000840",
            Ok(Place::Unusual(here)),
        );
        check(
            "0101000080000000000000f83f00000000000000c00000000000000840",
            Ok(Place::Unusual(here)),
        );
        check(
            "0101000020e6100000000000000000f83f00000000000000c0",
            Ok(Place::Unusual(here)),
        );
        check("010400000000000000", Ok(Place::Empty));
        check("01040000000100000000", Err(NotPoints));
        check("0101", Err(NotPoints));
        check("", Err(NotPoints));
    }

    #[test]
    fn edges_belong_to_a_box_and_null_stays_null() {
        let mut wkb = Vec::new();
        write([1.0, 2.0], &mut wkb);
        let mut nowhere = Vec::new();
        write([f64::NAN, f64::NAN], &mut nowhere);
        let geometries = BinaryArray::from_opt_vec(vec![Some(&wkb), None, Some(&nowhere)]);
        let answers = |sides| touches_boxes(&geometries, &[sides]).unwrap().iter().collect::<Vec<_>>();
        assert_eq!(answers([1.0, 2.0, 3.0, 4.0]), [Some(true), None, Some(false)]);
        assert_eq!(answers([-1.0, 0.0, 1.0, 2.0]), [Some(true), None, Some(false)]);
        assert_eq!(
            answers([1.0_f64.next_up(), 0.0, 5.0, 5.0]),
            [Some(false), None, Some(false)]
        );
        let line = bytes("01020000000200000000");
        assert!(touches_boxes(&BinaryArray::from_vec(vec![&line]), &[]).is_err());
    }
}
