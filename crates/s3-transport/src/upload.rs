//! Stores a stream: one PUT where it fits one part, a multipart upload where it does not.

use std::io::Read;
use std::time::Duration;

use crate::error::Error;
use crate::intake::{self, Parts, StreamPart};
use crate::interrupt::Interrupt;
use crate::multipart::Multipart;
use crate::payload::Payload;
use crate::store::{Created, Store};
use crate::transport::Transport;

/// How long the answer to CreateMultipartUpload is waited for after an interrupt: it alone tells the
/// id of the upload to abort.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a stream may take whose writer has already ended: 1 ms, the shortest that the runtime's timer
/// tells. To open its connection meanwhile took 0.15 ms of CPU time more than to do one after the other.
const AT_ONCE: Duration = Duration::from_millis(1);

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// In bytes.
    pub size: u64,
    /// How many parts; 1 is a single PUT.
    pub parts: u32,
}

impl<S: Store> Transport<S> {
    /// Stores all of `source` under `key`. When this returns `Ok`, the store has told that it has
    /// every byte.
    ///
    /// Holds at most the plan's [memory](crate::PartPlan::memory). When it fails or is interrupted,
    /// its multipart upload is aborted; an abort that the store does not take within 4 s is logged
    /// with the upload's id. What was visible under `key` before stays, unless the last request of
    /// all, PUT or completion, was done and its answer lost.
    pub async fn upload(
        &self,
        key: &str,
        source: impl Read + Send + 'static,
        interrupt: &Interrupt,
    ) -> Result<Stored, Error> {
        let mut parts =
            intake::start(source, self.options.parts, self.hashing()).map_err(Error::Source)?;
        let first = first(&mut parts, self.store.prepare());
        let first = interrupt.or(first).await?;
        if first.last {
            return interrupt.or(self.put(key, first.payload)).await;
        }
        let mut upload = self.open(key, interrupt).await?;
        let storing = async {
            upload.send(first, parts).await?;
            upload.complete().await
        };
        let stored = interrupt.or(storing).await;
        if stored.is_err() {
            upload.abort().await;
        }
        stored
    }

    /// One PUT of a whole object, which the store checks by the checksum that came with it.
    pub(crate) async fn put(&self, key: &str, payload: Payload) -> Result<Stored, Error> {
        let size = payload.length();
        let send = |payload: Payload, progress| async move {
            self.store.put(key, &payload, false, &progress).await
        };
        self.send("PutObject", key, payload, false, send).await?;
        Ok(Stored { size, parts: 1 })
    }

    /// Opens a multipart upload, which the caller completes or aborts.
    pub(crate) async fn open(
        &self,
        key: &str,
        interrupt: &Interrupt,
    ) -> Result<Multipart<S>, Error> {
        let mut creating = std::pin::pin!(self.create(key));
        let signal = tokio::select! {
            created = &mut creating => return Ok(Multipart::new(self.clone(), key, created?)),
            signal = interrupt.raised() => signal,
        };
        if let Ok(Ok(created)) = tokio::time::timeout(LAST_WORDS, creating).await {
            Multipart::new(self.clone(), key, created).abort().await;
        }
        Err(Error::Interrupted { signal })
    }

    async fn create(&self, key: &str) -> Result<Created, Error> {
        let create = |checksum| {
            self.request("CreateMultipartUpload", key, move |_| {
                self.store.create(key, checksum)
            })
        };
        let checksum = self.checksum();
        let created = match create(checksum).await {
            Err(error) if checksum.is_some() && self.may_refuse(&error) => {
                let created = create(None).await?;
                self.refuses_checksums(&error);
                created
            }
            created => created?,
        };
        // Listing open uploads is only a hint on several stores: the log names them all.
        log::info!("upload {} of '{key}' is open", created.upload_id);
        Ok(created)
    }
}

/// The stream's first part. Where it takes its time, the stores `prepare` meanwhile.
pub(crate) async fn first(
    parts: &mut Parts,
    prepare: impl Future<Output = ()>,
) -> Result<StreamPart, Error> {
    let mut first = std::pin::pin!(next(parts));
    match tokio::time::timeout(AT_ONCE, &mut first).await {
        Ok(first) => first,
        Err(_) => {
            prepare.await;
            first.await
        }
    }
}

/// The stream's next part.
pub(crate) async fn next(parts: &mut Parts) -> Result<StreamPart, Error> {
    match parts.recv().await {
        Some(part) => part.map_err(Error::Source),
        None => {
            let ended = std::io::Error::other("the reading thread ended early");
            Err(Error::Source(ended))
        }
    }
}
