//! The buffers of one upload: allocated when first needed, reused, and bounded in number.
//!
//! A buffer is filled once by the reader and leaves as [`Bytes`] that every attempt to send it
//! shares; when the last of these is dropped, the buffer is free for the reader again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// The size of one buffer: 256 KiB, large enough that system calls are few, small enough that a
/// short stream costs little.
pub(crate) const BUFFER: usize = 256 << 10;

/// Where a buffer begins: at a page of memory, so of 4 KiB. Large blocks of the C library begin 16 bytes
/// behind one; to have the kernel copy a stream into these took a tenth more of a backup's CPU time.
const ALIGNMENT: usize = 4 << 10;

/// A bounded set of buffers of [`BUFFER`] bytes each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    free: Vec<Box<[u8]>>,
    in_use: usize,
}

impl Pool {
    /// Takes a buffer, waiting until fewer than `limit` are in use (blocks the thread).
    pub(crate) fn take(&self, limit: usize) -> Buffer {
        let mut state = self.lock();
        while state.in_use >= limit.max(1) {
            state = self
                .0
                .returned
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.in_use += 1;
        let bytes = state.free.pop();
        drop(state);
        // A new buffer is zero pages of the system: untouched parts of it cost no memory.
        let bytes = bytes.unwrap_or_else(|| vec![0; BUFFER + ALIGNMENT].into_boxed_slice());
        let start = bytes.as_ptr().align_offset(ALIGNMENT);
        Buffer {
            bytes,
            start,
            filled: 0,
            pool: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One buffer, filled from its start.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    /// Where in `bytes` the first page begins.
    start: usize,
    filled: usize,
    pool: Pool,
}

impl Buffer {
    /// What is still free, at most `limit` bytes of it.
    pub(crate) fn room(&mut self, limit: usize) -> &mut [u8] {
        let end = BUFFER.min(self.filled.saturating_add(limit));
        &mut self.bytes[self.start..][self.filled..end]
    }

    pub(crate) fn is_full(&self) -> bool {
        self.filled == BUFFER
    }

    /// Counts the next `length` bytes as filled and returns them.
    pub(crate) fn advance(&mut self, length: usize) -> &[u8] {
        let start = self.filled;
        self.filled += length;
        &self.bytes[self.start..][start..self.filled]
    }

    /// The filled bytes; the buffer goes back to its pool when the last clone of them is dropped.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..][..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.in_use -= 1;
        state.free.push(std::mem::take(&mut self.bytes));
        self.pool.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_used_again() {
        let pool = Pool::default();
        let mut buffer = pool.take(1);
        buffer.room(3).copy_from_slice(b"abc");
        assert_eq!(buffer.advance(3), b"abc");
        let bytes = buffer.freeze();
        let address = bytes.as_ptr();
        assert_eq!(bytes.clone(), "abc");
        drop(bytes);
        let again = pool.take(1);
        assert_eq!(again.as_ref().as_ptr(), address);
        assert!(again.as_ref().is_empty());
    }

    #[test]
    fn every_buffer_begins_at_a_page_and_has_the_whole_size() {
        let pool = Pool::default();
        let mut buffers: Vec<Buffer> = (0..4).map(|_| pool.take(4)).collect();
        for buffer in &mut buffers {
            let room = buffer.room(usize::MAX);
            assert_eq!(room.as_ptr().addr() % ALIGNMENT, 0);
            assert_eq!(room.len(), BUFFER);
            buffer.advance(1);
            assert_eq!(buffer.room(usize::MAX).len(), BUFFER - 1);
            buffer.advance(BUFFER - 1);
            assert!(buffer.is_full());
            assert_eq!(buffer.as_ref().len(), BUFFER);
        }
    }

    #[test]
    fn a_full_pool_waits_for_a_return() {
        let pool = Pool::default();
        let first = pool.take(1);
        let waiting = std::thread::spawn({
            let pool = pool.clone();
            move || pool.take(1).room(usize::MAX).len()
        });
        drop(first);
        assert_eq!(waiting.join().expect("the thread ends"), BUFFER);
    }
}
