//! Reads from TLS in large pieces.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that gives as much at once as has arrived. TLS by itself gives one record, of at most
/// 16 KiB, so that a restore would pass on 65,536 pieces of each GiB.
#[derive(Debug)]
pub(crate) struct Filled<S>(pub(super) S);

impl<S: AsyncRead + Unpin> AsyncRead for Filled<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let start = buffer.filled().len();
        loop {
            let before = buffer.filled().len();
            let polled = Pin::new(&mut self.0).poll_read(cx, buffer);
            let after = buffer.filled().len();
            match polled {
                Poll::Ready(Ok(())) if after > before && buffer.remaining() > 0 => {}
                // What follows the bytes, an end or an error, is told when more is asked for.
                _ if after > start => return Poll::Ready(Ok(())),
                polled => return polled,
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Filled<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bytes)
    }
}
