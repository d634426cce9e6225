//! Basemaps: vector tiles out of a PMTiles archive, from a file or from the binary itself.
//!
//! <https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md>

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use spatial::TileCoord;

use crate::error::{Error, Result};

const HEADER_BYTES: u64 = 127;
/// Directories deeper than this are a loop, not an archive.
const MOST_DIRECTORIES: usize = 4;
/// Unpacked leaf directories kept in memory; one has about 4,000 entries.
const LEAVES_KEPT: u64 = 256;
/// No directory or tile of an honest archive is larger.
const LARGEST_PIECE: u64 = 64 << 20;

/// A PMTiles archive with vector tiles.
pub struct Basemap {
    name: String,
    archive: Archive,
    header: Header,
    root: Arc<Directory>,
    leaves: moka::sync::Cache<u64, Arc<Directory>>,
}

/// A Mapbox vector tile out of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasemapTile {
    pub bytes: Bytes,
    /// `bytes` are compressed with gzip, as the archive holds them.
    pub is_gzip: bool,
}

enum Archive {
    File(File, u64),
    Memory(Bytes),
}

#[derive(Debug)]
struct Header {
    root: Piece,
    metadata: Piece,
    leaves: u64,
    data: u64,
    directory_compression: Compression,
    tile_compression: Compression,
    min_zoom: u8,
    max_zoom: u8,
    /// West, south, east, north.
    bounds: [f64; 4],
    /// Longitude, latitude, zoom.
    center: [f64; 3],
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    offset: u64,
    length: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Brotli,
}

/// Entries in ascending order of tile id.
#[derive(Debug)]
struct Directory(Vec<Entry>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    tile_id: u64,
    /// 0 for a leaf directory.
    run_length: u64,
    piece: Piece,
}

impl Basemap {
    /// Opens an archive in a file. Tiles are read when asked for.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| Error::Basemap {
            name: name.clone(),
            reason: error.to_string(),
        };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        Basemap::of(name, Archive::File(file, length))
    }

    /// Opens an archive that is part of the program, or read already.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        let bytes = match bytes.into() {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Basemap::of("built-in".to_owned(), Archive::Memory(bytes))
    }

    fn of(name: String, archive: Archive) -> Result<Self> {
        let result = (|| {
            let header = Header::parse(&archive.read(Piece {
                offset: 0,
                length: HEADER_BYTES,
            })?)?;
            let root = Directory::parse(&unpacked(archive.read(header.root)?, header.directory_compression)?)?;
            Ok((header, root))
        })();
        match result {
            Ok((header, root)) => Ok(Basemap {
                name,
                archive,
                header,
                root: Arc::new(root),
                leaves: moka::sync::Cache::new(LEAVES_KEPT),
            }),
            Err(reason) => Err(Error::Basemap { name, reason }),
        }
    }

    /// The zooms that there are tiles for.
    pub fn zooms(&self) -> std::ops::RangeInclusive<u8> {
        self.header.min_zoom..=self.header.max_zoom
    }

    /// A tile; `None` where the archive has none. Files are read off the
    /// threads that serve requests.
    pub async fn tile(self: &Arc<Self>, coord: TileCoord) -> Result<Option<BasemapTile>> {
        let find = move |basemap: &Basemap| {
            basemap.find(tile_id(coord)).map_err(|reason| Error::Basemap {
                name: basemap.name.clone(),
                reason,
            })
        };
        match self.archive {
            Archive::Memory(_) => find(self),
            Archive::File(..) => {
                let basemap = self.clone();
                match tokio::task::spawn_blocking(move || find(&basemap)).await {
                    Ok(tile) => tile,
                    Err(_) => Err(Error::Cancelled),
                }
            }
        }
    }

    /// The TileJSON of the archive; `template` is the URL of its tiles with
    /// `{z}`, `{x}` and `{y}`.
    pub async fn tilejson(&self, template: &str) -> Result<Value> {
        let Header {
            metadata,
            directory_compression,
            min_zoom,
            max_zoom,
            bounds,
            center,
            ..
        } = &self.header;
        let metadata = self
            .archive
            .read(*metadata)
            .and_then(|bytes| unpacked(bytes, *directory_compression))
            .and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).map_err(|error| error.to_string()))
            .map_err(|reason| Error::Basemap {
                name: self.name.clone(),
                reason: format!("metadata: {reason}"),
            })?;
        let mut document = Map::new();
        document.insert("tilejson".to_owned(), json!("3.0.0"));
        for key in ["name", "description", "attribution", "version"] {
            if let Some(Value::String(text)) = metadata.get(key) {
                document.insert(key.to_owned(), json!(text));
            }
        }
        document.insert("scheme".to_owned(), json!("xyz"));
        document.insert("tiles".to_owned(), json!([template]));
        document.insert("minzoom".to_owned(), json!(min_zoom));
        document.insert("maxzoom".to_owned(), json!(max_zoom));
        document.insert("bounds".to_owned(), json!(bounds));
        document.insert("center".to_owned(), json!(center));
        document.insert(
            "vector_layers".to_owned(),
            metadata.get("vector_layers").cloned().unwrap_or_else(|| json!([])),
        );
        Ok(Value::Object(document))
    }

    fn find(&self, tile_id: u64) -> Result<Option<BasemapTile>, String> {
        let mut directory = self.root.clone();
        for _ in 0..MOST_DIRECTORIES {
            let Some(entry) = directory.entry(tile_id) else {
                return Ok(None);
            };
            if entry.run_length > 0 {
                let place = self
                    .header
                    .data
                    .checked_add(entry.piece.offset)
                    .ok_or("an offset is out of range")?;
                let bytes = self.archive.read(Piece {
                    offset: place,
                    ..entry.piece
                })?;
                return Ok(Some(match self.header.tile_compression {
                    Compression::None => BasemapTile { bytes, is_gzip: false },
                    Compression::Gzip => BasemapTile { bytes, is_gzip: true },
                    Compression::Brotli => BasemapTile {
                        bytes: unpacked(bytes, Compression::Brotli)?,
                        is_gzip: false,
                    },
                }));
            }
            directory = self.leaf(entry.piece)?;
        }
        Err("its directories never end".to_owned())
    }

    fn leaf(&self, piece: Piece) -> Result<Arc<Directory>, String> {
        let read = || {
            let offset = self
                .header
                .leaves
                .checked_add(piece.offset)
                .ok_or("an offset is out of range")?;
            let bytes = self.archive.read(Piece { offset, ..piece })?;
            Directory::parse(&unpacked(bytes, self.header.directory_compression)?).map(Arc::new)
        };
        self.leaves
            .try_get_with(piece.offset, read)
            .map_err(|error: Arc<String>| error.as_ref().clone())
    }
}

