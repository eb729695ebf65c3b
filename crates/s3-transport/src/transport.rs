//! The one place through which every request goes: it waits for its turn, is timed, and is tried
//! again where that may help.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plugin_config::{Checksum as ChecksumOption, Destination, PayloadSigning, Settings};

use tokio::time::Instant;

use crate::checksum::Algorithm;
use crate::error::Error;
use crate::intake::Hashing;
use crate::payload::Payload;
use crate::plan::{DEFAULT_PART, PartPlan};
use crate::progress::Progress;
use crate::retry::{Attempts, Gate, Patience};
use crate::sdk::SdkStore;
use crate::store::{Kind, Store, StoreError};

/// How a transport works, beside where to.
#[derive(Debug, Clone)]
pub struct Options {
    /// The sizes of uploaded parts and their number in flight.
    pub parts: PartPlan,
    /// The size of a downloaded range, in bytes.
    pub range: u64,
    /// How many ranges are in flight.
    pub range_concurrency: usize,
    /// The checksum sent with what is stored.
    pub checksum: Option<Algorithm>,
    /// Whether a store that refuses it is an error; if not, it is left out there.
    pub checksum_required: bool,
    /// Whether the payload is part of the signature.
    pub sign_payload: bool,
    /// The most bytes that the store is asked to copy by one request.
    pub largest_copy: u64,
    /// When requests are given up.
    pub patience: Patience,
}

/// The most bytes that CopyObject copies: 5 GiB (S3 quotas page).
const LARGEST_COPY: u64 = 5 << 30;

impl Options {
    /// What the config file asks for at one of its destinations.
    pub fn new(settings: &Settings, destination: &Destination) -> Self {
        let (upload, download) = (&settings.upload, &settings.download);
        let parts = PartPlan::new(
            upload.part_size.unwrap_or(DEFAULT_PART),
            upload.concurrency.get(),
            settings.max_memory,
        );
        let memory = settings.max_memory.unwrap_or(u64::MAX);
        let range = download.part_size.unwrap_or(DEFAULT_PART).clamp(1, memory);
        let most = usize::try_from(memory / range).unwrap_or(usize::MAX).max(1);
        Self {
            parts,
            range,
            range_concurrency: download.concurrency.get().min(most),
            checksum: match settings.checksum {
                ChecksumOption::Auto | ChecksumOption::Crc64Nvme => Some(Algorithm::Crc64Nvme),
                ChecksumOption::Crc32c => Some(Algorithm::Crc32C),
                ChecksumOption::Off => None,
            },
            checksum_required: settings.checksum != ChecksumOption::Auto,
            sign_payload: match settings.payload_signing {
                PayloadSigning::Auto => !destination.tls,
                PayloadSigning::On => true,
                PayloadSigning::Off => false,
            },
            largest_copy: LARGEST_COPY,
            patience: Patience::of_transfers(settings.retry_patience),
        }
    }
}

/// Moves streams to and from one bucket. Cloning shares what was learned of the store.
#[derive(Debug)]
pub struct Transport<S> {
    pub(crate) store: Arc<S>,
    pub(crate) bucket: Arc<str>,
    pub(crate) options: Arc<Options>,
    learned: Arc<Learned>,
}

impl<S> Clone for Transport<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            bucket: self.bucket.clone(),
            options: self.options.clone(),
            learned: self.learned.clone(),
        }
    }
}

/// What this process has learned of the store.
#[derive(Debug, Default)]
struct Learned {
    gate: Gate,
    refuses_checksums: AtomicBool,
}

impl Transport<SdkStore> {
    /// The transport that the config file asks for at one of its destinations.
    pub async fn connect(settings: &Settings, destination: &Destination) -> Self {
        let store = SdkStore::new(destination).await;
        let options = Options::new(settings, destination);
        Self::new(store, &destination.bucket, options)
    }
}

