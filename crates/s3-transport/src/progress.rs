//! Tells a slow request from a dead one: what counts is when the network last took or gave bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::store::StoreError;

/// When one request last made progress on the network's side.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    /// Progress that was made just now.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Notes that bytes have moved.
    pub fn made(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `request`, and drops it when `limit` goes by without progress.
    pub(crate) async fn watch<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut request = std::pin::pin!(request);
        loop {
            let deadline = self.last() + limit;
            tokio::select! {
                result = &mut request => return result,
                () = sleep_until(deadline) => {
                    if self.last() + limit <= Instant::now() {
                        return Err(StoreError::stalled(limit));
                    }
                }
            }
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_request() {
        let silent = std::future::pending::<Result<(), StoreError>>();
        let error = Progress::new()
            .watch(Duration::from_secs(30), silent)
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_that_moves_goes_on() {
        let progress = Progress::new();
        let slow = {
            let progress = progress.clone();
            async move {
                for _ in 0..10 {
                    tokio::time::sleep(Duration::from_secs(29)).await;
                    progress.made();
                }
                Ok(290)
            }
        };
        assert_eq!(
            progress.watch(Duration::from_secs(30), slow).await.unwrap(),
            290
        );
    }
}
