//! Bodies at full speed, or at that of a slow line.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep_until};

use super::pace::Pace;
use super::pattern::Pattern;
use crate::listen::BoxError;

/// Bytes handed to the connection at a time.
const FRAME: u64 = 256 * 1024; // 256 KiB

/// With a bandwidth the steps are small, so that a body flows evenly.
const PACED_FRAME: u64 = 64 * 1024; // 64 KiB

/// Reads a body, drops it, and gives its length.
///
/// # Errors
/// When the client goes away in the middle of it.
pub(crate) async fn drop_body(
    mut body: Incoming,
    pace: Option<&Pace>,
) -> Result<u64, hyper::Error> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Some(data) = frame?.into_data().ok() else {
            continue;
        };
        length += data.len() as u64;
        if let Some(pace) = pace {
            sleep_until(pace.take(data.len() as u64)).await;
        }
    }
    Ok(length)
}

/// What an answer's body is made of.
pub(crate) enum Source {
    /// These bytes.
    Bytes(Bytes),
    /// The pattern's bytes from `at` on.
    Pattern {
        /// The block.
        pattern: Arc<Pattern>,
        /// The offset within the object.
        at: u64,
    },
}

/// An answer's body.
pub(crate) struct Flow {
    source: Source,
    left: u64,
    pace: Option<Arc<Pace>>,
    pause: Option<Pin<Box<Sleep>>>,
    total: Arc<AtomicU64>,
}

impl Flow {
    pub(crate) fn new(
        source: Source,
        length: u64,
        pace: Option<Arc<Pace>>,
        total: Arc<AtomicU64>,
    ) -> Self {
        Self {
            source,
            left: length,
            pace,
            pause: None,
            total,
        }
    }

    fn next_piece(&mut self) -> Bytes {
        let limit = self.left.min(match self.pace {
            Some(_) => PACED_FRAME,
            None => FRAME,
        });
        let piece = match &mut self.source {
            Source::Bytes(bytes) => bytes.split_to(limit as usize),
            Source::Pattern { pattern, at } => {
                let piece = pattern.piece(*at, limit);
                *at += piece.len() as u64;
                piece
            }
        };
        let length = piece.len() as u64;
        self.left -= length;
        self.total.fetch_add(length, Ordering::Relaxed);
        if let Some(pace) = &self.pace {
            self.pause = Some(Box::pin(sleep_until(pace.take(length))));
        }
        piece
    }
}

impl Body for Flow {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(self.next_piece()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
