//! When a failed request is sent again, and when it is given up.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::store::{Kind, StoreError};

/// How patient the transport is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long one request goes on being tried while nothing of it succeeds.
    pub total: Duration,
    /// How long a request may go without a byte moving before it is dropped and repeated.
    pub stall: Duration,
    /// How long an object that is not found is looked for again: a store may show an object a
    /// little after it has taken it.
    pub not_found: Duration,
    /// The first delay; each further one is twice as long, up to 100 times this one.
    pub first_delay: Duration,
}

impl Patience {
    /// For data and files: as long as the config's `retry_patience` says.
    pub fn of_transfers(total: Duration) -> Self {
        Self {
            total,
            stall: Duration::from_secs(30),
            not_found: total.min(Duration::from_secs(2)),
            first_delay: Duration::from_millis(50),
        }
        .hurried()
    }

    /// For a destination that another one can stand in for, so that it is not waited for: 5 s since
    /// bytes last moved, and not at all for an object that is not there.
    pub fn of_replaceable(self) -> Self {
        Self {
            total: self.total.min(Duration::from_secs(5)),
            stall: self.stall.min(Duration::from_secs(5)),
            not_found: Duration::ZERO,
            ..self
        }
    }

    /// For setup hooks and `check`, which are to tell of a mistake soon.
    pub fn of_checks() -> Self {
        Self {
            total: Duration::from_secs(6),
            stall: Duration::from_secs(5),
            not_found: Duration::ZERO,
            first_delay: Duration::from_millis(50),
        }
        .hurried()
    }

    /// Divides all of it by the number in `S3_TRANSPORT_HURRY`, so that tests can play in seconds what
    /// takes minutes. Only builds with debug assertions look at it: no released binary does.
    fn hurried(self) -> Self {
        let factor = match std::env::var("S3_TRANSPORT_HURRY") {
            Ok(text) if cfg!(debug_assertions) => text.parse().unwrap_or(1).max(1),
            _ => 1,
        };
        Self {
            total: self.total / factor,
            stall: self.stall / factor,
            not_found: self.not_found / factor,
            first_delay: self.first_delay / factor,
        }
    }
}

/// The failures of one request so far.
#[derive(Debug)]
pub(crate) struct Attempts {
    patience: Patience,
    /// When the first failure since the last progress came, or the silence began that it came of; an
    /// attempt may take as long as it likes while bytes move.
    failing_since: Option<Instant>,
    /// Failures since the last progress.
    failures: u32,
    /// All attempts.
    pub(crate) count: u32,
}

impl Attempts {
    pub(crate) fn new(patience: Patience) -> Self {
        Self {
            patience,
            failing_since: None,
            failures: 0,
            count: 0,
        }
    }

    /// Bytes arrived: the clock starts anew.
    pub(crate) fn progressed(&mut self) {
        self.failing_since = None;
        self.failures = 0;
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.failing_since
            .map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Counts a failure; the delay before the next attempt, or `None` to give up.
    pub(crate) fn failed(&mut self, error: &StoreError) -> Option<Duration> {
        self.count += 1;
        self.failing_since.get_or_insert_with(|| {
            let now = Instant::now();
            match error.kind {
                Kind::Timeout => now.checked_sub(self.patience.stall).unwrap_or(now),
                _ => now,
            }
        });
        let limit = match error.kind {
            Kind::NoSuchKey => self.patience.not_found,
            _ if error.kind.is_transient() => self.patience.total,
            _ => return None,
        };
        let delay = delay(self.patience.first_delay, self.failures, fastrand::f64());
        self.failures += 1;
        (self.elapsed() + delay <= limit).then_some(delay)
    }
}

/// The delay after failure number `failures` (from 0): doubling, capped, and anything from half of
/// it to all of it by `jitter` (0 to 1), so that many processes do not come back at once.
fn delay(first: Duration, failures: u32, jitter: f64) -> Duration {
    let full = first.saturating_mul(1 << failures.min(7)).min(first * 100);
    full.mul_f64(0.5 + jitter / 2.0)
}

/// Slows down all requests of the process when the store asks for it.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Pace>);

#[derive(Debug, Default)]
struct Pace {
    open_at: Option<Instant>,
    pause: Duration,
    raised_at: Option<Instant>,
}

impl Gate {
    /// The longest pause that the store's throttling leads to.
    const LONGEST: Duration = Duration::from_secs(5);

