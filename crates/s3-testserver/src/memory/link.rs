//! A connection that can be reset from anywhere, and the port that can be closed for a while.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The server's end of a connection.
pub(crate) struct Link {
    /// A second handle of the socket: the first one belongs to the HTTP server.
    socket: OwnedFd,
    reset: Notify,
    /// Whether the connection is reset as soon as all that was written has been handed to the system.
    doomed: AtomicBool,
}

impl Link {
    pub(crate) fn of(stream: &TcpStream) -> io::Result<Self> {
        Ok(Self {
            socket: stream.as_fd().try_clone_to_owned()?,
            reset: Notify::new(),
            doomed: AtomicBool::new(false),
        })
    }

    /// Breaks the connection when all that was written has been handed to the system.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Relaxed);
    }

    /// Breaks the connection: the client gets a reset, and what it has not been sent yet is lost.
    pub(crate) fn reset(&self) {
        // Without the option the close would be an orderly one. It fails only on a closed socket.
        SockRef::from(&self.socket)
            .set_linger(Some(Duration::ZERO))
            .ok();
        self.reset.notify_one();
    }

    /// Waits until somebody resets the connection; the caller then drops its handle of the socket.
    pub(crate) async fn broken(&self) {
        self.reset.notified().await;
    }
}

/// A connection's stream, which breaks after a flush where its link is doomed.
pub(crate) struct Doomed {
    stream: TcpStream,
    link: Arc<Link>,
}

impl Doomed {
    pub(crate) fn new(stream: TcpStream, link: Arc<Link>) -> Self {
        Self { stream, link }
    }
}

impl AsyncRead for Doomed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Doomed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() && self.link.doomed.load(Ordering::Relaxed) {
            self.link.reset();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }
}

/// A port of 127.0.0.1 that stays ours while nobody listens on it.
pub(crate) struct Port {
    address: SocketAddr,
    /// Bound, never listening: connecting is refused, and no other process gets the port.
    _holder: TcpSocket,
}

impl Port {
    /// Takes `port`, or any free one for 0, and listens on it.
    pub(crate) fn open(port: u16) -> io::Result<(Self, TcpListener)> {
        let socket = bound((Ipv4Addr::LOCALHOST, port).into())?;
        let address = socket.local_addr()?;
        let port = Self {
            address,
            // Both are bound before either listens: afterwards the system would refuse the second.
            _holder: bound(address)?,
        };
        Ok((port, socket.listen(BACKLOG)?))
    }

    /// Listens again, after the listener was dropped.
    pub(crate) fn reopen(&self) -> io::Result<TcpListener> {
        bound(self.address)?.listen(BACKLOG)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
