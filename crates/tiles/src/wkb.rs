//! Reading well-known binary straight into a sink, without geometry objects.
//!
//! Understands ISO and extended WKB, both byte orders, Z and M (which are
//! skipped), and collections of any depth.

/// Where the reader puts what it finds. Coordinates are as stored: x, y.
pub(crate) trait GeometrySink {
    fn point(&mut self, x: f64, y: f64);
    fn line(&mut self, coordinates: Coordinates<'_>);
    fn ring(&mut self, coordinates: Coordinates<'_>, is_outer: bool);
}

/// A geometry that can be read more than once.
pub(crate) trait Pour {
    fn pour(&self, sink: &mut impl GeometrySink) -> Result<(), InvalidWkb>;
}

/// A geometry in well-known binary.
#[derive(Clone, Copy)]
pub(crate) struct Wkb<'a>(pub(crate) &'a [u8]);

impl Pour for Wkb<'_> {
    fn pour(&self, sink: &mut impl GeometrySink) -> Result<(), InvalidWkb> {
        read(self.0, sink)
    }
}

/// Bytes that are not well-known binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWkb {
    #[error("it ends too early")]
    Short,
    #[error("byte order {0} is neither 0 nor 1")]
    ByteOrder(u8),
    #[error("geometry type {0} is not one of point, line, polygon or a collection of them")]
    Type(u32),
    #[error("collections are nested more than {MAX_DEPTH} deep")]
    Depth,
}

const MAX_DEPTH: usize = 32;
const EWKB_Z: u32 = 0x8000_0000;
const EWKB_M: u32 = 0x4000_0000;
const EWKB_SRID: u32 = 0x2000_0000;

/// The vertices of one line or ring.
#[derive(Clone, Copy)]
pub(crate) struct Coordinates<'a> {
    bytes: &'a [u8],
    stride: usize,
    is_little_endian: bool,
}

