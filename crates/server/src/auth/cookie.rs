//! Cookie: how the secret of a session travels between browser and server.

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};

use crate::address::Address;

/// Over https the name itself makes browsers insist on Secure, our host and no other path.
const SECURE_NAME: &str = "__Host-groma_session";
const PLAIN_NAME: &str = "groma_session";

/// The session secret in a request, if it has one.
pub(crate) fn session_secret(headers: &HeaderMap, address: &Address) -> Option<String> {
    let wanted = if address.is_secure() { SECURE_NAME } else { PLAIN_NAME };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == wanted && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

/// The header that gives a browser its session for `max_age_seconds`.
pub(crate) fn set(address: &Address, secret: &str, max_age_seconds: i64) -> HeaderValue {
    line(address, secret, max_age_seconds)
}

/// The header that takes it away again.
pub(crate) fn clear(address: &Address) -> HeaderValue {
    line(address, "", 0)
}

fn line(address: &Address, value: &str, max_age_seconds: i64) -> HeaderValue {
    let (name, secure) = if address.is_secure() {
        (SECURE_NAME, "; Secure")
    } else {
        (PLAIN_NAME, "")
    };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}");
    HeaderValue::from_str(&text).expect("session secrets are letters, digits, '-' and '_'")
}

/// The value that our pages send along as `X-Groma-Csrf`: known to who knows the session, no secret itself.
pub(crate) fn csrf_value(session_secret: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"groma csrf value of a session\n");
    hasher.update(session_secret.as_bytes());
    hex::encode(&hasher.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_that_is_set_is_the_one_that_is_read() {
        for host in ["https://maps.example.org", "http://localhost:8080"] {
            let public = url::Url::parse(host).expect("a URL");
            let address = Address::of(Some(&public), &[], &HeaderMap::new(), None);
            let line = set(&address, "s3cret", 60);
            let line = line.to_str().expect("text");
            assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"));
            assert_eq!(line.contains("Secure"), host.starts_with("https"));
            let pair = line.split(';').next().expect("a pair");
            let mut headers = HeaderMap::new();
            let sent = format!("other=1; {pair}");
            headers.insert(header::COOKIE, HeaderValue::from_str(&sent).expect("a value"));
            assert_eq!(session_secret(&headers, &address).as_deref(), Some("s3cret"));
        }
    }

    #[test]
    fn the_csrf_value_tells_nothing_about_the_secret() {
        assert_ne!(csrf_value("a"), csrf_value("b"));
        assert!(!csrf_value("s3cret").contains("s3cret"));
    }
}
