//! A pipe within the process, from a restore to an upload, whose end is only an end when the writer's
//! side says that all of it was right.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::{Buf, Bytes};

/// How many pieces wait in it; a restore's have at most 256 KiB.
const QUEUE: usize = 4;

/// Makes a pipe; its reader fails when all writers are gone before [`End::finish`].
pub(crate) fn pipe() -> (Writer, Reader, End) {
    let (sender, pieces) = sync_channel(QUEUE);
    let finished = Arc::new(AtomicBool::new(false));
    let end = End {
        open: sender.clone(),
        finished: finished.clone(),
    };
    let reader = Reader {
        pieces,
        piece: Bytes::new(),
        finished,
    };
    (Writer(sender), reader, end)
}

/// The writing side; blocks while the pipe is full.
pub(crate) struct Writer(SyncSender<Bytes>);

/// Says that what was written is all.
pub(crate) struct End {
    /// Keeps the pipe open after the writer.
    open: SyncSender<Bytes>,
    finished: Arc<AtomicBool>,
}

/// The reading side; blocks while the pipe is empty.
pub(crate) struct Reader {
    pieces: Receiver<Bytes>,
    piece: Bytes,
    finished: Arc<AtomicBool>,
}

impl End {
    pub(crate) fn finish(self) {
        self.finished.store(true, Ordering::Release);
        drop(self.open);
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(bytes);
        match self.0.send(piece) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.recv() {
                Ok(piece) => self.piece = piece,
                Err(_) if self.finished.load(Ordering::Acquire) => return Ok(0),
                Err(_) => return Err(io::Error::other("the object to copy could not be read")),
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_finished_pipe_ends() {
        let read = |finished: bool| {
            let (mut writer, mut reader, end) = pipe();
            writer.write_all(b"ab").unwrap();
            writer.write_all(b"c").unwrap();
            drop(writer);
            match finished {
                true => end.finish(),
                false => drop(end),
            }
            let mut bytes = Vec::new();
            (reader.read_to_end(&mut bytes).is_ok(), bytes)
        };
        assert_eq!(read(true), (true, b"abc".to_vec()));
        assert_eq!(read(false), (false, b"abc".to_vec()));
    }

    #[test]
    fn a_reader_that_leaves_is_noticed() {
        let (mut writer, reader, _end) = pipe();
        drop(reader);
        let error = writer.write(b"a").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
