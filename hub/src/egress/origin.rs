//! Origins: the unit in which hosts are granted.
//!
//! | granted | allows | does not allow |
//! |---|---|---|
//! | `https://api.stripe.com` | that host, port 443, TLS | `http://`, other ports, subdomains |
//! | `https://mt5.example:8443` | that host and port | port 443 |
//! | `http://127.0.0.1:9000` | plain HTTP to that loopback address | any other address |
//!
//! Plain HTTP is granted to loopback addresses only. A granted *name* may not resolve to a private
//! address unless the connection says `private_addresses = true`; a granted private *address* is
//! its own permission.
use std::fmt;
use std::net::IpAddr;
use url::{Host, Url};

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    https: bool,
    host: Host<String>,
    port: u16,
}

/// Why a text is not an origin that can be granted, or a URL is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a URL.
    #[error("{0:?} is not an origin such as https://api.example.com: {1}")]
    NotAUrl(String, String),
    /// Has a path, a user or a query.
    #[error("{0:?} must be scheme, host and port only, such as https://api.example.com")]
    MoreThanOrigin(String),
    /// Not https.
    #[error("{0:?} must be https; plain http is for loopback addresses")]
    Plain(String),
    /// A template names a setting that is not there.
    #[error("the connector asks for the host in setting {0:?}, and the connection has none")]
    NoSetting(String),
}

impl Origin {
    /// Takes a text as an origin that may be granted.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let url =
            Url::parse(text).map_err(|e| OriginError::NotAUrl(shortened(text), e.to_string()))?;
        let bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare {
            return Err(OriginError::MoreThanOrigin(shortened(text)));
        }
        Self::of(&url)
    }

    /// The origin of a URL, whatever its path.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let shown = || shortened(url.as_str());
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError::Plain(shown())),
        };
        let not_a_url = |why: &str| OriginError::NotAUrl(shown(), why.to_owned());
        let host = url.host().ok_or_else(|| not_a_url("it has no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| not_a_url("it has no port"))?;
        let origin = Self { https, host, port };
        if !https && !origin.is_loopback() {
            return Err(OriginError::Plain(shown()));
        }
        Ok(origin)
    }

    /// The address, if the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Ipv4(a) => Some((*a).into()),
            Host::Ipv6(a) => Some((*a).into()),
            Host::Domain(_) => None,
        }
    }

    fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            _ => self.address().is_some_and(|a| a.is_loopback()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        let default = if self.https { 443 } else { 80 };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// A manifest's host: an origin, or `{settings.name}` for the origin of that setting.
pub fn wanted_origin(wanted: &str, settings: &serde_json::Value) -> Result<Origin, OriginError> {
    let Some(name) = wanted.strip_prefix("{settings.").and_then(|w| w.strip_suffix('}')) else {
        return Origin::parse(wanted);
    };
    let text = settings
        .get(name)
        .and_then(|v| v.as_str())
        .ok_or_else(|| OriginError::NoSetting(name.to_owned()))?;
    let url = Url::parse(text).map_err(|e| OriginError::NotAUrl(shortened(text), e.to_string()))?;
    Origin::of(&url)
}

/// An address that is not of the public internet.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            a.is_private()
                || a.is_loopback()
                || a.is_link_local()
                || a.is_unspecified()
                || a.is_broadcast()
                || a.is_multicast()
                || a.is_documentation()
                || first == 0
                || (first == 100 && (64..128).contains(&second)) // RFC 6598, carrier NAT
                || (first == 192 && second == 0) // RFC 6890, protocol assignments
                || (first == 198 && (18..20).contains(&second)) // RFC 2544, benchmarking
                || first >= 240 // RFC 1112, reserved
        }
        IpAddr::V6(a) => match a.to_ipv4_mapped() {
            Some(mapped) => is_private(mapped.into()),
            None => {
                let first = a.segments()[0];
                a.is_loopback()
                    || a.is_unspecified()
                    || a.is_multicast()
                    || (first & 0xfe00) == 0xfc00 // RFC 4193, unique local
                    || (first & 0xffc0) == 0xfe80 // RFC 4291, link local
                    || (first & 0xffc0) == 0xfec0 // RFC 3879, site local
                    || first == 0x2002 // RFC 3056, 6to4 wraps any IPv4
                    || (first == 0x0064 && a.segments()[1] == 0xff9b) // RFC 6052, NAT64
            }
        },
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_granted() {
        for (text, shown) in [
            ("https://api.stripe.com", "https://api.stripe.com"),
            ("https://API.Stripe.com:443/", "https://api.stripe.com"),
            ("https://mt5.example:8443", "https://mt5.example:8443"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), shown);
        }
        for bad in [
            "api.stripe.com",
            "http://api.stripe.com",
            "https://api.stripe.com/v1",
            "https://user@api.stripe.com",
            "ftp://api.stripe.com",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1:80",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad} was granted");
        }
    }

    #[test]
    fn a_host_is_not_its_look_alike() {
        let granted = Origin::parse("https://api.stripe.com").unwrap();
        for other in [
            "https://api.stripe.com.evil.example/",
            "https://api.stripe.com@evil.example/",
            "https://evil.example/api.stripe.com",
            "https://api.stripe.com:8443/",
            "https://stripe.com/",
        ] {
            assert_ne!(Origin::of(&Url::parse(other).unwrap()).unwrap(), granted, "{other}");
        }
    }

    #[test]
    fn addresses_that_are_not_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "::1",
            "fc00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "2002:a00:1::",
            "64:ff9b::a00:1",
            "240.0.0.1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "172.32.0.1", "100.128.0.1"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
