//! A loopback socket that speaks HTTP/1.1, with or without TLS.

use std::error::Error as StdError;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::tls::Authority;

/// Whatever an HTTP service may fail with.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// The most that is read from a connection at a time; uploads are large.
const READ_BUFFER: usize = 1024 * 1024; // 1 MiB

/// How much is read from a socket before it is decrypted.
const TLS_READ: usize = 256 * 1024; // 256 KiB

/// A listening socket on 127.0.0.1.
pub struct Listener {
    socket: TcpListener,
    authority: Option<Authority>,
}

impl Listener {
    /// Listens on `port`, 0 for any free one; with an authority every connection is TLS.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn bind(port: u16, authority: Option<Authority>) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self { socket, authority })
    }

    /// The address that clients connect to.
    ///
    /// # Errors
    /// When the system cannot tell the socket's address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The endpoint as a URL, such as `http://127.0.0.1:41235`.
    ///
    /// # Errors
    /// When the system cannot tell the socket's address.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.authority.is_some() {
            "https"
        } else {
            "http"
        };
        Ok(format!("{scheme}://{}", self.address()?))
    }

    /// Answers every connection by `service` until the future is dropped.
    ///
    /// # Errors
    /// When the socket no longer accepts connections.
    pub async fn serve<S, B>(self, service: S) -> io::Result<()>
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        loop {
            let stream = self.accept().await?;
            let authority = self.authority.clone();
            tokio::spawn(converse(stream, authority, service.clone()));
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.socket.accept().await?;
        // Without it the last segment of an answer waits for the client's delayed acknowledgement.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Answers the requests of one connection until either side closes it.
///
/// What goes wrong on a connection is the client's to notice: a test server logs nothing.
pub(crate) async fn converse<T, S, B>(stream: T, authority: Option<Authority>, service: S)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let mut http = http1::Builder::new();
    http.max_buf_size(READ_BUFFER);
    match authority {
        None => drop(
            http.serve_connection(TokioIo::new(stream), service)
                .await
                .ok(),
        ),
        Some(authority) => {
            // TLS by itself reads 4 KiB at a time.
            let stream = BufReader::with_capacity(TLS_READ, stream);
            if let Ok(tls) = authority.acceptor().accept(stream).await {
                http.serve_connection(TokioIo::new(tls), service).await.ok();
            }
        }
    }
}
