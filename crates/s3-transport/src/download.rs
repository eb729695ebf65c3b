//! Restores an object: parallel ranges, written out in order as their bytes arrive.
//!
//! The first request asks for the whole object and is cut off where the second range begins: so a
//! small object is one request, an empty one needs no special case, and the object's size, version
//! and checksum are known before its first byte. Every further range is pinned to that version.
//! A range is read to its end whatever the reader does: its bytes wait in memory, so that a reader
//! that pauses for hours leaves no connection hanging.

use std::collections::VecDeque;
use std::io::{self, Write};

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::output::{Expected, Output, OutputError};
use crate::ranges::{Run, Selection, pieces, selections};
use crate::retry::Attempts;
use crate::store::{Got, Kind, Object, Store, StoreError, same_etag};
use crate::transport::Transport;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Bytes written.
    pub size: u64,
    /// Whether their checksum was compared with the store's; where not, their number, their ranges
    /// and the object's version were.
    pub verified: bool,
}

impl<S: Store> Transport<S> {
    /// Writes all of the object `key` to `sink`.
    ///
    /// Holds at most as many ranges as are in flight. On failure output stops where it is right,
    /// and never reaches the object's end.
    pub async fn download(
        &self,
        key: &str,
        sink: impl Write + Send + 'static,
    ) -> Result<Restored, Error> {
        self.download_to(key, || Ok(sink)).await
    }

    /// The same for a sink that is made only when there is an object to write to it.
    pub async fn download_to<W: Write + Send + 'static>(
        &self,
        key: &str,
        sink: impl FnOnce() -> io::Result<W>,
    ) -> Result<Restored, Error> {
        let got = self.open(key, None).await?;
        let sink = sink().map_err(Error::Sink)?;
        let Object { size, checksum, .. } = got.object;
        let first_end = self.options.range.min(size);
        let first = Selection::whole(Run {
            start: 0,
            end: first_end,
        });
        let rest = pieces(
            Run {
                start: first_end,
                end: size,
            },
            self.options.range,
        );
        let plan = std::iter::once(first).chain(rest.map(Selection::whole));
        let expected = Expected {
            length: size,
            checksum,
        };
        self.stream(key, got, plan, expected, sink).await
    }

    /// Writes the bytes of `ranges` (`start..end`, in bytes of the object) to `sink`, one range
    /// after the other. Reads nothing else but gaps of up to 64 KiB between two of them.
    pub async fn download_ranges(
        &self,
        key: &str,
        ranges: &[(u64, u64)],
        sink: impl Write + Send + 'static,
    ) -> Result<Restored, Error> {
        let mut plan = selections(ranges, self.options.range).peekable();
        let Some(first) = plan.peek().map(|first| first.run) else {
            let object = self.head(key).await?;
            self.check_bounds(key, ranges, &object)?;
            return Ok(Restored {
                size: 0,
                verified: false,
            });
        };
        let got = match self.open(key, Some(first)).await {
            // The first range begins behind the object's end.
            Err(error) if error.kind() == Some(&Kind::Range) => {
                let object = self.head(key).await?;
                self.check_bounds(key, ranges, &object)?;
                return Err(error);
            }
            got => got?,
        };
        self.check_bounds(key, ranges, &got.object)?;
        let lengths = ranges.iter().map(|(start, end)| end.saturating_sub(*start));
        let length = lengths.fold(0, u64::saturating_add);
        let expected = Expected {
            length,
            checksum: None,
        };
        self.stream(key, got, plan, expected, sink).await
    }

    fn check_bounds(&self, key: &str, ranges: &[(u64, u64)], object: &Object) -> Result<(), Error> {
        match ranges.iter().find(|(_, end)| *end > object.size) {
            None => Ok(()),
            Some(&(start, end)) => Err(Error::OutOfBounds {
                key: key.to_owned(),
                start,
                end,
                size: object.size,
            }),
        }
    }

    /// Opens the object, or a run of it. Only a whole object's answer carries its checksum, and a
    /// store without checksums may refuse the header that asks for one.
    async fn open(&self, key: &str, run: Option<Run>) -> Result<Got, Error> {
        let range = run.map(|run| (run.start, run.end));
        let open = |with_checksum| {
            self.request("GetObject", key, move |_| {
                self.store.get(key, range, None, with_checksum)
            })
        };
        let asked = run.is_none() && self.checksum().is_some();
        match open(asked).await {
            Err(error) if asked && error.kind() == Some(&Kind::NotImplemented) => open(false).await,
            got => got,
        }
    }

    /// Reads `plan` and writes it out in order; `got` is the open answer to its first request.
    async fn stream(
        &self,
        key: &str,
        got: Got,
        mut plan: impl Iterator<Item = Selection>,
        expected: Expected,
        sink: impl Write + Send + 'static,
    ) -> Result<Restored, Error> {
        let verified = expected.checksum.is_some();
        let output = Output::start(sink, expected).map_err(Error::Sink)?;
        if got.object.etag.is_none() {
            log::warn!(
                "the store gives '{key}' no ETag: a replacement is not noticed while it is read"
            );
        }
        let mut ahead = Ahead::new(self.clone(), key, got.object);
        let mut open = Some(got.body);
        loop {
            while ahead.queue.len() < self.options.range_concurrency {
                let Some(selection) = plan.next() else {
                    break;
                };
                ahead.start(selection, open.take());
            }
            let Some(next) = ahead.queue.pop_front() else {
                break;
            };
            match emit(next, &output).await? {
                Emitted::All => {}
                Emitted::OutputGone => break,
                // A task that ended without an error has sent all of its run.
                Emitted::Short => return Err(self.damaged(key, "a range came short")),
            }
        }
        match output.finish().await {
            Ok(()) => Ok(Restored {
                size: expected.length,
                verified,
            }),
            Err(OutputError::Sink(error)) => Err(Error::Sink(error)),
            Err(OutputError::ReaderGone) => Err(Error::ReaderGone),
            Err(OutputError::Damaged(what)) => Err(self.damaged(key, what)),
        }
    }
}

