//! The bytes of every download: one block of random ones, over and over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::memory::checksum::{Algorithm, Checksum};

/// The block's length.
const BLOCK: u64 = 1024 * 1024; // 1 MiB

/// The seed of the block, so that every run serves the same bytes.
const SEED: u64 = 20_261_122;

/// The block and its checksum.
pub(crate) struct Pattern {
    block: Bytes,
    checksum: Checksum,
    /// The checksums that were asked for, by size: to combine one takes longer than a small answer.
    known: Mutex<HashMap<u64, Checksum>>,
}

impl Pattern {
    pub(crate) fn new() -> Self {
        let mut block = vec![0; BLOCK as usize];
        fastrand::Rng::with_seed(SEED).fill(&mut block);
        Self {
            checksum: Checksum::of(Algorithm::Crc64Nvme, &block),
            block: block.into(),
            known: Mutex::default(),
        }
    }

    /// The bytes from `at` on, at most `limit` of them and no further than the block's end.
    pub(crate) fn piece(&self, at: u64, limit: u64) -> Bytes {
        let start = at % BLOCK;
        let end = BLOCK.min(start.saturating_add(limit));
        self.block.slice(start as usize..end as usize)
    }

    /// CRC64NVME of the first `size` bytes.
    pub(crate) fn checksum(&self, size: u64) -> Checksum {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(size).or_insert_with(|| self.combined(size))
    }

    fn combined(&self, size: u64) -> Checksum {
        let rest = Checksum::of(Algorithm::Crc64Nvme, &self.piece(0, size % BLOCK));
        let blocks = self.repeated(size / BLOCK);
        blocks.followed_by(rest, size % BLOCK)
    }

    /// CRC64NVME of so many blocks, by doubling.
    fn repeated(&self, blocks: u64) -> Checksum {
        match blocks {
            0 => Checksum::of(Algorithm::Crc64Nvme, b""),
            1 => self.checksum,
            _ => {
                let half = self.repeated(blocks / 2);
                let even = half.followed_by(half, blocks / 2 * BLOCK);
                match blocks % 2 {
                    0 => even,
                    _ => even.followed_by(self.checksum, BLOCK),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_bytes() {
        let pattern = Pattern::new();
        for size in [
            0,
            1,
            BLOCK - 1,
            BLOCK,
            BLOCK + 1,
            2 * BLOCK,
            3 * BLOCK + 7,
            5 * BLOCK,
        ] {
            let mut bytes = Vec::new();
            while (bytes.len() as u64) < size {
                let at = bytes.len() as u64;
                bytes.extend_from_slice(&pattern.piece(at, size - at));
            }
            let expected = Checksum::of(Algorithm::Crc64Nvme, &bytes);
            assert_eq!(pattern.checksum(size), expected, "{size} bytes");
        }
    }
}
