//! Reads a stream of unknown length into parts, on a thread of its own.
//!
//! The thread reads, hashes and fills the next part while others are being sent; it waits when the
//! plan's memory is used up, which is what slows the database down to the network's speed.

use std::io::{self, Read};

use bytes::Bytes;
use ring::digest::{self, SHA256};
use tokio::sync::mpsc;

use crate::buffer::{BUFFER, Buffer, Pool};
use crate::checksum::{Algorithm, Running};
use crate::payload::Payload;
use crate::plan::{MAX_PARTS, PartPlan};

/// What is computed of each part while it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashing {
    /// The checksum sent with it.
    pub(crate) checksum: Option<Algorithm>,
    /// Its SHA-256, for the signature.
    pub(crate) sha256: bool,
}

impl Hashing {
    /// What either of two destinations needs.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            checksum: self.checksum.or(other.checksum),
            sha256: self.sha256 || other.sha256,
        }
    }
}

/// One part of the stream. Cloning shares its bytes.
#[derive(Debug, Clone)]
pub(crate) struct StreamPart {
    /// From 1 on.
    pub(crate) number: u32,
    pub(crate) payload: Payload,
    /// Whether the stream ended with it.
    pub(crate) last: bool,
}

/// The parts of a stream in order; ends after the last part or an error.
pub(crate) type Parts = mpsc::Receiver<io::Result<StreamPart>>;

/// Starts to read `source`. Dropping the receiver ends the thread at its next part.
pub(crate) fn start(
    source: impl Read + Send + 'static,
    plan: PartPlan,
    hashing: Hashing,
) -> io::Result<Parts> {
    let (sender, parts) = mpsc::channel(1);
    let intake = Intake {
        source,
        plan,
        hashing,
        pool: Pool::default(),
    };
    std::thread::Builder::new()
        .name("intake".to_owned())
        .spawn(move || intake.run(&sender))?;
    Ok(parts)
}

struct Intake<R> {
    source: R,
    plan: PartPlan,
    hashing: Hashing,
    pool: Pool,
}

impl<R: Read> Intake<R> {
    fn run(mut self, sender: &mpsc::Sender<io::Result<StreamPart>>) {
        if let Err(error) = self.read_parts(sender) {
            // Where the receiver is gone, somebody else has already failed.
            drop(sender.blocking_send(Err(error)));
        }
    }

    fn read_parts(&mut self, sender: &mpsc::Sender<io::Result<StreamPart>>) -> io::Result<()> {
        let mut number = 1;
        let mut part = PartBuilder::new(self.hashing);
        loop {
            let size = self.plan.size(number);
            // A full part waits until the stream is known to go on or to end, so that the last
            // part is marked as such.
            if part.length == size {
                let mut next = PartBuilder::new(self.hashing);
                let ended = self.read_into(&mut next, number + 1)? == 0;
                if sender
                    .blocking_send(Ok(part.finish(number, ended)))
                    .is_err()
                    || ended
                {
                    return Ok(());
                }
                if number == MAX_PARTS {
                    return Err(too_long(&self.plan));
                }
                number += 1;
                part = next;
            } else if self.read_into(&mut part, number)? == 0 {
                drop(sender.blocking_send(Ok(part.finish(number, true))));
                return Ok(());
            }
        }
    }

