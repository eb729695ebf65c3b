//! How many ranges of a restore are worth having in flight.
//!
//! Many hide how long a store takes to answer, and how little one connection carries. Where the store is
//! beside the host they hide nothing: a few keep the line busy, and what more would fetch only waits in
//! memory for the reader.

use std::time::Duration;

use tokio::time::Instant;

/// How many are in flight on a line that is known as fast, if so many are allowed.
const FEW: usize = 3;

/// Within which time a store that is near answers: 20 ms, with the connection made.
const NEAR: Duration = Duration::from_millis(20);

/// What one connection of a fast line carries, in bytes a second: 100 MB/s. Three of these are more than
/// a segment's COPY takes.
const FAST: u64 = 100_000_000;

/// What is known of the line to the store.
#[derive(Debug)]
pub(crate) struct Line {
    /// How many ranges may be in flight at most.
    most: usize,
    is_fast: bool,
}

impl Line {
    /// A line whose store has answered to what was `asked` then.
    pub(crate) fn new(most: usize, asked: Instant) -> Self {
        let is_fast = asked.elapsed() <= NEAR;
        Self { most, is_fast }
    }

    /// Notes that a range of `length` bytes, `asked` for then, is not there as yet. A line that was slow
    /// once counts as slow from then on.
    pub(crate) fn waits_for(&mut self, length: u64, asked: Instant) {
        let nanos = length.saturating_mul(1_000_000_000 / FAST);
        self.is_fast &= asked.elapsed() <= Duration::from_nanos(nanos);
    }

    /// How many ranges to have in flight.
    pub(crate) fn width(&self) -> usize {
        match self.is_fast {
            true => self.most.min(FEW),
            false => self.most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_or_a_slow_range_shows_a_slow_line() {
        let answered_after = |ms| Line::new(6, Instant::now() - Duration::from_millis(ms));
        assert_eq!(answered_after(21).width(), 6);
        let mut line = answered_after(20);
        assert_eq!(line.width(), 3);
        let asked = Instant::now();
        tokio::time::advance(Duration::from_millis(100)).await;
        line.waits_for(10_000_000, asked);
        assert_eq!(line.width(), 3);
        line.waits_for(9_999_999, asked);
        assert_eq!(line.width(), 6);
        line.waits_for(10_000_000, asked);
        assert_eq!(line.width(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_allowed_are_in_flight() {
        let mut line = Line::new(2, Instant::now());
        assert_eq!(line.width(), 2);
        let asked = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        line.waits_for(0, asked);
        assert_eq!(line.width(), 2);
    }
}
