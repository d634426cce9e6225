//! Same site: whether a request that carries our cookie was made by our own pages.
//!
//! Browsers state it in `Sec-Fetch-Site`; where they do not (plain http on a network), `Origin`
//! has to be ours. A cookie alone is never enough to change anything.

use axum::http::{HeaderMap, Method, header};

use crate::address::Address;

/// What the browser says about where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A page of ours, or the person typed the address.
    Ours,
    /// A page of someone else.
    Foreign,
    /// The browser does not say; or it is no browser.
    Unsaid,
}

/// Reads the claim from the headers.
pub(crate) fn claim(headers: &HeaderMap, address: &Address) -> Claim {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return match site {
            "same-origin" | "none" => Claim::Ours,
            _ => Claim::Foreign,
        };
    }
    if let Some(origin) = text(header::ORIGIN.as_str()) {
        return if origin == address.origin() {
            Claim::Ours
        } else {
            Claim::Foreign
        };
    }
    match text(header::REFERER.as_str()).and_then(|referer| url::Url::parse(referer).ok()) {
        Some(referer) if referer.origin().ascii_serialization() == address.origin() => Claim::Ours,
        Some(_) => Claim::Foreign,
        None => Claim::Unsaid,
    }
}

/// Methods that change nothing.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the cookie of a request counts. A reader that says nothing is believed, a writer is not.
pub(crate) fn cookie_counts(method: &Method, claim: Claim) -> bool {
    match claim {
        Claim::Ours => true,
        Claim::Foreign => false,
        Claim::Unsaid => is_safe(method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn check(method: Method, sent: &[(&'static str, &'static str)], expected: bool) {
        let mut headers: HeaderMap = sent
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        headers.insert(header::HOST, HeaderValue::from_static("groma.test:8080"));
        let address = Address::of(None, &[], &headers, None);
        assert_eq!(
            cookie_counts(&method, claim(&headers, &address)),
            expected,
            "{method} {sent:?}"
        );
    }

    #[test]
    fn only_our_own_pages_use_the_cookie() {
        check(Method::POST, &[("sec-fetch-site", "same-origin")], true);
        check(Method::POST, &[("sec-fetch-site", "cross-site")], false);
        check(Method::GET, &[("sec-fetch-site", "same-site")], false);
        check(Method::GET, &[("sec-fetch-site", "none")], true);
        check(Method::POST, &[("origin", "http://groma.test:8080")], true);
        check(Method::POST, &[("origin", "http://groma.test:9090")], false);
        check(Method::POST, &[("origin", "null")], false);
        check(Method::GET, &[("referer", "http://evil.test/page")], false);
    }

    #[test]
    fn a_writer_that_says_nothing_is_not_believed() {
        check(Method::POST, &[], false);
        check(Method::GET, &[], true);
    }
}