impl Archive {
    fn read(&self, piece: Piece) -> Result<Bytes, String> {
        let Piece { offset, length } = piece;
        let size = match self {
            Archive::File(_, size) => *size,
            Archive::Memory(bytes) => bytes.len() as u64,
        };
        let end = offset
            .checked_add(length)
            .filter(|&end| end <= size && length <= LARGEST_PIECE);
        let Some(end) = end else {
            return Err(format!(
                "bytes {offset} to {} lie outside: it is cut off or damaged",
                offset.wrapping_add(length)
            ));
        };
        match self {
            Archive::Memory(bytes) => Ok(bytes.slice(offset as usize..end as usize)),
            Archive::File(file, _) => {
                let mut out = vec![0; length as usize];
                file.read_exact_at(&mut out, offset)
                    .map_err(|error| error.to_string())?;
                Ok(Bytes::from(out))
            }
        }
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.get(..8) != Some(b"PMTiles\x03") {
            return Err("it is no PMTiles archive of version 3".to_owned());
        }
        let number = |at: usize| {
            let eight: [u8; 8] = bytes[at..at + 8].try_into().expect("the header has 127 bytes");
            u64::from_le_bytes(eight)
        };
        let degrees = |at: usize| {
            let four: [u8; 4] = bytes[at..at + 4].try_into().expect("the header has 127 bytes");
            f64::from(i32::from_le_bytes(four)) / 1e7
        };
        let compression = |at: usize| match bytes[at] {
            1 => Ok(Compression::None),
            2 => Ok(Compression::Gzip),
            3 => Ok(Compression::Brotli),
            4 => Err("it is compressed with Zstandard, which browsers do not read: write it with gzip".to_owned()),
            other => Err(format!("compression {other} is not known")),
        };
        if bytes[99] != 1 {
            return Err("its tiles are pictures; a basemap needs vector tiles (MVT)".to_owned());
        }
        Ok(Header {
            root: Piece {
                offset: number(8),
                length: number(16),
            },
            metadata: Piece {
                offset: number(24),
                length: number(32),
            },
            leaves: number(40),
            data: number(56),
            directory_compression: compression(97)?,
            tile_compression: compression(98)?,
            min_zoom: bytes[100],
            max_zoom: bytes[101],
            bounds: [degrees(102), degrees(106), degrees(110), degrees(114)],
            center: [degrees(119), degrees(123), f64::from(bytes[118])],
        })
    }
}

