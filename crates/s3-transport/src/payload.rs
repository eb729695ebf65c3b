//! What one PUT or one part carries: bytes in memory, with what proves them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::checksum::Checksum;
use crate::progress::Progress;

/// Bytes to send, in pieces as they were read. Cloning shares them, so each attempt sends the same.
#[derive(Debug, Clone)]
pub struct Payload {
    pieces: Arc<[Bytes]>,
    length: u64,
    /// The checksum of all of it, where one is wanted.
    pub checksum: Option<Checksum>,
    /// Its SHA-256, where the request's signature is to cover the payload.
    pub sha256: Option<[u8; 32]>,
}

impl Payload {
    /// A payload of `pieces`, one after the other.
    pub fn new(pieces: Vec<Bytes>, checksum: Option<Checksum>, sha256: Option<[u8; 32]>) -> Self {
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self {
            pieces: pieces.into(),
            length,
            checksum,
            sha256,
        }
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The body of one attempt, which tells `progress` about each piece that the network takes.
    pub fn body(&self, progress: Progress) -> PayloadBody {
        PayloadBody {
            payload: self.clone(),
            next: 0,
            left: self.length,
            progress,
        }
    }
}

/// The body of one request: see [`Payload::body`].
#[derive(Debug)]
pub struct PayloadBody {
    payload: Payload,
    next: usize,
    left: u64,
    progress: Progress,
}

impl Body for PayloadBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.progress.made();
        let piece = self.payload.pieces.get(self.next).cloned();
        Poll::Ready(piece.map(|piece| {
            self.next += 1;
            self.left -= piece.len() as u64;
            if self.left == 0 {
                self.progress.handed_over();
            }
            Ok(Frame::data(piece))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.next == self.payload.pieces.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
