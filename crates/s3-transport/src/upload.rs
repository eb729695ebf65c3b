//! Stores a stream: one PUT where it fits one part, a multipart upload where it does not.

use std::io::Read;

use tokio::task::JoinSet;

use crate::checksum::Checksum;
use crate::error::Error;
use crate::intake::{self, Parts, StreamPart};
use crate::interrupt::Interrupt;
use crate::payload::Payload;
use crate::store::{Created, Object, Part, Store, Target};
use crate::transport::Transport;

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// In bytes.
    pub size: u64,
    /// How many parts; 1 is a single PUT.
    pub parts: u32,
    /// The checksum that the store has confirmed, where it keeps one.
    pub checksum: Option<Checksum>,
}

impl<S: Store> Transport<S> {
    /// Stores all of `source` under `key`. When this returns `Ok`, the store has told that it has
    /// every byte.
    ///
    /// Holds at most the plan's [memory](crate::PartPlan::memory). When it fails or is interrupted,
    /// nothing is visible under `key` that was not there before, and the multipart upload is
    /// aborted; an abort that fails is logged with its upload id.
    pub async fn upload(
        &self,
        key: &str,
        source: impl Read + Send + 'static,
        interrupt: &Interrupt,
    ) -> Result<Stored, Error> {
        let mut parts =
            intake::start(source, self.options.parts, self.hashing()).map_err(Error::Source)?;
        let first = or_interrupted(interrupt, next(&mut parts)).await?;
        if first.last {
            return or_interrupted(interrupt, self.put(key, first.payload)).await;
        }
        let created = or_interrupted(interrupt, self.create(key)).await?;
        let mut upload = Multipart::new(self.clone(), key, created);
        let sent = or_interrupted(interrupt, upload.send(first, parts)).await;
        let stored = match sent {
            Ok(()) => or_interrupted(interrupt, upload.complete()).await,
            Err(error) => Err(error),
        };
        if stored.is_err() {
            upload.abort().await;
        }
        stored
    }

    /// One PUT of a whole object.
    async fn put(&self, key: &str, payload: Payload) -> Result<Stored, Error> {
        let size = payload.length();
        let put = self.send("PutObject", key, payload, |payload, progress| async move {
            self.store.put(key, &payload, false, &progress).await?;
            Ok(payload.checksum)
        });
        let checksum = put.await?;
        Ok(Stored {
            size,
            parts: 1,
            checksum,
        })
    }

    async fn create(&self, key: &str) -> Result<Created, Error> {
        loop {
            let checksum = self.checksum();
            let create = self.request("CreateMultipartUpload", key, |_| async move {
                self.store.create(key, checksum).await
            });
            match create.await {
                Err(error) if checksum.is_some() && self.refuses_checksums(&error) => {}
                result => {
                    if let Ok(created) = &result {
                        // Listing open uploads is only a hint on several stores: the log tells.
                        log::debug!("upload {} of '{key}' is open", created.upload_id);
                    }
                    return result;
                }
            }
        }
    }
}

async fn next(parts: &mut Parts) -> Result<StreamPart, Error> {
    match parts.recv().await {
        Some(part) => part.map_err(Error::Source),
        None => Err(Error::Source(std::io::Error::other(
            "the reading thread ended early",
        ))),
    }
}

/// Runs `work` unless the process is told to end first.
async fn or_interrupted<T>(
    interrupt: &Interrupt,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        signal = interrupt.raised() => Err(Error::Interrupted { signal }),
        result = work => result,
    }
}

/// An open multipart upload.
struct Multipart<S> {
    transport: Transport<S>,
    key: String,
    upload_id: String,
    /// Whether the store has told that it keeps the checksum of the whole object.
    full_object: bool,
    in_flight: JoinSet<Result<Part, Error>>,
    parts: Vec<Part>,
    whole: Option<Checksum>,
    size: u64,
}

impl<S: Store> Multipart<S> {
    fn new(transport: Transport<S>, key: &str, created: Created) -> Self {
        Self {
            transport,
            key: key.to_owned(),
            upload_id: created.upload_id,
            full_object: created.echoes_checksum,
            in_flight: JoinSet::new(),
            parts: Vec::new(),
            whole: None,
            size: 0,
        }
    }

