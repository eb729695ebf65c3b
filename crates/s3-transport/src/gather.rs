//! Gathers the pieces in which bytes arrive into blocks, which wait until they are written out.
//!
//! A piece is a slice of the connection's read buffer: kept, it would hold all of that buffer, and the
//! next bytes would be read into memory that is in no cache. Copied at once, it leaves the same small
//! buffer free to be read into again, and what waits is as large as its bytes.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};

/// The size of one block: 256 KiB, so that writes are few.
pub(crate) const BLOCK: usize = 256 << 10;

/// The blocks of one restore: allocated when first needed, and used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks(Arc<Mutex<Vec<BytesMut>>>);

impl Blocks {
    /// A block that nobody holds bytes of any more, or a new one.
    fn take(&self) -> BytesMut {
        let mut filled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match filled.iter_mut().position(|block| block.try_reclaim(BLOCK)) {
            Some(free) => filled.swap_remove(free),
            None => BytesMut::with_capacity(BLOCK),
        }
    }

    /// Takes back a block that is filled; it is free when its bytes have been written out.
    fn give(&self, block: BytesMut) {
        let mut filled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        filled.push(block);
    }
}

/// Gathers the bytes of one request.
#[derive(Debug)]
pub(crate) struct Gather {
    blocks: Blocks,
    block: BytesMut,
}

impl Gather {
    pub(crate) fn new(blocks: Blocks) -> Self {
        Self {
            blocks,
            block: BytesMut::new(),
        }
    }

    /// Copies as much of `piece` as the block has room for, and returns the block when that fills it.
    pub(crate) fn add(&mut self, piece: &mut Bytes) -> Option<Bytes> {
        if self.block.capacity() == 0 {
            self.block = self.blocks.take();
        }
        let room = self.block.capacity() - self.block.len();
        let fitting = piece.split_to(room.min(piece.len()));
        self.block.extend_from_slice(&fitting);
        if self.block.len() < self.block.capacity() {
            return None;
        }
        let full = self.rest();
        let block = std::mem::take(&mut self.block);
        self.blocks.give(block);
        full
    }

    /// What is in the block; the room behind it is filled next.
    pub(crate) fn rest(&mut self) -> Option<Bytes> {
        let rest = self.block.split().freeze();
        (!rest.is_empty()).then_some(rest)
    }
}

impl Drop for Gather {
    fn drop(&mut self) {
        if self.block.capacity() > 0 {
            self.blocks.give(std::mem::take(&mut self.block));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All that `pieces` come to, with what is in the block taken out after those that `flushed` names.
    fn gathered(gather: &mut Gather, pieces: &[Vec<u8>], flushed: &[bool]) -> Vec<Bytes> {
        let mut out = Vec::new();
        for (piece, flush) in pieces.iter().zip(flushed.iter().cycle()) {
            let mut piece = Bytes::copy_from_slice(piece);
            while !piece.is_empty() {
                out.extend(gather.add(&mut piece));
            }
            if *flush {
                out.extend(gather.rest());
            }
        }
        out.extend(gather.rest());
        out
    }

    #[test]
    fn a_block_is_used_again_when_its_bytes_are_dropped() {
        let blocks = Blocks::default();
        let fill = |gather: &mut Gather| gather.add(&mut Bytes::from(vec![1; BLOCK])).unwrap();
        let (mut one, mut other) = (Gather::new(blocks.clone()), Gather::new(blocks.clone()));
        let first = fill(&mut one);
        let second = fill(&mut other);
        assert_ne!(first.as_ptr(), second.as_ptr());
        let address = first.as_ptr();
        drop(first);
        assert_eq!(fill(&mut other).as_ptr(), address);
        assert_eq!(second, vec![1; BLOCK]);
    }

    #[test]
    fn what_is_begun_by_one_is_used_by_the_next() {
        let blocks = Blocks::default();
        let mut one = Gather::new(blocks.clone());
        assert_eq!(one.add(&mut Bytes::from_static(b"abc")), None);
        let address = one.rest().unwrap().as_ptr();
        drop(one);
        let mut next = Gather::new(blocks);
        assert_eq!(next.add(&mut Bytes::from_static(b"d")), None);
        assert_eq!(next.rest().unwrap().as_ptr(), address);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn bytes_come_out_as_they_came_in(
            pieces in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..BLOCK / 3), 0..12,
            ),
            flushed in proptest::collection::vec(any::<bool>(), 1..5),
        ) {
            let mut gather = Gather::new(Blocks::default());
            let out = gathered(&mut gather, &pieces, &flushed);
            prop_assert!(out.iter().all(|bytes| !bytes.is_empty() && bytes.len() <= BLOCK));
            prop_assert_eq!(out.concat(), pieces.concat());
        }
    }
}