impl<'a> Coordinates<'a> {
    /// Vertices of x and y, little endian.
    pub(crate) fn plain(bytes: &'a [u8]) -> Self {
        Coordinates {
            bytes,
            stride: 16,
            is_little_endian: true,
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = [f64; 2]> + 'a {
        self.bytes.chunks_exact(self.stride).map(move |vertex| {
            [
                number(&vertex[..8], self.is_little_endian),
                number(&vertex[8..16], self.is_little_endian),
            ]
        })
    }
}

#[inline]
fn number(bytes: &[u8], is_little_endian: bool) -> f64 {
    let bytes: [u8; 8] = bytes.try_into().expect("callers pass eight bytes");
    if is_little_endian {
        f64::from_le_bytes(bytes)
    } else {
        f64::from_be_bytes(bytes)
    }
}

/// Reads one geometry.
pub(crate) fn read(wkb: &[u8], sink: &mut impl GeometrySink) -> Result<(), InvalidWkb> {
    Reader { rest: wkb }.geometry(sink, 0)
}

/// The place of a point, without a sink: `None` when it is empty, or the
/// geometry is something else.
#[inline]
pub(crate) fn point(wkb: &[u8]) -> Option<[f64; 2]> {
    // By far the most frequent: little endian, two dimensions, no SRID.
    if wkb.len() == 21 && wkb[..5] == [1, 1, 0, 0, 0] {
        return Some([number(&wkb[5..13], true), number(&wkb[13..21], true)]);
    }
    slow_point(wkb)
}

#[cold]
fn slow_point(wkb: &[u8]) -> Option<[f64; 2]> {
    struct Only(Option<[f64; 2]>, bool);
    impl GeometrySink for Only {
        fn point(&mut self, x: f64, y: f64) {
            self.1 |= self.0.is_some();
            self.0 = Some([x, y]);
        }
        fn line(&mut self, _: Coordinates<'_>) {
            self.1 = true;
        }
        fn ring(&mut self, _: Coordinates<'_>, _: bool) {
            self.1 = true;
        }
    }
    let mut only = Only(None, false);
    read(wkb, &mut only).ok()?;
    only.0.filter(|_| !only.1)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], InvalidWkb> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(InvalidWkb::Short)?;
        self.rest = rest;
        Ok(head)
    }

    fn u32(&mut self, is_little_endian: bool) -> Result<u32, InvalidWkb> {
        let bytes: [u8; 4] = self.take(4)?.try_into().expect("four bytes were taken");
        Ok(if is_little_endian {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    fn coordinates(&mut self, stride: usize, is_little_endian: bool) -> Result<Coordinates<'a>, InvalidWkb> {
        let count = self.u32(is_little_endian)? as usize;
        let length = count.checked_mul(stride).ok_or(InvalidWkb::Short)?;
        Ok(Coordinates {
            bytes: self.take(length)?,
            stride,
            is_little_endian,
        })
    }

    fn geometry(&mut self, sink: &mut impl GeometrySink, depth: usize) -> Result<(), InvalidWkb> {
        if depth > MAX_DEPTH {
            return Err(InvalidWkb::Depth);
        }
        let is_little_endian = match self.take(1)?[0] {
            0 => false,
            1 => true,
            other => return Err(InvalidWkb::ByteOrder(other)),
        };
        let code = self.u32(is_little_endian)?;
        if code & EWKB_SRID != 0 {
            self.take(4)?;
        }
        let plain = code & !(EWKB_Z | EWKB_M | EWKB_SRID);
        let (kind, iso_dimensions) = (plain % 1000, plain / 1000);
        let extra = match iso_dimensions {
            0 => usize::from(code & EWKB_Z != 0) + usize::from(code & EWKB_M != 0),
            1 | 2 => 1,
            3 => 2,
            _ => return Err(InvalidWkb::Type(code)),
        };
        let stride = 8 * (2 + extra);
        match kind {
            1 => {
                let place = Coordinates {
                    bytes: self.take(stride)?,
                    stride,
                    is_little_endian,
                };
                for [x, y] in place.iter() {
                    // The empty point is written as NaN, NaN.
                    if !(x.is_nan() && y.is_nan()) {
                        sink.point(x, y);
                    }
                }
            }
            2 => sink.line(self.coordinates(stride, is_little_endian)?),
            3 => {
                for ring in 0..self.u32(is_little_endian)? {
                    sink.ring(self.coordinates(stride, is_little_endian)?, ring == 0);
                }
            }
            4..=7 => {
                for _ in 0..self.u32(is_little_endian)? {
                    self.geometry(sink, depth + 1)?;
                }
            }
            _ => return Err(InvalidWkb::Type(code)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Debug, PartialEq)]
    struct Recorder(Vec<String>);

    impl GeometrySink for Recorder {
        fn point(&mut self, x: f64, y: f64) {
            self.0.push(format!("point {x} {y}"));
        }
        fn line(&mut self, coordinates: Coordinates<'_>) {
            self.0
                .push(format!("line {:?}", coordinates.iter().collect::<Vec<_>>()));
        }
        fn ring(&mut self, coordinates: Coordinates<'_>, is_outer: bool) {
            let kind = if is_outer { "outer" } else { "hole" };
            self.0.push(format!("{kind} {}", coordinates.iter().count()));
        }
    }

    fn read_hex(hex: &str) -> Result<Vec<String>, InvalidWkb> {
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect();
        let mut recorder = Recorder::default();
        read(&bytes, &mut recorder)?;
        Ok(recorder.0)
    }

    /// Written by PostGIS 3.3 with ST_AsBinary, ST_AsEWKB and ST_AsBinary(…, 'XDR').
    #[test]
    fn what_postgis_writes_is_understood() {
        // POINT(1 2)
        assert_eq!(
            read_hex("0101000000000000000000f03f0000000000000040").unwrap(),
            ["point 1 2"]
        );
        // the same, big endian
        assert_eq!(
            read_hex("00000000013ff00000000000004000000000000000").unwrap(),
            ["point 1 2"]
        );
        // SRID=4326;POINT(1 2)
        assert_eq!(
            read_hex("0101000020e6100000000000000000f03f0000000000000040").unwrap(),
            ["point 1 2"]
        );
        // POINT Z (1 2 3), ISO and extended
        let z = "000000000000f03f00000000000000400000000000000840";
        assert_eq!(read_hex(&format!("01e9030000{z}")).unwrap(), ["point 1 2"]);
        assert_eq!(read_hex(&format!("0101000080{z}")).unwrap(), ["point 1 2"]);
        // POINT EMPTY
        assert!(
            read_hex("0101000000000000000000f87f000000000000f87f")
                .unwrap()
                .is_empty()
        );
        // GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(1 2, 2 1))
        assert_eq!(
            read_hex(
                "0107000000020000000101000000000000000000f03f0000000000000040\
                 010200000002000000000000000000f03f00000000000000400000000000000040000000000000f03f"
            )
            .unwrap(),
            ["point 1 2", "line [[1.0, 2.0], [2.0, 1.0]]"]
        );
    }

    #[test]
    fn broken_bytes_are_errors_and_never_a_crash() {
        assert_eq!(read_hex("").unwrap_err(), InvalidWkb::Short);
        assert_eq!(read_hex("0101000000").unwrap_err(), InvalidWkb::Short);
        assert_eq!(read_hex("0901000000").unwrap_err(), InvalidWkb::ByteOrder(9));
        assert_eq!(read_hex("0163000000").unwrap_err(), InvalidWkb::Type(99));
        assert_eq!(read_hex("0102000000ffffffff").unwrap_err(), InvalidWkb::Short);
        let deep = "010700000001000000".repeat(100);
        assert_eq!(read_hex(&deep).unwrap_err(), InvalidWkb::Depth);
    }

    #[test]
    fn a_point_is_found_without_a_sink() {
        let point_bytes = [&[1u8, 1, 0, 0, 0][..], &1.5f64.to_le_bytes(), &2.5f64.to_le_bytes()].concat();
        assert_eq!(point(&point_bytes), Some([1.5, 2.5]));
        assert_eq!(point(&point_bytes[..20]), None);
    }
}