impl Selection {
    fn whole(run: Run) -> Self {
        Self {
            run,
            wanted: vec![run],
        }
    }
}

/// How far one request's bytes got.
enum Emitted {
    All,
    /// The output takes no more.
    OutputGone,
    /// They ended before the request's run did.
    Short,
}

/// Writes what is wanted of one request's bytes.
async fn emit(mut next: Incoming, output: &Output) -> Result<Emitted, Error> {
    let Selection { run, wanted } = next.selection;
    let mut at = run.start;
    let mut wanted = wanted.into_iter().peekable();
    while at < run.end {
        // An output that has failed is noticed even while nothing arrives to be written.
        let bytes = tokio::select! {
            bytes = next.bytes.recv() => bytes,
            () = output.gave_up() => return Ok(Emitted::OutputGone),
        };
        let Some(bytes) = bytes else {
            return Ok(Emitted::Short);
        };
        let bytes = bytes?;
        let arrived = Run {
            start: at,
            end: at + bytes.len() as u64,
        };
        at = arrived.end;
        while let Some(run) = wanted.peek() {
            let (from, to) = (run.start.max(arrived.start), run.end.min(arrived.end));
            if from < to {
                let (from, to) = (from - arrived.start, to - arrived.start);
                if !output.write(bytes.slice(from as usize..to as usize)).await {
                    return Ok(Emitted::OutputGone);
                }
            }
            if run.end > arrived.end {
                break;
            }
            wanted.next();
        }
    }
    Ok(Emitted::All)
}

/// The bytes of one request, as they arrive.
struct Incoming {
    selection: Selection,
    /// Not bounded by itself: it never holds more than the request's run.
    bytes: mpsc::UnboundedReceiver<Result<Bytes, Error>>,
}

/// The requests that are in flight, ahead of what is written.
struct Ahead<S> {
    transport: Transport<S>,
    key: String,
    /// The version that is read.
    object: Object,
    queue: VecDeque<Incoming>,
    /// Dropping it ends all of them.
    tasks: JoinSet<()>,
}

impl<S: Store> Ahead<S> {
    fn new(transport: Transport<S>, key: &str, object: Object) -> Self {
        let tasks = JoinSet::new();
        Self {
            transport,
            key: key.to_owned(),
            object,
            queue: VecDeque::new(),
            tasks,
        }
    }

    fn start(&mut self, selection: Selection, open: Option<ByteStream>) {
        // Tasks that have ended are let go, of which a large object has many.
        while self.tasks.try_join_next().is_some() {}
        let (sender, bytes) = mpsc::unbounded_channel();
        let reader = RunReader {
            transport: self.transport.clone(),
            key: self.key.clone(),
            object: self.object.clone(),
            run: selection.run,
            sender,
        };
        self.tasks.spawn(reader.run(open));
        self.queue.push_back(Incoming { selection, bytes });
    }
}

/// Reads one run to its end, from as many answers as it takes.
struct RunReader<S> {
    transport: Transport<S>,
    key: String,
    object: Object,
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
        let mut attempts = Attempts::new(self.transport.options.patience);
        while self.run.start < self.run.end {
            let before = self.run.start;
            let result = match open.take() {
                Some(body) => self.pump(body).await,
                None => self.reopen().await,
            };
            if self.run.start > before {
                attempts.progressed();
            }
            if let Err(error) = result {
                let error = self.explained(error);
                self.transport
                    .pause("GetObject", &self.key, &mut attempts, error)
                    .await?;
            }
        }
        Ok(())
    }

    /// Asks for what is still missing, of the same version of the object.
    async fn reopen(&mut self) -> Result<(), StoreError> {
        let got = {
            let range = Some((self.run.start, self.run.end));
            let etag = self.object.etag.as_deref();
            let mut get = |_| self.transport.store.get(&self.key, range, etag, false);
            self.transport.attempt(&mut get).await?
        };
        let same_etag = match (&got.object.etag, &self.object.etag) {
            (Some(now), Some(first)) => same_etag(now, first),
            _ => true,
        };
        if !same_etag || got.object.size != self.object.size {
            let message = "the answer has another ETag or size";
            return Err(StoreError::new(Kind::Precondition, message));
        }
        self.pump(got.body).await
    }

    /// Passes bytes on until the run ends or the answer does.
    async fn pump(&mut self, mut body: ByteStream) -> Result<(), StoreError> {
        let stall = self.transport.options.patience.stall;
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
