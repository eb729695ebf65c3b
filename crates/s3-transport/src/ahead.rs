//! The requests of a restore that are in flight, ahead of what is written.

use std::collections::VecDeque;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::error::Error;
use crate::gather::{Blocks, Gather};
use crate::line::Line;
use crate::ranges::{Run, Selection};
use crate::retry::Attempts;
use crate::standby::{Bound, Reading};
use crate::store::{Kind, Store, StoreError, same_etag};

/// The bytes of one request, as they arrive.
pub(crate) struct Incoming {
    pub(crate) selection: Selection,
    asked: Instant,
    /// Not bounded by itself: it never holds more than the request's run.
    pub(crate) bytes: mpsc::UnboundedReceiver<Result<Bytes, Error>>,
}

/// The requests that are in flight.
pub(crate) struct Ahead<S, P> {
    bound: Arc<Bound<S>>,
    plan: P,
    line: Line,
    blocks: Blocks,
    queue: VecDeque<Incoming>,
    /// Dropping it ends all of them.
    tasks: JoinSet<()>,
}

impl<S: Store, P: Iterator<Item = Selection>> Ahead<S, P> {
    /// Starts with the plan's first request, whose answer is already open.
    pub(crate) fn start(bound: Bound<S>, plan: P, line: Line, open: ByteStream) -> Self {
        let mut ahead = Self {
            bound: Arc::new(bound),
            plan,
            line,
            blocks: Blocks::default(),
            queue: VecDeque::new(),
            tasks: JoinSet::new(),
        };
        ahead.start_next(Some(open));
        ahead
    }

    /// The next request in order; none at the end of the plan.
    pub(crate) fn next(&mut self) -> Option<Incoming> {
        if self.queue.is_empty() {
            self.start_next(None);
        }
        self.queue.pop_front()
    }

    /// Starts as many as are worth having in flight beside the one that is written out.
    pub(crate) fn fill(&mut self) {
        for range in self.queue.iter().filter(|range| !range.bytes.is_closed()) {
            let Run { start, end } = range.selection.run;
            self.line.waits_for(end - start, range.asked);
        }
        while self.queue.len() + 1 < self.line.width() && self.start_next(None) {}
    }

    /// Whether there was one more to start.
    fn start_next(&mut self, open: Option<ByteStream>) -> bool {
        let Some(selection) = self.plan.next() else {
            return false;
        };
        // Tasks that have ended are let go, of which a large object has many.
        while self.tasks.try_join_next().is_some() {}
        let (sender, bytes) = mpsc::unbounded_channel();
        let reader = RunReader {
            bound: self.bound.clone(),
            reading: self.bound.reading(),
            run: selection.run,
            gather: Gather::new(self.blocks.clone()),
            sender,
        };
        self.tasks.spawn(reader.run(open));
        self.queue.push_back(Incoming {
            selection,
            asked: Instant::now(),
            bytes,
        });
        true
    }
}

/// Reads one run to its end, from as many answers as it takes.
struct RunReader<S> {
    bound: Arc<Bound<S>>,
    reading: Reading<S>,
    /// What is still to be read.
    run: Run,
    gather: Gather,
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
    async fn pump(&mut self, body: ByteStream) -> Result<(), StoreError> {
        let pumped = self.gather(body).await;
        // What has arrived is not asked for again.
        self.pass_on();
        pumped
    }

    async fn gather(&mut self, mut body: ByteStream) -> Result<(), StoreError> {
        let begin = self.run.start;
        let stall = self.reading.source.transport.options.patience.stall;
        while self.run.start < self.run.end && !self.sender.is_closed() {
            let mut next = pin!(body.next());
            let piece = tokio::select! {
                biased;
                piece = &mut next => piece,
                // Nothing more has arrived: what has is not kept waiting.
                () = ready(()) => {
                    self.pass_on();
                    let next = timeout(stall, next).await;
                    next.map_err(|_| StoreError::stalled(stall))?
                }
            };
            let piece = match piece {
                None => {
                    let missing = self.run.end - self.run.start;
                    let message = format!("the answer ended {missing} bytes early");
                    return Err(StoreError::new(Kind::Connection, message));
                }
                Some(piece) => piece.map_err(|error| {
                    StoreError::new(Kind::Connection, format!("the answer broke off: {error}"))
                })?,
            };
            let left = usize::try_from(self.run.end - self.run.start).unwrap_or(usize::MAX);
            let mut piece = piece.slice(..piece.len().min(left));
            let is_first = self.run.start == begin;
            self.run.start += piece.len() as u64;
            while !piece.is_empty() {
                if let Some(block) = self.gather.add(&mut piece) {
                    self.send(block);
                }
            }
            if is_first {
                self.pass_on();
            }
        }
        Ok(())
    }

    fn pass_on(&mut self) {
        if let Some(rest) = self.gather.rest() {
            self.send(rest);
        }
    }

    /// Where nobody receives it, the restore has ended.
    fn send(&self, bytes: Bytes) {
        self.sender.send(Ok(bytes)).ok();
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