    /// Waits until requests may be sent again.
    pub(crate) async fn pass(&self) {
        let open_at = self.pace().open_at;
        if let Some(open_at) = open_at {
            sleep_until(open_at).await;
        }
    }

    /// Notes how a request ended that was sent at `sent`.
    ///
    /// Requests that were under way together are throttled together: they count once.
    pub(crate) fn note<T>(
        &self,
        sent: Instant,
        result: &Result<T, StoreError>,
        first_delay: Duration,
    ) {
        let mut pace = self.pace();
        match result {
            Err(error) if error.kind == Kind::Throttled => {
                if pace.raised_at.is_some_and(|raised| sent <= raised) {
                    return;
                }
                pace.raised_at = Some(Instant::now());
                pace.pause = (pace.pause * 2).clamp(first_delay, Self::LONGEST);
                let pause = pace.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
                pace.open_at = Some(Instant::now() + pause);
            }
            Ok(_) => pace.pause /= 2,
            Err(_) => {}
        }
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn patience() -> Patience {
        Patience::of_transfers(Duration::from_secs(120))
    }

    fn error(kind: Kind) -> StoreError {
        StoreError::new(kind, "test")
    }

    #[test]
    fn permanent_errors_fail_at_once() {
        for kind in [
            Kind::Denied,
            Kind::Credentials,
            Kind::Tls,
            Kind::NoSuchBucket,
        ] {
            assert_eq!(Attempts::new(patience()).failed(&error(kind)), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn transient_errors_are_tried_for_the_whole_patience() {
        let mut attempts = Attempts::new(patience());
        let start = Instant::now();
        while let Some(delay) = attempts.failed(&error(Kind::Server)) {
            tokio::time::sleep(delay).await;
        }
        let waited = start.elapsed();
        assert!(
            waited > Duration::from_secs(110) && waited <= Duration::from_secs(120),
            "{waited:?}"
        );
        assert!(attempts.count < 60, "{} attempts", attempts.count);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_may_take_longer_than_the_patience() {
        let mut attempts = Attempts::new(patience());
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(attempts.failed(&error(Kind::Connection)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_its_beginning() {
        let silent_for = |patience: Patience| async move {
            let (mut attempts, start) = (Attempts::new(patience), Instant::now());
            loop {
                tokio::time::sleep(patience.stall).await;
                match attempts.failed(&error(Kind::Timeout)) {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return (attempts.count, start.elapsed()),
                }
            }
        };
        let (count, waited) = silent_for(patience()).await;
        assert!(
            count == 4 && waited < Duration::from_secs(125),
            "{count} {waited:?}"
        );
        let replaceable = patience().of_replaceable();
        assert_eq!(silent_for(replaceable).await, (1, Duration::from_secs(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_object_is_looked_for_two_seconds() {
        let mut attempts = Attempts::new(patience());
        let start = Instant::now();
        while let Some(delay) = attempts.failed(&error(Kind::NoSuchKey)) {
            tokio::time::sleep(delay).await;
        }
        assert!(start.elapsed() <= Duration::from_secs(2));
        assert!(attempts.count > 3);
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_holds_every_request_back() {
        let gate = Gate::default();
        let start = Instant::now();
        gate.pass().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..6 {
            gate.note::<()>(
                start,
                &Err(error(Kind::Throttled)),
                Duration::from_millis(100),
            );
        }
        gate.pass().await;
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(50) && waited <= Duration::from_millis(101));
    }

    proptest! {
        #[test]
        fn delays_stay_within_half_and_all_of_the_cap(failures in 0u32..10_000, jitter in 0.0..1.0) {
            let first = Duration::from_millis(50);
            let delay = delay(first, failures, jitter);
            prop_assert!(delay >= first / 2 && delay <= first * 100);
        }
    }
}
