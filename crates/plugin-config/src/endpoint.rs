//! Hosts to connect to: the endpoint and the proxy.

use std::fmt;

use crate::secret::Secret;

/// The address of an S3-compatible service.
///
/// `Display` gives its normalized URL, without a slash at the end: `http://127.0.0.1:9000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `https` where true.
    pub tls: bool,
    /// Host name or address; an IPv6 address is in brackets.
    pub host: String,
    /// The port, where one was given.
    pub port: Option<u16>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl Endpoint {
    /// Reads `host`, `host:port`, `http://host:port` or `https://host:port`, with or without a slash at the end.
    ///
    /// The scheme decides TLS, where there is one; `tls_without_scheme` does where there is none.
    ///
    /// # Errors
    /// What is wrong with the text, in words that do not quote it.
    pub(crate) fn parse(text: &str, tls_without_scheme: bool) -> Result<Self, &'static str> {
        let url = Url::split(text)?;
        if url.userinfo.is_some() {
            return Err("user and password do not belong here");
        }
        Ok(Self {
            tls: url.tls.unwrap_or(tls_without_scheme),
            host: url.host.to_owned(),
            port: url.port,
        })
    }
}

/// A proxy for HTTP.
///
/// `Display` gives its URL without the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Whether the proxy itself is spoken to over TLS.
    pub tls: bool,
    /// Host name or address; an IPv6 address is in brackets.
    pub host: String,
    /// The port; 80 or, with TLS, 443 where none was given.
    pub port: u16,
    /// User and password, percent-decoded.
    pub credentials: Option<(String, Secret)>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl Proxy {
    /// Reads `host:port` or `http://user:password@host:port`, with or without a slash at the end.
    /// The form is that of the environment's `HTTP_PROXY`, which may be read with it too.
    ///
    /// # Errors
    /// What is wrong with the text, in words that do not quote it, as it may hold a password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::split(text)?;
        let tls = url.tls.unwrap_or(false);
        let credentials = match url.userinfo {
            None => None,
            Some(userinfo) => {
                let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
                Some((decode(user)?, Secret::new(decode(password)?)))
            }
        };
        Ok(Self {
            tls,
            host: url.host.to_owned(),
            port: url.port.unwrap_or(if tls { 443 } else { 80 }),
            credentials,
        })
    }
}

/// The parts of a URL that names a host and nothing behind it.
struct Url<'a> {
    tls: Option<bool>,
    userinfo: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Url<'a> {
    fn split(text: &'a str) -> Result<Self, &'static str> {
        let (tls, rest) = match text.split_once("://") {
            None => (None, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Some(false), rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Some(true), rest),
            Some(_) => return Err("the scheme is neither http nor https"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // The last `@`, as people leave one in a password unencoded.
        let (userinfo, address) = match rest.rsplit_once('@') {
            Some((userinfo, address)) => (Some(userinfo), address),
            None => (None, rest),
        };
        if address.contains(['/', '?', '#']) {
            return Err("a path, query or fragment does not belong here");
        }
        let (host, port) = split_port(address)?;
        Ok(Self {
            tls,
            userinfo,
            host,
            port,
        })
    }
}

/// Separates `host:port`; the colons of an IPv6 address are inside brackets.
fn split_port(address: &str) -> Result<(&str, Option<u16>), &'static str> {
    let after_brackets = address.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match address[after_brackets..].find(':') {
        Some(at) => {
            let (host, port) = address.split_at(after_brackets + at);
            (host, Some(&port[1..]))
        }
        None => (address, None),
    };
    let port = match port {
        None => None,
        Some(digits) => match digits.parse() {
            Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Some(port),
            _ => return Err("the port is not a number from 1 to 65535"),
        },
    };
    if is_host(host) {
        Ok((host, port))
    } else {
        Err("there is no valid host name")
    }
}

/// Whether `host` may stand in a URL: a DNS name (underscores are seen in container networks), an
/// IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && !host.starts_with('.')
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "user or password is not percent-encoded UTF-8 (write a `%` as `%25`)";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: u8| {
            char::from(b)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        let high = rest.next().and_then(digit).ok_or(WRONG)?;
        let low = rest.next().and_then(digit).ok_or(WRONG)?;
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn endpoint(text: &str, expected: Result<&str, &str>) {
        let got = Endpoint::parse(text, true).map(|e| e.to_string());
        assert_eq!(got.as_deref().map_err(|e| *e), expected, "{text}");
    }

    #[test]
    fn an_endpoint_takes_a_scheme_or_none() {
        endpoint("http://127.0.0.1:9000", Ok("http://127.0.0.1:9000"));
        endpoint("HTTP://minio_1:9000/", Ok("http://minio_1:9000"));
        endpoint("s3.example.com", Ok("https://s3.example.com"));
        endpoint("s3.example.com:8443", Ok("https://s3.example.com:8443"));
        endpoint("https://[::1]:9000", Ok("https://[::1]:9000"));
        endpoint("[fe80::1]", Ok("https://[fe80::1]"));
        let plain = Endpoint::parse("host:80", false).unwrap();
        assert_eq!(plain.to_string(), "http://host:80");
    }

    #[test]
    fn an_endpoint_is_a_host_and_nothing_else() {
        endpoint(
            "http://h/path",
            Err("a path, query or fragment does not belong here"),
        );
        endpoint(
            "h?x=1",
            Err("a path, query or fragment does not belong here"),
        );
        endpoint("ftp://h", Err("the scheme is neither http nor https"));
        endpoint(
            "http://me:pw@h",
            Err("user and password do not belong here"),
        );
        for port in ["h:", "h:0", "h:65536", "h:+80", "h:x", "h:80:80"] {
            endpoint(port, Err("the port is not a number from 1 to 65535"));
        }
        for host in ["", "http://", "a b", "[::1]x", "[zz]", ".", "ho\u{df}t"] {
            endpoint(host, Err("there is no valid host name"));
        }
    }

    #[test]
    fn a_proxy_may_carry_credentials() {
        let proxy = Proxy::parse("http://me:p%40ss%3A@proxy:3128/").unwrap();
        assert_eq!(proxy.to_string(), "http://proxy:3128");
        assert_eq!(proxy.credentials, Some(("me".into(), Secret::new("p@ss:"))));
        assert!(!format!("{proxy:?}").contains("p@ss"));
        let proxy = Proxy::parse("me@proxy").unwrap();
        assert_eq!((proxy.port, proxy.tls), (80, false));
        assert_eq!(proxy.credentials, Some(("me".into(), Secret::new(""))));
        assert_eq!(Proxy::parse("https://proxy").unwrap().port, 443);
        assert!(
            Proxy::parse("me:50%@proxy")
                .unwrap_err()
                .contains("percent")
        );
    }
}
