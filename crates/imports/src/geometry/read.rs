//! Geometries from text and bytes: WKT, EWKT, WKB and EWKB (also as hexadecimal text), GeoJSON.

use geo::Geometry;
use serde::Deserialize;
use serde_json::Value;
use wkt::TryFromWkt;

use super::wkb::from_wkb;

/// A geometry as it was given; the CRS that the value itself names is in `srid`.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Given {
    /// None: null, or empty text.
    pub(crate) geometry: Option<Geometry<f64>>,
    pub(crate) srid: Option<u32>,
}

impl From<Geometry<f64>> for Given {
    fn from(geometry: Geometry<f64>) -> Self {
        Given {
            geometry: Some(geometry),
            srid: None,
        }
    }
}

/// Deepest nesting of collections that is followed.
const DEEPEST: usize = 16;
/// Most of a text that is repeated in a message.
const QUOTED: usize = 40;

/// A geometry from a cell of text, in whatever notation it has.
pub(crate) fn from_text(text: &str) -> Result<Given, String> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("null") {
        return Ok(Given::default());
    }
    if text.starts_with('{') {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("is not valid GeoJSON: {e}"))?;
        return from_geojson(&value);
    }
    if is_hexadecimal(text) {
        let bytes = hex_bytes(text).ok_or("is WKB with half a byte too much")?;
        return from_wkb(&bytes);
    }
    let (srid, wkt) = match text.split_once(';') {
        Some((head, wkt)) if head.trim().to_ascii_uppercase().starts_with("SRID=") => {
            let number = head.trim()[5..].trim();
            (
                Some(number.parse().map_err(|_| format!("SRID '{number}' is not a number"))?),
                wkt,
            )
        }
        _ => (None, text),
    };
    if nesting(wkt) > DEEPEST {
        return Err("is nested too deeply".to_owned());
    }
    let is_nothing = wkt.trim_end().to_ascii_uppercase().ends_with("EMPTY") && !wkt.contains('(');
    if is_nothing {
        return Ok(Given::default());
    }
    let geometry =
        Geometry::try_from_wkt_str(wkt.trim()).map_err(|_| format!("'{}' is not a geometry", quoted(text)))?;
    Ok(Given {
        geometry: Some(geometry),
        srid,
    })
}

/// Whether a cell of text can be a geometry at all: what tells a geometry column from one that is only called so.
pub(crate) fn looks_like_geometry(text: &str) -> bool {
    from_text(text).is_ok_and(|given| given.geometry.is_some())
}

pub(crate) fn from_geojson(value: &Value) -> Result<Given, String> {
    if value.is_null() {
        return Ok(Given::default());
    }
    let geometry = geojson::Geometry::deserialize(value).map_err(|e| format!("is not a GeoJSON geometry: {e}"))?;
    let geometry = Geometry::<f64>::try_from(geometry).map_err(|e| format!("is not a GeoJSON geometry: {e}"))?;
    Ok(geometry.into())
}

pub(super) fn to_wkb(geometry: &Geometry<f64>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    wkb::writer::write_geometry(&mut bytes, geometry, &wkb::writer::WriteOptions::default())
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// WKB as text begins with the byte order.
fn is_hexadecimal(text: &str) -> bool {
    text.len() >= 10
        && (text.starts_with("00") || text.starts_with("01") || text.starts_with("\\x0"))
        && text.trim_start_matches("\\x").bytes().all(|b| b.is_ascii_hexdigit())
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_start_matches("\\x").as_bytes();
    if digits.len() % 2 != 0 {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16);
    digits
        .chunks_exact(2)
        .map(|pair| Some((value(pair[0])? << 4 | value(pair[1])?) as u8))
        .collect()
}

fn quoted(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(QUOTED).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::Point;

    #[test]
    fn one_point_in_every_notation() {
        let expected: Geometry<f64> = Point::new(1.0, 2.0).into();
        for text in [
            "POINT(1 2)",
            " point ( 1 2 ) ",
            "SRID=4326;POINT(1 2)",
            "{\"type\":\"Point\",\"coordinates\":[1,2]}",
            "0101000000000000000000F03F0000000000000040",
            "\\x0101000000000000000000f03f0000000000000040",
            "0101000020E6100000000000000000F03F0000000000000040",
            "00000000013FF00000000000004000000000000000",
        ] {
            let given = from_text(text).unwrap_or_else(|reason| panic!("{text}: {reason}"));
            assert_eq!(given.geometry, Some(expected.clone()), "{text}");
        }
    }

    #[test]
    fn the_crs_of_a_value_is_read() {
        assert_eq!(from_text("SRID=25830;POINT(1 2)").unwrap().srid, Some(25830));
        assert_eq!(
            from_text("0101000020E6100000000000000000F03F0000000000000040")
                .unwrap()
                .srid,
            Some(4326)
        );
        assert_eq!(from_text("POINT(1 2)").unwrap().srid, None);
    }

    #[test]
    fn heights_are_left_out() {
        assert_eq!(
            from_text("POINT Z (1 2 3)").unwrap().geometry,
            Some(Point::new(1.0, 2.0).into())
        );
        assert_eq!(
            from_text("{\"type\":\"Point\",\"coordinates\":[1,2,3]}")
                .unwrap()
                .geometry,
            Some(Point::new(1.0, 2.0).into())
        );
    }

    #[test]
    fn hostile_values_are_refused() {
        let deep = format!("{}POINT(1 2){}", "GEOMETRYCOLLECTION(".repeat(5000), ")".repeat(5000));
        // A collection without an end.
        let endless = "010700000001000000".repeat(3);
        for text in [
            "Madrid",
            "POINT(a b)",
            "01",
            "0101000000",
            "010200000FFFFFFFF00",
            "{\"type\":\"Point\"}",
            "{",
            &deep,
            &endless,
            "0107000000FFFFFFFF",
        ] {
            assert!(from_text(text).is_err(), "{}", quoted(text));
        }
        let nested = [1u8, 7, 0, 0, 0, 1, 0, 0, 0].repeat(100_000);
        assert!(from_wkb(&nested).is_err());
    }
}
