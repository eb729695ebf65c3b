//! Restores an object: parallel ranges, written out in order as their bytes arrive.
//!
//! The first request asks for the whole object and is cut off where the second range begins: so a
//! small object is one request, an empty one needs no special case, and the object's size, version
//! and checksum are known before its first byte. Every further range is pinned to that version.
//! A range is read to its end whatever the reader does: its bytes wait in memory, so that a reader
//! that pauses for hours leaves no connection hanging.

use std::io::{self, Write};
use std::iter::Peekable;

use tokio::time::Instant;

use crate::ahead::{Ahead, Incoming};
use crate::destinations::{Destinations, Keys};
use crate::error::Error;
use crate::line::Line;
use crate::output::{Expected, Output, OutputError, Ready};
use crate::ranges::{Run, Selection, pieces, selections};
use crate::standby::{Source, Sources};
use crate::store::{Got, Kind, Object, Store};
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
        Sources::only(self, key).download(sink).await
    }

    /// Writes the bytes of `ranges` (`start..end`, in bytes of the object) to `sink`, one range
    /// after the other. Reads nothing else but gaps of up to 64 KiB between two of them.
    pub async fn download_ranges(
        &self,
        key: &str,
        ranges: &[(u64, u64)],
        sink: impl Write + Send + 'static,
    ) -> Result<Restored, Error> {
        Sources::only(self, key).download_ranges(ranges, sink).await
    }
}

impl<S: Store> Destinations<S> {
    /// Writes all of an object to `sink`, as [`Transport::download`] does from one destination.
    ///
    /// Where the first destination has delivered nothing for 5 s, or says that it never will, the
    /// second one takes over at the next byte, once its object is known to be the same: by size and
    /// checksum. It is logged.
    pub async fn download(
        &self,
        keys: &Keys,
        sink: impl Write + Send + 'static,
    ) -> Result<Restored, Error> {
        self.download_to(keys, || Ok(sink)).await
    }

    /// The same for a sink that is made only when there is an object to write to it.
    pub async fn download_to<W: Write + Send + 'static>(
        &self,
        keys: &Keys,
        sink: impl FnOnce() -> io::Result<W>,
    ) -> Result<Restored, Error> {
        self.sources(keys).download(sink).await
    }

    /// Writes ranges of an object to `sink`, as [`Transport::download_ranges`] does from one
    /// destination, and with the second one taking over as in [`Destinations::download`].
    pub async fn download_ranges(
        &self,
        keys: &Keys,
        ranges: &[(u64, u64)],
        sink: impl Write + Send + 'static,
    ) -> Result<Restored, Error> {
        self.sources(keys).download_ranges(ranges, sink).await
    }
}

