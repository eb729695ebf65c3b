//! The bandwidth of one connection, each way.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How late a timer may wake a body without costing it bandwidth: 20 ms, several of its ticks.
const LATENESS: Duration = Duration::from_millis(20);

/// When the next byte may move.
pub(crate) struct Pace {
    bytes_per_second: u64,
    free_at: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            free_at: Mutex::new(Instant::now()),
        }
    }

    /// Takes the time that `bytes` need, and gives when they have passed.
    ///
    /// A line that was idle has saved nothing up but [`LATENESS`].
    pub(crate) fn take(&self, bytes: u64) -> Instant {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        let time = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earliest = now.checked_sub(LATENESS).unwrap_or(now);
        *free_at = (*free_at).max(earliest) + time;
        *free_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_take_their_time_and_idleness_saves_little() {
        let pace = Pace::new(1000);
        let start = Instant::now();
        assert_eq!(pace.take(500) - start, Duration::from_millis(500));
        assert_eq!(pace.take(500) - start, Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(pace.take(1000) - start, Duration::from_secs(11) - LATENESS);
    }
}
