//! Writes restored bytes out, in order, on a thread of its own, and keeps the end of them back
//! until all of them are known to be right.
//!
//! gprestore never looks at the plugin's exit code when a restore is compressed or comes from a
//! single data file. What every caller notices is a stream that ends short: so the last bytes only
//! leave when the whole stream has been verified.

use std::collections::VecDeque;
use std::io::{self, Write};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::checksum::{Checksum, Running};

/// The most bytes that are kept back: 1 MiB, or half of a shorter stream.
const HELD_BACK: u64 = 1 << 20;

/// How many pieces wait for the writer; each has at most 256 KiB.
const QUEUE: usize = 8;

/// What the stream must turn out to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// In bytes.
    pub(crate) length: u64,
    /// Where the store keeps one.
    pub(crate) checksum: Option<Checksum>,
}

/// Why the stream did not go out whole.
#[derive(Debug)]
pub(crate) enum OutputError {
    /// The sink failed.
    Sink(io::Error),
    /// The reader went away.
    ReaderGone,
    /// The bytes are not the expected ones.
    Damaged(String),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Sink(error),
        }
    }
}

enum Message {
    Bytes(Bytes),
    /// All bytes were given.
    End,
}

/// Where restored bytes go.
pub(crate) struct Output {
    queue: mpsc::Sender<Message>,
    outcome: oneshot::Receiver<Result<(), OutputError>>,
}

/// A thread that waits for the stream which it will write.
///
/// Made while the store is asked: where every core is busy, a new thread waits longer for one than a
/// thread that is woken, and the first bytes with it.
pub(crate) struct Ready<W> {
    writer: oneshot::Sender<Writer<W>>,
    output: Output,
}

impl<W: Write + Send + 'static> Ready<W> {
    pub(crate) fn new() -> io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let (report, outcome) = oneshot::channel();
        let (writer, given) = oneshot::channel::<Writer<W>>();
        std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || {
                // Without a writer there was nothing to restore. Where nobody waits for the outcome, the
                // restore has already failed.
                if let Ok(writer) = given.blocking_recv() {
                    drop(report.send(writer.run(messages)));
                }
            })?;
        let output = Output { queue, outcome };
        Ok(Self { writer, output })
    }

    /// Starts to write to `sink`.
    pub(crate) fn start(self, sink: W, expected: Expected) -> Output {
        // Where the thread has ended, the output's end tells.
        drop(self.writer.send(Writer::new(sink, expected)));
        self.output
    }
}

impl Output {
    /// Gives the next bytes; waits while the reader is slow. `false` when the writer has given up:
    /// [`finish`](Self::finish) tells why.
    pub(crate) async fn write(&self, bytes: Bytes) -> bool {
        self.queue.send(Message::Bytes(bytes)).await.is_ok()
    }

    /// Whether the writer goes on; resolves when it has given up.
    pub(crate) async fn gave_up(&self) {
        self.queue.closed().await;
    }

    /// Verifies what went out, lets the end of it go, and waits until the sink has all of it.
    pub(crate) async fn finish(self) -> Result<(), OutputError> {
        // Where the writer has ended early, its outcome tells why.
        drop(self.queue.send(Message::End).await);
        drop(self.queue);
        let ended = || OutputError::Sink(io::Error::other("the writing thread ended early"));
        self.outcome.await.unwrap_or_else(|_| Err(ended()))
    }
}

struct Writer<W> {
    sink: W,
    expected: Expected,
    running: Option<Running>,
    /// Bytes that were given.
    received: u64,
    /// From here on bytes are kept back.
    hold_from: u64,
    held: VecDeque<Bytes>,
}

impl<W: Write> Writer<W> {
    fn new(sink: W, expected: Expected) -> Self {
        let running = expected
            .checksum
            .map(|checksum| Running::new(checksum.algorithm));
        let hold_from = expected.length - HELD_BACK.min(expected.length / 2);
        Self {
            sink,
            expected,
            running,
            received: 0,
            hold_from,
            held: VecDeque::new(),
        }
    }