impl Directory {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = bytes;
        let mut next = || varint(&mut rest).ok_or("a directory ends too early");
        let count = next()?;
        // Every entry takes at least four bytes.
        if count > bytes.len() as u64 {
            return Err("a directory ends too early".to_owned());
        }
        let mut tile_id = 0u64;
        let mut entries = Vec::with_capacity(count as usize);
        for _ in 0..count {
            tile_id = tile_id.checked_add(next()?).ok_or("a tile id is out of range")?;
            entries.push(Entry {
                tile_id,
                run_length: 0,
                piece: Piece { offset: 0, length: 0 },
            });
        }
        for entry in &mut entries {
            entry.run_length = next()?;
        }
        for entry in &mut entries {
            entry.piece.length = next()?;
        }
        let mut end = 0u64;
        for entry in &mut entries {
            // Zero stands for "right after the one before".
            entry.piece.offset = match next()? {
                0 => end,
                offset => offset - 1,
            };
            end = entry
                .piece
                .offset
                .checked_add(entry.piece.length)
                .ok_or("an offset is out of range")?;
        }
        Ok(Directory(entries))
    }

    /// The entry of a tile, or the leaf directory that may have it.
    fn entry(&self, tile_id: u64) -> Option<&Entry> {
        let after = self.0.partition_point(|entry| entry.tile_id <= tile_id);
        let entry = &self.0[after.checked_sub(1)?];
        (entry.run_length == 0 || tile_id - entry.tile_id < entry.run_length).then_some(entry)
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn unpacked(bytes: Bytes, compression: Compression) -> Result<Bytes, String> {
    let mut out = Vec::new();
    match compression {
        Compression::None => return Ok(bytes),
        Compression::Gzip => {
            flate2::read::MultiGzDecoder::new(&bytes[..])
                .take(LARGEST_PIECE)
                .read_to_end(&mut out)
                .map_err(|error| error.to_string())?;
        }
        Compression::Brotli => {
            brotli::Decompressor::new(&bytes[..], 1 << 16)
                .take(LARGEST_PIECE)
                .read_to_end(&mut out)
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(Bytes::from(out))
}

/// The number of a tile: zooms one after the other, each along a Hilbert curve.
fn tile_id(coord: TileCoord) -> u64 {
    let before: u64 = ((1u64 << (2 * u32::from(coord.z()))) - 1) / 3;
    let (mut x, mut y) = (u64::from(coord.x()), u64::from(coord.y()));
    let mut along = 0;
    for level in (0..coord.z()).rev() {
        let side = 1u64 << level;
        let (right, down) = (u64::from(x & side != 0), u64::from(y & side != 0));
        along += side * side * ((3 * right) ^ down);
        // Turn the quarter so that its curve starts where the last one ended.
        x &= side - 1;
        y &= side - 1;
        if down == 0 {
            if right == 1 {
                x = side - 1 - x;
                y = side - 1 - y;
            }
            std::mem::swap(&mut x, &mut y);
        }
    }
    before + along
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coord(z: u8, x: u32, y: u32) -> TileCoord {
        TileCoord::new(z, x, y).unwrap()
    }

    /// Numbers of the specification's own examples and of the pmtiles crate.
    #[test]
    fn tiles_are_numbered_along_the_hilbert_curve() {
        assert_eq!(tile_id(coord(0, 0, 0)), 0);
        assert_eq!(
            [(0, 0), (0, 1), (1, 1), (1, 0)].map(|(x, y)| tile_id(coord(1, x, y))),
            [1, 2, 3, 4]
        );
        assert_eq!(tile_id(coord(2, 0, 0)), 5);
        assert_eq!(tile_id(coord(12, 3423, 1763)), 19_078_479);
        for z in 0..6u8 {
            for x in 0..1u32 << z {
                for y in 0..1u32 << z {
                    let theirs = pmtiles::TileId::from(pmtiles::TileCoord::new(z, x, y).unwrap());
                    assert_eq!(tile_id(coord(z, x, y)), u64::from(theirs));
                }
            }
        }
    }

    /// Archives written by the pmtiles crate are the oracle.
    fn archive(compression: pmtiles::Compression, zooms: u8) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = pmtiles::PmTilesWriter::new(pmtiles::TileType::Mvt)
            .tile_compression(compression)
            .min_zoom(0)
            .max_zoom(zooms)
            .bounds(-180.0, -85.0, 180.0, 85.0)
            .center(10.0, 30.0)
            .center_zoom(2)
            .metadata(r#"{"name":"World","attribution":"© us","vector_layers":[{"id":"water","fields":{}}]}"#)
            .create(file.reopen().unwrap())
            .unwrap();
        for id in 0..(4u64.pow(u32::from(zooms) + 1) - 1) / 3 {
            let tile = pmtiles::TileCoord::from(pmtiles::TileId::new(id).unwrap());
            // Every seventh is missing, and equal neighbours make runs.
            if id % 7 != 3 {
                writer.add_tile(tile, format!("tile {}", id / 3).as_bytes()).unwrap();
            }
        }
        writer.finalize().unwrap();
        std::fs::read(file.path()).unwrap()
    }

    async fn check(basemap: Basemap, zooms: u8) {
        let basemap = Arc::new(basemap);
        for z in 0..=zooms {
            for x in 0..1u32 << z {
                for y in 0..1u32 << z {
                    let coord = coord(z, x, y);
                    let id = tile_id(coord);
                    let tile = basemap.tile(coord).await.unwrap();
                    let text = tile.map(|tile| {
                        let compression = if tile.is_gzip {
                            Compression::Gzip
                        } else {
                            Compression::None
                        };
                        String::from_utf8(unpacked(tile.bytes, compression).unwrap().to_vec()).unwrap()
                    });
                    let expected = (id % 7 != 3).then(|| format!("tile {}", id / 3));
                    assert_eq!(text, expected, "{coord}");
                }
            }
        }
        assert!(basemap.tile(coord(zooms + 1, 0, 0)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn every_tile_of_an_archive_is_found_and_no_other() {
        check(Basemap::from_bytes(archive(pmtiles::Compression::None, 3)).unwrap(), 3).await;
        // Large enough for leaf directories.
        let bytes = archive(pmtiles::Compression::Gzip, 8);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        check(Basemap::open(file.path()).unwrap(), 8).await;
    }

    #[tokio::test]
    async fn the_tilejson_tells_what_the_archive_says() {
        let basemap = Basemap::from_bytes(archive(pmtiles::Compression::Gzip, 3)).unwrap();
        let document = basemap.tilejson("https://x.test/{z}/{x}/{y}").await.unwrap();
        assert_eq!(
            document,
            json!({
                "tilejson": "3.0.0", "name": "World", "attribution": "© us", "scheme": "xyz",
                "tiles": ["https://x.test/{z}/{x}/{y}"], "minzoom": 0, "maxzoom": 3,
                "bounds": [-180.0, -85.0, 180.0, 85.0], "center": [10.0, 30.0, 2.0],
                "vector_layers": [{"id": "water", "fields": {}}],
            })
        );
    }

    #[tokio::test]
    async fn damaged_archives_are_refused_with_words() {
        let refused = |bytes: Vec<u8>| {
            Basemap::from_bytes(bytes)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert!(refused(b"GIF89a".to_vec()).contains("cut off or damaged"));
        assert!(refused(vec![0; 200]).contains("no PMTiles archive of version 3"));
        let good = archive(pmtiles::Compression::Gzip, 3);
        assert!(refused(good[..130].to_vec()).contains("cut off or damaged"));
        let mut pictures = good.clone();
        pictures[99] = 2;
        assert!(refused(pictures).contains("pictures"));
        // No byte that is wrong makes it crash.
        for at in 0..good.len().min(400) {
            let mut bytes = good.clone();
            bytes[at] ^= 0xFF;
            if let Ok(basemap) = Basemap::from_bytes(bytes) {
                let basemap = Arc::new(basemap);
                for x in 0..8 {
                    let _ = basemap.tile(coord(3, x, 5)).await;
                }
            }
        }
    }
}
