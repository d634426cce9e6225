//! Encoding: which compression a client takes, and compressing files that are kept.

use std::io::{Read, Write};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};

/// How a body travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// Brotli.
    Brotli,
}

impl Encoding {
    /// The word for `Content-Encoding`; nothing for bytes as they are.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }
}

impl From<Encoding> for tiles::Encoding {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity => Self::Identity,
            Encoding::Gzip => Self::Gzip,
            Encoding::Brotli => Self::Brotli,
        }
    }
}

/// The best encoding that the request takes: Brotli, then gzip. `q=0` refuses one.
pub(crate) fn best(request: &HeaderMap) -> Encoding {
    let mut takes_gzip = false;
    for value in request.get_all(header::ACCEPT_ENCODING) {
        let Ok(list) = value.to_str() else { continue };
        for entry in list.split(',') {
            let mut parts = entry.split(';');
            let name = parts.next().unwrap_or_default().trim();
            let refused = parts.any(|part| {
                part.trim()
                    .strip_prefix("q=")
                    .is_some_and(|quality| quality.parse() == Ok(0.0_f32))
            });
            if refused {
                continue;
            }
            if name.eq_ignore_ascii_case("br") {
                return Encoding::Brotli;
            }
            takes_gzip |= name.eq_ignore_ascii_case("gzip") || name == "*";
        }
    }
    if takes_gzip { Encoding::Gzip } else { Encoding::Identity }
}

/// Whether the request takes gzip, whatever else it takes.
pub(crate) fn takes_gzip(request: &HeaderMap) -> bool {
    match best(request) {
        Encoding::Gzip => true,
        Encoding::Identity => false,
        Encoding::Brotli => request.get_all(header::ACCEPT_ENCODING).iter().any(|value| {
            value
                .to_str()
                .is_ok_and(|list| list.split(',').any(|entry| entry.trim().eq_ignore_ascii_case("gzip")))
        }),
    }
}

/// Undoes gzip.
pub(crate) fn gunzip(body: &[u8]) -> std::io::Result<Bytes> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut plain)?;
    Ok(plain.into())
}

/// Whether compressing this kind of content saves anything.
pub(crate) fn is_worth_it(content_type: &str) -> bool {
    content_type.starts_with("text/")
        || [
            "application/json",
            "application/wasm",
            "image/svg+xml",
            "font/ttf",
            "application/geo+json",
            "application/x-protobuf",
        ]
        .iter()
        .any(|kind| content_type.starts_with(kind))
}

/// Compresses a body that is kept: thorough, not fast.
pub(crate) fn compress(body: &[u8], encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Identity => Bytes::copy_from_slice(body),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(7));
            encoder.write_all(body).expect("a vector takes every byte");
            Bytes::from(encoder.finish().expect("a vector takes every byte"))
        }
        Encoding::Brotli => {
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: 6,
                ..Default::default()
            };
            let mut out = Vec::new();
            brotli::BrotliCompress(&mut &body[..], &mut out, &parameters).expect("a vector takes every byte");
            Bytes::from(out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn brotli_before_gzip_before_nothing() {
        for (sent, expected) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("gzip", Encoding::Gzip),
            ("br;q=0, gzip;q=0.5", Encoding::Gzip),
            ("identity", Encoding::Identity),
            ("*", Encoding::Gzip),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(sent));
            assert_eq!(best(&headers), expected, "{sent}");
        }
        assert_eq!(best(&HeaderMap::new()), Encoding::Identity);
    }
}
