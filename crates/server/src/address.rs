//! Address: under which URL the person at the other end reaches this server.
//!
//! A configured public URL wins; else the Host header. Forwarded headers count only when the
//! connection comes from a proxy that the configuration names.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use url::Url;

use crate::problem::Problem;
use crate::state::Groma;

/// A network of proxies whose forwarded headers are believed: `10.0.0.0/8`, `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix_bits: u8,
}

/// A text that is no network.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not an address or a network such as 10.0.0.0/8")]
pub struct NotANetwork(String);

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let fault = || NotANetwork(text.to_owned());
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = base.trim().parse().map_err(|_| fault())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            Some(bits) => bits.trim().parse().map_err(|_| fault())?,
            None => longest,
        };
        if prefix_bits > longest {
            return Err(fault());
        }
        Ok(Self { base, prefix_bits })
    }
}

impl Network {
    /// Whether the address lies in the network; IPv4 written inside IPv6 counts as IPv4.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let (base, address) = (self.base.to_canonical(), address.to_canonical());
        if base.is_ipv4() != address.is_ipv4() {
            return false;
        }
        let mask = match self.prefix_bits {
            0 => 0,
            bits => u128::MAX << (128 - u32::from(bits)),
        };
        (bits(base) & mask) == (bits(address) & mask)
    }
}

/// Where a request comes from and how it reached us.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    base: String,
    client: Option<IpAddr>,
}

impl Address {
    /// Works out the address of a request.
    ///
    /// `peer` is the other end of the connection; the Unix socket and tests have none.
    pub(crate) fn of(
        public_url: Option<&Url>,
        trusted_proxies: &[Network],
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Self {
        let from_proxy = peer.is_some_and(|peer| trusted_proxies.iter().any(|network| network.contains(peer)));
        let forwarded = |name: &str| from_proxy.then(|| first_of_list(headers, name)).flatten();
        let client = forwarded_client(trusted_proxies, headers, peer, from_proxy);
        if let Some(public_url) = public_url {
            return Self {
                base: public_url.as_str().trim_end_matches('/').to_owned(),
                client,
            };
        }
        let scheme = match forwarded("x-forwarded-proto").as_deref() {
            Some("https") => "https",
            Some(_) | None => "http",
        };
        let host = forwarded("x-forwarded-host")
            .filter(|host| is_host(host))
            .or_else(|| text(headers, header::HOST.as_str()).filter(|host| is_host(host)))
            .unwrap_or_else(|| "localhost".to_owned());
        Self {
            base: format!("{scheme}://{host}"),
            client,
        }
    }

    /// The base of every URL that we hand out, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Scheme, host and port, as a browser writes them into `Origin`.
    pub(crate) fn origin(&self) -> String {
        Url::parse(&self.base).map_or_else(|_| self.base.clone(), |url| url.origin().ascii_serialization())
    }

    /// Whether the browser speaks https to us (or to the proxy before us).
    pub(crate) fn is_secure(&self) -> bool {
        self.base.starts_with("https://")
    }

    /// The address of the person, for rate limits.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.client
    }
}

/// The last entry of X-Forwarded-For that is no proxy of ours: what stands before it can be invented.
fn forwarded_client(
    trusted: &[Network],
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    from_proxy: bool,
) -> Option<IpAddr> {
    if !from_proxy {
        return peer;
    }
    let chain = text(headers, "x-forwarded-for").unwrap_or_default();
    chain
        .rsplit(',')
        .filter_map(|entry| entry.trim().parse::<IpAddr>().ok())
        .find(|address| !trusted.iter().any(|network| network.contains(*address)))
        .or(peer)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn first_of_list(headers: &HeaderMap, name: &str) -> Option<String> {
    text(headers, name)?
        .split(',')
        .next()
        .map(|first| first.trim().to_owned())
}

fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']'))
}

impl FromRequestParts<Groma> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, groma: &Groma) -> Result<Self, Problem> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let options = groma.options();
        Ok(Self::of(
            options.public_url.as_ref(),
            &options.trusted_proxies,
            &parts.headers,
            peer,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    axum::http::HeaderName::from_static(name),
                    axum::http::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().expect("a network")).collect()
    }

    #[test]
    fn the_public_url_wins_and_loses_its_last_slash() {
        let public = Url::parse("https://maps.example.org/groma/").expect("a URL");
        let address = Address::of(Some(&public), &[], &headers(&[("host", "other")]), None);
        assert_eq!(address.base(), "https://maps.example.org/groma");
        assert_eq!(address.origin(), "https://maps.example.org");
        assert!(address.is_secure());
    }

    #[test]
    fn the_host_header_counts_and_forwarded_headers_of_strangers_do_not() {
        let sent = headers(&[
            ("host", "localhost:8080"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "6.6.6.6"),
        ]);
        let peer: IpAddr = "192.0.2.1".parse().expect("an address");
        let address = Address::of(None, &networks(&["10.0.0.0/8"]), &sent, Some(peer));
        assert_eq!(address.base(), "http://localhost:8080");
        assert_eq!(address.client(), Some(peer));
    }

    #[test]
    fn a_proxy_of_ours_is_believed_but_not_what_stands_before_it() {
        let sent = headers(&[
            ("host", "inner:8080"),
            ("x-forwarded-host", "maps.example.org"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.9"),
        ]);
        let address = Address::of(
            None,
            &networks(&["10.0.0.0/8"]),
            &sent,
            Some("10.1.2.3".parse().expect("an address")),
        );
        assert_eq!(address.base(), "https://maps.example.org");
        assert_eq!(address.client(), Some("198.51.100.7".parse().expect("an address")));
    }

    #[test]
    fn networks_contain_what_they_should() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("::1", "::1", true),
            ("fd00::/8", "fd12::1", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
        ] {
            let network: Network = network.parse().expect("a network");
            assert_eq!(
                network.contains(address.parse().expect("an address")),
                expected,
                "{network:?} {address}"
            );
        }
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("all".parse::<Network>().is_err());
    }

    #[test]
    fn a_host_with_a_trick_in_it_is_not_used() {
        let address = Address::of(None, &[], &headers(&[("host", "a\"><script>")]), None);
        assert_eq!(address.base(), "http://localhost");
    }
}
