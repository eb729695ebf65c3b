//! Tells a slow request from a dead one: what counts is when the network last took or gave bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::store::StoreError;

/// When one request last made progress on the network's side.
#[derive(Debug, Clone)]
pub struct Progress {
    begun: Instant,
    last: Arc<Mutex<Instant>>,
}

impl Progress {
    /// Progress that was made just now.
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            last: Arc::new(Mutex::new(now)),
        }
    }

    /// Notes that bytes have moved.
    pub fn made(&self) {
        self.set(Instant::now());
    }

    /// Notes that the system has taken the last of a request's bytes.
    ///
    /// It keeps megabytes of them, which nothing tells of while a slow line takes them: the answer may
    /// take as much longer as sending has taken up to now.
    pub fn handed_over(&self) {
        self.set(Instant::now() + self.begun.elapsed());
    }

    fn set(&self, last: Instant) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
    }

    fn last(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
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
                biased;
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
    async fn an_answer_may_take_as_long_as_sending_did() {
        let limit = Duration::from_secs(30);
        for (silence, answered) in [(69, true), (71, false)] {
            let progress = Progress::new();
            let sent = {
                let progress = progress.clone();
                async move {
                    for _ in 0..2 {
                        tokio::time::sleep(Duration::from_secs(20)).await;
                        progress.made();
                    }
                    progress.handed_over();
                    tokio::time::sleep(Duration::from_secs(silence)).await;
                    Ok(())
                }
            };
            let result = progress.watch(limit, sent).await;
            assert_eq!(result.is_ok(), answered, "{silence} s");
        }
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