impl<S: Store> Sources<S> {
    async fn download<W: Write + Send + 'static>(
        mut self,
        sink: impl FnOnce() -> io::Result<W>,
    ) -> Result<Restored, Error> {
        let output = Ready::new().map_err(Error::Sink)?;
        let asked = Instant::now();
        let got = self.open(None).await?;
        let line = self.line(asked);
        let sink = sink().map_err(Error::Sink)?;
        let range = self.first.transport.options.range;
        let Object { size, checksum, .. } = got.object;
        let first_end = range.min(size);
        let first = Selection::whole(Run {
            start: 0,
            end: first_end,
        });
        let rest = pieces(
            Run {
                start: first_end,
                end: size,
            },
            range,
        );
        let plan = std::iter::once(first).chain(rest.map(Selection::whole));
        let expected = Expected {
            length: size,
            checksum,
        };
        let output = output.start(sink, expected);
        self.stream(got, line, plan, expected, output).await
    }

    async fn download_ranges(
        mut self,
        ranges: &[(u64, u64)],
        sink: impl Write + Send + 'static,
    ) -> Result<Restored, Error> {
        let range = self.first.transport.options.range;
        let mut plan = selections(ranges, range).peekable();
        let Some(first) = plan.peek().map(|first| first.run) else {
            let object = self.head().await?;
            self.check_bounds(ranges, &object)?;
            return Ok(Restored {
                size: 0,
                verified: false,
            });
        };
        let output = Ready::new().map_err(Error::Sink)?;
        let asked = Instant::now();
        let mut got = match self.open(Some(first)).await {
            // The first range begins behind the object's end.
            Err(error) if error.kind() == Some(&Kind::Range) => {
                let object = self.head().await?;
                self.check_bounds(ranges, &object)?;
                return Err(error);
            }
            got => got?,
        };
        let line = self.line(asked);
        self.check_bounds(ranges, &got.object)?;
        if self.standby.is_some() {
            got.object = self.described(got.object).await;
        }
        let lengths = ranges.iter().map(|(start, end)| end.saturating_sub(*start));
        let length = lengths.fold(0, u64::saturating_add);
        let expected = Expected {
            length,
            checksum: None,
        };
        let output = output.start(sink, expected);
        self.stream(got, line, plan, expected, output).await
    }

    /// The line to the store that has just answered to what was `asked` then.
    fn line(&self, asked: Instant) -> Line {
        Line::new(self.first.transport.options.range_concurrency, asked)
    }

    fn check_bounds(&self, ranges: &[(u64, u64)], object: &Object) -> Result<(), Error> {
        match ranges.iter().find(|(_, end)| *end > object.size) {
            None => Ok(()),
            Some(&(start, end)) => Err(Error::OutOfBounds {
                key: self.first.key.clone(),
                start,
                end,
                size: object.size,
            }),
        }
    }

    /// Reads `plan` and writes it out in order; `got` is the open answer to its first request.
    async fn stream(
        self,
        got: Got,
        line: Line,
        plan: impl Iterator<Item = Selection>,
        expected: Expected,
        output: Output,
    ) -> Result<Restored, Error> {
        let verified = expected.checksum.is_some();
        let Source { transport, key } = self.first.clone();
        if got.object.etag.is_none() {
            log::warn!(
                "the store gives '{key}' no ETag: a replacement is not noticed while it is read"
            );
        }
        let bound = self.bind(got.object, verified);
        let mut ahead = Ahead::start(bound, plan, line, got.body);
        'emitting: while let Some(next) = ahead.next() {
            let mut emission = Emission::new(next);
            loop {
                match emission.step(&output).await? {
                    // The first bytes go out before other connections are made, which takes longer.
                    Emitted::Piece => ahead.fill(),
                    Emitted::All => break,
                    Emitted::OutputGone => break 'emitting,
                    // A task that ended without an error has sent all of its run.
                    Emitted::Short => return Err(transport.damaged(&key, "a range came short")),
                }
            }
        }
        match output.finish().await {
            Ok(()) => Ok(Restored {
                size: expected.length,
                verified,
            }),
            Err(OutputError::Sink(error)) => Err(Error::Sink(error)),
            Err(OutputError::ReaderGone) => Err(Error::ReaderGone),
            Err(OutputError::Damaged(what)) => Err(transport.damaged(&key, what)),
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

/// Writes out what is wanted of one request's bytes.
struct Emission {
    incoming: Incoming,
    /// The next byte of the object that arrives.
    at: u64,
    /// What is wanted from there on.
    wanted: Peekable<std::vec::IntoIter<Run>>,
}

/// What came next of one request's bytes.
enum Emitted {
    /// Bytes, of which those that are wanted were written.
    Piece,
    /// Nothing, as the request's run is at its end.
    All,
    /// The output takes no more.
    OutputGone,
    /// They ended before the request's run did.
    Short,
}

impl Emission {
    fn new(mut incoming: Incoming) -> Self {
        let wanted = std::mem::take(&mut incoming.selection.wanted);
        Self {
            at: incoming.selection.run.start,
            wanted: wanted.into_iter().peekable(),
            incoming,
        }
    }

    async fn step(&mut self, output: &Output) -> Result<Emitted, Error> {
        if self.at >= self.incoming.selection.run.end {
            return Ok(Emitted::All);
        }
        // An output that has failed is noticed even while nothing arrives to be written.
        let bytes = tokio::select! {
            bytes = self.incoming.bytes.recv() => bytes,
            () = output.gave_up() => return Ok(Emitted::OutputGone),
        };
        let Some(bytes) = bytes else {
            return Ok(Emitted::Short);
        };
        let bytes = bytes?;
        let arrived = Run {
            start: self.at,
            end: self.at + bytes.len() as u64,
        };
        self.at = arrived.end;
        while let Some(run) = self.wanted.peek() {
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
            self.wanted.next();
        }
        Ok(Emitted::Piece)
    }
}