    /// Reads once into part `number`; 0 at the end of the stream.
    fn read_into(&mut self, part: &mut PartBuilder, number: u32) -> io::Result<usize> {
        let limit = self.plan.memory(number).div_ceil(BUFFER as u64) + 1;
        let room = self.plan.size(number.min(MAX_PARTS)) - part.length;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let buffer = match &mut part.buffer {
            Some(buffer) => buffer,
            empty => empty.insert(self.pool.take(usize::try_from(limit).unwrap_or(usize::MAX))),
        };
        loop {
            match self.source.read(buffer.room(room)) {
                Ok(count) => {
                    part.take(count);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn too_long(plan: &PartPlan) -> io::Error {
    let gib = plan.longest_stream() >> 30;
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!(
            "the stream is longer than the {gib} GiB that {MAX_PARTS} parts can hold; \
             raise backup_multipart_chunksize (and max_memory, where it is set)"
        ),
    )
}

/// A part while it is filled.
struct PartBuilder {
    pieces: Vec<Bytes>,
    buffer: Option<Buffer>,
    length: u64,
    checksum: Option<Running>,
    sha256: Option<digest::Context>,
}

impl PartBuilder {
    fn new(hashing: Hashing) -> Self {
        Self {
            pieces: Vec::new(),
            buffer: None,
            length: 0,
            checksum: hashing.checksum.map(Running::new),
            sha256: hashing.sha256.then(|| digest::Context::new(&SHA256)),
        }
    }

    /// Counts and hashes the `count` bytes that were read into the buffer.
    fn take(&mut self, count: usize) {
        let Some(buffer) = &mut self.buffer else {
            return;
        };
        let bytes = buffer.advance(count);
        if let Some(checksum) = &mut self.checksum {
            checksum.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        self.length += count as u64;
        if buffer.is_full() {
            self.pieces.extend(self.buffer.take().map(Buffer::freeze));
        }
    }

    fn finish(mut self, number: u32, last: bool) -> StreamPart {
        let rest = self.buffer.take().map(Buffer::freeze);
        self.pieces.extend(rest.filter(|bytes| !bytes.is_empty()));
        let sha256 = self.sha256.map(|context| {
            let mut hash = [0; 32];
            hash.copy_from_slice(context.finish().as_ref());
            hash
        });
        let checksum = self.checksum.as_ref().map(Running::finish);
        StreamPart {
            number,
            payload: Payload::new(self.pieces, checksum, sha256),
            last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::MIN_PART;
    use proptest::prelude::*;

    /// Gives its bytes in reads of the given sizes, over and over.
    struct Trickle {
        left: u64,
        sizes: Vec<usize>,
        turn: usize,
    }

    impl Read for Trickle {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.turn += 1;
            let wish = self.sizes[self.turn % self.sizes.len()] as u64;
            let count = wish.min(self.left).min(room.len() as u64);
            self.left -= count;
            Ok(count as usize)
        }
    }

    fn part_sizes(length: u64, sizes: Vec<usize>) -> Vec<(u64, bool)> {
        let source = Trickle {
            left: length,
            sizes,
            turn: 0,
        };
        let hashing = Hashing {
            checksum: Some(Algorithm::Crc64Nvme),
            sha256: false,
        };
        let mut parts = start(source, PartPlan::new(MIN_PART, 1, None), hashing).unwrap();
        std::iter::from_fn(|| parts.blocking_recv())
            .map(|part| part.unwrap())
            .map(|part| (part.payload.length(), part.last))
            .collect()
    }

    #[test]
    fn the_last_part_is_marked_at_every_boundary() {
        let part = MIN_PART;
        let sizes = vec![usize::MAX];
        assert_eq!(part_sizes(0, sizes.clone()), [(0, true)]);
        assert_eq!(part_sizes(1, sizes.clone()), [(1, true)]);
        assert_eq!(part_sizes(part, sizes.clone()), [(part, true)]);
        assert_eq!(
            part_sizes(part + 1, sizes.clone()),
            [(part, false), (1, true)]
        );
        assert_eq!(part_sizes(2 * part, sizes), [(part, false), (part, true)]);
    }

    #[test]
    fn a_read_error_ends_the_parts() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let hashing = Hashing {
            checksum: None,
            sha256: false,
        };
        let mut parts = start(Broken, PartPlan::new(MIN_PART, 1, None), hashing).unwrap();
        assert_eq!(
            parts.blocking_recv().unwrap().unwrap_err().to_string(),
            "broken"
        );
        assert!(parts.blocking_recv().is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn any_pace_of_reads_gives_the_same_parts(
            length in 0..3 * MIN_PART, sizes in proptest::collection::vec(1usize..1 << 20, 1..8),
        ) {
            prop_assert_eq!(part_sizes(length, sizes), part_sizes(length, vec![usize::MAX]));
        }
    }
}
