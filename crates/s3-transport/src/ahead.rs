//! The requests of a restore that are in flight, ahead of what is written.

use std::collections::VecDeque;
use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::ranges::{Run, Selection};
use crate::retry::Attempts;
use crate::standby::{Bound, Reading};
use crate::store::{Kind, Store, StoreError, same_etag};

/// The bytes of one request, as they arrive.
pub(crate) struct Incoming {
    pub(crate) selection: Selection,
    /// Not bounded by itself: it never holds more than the request's run.
    pub(crate) bytes: mpsc::UnboundedReceiver<Result<Bytes, Error>>,
}

/// The requests that are in flight.
pub(crate) struct Ahead<S> {
    bound: Arc<Bound<S>>,
    pub(crate) queue: VecDeque<Incoming>,
    /// Dropping it ends all of them.
    tasks: JoinSet<()>,
}

impl<S: Store> Ahead<S> {
    pub(crate) fn new(bound: Bound<S>) -> Self {
        Self {
            bound: Arc::new(bound),
            queue: VecDeque::new(),
            tasks: JoinSet::new(),
        }
    }

    pub(crate) fn start(&mut self, selection: Selection, open: Option<ByteStream>) {
        // Tasks that have ended are let go, of which a large object has many.
        while self.tasks.try_join_next().is_some() {}
        let (sender, bytes) = mpsc::unbounded_channel();
        let reader = RunReader {
            bound: self.bound.clone(),
            reading: self.bound.reading(),
            run: selection.run,
            sender,
        };
        self.tasks.spawn(reader.run(open));
        self.queue.push_back(Incoming { selection, bytes });
    }
}

/// Reads one run to its end, from as many answers as it takes.
struct RunReader<S> {
    bound: Arc<Bound<S>>,
    reading: Reading<S>,
    /// What is still to be read.
    run: Run,
    sender: mpsc::UnboundedSender<Result<Bytes, Error>>,
}

impl<S: Store> RunReader<S> {
    async fn run(mut self, open: Option<ByteStream>) {
        if let Err(error) = self.read(open).await {
            // Where nobody receives it, the restore has already ended.
            drop(self.sender.send(Err(error)));
        }
    }

    async fn read(&mut self, mut open: Option<ByteStream>) -> Result<(), Error> {
        let mut attempts = self.attempts();
        while self.run.start < self.run.end {
            let before = self.run.start;
            let result = match open.take() {
                Some(body) => self.pump(body).await,
                None => self.reopen().await,
            };
            if self.run.start > before {
                attempts.progressed();
            }
            let Err(error) = result else {
                continue;
            };
            let error = self.explained(error);
            let source = &self.reading.source;
            let paused = source
                .transport
                .pause("GetObject", &source.key, &mut attempts, error)
                .await;
            if let Err(error) = paused {
                let (failed, at) = (&self.reading, self.run.start);
                self.reading = self.bound.instead_of(failed, at, error).await?;
                attempts = self.attempts();
            }
        }
        Ok(())
    }

    fn attempts(&self) -> Attempts {
        Attempts::new(self.reading.source.transport.options.patience)
    }

    /// Asks for what is still missing, of the same version of the object.
    async fn reopen(&mut self) -> Result<(), StoreError> {
        let Reading { source, object, .. } = &self.reading;
        let got = {
            let range = Some((self.run.start, self.run.end));
            let etag = object.etag.as_deref();
            let mut get = |_| source.transport.store.get(&source.key, range, etag, false);
            source.transport.attempt(&mut get).await?
        };
        let same_etag = match (&got.object.etag, &object.etag) {
            (Some(now), Some(first)) => same_etag(now, first),
            _ => true,
        };
        if !same_etag || got.object.size != object.size {
            let message = "the answer has another ETag or size";
            return Err(StoreError::new(Kind::Precondition, message));
        }
        self.pump(got.body).await
    }

    /// Passes bytes on until the run ends or the answer does.
    async fn pump(&mut self, mut body: ByteStream) -> Result<(), StoreError> {
        let stall = self.reading.source.transport.options.patience.stall;
        while self.run.start < self.run.end {
            let bytes = tokio::time::timeout(stall, body.next()).await;
            let bytes = match bytes {
                Err(_) => return Err(StoreError::stalled(stall)),
                Ok(None) => {
                    let missing = self.run.end - self.run.start;
                    let message = format!("the answer ended {missing} bytes early");
                    return Err(StoreError::new(Kind::Connection, message));
                }
                Ok(Some(bytes)) => bytes.map_err(|error| {
                    StoreError::new(Kind::Connection, format!("the answer broke off: {error}"))
                })?,
            };
            let left = usize::try_from(self.run.end - self.run.start).unwrap_or(usize::MAX);
            let bytes = compact(bytes.slice(..bytes.len().min(left)));
            self.run.start += bytes.len() as u64;
            if self.sender.send(Ok(bytes)).is_err() {
                // The restore has ended; so does this task, at its next await.
                return Ok(());
            }
        }
        Ok(())
    }

    fn explained(&self, error: StoreError) -> StoreError {
        match error.kind {
            Kind::Precondition => StoreError {
                message: format!(
                    "the object was replaced while it was read ({})",
                    error.message
                ),
                ..error
            },
            _ => error,
        }
    }
}

/// Pieces below this size are copied: as long as one waits, it would keep all of the read buffer
/// that it came in, which may be many times as large.
const COPIED_BELOW: usize = 64 << 10;

fn compact(bytes: Bytes) -> Bytes {
    if bytes.len() < COPIED_BELOW {
        return Bytes::copy_from_slice(&bytes);
    }
    bytes
}