impl<S: Store> Transport<S> {
    /// A transport over any store.
    pub fn new(store: S, bucket: &str, options: Options) -> Self {
        Self {
            store: Arc::new(store),
            bucket: bucket.into(),
            options: Arc::new(options),
            learned: Arc::default(),
        }
    }

    /// The same transport with another patience: that of setup hooks, say.
    pub fn with_patience(&self, patience: Patience) -> Self {
        let options = Options {
            patience,
            ..(*self.options).clone()
        };
        Self {
            options: Arc::new(options),
            ..self.clone()
        }
    }

    /// How many of `wanted` uploads may run side by side: no more than requests in flight, and no more than
    /// `max_memory` has room for.
    pub fn jobs(&self, wanted: NonZeroUsize) -> NonZeroUsize {
        let most = self.options.parts.jobs(0);
        wanted.min(NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN))
    }

    /// The same for transfers that read alone, each of which holds a range.
    pub fn reads(&self, wanted: NonZeroUsize) -> NonZeroUsize {
        let most = NonZeroUsize::new(self.options.range_concurrency);
        wanted.min(most.unwrap_or(NonZeroUsize::MIN))
    }

    /// The same for copies through this process, each of which holds a range besides.
    pub fn copies(&self, wanted: NonZeroUsize) -> NonZeroUsize {
        let most = self.options.parts.jobs(self.options.range);
        wanted.min(NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN))
    }

    /// The same transport for one of `jobs` transfers that run side by side, with its share of the
    /// requests in flight. Each holds at most two parts, or a range.
    pub fn shared_by(&self, jobs: NonZeroUsize) -> Self {
        let options = Options {
            parts: self.options.parts.shared_by(jobs.get()),
            range_concurrency: (self.options.range_concurrency / jobs).max(1),
            ..(*self.options).clone()
        };
        Self {
            options: Arc::new(options),
            ..self.clone()
        }
    }

    /// The same transport, whose requests do not wait because others were throttled.
    pub(crate) fn at_once(&self) -> Self {
        Self {
            learned: Arc::default(),
            ..self.clone()
        }
    }

    /// The longest stream that can be stored, in bytes.
    pub fn longest_stream(&self) -> u64 {
        self.options.parts.longest_stream()
    }

    /// The store behind it.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The checksum to send, unless the store has refused it.
    pub(crate) fn checksum(&self) -> Option<Algorithm> {
        let refused = self.learned.refuses_checksums.load(Ordering::Relaxed);
        self.options.checksum.filter(|_| !refused)
    }

    pub(crate) fn hashing(&self) -> Hashing {
        Hashing {
            checksum: self.checksum(),
            sha256: self.options.sign_payload,
        }
    }

    /// Sends a payload; without its checksum where the store refuses that, unless it is `pinned` to
    /// an upload whose store has agreed to checksums.
    pub(crate) async fn send<T, F, A>(
        &self,
        verb: &'static str,
        key: &str,
        mut payload: Payload,
        pinned: bool,
        mut attempt: F,
    ) -> Result<T, Error>
    where
        F: FnMut(Payload, Progress) -> A,
        A: Future<Output = Result<T, StoreError>>,
    {
        if self.checksum().is_none() && !pinned {
            payload.checksum = None;
        }
        // It may have been computed for another destination, which signs payloads.
        payload.sha256 = payload.sha256.filter(|_| self.options.sign_payload);
        let sent = self.request(verb, key, |progress| attempt(payload.clone(), progress));
        match sent.await {
            Err(error) if payload.checksum.is_some() && !pinned && self.may_refuse(&error) => {
                payload.checksum = None;
                let sent = self.request(verb, key, |progress| attempt(payload.clone(), progress));
                let value = sent.await?;
                self.refuses_checksums(&error);
                Ok(value)
            }
            result => result,
        }
    }

    /// Whether `error` may mean that the store does not take checksums, and it need not.
    pub(crate) fn may_refuse(&self, error: &Error) -> bool {
        matches!(error, Error::Request { source, .. } if self.refuses(source))
    }

    /// The same of one attempt.
    pub(crate) fn refuses(&self, error: &StoreError) -> bool {
        let unknown = error.kind == Kind::NotImplemented
            || (error.kind == Kind::Other && error.status == Some(400));
        unknown && !self.options.checksum_required
    }

    /// Notes that the store took without a checksum what it did not take with one.
    pub(crate) fn refuses_checksums(&self, error: &Error) {
        if !self.learned.refuses_checksums.swap(true, Ordering::Relaxed) {
            log::info!(
                "the store refuses checksums, going on without them: {}",
                error.chain()
            );
        }
    }

    /// Sends a request until it succeeds, fails for good, or patience ends.
    pub(crate) async fn request<T, F, A>(
        &self,
        verb: &'static str,
        key: &str,
        attempt: F,
    ) -> Result<T, Error>
    where
        F: FnMut(Progress) -> A,
        A: Future<Output = Result<T, StoreError>>,
    {
        let stall = self.options.patience.stall;
        self.request_within(stall, verb, key, attempt).await
    }

    /// The same; `stall` is how long an attempt may go without progress.
    pub(crate) async fn request_within<T, F, A>(
        &self,
        stall: Duration,
        verb: &'static str,
        key: &str,
        mut attempt: F,
    ) -> Result<T, Error>
    where
        F: FnMut(Progress) -> A,
        A: Future<Output = Result<T, StoreError>>,
    {
        let mut attempts = Attempts::new(self.options.patience);
        loop {
            match self.attempt_within(stall, &mut attempt).await {
                Ok(value) => return Ok(value),
                Err(error) => self.pause(verb, key, &mut attempts, error).await?,
            }
        }
    }

    /// Sends a request once.
    pub(crate) async fn attempt<T, F, A>(&self, attempt: &mut F) -> Result<T, StoreError>
    where
        F: FnMut(Progress) -> A,
        A: Future<Output = Result<T, StoreError>>,
    {
        self.attempt_within(self.options.patience.stall, attempt)
            .await
    }

    /// Sends a request once; `stall` is how long it may go without progress.
    pub(crate) async fn attempt_within<T, F, A>(
        &self,
        stall: Duration,
        attempt: &mut F,
    ) -> Result<T, StoreError>
    where
        F: FnMut(Progress) -> A,
        A: Future<Output = Result<T, StoreError>>,
    {
        self.learned.gate.pass().await;
        let (sent, progress) = (Instant::now(), Progress::new());
        let result = progress
            .watch(stall, Box::pin(attempt(progress.clone())))
            .await;
        self.learned
            .gate
            .note(sent, &result, self.options.patience.first_delay);
        result
    }

    /// Waits before the next attempt, or says that there is none.
    pub(crate) async fn pause(
        &self,
        verb: &'static str,
        key: &str,
        attempts: &mut Attempts,
        error: StoreError,
    ) -> Result<(), Error> {
        let Some(delay) = attempts.failed(&error) else {
            return Err(self.failed(verb, key, attempts, error));
        };
        log::debug!(
            "{verb} of '{key}' is tried again in {} ms: {error}",
            delay.as_millis()
        );
        tokio::time::sleep(delay).await;
        Ok(())
    }

    fn failed(
        &self,
        verb: &'static str,
        key: &str,
        attempts: &Attempts,
        source: StoreError,
    ) -> Error {
        Error::Request {
            verb,
            key: key.to_owned(),
            bucket: self.bucket.to_string(),
            attempts: attempts.count,
            elapsed: attempts.elapsed(),
            source: Box::new(source),
        }
    }

    pub(crate) fn damaged(&self, key: &str, what: impl Into<String>) -> Error {
        Error::Damaged {
            key: key.to_owned(),
            bucket: self.bucket.to_string(),
            what: what.into(),
        }
    }
}
