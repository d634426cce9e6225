//! A quick walk over the coordinates of a WKB geometry, without building it.
//!
//! Reads ISO WKB (type + 1000, 2000, 3000 for Z, M, ZM) and EWKB (flags in the high bits), either byte order.

/// Deepest nesting of collections; deeper is taken for damaged bytes.
const DEEPEST: u8 = 32;

const EWKB_Z: u32 = 0x8000_0000;
const EWKB_M: u32 = 0x4000_0000;
const EWKB_SRID: u32 = 0x2000_0000;

/// What a geometry is: 1 point, 2 line string, 3 polygon, 4–6 their multiples, 7 collection; and its dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GeometryType {
    code: u8,
    has_z: bool,
    has_m: bool,
}

impl GeometryType {
    pub(crate) fn is_point(self) -> bool {
        self.code == 1
    }

    /// DuckDB's name in the catalog: `point`, `multipolygon_z`.
    pub(crate) fn catalog_name(self) -> String {
        let base = self.base_name().to_ascii_lowercase();
        match (self.has_z, self.has_m) {
            (false, false) => base,
            (true, false) => format!("{base}_z"),
            (false, true) => format!("{base}_m"),
            (true, true) => format!("{base}_zm"),
        }
    }

    /// GeoParquet's name: `Point`, `MultiPolygon Z`.
    pub(crate) fn geoparquet_name(self) -> String {
        let base = self.base_name();
        match (self.has_z, self.has_m) {
            (false, false) => base.to_owned(),
            (true, false) => format!("{base} Z"),
            (false, true) => format!("{base} M"),
            (true, true) => format!("{base} ZM"),
        }
    }

    fn base_name(self) -> &'static str {
        match self.code {
            1 => "Point",
            2 => "LineString",
            3 => "Polygon",
            4 => "MultiPoint",
            5 => "MultiLineString",
            6 => "MultiPolygon",
            _ => "GeometryCollection",
        }
    }
}

/// Calls `visit` with x and y of every coordinate and says what the geometry is; `None` when the bytes are no WKB.
pub(crate) fn walk(bytes: &[u8], visit: &mut impl FnMut(f64, f64)) -> Option<GeometryType> {
    // A plain point, the common case: little-endian, two dimensions.
    if let [1, 1, 0, 0, 0, coordinates @ ..] = bytes
        && let Ok(coordinates) = <[u8; 16]>::try_from(coordinates)
    {
        let [x, y] = xy(&coordinates, true);
        visit(x, y);
        return Some(GeometryType {
            code: 1,
            has_z: false,
            has_m: false,
        });
    }
    let mut cursor = Cursor { bytes };
    walk_geometry(&mut cursor, visit, 0)
}

fn xy(coordinates: &[u8; 16], is_little: bool) -> [f64; 2] {
    let number = |start: usize| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&coordinates[start..start + 8]);
        if is_little {
            f64::from_le_bytes(eight)
        } else {
            f64::from_be_bytes(eight)
        }
    };
    [number(0), number(8)]
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn number(&mut self, is_little: bool) -> Option<u32> {
        let four = <[u8; 4]>::try_from(self.take(4)?).ok()?;
        Some(if is_little {
            u32::from_le_bytes(four)
        } else {
            u32::from_be_bytes(four)
        })
    }
}

fn walk_geometry(cursor: &mut Cursor<'_>, visit: &mut impl FnMut(f64, f64), depth: u8) -> Option<GeometryType> {
    if depth > DEEPEST {
        return None;
    }
    let is_little = match cursor.take(1)? {
        [0] => false,
        [1] => true,
        _ => return None,
    };
    let raw = cursor.number(is_little)?;
    if raw & EWKB_SRID != 0 {
        cursor.number(is_little)?;
    }
    let iso = raw & 0x0FFF_FFFF;
    let (code, dimensions) = (iso % 1000, iso / 1000);
    let kind = GeometryType {
        code: u8::try_from(code).ok().filter(|code| (1..=7).contains(code))?,
        has_z: raw & EWKB_Z != 0 || matches!(dimensions, 1 | 3),
        has_m: raw & EWKB_M != 0 || matches!(dimensions, 2 | 3),
    };
    if dimensions > 3 {
        return None;
    }
    let stride = 16 + 8 * (usize::from(kind.has_z) + usize::from(kind.has_m));
    match kind.code {
        1 => walk_coordinates(cursor, 1, stride, is_little, visit)?,
        2 => walk_line(cursor, stride, is_little, visit)?,
        3 => {
            for _ in 0..cursor.number(is_little)? {
                walk_line(cursor, stride, is_little, visit)?;
            }
        }
        _ => {
            for _ in 0..cursor.number(is_little)? {
                walk_geometry(cursor, visit, depth + 1)?;
            }
        }
    }
    Some(kind)
}

fn walk_line(cursor: &mut Cursor<'_>, stride: usize, is_little: bool, visit: &mut impl FnMut(f64, f64)) -> Option<()> {
    let count = cursor.number(is_little)?;
    walk_coordinates(cursor, count as usize, stride, is_little, visit)
}

fn walk_coordinates(
    cursor: &mut Cursor<'_>,
    count: usize,
    stride: usize,
    is_little: bool,
    visit: &mut impl FnMut(f64, f64),
) -> Option<()> {
    for coordinate in cursor.take(count.checked_mul(stride)?)?.chunks_exact(stride) {
        let [x, y] = xy(coordinate.first_chunk::<16>()?, is_little);
        visit(x, y);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hex_text: &str, name: &str, expected: &[(f64, f64)]) {
        let mut seen = Vec::new();
        let kind = walk(&hex::decode(hex_text).unwrap(), &mut |x, y| seen.push((x, y))).unwrap();
        assert_eq!(kind.catalog_name(), name);
        assert_eq!(seen, expected);
    }

    /// Bytes from PostGIS 3.3's ST_AsBinary and ST_AsEWKB.
    #[test]
    fn coordinates_are_those_of_postgis() {
        check("0101000000000000000000f03f0000000000000040", "point", &[(1.0, 2.0)]);
        check("00000000013ff00000000000004000000000000000", "point", &[(1.0, 2.0)]);
        check(
            "01e9030000000000000000f03f00000000000000400000000000000840",
            "point_z",
            &[(1.0, 2.0)],
        );
        check(
            "01010000a0e6100000000000000000f03f00000000000000400000000000000840",
            "point_z",
            &[(1.0, 2.0)],
        );
        check(
            "010200000002000000000000000000f03f000000000000004000000000000008400000000000001040",
            "linestring",
            &[(1.0, 2.0), (3.0, 4.0)],
        );
        check(
            "0104000000020000000101000000000000000000f03f0000000000000040010100000000000000000008400000000000001040",
            "multipoint",
            &[(1.0, 2.0), (3.0, 4.0)],
        );
        check("010700000000000000", "geometrycollection", &[]);
        check("010300000000000000", "polygon", &[]);
    }

    #[test]
    fn damaged_bytes_are_no_geometry() {
        let none = |bytes: &[u8]| assert_eq!(walk(bytes, &mut |_, _| {}), None);
        none(&[]);
        none(&[1]);
        none(&[2, 1, 0, 0, 0]);
        none(&hex::decode("0101000000000000000000f03f").unwrap());
        none(&hex::decode("0102000000ffffffff").unwrap());
        none(&hex::decode("0163000000").unwrap());
        // A collection in a collection in a collection …
        none(&[1u8, 7, 0, 0, 0, 1, 0, 0, 0].repeat(100));
    }
}
