//! Caching: entity tags, Cache-Control, and the short answer to someone who has it already.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};

/// Answers depend on who asks and on what they can decompress.
pub(crate) const VARY: HeaderValue = HeaderValue::from_static("Authorization, Cookie, Accept-Encoding");
/// For answers that may change at any time: keep them, but ask again each time.
pub(crate) const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// For answers whose URL carries the version of their data.
pub(crate) const VERSIONED: HeaderValue = HeaderValue::from_static("private, max-age=86400");
/// For files whose name carries a hash of their content.
pub(crate) const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For answers that nobody may keep.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The weak entity tag of a body (weak: compression may still change the bytes).
pub(crate) fn entity_tag(body: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(body);
    let tag = format!("W/\"{}\"", hex::encode(&digest[..12]));
    HeaderValue::from_str(&tag).expect("hex digits and quotes make a header value")
}

/// Whether the request already holds the answer with this tag.
pub(crate) fn is_fresh(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(tag) = tag.to_str() else { return false };
    request.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|list| list.trim() == "*" || list.split(',').any(|candidate| opaque(candidate) == opaque(tag)))
    })
}

/// Whether the request asks to pass by our own caches: `no-cache`, `no-store` or `max-age=0`.
pub(crate) fn wants_fresh(request: &HeaderMap) -> bool {
    request.get_all(header::CACHE_CONTROL).iter().any(|value| {
        value.to_str().is_ok_and(|list| {
            list.split(',')
                .any(|word| matches!(word.trim(), "no-cache" | "no-store" | "max-age=0"))
        })
    })
}

/// `304 Not Modified` with the headers that a 200 would have had.
pub(crate) fn not_modified(tag: HeaderValue, cache_control: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, cache_control);
    headers.insert(header::VARY, VARY);
    response
}

/// A JSON answer with its tag, or 304 when the client has it already.
pub(crate) fn json(request: &HeaderMap, value: &impl serde::Serialize, cache_control: HeaderValue) -> Response<Body> {
    let body = serde_json::to_vec(value).expect("our own answers serialise");
    bytes(request, "application/json", body.into(), cache_control)
}

/// An answer with its tag, or 304 when the client has it already.
pub(crate) fn bytes(
    request: &HeaderMap,
    content_type: &'static str,
    body: Bytes,
    cache_control: HeaderValue,
) -> Response<Body> {
    let tag = entity_tag(&body);
    if is_fresh(request, &tag) {
        return not_modified(tag, cache_control);
    }
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, cache_control);
    headers.insert(header::ETAG, tag);
    headers.insert(header::VARY, VARY);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_tag_is_recognised_in_any_spelling() {
        let tag = entity_tag(b"body");
        let text = tag.to_str().expect("text").to_owned();
        for sent in [
            text.clone(),
            text.replace("W/", ""),
            format!("\"other\", {text}"),
            "*".to_owned(),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(&sent).expect("a value"));
            assert!(is_fresh(&headers, &tag), "{sent}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert!(!is_fresh(&headers, &tag));
        assert!(!is_fresh(&HeaderMap::new(), &tag));
    }

    #[test]
    fn no_cache_asks_for_fresh_data() {
        for (sent, expected) in [("no-cache", true), ("max-age=0", true), ("max-age=300", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(sent));
            assert_eq!(wants_fresh(&headers), expected, "{sent}");
        }
    }
}
