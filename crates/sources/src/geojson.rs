//! Geometries as GeoJSON text, from well-known binary (ISO and extended, both byte orders).

use std::io::Write as _;

/// Collections nest no deeper than this.
const NESTING_LIMIT: u8 = 32;

const HAS_Z: u32 = 0x8000_0000;
const HAS_M: u32 = 0x4000_0000;
const HAS_SRID: u32 = 0x2000_0000;

/// Appends the geometry as GeoJSON. Anything that GeoJSON cannot say (coordinates that are not numbers,
/// curves, broken bytes) becomes `null`; measures are left out.
pub(crate) fn write(wkb: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut reader = Reader { rest: wkb };
    if geometry(&mut reader, out, 0).is_none() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// What the header of a geometry says.
struct Header {
    is_little_endian: bool,
    kind: u32,
    has_z: bool,
    has_m: bool,
}

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    fn header(&mut self) -> Option<Header> {
        let [order] = self.bytes()?;
        let is_little_endian = order == 1;
        let code = self.u32(is_little_endian)?;
        if code & HAS_SRID != 0 {
            self.u32(is_little_endian)?;
        }
        let plain = code & 0x0FFF_FFFF;
        let dimensions = plain / 1000;
        Some(Header {
            is_little_endian,
            kind: plain % 1000,
            has_z: code & HAS_Z != 0 || dimensions == 1 || dimensions == 3,
            has_m: code & HAS_M != 0 || dimensions == 2 || dimensions == 3,
        })
    }

    fn u32(&mut self, is_little_endian: bool) -> Option<u32> {
        let bytes = self.bytes()?;
        Some(if is_little_endian {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    fn f64(&mut self, is_little_endian: bool) -> Option<f64> {
        let bytes = self.bytes()?;
        Some(if is_little_endian {
            f64::from_le_bytes(bytes)
        } else {
            f64::from_be_bytes(bytes)
        })
    }
}

fn geometry(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: u8) -> Option<()> {
    let header = reader.header()?;
    let start = match header.kind {
        1 => r#"{"type":"Point","coordinates":"#,
        2 => r#"{"type":"LineString","coordinates":"#,
        3 => r#"{"type":"Polygon","coordinates":"#,
        4 => r#"{"type":"MultiPoint","coordinates":"#,
        5 => r#"{"type":"MultiLineString","coordinates":"#,
        6 => r#"{"type":"MultiPolygon","coordinates":"#,
        7 => r#"{"type":"GeometryCollection","geometries":"#,
        _ => return None,
    };
    out.extend_from_slice(start.as_bytes());
    match header.kind {
        1 => point(reader, &header, out)?,
        2 => positions(reader, &header, out)?,
        3 => rings(reader, &header, out)?,
        kind => {
            let count = reader.u32(header.is_little_endian)?;
            list(count, out, |out| {
                if kind == 7 {
                    return if depth < NESTING_LIMIT {
                        geometry(reader, out, depth + 1)
                    } else {
                        None
                    };
                }
                let part = reader.header()?;
                match (kind, part.kind) {
                    (4, 1) => point(reader, &part, out),
                    (5, 2) => positions(reader, &part, out),
                    (6, 3) => rings(reader, &part, out),
                    _ => None,
                }
            })?;
        }
    }
    out.push(b'}');
    Some(())
}

fn list(count: u32, out: &mut Vec<u8>, mut item: impl FnMut(&mut Vec<u8>) -> Option<()>) -> Option<()> {
    out.push(b'[');
    for index in 0..count {
        if index > 0 {
            out.push(b',');
        }
        item(out)?;
    }
    out.push(b']');
    Some(())
}

fn rings(reader: &mut Reader<'_>, header: &Header, out: &mut Vec<u8>) -> Option<()> {
    let count = reader.u32(header.is_little_endian)?;
    list(count, out, |out| positions(reader, header, out))
}

fn positions(reader: &mut Reader<'_>, header: &Header, out: &mut Vec<u8>) -> Option<()> {
    let count = reader.u32(header.is_little_endian)?;
    list(count, out, |out| position(reader, header, out))
}

/// An empty point is written as well-known binary with coordinates that are not numbers.
fn point(reader: &mut Reader<'_>, header: &Header, out: &mut Vec<u8>) -> Option<()> {
    let before = reader.rest;
    let (x, y) = (
        reader.f64(header.is_little_endian)?,
        reader.f64(header.is_little_endian)?,
    );
    if x.is_nan() && y.is_nan() {
        let others = usize::from(header.has_z) + usize::from(header.has_m);
        reader.rest = reader.rest.get(8 * others..)?;
        out.extend_from_slice(b"[]");
        return Some(());
    }
    reader.rest = before;
    position(reader, header, out)
}

fn position(reader: &mut Reader<'_>, header: &Header, out: &mut Vec<u8>) -> Option<()> {
    let mut number = |before: u8, out: &mut Vec<u8>| {
        let number = reader.f64(header.is_little_endian)?;
        out.push(before);
        self::number(number, out)
    };
    number(b'[', out)?;
    number(b',', out)?;
    if header.has_z {
        number(b',', out)?;
    }
    out.push(b']');
    if header.has_m {
        reader.f64(header.is_little_endian)?;
    }
    Some(())
}

fn number(number: f64, out: &mut Vec<u8>) -> Option<()> {
    if !number.is_finite() {
        return None;
    }
    // Whole degrees without ".0" save a tenth of a large answer.
    if number == number.trunc() && number.abs() < 1e15 {
        write!(out, "{}", number as i64)
    } else {
        write!(out, "{number}")
    }
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wkb(hex_text: &str) -> String {
        let mut out = Vec::new();
        write(&hex::decode(hex_text.replace(' ', "")).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The binary forms are PostGIS 3.3's ST_AsBinary and ST_AsEWKB of the text in the comment.
    #[test]
    fn every_kind_of_geometry_is_written() {
        // POINT(1.5 -2)
        assert_eq!(
            wkb("0101000000000000000000f83f00000000000000c0"),
            r#"{"type":"Point","coordinates":[1.5,-2]}"#
        );
        // the same, big endian
        assert_eq!(
            wkb("00000000013ff8000000000000c000000000000000"),
            r#"{"type":"Point","coordinates":[1.5,-2]}"#
        );
        // SRID=4326;POINT Z (1.5 -2 3), extended
        assert_eq!(
            wkb("01010000a0e6100000000000000000f83f00000000000000c00000000000000840"),
            r#"{"type":"Point","coordinates":[1.5,-2,3]}"#
        );
        // POINT M (1.5 -2 3), ISO
        assert_eq!(
            wkb("01d1070000000000000000f83f00000000000000c00000000000000840"),
            r#"{"type":"Point","coordinates":[1.5,-2]}"#
        );
        // POINT EMPTY
        assert_eq!(
            wkb("0101000000000000000000f87f000000000000f87f"),
            r#"{"type":"Point","coordinates":[]}"#
        );
        // LINESTRING(0 0, 1 1)
        assert_eq!(
            wkb("01020000000200000000000000000000000000000000000000000000000000f03f000000000000f03f"),
            r#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#
        );
        // GEOMETRYCOLLECTION(MULTIPOINT((1 2)), POLYGON EMPTY)
        assert_eq!(
            wkb("010700000002000000 010400000001000000 0101000000000000000000f03f0000000000000040 010300000000000000"),
            r#"{"type":"GeometryCollection","geometries":[{"type":"MultiPoint","coordinates":[[1,2]]},{"type":"Polygon","coordinates":[]}]}"#
        );
    }

    #[test]
    fn what_geojson_cannot_say_is_null() {
        // POINT(NaN 1), POINT(Infinity 1), a circular string, half a point, nothing
        for bytes in [
            "0101000000000000000000f87f000000000000f03f",
            "0101000000000000000000f07f000000000000f03f",
            "010800000000000000",
            "0101000000000000",
            "",
        ] {
            assert_eq!(wkb(bytes), "null", "{bytes}");
        }
        let mut nested = "010700000001000000".repeat(5_000);
        nested.push_str("010700000000000000");
        assert_eq!(wkb(&nested), "null");
    }
}
