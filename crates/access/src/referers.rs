//! Referers: the web pages from which a token may be used.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{Error, Result};

/// The origin of a web page, `scheme://host[:port]`, in the one form that browsers send: lower case, no default port,
/// no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Referer(String);

impl Referer {
    /// The origin.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Referer {
    type Err = Error;

    /// Reads an origin or the address of any page there.
    fn from_str(text: &str) -> Result<Referer> {
        let refuse = |reason: &str| Error::Referer {
            text: text.chars().take(200).collect(),
            reason: reason.to_owned(),
        };
        let url = Url::parse(text.trim()).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("only http and https pages send one"));
        }
        Ok(Referer(url.origin().ascii_serialization()))
    }
}

impl fmt::Display for Referer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// True when a request with these headers comes from one of the pages; any request when the list is empty.
/// `Origin` counts before `Referer`: browsers cut the latter short, or leave it out.
pub(crate) fn allow(referers: &[Referer], origin: Option<&str>, referer: Option<&str>) -> bool {
    if referers.is_empty() {
        return true;
    }
    let page = origin.filter(|origin| *origin != "null").or(referer);
    page.and_then(|page| page.parse::<Referer>().ok())
        .is_some_and(|page| referers.contains(&page))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(
            text.parse::<Referer>().ok().as_ref().map(Referer::as_str),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn referers_have_one_form() {
        check("https://maps.example.com", Some("https://maps.example.com"));
        check("https://maps.example.com/", Some("https://maps.example.com"));
        check(
            " HTTPS://Maps.Example.com:443/app?x=1#y ",
            Some("https://maps.example.com"),
        );
        check("http://localhost:5173", Some("http://localhost:5173"));
        check("http://[::1]:80/", Some("http://[::1]"));
        check("https://käse.example", Some("https://xn--kse-qla.example"));
        check("maps.example.com", None);
        check("file:///index.html", None);
        check("", None);
    }

    #[test]
    fn only_listed_pages_may_use_the_token() {
        let listed: Vec<Referer> = vec![
            "https://a.example/".parse().unwrap(),
            "http://localhost:5173".parse().unwrap(),
        ];
        assert!(allow(&[], None, None));
        assert!(allow(&listed, Some("https://a.example"), None));
        assert!(allow(&listed, None, Some("https://a.example/some/page?x=1")));
        assert!(allow(&listed, Some("null"), Some("http://localhost:5173/")));
        assert!(!allow(&listed, Some("https://b.example"), Some("https://a.example/")));
        assert!(!allow(&listed, Some("https://a.example.evil.test"), None));
        assert!(!allow(&listed, Some("http://a.example"), None));
        assert!(!allow(&listed, None, None));
    }
}
