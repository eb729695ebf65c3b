//! Opens connections: directly or through a proxy, with TLS where the URL says https.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use plugin_config::{Destination, Proxy, ProxyChoice};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::connection::Connection;
use super::filled::Filled;
use super::trust::{self, TrustError};

/// How long a TCP connection or a TLS handshake may take: 10 s, so that a lost SYN is sent again
/// three times, while a host that is not there is told within the time of a setup hook.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much is read from a socket before it is decrypted: 256 KiB, 16 records. Of a buffer that is not
/// filled, no memory is used.
const TLS_READ: usize = 256 << 10;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections for one destination.
#[derive(Clone)]
pub(super) struct Dialer {
    tcp: Tcp,
    proxies: Proxies,
    destination: Arc<Destination>,
    /// Made at the first https connection, as the system's authorities take milliseconds to read.
    tls: Arc<OnceLock<Result<Arc<ClientConfig>, TrustError>>>,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}

/// Which proxy a request goes through.
#[derive(Debug, Clone)]
enum Proxies {
    Environment(Arc<Matcher>),
    Given(Hop),
}

/// A proxy on the way.
#[derive(Debug, Clone)]
struct Hop {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Proxies {
    fn new(choice: &ProxyChoice) -> Self {
        match choice {
            ProxyChoice::Environment => Self::Environment(Arc::new(Matcher::from_env())),
            ProxyChoice::Given(proxy) => Self::Given(Hop {
                uri: Uri::try_from(proxy.to_string()).unwrap_or_default(),
                authorization: basic_authorization(proxy),
            }),
        }
    }

    fn hop(&self, target: &Uri) -> Option<Hop> {
        // The services that give an instance or a container its role are beside it.
        if target
            .host()
            .is_some_and(|host| host.starts_with("169.254."))
        {
            return None;
        }
        match self {
            Self::Given(hop) => Some(hop.clone()),
            // A proxy's own loopback is another one.
            Self::Environment(_) if target.host().is_some_and(is_loopback) => None,
            Self::Environment(matcher) => matcher.intercept(target).map(|intercept| Hop {
                uri: intercept.uri().clone(),
                authorization: intercept.basic_auth().cloned(),
            }),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn basic_authorization(proxy: &Proxy) -> Option<HeaderValue> {
    let (user, password) = proxy.credentials.as_ref()?;
    let encoded = aws_smithy_types::base64::encode(format!("{user}:{}", password.reveal()));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Dialer {
    pub(super) fn new(destination: &Destination) -> Self {
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        Self {
            tcp,
            proxies: Proxies::new(&destination.proxy),
            destination: Arc::new(destination.clone()),
            tls: Arc::default(),
        }
    }

    /// What a proxy that forwards plain HTTP wants in each request; a tunnel asks once, by itself.
    pub(super) fn forwarding_authorization(&self, target: &Uri) -> Option<HeaderValue> {
        if target.scheme_str() == Some("https") {
            return None;
        }
        self.proxies.hop(target)?.authorization
    }

    /// Opens a connection to the host of `target`, as far as its first request.
    pub(super) async fn dial(mut self, target: Uri) -> Result<Connection, DialError> {
        let https = target.scheme_str() == Some("https");
        let hop = self.proxies.hop(&target);
        let foreign = |hop: &&Hop| hop.uri.scheme_str() != Some("http");
        if let Some(hop) = hop.as_ref().filter(foreign) {
            let scheme = hop.uri.scheme_str().unwrap_or_default();
            let source = format!("a proxy that is reached by {scheme} is not supported, http is");
            return Err(DialError {
                reason: Reason::Proxy,
                source: source.into(),
            });
        }
        let stream = match hop {
            None => self.connect(target.clone()).await?,
            Some(hop) if https => self.tunnel(hop, target.clone()).await?,
            Some(hop) => {
                let stream = self.connect(hop.uri).await?;
                return Ok(Connection::Plain {
                    stream,
                    proxied: true,
                });
            }
        };
        if https {
            self.handshake(&target, stream).await
        } else {
            Ok(Connection::Plain {
                stream,
                proxied: false,
            })
        }
    }

    async fn connect(&mut self, target: Uri) -> Result<TokioIo<TcpStream>, DialError> {
        self.tcp.call(target).await.map_err(|error| {
            // hyper-util names the step that failed in the message alone.
            let reason = if error.to_string().contains("dns error") {
                Reason::Name
            } else {
                Reason::Connect
            };
            DialError {
                reason,
                source: error.into(),
            }
        })
    }

    async fn tunnel(&self, hop: Hop, target: Uri) -> Result<TokioIo<TcpStream>, DialError> {
        let mut tunnel = Tunnel::new(hop.uri, self.tcp.clone());
        if let Some(authorization) = hop.authorization {
            tunnel = tunnel.with_auth(authorization);
        }
        let tunnel = tokio::time::timeout(CONNECT_TIMEOUT, tunnel.call(target));
        let stream = tunnel
            .await
            .map_err(|_| DialError::timed_out("the proxy's answer"))?;
        stream.map_err(|error| {
            // What hyper-util names in the message alone is for the operator to mend; a proxy that
            // is away or overloaded comes back.
            let reason = if error.to_string().contains("authorization") {
                Reason::Proxy
            } else {
                Reason::Connect
            };
            DialError {
                reason,
                source: error.into(),
            }
        })
    }

    async fn handshake(
        &self,
        target: &Uri,
        stream: TokioIo<TcpStream>,
    ) -> Result<Connection, DialError> {
        let failed = |source: BoxError| DialError {
            reason: Reason::Tls,
            source,
        };
        let config = self
            .tls
            .get_or_init(|| trust::tls(&self.destination))
            .clone();
        let config = config.map_err(|error| failed(error.into()))?;
        let host = target
            .host()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_owned();
        let name = ServerName::try_from(host).map_err(|error| failed(error.into()))?;
        // TLS by itself reads 4 KiB at a time.
        let stream = BufReader::with_capacity(TLS_READ, stream.into_inner());
        let handshake = TlsConnector::from(config).connect(name, stream);
        match tokio::time::timeout(CONNECT_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => Ok(Connection::Tls(Box::new(TokioIo::new(Filled(stream))))),
            // rustls marks what the peer sent wrongly, or what is not trusted, as invalid data.
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Err(failed(error.into()))
            }
            Ok(Err(error)) => Err(DialError {
                reason: Reason::Connect,
                source: error.into(),
            }),
            Err(_) => Err(DialError::timed_out("the TLS handshake")),
        }
    }
}

/// The step at which a connection could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Name,
    Connect,
    Proxy,
    Tls,
}

/// Why a connection could not be made.
#[derive(Debug)]
pub(crate) struct DialError {
    pub(crate) reason: Reason,
    source: BoxError,
}

impl DialError {
    pub(super) fn timed_out(what: &str) -> Self {
        let why = format!("{what} did not come within {} s", CONNECT_TIMEOUT.as_secs());
        Self {
            reason: Reason::Connect,
            source: why.into(),
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.reason {
            Reason::Name => "the host name could not be resolved",
            Reason::Connect => "the connection could not be made",
            Reason::Proxy => "the proxy did not open a tunnel",
            Reason::Tls => "TLS could not be agreed on",
        };
        f.write_str(step)
    }
}

impl std::error::Error for DialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
