//! How bodies travel: a request's is read, an answer's is sent, each as far as the fault lets it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::fault::Fault;
use super::link::Link;
use super::reply::Cut;
use crate::listen::BoxError;

/// An answer's body is sent in pieces of at most this many bytes.
const FRAME: usize = 64 * 1024; // 64 KiB

/// Reads a request's body.
///
/// # Errors
/// When the client goes away in the middle of it.
pub(crate) async fn receive(
    mut body: Incoming,
    fault: Option<&Fault>,
    link: &Link,
) -> Result<Bytes, hyper::Error> {
    let expected = body.size_hint().exact().unwrap_or_default();
    let mut all = BytesMut::with_capacity(usize::try_from(expected).unwrap_or_default());
    let mut stall = match fault {
        Some(Fault::StallRequest { after, pause }) => Some((*after, *pause)),
        _ => None,
    };
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            all.extend_from_slice(&data);
        }
        let count = all.len() as u64;
        if let Some((_, pause)) = stall.take_if(|(after, _)| count >= *after) {
            sleep(pause).await;
        }
        if matches!(fault, Some(Fault::ResetInRequest { after }) if count >= *after) {
            break;
        }
    }
    if let Some((_, pause)) = stall {
        sleep(pause).await;
    }
    if let Some(Fault::ResetInRequest { .. }) = fault {
        broken(link).await;
    }
    Ok(all.freeze())
}

/// Resets the connection; the task that serves it ends here.
pub(crate) async fn broken(link: &Link) {
    link.reset();
    std::future::pending::<()>().await;
}

/// An answer's body.
pub(crate) struct Delivery {
    chunks: VecDeque<Bytes>,
    left: u64,
    sent: u64,
    cut: Option<(u64, Cut)>,
    /// Whether everything in front of the cut has been handed to the system.
    flushed: bool,
    pause: Option<Pin<Box<Sleep>>>,
    link: Arc<Link>,
    /// Counts what is sent.
    total: Arc<AtomicU64>,
}

impl Delivery {
    pub(crate) fn new(
        chunks: Vec<Bytes>,
        cut: Option<(u64, Cut)>,
        link: Arc<Link>,
        total: Arc<AtomicU64>,
    ) -> Self {
        Self {
            left: chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            chunks: chunks
                .into_iter()
                .filter(|chunk| !chunk.is_empty())
                .collect(),
            sent: 0,
            cut,
            flushed: false,
            pause: None,
            link,
            total,
        }
    }

    /// Does what happens at the cut. `None` means that the body goes on.
    fn at_cut(&mut self, cut: Cut, context: &mut Context<'_>) -> Option<Poll<BoxError>> {
        if !self.flushed {
            // Hyper sends what it holds when a body has nothing more for now.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Some(Poll::Pending);
        }
        if cut != Cut::Reset {
            self.cut = None;
        }
        match cut {
            // For good: hyper asks again in the same breath, and would send more.
            Cut::Reset => {
                self.link.doom();
                Some(Poll::Pending)
            }
            Cut::Close => Some(Poll::Ready("the script cuts the answer here".into())),
            Cut::Stall(pause) => {
                self.pause = Some(Box::pin(sleep(pause)));
                None
            }
        }
    }

    /// The next piece, which ends at the cut where that lies within it.
    fn next_piece(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.front_mut()?;
        let to_cut = self.cut.map_or(u64::MAX, |(at, _)| at - self.sent);
        let length = FRAME
            .min(chunk.len())
            .min(usize::try_from(to_cut).unwrap_or(usize::MAX));
        let piece = chunk.split_to(length);
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        self.sent += length as u64;
        self.left -= length as u64;
        self.total.fetch_add(length as u64, Ordering::Relaxed);
        Some(piece)
    }
}

impl Body for Delivery {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            if let Some(pause) = &mut this.pause {
                std::task::ready!(pause.as_mut().poll(context));
                this.pause = None;
            }
            match this.cut {
                Some((at, cut)) if this.sent >= at => match this.at_cut(cut, context) {
                    Some(Poll::Ready(error)) => return Poll::Ready(Some(Err(error))),
                    Some(Poll::Pending) => return Poll::Pending,
                    None => continue,
                },
                _ => return Poll::Ready(this.next_piece().map(|piece| Ok(Frame::data(piece)))),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Hyper asks for no more once all bytes are written, so a reset at or behind the end comes here.
impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some((_, Cut::Reset)) = self.cut {
            self.link.doom();
        }
    }
}