    fn run(mut self, mut messages: mpsc::Receiver<Message>) -> Result<(), OutputError> {
        while let Some(message) = messages.blocking_recv() {
            match message {
                Message::Bytes(bytes) => self.take(bytes)?,
                Message::End => return self.end(),
            }
        }
        // Given up by the other side, which knows why: what is held back stays back.
        Ok(())
    }

    fn take(&mut self, mut bytes: Bytes) -> Result<(), OutputError> {
        if let Some(running) = &mut self.running {
            running.update(&bytes);
        }
        let until_hold = self.hold_from.saturating_sub(self.received);
        self.received += bytes.len() as u64;
        if self.received > self.expected.length {
            return Err(self.wrong_length());
        }
        let now = usize::try_from(until_hold)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let now = bytes.split_to(now);
        if !bytes.is_empty() {
            self.held.push_back(bytes);
        }
        Ok(self.sink.write_all(&now)?)
    }

    fn end(mut self) -> Result<(), OutputError> {
        if self.received != self.expected.length {
            return Err(self.wrong_length());
        }
        if let (Some(running), Some(expected)) = (&self.running, self.expected.checksum) {
            let found = running.finish();
            if found.value != expected.value {
                return Err(OutputError::Damaged(format!(
                    "its bytes have {} {}, the store says {}",
                    found.algorithm.name(),
                    found.to_base64(),
                    expected.to_base64(),
                )));
            }
        }
        for bytes in &self.held {
            self.sink.write_all(bytes)?;
        }
        Ok(self.sink.flush()?)
    }

    fn wrong_length(&self) -> OutputError {
        let (received, expected) = (self.received, self.expected.length);
        OutputError::Damaged(format!("{received} bytes came where it has {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Algorithm;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn checksum(bytes: &[u8]) -> Checksum {
        let mut running = Running::new(Algorithm::Crc64Nvme);
        running.update(bytes);
        running.finish()
    }

    /// Sends `bytes` in pieces where `expected` is expected; what came out, and how it ended.
    async fn write(bytes: &[u8], expected: &[u8]) -> (Vec<u8>, Result<(), OutputError>) {
        let sink = Shared::default();
        let expected = Expected {
            length: expected.len() as u64,
            checksum: Some(checksum(expected)),
        };
        let output = Ready::new().unwrap().start(sink.clone(), expected);
        for piece in bytes.chunks(1000) {
            output.write(Bytes::copy_from_slice(piece)).await;
        }
        let outcome = output.finish().await;
        let written = sink.0.lock().unwrap().clone();
        (written, outcome)
    }

    #[tokio::test]
    async fn right_bytes_go_out_whole() {
        for length in [0, 1, 2, 999, 5000, 3 << 20] {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let (written, outcome) = write(&bytes, &bytes).await;
            assert!(outcome.is_ok(), "{length}: {outcome:?}");
            assert_eq!(written, bytes);
        }
    }

    #[tokio::test]
    async fn wrong_bytes_end_short() {
        let right = vec![7; 3 << 20];
        let mut flipped = right.clone();
        flipped[5] ^= 1;
        for wrong in [
            &flipped[..],
            &right[..right.len() - 1],
            &[&right[..], b"x"].concat(),
        ] {
            let (written, outcome) = write(wrong, &right).await;
            assert!(
                matches!(outcome, Err(OutputError::Damaged(_))),
                "{outcome:?}"
            );
            assert!(written.len() <= right.len() - HELD_BACK as usize);
        }
    }

    #[tokio::test]
    async fn a_reader_that_leaves_is_noticed() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let expected = Expected {
            length: 10,
            checksum: None,
        };
        let output = Ready::new().unwrap().start(Gone, expected);
        output.write(Bytes::from_static(b"0123456789")).await;
        output.gave_up().await;
        assert!(matches!(
            output.finish().await,
            Err(OutputError::ReaderGone)
        ));
    }
}
