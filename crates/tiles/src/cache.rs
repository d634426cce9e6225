//! Encoded tiles, kept compressed as they are sent.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use sources::Source;
use xxhash_rust::xxh3::Xxh3Default;

use crate::error::{Error, Result};
use crate::tiler::{Tile, TileRequest};

/// How a tile's bytes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    /// The word for `Content-Encoding`; `None` for bytes as they are.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Brotli => Some("br"),
        }
    }
}

/// A tile as it is sent.
#[derive(Debug, Clone)]
pub struct EncodedTile {
    pub body: Bytes,
    pub encoding: Encoding,
    pub content_type: &'static str,
    pub shown: u64,
    pub total: u64,
}

/// Bytes that a cached tile takes beside its body.
const ENTRY_BYTES: usize = 160;

/// Fast levels: a tile is compressed once, while somebody waits.
const GZIP_LEVEL: u32 = 5;
const BROTLI_LEVEL: i32 = 4;

/// Tiles smaller than this are compressed without leaving the thread.
const INLINE_BYTES: usize = 16 << 10;

/// Compressed tiles by 128-bit key; empty tiles too.
pub(crate) struct Cache {
    tiles: Option<moka::future::Cache<u128, Option<EncodedTile>>>,
}

impl Cache {
    pub(crate) fn new(bytes: u64) -> Self {
        let tiles = (bytes > 0).then(|| {
            moka::future::Cache::builder()
                .max_capacity(bytes)
                .weigher(|_, tile: &Option<EncodedTile>| {
                    (tile.as_ref().map_or(0, |tile| tile.body.len()) + ENTRY_BYTES) as u32
                })
                .build()
        });
        Cache { tiles }
    }

    /// The tile if it is there.
    pub(crate) async fn get(
        &self,
        source: &Source,
        request: &TileRequest,
        encoding: Encoding,
    ) -> Option<Option<EncodedTile>> {
        let key = Keys::of(source, request).of_encoding(encoding);
        self.tiles.as_ref()?.get(&key).await
    }

    /// The tile, made with `make` when it is not there. Whoever asks for the
    /// same tile meanwhile waits for it; if the one who makes it goes away, the
    /// next one starts over, and with the last one the work ends.
    pub(crate) async fn tile<F: Future<Output = Result<Option<Tile>>>>(
        &self,
        source: &Source,
        request: &TileRequest,
        encoding: Encoding,
        make: impl FnOnce() -> F,
    ) -> Result<Option<EncodedTile>> {
        let Some(tiles) = &self.tiles else {
            return encoded(make().await?, encoding).await;
        };
        let keys = Keys::of(source, request);
        let key = keys.of_encoding(encoding);
        if let Some(tile) = tiles.get(&key).await {
            return Ok(tile);
        }
        let make = async {
            // The other compression is at hand more cheaply than the rows.
            let other = match encoding {
                Encoding::Identity | Encoding::Brotli => tiles.get(&keys.of_encoding(Encoding::Gzip)).await,
                Encoding::Gzip => tiles.get(&keys.of_encoding(Encoding::Identity)).await,
            };
            let tile = match other {
                Some(Some(other)) => Some(plain(&other)?),
                Some(None) => None,
                None => make().await?,
            };
            encoded(tile, encoding).await
        };
        tiles
            .try_get_with(key, make)
            .await
            .map_err(|error: Arc<Error>| match Arc::try_unwrap(error) {
                Ok(error) => error,
                Err(shared) => Error::Shared(shared),
            })
    }
}

/// The key of a tile up to its encoding.
struct Keys(u128);

impl Keys {
    fn of(source: &Source, request: &TileRequest) -> Self {
        let mut hash = Xxh3Default::new();
        hash.update(source.fingerprint().as_bytes());
        hash.update(&source.data_version().to_le_bytes());
        let coord = request.coord;
        hash.update(&coord.x().to_le_bytes());
        hash.update(&coord.y().to_le_bytes());
        hash.update(&[
            coord.z(),
            request.format as u8,
            request.resolution.correction() as u8,
            u8::from(request.feature_bbox),
            u8::from(request.columns.is_some()),
        ]);
        for column in request.columns.iter().flatten() {
            hash.update(column.as_bytes());
            hash.update(&[0xFF]);
        }
        Keys(hash.digest128())
    }

    fn of_encoding(&self, encoding: Encoding) -> u128 {
        self.0.wrapping_add(encoding as u128)
    }
}

async fn encoded(tile: Option<Tile>, encoding: Encoding) -> Result<Option<EncodedTile>> {
    let Some(Tile {
        body,
        content_type,
        shown,
        total,
    }) = tile
    else {
        return Ok(None);
    };
    // Nothing is sent as nothing, not as a packed nothing.
    let encoding = if body.is_empty() { Encoding::Identity } else { encoding };
    let body = match encoding {
        Encoding::Identity => body,
        Encoding::Gzip | Encoding::Brotli if body.len() <= INLINE_BYTES => compressed(&body, encoding),
        Encoding::Gzip | Encoding::Brotli => {
            match tokio::task::spawn_blocking(move || compressed(&body, encoding)).await {
                Ok(body) => body,
                Err(_) => return Err(Error::Cancelled),
            }
        }
    };
    Ok(Some(EncodedTile {
        body,
        encoding,
        content_type,
        shown,
        total,
    }))
}

fn compressed(body: &Bytes, encoding: Encoding) -> Bytes {
    let mut out = Vec::with_capacity(body.len() / 3);
    match encoding {
        Encoding::Identity => return body.clone(),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(body).expect("a Vec takes every byte");
            out = encoder.finish().expect("a Vec takes every byte");
        }
        Encoding::Brotli => {
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: BROTLI_LEVEL,
                size_hint: body.len(),
                ..Default::default()
            };
            brotli::BrotliCompress(&mut &body[..], &mut out, &parameters).expect("a Vec takes every byte");
        }
    }
    out.shrink_to_fit();
    Bytes::from(out)
}

fn plain(tile: &EncodedTile) -> Result<Tile> {
    let body = match tile.encoding {
        Encoding::Identity => tile.body.clone(),
        Encoding::Gzip => {
            let mut body = Vec::new();
            flate2::read::GzDecoder::new(&tile.body[..])
                .read_to_end(&mut body)
                .expect("we compressed it ourselves");
            Bytes::from(body)
        }
        Encoding::Brotli => {
            let mut body = Vec::new();
            brotli::BrotliDecompress(&mut &tile.body[..], &mut body).expect("we compressed it ourselves");
            Bytes::from(body)
        }
    };
    Ok(Tile {
        body,
        content_type: tile.content_type,
        shown: tile.shown,
        total: tile.total,
    })
}
