//! Which format a file has: by what stands in it, helped by its name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, file_name};

/// The formats that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    /// A FeatureCollection, one feature or geometry, or one per line.
    GeoJson,
    GeoParquet,
}

impl Format {
    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "CSV",
            Format::GeoJson => "GeoJSON",
            Format::GeoParquet => "GeoParquet",
        }
    }
}

/// How much of a file is looked at.
const SNIFFED: u64 = 64 * 1024;
const CAN_BE_IMPORTED: &str = "CSV, GeoJSON and GeoParquet files can be imported";

/// What kind of file this is.
pub fn detect(path: &Path) -> Result<Format> {
    let mut file = File::open(path).map_err(|e| Error::unreadable(path, e))?;
    let length = file.metadata().map_err(|e| Error::unreadable(path, e))?.len();
    let mut start = Vec::new();
    file.by_ref()
        .take(SNIFFED)
        .read_to_end(&mut start)
        .map_err(|e| Error::unreadable(path, e))?;
    let mut end = [0; 4];
    if length >= 8 {
        file.seek(SeekFrom::End(-4))
            .and_then(|_| file.read_exact(&mut end))
            .map_err(|e| Error::unreadable(path, e))?;
    }
    of_bytes(&start, end, &file_name(path))
}

fn of_bytes(start: &[u8], end: [u8; 4], name: &str) -> Result<Format> {
    let unknown = |reason: String| Error::UnknownFormat {
        name: name.to_owned(),
        reason,
    };
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_lowercase())
        .unwrap_or_default();
    if start.is_empty() {
        return Err(Error::Empty(name.to_owned()));
    }
    if start.starts_with(b"PAR1") {
        if &end == b"PAR1" {
            return Ok(Format::GeoParquet);
        }
        return Err(Error::Damaged {
            format: "GeoParquet",
            reason: "it ends too early; was it copied whole?".to_owned(),
        });
    }
    if let Some((_, packed)) = PACKED.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(unknown(format!(
            "this is a {packed}. Unpack it first; {CAN_BE_IMPORTED}"
        )));
    }
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(unknown(format!("this is {what}; {CAN_BE_IMPORTED}")));
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let is_utf16 = text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]);
    // GeoJSON text sequences begin every feature with a record separator.
    let first = text.iter().find(|b| !b.is_ascii_whitespace() && **b != 0x1e);
    match first {
        Some(b'{') if !matches!(extension.as_str(), "csv" | "tsv") => return Ok(Format::GeoJson),
        Some(b'[') if matches!(extension.as_str(), "json" | "geojson") => return Ok(Format::GeoJson),
        Some(b'<') => return Err(unknown(format!("this looks like XML or HTML; {CAN_BE_IMPORTED}"))),
        Some(_) | None => {}
    }
    if matches!(
        extension.as_str(),
        "json" | "geojson" | "geojsonl" | "geojsons" | "ndjson"
    ) {
        return Err(Error::Damaged {
            format: "GeoJSON",
            reason: "it does not begin with {".to_owned(),
        });
    }
    if matches!(extension.as_str(), "parquet" | "geoparquet") {
        return Err(Error::Damaged {
            format: "GeoParquet",
            reason: "it does not begin with PAR1".to_owned(),
        });
    }
    if !is_utf16 && text.contains(&0) {
        return Err(unknown(format!("this is not text; {CAN_BE_IMPORTED}")));
    }
    Ok(Format::Csv)
}

const PACKED: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "ZIP archive (or a KMZ or Excel file)"),
    (b"\x1f\x8b", "gzip file"),
    (b"BZh", "bzip2 file"),
    (b"\x28\xb5\x2f\xfd", "zstd file"),
    (b"\xfd7zXZ", "xz file"),
    (b"7z\xbc\xaf", "7-Zip archive"),
    (b"Rar!", "RAR archive"),
];

const OTHERS: [(&[u8], &str); 6] = [
    (b"SQLite format 3\0", "a GeoPackage or another SQLite file"),
    (b"\0\0\x27\x0a", "a Shapefile"),
    (b"fgb\x03", "a FlatGeobuf file"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: &[u8], name: &str, expected: Format) {
        assert_eq!(of_bytes(start, *b"PAR1", name).unwrap(), expected, "{name}");
    }

    #[test]
    fn formats_are_told_by_their_content() {
        check(b"PAR1....", "x", Format::GeoParquet);
        check(b"  {\"type\": \"FeatureCollection\"", "upload", Format::GeoJson);
        check(b"\xef\xbb\xbf{\"type\"", "a.geojson", Format::GeoJson);
        check(b"\x1e{\"type\"", "a.geojsons", Format::GeoJson);
        check(b"[{\"type\"", "a.json", Format::GeoJson);
        check(b"lon,lat\n1,2\n", "a.csv", Format::Csv);
        check(b"lon,lat\n1,2\n", "a.txt", Format::Csv);
        check(b"\xff\xfea\0,\0b\0", "a.csv", Format::Csv);
        check(b"{weird}\n1\n", "a.csv", Format::Csv);
    }

    #[test]
    fn what_cannot_be_imported_is_named() {
        let reason = |start: &[u8], name: &str| of_bytes(start, [0; 4], name).unwrap_err().to_string();
        assert!(reason(b"PK\x03\x04", "a.zip").contains("Unpack it first"));
        assert!(reason(b"SQLite format 3\0", "a.gpkg").contains("GeoPackage"));
        assert!(reason(b"PAR1....", "a.parquet").contains("copied whole"));
        assert!(reason(b"a\0b", "a.bin").contains("not text"));
        assert!(reason(b"", "a.csv").contains("no rows"));
        assert!(reason(b"name,age", "a.geojson").contains("begin with {"));
    }
}