    /// Sends every part, several at a time.
    async fn send(&mut self, first: StreamPart, mut parts: Parts) -> Result<(), Error> {
        let concurrency = self.transport.options.parts.concurrency();
        let mut last = first.last;
        self.start(first);
        while !last || !self.in_flight.is_empty() {
            tokio::select! {
                Some(done) = self.in_flight.join_next() => self.sent(done)?,
                part = next(&mut parts), if !last && self.in_flight.len() < concurrency => {
                    let part = part?;
                    last = part.last;
                    self.start(part);
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, part: StreamPart) {
        self.size += part.payload.length();
        self.whole = match (self.whole, part.payload.checksum) {
            (Some(whole), Some(next)) => Some(whole.followed_by(next)),
            (None, Some(first)) if part.number == 1 => Some(first),
            _ => None,
        };
        let transport = self.transport.clone();
        let (key, upload_id) = (self.key.clone(), self.upload_id.clone());
        self.in_flight.spawn(async move {
            let target = Target {
                key: &key,
                upload_id: &upload_id,
            };
            transport.part(target, part).await
        });
    }

    fn sent(
        &mut self,
        done: Result<Result<Part, Error>, tokio::task::JoinError>,
    ) -> Result<(), Error> {
        let part = match done {
            Ok(part) => part?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Tasks are only cancelled by abort(), which takes no more answers.
            Err(_) => return Ok(()),
        };
        self.full_object &= part.echoes_checksum;
        self.parts.push(part);
        Ok(())
    }

    fn target(&self) -> Target<'_> {
        Target {
            key: &self.key,
            upload_id: &self.upload_id,
        }
    }

    /// Makes the object visible, and has the store confirm what it has.
    async fn complete(&mut self) -> Result<Stored, Error> {
        self.parts.sort_unstable_by_key(|part| part.number);
        let whole = self.whole.filter(|_| self.full_object);
        let (transport, target) = (&self.transport, self.target());
        let completed = transport
            .request("CompleteMultipartUpload", &self.key, |_| {
                transport.store.complete(target, &self.parts, whole)
            })
            .await;
        match completed {
            Ok(etag) => self.confirm(etag).await,
            // The answer to an earlier attempt may have been lost: what is there decides.
            Err(error) => match transport.head(&self.key).await {
                Ok(object) if self.is_this(&object) => {
                    log::info!(
                        "'{}' is stored, although completing it failed: {error}",
                        self.key
                    );
                    Ok(self.stored(&object))
                }
                _ => Err(error),
            },
        }
    }

    /// Compares what the store has with what was sent.
    async fn confirm(&self, etag: Option<String>) -> Result<Stored, Error> {
        let object = match self.transport.head(&self.key).await {
            Ok(object) => object,
            // Credentials that may only write, and stores that show an object late: the answer to
            // the completion stands, as a good backup must not fail for this.
            Err(error) => {
                log::warn!(
                    "'{}' is stored, but could not be confirmed: {error}",
                    self.key
                );
                let checksum = self.whole.filter(|_| self.full_object);
                return Ok(Stored {
                    size: self.size,
                    parts: self.count(),
                    checksum,
                });
            }
        };
        let replaced = matches!((&etag, &object.etag), (Some(a), Some(b)) if a != b);
        if object.size != self.size || replaced || !self.same_checksum(&object) {
            let what = format!(
                "{} bytes with checksum {} were sent, the store has {} with {}",
                self.size,
                told(self.whole),
                object.size,
                told(object.checksum),
            );
            return Err(self.transport.damaged(&self.key, what));
        }
        Ok(self.stored(&object))
    }

    fn same_checksum(&self, object: &Object) -> bool {
        match (self.whole, object.checksum) {
            (Some(sent), Some(kept)) if sent.algorithm == kept.algorithm => sent == kept,
            _ => true,
        }
    }

    /// Whether `object` is what this upload makes, judged without the answer to its completion: by
    /// checksum, or by size and the number of parts that stores append to the ETag.
    fn is_this(&self, object: &Object) -> bool {
        let suffix = format!("-{}", self.parts.len());
        let parts_fit = || {
            object
                .etag
                .as_ref()
                .is_some_and(|etag| etag.trim_matches('"').ends_with(&suffix))
        };
        object.size == self.size
            && match (self.whole, object.checksum) {
                (Some(sent), Some(kept)) if sent.algorithm == kept.algorithm => sent == kept,
                _ => parts_fit(),
            }
    }

    fn stored(&self, object: &Object) -> Stored {
        Stored {
            size: self.size,
            parts: self.count(),
            checksum: object.checksum,
        }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// Ends the upload without an object. No part is under way any more when the store is asked.
    async fn abort(&mut self) {
        self.in_flight.shutdown().await;
        let patience = self.transport.options.patience.of_cleanup();
        let transport = self.transport.with_patience(patience);
        if let Err(error) = transport.abort(&self.key, &self.upload_id).await {
            log::error!(
                "upload {} of '{}' is still open; clean_uploads aborts it: {error}",
                self.upload_id,
                self.key,
            );
        }
    }
}

fn told(checksum: Option<Checksum>) -> String {
    checksum.map_or_else(
        || "none".to_owned(),
        |checksum| format!("{} {}", checksum.algorithm.name(), checksum.to_base64()),
    )
}

impl<S: Store> Transport<S> {
    async fn part(&self, target: Target<'_>, part: StreamPart) -> Result<Part, Error> {
        self.send(
            "UploadPart",
            target.key,
            part.payload,
            |payload, progress| async move {
                self.store
                    .part(target, part.number, &payload, &progress)
                    .await
            },
        )
        .await
    }
}
